"""The gates between an event that an entry matches and a run, in the engine's order."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from typing import Any, Final

from journeys.model.entry_events import EventfulEntry
from journeys.model.entry_rules import CHAIN_LIMIT, is_late, refuse_re_entry
from journeys.model.reasons import REFUSAL_REASONS
from journeys.time.durations import Duration
from journeys.time.zones import zone_of
from store.definitions.catalog import Definition
from store.holdouts.live_holdouts import Assignment
from store.reports.explain_attempts import Attempt
from store.reports.explain_facts import (
    EntryEvent,
    EntryState,
)
from store.reports.explain_gates import (
    GATES,
    REFUSED_AT,
    EntryGate,
    Gate,
    as_text,
    place_of,
)

NEEDS: Final[dict[str, str]] = {
    "paused": "the journey has to be resumed",
    "archived": "the journey has to be activated again",
    "draft": "the journey has to be activated",
    "broken": "the journey, or a segment that it names, has to be put right and applied again",
    "restricted": "the contact's restriction has to be lifted",
    "inactive": "an event within the journey's `active` period",
    "late_event": "an event that arrives sooner after it happened, or a longer `max_age`",
    "late": "a dispatch within the entry's `up_to`, or a longer one",
    "no_key": "an event with the property that is the entry's key",
    "active": "the active run has to end, or `if_active` to let another one in",
    "re_entry": "a `re_entry` that lets the contact in again, or more time",
    "chain": "a shorter chain of enters and emits",
    "merged": "an entry of the contact into which this one was merged",
    "if": "the entry's `if` has to hold",
    "holdout": "the holdout has to end, to name other journeys, or to draw other contacts",
}


def refusal_words(code: str) -> str:
    """Why an entry was refused, in words."""
    return next((words for known, words in REFUSAL_REASONS.items() if known == code), code)


def admission_gates(
    definition: Definition,
    state: EntryState,
    entry: EventfulEntry | None,
    key: str | None,
    at: datetime,
    event: EntryEvent | None = None,
) -> list[Gate]:
    """The gates between a match and a run, as of an instant, in the engine's order."""
    journey = definition.journey
    zone = zone_of(None, journey.timezone)
    gates = [
        _gate(
            "restricted", not state.restricted, at, "restricted", {"restricted": state.restricted}
        )
    ]
    if event is not None:
        gates.append(
            _gate("chain", event.depth <= CHAIN_LIMIT, at, "chain", {"depth": event.depth})
        )
    if journey.active is not None:
        gates.append(
            _gate(
                "active_period",
                journey.active.holds(at, zone),
                at,
                "inactive",
                {"active": journey.active.as_document(), "local": _local(at, zone)},
            )
        )
    if event is not None and entry is not None:
        late = is_late(entry, occurred_at=event.occurred_at, arrived_at=event.stamped_at, zone=zone)
        saw = {
            "occurred_at": as_text(event.occurred_at),
            "arrived_at": as_text(event.stamped_at),
            "max_age": entry.max_age,
        }
        gates.append(_gate("late_event", not late, at, "late_event", saw))
        if getattr(entry, "key", None) is not None:
            gates.append(_gate("key", key is not None, at, "no_key", {"key": key}))
    replaced = state.active_run is not None and (
        journey.if_active == "restart"
        or (journey.if_active == "debounce" and not state.has_message)
    )
    gates.append(
        _gate(
            "active_run",
            state.active_run is None or replaced,
            at,
            "active",
            {
                "run": None if state.active_run is None else str(state.active_run),
                "since": as_text(state.active_since),
                "if_active": journey.if_active,
            },
        )
    )
    again = None
    if not replaced:
        again = refuse_re_entry(
            journey, last_started=state.last_started, now=at, timezone=state.timezone
        )
    need = NEEDS["re_entry"]
    if again is not None and isinstance(journey.re_entry, Duration) and state.last_started:
        free = journey.re_entry.add_to(
            state.last_started, zone_of(state.timezone, journey.timezone)
        )
        need = f"an event from {as_text(free)} on"
    re_entry = f"after {journey.re_entry}" if isinstance(journey.re_entry, Duration) else None
    seen: dict[str, Any] = {
        "re_entry": re_entry or journey.re_entry,
        "last_run": as_text(state.last_started),
    }
    gates.append(replace(_gate("re_entry", again is None, at, "re_entry", seen), would_need=(
        None if again is None else need
    )))  # fmt: skip
    return gates


def holdout_gates(held: Assignment, at: datetime) -> list[Gate]:
    """The gate of holdouts, as they are now; none if no holdout is about the contact here."""
    about = [each.key for each in held.compared] or [*held.by]
    if not about:
        return []
    seen = {"holdouts": about, "held_by": [*held.by]}
    return [_gate("holdout", not held.held, at, "holdout", seen)]


def as_decided(gates: list[Gate], attempt: Attempt) -> list[Gate]:
    """The gates, of which the engine has decided those up to a recorded refusal."""
    if attempt.became == "run":
        return [
            replace(each, passed=True, source="decision", code=None, would_need=None,
                    words=f"passed: {GATES[each.gate]}")
            for each in gates
        ]  # fmt: skip
    if attempt.became != "refused" or attempt.code is None:
        return gates
    at_gate = next((gate for code, gate in REFUSED_AT.items() if code == attempt.code), None)
    if at_gate is None:
        return gates
    known = next((each for each in gates if each.gate == at_gate), None)
    failed = Gate(
        gate=at_gate,
        passed=False,
        at=attempt.at,
        source="decision",
        words=f"refused: {refusal_words(attempt.code)}",
        saw=known.saw if known is not None else {},
        code=attempt.code,
        would_need=(known.would_need if known is not None else None) or NEEDS.get(attempt.code),
    )
    # All that the engine asks before was passed; the journey's state is asked first.
    before = [
        replace(each, passed=True, source="decision", code=None, would_need=None)
        for each in gates
        if place_of(each) < place_of(failed)
    ]
    after = [each for each in gates if place_of(each) > place_of(failed)]
    return [*before, failed, *after]


def _gate(gate: EntryGate, passed: bool, at: datetime, code: str, saw: dict[str, Any]) -> Gate:
    return Gate(
        gate=gate,
        passed=passed,
        at=at,
        source="now",
        words=f"passed: {GATES[gate]}" if passed else refusal_words(code),
        saw=saw,
        code=None if passed else code,
        would_need=None if passed else NEEDS[code],
    )


def _local(at: datetime, zone: Any) -> str:
    return f"{at.astimezone(zone):%Y-%m-%d %H:%M} {zone.key}"
