"""One installation: its settings and where in its home the CLI keeps what."""

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from pydantic import ValidationError

from adapters.easymaker.cli.output import EXIT_USAGE, CliError
from adapters.easymaker.engines.local.home import LocalHome
from adapters.easymaker.settings import Settings


@dataclass(frozen=True)
class Installation:
    settings: Settings

    @cached_property
    def home(self) -> LocalHome:
        return LocalHome(self.settings.home_dir, self.settings.nas_dir, self.settings.secrets_dir)

    @property
    def root(self) -> Path:
        return self.settings.home_dir

    @property
    def api_url(self) -> str:
        host = self.settings.host
        return f"http://{f'[{host}]' if ':' in host else host}:{self.settings.port}"

    @property
    def run_dir(self) -> Path:
        """Records of the processes that belong to this home but not to the engine."""
        return self.root / "run"

    @property
    def supervisor_lock(self) -> Path:
        return self.run_dir / "supervisor.lock"

    @property
    def supervisor_record(self) -> Path:
        return self.run_dir / "supervisor.json"

    @property
    def adapter_record(self) -> Path:
        return self.run_dir / "adapter.json"

    @property
    def failure_note(self) -> Path:
        """Why the last supervisor gave up."""
        return self.run_dir / "failure"

    @property
    def adapter_log(self) -> Path:
        return self.root / "logs" / "adapter.log"

    @property
    def supervisor_log(self) -> Path:
        return self.root / "logs" / "supervisor.log"

    @property
    def demo_log(self) -> Path:
        return self.root / "logs" / "demo.log"

    @property
    def postgres_dir(self) -> Path:
        return self.root / "postgres"

    @property
    def ca_file(self) -> Path:
        return self.root / "gateway" / "certificates" / "ca.pem"

    @property
    def ca_bundle(self) -> Path:
        return self.root / "ca-bundle.pem"

    @property
    def token_file(self) -> Path:
        return self.settings.secrets_dir / "token"

    def create(self) -> None:
        """Make the directories.

        Raises:
            CliError: the home cannot be written.
        """
        try:
            self.home.create()
            for directory in (self.run_dir, self.adapter_log.parent):
                directory.mkdir(mode=0o700, exist_ok=True)
        except OSError as error:
            raise CliError(
                f"EASYMAKER_HOME={self.root}: {error.strerror or error}; set EASYMAKER_HOME to a directory of yours"
            ) from error


def setting_problem(error: ValidationError, prefix: str = "EASYMAKER_") -> str:
    """Pydantic's first complaint with the name of the environment variable."""
    first = error.errors()[0]
    name = prefix + "_".join(str(part).upper() for part in first["loc"][:1])
    return f"{name}: {first['msg']}"


def open_installation() -> Installation:
    """The installation that the environment's settings describe. Touches no file.

    Raises:
        CliError: a setting is malformed.
    """
    try:
        return Installation(Settings())  # pyright: ignore[reportCallIssue] - every field has a default
    except ValidationError as error:
        raise CliError(setting_problem(error), EXIT_USAGE) from error
    except RuntimeError as error:
        raise CliError(f"EASYMAKER_HOME: {error}", EXIT_USAGE) from error
