"""The tables as they are declared, against a database that was migrated, and migrations undone."""

from typing import Any, Final

from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, create_engine, text
from sqlalchemy.engine import make_url
from sqlalchemy.pool import NullPool
from sqlmodel import SQLModel

import store.tables  # noqa: F401  (declares them)
from store.migrations.upgrade import config
from tests.support.databases import cloning
from tests.support.servers import Servers

EARLIEST: Final = "0015"
"""The revision that later ones are undone to. It replaced addresses by hashes, for good."""
CATALOG: Final = (
    (
        "select table_schema, table_name, column_name, data_type, is_nullable, column_default,"
        " generation_expression from information_schema.columns"
        " where table_schema in ('public', 'parcours') and table_name <> 'alembic_version'"
    ),
    "select tablename, indexdef from pg_indexes where schemaname in ('public', 'parcours')",
    (
        "select conrelid::regclass::text, conname, pg_get_constraintdef(oid) from pg_constraint"
        " where connamespace in ('public'::regnamespace, 'parcours'::regnamespace)"
    ),
    (
        "select oid::regprocedure::text, pg_get_functiondef(oid) from pg_proc"
        " where pronamespace in ('public'::regnamespace, 'parcours'::regnamespace)"
        " and prokind in ('f', 'p')"
    ),
    "select tgrelid::regclass::text, pg_get_triggerdef(oid) from pg_trigger where not tgisinternal",
    (
        "select oid::regclass::text, relkind::text, reloptions from pg_class"
        " where relnamespace in ('public'::regnamespace, 'parcours'::regnamespace)"
    ),
)


def test_a_migrated_database_has_the_declared_tables_and_no_others(database_url: str) -> None:
    url = make_url(database_url).set(drivername="postgresql+psycopg")
    engine = create_engine(url, poolclass=NullPool)
    with engine.connect() as connection:
        context = MigrationContext.configure(
            connection, opts={"compare_type": True, "compare_server_default": False}
        )
        assert compare_metadata(context, SQLModel.metadata) == []
    engine.dispose()


def test_each_migration_can_be_undone_and_done_again(servers: Servers) -> None:
    with cloning(servers, "template1") as clones:
        url = make_url(clones.make()).set(drivername="postgresql+psycopg")
        engine = create_engine(url, poolclass=NullPool)
        with engine.begin() as connection:
            settings = config(connection)
            revisions = [
                script.revision
                for script in ScriptDirectory.from_config(settings).walk_revisions("base", "head")
            ]
            schemas = {}
            for revision in reversed(revisions):
                command.upgrade(settings, revision)
                schemas[revision] = schema(connection)
            for revision in revisions[1 : revisions.index(EARLIEST) + 1]:
                command.downgrade(settings, revision)
                assert schema(connection) == schemas[revision], revision
            command.upgrade(settings, "head")
            assert schema(connection) == schemas[revisions[0]]
        engine.dispose()


def schema(connection: Connection) -> list[set[tuple[Any, ...]]]:
    """What a database is made of: columns, indexes, constraints, functions, triggers, options."""
    return [
        {tuple(map(str, row)) for row in connection.execute(text(statement))}
        for statement in CATALOG
    ]
