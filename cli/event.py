"""`parcours event`: what came of events, and what was rejected."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from cli import event_replay
from cli.client import DATA_DIR, AsJson, DataDir, as_page, find_server
from cli.tables import at_second, print_table

app = typer.Typer(help="Events, what came of each, and what was rejected.", no_args_is_help=True)

Contact = Annotated[str | None, typer.Option(help="The contact's external id, or our id.")]
Name = Annotated[str | None, typer.Option(help="The event's name.")]
Limit = Annotated[int, typer.Option(help="How many to show, the newest first.", min=1, max=500)]


@app.command("list")
def list_(
    contact: Contact = None,
    name: Name = None,
    from_: Annotated[
        str | None, typer.Option("--from", help="From when, such as 2027-01-31T00:00:00Z.")
    ] = None,
    to: Annotated[str | None, typer.Option(help="Until when.")] = None,
    limit: Limit = 50,
    as_json: AsJson = False,
    data_dir: DataDir = DATA_DIR,
) -> None:
    """List events, the newest first, with what each began or woke, or why nothing."""
    items = _read(
        data_dir, "/v1/events", limit, contact=contact, name=name, **{"from": from_, "to": to}
    )
    if as_json:
        typer.echo(as_page(items))
        return
    if not items:
        typer.echo("no events")
        return
    print_table(
        ["id", "received", "event", "contact", "what came of it"],
        [
            (item["id"], item["received_at"], item["name"], item["contact"], _outcome(item))
            for item in items
        ],
    )


def _outcome(item: dict[str, Any]) -> str:
    parts = [f"began {each['journey']}" for each in item["began"]]
    parts += [f"ended {each['journey']}/{each['step']}" for each in item["woke"]]
    parts += [f"refused by {each['journey']}: {each['code']}" for each in item["refused"]]
    parts += [f"kept by {journey} until it goes on" for journey in item["kept"]]
    if item["why_nothing"]:
        parts.append(f"nothing: {item['why_nothing']}")
    return "; ".join(parts)


@app.command("rejected")
def rejected(
    contact: Contact = None,
    name: Name = None,
    code: Annotated[str | None, typer.Option(help="The code of the reason.")] = None,
    limit: Limit = 50,
    as_json: AsJson = False,
    data_dir: DataDir = DATA_DIR,
) -> None:
    """List tracking calls and entries that were rejected in the last 14 days."""
    items = _read(data_dir, "/v1/events/rejected", limit, contact=contact, name=name, code=code)
    if as_json:
        typer.echo(as_page(items))
        return
    if not items:
        typer.echo("nothing was rejected in the last 14 days")
        return
    print_table(
        ["id", "at", "event", "contact", "why"],
        [
            (
                item["id"],
                item["at"],
                item["event"],
                item["contact"] or "",
                f"{item['code']}: {item['message']}"
                + (f" (replayed {item['replayed_at'][:10]})" if item["replayed_at"] else ""),
            )
            for item in items
        ],
    )


@app.command("dead")
def dead(
    contact: Contact = None,
    code: Annotated[str | None, typer.Option(help="The code of the reason.")] = None,
    limit: Limit = 50,
    as_json: AsJson = False,
    data_dir: DataDir = DATA_DIR,
) -> None:
    """List events whose dispatch was given up: they began no run and ended no wait."""
    items = _read(data_dir, "/v1/events/dead", limit, contact=contact, code=code)
    if as_json:
        typer.echo(as_page(items))
        return
    if not items:
        typer.echo("no dead events")
        return
    print_table(
        ["id", "given up", "event", "contact", "why"],
        [
            (
                f"dead.{item['event']}",
                at_second(item["died_at"]),
                item["name"],
                item["contact"],
                f"{item['code']}: {item['detail']}",
            )
            for item in items
        ],
    )


app.command("replay")(event_replay.replay)
app.command("dismiss")(event_replay.dismiss)


def _read(data_dir: Any, path: str, limit: int, **filters: str | None) -> list[Any]:
    wanted = {name: value for name, value in filters.items() if value is not None}
    answer = find_server(data_dir).get(path, limit=limit, **wanted)
    items: list[Any] = answer.json()["items"]
    return items
