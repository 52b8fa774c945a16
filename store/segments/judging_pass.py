"""One pass over locked contacts: the instants at which each is judged, and what follows."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from time import monotonic
from typing import Final
from uuid import UUID

from store.segments.contact_chains import (
    Chain,
    ContactState,
    Instant,
    PendingEvent,
    gaps_of,
)
from store.segments.live_segments import Generation, KeptSegment, KeptSegments, LiveSegments
from store.segments.membership_writes import Change, NextDue, write_judged
from store.sql import Connection, is_database_away
from store.tables.segments import ChangedBy, DueLane

_SINGLES: Final = 3
"""Segments of one contact and instant that are judged by statements of their own."""
_TOGETHER: Final = 50
"""Segments of one statement, at most."""
_CONDITIONS: Final = 100
"""Conditions of the segments of one statement, at most, unless one segment has more: more of them
take longer to plan than a round has time, and what is cancelled has to be planned again."""
_ROWS: Final = 500
"""Contacts and instants of one statement, at most."""

_Waiting = tuple[ContactState, Chain, Instant]
_Where = tuple[ContactState, datetime]


class JudgingTakesLong(Exception):
    """There is no more time to judge contacts in this transaction."""


@dataclass(frozen=True)
class FailedJudgement:
    """A contact that could not be judged by a segment, which is due again later."""

    contact_id: UUID
    segment: str
    error: Exception
    attempts: int
    of_segment: bool
    """Whether the segment is at fault, and not this contact alone."""


@dataclass
class Judged:
    """What judging contacts has found and written."""

    changes: list[Change] = field(default_factory=list)
    corrections: Counter[str] = field(default_factory=Counter)
    """By segment: members or due times of contacts that were caught up and yet not right."""
    failures: list[FailedJudgement] = field(default_factory=list)
    contacts: int = 0
    """How many of them exist."""
    passes: int = 0
    """How often they were gone through by what was put off."""


@dataclass(frozen=True)
class Manner:
    """How contacts are judged."""

    alone: bool = False
    """Each contact by each segment in a statement of its own. One that fails is reported, and is
    due again later; without this its error is raised."""
    apart: bool = False
    """Each segment in a statement of its own, so that the time it takes is known."""
    put_off: bool = False
    """Not at all now: their turn comes in a lane of its own."""
    until: float | None = None
    """By the clock of the process: raise JudgingTakesLong after that."""


class JudgingPass:
    """One pass over locked contacts."""

    def __init__(
        self, conn: Connection, live: LiveSegments, kept: KeptSegments, manner: Manner
    ) -> None:
        self._conn = conn
        self._live = live
        self._kept = kept
        self._manner = manner
        self._contacts: list[ContactState] = []
        self._present: dict[
            tuple[datetime, ChangedBy, bool], list[tuple[KeptSegment, Instant]]
        ] = {}
        self._failed: dict[tuple[UUID, str], Exception] = {}
        self._left: dict[Chain, DueLane] = {}

    def plan(self, state: ContactState, carried: Iterable[str]) -> None:
        """The instants at which a contact is judged: its events, and what is due by now.

        What was put off is left out.
        """
        self._contacts.append(state)
        for event in state.events:
            for segment in self._kept.touched_by(event.name, event.properties):
                chain = state.chain(segment)
                if not chain.is_behind:
                    self._add_event(chain, event)
        for key, due in state.due.items():
            if due.lane is DueLane.TIME:
                self._add_due(state, key, due.due_at)
        for key in carried:
            if key in self._kept.by_key:
                now = self._kept.by_key[key].now
                chain = state.chain(self._kept.by_key[key])
                if not chain.is_behind:
                    chain.add(Instant(now.since, now, "fill"))
        if self._judges_merged(state):
            self.plan_now(state, "merge", None)

    def plan_behind(self, state: ContactState) -> None:
        """The instants at which a contact is judged by what was put off."""
        self._contacts.append(state)
        taken = {key for key, due in state.due.items() if due.taken}
        for event in state.events:
            for segment in self._kept.touched_by(event.name, event.properties):
                if segment.key in taken:
                    chain = state.chain(segment)
                    if event.id > chain.reference(state):
                        self._add_event(chain, event)
        for key in taken & self._kept.by_key.keys():
            state.chain(self._kept.by_key[key])
            self._add_due(state, key, state.due[key].due_at)

    def _add_event(self, chain: Chain, event: PendingEvent) -> None:
        segment = chain.segment
        generation = segment.at(event.stamped_at)
        if generation is not None and generation.dependencies.touched_by(
            event.name, event.properties
        ):
            group = tuple(each.now for each in self._kept.by_event.get(event.name, ()))
            chain.add(Instant(event.stamped_at, generation, "event", event.id, event.depth, group))
        if generation is not segment.now:
            chain.add(Instant(segment.now.since, segment.now, "fill"))

    def _add_due(self, state: ContactState, key: str, due_at: datetime) -> None:
        segment = self._kept.by_key.get(key)
        if segment is None or due_at > state.until:
            return
        chain = state.chain(segment)
        generation = segment.at(due_at)
        if generation is not None:
            chain.add(Instant(due_at, generation, "time"))
        if generation is not segment.now:
            chain.add(Instant(segment.now.since, segment.now, "fill"))

    def _judges_merged(self, state: ContactState) -> bool:
        return state.merged and not state.cut and not self._manner.put_off

    def plan_now(self, state: ContactState, by: ChangedBy, only: Collection[str] | None) -> None:
        """Judge a contact that is caught up as it is now; by what is behind only if it is taken."""
        # Most contacts are judged at one instant.
        place = (state.until, by, only is None)
        present = self._present.get(place)
        if present is None:
            kept = self._kept.by_key.items()
            segments = [each for key, each in kept if only is None or key in only]
            group = tuple(each.now for each in segments)
            present = self._present[place] = [
                (each, Instant(state.until, each.now, by, group=group, is_now=True))
                for each in segments
            ]
        for segment, instant in present:
            due = state.due.get(segment.key)
            if due is None or due.lane is DueLane.TIME:
                if not state.goes_back:
                    state.chain(segment).add(instant)
            elif due.taken:
                state.chain(segment).add(instant)

    async def follow(self) -> None:
        """Judge all instants, and those that time brings between them."""
        aside = {
            key: error
            for key, kept in self._kept.by_key.items()
            if (error := self._live.error_of(kept.now)) is not None
        }
        waiting: list[_Waiting] = []
        for state in self._contacts:
            for key, chain in state.chains.items():
                if not chain.instants:
                    continue
                if key in aside:
                    self._failed[(state.contact_id, key)] = aside[key]
                elif (lane := self._lane_of(state, chain)) is not None:
                    self._left[chain] = lane
                else:
                    waiting += [(state, chain, each) for each in chain.instants]
        while waiting:
            await self._judge(waiting)
            waiting = []
            for state in self._contacts:
                for chain in state.chains.values():
                    if chain in self._left or self._error_of(chain) is not None:
                        continue
                    for instant in gaps_of(state, chain):
                        chain.add(instant)
                        waiting.append((state, chain, instant))

    def _lane_of(self, state: ContactState, chain: Chain) -> DueLane | None:
        """Where its turn comes, if it is not to be judged now."""
        if state.goes_back or chain.is_judged_now:
            return None
        if any(self._live.is_slow(each.generation) for each in chain.instants):
            return DueLane.SLOW
        return DueLane.BEHIND if self._manner.put_off else None

    def _error_of(self, chain: Chain) -> Exception | None:
        if not self._failed:
            return None
        return self._failed.get((chain.contact_id, chain.segment.key))

    async def write(
        self, judged: Judged, unfinished: ChangedBy | None
    ) -> tuple[dict[UUID, int], dict[UUID, set[str]]]:
        """Write what was found; the contacts that have more to be gone through, with where.

        And the segments that each of those is still to be judged by because they have changed.
        """
        changes: list[Change] = []
        due: list[NextDue] = []
        references: dict[UUID, int] = {}
        cut: dict[UUID, int] = {}
        carried: dict[UUID, set[str]] = {}
        for state in self._contacts:
            for chain in state.chains.values():
                if not chain.instants and (state.cut or not state.goes_back):
                    continue
                error = self._error_of(chain)
                if error is not None:
                    judged.failures.append(self._failure(chain, error))
                    due.append(chain.failed(state))
                    continue
                if chain in self._left:
                    due.append(chain.put_off(state, self._left[chain]))
                    continue
                result = chain.result(state)
                changes += result.changes
                if state.goes_back:
                    due.append(chain.gone_through(state, result, self._lane_after(chain)))
                elif result.due is not None:
                    due.append(result.due)
                if result.corrected:
                    judged.corrections[chain.segment.key] += result.corrected
                if result.carried:
                    carried.setdefault(state.contact_id, set()).add(chain.segment.key)
            due += self._of_no_segment(state)
            if not state.goes_back:
                if self._judges_merged(state):
                    due.append(NextDue(state.contact_id, "", None))
                if state.reached > state.reference:
                    references[state.contact_id] = state.reached
            if state.cut:
                cut[state.contact_id] = state.reached
                if unfinished is not None:
                    # The rest is left to the due times, and all of it is judged again then.
                    due.append(NextDue(state.contact_id, "", state.until))
        judged.changes += changes
        await write_judged(self._conn, changes, due, references)
        return cut, carried

    def _failure(self, chain: Chain, error: Exception) -> FailedJudgement:
        return FailedJudgement(
            chain.contact_id,
            chain.segment.key,
            error,
            chain.attempts + 1,
            self._live.error_of(chain.segment.now) is not None,
        )

    def _lane_after(self, chain: Chain) -> DueLane:
        """The lane of what is behind and has more to be gone through."""
        return DueLane.SLOW if self._live.is_slow(chain.segment.now) else DueLane.BEHIND

    def _of_no_segment(self, state: ContactState) -> Iterable[NextDue]:
        """What is due for segments that can't be read waits; for those that are gone it goes."""
        for key, due in state.due.items():
            if key in self._kept.by_key or due.due_at > state.until:
                continue
            if not (due.taken if state.goes_back else due.lane is DueLane.TIME):
                continue
            if key in self._kept.broken:
                yield NextDue.after_failure(
                    state.contact_id,
                    key,
                    due.attempts + 1,
                    due_at=due.due_at,
                    reference=state.last_id if due.reference is None else due.reference,
                    newest=state.last_id,
                )
            else:
                yield NextDue(state.contact_id, key, None)

    async def _judge(self, waiting: Sequence[_Waiting]) -> None:
        """Judge instants, in as few statements as can be."""
        asked: dict[tuple[Generation, ...], dict[_Where, None]] = {}
        places: dict[_Where, dict[Generation, Instant]] = {}
        for state, _, instant in waiting:
            found = state.found.get(instant.at)
            if found is None or instant.generation not in found:
                place = places.setdefault((state, instant.at), {})
                place.setdefault(instant.generation, instant)
        for where, left in places.items():
            if len(left) > _SINGLES and not (self._manner.alone or self._manner.apart):
                group = next(iter(left.values())).group
                for part in _portions([each for each in group if not self._live.is_slow(each)]):
                    if not left.keys().isdisjoint(part):
                        asked.setdefault(part, {})[where] = None
                        for each in part:
                            left.pop(each, None)
            for generation in left:
                asked.setdefault((generation,), {})[where] = None
        for generations_asked, rows in asked.items():
            listed = list(rows)
            for start in range(0, len(listed), 1 if self._manner.alone else _ROWS):
                page = listed[start : start + (1 if self._manner.alone else _ROWS)]
                await self._judge_page(generations_asked, page)

    async def _judge_page(
        self, generations: tuple[Generation, ...], page: Sequence[_Where]
    ) -> None:
        if not self._manner.alone:
            await self._run(generations, page)
            return
        [(state, _)] = page
        key = (state.contact_id, generations[0].segment)
        if key in self._failed:
            return
        try:
            async with self._conn.transaction():
                await self._run(generations, page)
        except Exception as error:
            if is_database_away(error):
                raise
            self._failed[key] = error
            self._live.note(generations[0], error)
        else:
            self._live.note(generations[0], None)

    async def _run(self, generations: tuple[Generation, ...], page: Sequence[_Where]) -> None:
        begun = monotonic()
        if self._manner.until is not None and begun >= self._manner.until:
            raise JudgingTakesLong
        statement = self._live.statement(generations)
        answers = await statement.judge(self._conn, [(state.contact_id, at) for state, at in page])
        if len(generations) == 1:
            self._live.note_time(generations[0], (monotonic() - begun) / len(page))
        for (state, at), answer in zip(page, answers, strict=True):
            if answer is not None:
                found = zip(generations, answer, strict=True)
                state.found.setdefault(at, {}).update(found)


def _portions(group: Sequence[Generation]) -> Iterator[tuple[Generation, ...]]:
    """A group in the parts that are judged by one statement each, always the same."""
    part: list[Generation] = []
    size = 0
    for each in group:
        if part and (len(part) == _TOGETHER or size + each.size > _CONDITIONS):
            yield tuple(part)
            part, size = [], 0
        part.append(each)
        size += each.size
    if part:
        yield tuple(part)
