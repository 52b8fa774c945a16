"""`parcours freeze`, `unfreeze` and `freezes`: stop marketing, or everything, and let it go on."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from cli.client import DATA_DIR, AsJson, DataDir, as_page, find_server
from cli.tables import at_second, print_table

Reason = Annotated[str, typer.Option(help="Why; it is kept.")]
Everything = Annotated[
    bool,
    typer.Option("--everything", help="Service and transactional messages and webhooks, too."),
]
ChannelOption = Annotated[
    str | None, typer.Option(help="email, sms or webhook; by default all together.")
]


def freeze(
    reason: Reason,
    channel: ChannelOption = None,
    everything: Everything = False,
    data_dir: DataDir = DATA_DIR,
    as_json: AsJson = False,
) -> None:
    """Hold all marketing, or that of a channel; or everything, so that nothing goes out."""
    body = {"reason": reason, "channel": channel, "stops": _stops(everything)}
    answer = find_server(data_dir).post("/v1/freeze", body)
    if as_json:
        typer.echo(answer.text)
        return
    found = answer.json()
    since = "frozen" if answer.status_code == 201 else "was frozen before"
    typer.echo(f"{found['stops']} on {_where(found['channel'])}: {since} ({found['reason']})")


def unfreeze(
    reason: Reason,
    channel: ChannelOption = None,
    everything: Everything = False,
    data_dir: DataDir = DATA_DIR,
    as_json: AsJson = False,
) -> None:
    """End a freeze. What was held goes out within its rate. Needs a key of scope admin."""
    body = {"reason": reason, "channel": channel, "stops": _stops(everything)}
    answer = find_server(data_dir, scope="admin").post("/v1/unfreeze", body)
    if as_json:
        typer.echo(answer.text)
        return
    typer.echo(f"{_stops(everything)} on {_where(answer.json()['channel'])}: goes on")


def freezes(data_dir: DataDir = DATA_DIR, as_json: AsJson = False) -> None:
    """List freezes, the newest first: those that hold, and those that are over."""
    items = find_server(data_dir).list_all("/v1/freezes")
    if as_json:
        typer.echo(as_page(items))
        return
    if not items:
        typer.echo("no freezes")
        return
    print_table(
        ["channel", "stops", "since", "until", "by", "why"],
        [
            (each["channel"], each["stops"], at_second(each["frozen_at"]),
             at_second(each["ended_at"]), _author(each), each["reason"])
            for each in items
        ],
    )  # fmt: skip


def _author(freeze: dict[str, Any]) -> str:
    """Who froze it: a key by its name, else by its id, or the channel itself."""
    return "itself" if freeze["automatic"] else freeze["by_name"] or freeze["by"] or ""


def _stops(everything: bool) -> str:
    return "everything" if everything else "marketing"


def _where(channel: str) -> str:
    return "all channels" if channel == "all" else channel
