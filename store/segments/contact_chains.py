"""The instants at which one contact is judged by one segment, in order, and what follows from them.

It is computed from judgements alone: nothing here reads or writes.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from store.segments.judging_statement import Judgement
from store.segments.live_segments import Generation, KeptSegment
from store.segments.membership_writes import Change, NextDue
from store.tables.segments import ChangedBy, DueLane

INSTANTS: Final = 400
"""Instants of one contact and segment that are followed in one pass."""
_RANKS: Final[Mapping[ChangedBy, int]] = {"event": 0, "time": 1}

_NONE: Final[Mapping[Generation, Judgement]] = {}


@dataclass(frozen=True, slots=True)
class PendingEvent:
    """An event at which the segments of its contact were not judged yet."""

    id: int
    name: str
    stamped_at: datetime
    depth: int
    properties: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class DueSegment:
    """When a segment is due for a contact."""

    due_at: datetime
    attempts: int
    lane: DueLane = DueLane.TIME
    reference: int | None = None
    """In another lane: the event up to which the contact was judged by it."""
    taken: bool = False
    """Whether it is gone through now although it is in another lane."""


@dataclass(frozen=True, slots=True, eq=False)
class Instant:
    """An instant at which a contact is judged by a generation, and what brings it."""

    at: datetime
    generation: Generation
    by: ChangedBy
    event_id: int | None = None
    depth: int = 0
    group: tuple[Generation, ...] = ()
    """What is judged at instants like it in one statement."""
    is_now: bool = False
    """Whether the contact is caught up by then: a change is a correction."""

    @property
    def order(self) -> tuple[datetime, int, bool]:
        """Its place: at one instant an event comes first, and the present last."""
        return (self.at, _RANKS.get(self.by, 2), self.is_now)


@dataclass(frozen=True, slots=True)
class Result:
    """What follows from the judgements of a contact by a segment."""

    changes: Sequence[Change] = ()
    due: NextDue | None = None
    """None: the due time stays as it is."""
    corrected: int = 0
    carried: bool = False
    """Whether the instant at which its generation began lies after what was gone through."""


_NOTHING: Final = Result()


@dataclass(slots=True, eq=False)
class Chain:
    """The instants of one contact and segment."""

    contact_id: UUID
    segment: KeptSegment
    member: bool
    due: DueSegment | None
    instants: list[Instant] = field(default_factory=list)

    @property
    def due_at(self) -> datetime | None:
        """When it was due."""
        return self.due.due_at if self.due else None

    @property
    def attempts(self) -> int:
        """How often judging it has failed."""
        return self.due.attempts if self.due else 0

    @property
    def is_behind(self) -> bool:
        """Whether it was put off, and is judged apart from the contact's other segments."""
        return self.due is not None and self.due.lane != DueLane.TIME

    @property
    def is_judged_now(self) -> bool:
        """Whether it is judged as it is now as well."""
        return bool(self.instants) and self.instants[-1].is_now

    def reference(self, state: ContactState) -> int:
        """The event up to which it was judged."""
        if self.due is not None and self.due.reference is not None:
            return self.due.reference
        first = min((each.event_id for each in self.instants if each.event_id), default=None)
        if first is not None:
            return first - 1
        # None of those that were read concerns it.
        return state.reached if state.cut else state.last_id

    def put_off(self, state: ContactState, lane: DueLane) -> NextDue:
        """Its turn in another lane, from its first instant on."""
        first = min(each.at for each in self.instants)
        if self.due_at is not None:
            first = min(first, self.due_at)
        return NextDue(
            self.contact_id,
            self.segment.key,
            first,
            attempts=self.attempts,
            lane=lane,
            reference=self.reference(state),
        )

    def gone_through(self, state: ContactState, result: Result, lane: DueLane) -> NextDue:
        """When it is due after having been behind: it still is if the contact has more."""
        if state.cut:
            reference = max(self.reference(state), state.reached)
            return NextDue(
                self.contact_id, self.segment.key, state.until, lane=lane, reference=reference
            )
        if self.instants:
            next_at = result.due.due_at if result.due else self.due_at
        else:
            next_at = self.due_at if self.due_at and self.due_at > state.until else None
        return NextDue(self.contact_id, self.segment.key, next_at)

    def failed(self, state: ContactState) -> NextDue:
        """Due again after a delay, as of the instants that could not be judged."""
        first = min((each.at for each in self.instants), default=self.due_at)
        return NextDue.after_failure(
            self.contact_id,
            self.segment.key,
            self.attempts + 1,
            due_at=first if self.due_at is None or first is None else min(first, self.due_at),
            reference=self.reference(state),
            newest=max(state.newest, state.reached, self.reference(state)),
        )

    def add(self, instant: Instant) -> None:
        """Add an instant in its place. One at which the same is judged is there once."""
        if not self.instants:
            self.instants.append(instant)
            return
        for place, other in enumerate(self.instants):
            if other.at == instant.at and other.generation is instant.generation:
                if instant.order < other.order:
                    self.instants[place] = instant
                return
        self.instants.append(instant)
        self.instants.sort(key=lambda each: each.order)

    def result(self, state: ContactState) -> Result:
        """What follows, up to where the contact was gone through."""
        found = state.found
        member = self.member
        changes: list[Change] = []
        last: Judgement | None = None
        corrected = 0
        within = [each for each in self.instants if each.at <= state.until]
        for instant in within:
            last = found.get(instant.at, _NONE).get(instant.generation)
            if last is None:
                continue
            if last.holds != member:
                member = last.holds
                corrected += instant.is_now
                changes.append(
                    Change(
                        self.contact_id,
                        self.segment.key,
                        member,
                        instant.at,
                        instant.by,
                        instant.event_id,
                        instant.depth,
                        instant.generation.number,
                    )
                )
        carried = len(within) < len(self.instants) and any(
            each.by == "fill" and not each.is_now for each in self.instants[len(within) :]
        )
        if last is None:
            return Result(carried=carried)
        if not corrected and len(within) == 1 and within[0].is_now:
            # It would have been looked at too late, or never.
            corrected = int(
                last.next_at is not None and (self.due_at is None or self.due_at > last.next_at)
            )
        due = None
        if last.next_at != self.due_at or self.attempts:
            due = NextDue(self.contact_id, self.segment.key, last.next_at)
        elif not (changes or corrected or carried):
            return _NOTHING
        return Result(changes, due, corrected, carried)


