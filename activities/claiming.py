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
from activities.exits import ended, fired_exit, leave, left_before
from activities.failures import refuse, retry
from activities.guards import guard
from activities.moving import moved_on
from activities.reading import locked, locked_to_claim
from journeys.exchange import StepInput, StepResult
from journeys.sending import EffectiveSend
from journeys.steps import EmailStep, SendStep, WebhookStep
from journeys.values import Reference, references_in
from store.catalog import Definition
from store.entries import entries_of
from store.messages import (
    Addressee,
    Attempted,
    Standstill,
    before_send,
    claim,
    give_up_claim,
    hold,
    skip,
)
from store.moving import has_waited
from store.operands import Operands
from store.overdue import Overdue
from store.runs import RunRow
from store.suppressions import find_suppression

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
    token: str
    message_id: UUID
    first_attempt_at: datetime
    contact: Addressee
    variables: dict[str, Any]
    """What templates see."""
    references: dict[Reference, Any]
    """The values of the references in a webhook's body. They are data, and never templates."""


async def claim_send(
    conn: AsyncConnection[Any], context: Context, given: StepInput, token: str
) -> Claimed | StepResult:
    """Claim the visit's message, or say what came of it.

    Raises `claim_held` while another attempt may still be calling the provider.
    """
    async with conn.transaction():
        run = await locked_to_claim(conn, given.run_id)
        if not run.active:
            return ended(run)
        if moved := moved_on(run, given):
            return moved
        definition = await context.catalog.definition(conn, run.journey, run.version)
        try:
            step = definition.journey.step(given.step)
        except KeyError:
            raise refuse("unknown_step") from None
        if not isinstance(step, SendStep):
            raise refuse("unknown_step")
        settings = definition.journey.effective(step)
        before, still, contact = await before_send(conn, run, given.visit, settings.topic)
        if before.outcome is not None and (left := left_before(run, given.visit)) is not None:
            return left
        settled = await _settled(conn, context, given, step, settings, before)
        if settled is not None:
            return settled
        fired = await fired_exit(conn, run, definition)
        if fired is not None:
            await _skip(conn, given, step, {"reason": "exited"})
            return await leave(conn, run, definition, given.visit, fired)
        held = await _held(conn, run, given, step, still)
        if held is not None:
            return held
        if step.if_ is not None:
            verdict = await guard(conn, run, definition, step.if_)
            if not verdict.holds:
                return await _skip(conn, given, step, {"reason": "if", **verdict.facts})
        reason = await _objection(conn, step, settings, contact)
        if reason is not None:
            facts = {"reason": reason, "topic": settings.topic}
            return await _skip(conn, given, step, facts)
        variables, references = await _variables(conn, run, step, contact)
        message_id, first_attempt_at = await claim(
            conn,
            message_id=uuid4(),
            run_id=run.id,
            visit=given.visit,
            step=given.step,
            contact_id=run.contact_id,
            channel=step.kind,
            topic=settings.topic,
            token=token,
        )
    return Claimed(
        run, definition, step, settings, token, message_id, first_attempt_at, contact, variables,
        references,
    )  # fmt: skip


async def _settled(
    conn: AsyncConnection[Any],
    context: Context,
    given: StepInput,
    step: SendStep,
    settings: EffectiveSend,
    before: Attempted,
) -> StepResult | None:
    """What earlier attempts decided; None if the message may be claimed."""
    if before.outcome is not None:
        return StepResult(outcome=before.outcome)
    if before.state is None:
        return None
    if before.state == "claimed":
        assert before.claim_age is not None
        left = ATTEMPT - before.claim_age
        if left > timedelta(0):
            raise retry("claim_held", left + timedelta(milliseconds=100))
        await give_up_claim(conn, run_id=given.run_id, visit=given.visit)
        if settings.on_unknown == "resend":
            return None
        return await _skip(conn, given, step, {"reason": "interrupted"}, outcome="unknown")
    if before.state == "released":
        assert before.first_attempt_at is not None
        run = await locked(conn, given.run_id)
        if run.now - before.first_attempt_at < context.give_up:
            return None
        return await _skip(conn, given, step, {"reason": "not_taken"}, outcome="failed")
    if before.state == "unknown" and settings.on_unknown == "resend":
        return None
    outcome = _OUTCOMES[before.state]
    if outcome == "sent" and step.kind == "webhook":
        outcome = "ok"
    return await _skip(conn, given, step, {}, outcome=outcome)


async def _held(
    conn: AsyncConnection[Any],
    run: RunRow,
    given: StepInput,
    step: SendStep,
    still: Standstill,
) -> StepResult | None:
    """What a pause makes of the send, or a move that found the run overdue; None: it goes on."""
    if still.journey_state == "paused":
        await _hold(conn, given, step, "paused", None)
        return StepResult(held="paused")
    if still.held == "retry" and still.due_at is not None and still.due_at > run.now:
        # Woken to look, and not because its time has come.
        return StepResult(held="retry", due=still.due_at)
    if run.skip_after is not None and not await has_waited(conn, run.id, run.skip_after):
        return await _skip(conn, given, step, {"reason": "paused", "overdue": run.skip_after})
    if still.held != "paused" or still.overdue is None or still.resumed_at is None:
        return None
    overdue = Overdue.from_json(still.overdue)
    if overdue.policy == "skip":
        return await _skip(conn, given, step, {"reason": "paused"})
    turn = overdue.turn(run.contact_id, run.journey, still.resumed_at)
    if turn > run.now:
        await _hold(conn, given, step, "paused", turn)
        return StepResult(held="paused", due=turn)
    return None


async def _objection(
    conn: AsyncConnection[Any], step: SendStep, settings: EffectiveSend, contact: Addressee
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
    conn: AsyncConnection[Any], run: RunRow, step: SendStep, contact: Addressee
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


async def _hold(
    conn: AsyncConnection[Any], given: StepInput, step: SendStep, held: str, due: datetime | None
) -> None:
    await hold(
        conn,
        run_id=given.run_id,
        visit=given.visit,
        step=given.step,
        kind=step.kind,
        held=held,
        due=due,
    )


async def _skip(
    conn: AsyncConnection[Any],
    given: StepInput,
    step: SendStep,
    facts: dict[str, Any],
    *,
    outcome: str = "skipped",
) -> StepResult:
    return StepResult(
        outcome=await skip(
            conn,
            run_id=given.run_id,
            visit=given.visit,
            step=given.step,
            kind=step.kind,
            outcome=outcome,
            facts=facts,
        )
    )
