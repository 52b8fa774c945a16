"""Judging contacts by segments: who is in one, since when, and when time alone may change that.

A contact is caught up first. Its events that were not judged yet and the instants that time brought
are gone through in order, and each is judged as of its instant, so that nothing depends on how late
that happens. Of the segments only those are judged that an event may change, or that are due. Only
what was recorded by an instant counts at it; attributes, groups and topics count as they are now.

Members, changes, the events that record them and the next due times are written in the caller's
transaction, under the contacts' locks.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final
from uuid import UUID

from store.segments.contact_chains import Chain, ContactState, Instant, gaps_of
from store.segments.contact_states import lock_contacts_of_segments, read_states
from store.segments.generations import SHARED_GATE
from store.segments.live_segments import Generation, HasLiveSegments, KeptSegment, KeptSegments
from store.segments.membership_writes import Change, NextDue, write_judged
from store.sql import Connection, execute, is_database_away, sql
from store.tables.segments import ChangedBy

_PASSES: Final = 20
"""How often a contact with many events is gone on with in one transaction."""
_SINGLES: Final = 3
"""Segments of one contact and instant that are judged by statements of their own."""
_TOGETHER: Final = 50
"""Segments of one statement, at most."""
_CONDITIONS: Final = 250
"""Conditions of the segments of one statement, at most, unless one segment has more."""
_ROWS: Final = 500
"""Contacts and instants of one statement, at most."""
_BEGIN = sql(
    """
select {gate},
       set_config('statement_timeout', %(timeout)s, true),
       set_config('enable_seqscan', 'off', true),
       set_config('plan_cache_mode', 'force_generic_plan', true)
