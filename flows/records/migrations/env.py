"""Alembic's way in. The connection is ours and already in a transaction that holds the lock."""

from alembic import context

from flows.records.tables import metadata

context.configure(connection=context.config.attributes["connection"], target_metadata=metadata)
with context.begin_transaction():
    context.run_migrations()
