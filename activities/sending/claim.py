"""The claim of a send: one transaction decides whether the provider may be called, and by whom.

It locks the contact and the run. A change that commits before the claim prevents the send; one
that commits after it ends the run once the send is recorded.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

from psycopg import AsyncConnection

from activities.context import Context
from activities.deciding.condition_check import check_condition
from activities.failures import final_error, retryable_error
from activities.leaving.exits import ended_result, exit_taken_before, fired_exit, take_exit
from activities.locked_run import lock_to_claim
from activities.sending.deferrals import (
    WATCHED,
    Deferral,
    SendTerms,
    Skip,
    check_send_time,
    send_terms,
)
from activities.sending.recipients import address_of
from activities.versions.take_version import stale_version
from journeys.model.reasons import SkipReason
from journeys.model.sends import EffectiveSend
from journeys.model.steps import SendStep, WebhookStep
from journeys.model.values import Reference, references_in
from journeys.protocol.channels import CHANNELS, ChannelName
from journeys.protocol.payloads import StepInput, StepResult
from journeys.time.zones import zone_of
from journeys.versions.overdue import Overdue
from store.contacts.operands import Operands
from store.definitions.catalog import Definition
from store.entries.admission import entries_of
from store.messages.claims import claim_message, mark_claim_unknown, record_skip
from store.messages.deferrals import record_deferral
from store.messages.send_state import PauseState, PreviousAttempt, Recipient, read_send_state
from store.messages.suppressions import find_suppression
from store.runs.rows import RunRow
from store.versions.run_migration import has_waited
from store.waits.listeners import remove_listeners
from store.waits.wait_visits import watch_attributes

ATTEMPT = timedelta(seconds=30)
"""The longest that one attempt can last: start-to-close of a send. After it, a claim whose result
was not recorded is `unknown`."""


@dataclass(frozen=True)
class Claimed:
    """A message that this attempt, and no other, may hand to its provider."""

    run: RunRow
    definition: Definition
    step: SendStep
    settings: EffectiveSend
    terms: SendTerms
    token: str
    message_id: UUID
    first_attempt_at: datetime
    contact: Recipient
    variables: dict[str, Any]
    """What templates read."""
    references: dict[Reference, Any]
    """The values of the references in a webhook's body. They are data, and never templates."""


@dataclass(frozen=True)
class SendAttempt:
    """An attempt at a visit: its request, what earlier attempts left, and the time."""

    request: StepInput
    previous: PreviousAttempt
    start: datetime
    """When the run came to the visit."""
    now: datetime
    facts: dict[str, Any]
    """The visit's facts that are kept from one check of its time to the next."""


async def claim_send(
    conn: AsyncConnection[Any], context: Context, request: StepInput, token: str
) -> Claimed | StepResult:
    """Claim the visit's message; or the result of a send that makes no call now.

    Raises `claim_held` while another attempt may still be calling the provider.
    """
    async with conn.transaction():
        run = await lock_to_claim(conn, request.run_id)
        if not run.active:
            return ended_result(run)
        if moved := stale_version(run, request):
            return moved
        definition = await context.catalog.definition(conn, run.journey, run.version)
        step = _send_step(definition, request.step)
        settings = definition.journey.effective(step)
        previous, pause, contact, document = await read_send_state(
            conn, run, request.visit, settings.topic, step.kind
        )
        if previous.outcome is not None and (taken := exit_taken_before(run, request.visit)):
            return taken
        attempt = _begin_attempt(request, run, previous)
        decided = await _decided_before(conn, context, attempt, step, settings)
        if decided is not None:
            return decided
        fired = await fired_exit(conn, run, definition)
        if fired is not None:
            await _skip(conn, attempt, step, "exited")
            return await take_exit(conn, run, definition, request.visit, fired)
        channel = None if document is None else context.catalog.channel(document)
        if channel is not None:
            settings = definition.journey.effective(step, channel)
        terms = send_terms(
            step,
            settings,
            channel,
            contact,
            zone=zone_of(run.timezone, definition.journey.timezone),
            start=attempt.start,
            now=attempt.now,
            speed=context.speed,
        )
        paused = await _check_pause(conn, run, attempt, step, terms, pause)
        if paused is not None:
            return paused
        if step.if_ is not None:
            verdict = await check_condition(conn, run, definition, step.if_)
            if not verdict.holds:
                return await _skip(conn, attempt, step, "if", verdict.facts)
        reason = await _check_recipient(conn, step, settings, contact)
        if reason is not None:
            return await _skip(conn, attempt, step, reason, {"topic": settings.topic})
        unsendable = await check_send_time(conn, run, request.visit, step, terms, attempt.facts)
        if isinstance(unsendable, Deferral):
            return await _defer(conn, attempt, step, terms, run, unsendable)
        if unsendable is not None:
            return await _skip_for_time(conn, attempt, step, unsendable)
        variables, references = await _variables(conn, run, step, contact)
        message_id, first_attempt_at = await claim_message(
            conn,
            message_id=uuid4(),
            run_id=run.id,
            visit=request.visit,
            step=request.step,
            contact_id=run.contact_id,
            channel=step.kind,
            topic=settings.topic,
            transactional=settings.transactional or not CHANNELS[step.kind].to_contact,
            token=token,
            started=attempt.start,
            facts=attempt.facts,
        )
        await _stop_watching(conn, attempt)
    return Claimed(
        run, definition, step, settings, terms, token, message_id, first_attempt_at, contact,
        variables, references,
    )  # fmt: skip


