"""The claim of a send: one transaction decides whether the provider may be called, and by whom.

It locks the contact and the run. A change that commits before the claim prevents the send; one
that commits after it ends the run once the send is recorded.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from uuid import UUID, uuid4

from psycopg import AsyncConnection

from activities.context import Context
from activities.deciding.condition_check import check_condition
from activities.failures import final_error
from activities.leaving.exits import ended_result, exit_taken_before, fired_exit, take_exit
from activities.locked_run import lock_to_claim
from activities.sending.attempts import (
    RetriesEnd,
    SendAttempt,
    begin_attempt,
    decided_before,
    skip_send,
    still_retrying,
    stop_watching,
)
from activities.sending.chosen_content import choose_content, read_variables, template_of
from activities.sending.provider_choice import choose_provider
from activities.sending.retries import retries_end
from activities.versions.take_version import stale_version
from journeys.model.sends import EffectiveSend
from journeys.model.steps import SendStep
from journeys.model.values import Reference
from journeys.protocol.channels import CHANNELS
from journeys.protocol.payloads import StepInput, StepResult
from journeys.templating.contents import Content
from journeys.time.zones import zone_of
from journeys.versions.overdue import Overdue
from store.definitions.catalog import Definition
from store.messages.claims import claim_message
from store.messages.deferrals import record_deferral
from store.messages.recipients import address_of, skip_for_recipient
from store.messages.send_state import BrandSender, PauseState, Recipient, read_send_state
from store.messages.shared_addresses import take_address
from store.runs.rows import RunRow
from store.versions.run_migration import has_waited
from store.waits.send_times import (
    WATCHED,
    Deferral,
    SendTerms,
    Skip,
    check_send_time,
    send_terms,
)
from store.waits.wait_visits import watch_attributes


@dataclass(frozen=True, kw_only=True)
class Claimed:
    """A message that this attempt, and no other, may hand to its provider."""

    run: RunRow
    visit: int
    definition: Definition
    step: SendStep
    settings: EffectiveSend
    terms: SendTerms
    token: str
    message_id: UUID
    provider: str
    """The provider that is to be called."""
    attempts: int
    """How often the message was claimed, with this time."""
    retries_end: datetime
    """From this time on it is not tried again."""
    contact: Recipient
    brand: BrandSender
    variables: dict[str, Any]
    """What templates read."""
    references: dict[Reference, Any]
    """The values of the references in a webhook's body. They are data, and never templates."""
    content: Content | None
    """What a message is rendered from; None for a webhook, or if there is nothing to send."""


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
        step = send_step(definition, request.step)
        settings = definition.settings(step)
        template = template_of(step)
        previous, pause, contact, documents = await read_send_state(
            conn,
            run,
            request.visit,
            settings.topic,
            step.kind,
            template,
            counted=step.kind in context.ceilings,
        )
        if previous.outcome is not None and (taken := exit_taken_before(run, request.visit)):
            return taken
        attempt = begin_attempt(request, run, previous)
        zone = zone_of(run.timezone, definition.journey.timezone)

        def ending(first_attempt_at: datetime) -> datetime:
            return retries_end(
                step, first_attempt_at, zone, give_up=context.give_up, speed=context.speed
            )

        decided = await decided_before(conn, attempt, step, settings, ending)
        if decided is not None:
            return decided
        fired = await fired_exit(conn, run, definition)
        if fired is not None:
            await skip_send(conn, attempt, step, "exited")
            return await take_exit(conn, run, definition, request.visit, fired)
        channel = None if documents.channel is None else context.catalog.channel(documents.channel)
        topic = None if documents.topic is None else context.catalog.topic(documents.topic)
        if channel is not None or (topic is not None and topic.sets_sends):
            settings = definition.settings(step, channel, topic)
        terms = send_terms(
            step,
            settings,
            channel,
            contact,
            zone=zone,
            start=attempt.start,
            now=attempt.now,
            speed=context.speed,
        )
        paused = await _check_pause(conn, run, attempt, step, terms, pause, ending)
        if paused is not None:
            return paused
        if step.if_ is not None:
            verdict = await check_condition(conn, run, definition, step.if_)
            if not verdict.holds:
                return await skip_send(conn, attempt, step, "if", verdict.facts)
        reason = skip_for_recipient(step.kind, settings, contact)
        if reason is not None:
            facts = {"topic": settings.topic}
            if reason == "consent" and contact.channel_refused:
                facts["channel"] = step.kind
            return await skip_send(conn, attempt, step, reason, facts)
        marketing = settings.class_ == "marketing" and CHANNELS[step.kind].to_contact
        frozen = pause.freezes(marketing=marketing)
        if frozen is not None:
            if terms.late:
                return await skip_send(conn, attempt, step, "frozen", terms.skip_as_late.facts)
            attempt.facts["frozen"] = frozen
            return await _defer(conn, attempt, step, terms, run, Deferral("frozen", None))
        unsendable = await check_send_time(conn, run, request.visit, step, terms, attempt.facts)
        if isinstance(unsendable, Deferral):
            return await _defer(conn, attempt, step, terms, run, unsendable)
        if unsendable is not None:
            return await _skip_for_time(conn, attempt, step, unsendable)
        if at_ceiling(context, run, step, settings, pause):
            return await _defer(conn, attempt, step, terms, run, Deferral("ceiling", None))
        if definition.timed.schedules and CHANNELS[step.kind].to_contact:
            address = address_of(contact, step.kind) or ""
            if not await take_address(conn, run.id, step.kind, address):
                return await skip_send(conn, attempt, step, "shared_address")
        content = await choose_content(
            conn, context, definition, step, template, contact, documents.contents
        )
        variables, references = await read_variables(
            conn, run, definition, step, settings, contact, content
        )
        chosen = choose_provider(settings, previous, context.default_provider(step.kind))
        message = await claim_message(
            conn,
            message_id=uuid4(),
            run_id=run.id,
            visit=request.visit,
            step=request.step,
            contact_id=run.contact_id,
            channel=step.kind,
            topic=settings.topic,
            transactional=settings.transactional or not CHANNELS[step.kind].to_contact,
            class_=settings.class_ if CHANNELS[step.kind].to_contact else "service",
            counted=step.kind in context.ceilings,
            token=token,
            provider=chosen.provider,
            not_taken=chosen.not_taken,
            possibly_taken=chosen.possibly_taken,
            started=attempt.start,
            facts=attempt.facts,
            again=previous.message_id is not None,
            address=address_of(contact, step.kind),
            content=None if content is None else content.hash,
            locale=None if content is None else content.locale,
        )
        await stop_watching(conn, attempt)
    return Claimed(
        run=run,
        visit=request.visit,
        definition=definition,
        step=step,
        settings=settings,
        terms=terms,
        token=token,
        message_id=message.id,
        provider=chosen.provider,
        attempts=message.attempts,
        retries_end=ending(message.first_attempt_at),
        contact=contact,
        brand=documents.brand,
        variables=variables,
        references=references,
        content=None if content is None else content.content,
    )


