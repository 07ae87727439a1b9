"""``python -m adapters.easymaker``: run the adapter in the foreground. The CLI's ``up`` does so under supervision."""

import sys

import uvicorn
from pydantic import ValidationError

from adapters.easymaker.app import create_app
from adapters.easymaker.errors import EasyMakerError
from adapters.easymaker.logs import configure
from adapters.easymaker.settings import Settings

EXIT_USAGE = 2
LOOPBACK = ("127.0.0.1", "::1", "localhost")
GRACE_SECONDS = 10


def main() -> int:
    try:
        settings = Settings()
    except ValidationError as error:
        first = error.errors()[0]
        name = "EASYMAKER_" + "_".join(str(part).upper() for part in first["loc"])
        sys.stderr.write(f"{name}: {first['msg']}\n")
        return EXIT_USAGE
    configure(settings.log_level)
    if settings.engine == "local" and settings.host not in LOOPBACK:
        sys.stderr.write(f"EASYMAKER_HOST={settings.host}: the local engine listens on loopback only\n")
        return EXIT_USAGE
    try:
        app = create_app(settings)
    except EasyMakerError as error:
        sys.stderr.write(f"{error}\n")
        return EXIT_USAGE
    uvicorn.run(
        app,
        host=settings.host,
        port=settings.port,
        log_config=None,
        access_log=False,
        server_header=False,
        timeout_graceful_shutdown=GRACE_SECONDS,
        h11_max_incomplete_event_size=64 * 1024,
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
