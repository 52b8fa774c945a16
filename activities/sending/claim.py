"""The transaction before a provider is called: may this send go out, and is it ours to make?

It locks the contact and the run, so what commits before it prevents the send, and what commits
after it ends the run once the send is recorded.
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
from activities.versions.take_version import stale_version
from journeys.model.sends import EffectiveSend
from journeys.model.steps import EmailStep, SendStep, WebhookStep
from journeys.model.values import Reference, references_in
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
"""How long one attempt can last at most: start-to-close of a send. After it, a claim that nobody
settled is `unknown`."""

_OUTCOMES = {"sent": "sent", "refused": "failed", "unknown": "unknown"}


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
    """What templates see."""
    references: dict[Reference, Any]
    """The values of the references in a webhook's body. They are data, and never templates."""


@dataclass(frozen=True)
class SendAttempt:
    """An attempt's look at a visit: what it was asked, what was there before, and the time."""

    given: StepInput
    before: PreviousAttempt
    start: datetime
    """When the run came to the visit."""
    now: datetime
    facts: dict[str, Any]
    """What holds have found out, for the visit."""


def _arrival(given: StepInput, run: RunRow, before: PreviousAttempt) -> SendAttempt:
    # The wait for the provider's turn counts: the run came when it asked, not when it was heard.
    start = before.started_at or min(given.now, run.now)
    # A timer that has fired is believed: Temporal's clock may be ahead of the database's.
    now = run.now if given.due is None else max(run.now, given.due)
    best = (before.facts or {}).get("best")
    return SendAttempt(given, before, start, now, {} if best is None else {"best": best})


async def claim_send(
    conn: AsyncConnection[Any], context: Context, given: StepInput, token: str
) -> Claimed | StepResult:
    """Claim the visit's message, or say what came of it.

    Raises `claim_held` while another attempt may still be calling the provider.
    """
    async with conn.transaction():
        run = await lock_to_claim(conn, given.run_id)
        if not run.active:
            return ended_result(run)
        if moved := stale_version(run, given):
            return moved
        definition = await context.catalog.definition(conn, run.journey, run.version)
        try:
            step = definition.journey.step(given.step)
        except KeyError:
            raise final_error("unknown_step") from None
        if not isinstance(step, SendStep):
            raise final_error("unknown_step")
        settings = definition.journey.effective(step)
        before, still, contact, document = await read_send_state(
            conn, run, given.visit, settings.topic, step.kind
        )
        if before.outcome is not None and (left := exit_taken_before(run, given.visit)) is not None:
            return left
        arrival = _arrival(given, run, before)
        settled = await _settled(conn, context, arrival, step, settings)
        if settled is not None:
            return settled
        fired = await fired_exit(conn, run, definition)
        if fired is not None:
            await _skip(conn, arrival, step, {"reason": "exited"})
            return await take_exit(conn, run, definition, given.visit, fired)
        channel = None if document is None else context.catalog.channel(document)
        if channel is not None:
            settings = definition.journey.effective(step, channel)
        terms = send_terms(
            step,
            settings,
            channel,
            contact,
            zone=zone_of(run.timezone, definition.journey.timezone),
            start=arrival.start,
            now=arrival.now,
            speed=context.speed,
        )
        stands = await _paused(conn, run, arrival, step, terms, still)
        if stands is not None:
            return stands
        if step.if_ is not None:
            verdict = await check_condition(conn, run, definition, step.if_)
            if not verdict.holds:
                return await _skip(conn, arrival, step, {"reason": "if", **verdict.facts})
        reason = await _objection(conn, step, settings, contact)
        if reason is not None:
            facts = {"reason": reason, "topic": settings.topic}
            return await _skip(conn, arrival, step, facts)
        held = await check_send_time(conn, run, given.visit, step, terms, arrival.facts)
        if isinstance(held, Deferral):
            return await _stand(conn, arrival, step, terms, run, held)
        if held is not None:
            return await _leave_out(conn, arrival, step, held)
        variables, references = await _variables(conn, run, step, contact)
        message_id, first_attempt_at = await claim_message(
            conn,
            message_id=uuid4(),
            run_id=run.id,
            visit=given.visit,
            step=given.step,
            contact_id=run.contact_id,
            channel=step.kind,
            topic=settings.topic,
            transactional=settings.transactional or isinstance(step, WebhookStep),
            token=token,
            started=arrival.start,
            facts=arrival.facts,
        )
        await _watch_no_more(conn, arrival)
    return Claimed(
        run, definition, step, settings, terms, token, message_id, first_attempt_at, contact,
        variables, references,
    )  # fmt: skip


