"""Types of the log: the one list of them, each with its words, its source and how long it is kept.

The log is read from the rows that are there: nothing is written twice. A source is one kind of row
(`store.reports.log_sources`), and may give items of several types.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Literal, get_args

from journeys.model.well_known_events import (
    CHANNEL_EVENTS,
    CONSENT_EVENTS,
    CONTACT_CHANGED,
    CONTACT_CREATED,
    GROUP_JOINED,
    GROUP_LEFT,
    MESSAGE_EVENTS,
    SEGMENT_ENTERED,
    SEGMENT_LEFT,
)

LogType = Literal[
    "event", "change", "group", "segment", "consent", "delivery", "rejected", "entry", "refusal",
    "send", "visit", "end", "goal", "repair", "action", "job", "fault", "dead_event",
]  # fmt: skip
LOG_TYPES: Final[tuple[LogType, ...]] = get_args(LogType)

LogSource = Literal[
    "event", "rejected", "entry", "refusal", "visit", "end", "goal", "repair", "action",
    "job_begun", "job_ended", "fault", "dead_event",
]  # fmt: skip
"""What items are read from. Of items of one instant, those of a later source are newer."""
SOURCES: Final[tuple[LogSource, ...]] = get_args(LogSource)


@dataclass(frozen=True, slots=True)
class TypeOfLog:
    """One type of item."""

    words: str
    """What items of this type are, in the plural."""
    sources: tuple[LogSource, ...]
    kept: str
    """The kind of data (`store.retention.removal`) whose time says how long its items are kept."""


TYPES: Final[Mapping[LogType, TypeOfLog]] = {
    "event": TypeOfLog("events of contacts, tracked, imported or emitted", ("event",), "events"),
    "change": TypeOfLog("contacts that became known, and their changes", ("event",), "events"),
    "group": TypeOfLog("groups that contacts joined and left", ("event",), "events"),
    "segment": TypeOfLog("segments that contacts entered and left", ("event",), "events"),
    "consent": TypeOfLog("consents given, confirmed and withdrawn", ("event",), "events"),
    "delivery": TypeOfLog(
        "what came back of messages: delivered, opened, clicked, bounced, complained, replied",
        ("event",),
        "events",
    ),
    "rejected": TypeOfLog("tracking calls that were rejected", ("rejected",), "rejected"),
    "entry": TypeOfLog("runs that began", ("entry",), "runs"),
    "refusal": TypeOfLog("entries that were refused", ("refusal",), "refusals"),
    "send": TypeOfLog("sends that ended: sent, skipped, failed, unknown", ("visit",), "runs"),
    "visit": TypeOfLog("other steps that ended, with their outcome", ("visit",), "runs"),
    "end": TypeOfLog("runs that ended", ("end",), "runs"),
    "goal": TypeOfLog("goals that were met", ("goal",), "runs"),
    "repair": TypeOfLog("repairs of runs by operators", ("repair",), "runs"),
    "action": TypeOfLog("what operators and programs changed", ("action",), "audit"),
    "job": TypeOfLog("jobs that began and ended", ("job_begun", "job_ended"), "jobs"),
    "fault": TypeOfLog("faults of runs, contacts, events and documents", ("fault",), "faults"),
    "dead_event": TypeOfLog("events whose dispatch was given up", ("dead_event",), "dead_events"),
}
"""Each type. A test compares its keys with `LogType`."""

TYPE_OF_EVENT: Final[Mapping[str, LogType]] = {
    CONTACT_CREATED: "change",
    CONTACT_CHANGED: "change",
    GROUP_JOINED: "group",
    GROUP_LEFT: "group",
    SEGMENT_ENTERED: "segment",
    SEGMENT_LEFT: "segment",
    **dict.fromkeys((*CONSENT_EVENTS, *CHANNEL_EVENTS), "consent"),
    **dict.fromkeys(MESSAGE_EVENTS, "delivery"),
}
"""Events that are items of another type than `event`, by name."""
