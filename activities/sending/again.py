"""The activity that sends a message again whose step has ended: one attempt at it.

Consent, suppression, caps and the times at which it may go out are asked as for every send; the
run's exits, its state and the step's `if` are not.
"""

from __future__ import annotations

from datetime import timedelta
from functools import partial
from typing import Any, Final

import structlog
from psycopg import AsyncConnection
from temporalio import activity
from temporalio.exceptions import ApplicationError

from activities.context import Context
from activities.failures import code_of, retryable_error
from activities.locked_run import read
from activities.sending.attempts import ATTEMPT
from activities.sending.chosen_content import choose_content, read_variables, template_of
from activities.sending.claim import Claimed, at_ceiling, send_step
from activities.sending.faults import keep_fault
from activities.sending.masking import SecretMask
from activities.sending.provider_call import ProviderCalls, Record
from activities.sending.provider_choice import choose_provider
from activities.sending.recording import record_within_attempt, suppress_refused
from activities.sending.retries import next_attempt, retries_end
from journeys.model.reasons import SkipReason
from journeys.model.sends import EffectiveSend
from journeys.model.steps import SendStep
from journeys.protocol.channels import CHANNELS
from journeys.protocol.names import SEND_MESSAGE_AGAIN
from journeys.protocol.payloads import SendAgainInput, SendAgainResult
from journeys.time.zones import zone_of
from store.messages.claims import AttemptResult, mark_claim_unknown, record_result
from store.messages.recipients import address_of, skip_for_recipient
from store.messages.send_state import PauseState, PreviousAttempt, Recipient, read_send_state
from store.repairs.job_items import ItemRow, count_claim, end_sending, read_item
from store.repairs.message_retries import claim_again, is_running, step_of
from store.runs.rows import RunRow, lock_run_to_claim
from store.tables.repairs import RepairItemState
from store.waits.send_times import Deferral, SendTerms, check_send_time, send_terms

log = structlog.get_logger(__name__)

_ATTEMPTS: Final = 5
"""Attempts after which a message that cannot be claimed because of a fault is given up."""
_LOOK_AGAIN: Final = timedelta(minutes=1)
"""When a message that a pause, a freeze or a ceiling holds is looked at again."""


