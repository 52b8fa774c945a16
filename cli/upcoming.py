"""`parcours upcoming`: what will be sent, by hour, journey, step and channel."""

from __future__ import annotations

from typing import Annotated

import typer

from cli.client import DATA_DIR, AsJson, DataDir, find_server
from cli.tables import at_second, print_table, screen


def run(
    within: Annotated[
        str, typer.Option(help="How far ahead, such as 1h or 24h; at most 7d.")
    ] = "24h",
    data_dir: DataDir = DATA_DIR,
    as_json: AsJson = False,
) -> None:
    """Show what will be sent. A number after “≤” is a bound: conditions are judged later."""
    answer = find_server(data_dir).get("/v1/upcoming", within=within)
    if as_json:
        typer.echo(answer.text)
        return
    found = answer.json()
    channels = ", ".join(f"{name} {count}" for name, count in found["channels"].items())
    screen().print(
        f"until {at_second(found['until'])} UTC at most {found['total']} sends"
        + (f": {channels}" if channels else ""),
        soft_wrap=True,
    )
    if found["items"]:
        print_table(
            ["hour", "journey", "step", "channel", "sends", "from"],
            [
                (at_second(each["hour"]), each["journey"], each["step"], each["channel"],
                 str(each["count"]) if each["exact"] else f"≤ {each['count']}",
                 f"{each['by']}: {each['reason']}" if each["reason"] else each["by"])
                for each in found["items"]
            ],
            numbers=["sends"],
        )  # fmt: skip
    if found["without_time"]:
        screen().print("without a time:", soft_wrap=True)
        print_table(
            ["journey", "step", "channel", "sends", "why"],
            [
                (each["journey"], each["step"], each["channel"], each["count"], each["reason"])
                for each in found["without_time"]
            ],
            numbers=["sends"],
        )