def _send_step(definition: Definition, step_id: str) -> SendStep:
    try:
        step = definition.journey.step(step_id)
    except KeyError:
        raise final_error("unknown_step") from None
    if not isinstance(step, SendStep):
        raise final_error("unknown_step")
    return step


def _begin_attempt(request: StepInput, run: RunRow, previous: PreviousAttempt) -> SendAttempt:
    # The run came to the visit when its workflow asked; the time in the queue counts.
    start = previous.started_at or min(request.now, run.now)
    # Temporal's clock may be ahead of the database's, so a timer that has fired counts as due.
    now = run.now if request.due is None else max(run.now, request.due)
    best = (previous.facts or {}).get("best")
    return SendAttempt(request, previous, start, now, {} if best is None else {"best": best})


async def _decided_before(
    conn: AsyncConnection[Any],
    context: Context,
    attempt: SendAttempt,
    step: SendStep,
    settings: EffectiveSend,
) -> StepResult | None:
    """What earlier attempts decided; None if the message may be claimed."""
    request, previous = attempt.request, attempt.previous
    if previous.outcome is not None:
        return StepResult(outcome=previous.outcome)
    if previous.state is None:
        return None
    if previous.state == "claimed":
        assert previous.claim_age is not None
        remaining = ATTEMPT - previous.claim_age
        if remaining > timedelta(0):
            raise retryable_error("claim_held", remaining + timedelta(milliseconds=100))
        await mark_claim_unknown(conn, run_id=request.run_id, visit=request.visit)
        if settings.on_unknown == "resend":
            return None
        return await _end_visit(conn, attempt, step, "unknown", {"reason": "interrupted"})
    if previous.state == "released":
        assert previous.first_attempt_at is not None
        # A send that was deferred since for another reason is tried once more, at any age.
        deferred = previous.held not in (None, "retry")
        if deferred or attempt.now - previous.first_attempt_at < context.give_up:
            return None
        return await _end_visit(conn, attempt, step, "failed", {"reason": "not_taken"})
    if previous.state == "unknown" and settings.on_unknown == "resend":
        return None
    outcomes = {
        "sent": CHANNELS[step.kind].sent_outcome,
        "refused": "failed",
        "unknown": "unknown",
    }
    return await _end_visit(conn, attempt, step, outcomes[previous.state], {})


async def _check_pause(
    conn: AsyncConnection[Any],
    run: RunRow,
    attempt: SendAttempt,
    step: SendStep,
    terms: SendTerms,
    pause: PauseState,
) -> StepResult | None:
    """The result of a send that a pause, its resume or a move of the run stops; else None."""
    if pause.journey_state == "paused":
        if terms.late:
            return await _skip_for_time(conn, attempt, step, terms.skip_as_late)
        return await _defer(conn, attempt, step, terms, run, Deferral("paused", None))
    held = attempt.previous.held
    if held == "retry" and pause.due_at is not None and pause.due_at > attempt.now:
        # A wake came before the time of the next attempt.
        return StepResult(held=held, due=pause.due_at, late=pause.due_at == terms.deadline)
    if run.skip_after is not None and not await has_waited(conn, run.id, run.skip_after):
        facts = {"overdue": run.skip_after}
        return await _skip_for_time(conn, attempt, step, Skip("paused", facts))
    if held != "paused" or pause.overdue is None or pause.resumed_at is None:
        return None
    overdue = Overdue.from_json(pause.overdue)
    if overdue.policy == "skip":
        return await _skip_for_time(conn, attempt, step, Skip("paused"))
    turn = overdue.turn(run.contact_id, run.journey, pause.resumed_at)
    if turn > attempt.now and not terms.late:
        return await _defer(conn, attempt, step, terms, run, Deferral("paused", turn))
    return None


