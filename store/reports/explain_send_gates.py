"""The gates of a send as they would be decided now, in the engine's order."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Final

from psycopg import AsyncConnection

from journeys.model.reasons import SKIP_REASONS, SkipReason
from journeys.model.sends import EffectiveSend
from journeys.model.steps import SendStep
from journeys.protocol.channels import CHANNELS
from journeys.protocol.deferrals import DEFERRAL_REASONS
from journeys.time.durations import Duration
from store.conditions import OF_RUN, evaluate_parts
from store.definitions.catalog import Definition
from store.messages.recipients import address_of, check_recipient
from store.messages.send_state import PauseState, Recipient
from store.reports.explain_gates import (
    GATES,
    SKIPPED_AT,
    Gate,
    StepGate,
    as_text,
)
from store.reports.explain_records import (
    consent_record,
    counted_messages,
    freeze_now,
    suppression_of,
)
from store.reports.run_listing import ListedVisit
from store.runs.rows import RunRow
from store.waits.listeners import check
from store.waits.send_times import (
    Deferral,
    SendTerms,
    Skip,
    check_cap,
    check_distance,
    time_of_send,
)

NEEDS: Final[Mapping[StepGate, str]] = {
    "exit": "the event that ended the run must not have come before the send",
    "paused": "the journey has to be resumed, with a policy that sends what is overdue",
    "if": "the step's `if` has to hold when its turn comes",
    "recipient": "the contact's restriction has to be lifted",
    "address": "the contact needs an address for the channel",
    "suppression": "the address has to be taken off the suppression list, or to be another one",
    "consent": "the contact has to subscribe to the topic, or the step to be transactional",
    "freeze": "marketing has to be unfrozen: `parcours unfreeze`",
    "late": "a longer `up_to`, or a sooner turn",
    "send_at": "its time of day has to come",
    "window": "the window has to open",
    "quiet_hours": "the quiet hours have to end",
    "cap": "the contact's earlier messages have to be longer ago",
    "apart": "the contact's last message has to be longer ago",
    "ceiling": "a new day of the channel, or a higher ceiling",
    "shared_address": "an address of the contact alone",
    "operator": "the operator's skip must not have been made",
    "provider": "another attempt that the provider takes",
}


@dataclass(frozen=True, slots=True)
class Send:
    """A send, with what decides about it now."""

    run: RunRow
    definition: Definition
    step: SendStep
    visit: int
    settings: EffectiveSend
    terms: SendTerms
    contact: Recipient
    pause: PauseState
    at: datetime


async def gates_now(
    conn: AsyncConnection[Any], send: Send, visit: ListedVisit | None
) -> list[Gate]:
    """The gates as they would be decided now."""
    gates = [await _exit(conn, send), _paused(send)]
    step = send.step
    if step.if_ is not None:
        part = await evaluate_parts(
            conn,
            step.if_,
            OF_RUN,
            {"evaluated_run": send.run.id},
            timezone=send.definition.journey.timezone,
            segments=send.definition.segments.conditions,
        )
        if part is not None:
            words = f"{'holds' if part.holds else 'does not hold'}: {part.words}"
            gates.append(
                replace(send_gate(send, "if", part.holds, part.saw, words, code="if"), part=part)
            )
    for reason, holds in check_recipient(step.kind, send.settings, send.contact):
        saw, why = await recipient_values(conn, send, reason, send.at)
        gates.append(send_gate(send, SKIPPED_AT[reason], not holds, saw, why, code=reason))
    to_contact = CHANNELS[step.kind].to_contact
    marketing = to_contact and send.settings.class_ == "marketing"
    extent = send.pause.freezes(marketing=marketing)
    if marketing or extent is not None:
        freeze = await freeze_now(conn, step.kind)
        gates.append(send_gate(send, "freeze", extent is None, freeze or {}, None, code="frozen"))
    if to_contact:
        gates += await _times(conn, send, visit)
    gates.append(provider_gate(send, visit))
    return gates


async def _exit(conn: AsyncConnection[Any], send: Send) -> Gate:
    run, exits = send.run, send.definition.exits
    if exits is None or run.exit_rule is not None or not run.active:
        words = "no exit stops it"
        if run.exit_rule is not None:
            words = "an exit has fired, and this send is one of its `then`, or came before it"
        return send_gate(send, "exit", True, {"exit_rule": run.exit_rule}, words)
    fired = (await check(conn, exits, run_id=run.id, visit=0)).fired
    if fired is None:
        names = [slot.name for slot in exits.slots]
        return send_gate(send, "exit", True, {"exits": names}, None)
    saw = {"exit": fired.slot.name, "event": fired.event_id, "at": as_text(fired.at)}
    return send_gate(
        send, "exit", False, saw, f"the exit {fired.slot.name} has fired", code="exited"
    )


def _paused(send: Send) -> Gate:
    pause = send.pause
    saw: dict[str, Any] = {"journey": pause.journey_state}
    if pause.overdue is not None:
        saw |= {"overdue": pause.overdue, "resumed_at": as_text(pause.resumed_at)}
    return send_gate(send, "paused", pause.journey_state != "paused", saw, None, code="paused")


async def recipient_values(
    conn: AsyncConnection[Any], send: Send, reason: SkipReason, at: datetime
) -> tuple[dict[str, Any], str | None]:
    """The values behind a question about the recipient, as they were known at an instant."""
    channel, contact = send.step.kind, send.contact
    address = address_of(contact, channel)
    if reason == "restricted":
        return {"restricted": contact.restricted}, None
    if reason == "no_address":
        return {"address": address}, None
    if reason == "suppressed":
        found = None if address is None else await suppression_of(conn, channel, address)
        words = (
            f"the address is suppressed since {found['since']}: {found['reason']}"
            if found
            else None
        )
        return {"address": address, **({"suppression": found} if found else {})}, words
    topic = send.settings.topic
    record = await consent_record(conn, send.run.contact_id, topic, channel, at)
    saw: dict[str, Any] = {
        "topic": topic,
        "consent": contact.consent,
        "channel_refused": contact.channel_refused,
        "transactional": bool(send.settings.transactional),
        "record": record,
    }
    if send.settings.transactional:
        return saw, "it is transactional, and asks for no consent"
    if contact.channel_refused:
        return saw, f"the contact wants no messages by {channel}"
    words = f"the contact's consent to {topic or 'no topic'} is {contact.consent}"
    if record is not None:
        words += f", recorded {record['at']} by {record['source']}"
    elif topic is not None:
        words += ", by the topic's default: there is no record"
    return saw, words


async def _times(conn: AsyncConnection[Any], send: Send, visit: ListedVisit | None) -> list[Gate]:
    """The gates of a send's time, as of now."""
    terms, settings = send.terms, send.settings
    local = f"{send.at.astimezone(terms.zone):%Y-%m-%d %H:%M}"
    clock: dict[str, Any] = {"local": local, "zone": terms.zone.key}
    gates: list[Gate] = []
    if terms.deadline is not None:
        saw = {"up_to": settings.up_to, "deadline": as_text(terms.deadline)}
        gates.append(send_gate(send, "late", not terms.late, saw, None, code="late"))
    if settings.send_at is not None:
        facts = {
            key: value for key, value in (visit.facts if visit else {}).items() if key == "best"
        }
        at = await time_of_send(conn, send.run.contact_id, terms, facts)
        saw = {**clock, **facts, "send_at": settings.send_at, "at": as_text(at)}
        gates.append(
            send_gate(send, "send_at", at is None or at <= send.at, saw, None, code="send_at")
        )
    if terms.waiting.rules or terms.skipping.rules:
        skipped = terms.skipping.closed_by(send.at, terms.zone)
        closed = terms.waiting.closed_by(send.at, terms.zone)
        opens = terms.waiting.next(send.at, terms.zone)
        named = {rule.reason for rule in (*terms.waiting.rules, *terms.skipping.rules)}
        for name in ("window", "quiet_hours"):
            if name not in named:
                continue
            # Windows are asked before quiet hours.
            is_open = closed != name and (name != "window" or skipped is None)
            saw = {**clock, "opens_at": None if is_open else as_text(opens)}
            words = f"at {local} in {terms.zone.key}: {'open' if is_open else 'closed'}"
            gates.append(send_gate(send, name, is_open, saw, words, code=name))
    if settings.cap is not None:
        found = await check_cap(conn, send.run, send.visit, send.step, terms)
        gates.append(await counted_gate(conn, send, "cap", found, send.at))
    if settings.apart is not None:
        found = await check_distance(conn, send.run, send.visit, terms)
        gates.append(await counted_gate(conn, send, "apart", found, send.at))
    return gates


