"""Why a run is where it is: the steps that it passed, its way to a step, and what it waits for."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Final
from zoneinfo import ZoneInfo

from psycopg import AsyncConnection

from journeys.compile.summaries import summary
from journeys.model.steps import WaitStep
from journeys.protocol.deferrals import deferral_words
from journeys.protocol.program import Program
from journeys.time.zones import zone_of
from store.definitions.catalog import Definition
from store.reports.explain_gates import Gate, Waiting, as_text
from store.reports.run_listing import ListedVisit
from store.runs.rows import RunRow
from store.sql import fetch_all, fetch_one, sql

_STANDING: Final = sql("""
select r.workflow_started_at is not null, r.moves <> r.moves_taken, p.attempts, p.not_before,
       p.kind
from run r
left join lateral (
    select kind, attempts, not_before from parked_call where run_id = r.id
    order by not_before limit 1
) p on true
where r.id = %(run)s
""")
_LISTENERS: Final = sql("""
select event_name, match, due_at, visit, slot from listener
where run_id = %(run)s and visit in (0, %(visit)s) and slot >= 0 order by visit desc, slot
""")
_JOB: Final = sql("""
select id, paused_at from job where journey = %(journey)s and kind = 'resume' and state = 'running'
order by started_at desc limit 1
""")
_TURNS: Final = sql("""
select provider, next_at from provider_turn where next_at > parcours.clock() order by provider
""")


def path_gate(
    run: RunRow, program: Program, visits: list[ListedVisit], step: str, now: datetime
) -> Gate:
    """Whether the way of a run leads to a step that it has not come to, and what turned it away."""
    places = {node.id: number for number, node in enumerate(program.nodes)}
    target = places.get(step)
    known = [visit for visit in visits if visit.step in places]
    for number, visit in enumerate(known):
        here = places[visit.step]
        if visit.outcome is None:
            break
        following: int | None
        if number + 1 < len(known):
            following = places[known[number + 1].step]
        else:
            node = program.nodes[here]
            ended = node.kind == "exit" and visit.outcome == "exited"
            following = None if ended else node.arrows.get(_way(visit), node.next)
        left = run.exit_visit is not None and visit.visit >= run.exit_visit
        if not left and _leads(program, here, target) and not _leads(program, following, target):
            return Gate(
                gate="path",
                passed=False,
                at=visit.ended_at or visit.started_at,
                source="decision",
                words=f"`{visit.step}` went the way `{visit.outcome}`, which does not lead to it",
                saw={"step": visit.step, "outcome": visit.outcome, **visit.facts},
                code="other_way",
                would_need=f"another outcome of `{visit.step}`, or `parcours run goto`",
                step=visit.step,
            )
    return Gate(
        gate="path",
        passed=None if run.active else False,
        at=now,
        source="now",
        words=(
            f"the run has not come to `{step}` yet"
            if run.active
            else f"the run ended before it came to `{step}`"
        ),
        saw={"at_step": visits[-1].step if visits else None},
        code=None if run.active else "not_reached",
    )


def _in_then(run: RunRow, program: Program, step: str) -> bool:
    """Whether a step is one of the `then` of the exit that has fired, or follows on one."""
    places = {node.id: number for number, node in enumerate(program.nodes)}
    rule = run.exit_rule
    if rule is None or rule >= len(program.exits):
        return False
    return _leads(program, program.exits[rule], places.get(step))


def _way(visit: ListedVisit) -> str:
    """The arrow that a visit took: of a split that found its winner, that of the winner."""
    return str(visit.facts.get("winner") or visit.outcome)


def _leads(program: Program, start: int | None, target: int | None) -> bool:
    """Whether a way leads from a node to another; to itself, too."""
    seen: set[int] = set()
    left = [start]
    while left:
        number = left.pop()
        if number is None or number in seen:
            continue
        if number == target:
            return True
        seen.add(number)
        node = program.nodes[number]
        left += [node.next, *node.arrows.values()]
    return False


def run_gates(
    run: RunRow, program: Program, step: str | None, ended_at: datetime | None
) -> list[Gate]:
    """Whether the run goes on, and what ended it: an exit, the goal, or anything else.

    `step` is the one that is asked about. An exit that has fired keeps an active run from all but
    the steps of its `then`.
    """
    at = ended_at or run.now
    gates: list[Gate] = []
    saw: dict[str, Any] = {"state": run.state, "outcome": run.outcome, "reason": run.reason}
    if run.exit_rule is not None or run.outcome in ("exited", "goal"):
        name = "goal" if run.outcome == "goal" else "exit"
        going = " and its `then` goes on" if run.active else ""
        passed = run.active and (step is None or _in_then(run, program, step))
        gates.append(
            Gate(
                gate="goal" if name == "goal" else "exit",
                passed=passed,
                at=at,
                source="decision",
                words=f"the {name} {run.reason or ''} has fired{going}".replace("  ", " "),
                saw={**saw, "exit_rule": run.exit_rule, "exit_visit": run.exit_visit},
                code=None if passed else run.outcome or "exited",
                would_need=None if passed else "the event that ended the run must not have come",
            )
        )
    elif not run.active:
        completed = run.outcome == "completed"
        gates.append(
            Gate(
                gate="run",
                passed=completed,
                at=at,
                source="decision",
                words=f"the run ended: {run.outcome}{f', {run.reason}' if run.reason else ''}",
                saw=saw,
                code=None if completed else run.outcome,
                would_need=None if completed else "another run of the contact",
            )
        )
    else:
        gates.append(
            Gate(gate="run", passed=True, at=at, source="now", words="the run is active", saw=saw)
        )
    return gates


async def read_waiting(
    conn: AsyncConnection[Any], run: RunRow, definition: Definition, visits: list[ListedVisit]
) -> Waiting | None:
    """What an active run waits for, and until when; None if it has ended."""
    if not run.active:
        return None
    row = await fetch_one(conn, _STANDING, {"run": run.id})
    assert row is not None
    started, moving, attempts, not_before, call = row
    details: dict[str, Any] = {}
    if call is not None:
        details["call"] = {"kind": call, "attempts": attempts, "next_try_at": as_text(not_before)}
    newest = visits[-1] if visits else None
    if not started and newest is None:
        words = "its workflow is to be started"
        if attempts:
            words += f"; {attempts} tries failed"
        return Waiting(reason="workflow", words=words, until=not_before, details=details)
    if moving:
        details["moving"] = True
    if newest is None or newest.outcome is not None:
        return await _at_work(conn, definition, newest, details)
    step = newest.step
    if newest.kind in ("wait", "split"):
        return await _wait(conn, run, definition, newest, details)
    if newest.held is None:
        words = f"the send `{step}` is at work"
        return Waiting(reason="send", words=words, step=step, details=details)
    if newest.held == "paused":
        job = await fetch_one(conn, _JOB, {"journey": run.journey})
        if job is not None:
            details["job"] = {"id": str(job[0]), "paused_at": as_text(job[1])}
    zone = zone_of(run.timezone, definition.journey.timezone)
    words = f"the send `{step}` waits: {deferral_words(newest.held)}"
    if newest.due_at is not None:
        words += f", until {until_words(newest.due_at, zone)}"
        details |= {"local": _local(newest.due_at, zone), "zone": zone.key}
    if newest.attempts:
        details |= {"attempts": newest.attempts, "code": newest.code}
    return Waiting(reason=newest.held, words=words, until=newest.due_at, step=step, details=details)


async def _at_work(
    conn: AsyncConnection[Any],
    definition: Definition,
    newest: ListedVisit | None,
    details: dict[str, Any],
) -> Waiting:
    """A run between two steps: a send in the queue of its channel has no visit yet."""
    turns = await fetch_all(conn, _TURNS)
    if turns:
        details["turns"] = {provider: as_text(next_at) for provider, next_at in turns}
    if newest is None:
        return Waiting(reason="queue", words="the run comes to its first step", details=details)
    following = None
    nodes = {node.id: node for node in definition.program.nodes}
    node = nodes.get(newest.step)
    if node is not None:
        number = node.arrows.get(_way(newest), node.next)
        following = None if number is None else definition.program.nodes[number].id
    words = f"the run has left `{newest.step}`"
    if following is not None:
        words += f" and comes to `{following}`: it is at work, or in the queue of its channel"
    details["since"] = as_text(newest.ended_at)
    return Waiting(reason="queue", words=words, step=following, details=details)


async def _wait(
    conn: AsyncConnection[Any],
    run: RunRow,
    definition: Definition,
    visit: ListedVisit,
    details: dict[str, Any],
) -> Waiting:
    listeners = await fetch_all(conn, _LISTENERS, {"run": run.id, "visit": visit.visit})
    details["listens_for"] = [
        {"event": name, "match": match, "looks_at": as_text(due), "exit": number == 0}
        for name, match, due, number, _ in listeners
    ]
    zone = zone_of(run.timezone, definition.journey.timezone)
    try:
        step = definition.journey.step(visit.step)
        what = summary(step) if isinstance(step, WaitStep) else f"the winner of {visit.step}"
    except KeyError:
        what = f"the wait {visit.step}"
    words = f"it stands at `{visit.step}`: {what}"
    if visit.due_at is not None:
        words += f", until {until_words(visit.due_at, zone)}"
        details |= {"local": _local(visit.due_at, zone), "zone": zone.key}
    listening = any(not each["exit"] for each in details["listens_for"])
    reason = "winner" if visit.kind == "split" else "event" if listening else "time"
    return Waiting(reason=reason, words=words, until=visit.due_at, step=visit.step, details=details)


def _local(instant: datetime, zone: ZoneInfo) -> str:
    return f"{instant.astimezone(zone):%Y-%m-%d %H:%M}"


def until_words(instant: datetime, zone: ZoneInfo) -> str:
    """An instant in UTC, and on the contact's clock if that shows another time."""
    words = f"{instant:%Y-%m-%d %H:%M} UTC"
    return words if zone.key == "UTC" else f"{words}, {_local(instant, zone)} in {zone.key}"


