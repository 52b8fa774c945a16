"""What operators read, as calls of the API, each with how long it may take."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from benchmarks.large.journeys import BUSY, LARGE

STATISTICS: Final = 50.0
DASHBOARD: Final = 100.0
PAGE: Final = 50.0
OTHER: Final = 200.0
"""Milliseconds that 95 of 100 reads take no longer than."""


@dataclass(frozen=True, slots=True)
class Read:
    """A call of the API. `{n}` in it is another contact each time."""

    name: str
    path: str
    at_most: float = OTHER
    parameters: Mapping[str, str] = field(default_factory=dict)


def reads(first_day: str, prefix: str, message: str) -> list[Read]:
    """All reads: of a period from a day on, of runs whose ids begin so, and of one message."""
    stats = f"/v1/journeys/{LARGE}/stats"
    weeks = {"from": first_day}
    mine = {"journey": LARGE}
    return [
        Read("statistics", stats, STATISTICS),
        Read("statistics of a version", stats, STATISTICS, {"version": "1"}),
        Read("statistics of two weeks", stats, STATISTICS, weeks),
        Read("statistics of who entered in two weeks", stats, STATISTICS,
             {**weeks, "cohort": "entered"}),
        Read("statistics by day", stats, OTHER, {**weeks, "by": "day"}),
        Read("statistics by day and entry", stats, OTHER,
             {**weeks, "by": "day", "cohort": "entered"}),
        Read("statistics by hour", stats, OTHER, {**weeks, "by": "hour"}),
        Read("dashboard", "/v1/dashboard", DASHBOARD),
        Read("dashboard of an earlier day", "/v1/dashboard", DASHBOARD, {"day": first_day}),
        Read("recipients", f"/v1/journeys/{LARGE}/messages"),
        Read("recipients of a step who opened", f"/v1/journeys/{LARGE}/messages", OTHER,
             {"step": "mail", "status": "opened"}),
        Read("recipients who were refused", f"/v1/journeys/{LARGE}/messages", OTHER,
             {"status": "refused"}),
        Read("explanation", "/v1/explain", OTHER, {"contact": "c{n}", "journey": LARGE}),
        Read("explanation of a step to come", "/v1/explain", OTHER,
             {"contact": "c{n}", "journey": LARGE, "step": "last"}),
        Read("explanation of a busy contact", "/v1/explain", OTHER,
             {"contact": BUSY, "journey": "small3", "step": "text"}),
        Read("explanation of a message", "/v1/explain", OTHER, {"message": message}),
        Read("attention", "/v1/attention"),
        Read("sends of the next hour", "/v1/upcoming", OTHER, {"within": "1h"}),
        Read("sends of the next day", "/v1/upcoming", OTHER, {"within": "24h"}),
        Read("sends of the next week", "/v1/upcoming", OTHER, {"within": "7d"}),
        Read("lag", "/v1/lag"),
        Read("runs", "/v1/runs"),
        Read("runs of a journey", "/v1/runs", OTHER, mine),
        Read("active runs of a journey", "/v1/runs", OTHER, {**mine, "state": "active"}),
        Read("runs at a step of a journey", "/v1/runs", OTHER, {**mine, "step": "text"}),
        Read("runs at a step", "/v1/runs", OTHER, {"step": "text", "state": "active"}),
        Read("runs at no step", "/v1/runs", OTHER, {"step": "nowhere"}),
        Read("runs at no step of a journey", "/v1/runs", OTHER, {**mine, "step": "nowhere"}),
        Read("runs of a contact, by filter", "/v1/runs", OTHER, {"contact": "c{n}"}),
        Read("runs by the beginning of their id", "/v1/runs", OTHER, {"prefix": prefix}),
        Read("stuck runs", "/v1/runs/stuck"),
        Read("timeline", "/v1/contacts/c{n}/timeline", PAGE),
        Read("timeline of a busy contact", f"/v1/contacts/{BUSY}/timeline", PAGE),
        Read("timeline of a busy contact, its messages", f"/v1/contacts/{BUSY}/timeline", PAGE,
             {"type": "message"}),
        Read("timeline of a busy contact, an earlier page", f"/v1/contacts/{BUSY}/timeline", PAGE,
             {"to": f"{first_day}T00:00:00Z"}),
        Read("runs of a contact", "/v1/contacts/c{n}/runs"),
        Read("runs of a busy contact", f"/v1/contacts/{BUSY}/runs"),
        Read("messages of a contact", "/v1/contacts/c{n}/messages"),
        Read("messages of a busy contact", f"/v1/contacts/{BUSY}/messages"),
        Read("messages", "/v1/messages"),
        Read("messages that are unknown", "/v1/messages", OTHER, {**mine, "status": "unknown"}),
        Read("log", "/v1/log", PAGE),
        Read("log of an earlier day", "/v1/log", PAGE, {"to": f"{first_day}T00:00:00Z"}),
        Read("log of a journey", "/v1/log", PAGE, mine),
        Read("log of a contact", "/v1/log", PAGE, {"contact": "c{n}"}),
        Read("log of a busy contact", "/v1/log", PAGE, {"contact": BUSY}),
        Read("jobs", "/v1/jobs"),
        Read("jobs of a journey", "/v1/jobs", OTHER, {"journey": "small3"}),
        Read("audit log", "/v1/audit"),
        Read("audit log of a journey", "/v1/audit", OTHER, {"journey": "small3"}),
        Read("events of a contact", "/v1/events", OTHER, {"contact": "c{n}"}),
    ]  # fmt: skip