async def counted_gate(
    conn: AsyncConnection[Any],
    send: Send,
    name: StepGate,
    found: Deferral | Skip | None,
    at: datetime,
) -> Gate:
    """A cap, or a distance between messages, with the messages that count."""
    cap, apart = send.settings.cap, send.settings.apart
    saw: dict[str, Any] = {"zone": send.terms.zone.key}
    if name == "cap":
        assert cap is not None
        every = cap.count == "all"
        messages = await counted_messages(
            conn,
            send.run.contact_id,
            cap.max,
            at,
            but=(send.run.id, send.visit),
            channel=None if every else send.step.kind,
            class_="marketing" if every else None,
        )
        saw |= {"cap": cap.as_document(), "messages": messages}
        if len(messages) >= cap.max:
            free = Duration.parse(cap.per).add_to(
                datetime.fromisoformat(messages[-1]["at"]), send.terms.zone
            )
            saw["free_at"] = as_text(free)
        counted = [
            each
            for each in messages
            if Duration.parse(cap.per).add_to(datetime.fromisoformat(each["at"]), send.terms.zone)
            > at
        ]
        words = f"{len(counted)} of at most {cap.max} messages within {cap.per}"
    else:
        messages = await counted_messages(
            conn, send.run.contact_id, 1, at, but=(send.run.id, send.visit)
        )
        saw |= {"apart": apart, "messages": messages}
        words = f"the last message was at {messages[0]['at']}" if messages else "there was none"
    return send_gate(send, name, found is None, saw, words, code=name)


