"""`parcours today`: the figures of a day in all journeys."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from cli.client import DATA_DIR, AsJson, DataDir, find_server
from cli.tables import in_words, print_table, screen

_BARS = "▁▂▃▄▅▆▇█"
_NUMBERS = ("entered", "ended", "goals", "active", "waiting", "deferred", "retrying")


def run(
    day: Annotated[
        str | None, typer.Option(help="Another day, such as 2026-11-30; by default today.")
    ] = None,
    data_dir: DataDir = DATA_DIR,
    as_json: AsJson = False,
) -> None:
    """Show what happened today, and what stands now, in all journeys and in each."""
    answer = find_server(data_dir).get("/v1/dashboard", day=day)
    if as_json:
        typer.echo(answer.text)
        return
    found = answer.json()
    sent = {channel: count for channel, count in found["messages"].items() if count}
    words = [
        f"{found['contacts_in_journeys']} contacts in journeys",
        f"{found['targeted_contacts']} targeted",
        f"sent {in_words(sent)}" if sent else "nothing sent",
        f"{found['entered']} entered",
        f"{found['ended']} ended",
        f"{found['goals']} goals met",
    ]
    if found["refused"]:
        words.append(f"{found['refused']} refused")
    screen().print(f"{found['day']} ({found['timezone']}): {', '.join(words)}", soft_wrap=True)
    print_table(
        ["journey", "state", *_NUMBERS, "sent", "14 days"],
        [
            (each["journey"], each["state"], *_counts(each), _sent(each), _trend(each))
            for each in found["journeys"]
        ],
        numbers=_NUMBERS,
    )


def _counts(journey: dict[str, Any]) -> list[int]:
    return [journey["goal"]["met"] if name == "goals" else journey[name] for name in _NUMBERS]


def _sent(journey: dict[str, Any]) -> dict[str, int] | None:
    return {channel: count for channel, count in journey["messages"].items() if count} or None


def _trend(journey: dict[str, Any]) -> str:
    """The entries of the last days as bars, the highest as high as can be."""
    counts = [each["entered"] for each in journey["trend"]]
    most = max(counts)
    if not most:
        return ""
    return "".join(_BARS[(count * (len(_BARS) - 1) + most - 1) // most] for count in counts)
