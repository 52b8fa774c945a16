"""Why a contact entered a journey or did not: the entries' events, and each gate before a run."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any
from uuid import UUID

from psycopg import AsyncConnection

from journeys.model.entry_events import EventfulEntry, begins_runs, subjects_of
from journeys.model.entry_rules import key_of_event
from journeys.model.json_values import read_json
from store.definitions.catalog import Definition
from store.holdouts.live_holdouts import FREE, Assignment
from store.reports.explain_admission import (
    NEEDS,
    admission_gates,
    as_decided,
    holdout_gates,
    refusal_words,
)
from store.reports.explain_attempts import Attempt, AttemptOutcome
from store.reports.explain_facts import (
    EVENTS,
    EntryEvent,
    EntryState,
    JourneyFacts,
    last_refused,
    read_entry_events,
    read_entry_state,
)
from store.reports.explain_gates import (
    Gate,
    Waiting,
    as_text,
    first_failed,
)
from store.reports.explain_matches import dispatch_gate, match_gates, no_longer_known
from store.reports.explain_timed import explain_timed


@dataclass(frozen=True, slots=True)
class EntryExplanation:
    """The gates of the latest attempt, the attempts, and what is waited for."""

    gates: list[Gate]
    attempts: list[Attempt]
    waiting: Waiting | None


async def explain_entry(
    conn: AsyncConnection[Any],
    journey: JourneyFacts,
    definition: Definition | None,
    contact: UUID,
    at: datetime,
    held: Assignment = FREE,
) -> EntryExplanation:
    """The gates of the contact's latest attempt to enter up to an instant.

    `definition` is None if it no longer validates; `held` is what the holdouts say now.
    """
    gates = [_journey_gate(journey, definition, at)]
    if definition is None:
        return EntryExplanation(gates, [], None)
    names = list(definition.entries)
    events = await read_entry_events(conn, journey.key, contact, names, at) if names else []
    events = [each for each in events if _concerned(definition, each)][:EVENTS]
    attempts = [_attempt(event, journey) for event in events]
    refused = await last_refused(conn, journey.key, contact, at)
    if refused is not None:
        attempts.append(
            Attempt(
                refused.refused_at, None, None, "refused", refused.code, None,
                f"refused: {refusal_words(refused.code)}",
            )
        )  # fmt: skip
        attempts.sort(key=lambda each: each.at, reverse=True)
    timed_gates, waiting = await explain_timed(conn, definition, journey, contact, at)
    newest = attempts[0] if attempts else None
    if newest is not None and newest.event_id is None:
        state = await read_entry_state(
            conn, journey.key, contact, refused.key if refused else "", newest.at
        )
        gates += as_decided(_admission(held, definition, state, None, "", newest.at), newest)
        return EntryExplanation(_with_decision(gates, newest), attempts, waiting)
    if newest is None:
        if names:
            gates.append(_no_event(definition, at))
        else:
            gates += timed_gates
        state = await read_entry_state(conn, journey.key, contact, "", at)
        gates += _admission(held, definition, state, None, "", at)
        return EntryExplanation(gates, attempts, waiting)
    event = events[0]
    gates += await _gates_of_event(conn, definition, journey, contact, event, newest, held)
    if newest.became == "waiting":
        words = f"event {event.name} is still to be dispatched"
        if event.attempts:
            words += f": it failed {event.attempts} times"
        waiting = Waiting(reason="dispatch", words=words, until=event.not_before)
    elif newest.became == "kept":
        # What lets it in is the resume, so the pause has not refused it.
        gates[0] = replace(gates[0], passed=None, code=None)
        words = f"event {event.name} came in a pause; {newest.words}"
        waiting = Waiting(reason="paused", words=words)
    return EntryExplanation(_with_decision(gates, newest), attempts, waiting)


def _admission(
    held: Assignment,
    definition: Definition,
    state: EntryState,
    entry: EventfulEntry | None,
    key: str | None,
    at: datetime,
    event: EntryEvent | None = None,
) -> list[Gate]:
    """The gates of admission, the last of them that of holdouts, if there are any for it."""
    gates = admission_gates(definition, state, entry, key, at, event)
    return gates + holdout_gates(held, at)


def _with_decision(gates: list[Gate], newest: Attempt | None) -> list[Gate]:
    """The gates with the journey's as it was when it was decided, if it was."""
    first, *others = gates
    if newest is None or newest.became not in ("run", "refused"):
        return gates
    if any(each.gate == "journey" for each in others):
        return others
    words = "the journey was active when it was decided"
    passed = replace(
        first, passed=True, at=newest.at, source="decision", words=words, code=None, would_need=None
    )
    return [passed, *others]


