"""A send: claim, call the provider, record. Never a second call that nobody asked for."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import psycopg
import structlog
from psycopg import AsyncConnection
from psycopg_pool import PoolTimeout
from temporalio import activity

from activities.context import Context
from activities.failures import retryable_error
from activities.leaving.finish import finish_run
from activities.locked_run import lock, read
from activities.sending.claim import Claimed, claim_send
from activities.sending.composition import CompositionFailed, compose
from activities.sending.deferrals import SendTerms
from activities.versions.take_version import stale_version
from activities.waiting.waits import look_again, plan_within
from channels.errors import NotTaken, Refused, Unclear
from journeys.model.steps import EmailStep, WebhookStep
from journeys.protocol.payloads import StepInput, StepResult
from journeys.templating.liquid import TemplateError
from store.messages.claims import Settled, record_result
from store.messages.deferrals import record_deferral
from store.messages.suppressions import suppress

log = structlog.get_logger(__name__)

_STANDS = timedelta(seconds=60)
"""A retry later than this is a hold of the run, not of the activity."""
_FIRST_DELAY = timedelta(seconds=1)
_RECORD_FOR = 8.0
"""Seconds for which a record is tried again while Postgres is away. With the provider's 20 they
stay below the 30 of an attempt."""


@dataclass(frozen=True)
class Record:
    """How an attempt went, for Postgres."""

    state: Settled
    outcome: str | None
    provider_id: str | None = None
    code: str | None = None
    detail: str | None = None
    facts: dict[str, Any] = field(default_factory=dict)
    output: dict[str, Any] = field(default_factory=dict)
    suppress: bool = False
    hold_for: timedelta | None = None
    retry_after: timedelta | None = None
    """Set: the activity is to be tried again."""


class SendActivities:
    """The activity behind `email`, `sms` and `webhook`, on a queue for each."""

    def __init__(self, context: Context) -> None:
        self._context = context

    @activity.defn(name="send")
    async def send(self, given: StepInput) -> StepResult:
        """Send the visit's message, at most once unless its step says `on_unknown: resend`."""
        info = activity.info()
        token = f"{info.workflow_run_id}:{info.activity_id}:{info.attempt}"
        async with self._context.pool.connection() as conn:
            claimed = await claim_send(conn, self._context, given, token)
            if isinstance(claimed, StepResult):
                return await self._followed(conn, given, claimed)
        record = await self._call(claimed, info.attempt)
        log.info(
            "message_settled",
            message_id=str(claimed.message_id),
            channel=claimed.step.kind,
            state=record.state,
            code=record.code,
        )
        return await self._record(given, claimed, record)

    async def _call(self, claimed: Claimed, attempt: int) -> Record:
        try:
            outgoing = compose(claimed, self._context)
        except (TemplateError, CompositionFailed) as error:
            facts = {"reason": "template", "detail": str(error)}
            return Record("refused", "failed", code="template", detail=str(error), facts=facts)
        adapter = self._context.adapters.get(claimed.step.kind)
        if adapter is None:
            facts = {"reason": "no_channel"}
            return Record("refused", "failed", code="no_channel", facts=facts)
        try:
            receipt = await adapter.send(outgoing)
        except Refused as error:
            return Record(
                "refused",
                "failed",
                code=str(error.code),
                detail=error.detail,
                facts={"reason": str(error.code)},
                output=_answer(error.facts),
                suppress=error.suppress,
            )
        except NotTaken as error:
            return _later(error, attempt, claimed.terms)
        except Unclear as error:
            if claimed.settings.on_unknown == "resend":
                return Record(
                    "unknown",
                    None,
                    code=str(error.code),
                    detail=error.detail,
                    retry_after=_backoff(attempt),
                )
            facts = {"reason": str(error.code)}
            return Record(
                "unknown", "unknown", code=str(error.code), detail=error.detail, facts=facts
            )
        except ValueError as error:
            facts = {"reason": "message_invalid", "detail": str(error)}
            return Record(
                "refused", "failed", code="message_invalid", detail=str(error), facts=facts
            )
        webhook = isinstance(claimed.step, WebhookStep)
        return Record(
            "sent",
            "ok" if webhook else "sent",
            provider_id=receipt.provider_id,
            facts={} if webhook else dict(receipt.facts),
            output=_answer(receipt.facts) if webhook else {},
        )

    async def _record(self, given: StepInput, claimed: Claimed, record: Record) -> StepResult:
        """Record an attempt, for as long as it takes Postgres to come back, within the attempt."""
        loop = asyncio.get_running_loop()
        until = loop.time() + _RECORD_FOR
        delay = 0.1
        while True:
            try:
                async with self._context.pool.connection(timeout=2) as conn:
                    return await self._record_once(conn, given, claimed, record)
            except (psycopg.OperationalError, psycopg.InterfaceError, PoolTimeout):
                if loop.time() + delay > until:
                    raise retryable_error("record_lost", timedelta(seconds=1)) from None
                await asyncio.sleep(delay)
                delay = min(delay * 2, 1.0)

    async def _record_once(
        self,
        conn: AsyncConnection[Any],
        given: StepInput,
        claimed: Claimed,
        record: Record,
    ) -> StepResult:
        following: StepResult | None = None
        listening = False
        held: StepResult | None = None
        if record.outcome is None or given.following is None:
            async with conn.transaction():
                held = await self._settle(conn, given, claimed, record)
        else:
            try:
                async with conn.transaction():
                    await self._settle(conn, given, claimed, record)
                    following, listening = await self._follow(conn, given, record.outcome)
            except (psycopg.OperationalError, psycopg.InterfaceError):
                raise
            except Exception:
                # What follows must not cost the record: the workflow asks for it by itself.
                log.exception("following_failed", run_id=str(given.run_id))
                following, listening = None, False
                async with conn.transaction():
                    await self._settle(conn, given, claimed, record)
        if record.retry_after is not None:
            raise retryable_error("not_taken", record.retry_after)
        if held is not None:
            return held
        if listening:
            following = await look_again(conn, self._context, _of_following(given))
        return StepResult(outcome=record.outcome, following=following)

    async def _settle(
        self, conn: AsyncConnection[Any], given: StepInput, claimed: Claimed, record: Record
    ) -> StepResult | None:
        """Record the attempt; how the run stands until the next one, if it does."""
        await record_result(
            conn,
            run_id=given.run_id,
            visit=given.visit,
            token=claimed.token,
            state=record.state,
            outcome=record.outcome,
            provider_id=record.provider_id,
            code=record.code,
            detail=record.detail,
            facts=record.facts,
            output=record.output,
        )
        if record.suppress:
            email = isinstance(claimed.step, EmailStep)
            address = claimed.contact.email if email else claimed.contact.phone
            if address:
                await suppress(conn, [(claimed.step.kind, address, record.code or "refused")])
        if record.hold_for is None:
            return None
        until = (await read(conn, given.run_id)).now + record.hold_for
        due, late = claimed.terms.look_again(until)
        await record_deferral(
            conn,
            run_id=given.run_id,
            visit=given.visit,
            step=given.step,
            kind=claimed.step.kind,
            held="retry",
            due=due,
            until=until,
            started=claimed.terms.start,
        )
        return StepResult(held="retry", due=due, late=late)

    async def _followed(
        self, conn: AsyncConnection[Any], given: StepInput, result: StepResult
    ) -> StepResult:
        """The result of a send that made no call, with what follows it."""
        if result.outcome is None or given.following is None:
            return result
        async with conn.transaction():
            following, listening = await self._follow(conn, given, result.outcome)
        if listening:
            following = await look_again(conn, self._context, _of_following(given))
        return result.model_copy(update={"following": following})

    async def _follow(
        self, conn: AsyncConnection[Any], given: StepInput, outcome: str
    ) -> tuple[StepResult, bool]:
        assert given.following is not None
        run = await lock(conn, given.run_id)
        if run.active and (moved := stale_version(run, given)):
            return moved, False
        if given.following.step is None:
            return await finish_run(conn, self._context, run, given.visit, "completed", None), False
        return await plan_within(
            conn, self._context, _of_following(given), run, after_send=outcome != "skipped"
        )


def _of_following(given: StepInput) -> StepInput:
    assert given.following is not None
    assert given.following.step is not None
    return StepInput(
        run_id=given.run_id,
        visit=given.following.visit,
        step=given.following.step,
        now=given.now,
        moves=given.moves,
    )


def _later(error: NotTaken, attempt: int, terms: SendTerms) -> Record:
    delay = (
        timedelta(seconds=error.retry_after) if error.retry_after is not None else _backoff(attempt)
    )
    stands = delay > _STANDS
    if terms.deadline is not None:
        # The attempt that comes then finds that it is too late.
        delay = min(delay, max(terms.deadline - terms.now, _FIRST_DELAY))
    return Record(
        "released",
        None,
        code=str(error.code),
        detail=error.detail,
        hold_for=delay if stands else None,
        retry_after=None if stands else delay,
    )


def _backoff(attempt: int) -> timedelta:
    """Twice as long each time, up to a minute."""
    return min(_FIRST_DELAY * (1 << min(attempt - 1, 10)), _STANDS)


def _answer(facts: Mapping[str, Any]) -> dict[str, Any]:
    """What a webhook leaves for later steps."""
    return {name: facts[name] for name in ("status", "body") if name in facts}