async def _check_recipient(
    conn: AsyncConnection[Any], step: SendStep, settings: EffectiveSend, contact: Recipient
) -> SkipReason | None:
    """Why this contact must not get this message; None if it may."""
    channel: ChannelName = step.kind
    if not CHANNELS[channel].to_contact:
        return None
    address = address_of(contact, channel)
    if not address:
        return "no_address"
    if await find_suppression(conn, channel, address) is not None:
        return "suppressed"
    if not settings.transactional and contact.consent != "subscribed":
        return "consent"
    return None


async def _variables(
    conn: AsyncConnection[Any], run: RunRow, step: SendStep, contact: Recipient
) -> tuple[dict[str, Any], dict[Reference, Any]]:
    variables: dict[str, Any] = {"contact": contact.variables, "entry": run.entry}
    operands = Operands(conn, run)
    texts = step.model_dump_json()
    if "steps" in texts:
        variables["steps"] = await operands.steps()
    if "entries" in texts:
        variables["entries"] = await entries_of(conn, run)
    references: dict[Reference, Any] = {}
    if isinstance(step, WebhookStep):
        for reference in references_in(step.webhook.body):
            references[reference] = await operands.resolve(reference)
    return variables, references


async def _defer(
    conn: AsyncConnection[Any],
    attempt: SendAttempt,
    step: SendStep,
    terms: SendTerms,
    run: RunRow,
    deferral: Deferral,
) -> StepResult:
    """Defer the send until its reason is over, it is too late, or a wake comes."""
    due, late = terms.next_check(deferral.until)
    request = attempt.request
    facts = attempt.facts
    if deferral.until is not None:
        facts = {**facts, "zone": terms.zone.key}
    await record_deferral(
        conn,
        run_id=request.run_id,
        visit=request.visit,
        step=request.step,
        kind=step.kind,
        held=deferral.reason,
        due=due,
        until=deferral.until,
        started=attempt.start,
        facts=facts,
    )
    if deferral.until is not None:
        await watch_attributes(conn, run, request.visit, WATCHED)
    return StepResult(held=deferral.reason, due=due, late=late)


async def _skip_for_time(
    conn: AsyncConnection[Any], attempt: SendAttempt, step: SendStep, skip: Skip
) -> StepResult:
    """Skip the send for its times; one that may have gone out before is `unknown` instead."""
    facts = {**attempt.facts, "reason": skip.reason, **skip.facts}
    outcome = "unknown" if attempt.previous.state in ("claimed", "unknown") else "skipped"
    return await _end_visit(conn, attempt, step, outcome, facts)


async def _skip(
    conn: AsyncConnection[Any],
    attempt: SendAttempt,
    step: SendStep,
    reason: SkipReason,
    facts: dict[str, Any] | None = None,
) -> StepResult:
    return await _end_visit(conn, attempt, step, "skipped", {"reason": reason, **(facts or {})})


async def _end_visit(
    conn: AsyncConnection[Any],
    attempt: SendAttempt,
    step: SendStep,
    outcome: str,
    facts: dict[str, Any],
) -> StepResult:
    request = attempt.request
    recorded = await record_skip(
        conn,
        run_id=request.run_id,
        visit=request.visit,
        step=request.step,
        kind=step.kind,
        outcome=outcome,
        facts=facts,
        started=attempt.start,
    )
    await _stop_watching(conn, attempt)
    return StepResult(outcome=recorded)


async def _stop_watching(conn: AsyncConnection[Any], attempt: SendAttempt) -> None:
    if attempt.previous.held is not None:
        await remove_listeners(conn, attempt.request.run_id, attempt.request.visit)
