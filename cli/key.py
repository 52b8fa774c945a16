"""`parcours key`: keys of the API."""

import asyncio
from enum import StrEnum
from typing import Annotated

import typer

from cli.errors import ExitCode, refuse
from cli.settings import settings_or_refuse

app = typer.Typer(help="Keys of the API.", no_args_is_help=True)


class Scope(StrEnum):
    """The scope of a key; each includes those before it."""

    INGEST = "ingest"
    OPERATE = "operate"
    ADMIN = "admin"


@app.callback()
def keys() -> None:
    """Keys of the API."""


@app.command("create")
def create(
    scope: Annotated[
        Scope, typer.Option(help="What the key may do; each scope includes those before it.")
    ],
    name: Annotated[str | None, typer.Option(help="A name, to know the key by later.")] = None,
) -> None:
    """Make a key in DATABASE_URL and print it.

    Only its hash is stored, so the key cannot be shown again.
    """
    import psycopg

    from store.operations.api_keys import create_key

    settings = settings_or_refuse()

    async def make() -> str:
        async with await psycopg.AsyncConnection.connect(
            settings.database_url, autocommit=True, connect_timeout=5
        ) as connection:
            return await create_key(connection, scope.value, name)

    try:
        typer.echo(asyncio.run(make()))
    except psycopg.OperationalError as error:
        refuse(
            f"the database cannot be reached: {str(error).splitlines()[0]}", ExitCode.UNREACHABLE
        )
    except psycopg.errors.UndefinedTable:
        refuse("the database has no tables yet: run `parcours migrate` first")
