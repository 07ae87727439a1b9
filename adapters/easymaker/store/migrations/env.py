"""Alembic's entry point. The connection comes from Database.migrate(); there is no alembic.ini."""

from alembic import context

from adapters.easymaker.store.tables import metadata

context.configure(connection=context.config.attributes["connection"], target_metadata=metadata)
with context.begin_transaction():
    context.run_migrations()
