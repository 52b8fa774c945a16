"""Conditions and the retention of events: windows that are too long, and windows without an end."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Final
from zoneinfo import ZoneInfo

from journeys.model.conditions import EventCondition, NearCondition
from journeys.model.document_parts import parts_of
from journeys.model.problems import Problem
from journeys.model.values import DocumentModel
from journeys.time.durations import Duration

LOCATION: Final = "Location Updated"
"""The event whose latest one `near` asks for, however old it is."""
_BASE: Final = datetime(2000, 1, 1, tzinfo=UTC)


def unbounded_events(document: DocumentModel) -> frozenset[str]:
    """The names of events that a document's conditions ask for without a bound in the past."""
    names: set[str] = set()
    for part in parts_of(document):
        if isinstance(part.model, NearCondition):
            names.add(LOCATION)
        elif isinstance(part.model, EventCondition) and not _is_bounded(part.model):
            names.add(part.model.event)
    return frozenset(names)


def windows_too_long(document: DocumentModel, keep: Duration) -> Iterator[Problem]:
    """An error for each window that reaches further back than events are kept."""
    for part in parts_of(document):
        if not isinstance(part.model, EventCondition):
            continue
        for key, window in (("within", _within(part.model)), ("since", _back(part.model))):
            if window is not None and _end(window) > _end(keep):
                yield part.problem(
                    "window_too_long",
                    f"`{key}` reaches back {window.words()}, and events are kept for"
                    f" {keep.words()}",
                    "shorten it, or raise PARCOURS_KEEP_EVENTS",
                    key,
                )


def _is_bounded(condition: EventCondition) -> bool:
    return (
        condition.within is not None
        or _back(condition) is not None
        or (
            # The events since the entry of an active run are kept.
            condition.since == "entry"
        )
    )


def _within(condition: EventCondition) -> Duration | None:
    return None if condition.within is None else Duration.parse(condition.within)


def _back(condition: EventCondition) -> Duration | None:
    """How far a relative `since` reaches back; None for every other one."""
    since = condition.since
    if isinstance(since, str) and since.startswith("-"):
        return Duration.parse(since[1:])
    return None


def _end(window: Duration) -> datetime:
    return window.add_to(_BASE, ZoneInfo("UTC"))