def _journey_gate(journey: JourneyFacts, definition: Definition | None, at: datetime) -> Gate:
    code = None if journey.state == "active" else journey.state
    if definition is None:
        code = "broken"
    words = f"the journey is {journey.state}" if code != "broken" else "the journey is broken"
    return Gate(
        gate="journey",
        passed=code is None,
        at=at,
        source="now",
        words=words,
        saw={
            "state": journey.state,
            "version": journey.version,
            "live_since": as_text(journey.live_since),
        },
        code=code,
        would_need=NEEDS.get(code or ""),
    )


def _no_event(definition: Definition, at: datetime) -> Gate:
    wanted = " or ".join(sorted(definition.entries))
    return Gate(
        gate="event",
        passed=False,
        at=at,
        source="now",
        words=f"no event that begins runs was recorded: {wanted}",
        saw={"events": sorted(definition.entries)},
        code="no_event",
        would_need=f"an event {wanted} of this contact",
    )


def _concerned(definition: Definition, event: EntryEvent) -> bool:
    properties = read_json(event.properties)
    about = subjects_of(event.name, properties)
    return begins_runs(event.name, properties) and any(
        trigger.concerns(about) for _, trigger in definition.entries.get(event.name, [])
    )


def _attempt(event: EntryEvent, journey: JourneyFacts) -> Attempt:
    became: AttemptOutcome = "no_match"
    code, words = event.code, "no entry of the journey let it in"
    if event.run is not None:
        became, words = "run", f"began run {event.run}"
    elif event.kept:
        became, words = "kept", "it is kept, and comes in once the journey is resumed"
    elif event.code is not None:
        became, words = "refused", f"refused: {refusal_words(event.code)}"
    elif event.dead_code is not None:
        became, code, words = "dead", event.dead_code, "its dispatch was given up"
    elif event.waiting:
        became, words = "waiting", "it is still to be dispatched"
    elif event.imported:
        became, words = "imported", "it was imported, and imported events begin no runs"
    elif event.of_one_run:
        became, words = "of_one_run", "one run alone sees it, and it begins none"
    elif journey.live_since is None or journey.live_since > event.stamped_at:
        became, words = "before_live", "the journey was not live yet when it came"
    return Attempt(event.stamped_at, event.id, event.name, became, code, event.run, words)


async def _gates_of_event(
    conn: AsyncConnection[Any],
    definition: Definition,
    journey: JourneyFacts,
    contact: UUID,
    event: EntryEvent,
    attempt: Attempt,
    held: Assignment,
) -> list[Gate]:
    at = event.stamped_at
    gates = [
        Gate(
            gate="event",
            passed=True,
            at=at,
            source="decision",
            words=f"event {event.name} was recorded",
            saw={"event": event.id, "name": event.name, "occurred_at": as_text(event.occurred_at)},
        ),
        dispatch_gate(event, attempt),
    ]
    properties = read_json(event.properties)
    about = subjects_of(event.name, properties)
    entries = [
        (entry, trigger)
        for entry, trigger in definition.entries[event.name]
        if trigger.concerns(about)
    ]
    matched = attempt.became in ("run", "refused", "kept")
    entry = entries[0][0]
    for each, trigger in entries:
        found = await match_gates(conn, definition, each, trigger, event, properties, matched)
        if first_failed(found) is None:
            entry = each
            gates = [gate for gate in gates if gate.gate not in ("where", "entry_if")] + found
            break
        gates += found
    key = key_of_event(entry, properties)
    state = await read_entry_state(
        conn, journey.key, contact, key or "", event.refused_at or at, but=attempt.run
    )
    later = _admission(held, definition, state, entry, key, event.refused_at or at, event)
    if attempt.became == "no_match" and first_failed(gates) is None:
        gates.append(no_longer_known(event))
    return gates + as_decided(later, attempt)
