"""Judging contacts by segments: who is in one, since when, and when time alone may change that.

A contact is caught up first. Its events that were not judged yet and the instants that time brought
are gone through in order, and each is judged as of its instant, so that nothing depends on how late
that happens. Of the segments only those are judged that an event may change, or that are due. Only
what was recorded by an instant counts at it; attributes, groups and topics count as they are now.

What takes too long is put off: the contact and segment then stand in a lane of their own, with the
event up to which they were judged, and are gone through from there on by the drainer of that lane.

Members, changes, the events that record them and the next due times are written in the caller's
transaction, under the contacts' locks.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from time import monotonic
from typing import Final
from uuid import UUID

from store.segments.contact_states import Behind, lock_contacts_of_segments, read_states
from store.segments.generations import SHARED_GATE
from store.segments.judging_pass import Judged, JudgingPass, Manner
from store.segments.live_segments import HasLiveSegments
from store.sql import Connection, execute, sql
from store.tables.segments import ChangedBy, DueLane

_PASSES: Final = 20
"""How often a contact with many events is gone on with in one transaction."""
_BEGIN = sql(
    """
select {gate},
       set_config('statement_timeout', %(timeout)s, true),
       set_config('lock_timeout', %(lock_timeout)s, true),
       set_config('enable_seqscan', 'off', true),
       set_config('plan_cache_mode', 'force_generic_plan', true)
""",
    gate=SHARED_GATE,
)
_ALL_BEHIND: Final = (DueLane.BEHIND, DueLane.SLOW, DueLane.AGAIN)


async def begin_judging(conn: Connection, *, timeout: str = "5s", lock_timeout: str = "5s") -> None:
    """Begin a transaction that judges contacts and does nothing else.

    `timeout`: of each of its statements; `lock_timeout`: for contacts that others have locked.
    """
    # Fifty conditions take longer to plan than to judge, so a plan is kept from the first time on.
    # It must not be one that reads all of a table because that was empty.
    await execute(conn, _BEGIN, {"timeout": timeout, "lock_timeout": lock_timeout})


async def judge_contacts(
    conn: Connection,
    catalog: HasLiveSegments,
    contact_ids: Collection[UUID],
    *,
    by: ChangedBy | None = None,
    only: Collection[str] | None = None,
    alone: bool = False,
    until: float | None = None,
) -> Judged:
    """Catch contacts up, and judge them as they are now if `by` says why.

    The caller's transaction has shared the gate (`begin_judging`) before it locked any contact. The
    contacts are locked in the order of their ids, if they are not yet.

    Args:
        by: what brings the present state about, for contacts that are judged by it. They are also
            caught up with what was put off.
        only: the segments to judge now; None: all.
        alone: judge each contact by each segment in a statement of its own. One that fails is
            reported, and is due again later; without this its error is raised.
        until: by the clock of the process; JudgingTakesLong is raised after that.
    """
    judged = Judged()
    references = await lock_contacts_of_segments(conn, contact_ids)
    judged.contacts = len(references)
    manner = Manner(alone=alone, until=until)
    caught_up, merged = await _catch_up(conn, catalog, references, judged, manner, by, only)
    if by is not None:
        behind = Behind(_ALL_BEHIND, None if only is None else sorted(only), waiting=True)
        await _go_back(conn, catalog, caught_up, judged, behind, manner, by=by, only=only)
    elif merged:
        behind = Behind(_ALL_BEHIND, waiting=True)
        some = {each: caught_up[each] for each in merged & caught_up.keys()}
        await _go_back(conn, catalog, some, judged, behind, manner, by="merge")
    return judged


async def judge_behind(
    conn: Connection,
    catalog: HasLiveSegments,
    contact_ids: Collection[UUID],
    lane: DueLane,
    *,
    events: int,
    apart: bool = True,
    alone: bool = False,
    until: float | None = None,
) -> Judged:
    """Catch contacts up with what was put off and stands in a lane.

    Args:
        events: of one contact that are gone through at a time.
        apart: judge by each segment in a statement of its own, to find those that take long.
        alone: as for `judge_contacts`.
        until: by the clock of the process; no more is begun after that, and the rest stays in the
            lane.
    """
    judged = Judged()
    references = await lock_contacts_of_segments(conn, contact_ids)
    judged.contacts = len(references)
    # What has not been judged yet comes after what was put off.
    caught_up, _ = await _catch_up(conn, catalog, references, judged, Manner(put_off=True))
    behind = Behind((lane,), events=events)
    manner = Manner(alone=alone, apart=apart)
    await _go_back(conn, catalog, caught_up, judged, behind, manner, until=until)
    return judged


async def put_off_judging(
    conn: Connection, catalog: HasLiveSegments, contact_ids: Collection[UUID]
) -> set[UUID]:
    """Put off the judging of contacts at their events; those of them that are locked by others.

    The caller's transaction has shared the gate.
    """
    references = await lock_contacts_of_segments(conn, contact_ids, free=True)
    await _catch_up(conn, catalog, references, Judged(), Manner(put_off=True))
    return set(contact_ids) - references.keys()


async def _catch_up(
    conn: Connection,
    catalog: HasLiveSegments,
    references: Mapping[UUID, int],
    judged: Judged,
    manner: Manner,
    by: ChangedBy | None = None,
    only: Collection[str] | None = None,
) -> tuple[dict[UUID, int], set[UUID]]:
    """Judge locked contacts at their events after the references, and at what is due by time.

    Returns those that have no more to be gone through, with their references then, and those that
    were merged.
    """
    caught_up: dict[UUID, int] = {}
    merged: set[UUID] = set()
    carried: dict[UUID, set[str]] = {}
    live = catalog.live_segments
    for number in range(_PASSES):
        if not references:
            break
        reading = await read_states(conn, live, references)
        work = JudgingPass(conn, live, reading.kept, manner)
        for state in reading.contacts:
            work.plan(state, carried.get(state.contact_id, ()))
            if by is not None and not state.cut:
                work.plan_now(state, by, only)
        await work.follow()
        last = number == _PASSES - 1
        references, carried = await work.write(judged, by if last else None)
        for state in reading.contacts:
            if state.contact_id not in references and state.is_behind:
                caught_up[state.contact_id] = state.reached
            if state.merged:
                merged.add(state.contact_id)
    return caught_up, merged


async def _go_back(
    conn: Connection,
    catalog: HasLiveSegments,
    references: Mapping[UUID, int],
    judged: Judged,
    behind: Behind,
    manner: Manner,
    *,
    by: ChangedBy | None = None,
    only: Collection[str] | None = None,
    until: float | None = None,
) -> None:
    """Judge locked contacts that are caught up by what was put off.

    What is left after the time, or after some passes, stays behind.
    """
    live = catalog.live_segments
    newest = references
    for number in range(_PASSES):
        if not references:
            return
        reading = await read_states(conn, live, references, behind)
        work = JudgingPass(conn, live, reading.kept, manner)
        for state in reading.contacts:
            work.plan_behind(state)
            if by is not None and not state.cut:
                work.plan_now(state, by, only)
        await work.follow()
        last = number == _PASSES - 1
        cut, _ = await work.write(judged, by if last else None)
        judged.passes += 1
        if until is not None and monotonic() >= until:
            return
        references = {each: newest[each] for each in cut}
