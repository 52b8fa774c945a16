"""`parcours log`: everything that was tracked and done, as lines, and as it happens."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from cli.audit import instant
from cli.client import DATA_DIR, AsJson, DataDir, Server, as_page, find_server
from cli.errors import ExitCode, refuse
from cli.tables import at_second, screen

if TYPE_CHECKING:
    import httpx

_SHOWN: Final = 50
_PAUSES: Final = (0.5, 1.0, 2.0, 5.0, 10.0)
"""Seconds before a stream that was cut is read again, the more often it fails in a row."""
_SILENCE: Final = 40.0
"""Seconds without a sign of life after which a stream is taken for cut."""


def run(
    follow: Annotated[
        bool, typer.Option("--follow", "-f", help="Go on with what is recorded from now on.")
    ] = False,
    type_: Annotated[
        list[str] | None,
        typer.Option(
            "--type",
            help="event, change, group, segment, consent, delivery, rejected, entry, refusal, send,"
            " visit, end, goal, repair, action, job, fault or dead_event; may be repeated.",
        ),
    ] = None,
    journey: Annotated[str | None, typer.Option(help="Only what is about this journey.")] = None,
    contact: Annotated[
        str | None, typer.Option(help="Only of this contact: its external id, or our id.")
    ] = None,
    step: Annotated[
        str | None, typer.Option(help="Only sends and other steps of this id that ended.")
    ] = None,
    outcome: Annotated[
        str | None, typer.Option(help="Only sends and other steps that ended so, as in skipped.")
    ] = None,
    key: Annotated[
        str | None, typer.Option(help="Only what this key of the API did: its name or its id.")
    ] = None,
    since: Annotated[
        str | None, typer.Option(help="Only what was recorded since: 1h, 7d, a time in RFC 3339.")
    ] = None,
    until: Annotated[str | None, typer.Option(help="Only before: the same.")] = None,
    limit: Annotated[int, typer.Option(min=1, max=5000, help="The items to list.")] = _SHOWN,
    cursor: Annotated[
        str | None, typer.Option(help="The cursor that the previous page printed.")
    ] = None,
    data_dir: DataDir = DATA_DIR,
    as_json: AsJson = False,
) -> None:
    """List everything that was tracked and done, the newest first; with --follow the oldest first,
    and then what comes."""
    server = find_server(data_dir)
    wanted: dict[str, Any] = {
        "type": ",".join(type_) if type_ else None,
        "journey": journey,
        "contact": contact,
        "step": step,
        "outcome": outcome,
        "key": key,
        "from": instant("--since", since),
    }
    if follow:
        if until is not None or cursor is not None:
            refuse("--follow goes on from --since, or from now", ExitCode.USAGE)
        for item in _followed(server, wanted):
            typer.echo(json.dumps(item, ensure_ascii=False) if as_json else line_of(item))
        return
    items, following = _newest(server, limit, cursor, {**wanted, "to": instant("--until", until)})
    if as_json:
        typer.echo(
            as_page(items)
            if following is None
            else json.dumps(
                {"items": items, "next": following}, ensure_ascii=False, separators=(",", ":")
            )
        )
        return
    if not items:
        typer.echo("nothing was recorded" if not any(wanted.values()) else "nothing of this kind")
    for item in items:
        typer.echo(line_of(item))
    if following:
        screen().print(f"There are more: --cursor {following}", soft_wrap=True)


def line_of(item: dict[str, Any]) -> str:
    """An item in a line: when, its type, whom it is about, and what happened."""
    contact = f"{item['contact']}: " if item["contact"] else ""
    return f"{at_second(item['at'])}  {item['type']:<10}  {contact}{item['summary']}"


def _newest(
    server: Server, limit: int, cursor: str | None, wanted: dict[str, Any]
) -> tuple[list[Any], str | None]:
    """Up to `limit` items, and where the next ones begin. A page may be short, and go on."""
    items: list[Any] = []
    while True:
        asked = min(limit - len(items), 500)
        page = server.get("/v1/log", limit=asked, cursor=cursor, **wanted).json()
        items += page["items"]
        cursor = page["next"]
        if cursor is None or len(items) >= limit:
            return items, cursor


def _followed(server: Server, wanted: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """The items of the stream. Where it is cut it goes on after the last one, without an end.

    The command ends if the server cannot be reached at first.
    """
    import httpx

    after: str | None = None
    failures = 0
    reached = False
    while True:
        try:
            with server.following("/v1/log/stream", after, silence=_SILENCE, **wanted) as answer:
                reached = True
                for id_, event, data in _sent_events(answer):
                    failures = 0
                    if event == "end":
                        break
                    after = id_ or after
                    if data:
                        yield json.loads(data)
        except httpx.TransportError as error:
            if not reached:
                refuse(
                    f"{server.url} cannot be reached ({error}): is the server running?",
                    ExitCode.UNREACHABLE,
                )
        failures += 1
        time.sleep(_PAUSES[min(failures, len(_PAUSES)) - 1])


def _sent_events(answer: httpx.Response) -> Iterator[tuple[str | None, str, str]]:
    """Server-sent events as (id, event, data); signs of life have an id alone."""
    id_: str | None = None
    event, data = "message", ""
    for line in answer.iter_lines():
        name, _, value = line.partition(":")
        value = value.removeprefix(" ")
        match name:
            case "id":
                id_ = value
            case "event":
                event = value
            case "data":
                data += value
            case "" if not line and (id_ or data):
                yield id_, event, data
                id_, event, data = None, "message", ""
