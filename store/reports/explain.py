"""Why a contact got a message, did not, or not yet: every gate on the way, in order.

What was decided is shown as it was, from the facts that were kept. What was not is judged now, by
the same statements that the engine uses.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any, Final, Literal
from uuid import UUID

from psycopg import AsyncConnection

from journeys.model.steps import SendStep
from journeys.protocol.channels import CHANNELS
from store.definitions.catalog import BrokenDocument, Catalog, Definition
from store.holdouts.live_holdouts import FREE, Assignment, assign
from store.reports.explain_attempts import Attempt
from store.reports.explain_chain import (
    Link,
    OtherMessage,
    find_message,
    other_messages,
    read_chain,
)
from store.reports.explain_entries import EntryExplanation, explain_entry
from store.reports.explain_facts import JourneyFacts, read_journey
from store.reports.explain_gates import Gate, Waiting, as_text, first_failed
from store.reports.explain_runs import newest_at, path_gate, read_waiting, run_gates
from store.reports.explain_sends import explain_send
from store.reports.run_listing import ListedVisit, ShownRun, show_run
from store.runs.rows import RunRow, read_run
from store.segments.segment_conditions import read_revision
from store.sql import fetch_value, sql

Result = Literal[
    "sent", "done", "not_sent", "waiting", "not_entered", "under_way", "ended", "unknown"
]
"""What came of it: `done` is a step that sends nothing, and `unknown` a message that may have gone
out."""

_CLOCK: Final = sql("select parcours.clock()")
_NEWEST: Final = sql("""
select id from run where contact_id = %(contact)s and journey = %(journey)s
  and started_at <= %(at)s order by started_at desc limit 1
""")


class UnknownStep(LookupError):
    """The journey has no such step, and the run has not been at one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Explanation:
    """Why, in one answer."""

    contact: str
    journey: str
    state: str
    version: int | None
    step: str | None
    at: datetime
    """As of when it is asked."""
    result: Result
    reason: str | None
    """The code of the gate that decided; None if all were passed."""
    answer: str
    """The same in a sentence."""
    gates: list[Gate]
    attempts: list[Attempt]
    """Events that might have begun a run, and refused starts, the newest first."""
    waiting: Waiting | None
    run: ShownRun | None
    chain: list[Link] = field(default_factory=list)
    others: list[OtherMessage] = field(default_factory=list)
    """Of a message: others like it."""


async def explain(
    conn: AsyncConnection[Any],
    catalog: Catalog,
    *,
    contact: UUID,
    name: str,
    journey: str,
    step: str | None = None,
    at: datetime | None = None,
    run: UUID | None = None,
    speed: float = 1.0,
) -> Explanation | None:
    """Why a contact got a step of a journey, or not; None if there is no such journey.

    Args:
        contact: our id; `name` is how the answer calls it.
        step: None: the whole journey.
        at: as of when: runs, visits and events that began later are left out. By default now.
        run: the run that is asked about; by default the latest one.

    Raises UnknownStep.
    """
    facts = await read_journey(conn, journey)
    if facts is None:
        return None
    now: datetime = await fetch_value(conn, _CLOCK)
    asked = min(at or now, now)
    definition = await _definition(conn, catalog, journey, facts.version)
    held = await _held(conn, catalog, definition, contact, asked)
    entry = await explain_entry(conn, facts, definition, contact, asked, held)
    run_id = run or await fetch_value(
        conn, _NEWEST, {"contact": contact, "journey": journey, "at": asked}
    )
    asked_about = _Asked(name, facts, step, asked)
    row = None if run_id is None else await read_run(conn, run_id)
    if row is None:
        _check_step(step, definition, [])
        return _not_entered(asked_about, entry)
    shown = await show_run(conn, row.id)
    assert shown is not None
    visits = [visit for visit in shown.visits if visit.started_at <= asked]
    of_run = await _definition(conn, catalog, journey, row.version)
    if of_run is None:
        return _not_entered(asked_about, entry, shown)
    _check_step(step, of_run, visits)
    newest = entry.attempts[0] if entry.attempts else None
    if (
        run is None
        and not row.active
        and newest is not None
        and newest.at > row.started_at
        and newest.became != "run"
        and (step is None or newest_at(visits, step) is None)
    ):
        return _not_entered(asked_about, entry, shown)
    return await _of_run(conn, catalog, asked_about, row, of_run, shown, visits, entry, speed)


async def explain_message(
    conn: AsyncConnection[Any], catalog: Catalog, message: UUID, *, speed: float = 1.0
) -> Explanation | None:
    """Why a message went out when it did, and others like it; None if there is no such message."""
    place = await find_message(conn, message)
    if place is None:
        return None
    found = await explain(
        conn,
        catalog,
        contact=place.contact_id,
        name=place.contact,
        journey=place.journey,
        step=place.step,
        run=place.run_id,
        speed=speed,
    )
    if found is None or found.run is None:
        return found
    row = await read_run(conn, place.run_id)
    definition = None
    if row is not None:
        definition = await _definition(conn, catalog, place.journey, row.version)
    if row is None or definition is None:
        return found
    return replace(
        found,
        chain=await read_chain(conn, row, definition, found.run.visits, place.visit),
        others=await other_messages(conn, place, message, definition),
    )


@dataclass(frozen=True, slots=True)
class _Asked:
    """What was asked."""

    contact: str
    journey: JourneyFacts
    step: str | None
    at: datetime


async def _definition(
    conn: AsyncConnection[Any], catalog: Catalog, journey: str, version: int | None
) -> Definition | None:
    if version is None:
        return None
    try:
        return await catalog.definition(conn, journey, version)
    except BrokenDocument:
        return None


