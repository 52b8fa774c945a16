"""Whether an event was dispatched, and whether it is what an entry asks for, part by part."""

from __future__ import annotations

from typing import Any

from psycopg import AsyncConnection

from journeys.model.entry_events import EntryTrigger, EventfulEntry
from journeys.model.triggers import AttributeEntry
from store.conditions import (
    OF_EVENT,
    Part,
    Question,
    evaluate_over,
    evaluate_parts,
    parts_of_where,
)
from store.definitions.catalog import Definition
from store.reports.explain_attempts import Attempt
from store.reports.explain_facts import (
    EntryEvent,
)
from store.reports.explain_gates import (
    EntryGate,
    Gate,
    as_text,
)


def dispatch_gate(event: EntryEvent, attempt: Attempt) -> Gate:
    """Whether the event was dispatched, and might begin runs at all."""
    passed: bool | None = True
    code = need = None
    words = f"event {event.name} was dispatched"
    saw: dict[str, Any] = {"event": event.id}
    if attempt.became == "waiting":
        passed, words = None, attempt.words
        saw |= {"attempts": event.attempts, "next_try_at": as_text(event.not_before)}
    elif attempt.became in ("dead", "imported", "of_one_run", "before_live"):
        passed, words = False, attempt.words
        code = attempt.code or attempt.became
        need = (
            "the event has to be replayed"
            if attempt.became == "dead"
            else "a new event of this contact"
        )
    return Gate(
        gate="dispatch",
        passed=passed,
        at=event.stamped_at,
        source="decision",
        words=words,
        saw=saw,
        code=code,
        would_need=need,
    )


async def match_gates(
    conn: AsyncConnection[Any],
    definition: Definition,
    entry: EventfulEntry,
    trigger: EntryTrigger,
    event: EntryEvent,
    properties: dict[str, Any],
    matched: bool,
) -> list[Gate]:
    """Whether the event is what one entry asks for, and whether its `if` held then."""
    gates: list[Gate] = []
    of = {"evaluated_event": event.id}
    zone = definition.journey.timezone
    where: Part | None = None
    if isinstance(entry, AttributeEntry):
        where = await _change_part(conn, definition, entry, event, properties)
    elif trigger.where:
        where = await parts_of_where(conn, trigger.where, OF_EVENT, of, timezone=zone)
    if where is not None:
        gates.append(
            _condition_gate("where", where, event, "now", matched, "no_match", "another event")
        )
    if entry.if_ is not None:
        condition = await evaluate_parts(
            conn,
            entry.if_,
            OF_EVENT,
            of,
            timezone=zone,
            segments=definition.segments.conditions,
            at=event.stamped_at,
        )
        if condition is not None:
            gates.append(
                _condition_gate(
                    "entry_if", condition, event, "now", matched, "no_match",
                    "the entry's `if` has to hold when its event is dispatched",
                )
            )  # fmt: skip
    return gates


def _condition_gate(
    gate: EntryGate,
    part: Part,
    event: EntryEvent,
    source: str,
    matched: bool,
    code: str,
    need: str,
) -> Gate:
    passed = matched or part.holds
    words = f"{'held' if passed else 'did not hold'}: {part.words}"
    if matched and not part.holds:
        words = (
            f"held when the event was dispatched, and does not by what is known now: {part.words}"
        )
    return Gate(
        gate=gate,
        passed=passed,
        at=event.stamped_at,
        source="decision" if matched else "now",
        words=words,
        saw=part.saw,
        code=None if passed else code,
        would_need=None if passed else need,
        part=part,
    )


async def _change_part(
    conn: AsyncConnection[Any],
    definition: Definition,
    entry: AttributeEntry,
    event: EntryEvent,
    properties: dict[str, Any],
) -> Part | None:
    where, _ = definition.compiled.entry(entry)
    assert where is not None
    answers = await evaluate_over(
        conn, Question.of([where], OF_EVENT), {"evaluated_event": event.id}
    )
    if answers is None:
        return None
    changes = properties.get("changes")
    seen = changes.get(entry.attribute) if isinstance(changes, dict) else None
    words = f"attribute {entry.attribute} changed"
    if "from_" in entry.model_fields_set:
        words += f" from {entry.from_}"
    if "to" in entry.model_fields_set:
        words += f" to {entry.to}"
    return Part(words, answers[0].holds, {f"change of {entry.attribute}": seen})


def no_longer_known(event: EntryEvent) -> Gate:
    """Of an event that no entry let in, although all of them would by what is known now."""
    return Gate(
        gate="entry_if",
        passed=None,
        at=event.stamped_at,
        source="now",
        words=(
            "the entry would let the event in by what is known now; it did not when the event was"
            " dispatched"
        ),
    )
