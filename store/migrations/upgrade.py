"""Migration of a database to the newest schema."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, create_engine, func, insert, null, select
from sqlalchemy.engine import make_url
from sqlalchemy.pool import NullPool

from store.tables.audit import AuditRow

# The key of an advisory lock, so that processes which migrate at once take turns. It may be any
# number that no other advisory lock of the database uses.
_LOCK = 0x70617263


@dataclass(frozen=True, slots=True)
class FigureSettings:
    """What counters of a day and of a quarter of an hour depend on."""

    zone: str
    """The one in which days begin."""
    keep: timedelta
    """How long counters of quarters of an hour are kept."""


def upgrade(
    database_url: str, *, by: str = "unknown", figures: FigureSettings | None = None
) -> None:
    """Migrate the database at `database_url` (`postgresql://…`) to the newest schema.

    The audit log says so, unless it is there already; `by` is the account of the command. `figures`
    are the settings of workers; without them, what a migration counts is left to the workers to
    fold. Raises sqlalchemy.exc.OperationalError if it cannot be reached.
    """
    url = make_url(database_url).set(drivername="postgresql+psycopg")
    engine = create_engine(url, poolclass=NullPool)
    try:
        with engine.begin() as connection:
            connection.execute(select(func.pg_advisory_xact_lock(_LOCK)))
            before = MigrationContext.configure(connection).get_current_revision()
            settings = config(connection)
            settings.attributes["figures"] = figures
            command.upgrade(settings, "head")
            if before != (newest := newest_revision()):
                connection.execute(
                    insert(AuditRow).values(
                        actor=by,
                        via="command",
                        action="database.migrate",
                        subject_kind="database",
                        subject=newest,
                        before=null() if before is None else {"revision": before},
                        after={"revision": newest},
                    )
                )
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
