"""Shares: how much of each contact's work one round does, so that no contact keeps others waiting.

An event that begins or wakes more runs than a share allows takes several rounds. Its later events
wait behind it, and other contacts do not.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from uuid import UUID

from store.definitions.catalog import Definition
from store.events.outbox import OutboxEvent, Progress
from store.waits.listener_candidates import Candidate


@dataclass(frozen=True)
class EntryMatch:
    """A journey whose entry an event matches."""

    definition: Definition
    key: str | None
    """The key of the run; None: the event lacks it."""
    late: bool
    """Whether the event happened too long before it arrived."""


@dataclass
class Listened:
    """The runs that an event wakes, in order."""

    firing: list[Candidate] = field(default_factory=list)
    last: Candidate | None = None
    """The last that was looked at, if there may be more."""


@dataclass
class Considered:
    """The journeys that an event may begin runs of, ordered by key."""

    matches: list[EntryMatch] = field(default_factory=list)
    broken: list[str] = field(default_factory=list)
    """Journeys that cannot be read and therefore refuse it."""
    last: str | None = None
    """The last that was looked at, if there are more."""


@dataclass(frozen=True)
class EventWork:
    """The part of an event's work that a round does: exits and waits first, then entries."""

    event: OutboxEvent
    wakes: list[Candidate]
    entries: list[EntryMatch]
    broken: list[str]
    progress: Progress | None
    """How far it comes; None: to the end."""


def share_out(
    events: Sequence[OutboxEvent],
    listened: Mapping[int, Listened],
    considered: Mapping[int, Considered],
    share: int,
) -> list[EventWork]:
    """The work of one round on these events, which are ordered by id.

    Of each contact it has up to `share` wakes and entries, and ends with the first event that is
    not done in full.
    """
    left: dict[UUID, int] = {}
    works: list[EventWork] = []
    for event in events:
        budget = left.get(event.contact_id, share)
        if budget <= 0:
            continue
        work = _part(
            event,
            listened.get(event.id, Listened()),
            considered.get(event.id, Considered()),
            budget,
        )
        works.append(work)
        spent = len(work.wakes) + len(work.entries)
        left[event.contact_id] = budget - spent if work.progress is None else 0
    return works


def _part(event: OutboxEvent, listened: Listened, considered: Considered, budget: int) -> EventWork:
    wakes = listened.firing[:budget]
    last = listened.last
    if len(wakes) < len(listened.firing):
        last = wakes[-1]
    if last is not None:
        progress = Progress(
            event.contact_id, event.id, last.visit, last.run_id, event.after_journey
        )
        return EventWork(event, wakes, [], [], progress)
    entries = considered.matches[: budget - len(wakes)]
    journey = considered.last
    if len(entries) < len(considered.matches):
        journey = entries[-1].definition.key if entries else event.after_journey or ""
    if journey is None:
        return EventWork(event, wakes, entries, considered.broken, None)
    visit, run_id = event.after_visit, event.after_run
    if listened.firing:
        visit, run_id = listened.firing[-1].visit, listened.firing[-1].run_id
    progress = Progress(event.contact_id, event.id, visit, run_id, journey)
    return EventWork(event, wakes, entries, [], progress)
