"""Alembic's environment: the connection is handed in by `store.migrations.upgrade`."""

from alembic import context
from sqlmodel import SQLModel

import store.tables  # noqa: F401  (registers the tables)

connection = context.config.attributes["connection"]
context.configure(connection=connection, target_metadata=SQLModel.metadata)
with context.begin_transaction():
    context.run_migrations()
