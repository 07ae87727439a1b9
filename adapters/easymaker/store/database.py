"""The connection to PostgreSQL: pooling, transactions, and one error for everything that is the database's trouble."""

from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import orjson
from alembic import command
from alembic.config import Config
from sqlalchemy import Connection, Engine, create_engine, text
from sqlalchemy.exc import DBAPIError, InterfaceError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from adapters.easymaker.errors import Unavailable

MIGRATION_LOCK = 7_305_112
# Milliseconds. The third: a replica that is suspended within a transaction, which never waits for anything but the
# database, must not lock its rows against the others; they may have its leases, but not without its locks.
SESSION = {
    "statement_timeout": "30000",
    "lock_timeout": "10000",
    "idle_in_transaction_session_timeout": "5000",
    "timezone": "UTC",
}


def _dumps(value: object) -> str:
    return orjson.dumps(value).decode()


def _open(url: str, pool_size: int, **options: Any) -> Engine:
    return create_engine(
        url,
        pool_size=pool_size,
        max_overflow=8,
        pool_timeout=5,
        pool_recycle=1800,
        json_serializer=_dumps,
        json_deserializer=orjson.loads,
        connect_args={
            "connect_timeout": 5,
            "application_name": "easymaker",
            "options": " ".join(f"-c {name}={value}" for name, value in SESSION.items()),
        },
        **options,
    )


@contextmanager
def _translated() -> Generator[None]:
    try:
        yield
    except (OperationalError, InterfaceError, PoolTimeout) as error:
        raise Unavailable("the database does not answer; try again in a moment") from error
    except DBAPIError as error:
        if error.connection_invalidated:
            raise Unavailable("the database closed the connection; try again in a moment") from error
        raise


class Database:
    """Two pools of connections: one for transactions, one for looking.

    ``url`` is a SQLAlchemy URL with the psycopg driver. A session is never held over a network call to anything else.
    """

    def __init__(self, url: str, pool_size: int = 12) -> None:
        self.url = url
        self.engine: Engine = _open(url, pool_size, pool_pre_ping=True)
        # Reading asks for no sign of life first: a connection that has died costs one 503, and then all are made anew.
        self._reader: Engine = _open(url, pool_size, isolation_level="AUTOCOMMIT")

    @contextmanager
    def reading(self) -> Generator[Connection]:
        """For looking only: every query sees what is committed when it runs, without the round trips of a transaction.

        Raises:
            Unavailable: as for ``transaction``.
        """
        with _translated(), self._reader.connect() as connection:
            yield connection

    @contextmanager
    def transaction(self) -> Generator[Connection]:
        """A transaction that commits at the end of the block.

        Raises:
            Unavailable: the database is away, overloaded, or closed the connection. The outcome of the block is then
                unknown: it may have been committed.
        """
        with _translated(), self.engine.begin() as connection:
            yield connection

    def ping(self) -> None:
        """Raises Unavailable when the database does not answer."""
        with self.reading() as connection:
            connection.execute(text("SELECT 1"))

    def migrate(self) -> None:
        """Bring the schema up to date. Several replicas may call this at once: an advisory lock lets one do it."""
        config = Config()
        config.set_main_option("script_location", str(Path(__file__).with_name("migrations")))
        with self.engine.connect() as connection:
            connection.execute(text("SELECT pg_advisory_lock(:key)"), {"key": MIGRATION_LOCK})
            connection.commit()
            try:
                config.attributes["connection"] = connection
                command.upgrade(config, "head")
                connection.commit()
            finally:
                connection.rollback()
                connection.execute(text("SELECT pg_advisory_unlock(:key)"), {"key": MIGRATION_LOCK})
                connection.commit()

    def close(self) -> None:
        self.engine.dispose()
        self._reader.dispose()
