"""The database seen from a command: opened for one look or one change, and its troubles told in one line."""

from collections.abc import Generator
from contextlib import contextmanager

from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError, DBAPIError, SQLAlchemyError

from adapters.easymaker.cli.installation import Installation
from adapters.easymaker.cli.output import EXIT_USAGE, PROGRAM, CliError
from adapters.easymaker.store.database import Database

VARIABLE = "EASYMAKER_DATABASE_URL"
EXAMPLE = "postgresql+psycopg://USER:PASSWORD@HOST/DATABASE"


@contextmanager
def opened(url: str) -> Generator[Database]:
    """Closed again at the end of the block.

    Raises:
        CliError: the URL cannot be used, or the database is away or refuses us.
    """
    try:
        where = make_url(url)
        if where.get_driver_name() != "psycopg":
            raise CliError(f"{VARIABLE}: has to begin like {EXAMPLE}", EXIT_USAGE)
        database = Database(url, pool_size=1)
    except ArgumentError as error:
        raise CliError(f"{VARIABLE}: is no URL like {EXAMPLE}", EXIT_USAGE) from error
    try:
        yield database
    except SQLAlchemyError as error:
        raise CliError(f"the database at {where.host or 'a local socket'}: {_reason(error)}") from error
    finally:
        database.close()


def url_of(installation: Installation) -> str:
    """Of the database that the settings name, or of the embedded one, which has to run.

    Raises:
        CliError: it does not.
    """
    if installation.settings.database_url is not None:
        return installation.settings.database_url
    # Only an installation with the packages of local operation has an embedded database.
    from adapters.easymaker.cli import postgres
    from adapters.easymaker.store.embedded import EmbeddedPostgres

    if not postgres.is_ready(installation.postgres_dir):
        raise CliError(f"no database: nothing runs in {installation.root} (`{PROGRAM} up`), and {VARIABLE} is not set")
    return EmbeddedPostgres(installation.postgres_dir).start()


def _reason(error: SQLAlchemyError) -> str:
    """What the server or the driver says, without the statement."""
    told = str(error.orig if isinstance(error, DBAPIError) else error).strip()
    return told.splitlines()[0] if told else type(error).__name__
