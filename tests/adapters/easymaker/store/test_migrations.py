"""The schema: made from nothing by whoever comes first, and equal to what the code declares."""

import threading

from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext

from adapters.easymaker.store.database import Database
from adapters.easymaker.store.tables import metadata


def test_four_replicas_migrate_an_empty_database_at_once(empty_database: str) -> None:
    databases = [Database(empty_database) for _ in range(4)]
    barrier, trouble = threading.Barrier(4), list[BaseException]()

    def migrate(database: Database) -> None:
        barrier.wait()
        try:
            database.migrate()
        except BaseException as error:
            trouble.append(error)

    threads = [threading.Thread(target=migrate, args=(database,)) for database in databases]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    try:
        assert not trouble
        databases[0].migrate()
        with databases[0].engine.connect() as connection:
            assert compare_metadata(MigrationContext.configure(connection), metadata) == []
    finally:
        for database in databases:
            database.close()
