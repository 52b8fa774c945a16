"""The send activity: claim, call the provider, record; repeated only if the step allows it."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import structlog
from psycopg import AsyncConnection
from temporalio import activity

from activities.context import Context
from activities.failures import retryable_error
from activities.leaving.finish import finish_run
from activities.locked_run import lock, read
from activities.sending.claim import Claimed, claim_send
from activities.sending.composition import CompositionFailed, compose
from activities.sending.deferrals import SendTerms
from activities.sending.recipients import address_of
from activities.versions.take_version import stale_version
from activities.waiting.waits import plan_within, recheck
from channels.errors import NotTaken, Refused, Unclear
from journeys.protocol.channels import CHANNELS
from journeys.protocol.payloads import StepInput, StepResult
from journeys.time.backoff import Backoff
from store.messages.claims import Settled, record_result
from store.messages.deferrals import record_deferral
from store.messages.suppressions import suppress
from store.sql import DATABASE_AWAY

log = structlog.get_logger(__name__)

_DEFER_FROM = timedelta(seconds=60)
"""A retry later than this is a deferral of the run; an earlier one is a retry of the activity."""
_RETRY = Backoff(first=1.0, longest=60.0)
_RECORD_FOR = 8.0
"""Seconds for which a record is tried again while Postgres is away. With the provider's 20 they
stay below the 30 of an attempt."""
_RECORD_AGAIN = Backoff(first=0.1, longest=1.0)


@dataclass(frozen=True)
class Record:
    """The result of an attempt, to be recorded in Postgres."""

    state: Settled
    outcome: str | None
    provider_id: str | None = None
    code: str | None = None
    detail: str | None = None
    facts: dict[str, Any] = field(default_factory=dict)
    output: dict[str, Any] = field(default_factory=dict)
    suppress: bool = False
    defer_for: timedelta | None = None
    """Set: the run waits for so long before the next attempt."""
    retry_after: timedelta | None = None
    """Set: the activity is tried again after this time."""


class SendActivities:
    """The activity behind every step that sends, on a queue for each channel."""

    def __init__(self, context: Context) -> None:
        self._context = context

    @activity.defn(name="send")
    async def send(self, request: StepInput) -> StepResult:
        """Send the visit's message, at most once unless its step says `on_unknown: resend`."""
        info = activity.info()
        token = f"{info.workflow_run_id}:{info.activity_id}:{info.attempt}"
        async with self._context.pool.connection() as conn:
            claimed = await claim_send(conn, self._context, request, token)
            if isinstance(claimed, StepResult):
                return await self._with_following(conn, request, claimed)
        record = await self._call(claimed, info.attempt)
        log.info(
            "message_settled",
            message_id=str(claimed.message_id),
            channel=claimed.step.kind,
            state=record.state,
            code=record.code,
        )
        return await self._record(request, claimed, record)

    async def _call(self, claimed: Claimed, attempt: int) -> Record:
        try:
            outgoing = await compose(claimed, self._context)
        except NotTaken as error:
            return _not_taken(error, attempt, claimed.terms)
        except CompositionFailed as error:
            facts = {"reason": error.code, "detail": str(error)}
            return Record("refused", "failed", code=error.code, detail=str(error), facts=facts)
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
            return _not_taken(error, attempt, claimed.terms)
        except Unclear as error:
            if claimed.settings.on_unknown == "resend":
                return Record(
                    "unknown",
                    None,
                    code=str(error.code),
                    detail=error.detail,
                    retry_after=timedelta(seconds=_RETRY.delay(attempt)),
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
        channel = CHANNELS[claimed.step.kind]
        return Record(
            "sent",
            channel.sent_outcome,
            provider_id=receipt.provider_id,
            facts=dict(receipt.facts) if channel.to_contact else {},
            output={} if channel.to_contact else _answer(receipt.facts),
        )

    async def _record(self, request: StepInput, claimed: Claimed, record: Record) -> StepResult:
        """Record the attempt. While Postgres is away it is tried again, within the attempt."""
        loop = asyncio.get_running_loop()
        until = loop.time() + _RECORD_FOR
        failures = 0
        while True:
            try:
                async with self._context.pool.connection(timeout=2) as conn:
                    return await self._record_once(conn, request, claimed, record)
            except DATABASE_AWAY:
                failures += 1
                delay = _RECORD_AGAIN.delay(failures)
                if loop.time() + delay > until:
                    raise retryable_error("record_lost", timedelta(seconds=1)) from None
                await asyncio.sleep(delay)

    async def _record_once(
        self,
        conn: AsyncConnection[Any],
        request: StepInput,
        claimed: Claimed,
        record: Record,
    ) -> StepResult:
        following: StepResult | None = None
        listening = False
        deferred: StepResult | None = None
        if record.outcome is None or request.following is None:
            async with conn.transaction():
                deferred = await self._settle(conn, request, claimed, record)
        else:
            try:
                async with conn.transaction():
                    await self._settle(conn, request, claimed, record)
                    following, listening = await self._run_following(conn, request, record.outcome)
            except DATABASE_AWAY:
                raise
            except Exception:
                # A fault in what comes next must not undo the record. Without its result the
                # workflow asks for it by an activity of its own.
                log.exception("following_failed", run_id=str(request.run_id))
                following, listening = None, False
                async with conn.transaction():
                    await self._settle(conn, request, claimed, record)
        if record.retry_after is not None:
            raise retryable_error("not_taken", record.retry_after)
        if deferred is not None:
            return deferred
        if listening:
            following = await recheck(conn, self._context, _following_request(request))
        return StepResult(outcome=record.outcome, following=following)

    async def _settle(
        self, conn: AsyncConnection[Any], request: StepInput, claimed: Claimed, record: Record
    ) -> StepResult | None:
        """Record the attempt; the result if the run waits for the next attempt, else None."""
        await record_result(
            conn,
            run_id=request.run_id,
            visit=request.visit,
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
            address = address_of(claimed.contact, claimed.step.kind)
            if address:
                await suppress(conn, [(claimed.step.kind, address, record.code or "refused")])
        if record.defer_for is None:
            return None
        until = (await read(conn, request.run_id)).now + record.defer_for
        due, late = claimed.terms.next_check(until)
        await record_deferral(
            conn,
            run_id=request.run_id,
            visit=request.visit,
            step=request.step,
            kind=claimed.step.kind,
            held="retry",
            due=due,
            until=until,
            started=claimed.terms.start,
        )
        return StepResult(held="retry", due=due, late=late)

    async def _with_following(
        self, conn: AsyncConnection[Any], request: StepInput, result: StepResult
    ) -> StepResult:
        """Add the result of what comes next to that of a send that made no call."""
        if result.outcome is None or request.following is None:
            return result
        async with conn.transaction():
            following, listening = await self._run_following(conn, request, result.outcome)
        if listening:
            following = await recheck(conn, self._context, _following_request(request))
        return result.model_copy(update={"following": following})

    async def _run_following(
        self, conn: AsyncConnection[Any], request: StepInput, outcome: str
    ) -> tuple[StepResult, bool]:
        assert request.following is not None
        run = await lock(conn, request.run_id)
        if run.active and (moved := stale_version(run, request)):
            return moved, False
        if request.following.step is None:
            return await finish_run(
                conn, self._context, run, request.visit, "completed", None
            ), False
        return await plan_within(
            conn, self._context, _following_request(request), run, after_send=outcome != "skipped"
        )


def _following_request(request: StepInput) -> StepInput:
    assert request.following is not None
    assert request.following.step is not None
    return StepInput(
        run_id=request.run_id,
        visit=request.following.visit,
        step=request.following.step,
        now=request.now,
        moves=request.moves,
    )


def _not_taken(error: NotTaken, attempt: int, terms: SendTerms) -> Record:
    asked = error.retry_after
    delay = timedelta(seconds=_RETRY.delay(attempt) if asked is None else asked)
    deferred = delay > _DEFER_FROM
    if terms.deadline is not None:
        # The next attempt comes at the deadline at the latest, and then skips the send.
        delay = min(delay, max(terms.deadline - terms.now, timedelta(seconds=_RETRY.first)))
    return Record(
        "released",
        None,
        code=str(error.code),
        detail=error.detail,
        defer_for=delay if deferred else None,
        retry_after=None if deferred else delay,
    )


def _answer(facts: Mapping[str, Any]) -> dict[str, Any]:
    """The answer of a webhook, for later steps."""
    return {name: facts[name] for name in ("status", "body") if name in facts}
