"""`migrate`: bring the database up to date before an adapter starts, as an init container does."""

from alembic.runtime.migration import MigrationContext
from alembic.util.exc import CommandError

from adapters.easymaker.cli import database, output
from adapters.easymaker.cli.installation import Installation
from adapters.easymaker.cli.output import EXIT_USAGE, CliError, Format
from adapters.easymaker.store.database import Database


def migrate(installation: Installation, form: Format) -> None:
    """Print from where to where it went.

    Raises:
        CliError: there is no database, or it cannot be migrated.
    """
    url = installation.settings.database_url
    if url is None:
        raise CliError(
            f"{database.VARIABLE} is not set; the embedded database of `up` is brought up to date at its start",
            EXIT_USAGE,
        )
    with database.opened(url) as opened:
        before = _revision(opened)
        try:
            opened.migrate()
        except CommandError as error:
            raise CliError(
                f"the database is at revision {before}, which this version does not know: a newer version has "
                "migrated it; use that one, or restore the backup from before"
            ) from error
        after = _revision(opened)
    if form is Format.JSON:
        output.print_json({"from": before, "to": after})
    elif before == after:
        output.out().print(f"the database is up to date (revision {after})")
    else:
        output.out().print(f"the database was brought from {before or 'nothing'} to revision {after}")


def _revision(opened: Database) -> str | None:
    with opened.engine.connect() as connection:
        return MigrationContext.configure(connection).get_current_revision()