def send_step(definition: Definition, step_id: str) -> SendStep:
    """The step of a send. Raises `unknown_step`, which is final."""
    try:
        step = definition.journey.step(step_id)
    except KeyError:
        raise final_error("unknown_step") from None
    if not isinstance(step, SendStep):
        raise final_error("unknown_step")
    return step


async def _check_pause(
    conn: AsyncConnection[Any],
    run: RunRow,
    attempt: SendAttempt,
    step: SendStep,
    terms: SendTerms,
    pause: PauseState,
    ending: RetriesEnd,
) -> StepResult | None:
    """The result of a send that a pause, its resume or a move of the run stops; else None."""
    if pause.journey_state == "paused":
        if terms.late:
            return await _skip_for_time(conn, attempt, step, terms.skip_as_late)
        return await _defer(conn, attempt, step, terms, run, Deferral("paused", None))
    held = attempt.previous.held
    if held == "retry" and pause.due_at is not None and pause.due_at > attempt.now:
        # A wake came before the time of the next attempt.
        return still_retrying(attempt.previous, pause.due_at, terms, ending)
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


def at_ceiling(
    context: Context, run: RunRow, step: SendStep, settings: EffectiveSend, pause: PauseState
) -> bool:
    """Whether marketing has had its part of the channel's messages of today."""
    ceiling = context.ceilings.get(step.kind)
    if ceiling is None or settings.class_ != "marketing":
        return False
    most = ceiling.for_marketing(run.now.astimezone(UTC).date())
    return most is not None and pause.today >= most


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
    facts = {**attempt.facts, **skip.facts}
    return await skip_send(conn, attempt, step, skip.reason, facts)
