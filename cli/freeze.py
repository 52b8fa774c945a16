"""`parcours freeze`, `unfreeze` and `freezes`: stop marketing, and let it go on."""

from __future__ import annotations

from typing import Annotated

import typer

from cli.client import DATA_DIR, AsJson, DataDir, as_page, find_server
from cli.tables import at_second, print_table

Reason = Annotated[str, typer.Option(help="Why; it is kept.")]
ChannelOption = Annotated[str | None, typer.Option(help="email or sms; by default all together.")]


def freeze(
    reason: Reason,
    channel: ChannelOption = None,
    data_dir: DataDir = DATA_DIR,
    as_json: AsJson = False,
) -> None:
    """Hold all marketing, or that of a channel. Service and transactional messages go on."""
    body = {"reason": reason, "channel": channel}
    answer = find_server(data_dir).post("/v1/freeze", body)
    if as_json:
        typer.echo(answer.text)
        return
    found = answer.json()
    since = "frozen" if answer.status_code == 201 else "was frozen before"
    typer.echo(f"marketing on {_where(found['channel'])}: {since} ({found['reason']})")


def unfreeze(
    reason: Reason,
    channel: ChannelOption = None,
    data_dir: DataDir = DATA_DIR,
    as_json: AsJson = False,
) -> None:
    """End a freeze. What was held goes out within its rate. Needs a key of scope admin."""
    body = {"reason": reason, "channel": channel}
    answer = find_server(data_dir, scope="admin").post("/v1/unfreeze", body)
    if as_json:
        typer.echo(answer.text)
        return
    typer.echo(f"marketing on {_where(answer.json()['channel'])}: goes on")


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
        ["channel", "since", "until", "by itself", "why"],
        [
            (each["channel"], at_second(each["frozen_at"]), at_second(each["ended_at"]),
             "yes" if each["automatic"] else "", each["reason"])
            for each in items
        ],
    )  # fmt: skip


def _where(channel: str) -> str:
    return "all channels" if channel == "all" else channel
