"""`parcours attribution`: what led to conversions."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Any

import typer

from cli.client import DATA_DIR, AsJson, DataDir, find_server, segment
from cli.errors import ExitCode, refuse
from cli.job_progress import wait_for_job
from cli.tables import at_second, print_table, screen


class Model(StrEnum):
    """Which touches get credit."""

    LAST = "last"
    FIRST = "first"
    LINEAR = "linear"


class By(StrEnum):
    """What gets credit."""

    MESSAGE = "message"
    JOURNEY = "journey"
    CHANNEL = "channel"
    COUPON = "coupon"


class Touch(StrEnum):
    """What counts as a touch."""

    SENT = "sent"
    DELIVERED = "delivered"
    OPENED = "opened"
    CLICKED = "clicked"
    DRAWN = "drawn"
    REDEEMED = "redeemed"


def run(
    event: Annotated[
        str | None, typer.Option(help="The conversion; by default events that met goals.")
    ] = None,
    value: Annotated[str | None, typer.Option(help="The path of its value, such as total.")] = None,
    model: Annotated[Model, typer.Option(help="Which touches get credit.")] = Model.LAST,
    window: Annotated[str, typer.Option(help="How long before it touches count.")] = "7d",
    by: Annotated[By, typer.Option(help="What gets credit.")] = By.MESSAGE,
    touch: Annotated[
        Touch | None, typer.Option(help="By default clicked, and drawn of coupons.")
    ] = None,
    begins: Annotated[
        str | None,
        typer.Option("--from", help="A day such as 2026-11-30, or a time; by default 30 days ago."),
    ] = None,
    ends: Annotated[
        str | None, typer.Option("--to", help="Until then, which is not part of it.")
    ] = None,
    data_dir: DataDir = DATA_DIR,
    as_json: AsJson = False,
) -> None:
    """Share conversions among the messages or coupons that touched their contacts before."""
    server = find_server(data_dir)
    asked = {
        "event": event, "value": value, "model": model.value, "window": window, "by": by.value,
        "touch": touch and touch.value, "from": begins, "to": ends,
    }  # fmt: skip
    answer = server.get_unless("/v1/attribution", "too_many_events", **asked)
    if answer is None:
        body = {name: given for name, given in asked.items() if given is not None}
        begun = server.post("/v1/attribution", body).json()
        job = wait_for_job(server, begun["id"], "attribution", "events")
        if job["state"] != "done":
            refuse(f"job {job['id']} is {job['state']}", ExitCode.REFUSED)
        answer = server.get(f"/v1/attribution/{segment(begun['id'])}")
    if as_json:
        typer.echo(answer.text)
        return
    found = answer.json()
    screen().print(
        f"{found['event'] or 'goals'} from {at_second(found['begins_at'])} to"
        f" {at_second(found['ends_at'])}, {found['model']} {found['touch']} within {window}",
        soft_wrap=True,
    )
    if not found["currencies"]:
        typer.echo("no conversions")
    for each in found["currencies"]:
        _print_currency(each, by)


def _print_currency(found: dict[str, Any], by: By) -> None:
    name = found["currency"] or "without a currency"
    screen().print(
        f"{name}: {found['conversions']} conversions, value {found['value']};"
        f" {found['attributed']} attributed, value {found['attributed_value']};"
        f" {found['unattributed']} not, value {found['unattributed_value']}",
        soft_wrap=True,
    )
    names = ["journey", "step"] if by is By.MESSAGE else [by.value]
    if found["rows"]:
        print_table(
            [*names, "touches", "credit", "value"],
            [
                (*(row[each] for each in names), row["touches"], row["credit"], row["value"])
                for row in found["rows"]
            ],
            numbers=["touches", "credit", "value"],
        )
