"""`parcours key`: keys of the API."""

from __future__ import annotations

import asyncio
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated, Any

import typer

from cli.client import DATA_DIR, AsJson, DataDir, as_page, find_server, segment
from cli.errors import ExitCode, refuse
from cli.settings import settings_or_refuse
from cli.tables import at_second, print_table

if TYPE_CHECKING:
    from api.operations.new_keys import NewKey

app = typer.Typer(help="Keys of the API.", no_args_is_help=True)


class Scope(StrEnum):
    """The scope of a key."""

    INGEST = "ingest"
    READ = "read"
    EDIT = "edit"
    OPERATE = "operate"
    ADMIN = "admin"


@app.callback()
def keys() -> None:
    """Keys of the API."""


@app.command("create")
def create(
    scope: Annotated[
        Scope,
        typer.Option(
            help="ingest: send events; read: figures, runs, contacts; edit: documents;"
            " operate: all of these and more; admin: also keys and erasure."
        ),
    ],
    name: Annotated[str | None, typer.Option(help="A name, to know the key by later.")] = None,
    source: Annotated[
        str | None, typer.Option(help="Keys of one source share the ids of their messages.")
    ] = None,
    may_change_addresses: Annotated[
        bool | None,
        typer.Option(
            help="May change an address of a contact that has one; by default unless ingest."
        ),
    ] = None,
    user_hash_secret: Annotated[
        str | None, typer.Option(help="Secret of the HMAC by which a client proves a user id.")
    ] = None,
    origin: Annotated[
        list[str] | None, typer.Option(help="An origin whose pages may use it; may be repeated.")
    ] = None,
    events_per_minute: Annotated[
        int | None, typer.Option(help="The most tracking calls a minute, for all contacts.")
    ] = None,
    address_events_per_minute: Annotated[
        int | None,
        typer.Option(help="The most of them from one network address; 1,000 if it has origins."),
    ] = None,
    expires: Annotated[
        str | None, typer.Option(help="When it stops working, such as 2027-01-31T00:00:00Z.")
    ] = None,
) -> None:
    """Make a key in DATABASE_URL and print it.

    Only its hash is stored, so the key cannot be shown again.
    """
    import psycopg

    from store.operations.api_keys import create_key
    from store.operations.audit import Actor

    settings = settings_or_refuse()
    new = _checked(
        scope=scope.value,
        name=name,
        source=source,
        may_change_addresses=may_change_addresses,
        user_hash_secret=user_hash_secret,
        origins=origin or None,
        events_per_minute=events_per_minute,
        address_events_per_minute=address_events_per_minute,
        expires=expires,
    )

    async def make() -> str:
        async with (
            await psycopg.AsyncConnection.connect(
                settings.database_url, autocommit=True, connect_timeout=5
            ) as connection,
            connection.transaction(),
        ):
            return await create_key(
                connection, new.scope, new.name, new.options(), actor=Actor.of_command()
            )

    try:
        typer.echo(asyncio.run(make()))
    except psycopg.OperationalError as error:
        refuse(
            f"the database cannot be reached: {str(error).splitlines()[0]}", ExitCode.UNREACHABLE
        )
    except psycopg.errors.UndefinedTable:
        refuse("the database has no tables yet: run `parcours migrate` first")
    except psycopg.errors.UndefinedColumn:
        refuse("the database is older than this command: run `parcours migrate` first")


def _checked(**options: Any) -> NewKey:
    """The scope and options, checked as the API checks them."""
    from pydantic import ValidationError

    from api.http.validation_words import words_of
    from api.operations.new_keys import NewKey

    try:
        return NewKey.model_validate(options)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        option = str(first["loc"][0]).replace("_", "-").replace("origins", "origin")
        refuse(f"--{option}: {words_of(first)}")


@app.command("list")
def list_keys(json: AsJson = False, data_dir: DataDir = DATA_DIR) -> None:
    """List the keys, the newest first."""
    items = find_server(data_dir, scope="admin").list_all("/v1/keys")
    if json:
        typer.echo(as_page(items))
        return
    if not items:
        typer.echo("no keys: make one by `parcours key create --scope S`")
        return
    print_table(
        ("id", "scope", "name", "source", "made", "last used", "state"),
        [
            (
                item["id"],
                item["scope"],
                item["name"],
                item["source"],
                _by(item["created_at"], item["made_by"]),
                at_second(item["last_used_at"]) or "never",
                _state(item),
            )
            for item in items
        ],
    )


def _state(item: dict[str, Any]) -> str:
    if item["revoked_at"]:
        return f"revoked {_by(item['revoked_at'], item['revoked_by'])}"
    if item["expires"]:
        return f"{'expired' if item['state'] == 'expired' else 'expires'} {item['expires'][:10]}"
    return "valid"


def _by(time: str, name: str | None) -> str:
    return f"{time[:10]} by {name}" if name else time[:10]


@app.command("revoke")
def revoke(
    key_id: Annotated[str, typer.Argument(help="The id of the key, as `key list` shows it.")],
    data_dir: DataDir = DATA_DIR,
) -> None:
    """Revoke a key: it is refused within seconds, for good."""
    find_server(data_dir, scope="admin").delete(f"/v1/keys/{segment(key_id)}")
    typer.echo(f"revoked {key_id}")