@dataclass(slots=True, eq=False)
class ContactState:
    """A contact that is being judged: what is to be gone through, and how it stands."""

    contact_id: UUID
    reference: int
    """Its segments were judged at its events up to this one."""
    until: datetime
    """It is gone through up to this instant."""
    last_id: int = 0
    """The newest id of all events: those of the contact that come later have higher ones."""
    events: list[PendingEvent] = field(default_factory=list)
    due: dict[str, DueSegment] = field(default_factory=dict)
    members: set[str] = field(default_factory=set)
    cut: bool = False
    """Whether there is more after `until`."""
    merged: bool = False
    """Whether all segments are to be judged, because contacts were merged."""
    chains: dict[str, Chain] = field(default_factory=dict)
    found: dict[datetime, dict[Generation, Judgement]] = field(default_factory=dict)
    """Its judgements."""
    newest: int = 0
    """If it goes back to what was put off: the reference of what was not."""
    goes_back: bool = False
    """Whether it is gone through only by what was put off."""

    def chain(self, segment: KeptSegment) -> Chain:
        """The instants of one segment."""
        known = self.chains.get(segment.key)
        if known is None:
            due = self.due.get(segment.key)
            known = self.chains[segment.key] = Chain(
                self.contact_id, segment, segment.key in self.members, due
            )
        return known

    def go_back(self) -> None:
        """Go through what was put off, from the first of its events on."""
        self.goes_back = True
        self.newest = self.reference
        taken = [each.reference for each in self.due.values() if each.taken]
        self.reference = min((each for each in taken if each is not None), default=self.newest)

    @property
    def is_behind(self) -> bool:
        """Whether something of it was put off."""
        return any(each.lane is not DueLane.TIME for each in self.due.values())

    @property
    def reached(self) -> int:
        """The last event that was gone through."""
        reached = self.reference
        for event in self.events:
            if event.stamped_at > self.until:
                break
            reached = event.id
        return reached


def gaps_of(state: ContactState, chain: Chain) -> Sequence[Instant]:
    """The instants between those of a chain at which time alone may have changed the verdict.

    A chain that has too many ends there, and its contact with it: the rest has its turn later.
    """
    gaps: list[Instant] = []
    instants, found = chain.instants, state.found
    for place, instant in enumerate(instants):
        judgement = found.get(instant.at, _NONE).get(instant.generation)
        if judgement is None or judgement.next_at is None or judgement.next_at <= instant.at:
            continue
        is_last = place == len(instants) - 1
        if judgement.next_at > state.until or (
            not is_last and judgement.next_at >= instants[place + 1].at
        ):
            continue
        if len(instants) >= INSTANTS:
            state.until = instant.at
            state.cut = True
            return []
        gaps.append(Instant(judgement.next_at, instant.generation, "time"))
    return gaps
