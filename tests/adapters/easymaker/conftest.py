"""A real PostgreSQL that tests of the store and of the loop share, and an empty database on it for each test."""

import shutil
import tempfile
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import create_engine, make_url, text

from adapters.easymaker.store.database import Database
from adapters.easymaker.store.embedded import EmbeddedPostgres


@pytest.fixture(scope="session")
def postgres_url() -> Iterator[str]:
    # A short path: the socket lies below it.
    home = Path(tempfile.mkdtemp(prefix="em-pg-"))
    server = EmbeddedPostgres(home / "data")
    yield server.start()
    server.stop()
    shutil.rmtree(home, ignore_errors=True)


@pytest.fixture
def empty_database(postgres_url: str) -> Iterator[str]:
    """The URL of a database without any table, dropped at the end."""
    name = f"test_{uuid.uuid4().hex}"
    engine = create_engine(postgres_url, isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        connection.execute(text(f"CREATE DATABASE {name}"))
    yield make_url(postgres_url).set(database=name).render_as_string(hide_password=False)
    with engine.connect() as connection:
        connection.execute(text(f"DROP DATABASE {name} WITH (FORCE)"))
    engine.dispose()


@pytest.fixture
def database(empty_database: str) -> Iterator[Database]:
    """Migrated, without rows."""
    opened = Database(empty_database)
    opened.migrate()
    yield opened
    opened.close()
