"""Why a send went out, did not, or waits: each gate before the provider, and its answer."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Final, get_args

from psycopg import AsyncConnection

from journeys.model.reasons import SKIP_REASONS, SkipReason
from journeys.model.sends import Channel
from journeys.model.steps import SendStep
from journeys.protocol.channels import CHANNELS
from journeys.protocol.deferrals import DEFERRAL_REASONS, DeferralReason
from journeys.time.zones import zone_of
from store.definitions.catalog import Catalog, Definition
from store.messages.send_state import read_send_state
from store.reports.explain_gates import (
    GATES,
    HELD_AT,
    SKIPPED_AT,
    Gate,
    StepGate,
    as_text,
    place_of,
)
from store.reports.explain_send_gates import (
    NEEDS,
    Send,
    counted_gate,
    gates_now,
    provider_gate,
    recipient_values,
    send_gate,
)
from store.reports.run_listing import ListedVisit
from store.runs.rows import RunRow
from store.waits.send_times import (
    Skip,
    send_terms,
)

_SKIP_REASONS: Final = frozenset(get_args(SkipReason))


_DEFERRALS: Final = frozenset(get_args(DeferralReason))


async def explain_send(
    conn: AsyncConnection[Any],
    catalog: Catalog,
    run: RunRow,
    definition: Definition,
    step: SendStep,
    visit: ListedVisit | None,
    *,
    speed: float = 1.0,
) -> list[Gate]:
    """The gates of a send of a run, in the engine's order.

    What was decided is shown as it was; what was not, as it would be decided now. `visit` is None
    if the run has not come to the send yet. `speed`: see `PARCOURS_SPEED`.
    """
    send = await _read(conn, catalog, run, definition, step, visit, speed)
    now = await gates_now(conn, send, visit)
    if visit is None:
        return now
    if visit.outcome is not None:
        return await _decided(conn, send, visit, now)
    if visit.held in _DEFERRALS:
        return _held(visit, now)
    return now


async def _read(
    conn: AsyncConnection[Any],
    catalog: Catalog,
    run: RunRow,
    definition: Definition,
    step: SendStep,
    visit: ListedVisit | None,
    speed: float,
) -> Send:
    settings = definition.settings(step)
    number = run.visit + 1 if visit is None else visit.visit
    _, pause, contact, documents = await read_send_state(
        conn, run, number, settings.topic, step.kind
    )
    channel: Channel | None = None
    if documents.channel is not None:
        channel = catalog.channel(documents.channel)
    topic = None if documents.topic is None else catalog.topic(documents.topic)
    settings = definition.settings(step, channel, topic)
    terms = send_terms(
        step,
        settings,
        channel,
        contact,
        zone=zone_of(run.timezone, definition.journey.timezone),
        start=run.now if visit is None else visit.started_at,
        now=run.now,
        speed=speed,
    )
    return Send(run, definition, step, number, settings, terms, contact, pause, run.now)


async def _decided(
    conn: AsyncConnection[Any], send: Send, visit: ListedVisit, now: list[Gate]
) -> list[Gate]:
    """The gates of a send that has ended: those up to the one that decided, and no others."""
    at = visit.ended_at or visit.started_at
    reason: Any = visit.facts.get("reason")
    send = replace(send, at=at)
    if visit.outcome == "skipped" and reason in _SKIP_REASONS:
        decisive = SKIPPED_AT[reason]
        failed = await _skipped(conn, send, visit, decisive, reason, now)
    elif visit.outcome in (CHANNELS[send.step.kind].sent_outcome, "failed", "unknown"):
        decisive = "provider"
        passed = visit.outcome == CHANNELS[send.step.kind].sent_outcome
        code = visit.code or str(reason or visit.outcome)
        failed = replace(
            provider_gate(send, visit),
            passed=passed,
            code=None if passed else code,
            would_need=None if passed else NEEDS["provider"],
            at=at,
        )
    else:
        # The run ended while it stood here.
        decisive = "exit"
        failed = send_gate(
            send,
            "exit",
            False,
            {"outcome": send.run.outcome, "reason": send.run.reason},
            f"the run ended before it went out: {send.run.outcome}, {send.run.reason}",
            code=visit.outcome or "ended",
        )
    failed = replace(failed, source="decision")
    if all(each.gate != decisive for each in now):
        now = _inserted(now, failed)
    asked_late = decisive == "late" and _last_held(visit) in ("paused", "frozen")
    gates = []
    for each in now:
        if each.gate == decisive:
            gates.append(failed)
        elif (
            place_of(each) > place_of(failed)
            or decisive == "operator"
            or (asked_late and each.gate not in ("exit", "paused"))
        ):
            gates.append(
                replace(each, passed=None, at=at, source="decision", words="it was not asked",
                        saw={}, code=None, would_need=None, part=None)
            )  # fmt: skip
        else:
            gates.append(
                replace(each, passed=True, at=at, source="decision",
                        words=f"passed: {GATES[each.gate]}", saw={}, code=None, would_need=None,
                        part=None)
            )  # fmt: skip
    return gates


def _last_held(visit: ListedVisit) -> str | None:
    held = visit.facts.get("held")
    return held[-1].get("why") if isinstance(held, list) and held else None


def _inserted(gates: list[Gate], gate: Gate) -> list[Gate]:
    """The gates with one more, in its place."""
    found = [*gates, gate]
    return sorted(found, key=place_of)


async def _skipped(
    conn: AsyncConnection[Any],
    send: Send,
    visit: ListedVisit,
    decisive: StepGate,
    reason: SkipReason,
    now: list[Gate],
) -> Gate:
    """The gate that skipped the send, with the values of then."""
    facts = {key: value for key, value in visit.facts.items() if key not in ("reason", "held")}
    saw = facts.pop("saw", {}) if reason == "if" else facts
    words = next((text for known, text in SKIP_REASONS.items() if known == reason), reason)
    gate = send_gate(send, decisive, False, saw, f"skipped: {words}", code=reason)
    if reason == "if":
        known = next((each for each in now if each.gate == "if"), None)
        # Part by part it is known only by what is stored now; it is shown if that agrees.
        part = known.part if known is not None else None
        return replace(gate, part=part if part is not None and part.saw == saw else None)
    if reason in ("restricted", "no_address", "suppressed", "consent"):
        seen, _ = await recipient_values(conn, send, reason, send.at)
        if reason == "consent":
            record = seen["record"]
            seen = {"record": record, "consent": record and record["state"], "topic": seen["topic"]}
        return replace(gate, saw={**seen, **saw})
    if reason == "cap":
        counted = await counted_gate(conn, send, "cap", Skip("cap"), send.at)
        return replace(gate, saw={**counted.saw, **saw})
    if reason == "window":
        local = f"{send.at.astimezone(send.terms.zone):%Y-%m-%d %H:%M}"
        return replace(gate, saw={"local": local, **saw})
    return gate


def _held(visit: ListedVisit, now: list[Gate]) -> list[Gate]:
    """The gates of a send that waits: the reason of its deferral is not passed yet."""
    reason: Any = visit.held
    name = HELD_AT[reason]
    known = next((each for each in now if each.gate == name), None)
    saw = dict(known.saw) if known is not None else {}
    if reason == "retry":
        saw |= {"attempts": visit.attempts, "code": visit.code or visit.facts.get("fault")}
    until = f", until {visit.due_at:%Y-%m-%d %H:%M} UTC" if visit.due_at else ""
    failed = Gate(
        gate=name,
        passed=False,
        at=visit.started_at,
        source="decision",
        words=f"it waits: {DEFERRAL_REASONS[reason]}{until}",
        saw={**saw, "until": as_text(visit.due_at)},
        code=reason,
        would_need=NEEDS.get(name),
        step=visit.step,
    )
    others = [each for each in now if each.gate != name]
    return _inserted(others, failed)
