"""Migration of a database to the newest schema."""

from __future__ import annotations

from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, create_engine, func, select
from sqlalchemy.engine import make_url
from sqlalchemy.pool import NullPool

# The key of an advisory lock, so that processes which migrate at once take turns. It may be any
# number that no other advisory lock of the database uses.
_LOCK = 0x70617263


def upgrade(database_url: str) -> None:
    """Migrate the database at `database_url` (`postgresql://…`) to the newest schema.

    Raises sqlalchemy.exc.OperationalError if it cannot be reached.
    """
    url = make_url(database_url).set(drivername="postgresql+psycopg")
    engine = create_engine(url, poolclass=NullPool)
    try:
        with engine.begin() as connection:
            connection.execute(select(func.pg_advisory_xact_lock(_LOCK)))
            command.upgrade(config(connection), "head")
    finally:
        engine.dispose()


def newest_revision() -> str | None:
    """The revision of a database with the newest schema."""
    settings = Config()
    settings.set_main_option("script_location", str(Path(__file__).parent))
    return ScriptDirectory.from_config(settings).get_current_head()


def config(connection: Connection) -> Config:
    """The configuration of Alembic for an open connection."""
    settings = Config()
    settings.set_main_option("script_location", str(Path(__file__).parent))
    settings.attributes["connection"] = connection
    return settings