def provider_gate(send: Send, visit: ListedVisit | None) -> Gate:
    """What the provider answered."""
    if visit is None or visit.state is None:
        return send_gate(send, "provider", None, {}, "the provider was not called yet")
    saw = {
        "message": str(visit.message_id) if visit.message_id else None,
        "state": visit.state,
        "attempts": visit.attempts,
        "code": visit.code,
        "detail": visit.detail,
        "provider": visit.provider,
        "provider_id": visit.provider_id,
    }
    passed = {"sent": True, "claimed": None}.get(visit.state, False)
    words = f"the message is {visit.state} after {visit.attempts} attempts"
    if visit.code:
        words += f", last `{visit.code}`"
    return send_gate(send, "provider", passed, saw, words, code=visit.code or visit.state)


def send_gate(
    send: Send,
    gate: StepGate,
    passed: bool | None,
    saw: dict[str, Any],
    words: str | None,
    *,
    code: str | None = None,
) -> Gate:
    """A gate of the send as of its instant; without words, those of its code."""
    if words is None:
        held = DEFERRAL_REASONS.get(code or "")
        skipped = next((text for known, text in SKIP_REASONS.items() if known == code), None)
        words = f"passed: {GATES[gate]}" if passed else held or skipped or f"not so: {GATES[gate]}"
    failed = passed is False
    return Gate(
        gate=gate,
        passed=passed,
        at=send.at,
        source="now",
        words=words,
        saw=saw,
        code=code if failed else None,
        would_need=NEEDS.get(gate) if failed else None,
        step=send.step.id,
    )
