"""Why no date, no schedule and no start by API has begun a run of a journey for a contact."""

from __future__ import annotations

from datetime import datetime
from itertools import islice
from typing import Any, Final
from uuid import UUID

from psycopg import AsyncConnection
from psycopg.types.json import Jsonb

from journeys.model.conditions import Condition
from journeys.model.triggers import ApiEntry
from journeys.schedule.occurrences import occurrences
from journeys.time.zones import zone_of
from store.conditions import OF_START, evaluate_parts
from store.definitions.catalog import Definition
from store.definitions.timed_entries import DatedEntry, ScheduledEntry
from store.reports.explain_facts import JourneyFacts
from store.reports.explain_gates import EntryGate, Gate, Waiting, as_text
from store.sql import fetch_all, fetch_one, sql

_CONTACT: Final = sql("select timezone, attributes from contact where id = %(contact)s")
_DATES: Final = sql("""
select slot, due_at, value, attempts, look_at from date_entry
where contact_id = %(contact)s and journey = %(journey)s
""")


async def explain_timed(
    conn: AsyncConnection[Any],
    definition: Definition,
    journey: JourneyFacts,
    contact: UUID,
    at: datetime,
) -> tuple[list[Gate], Waiting | None]:
    """The gates of entries that time or the API begins, and the next moment that is known."""
    row = await fetch_one(conn, _CONTACT, {"contact": contact})
    if row is None:
        return [], None
    timezone, attributes = row
    gates: list[Gate] = []
    waits: list[Waiting] = []
    if definition.timed.dates:
        rows = await fetch_all(conn, _DATES, {"contact": contact, "journey": journey.key})
        known = {slot: values for slot, *values in rows}
        for dated in definition.timed.dates:
            gate, wait = _date(dated, attributes, known.get(dated.slot), at)
            gates.append(gate)
            waits += [wait] if wait is not None else []
            gates += await _condition(conn, definition, contact, dated.condition, at)
    for scheduled in definition.timed.schedules:
        gate, wait = _schedule(scheduled, definition, timezone, at)
        gates.append(gate)
        waits += [wait] if wait is not None else []
        gates += await _condition(conn, definition, contact, scheduled.condition, at)
    apis = [entry for entry in definition.journey.entry if isinstance(entry, ApiEntry)]
    if apis and not gates:
        gates.append(
            _gate(
                "start", False, at, "no run of the journey was started for the contact", {},
                "not_started", "a start by `parcours run start` or POST /v1/journeys/KEY/runs",
            )
        )  # fmt: skip
        gates += await _condition(conn, definition, contact, apis[0].if_, at)
    first = min((each for each in waits if each.until), key=lambda each: each.until or at,
                default=None)  # fmt: skip
    return gates, first


def _date(
    dated: DatedEntry, attributes: dict[str, Any], row: list[Any] | None, at: datetime
) -> tuple[Gate, Waiting | None]:
    what = f"attribute {dated.rule.attribute}" if dated.rule.attribute else "the date"
    value = dated.rule.value_of(attributes)
    saw: dict[str, Any] = {what: value}
    if row is not None:
        due, written, attempts, look_at = row
        saw |= {"due_at": as_text(due), "written": written, "attempts": attempts}
        words = f"{what} is {value}, so the contact is due at {due:%Y-%m-%d %H:%M} UTC"
        wait = Waiting(reason="date", words=words, until=max(due, look_at))
        return _gate("date", None, at, words, saw), wait
    if value is None:
        words, code, need = f"{what} is missing", "no_date", f"{what} has to be a date"
    else:
        words, code = f"{what} is {value}, and no moment of it is to come", "no_moment"
        need = f"{what} has to be a date whose moment is to come"
    return _gate("date", False, at, words, saw, code, need), None


def _schedule(
    scheduled: ScheduledEntry, definition: Definition, timezone: str | None, at: datetime
) -> tuple[Gate, Waiting | None]:
    schedule = scheduled.entry.schedule
    following = next(
        islice(occurrences(schedule, definition.journey.timezone, at), 1),
        None,
    )
    saw: dict[str, Any] = {"schedule": schedule.as_document()}
    if following is None:
        words = "the schedule has no occurrence to come"
        need = "a schedule with a time to come"
        return _gate("schedule", False, at, words, saw, "no_occurrence", need), None
    turn = following.turn(zone_of(timezone, definition.journey.timezone))
    saw |= {"occurrence": following.key, "turn": as_text(turn)}
    words = f"the next occurrence comes to the contact at {turn:%Y-%m-%d %H:%M} UTC"
    return (
        _gate("schedule", None, at, words, saw),
        Waiting(reason="schedule", words=words, until=turn),
    )


async def _condition(
    conn: AsyncConnection[Any],
    definition: Definition,
    contact: UUID,
    condition: Condition | None,
    at: datetime,
) -> list[Gate]:
    if condition is None:
        return []
    part = await evaluate_parts(
        conn,
        condition,
        OF_START,
        {"start_contact": contact, "start_entry": Jsonb({})},
        timezone=definition.journey.timezone,
        segments=definition.segments.conditions,
    )
    if part is None:
        return []
    words = f"{'holds' if part.holds else 'does not hold'} now: {part.words}"
    return [
        Gate(
            gate="entry_if",
            passed=part.holds,
            at=at,
            source="now",
            words=words,
            saw=part.saw,
            code=None if part.holds else "if",
            would_need=None if part.holds else "it has to hold at the contact's turn",
            part=part,
        )
    ]


def _gate(
    gate: EntryGate,
    passed: bool | None,
    at: datetime,
    words: str,
    saw: dict[str, Any],
    code: str | None = None,
    need: str | None = None,
) -> Gate:
    return Gate(
        gate=gate, passed=passed, at=at, source="now", words=words, saw=saw, code=code,
        would_need=need,
    )  # fmt: skip