async def _settled(
    conn: AsyncConnection[Any],
    context: Context,
    arrival: SendAttempt,
    step: SendStep,
    settings: EffectiveSend,
) -> StepResult | None:
    """What earlier attempts decided; None if the message may be claimed."""
    given, before = arrival.given, arrival.before
    if before.outcome is not None:
        return StepResult(outcome=before.outcome)
    if before.state is None:
        return None
    if before.state == "claimed":
        assert before.claim_age is not None
        left = ATTEMPT - before.claim_age
        if left > timedelta(0):
            raise retryable_error("claim_held", left + timedelta(milliseconds=100))
        await mark_claim_unknown(conn, run_id=given.run_id, visit=given.visit)
        if settings.on_unknown == "resend":
            return None
        return await _skip(conn, arrival, step, {"reason": "interrupted"}, outcome="unknown")
    if before.state == "released":
        assert before.first_attempt_at is not None
        # What stood still for other reasons since is tried once more, however long that was.
        standing = before.held not in (None, "retry")
        if standing or arrival.now - before.first_attempt_at < context.give_up:
            return None
        return await _skip(conn, arrival, step, {"reason": "not_taken"}, outcome="failed")
    if before.state == "unknown" and settings.on_unknown == "resend":
        return None
    outcome = _OUTCOMES[before.state]
    if outcome == "sent" and step.kind == "webhook":
        outcome = "ok"
    return await _skip(conn, arrival, step, {}, outcome=outcome)


async def _paused(
    conn: AsyncConnection[Any],
    run: RunRow,
    arrival: SendAttempt,
    step: SendStep,
    terms: SendTerms,
    still: PauseState,
) -> StepResult | None:
    """What a pause makes of the send, or a move that found the run overdue; None: it goes on."""
    if still.journey_state == "paused":
        if terms.late:
            return await _leave_out(conn, arrival, step, terms.skip_as_late)
        return await _stand(conn, arrival, step, terms, run, Deferral("paused", None))
    held = arrival.before.held
    if held == "retry" and still.due_at is not None and still.due_at > arrival.now:
        # Woken to look, and not because its time has come.
        return StepResult(held=held, due=still.due_at, late=still.due_at == terms.deadline)
    if run.skip_after is not None and not await has_waited(conn, run.id, run.skip_after):
        facts = {"overdue": run.skip_after}
        return await _leave_out(conn, arrival, step, Skip("paused", facts))
    if held != "paused" or still.overdue is None or still.resumed_at is None:
        return None
    overdue = Overdue.from_json(still.overdue)
    if overdue.policy == "skip":
        return await _leave_out(conn, arrival, step, Skip("paused"))
    turn = overdue.turn(run.contact_id, run.journey, still.resumed_at)
    if turn > arrival.now and not terms.late:
        return await _stand(conn, arrival, step, terms, run, Deferral("paused", turn))
    return None


async def _objection(
    conn: AsyncConnection[Any], step: SendStep, settings: EffectiveSend, contact: Recipient
) -> str | None:
    """Why this contact must not get this message; None if it may."""
    if isinstance(step, WebhookStep):
        return None
    address = contact.email if isinstance(step, EmailStep) else contact.phone
    if not address:
        return "no_address"
    if await find_suppression(conn, step.kind, address) is not None:
        return "suppressed"
    if not settings.transactional and contact.consent != "subscribed":
        return "consent"
    return None


async def _variables(
    conn: AsyncConnection[Any], run: RunRow, step: SendStep, contact: Recipient
) -> tuple[dict[str, Any], dict[Reference, Any]]:
    seen = {
        **contact.attributes,
        "external_id": contact.external_id,
        "email": contact.email,
        "phone": contact.phone,
        "timezone": contact.timezone,
        "locale": contact.locale,
        "country": contact.country,
        "score": contact.score,
        "lifecycle": contact.lifecycle,
    }
    variables: dict[str, Any] = {"contact": seen, "entry": run.entry}
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


async def _stand(
    conn: AsyncConnection[Any],
    arrival: SendAttempt,
    step: SendStep,
    terms: SendTerms,
    run: RunRow,
    held: Deferral,
) -> StepResult:
    """Let the send stand still, until its hold is over, it is too late, or somebody wakes it."""
    due, late = terms.look_again(held.until)
    given = arrival.given
    facts = arrival.facts if held.until is None else {**arrival.facts, "zone": terms.zone.key}
    await record_deferral(
        conn,
        run_id=given.run_id,
        visit=given.visit,
        step=given.step,
        kind=step.kind,
        held=held.why,
        due=due,
        until=held.until,
        started=arrival.start,
        facts=facts,
    )
    if held.until is not None:
        await watch_attributes(conn, run, given.visit, WATCHED)
    return StepResult(held=held.why, due=due, late=late)


async def _leave_out(
    conn: AsyncConnection[Any], arrival: SendAttempt, step: SendStep, skipped: Skip
) -> StepResult:
    """Skip the send for its times. One that may have gone out before is not known to be skipped."""
    facts = {**arrival.facts, "reason": skipped.reason, **skipped.facts}
    outcome = "unknown" if arrival.before.state in ("claimed", "unknown") else "skipped"
    return await _skip(conn, arrival, step, facts, outcome=outcome)


async def _skip(
    conn: AsyncConnection[Any],
    arrival: SendAttempt,
    step: SendStep,
    facts: dict[str, Any],
    *,
    outcome: str = "skipped",
) -> StepResult:
    given = arrival.given
    held = await record_skip(
        conn,
        run_id=given.run_id,
        visit=given.visit,
        step=given.step,
        kind=step.kind,
        outcome=outcome,
        facts=facts,
        started=arrival.start,
    )
    await _watch_no_more(conn, arrival)
    return StepResult(outcome=held)


async def _watch_no_more(conn: AsyncConnection[Any], arrival: SendAttempt) -> None:
    if arrival.before.held is not None:
        await remove_listeners(conn, arrival.given.run_id, arrival.given.visit)