""",
    gate=SHARED_GATE,
)

_Waiting = tuple[ContactState, Chain, Instant]
_Where = tuple[ContactState, datetime]


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
    next_due: datetime | None = None
    """The earliest of the due times that were written."""
    contacts: int = 0
    """How many of them exist."""


async def begin_judging(conn: Connection, *, timeout: str = "5s") -> None:
    """Begin a transaction that judges contacts and does nothing else."""
    # Fifty conditions take longer to plan than to judge, so a plan is kept from the first time on.
    # It must not be one that reads all of a table because that was empty.
    await execute(conn, _BEGIN, {"timeout": timeout})


async def judge_contacts(
    conn: Connection,
    catalog: HasLiveSegments,
    contact_ids: Collection[UUID],
    *,
    by: ChangedBy | None = None,
    only: Collection[str] | None = None,
    alone: bool = False,
) -> Judged:
    """Catch contacts up, and judge them as they are now if `by` says why.

    The caller's transaction has shared the gate (`begin_judging`) before it locked any contact. The
    contacts are locked in the order of their ids, if they are not yet.

    Args:
        by: what brings the present state about, for contacts that are judged by it.
        only: the segments to judge now; None: all.
        alone: judge each contact by each segment in a statement of its own. One that fails is
            reported, and is due again later; without this its error is raised.
    """
    judged = Judged()
    references = await lock_contacts_of_segments(conn, contact_ids)
    judged.contacts = len(references)
    if not references:
        return judged
    carried: dict[UUID, set[str]] = {}
    for number in range(_PASSES):
        reading = await read_states(conn, catalog.live_segments, references)
        work = _Work(conn, catalog, reading.kept, alone)
        for state in reading.contacts:
            work.plan(state, carried.get(state.contact_id, ()))
            if by is not None and not state.cut:
                work.plan_now(state, by, only)
        await work.follow()
        last = number == _PASSES - 1
        cut, carried = await work.write(judged, by if last else None)
        if not cut:
            break
        references = cut
    return judged


class _Work:
    """One pass over locked contacts."""

    def __init__(
        self, conn: Connection, catalog: HasLiveSegments, kept: KeptSegments, alone: bool
    ) -> None:
        self._conn = conn
        self._live = catalog.live_segments
        self._kept = kept
        self._alone = alone
        self._contacts: list[ContactState] = []
        self._present: dict[
            tuple[datetime, ChangedBy, bool], list[tuple[KeptSegment, Instant]]
        ] = {}
        self._failed: dict[tuple[UUID, str], Exception] = {}

    def plan(self, state: ContactState, carried: Iterable[str]) -> None:
        """The instants at which a contact is judged: its events, and what is due by now."""
        self._contacts.append(state)
        for event in state.events:
            touched = self._kept.touched_by(event.name, event.properties)
            group = tuple(each.now for each in self._kept.by_event.get(event.name, ()))
            for segment in touched:
                chain = state.chain(segment)
                generation = segment.at(event.stamped_at)
                if generation is not None and generation.dependencies.touched_by(
                    event.name, event.properties
                ):
                    chain.add(
                        Instant(event.stamped_at, generation, "event", event.id, event.depth, group)
                    )
                if generation is not segment.now:
                    chain.add(Instant(segment.now.since, segment.now, "fill"))
        for key, due in state.due.items():
            kept = self._kept.by_key.get(key)
            if kept is None or due.due_at > state.until:
                continue
            chain = state.chain(kept)
            generation = kept.at(due.due_at)
            if generation is not None:
                chain.add(Instant(due.due_at, generation, "time"))
            if generation is not kept.now:
                chain.add(Instant(kept.now.since, kept.now, "fill"))
        for key in carried:
            if key in self._kept.by_key:
                now = self._kept.by_key[key].now
                state.chain(self._kept.by_key[key]).add(Instant(now.since, now, "fill"))
        if state.merged and not state.cut:
            self.plan_now(state, "merge", None)

    def plan_now(self, state: ContactState, by: ChangedBy, only: Collection[str] | None) -> None:
        """Judge a contact that is caught up as it is now."""
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
                if key in aside:
                    self._failed[(state.contact_id, key)] = aside[key]
                else:
                    waiting += [(state, chain, each) for each in chain.instants]
        while waiting:
            await self._judge(waiting)
            waiting = []
            for state in self._contacts:
                for chain in state.chains.values():
                    if self._error_of(chain) is not None:
                        continue
                    for instant in gaps_of(state, chain):
                        chain.add(instant)
                        waiting.append((state, chain, instant))

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
                error = self._error_of(chain)
                if error is not None:
                    failed = FailedJudgement(
                        state.contact_id,
                        chain.segment.key,
                        error,
                        chain.attempts + 1,
                        self._live.error_of(chain.segment.now) is not None,
                    )
                    judged.failures.append(failed)
                    due.append(
                        NextDue.after_failure(failed.contact_id, failed.segment, failed.attempts)
                    )
                    continue
                result = chain.result(state)
                changes += result.changes
                if result.due is not None:
                    due.append(result.due)
                    if result.due.due_at is not None:
                        judged.next_due = min(
                            judged.next_due or result.due.due_at, result.due.due_at
                        )
                if result.corrected:
                    judged.corrections[chain.segment.key] += result.corrected
                if result.carried:
                    carried.setdefault(state.contact_id, set()).add(chain.segment.key)
            due += self._of_no_segment(state)
            if state.merged and not state.cut:
                due.append(NextDue(state.contact_id, "", None))
            reference = state.reached
            if reference > state.reference:
                references[state.contact_id] = reference
            if state.cut:
                cut[state.contact_id] = reference
                if unfinished is not None:
                    # The rest is left to the due times, and all of it is judged again then.
                    due.append(NextDue(state.contact_id, "", state.until))
        judged.changes += changes
        await write_judged(self._conn, changes, due, references)
        return cut, carried

    def _of_no_segment(self, state: ContactState) -> Iterable[NextDue]:
        """What is due for segments that can't be read waits; for those that are gone it goes."""
        for key, due in state.due.items():
            if key in self._kept.by_key or due.due_at > state.until:
                continue
            if key in self._kept.broken:
                yield NextDue.after_failure(state.contact_id, key, due.attempts + 1)
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
            if len(left) > _SINGLES and not self._alone:
                for part in _portions(next(iter(left.values())).group):
                    if not left.keys().isdisjoint(part):
                        asked.setdefault(part, {})[where] = None
                        for each in part:
                            left.pop(each, None)
            for generation in left:
                asked.setdefault((generation,), {})[where] = None
        for generations_asked, rows in asked.items():
            listed = list(rows)
            for start in range(0, len(listed), 1 if self._alone else _ROWS):
                page = listed[start : start + (1 if self._alone else _ROWS)]
                await self._judge_page(generations_asked, page)

    async def _judge_page(
        self, generations: tuple[Generation, ...], page: Sequence[_Where]
    ) -> None:
        if not self._alone:
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
        statement = self._live.statement(generations)
        answers = await statement.judge(self._conn, [(state.contact_id, at) for state, at in page])
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