class SendAgainActivities:
    """The activity behind the retry of a message, on the queue of its channel."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._mask = SecretMask([*context.secrets.values(), *context.passwords])
        self._providers = ProviderCalls(context, self._mask)

    @activity.defn(name=SEND_MESSAGE_AGAIN)
    async def send(self, request: SendAgainInput) -> SendAgainResult:
        """Claim the message, call its provider, and record what came of it."""
        info = activity.info()
        token = f"{info.workflow_run_id}:{info.activity_id}:{info.attempt}"
        try:
            async with self._context.pool.connection() as conn, conn.transaction():
                claimed = await self._claim(conn, request, token)
        except ApplicationError:
            raise
        except Exception as error:
            code = code_of(error)
            if info.attempt < _ATTEMPTS or code in ("database_away", "database_busy"):
                raise
            return await self._give_up(request, code, error)
        if isinstance(claimed, SendAgainResult):
            return claimed
        record = await self._providers.call(claimed)
        log.info(
            "message_settled",
            message_id=str(claimed.message_id),
            run_id=str(request.run_id),
            visit=request.visit,
            step=claimed.step.id,
            channel=claimed.step.kind,
            provider=claimed.provider,
            state=record.state,
            code=record.code,
            attempts=claimed.attempts,
            again=True,
        )
        return await record_within_attempt(
            self._context.pool,
            claimed.message_id,
            partial(self._record, request=request, claimed=claimed, record=record),
        )

    async def _give_up(
        self, request: SendAgainInput, code: str, error: Exception
    ) -> SendAgainResult:
        """Keep the fault that keeps the message from being claimed."""
        pool = self._context.pool
        await keep_fault(pool, request.run_id, request.visit, code, error, self._mask)
        async with pool.connection() as conn:
            item = await read_item(conn, request.job_id, request.run_id, request.visit)
            if item is None or item.state != "sending":
                return SendAgainResult(state="left" if item is None else item.state)
            return await _end(conn, item, "failed", code)

    async def _claim(
        self, conn: AsyncConnection[Any], request: SendAgainInput, token: str
    ) -> Claimed | SendAgainResult:
        run = await lock_run_to_claim(conn, request.run_id)
        item = await read_item(conn, request.job_id, request.run_id, request.visit)
        if item is None or item.state != "sending":
            return SendAgainResult(state="left" if item is None else item.state)
        if run is None:
            return await _end(conn, item, "left", "unknown_run")
        if not await is_running(conn, request.job_id):
            return await _end(conn, item, "left", "stopped")
        definition = await self._context.catalog.definition(conn, run.journey, run.version)
        step_id = await step_of(conn, run.id, request.visit)
        if step_id is None or all(each.id != step_id for each in definition.journey.all_steps()):
            return await _end(conn, item, "failed", "unknown_step")
        step = send_step(definition, step_id)
        settings = definition.settings(step)
        counted = step.kind in self._context.ceilings
        template = template_of(step)
        previous, pause, contact, documents = await read_send_state(
            conn, run, request.visit, settings.topic, step.kind, template, counted=counted
        )
        resend = settings.on_unknown == "resend"
        if (ended := await _ended_before(conn, item, previous, resend=resend)) is not None:
            return ended
        channel = (
            None
            if documents.channel is None
            else (self._context.catalog.channel(documents.channel))
        )
        topic = None if documents.topic is None else self._context.catalog.topic(documents.topic)
        if channel is not None or (topic is not None and topic.sets_sends):
            settings = definition.settings(step, channel, topic)
        zone = zone_of(run.timezone, definition.journey.timezone)
        now = run.now if request.due is None else max(run.now, request.due)
        begun_at = item.begun_at or now
        terms = send_terms(
            step,
            settings,
            channel,
            contact,
            zone=zone,
            start=begun_at,
            now=now,
            speed=self._context.speed,
        )
        held = await self._check(conn, item, run, step, settings, terms, pause, contact)
        if held is not None:
            return held
        content = await choose_content(
            conn, self._context, definition, step, template, contact, documents.contents
        )
        variables, references = await read_variables(
            conn, run, definition, step, settings, contact, content
        )
        chosen = choose_provider(settings, previous, self._context.default_provider(step.kind))
        message = await claim_again(
            conn,
            run_id=run.id,
            visit=request.visit,
            token=token,
            provider=chosen.provider,
            not_taken=chosen.not_taken,
            possibly_taken=chosen.possibly_taken or previous.state == "unknown",
            address=address_of(contact, step.kind),
            content=None if content is None else content.hash,
            locale=None if content is None else content.locale,
        )
        if message is None:
            return await _end(conn, item, "left", "was_sent")
        await count_claim(conn, item)
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
            attempts=item.claims + 1,
            retries_end=retries_end(
                step,
                begun_at,
                zone,
                give_up=self._context.give_up,
                speed=self._context.speed,
            ),
            contact=contact,
            brand=documents.brand,
            variables=variables,
            references=references,
            content=None if content is None else content.content,
        )

    async def _check(
        self,
        conn: AsyncConnection[Any],
        item: ItemRow,
        run: RunRow,
        step: SendStep,
        settings: EffectiveSend,
        terms: SendTerms,
        pause: PauseState,
        contact: Recipient,
    ) -> SendAgainResult | None:
        """What keeps the message back, for now or for good; None if it may go out."""
        reason: SkipReason | None = skip_for_recipient(step.kind, settings, contact)
        if reason is not None:
            return await _end(conn, item, "left", reason)
        if pause.journey_state == "paused":
            return _held(terms, "paused")
        marketing = settings.class_ == "marketing" and CHANNELS[step.kind].to_contact
        if pause.freezes(marketing=marketing) is not None:
            return _held(terms, "frozen")
        unsendable = await check_send_time(conn, run, item.visit, step, terms, {})
        if isinstance(unsendable, Deferral):
            return SendAgainResult(
                state="sending", code=unsendable.reason, due=terms.next_check(unsendable.until)[0]
            )
        if unsendable is not None:
            return await _end(conn, item, "left", unsendable.reason)
        if at_ceiling(self._context, run, step, settings, pause):
            return _held(terms, "ceiling")
        return None

    async def _record(
        self,
        conn: AsyncConnection[Any],
        *,
        request: SendAgainInput,
        claimed: Claimed,
        record: Record,
    ) -> SendAgainResult:
        async with conn.transaction():
            recorded = await record_result(
                conn,
                AttemptResult(
                    run_id=request.run_id,
                    visit=request.visit,
                    token=claimed.token,
                    state=record.state,
                    outcome=record.outcome,
                    provider_id=record.provider_id,
                    code=record.code,
                    detail=record.detail,
                    kept=record.kept,
                ),
            )
            await suppress_refused(conn, claimed, record)
            item = await read_item(conn, request.job_id, request.run_id, request.visit)
            if item is None or item.state != "sending":
                return SendAgainResult(state="left" if item is None else item.state)
            if record.state == "sent":
                return await _end(conn, item, "done", None)
            if record.again is None or not recorded:
                return await _end(conn, item, "failed", record.code or record.state)
            run = await read(conn, request.run_id)
            again = next_attempt(
                record.again,
                message_id=claimed.message_id,
                attempts=claimed.attempts,
                now=run.now,
                end=claimed.retries_end,
            )
            if again.gives_up:
                return await _end(conn, item, "failed", record.code or "not_taken")
            return SendAgainResult(state="sending", code=record.code, due=again.at)


async def _ended_before(
    conn: AsyncConnection[Any], item: ItemRow, previous: PreviousAttempt, *, resend: bool
) -> SendAgainResult | None:
    """What earlier attempts have left; None if the message may be claimed.

    Raises `claim_held` while another attempt may be calling the provider.
    """
    state = previous.state
    if state == "claimed":
        assert previous.claim_age is not None
        remaining = ATTEMPT - previous.claim_age
        if remaining > timedelta(0):
            raise retryable_error("claim_held", remaining + timedelta(milliseconds=100))
        await mark_claim_unknown(conn, run_id=item.run_id, visit=item.visit)
        state = "unknown"
    if state == "sent":
        # Its provider has said so meanwhile, or an attempt of ours whose end was not recorded.
        return await _end(conn, item, "done", None)
    if item.claims and state == "unknown" and not resend:
        return await _end(conn, item, "failed", previous.code or "interrupted")
    if item.claims and state == "refused":
        return await _end(conn, item, "failed", previous.code or "refused")
    return None


async def _end(
    conn: AsyncConnection[Any], item: ItemRow, state: RepairItemState, code: str | None
) -> SendAgainResult:
    await end_sending(conn, item, state, code)
    return SendAgainResult(state=state, code=code)


def _held(terms: SendTerms, reason: str) -> SendAgainResult:
    """The result of a message that waits until somebody ends what holds it."""
    return SendAgainResult(state="sending", code=reason, due=terms.now + _LOOK_AGAIN)