async def _held(
    conn: AsyncConnection[Any],
    catalog: Catalog,
    definition: Definition | None,
    contact: UUID,
    at: datetime,
) -> Assignment:
    """What the holdouts say of the contact now."""
    holdouts = await catalog.holdouts(conn, await read_revision(conn))
    if definition is None or not holdouts:
        return FREE
    return (await assign(conn, holdouts, [(definition.journey, contact)], at))[0]


def _check_step(step: str | None, definition: Definition | None, visits: list[ListedVisit]) -> None:
    if step is None or definition is None or newest_at(visits, step) is not None:
        return
    try:
        definition.journey.step(step)
    except KeyError:
        known = ", ".join(each.id for each in definition.journey.all_steps()[:50])
        raise UnknownStep(f"the journey has no step {step!r}; its steps are {known}") from None


def _not_entered(
    asked: _Asked, entry: EntryExplanation, shown: ShownRun | None = None
) -> Explanation:
    failed = first_failed(entry.gates)
    what = f"{asked.step} of {asked.journey.key}" if asked.step else asked.journey.key
    verb = "did not get" if asked.step else "did not enter"
    result: Result = "not_entered"
    if failed is not None:
        answer = f"{asked.contact} {verb} {what}: {failed.words}"
    elif entry.waiting is not None:
        result = "waiting"
        verb = "has not got" if asked.step else "has not entered"
        answer = f"{asked.contact} {verb} {what} yet: {entry.waiting.words}"
    else:
        result = "unknown"
        answer = f"{asked.contact} {verb} {what}, and what is kept does not say why"
    return _explanation(asked, result, failed, answer, entry.gates, entry, entry.waiting, shown)


async def _of_run(
    conn: AsyncConnection[Any],
    catalog: Catalog,
    asked: _Asked,
    row: RunRow,
    definition: Definition,
    shown: ShownRun,
    visits: list[ListedVisit],
    entry: EntryExplanation,
    speed: float,
) -> Explanation:
    gates = [_entered(row)]
    waiting = await read_waiting(conn, row, definition, visits)
    standing = visits[-1] if visits and visits[-1].outcome is None else None
    wanted = asked.step or (standing.step if standing is not None and row.active else None)
    visit = None if wanted is None else newest_at(visits, wanted)
    step = None
    if wanted is not None:
        try:
            step = definition.journey.step(wanted)
        except KeyError:
            step = None
    if visit is None or visit.outcome is None:
        gates += run_gates(row, definition.program, wanted, shown.run.ended_at)
    if wanted is not None and visit is None:
        gates.append(path_gate(row, definition.program, visits, wanted, row.now))
    if isinstance(step, SendStep) and (row.active or visit is not None):
        of_send = await explain_send(conn, catalog, row, definition, step, visit, speed=speed)
        if visit is None or visit.outcome is None:
            # The exit is asked of the run already, and its `then` goes on.
            known = {each.gate for each in gates}
            of_send = [each for each in of_send if each.gate not in known]
        gates += of_send
    chain = await read_chain(conn, row, definition, visits)
    failed = first_failed(gates)
    result, answer = _conclusion(asked, row, wanted, visit, step, failed, waiting)
    made = _explanation(asked, result, failed, answer, gates, entry, waiting, shown)
    return replace(made, chain=chain)


def _entered(row: RunRow) -> Gate:
    by = "without an event" if row.entry_event_id is None else f"by event {row.entry_event_id}"
    return Gate(
        gate="event" if row.entry_event_id is not None else "start",
        passed=True,
        at=row.started_at,
        source="decision",
        words=f"run {row.id} began {by}",
        saw={"run": str(row.id), "event": row.entry_event_id, "key": row.key},
    )


def _conclusion(
    asked: _Asked,
    row: RunRow,
    wanted: str | None,
    visit: ListedVisit | None,
    step: object,
    failed: Gate | None,
    waiting: Waiting | None,
) -> tuple[Result, str]:
    """What came of it, and the same in a sentence."""
    who, journey = asked.contact, asked.journey.key
    if asked.step is None:
        if row.active:
            words = waiting.words if waiting is not None else "it is at work"
            return "under_way", f"{who} is in {journey}: {words}"
        why = f", {row.reason}" if row.reason else ""
        return "ended", f"{who}'s run of {journey} ended: {row.outcome}{why}"
    what = f"{wanted} of {journey}"
    if visit is not None and visit.outcome is not None:
        when = as_text(visit.ended_at)
        if not isinstance(step, SendStep):
            return "done", f"{who} was at {what}: {visit.outcome} at {when}"
        if visit.outcome == CHANNELS[step.kind].sent_outcome:
            return "sent", f"{who} got {what} at {when}"
        if visit.outcome == "unknown":
            return "unknown", f"{who} may have got {what}: the provider's answer is not known"
    if failed is not None and (visit is None or visit.outcome is not None or not row.active):
        if visit is not None or failed.source == "decision" or not row.active:
            return "not_sent", f"{who} did not get {what}: {failed.words}"
        return (
            "waiting",
            f"{who} has not got {what} yet, and as things stand would not: {failed.words}",
        )
    words = waiting.words if waiting is not None else "the run is at work"
    return "waiting", f"{who} has not got {what} yet: {words}"


def _explanation(
    asked: _Asked,
    result: Result,
    failed: Gate | None,
    answer: str,
    gates: list[Gate],
    entry: EntryExplanation,
    waiting: Waiting | None,
    shown: ShownRun | None,
) -> Explanation:
    return Explanation(
        contact=asked.contact,
        journey=asked.journey.key,
        state=asked.journey.state,
        version=asked.journey.version,
        step=asked.step,
        at=asked.at,
        result=result,
        reason=None if failed is None else failed.code,
        answer=answer,
        gates=gates,
        attempts=entry.attempts,
        waiting=waiting,
        run=shown,
    )