def visit_words(visit: ListedVisit, zone_name: str) -> str:
    """A visit in one sentence, with the local times of its deferrals."""
    zone = zone_of(zone_name, None)
    begun = f"{visit.started_at.astimezone(zone):%Y-%m-%d %H:%M:%S}"
    words = f"came to `{visit.step}` at {begun} {zone.key}"
    held = visit.facts.get("held")
    for each in held if isinstance(held, list) else []:
        until = each.get("until")
        words += f"; waited: {deferral_words(each.get('why'))}"
        if until:
            moment = datetime.fromisoformat(until).astimezone(zone)
            words += f", until {moment:%Y-%m-%d %H:%M}"
    if visit.outcome is None:
        return f"{words}; it is still there"
    ended = (
        ""
        if visit.ended_at is None
        else (f" at {visit.ended_at.astimezone(zone):%Y-%m-%d %H:%M:%S}")
    )
    reason = visit.facts.get("reason")
    why = f" ({reason})" if isinstance(reason, str) else ""
    return f"{words}; {visit.outcome}{why}{ended}"


def newest_at(visits: list[ListedVisit], step: str) -> ListedVisit | None:
    """The newest visit at a step; None if the run has not come to it."""
    return next((visit for visit in reversed(visits) if visit.step == step), None)
