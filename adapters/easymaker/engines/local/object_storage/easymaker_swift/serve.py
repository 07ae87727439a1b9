"""Runs one Swift program in the foreground: ``python -m easymaker_swift.serve PROGRAM CONF KEY_FILE``.

Against Swift's own console scripts: the log goes to stderr instead of syslog, the process stays in the session and
process group it was started in (its supervisor ends it by that group), files are private, and calls carry the key.
"""

import importlib
import logging
import os
import sys

_PROGRAMS = {
    "proxy-server": "swift.proxy.server",
    "account-server": "swift.account.server",
    "container-server": "swift.container.server",
    "object-server": "swift.obj.server",
    "object-updater": "swift.obj.updater",
}


class _StderrHandler(logging.StreamHandler):
    """Stands in for Swift's syslog handler, whose arguments it ignores."""

    def __init__(self, *_args, **_kwargs) -> None:
        super().__init__(sys.stderr)


def main() -> None:
    program, conf_file, key_file, *rest = sys.argv[1:]
    os.umask(0o077)

    from easymaker_swift.backend import read_key, send_key
    from swift.common import utils, wsgi
    from swift.common.utils import logs

    logs.ThreadSafeSysLogHandler = _StderrHandler
    wsgi.clean_up_daemon_hygiene = lambda: None
    send_key(read_key(key_file))
    utils.set_swift_dir(os.path.dirname(conf_file))  # noqa: PTH120  (Swift compares strings)
    sys.argv = [f"swift-{program}", conf_file, *rest]
    importlib.import_module(_PROGRAMS[program]).main()


if __name__ == "__main__":
    main()
