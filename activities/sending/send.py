"""The send activity: claim, call the provider, record; repeated only if the step allows it."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import structlog
from psycopg import AsyncConnection
from temporalio import activity
from temporalio.exceptions import ApplicationError

from activities.context import Context
from activities.deciding.following import following_request
from activities.failures import code_of, retryable_error
from activities.leaving.finish import finish_run
from activities.locked_run import lock, read, settle_and_lock
from activities.sending.claim import Claimed, claim_send
from activities.sending.faults import keep_fault, stand_until_later
from activities.sending.masking import SecretMask
from activities.sending.provider_call import ProviderCalls, Record
from activities.sending.recording import record_within_attempt, suppress_refused
from activities.sending.retries import QUICK_ATTEMPTS, NextAttempt, next_attempt
from activities.versions.take_version import stale_version
from activities.waiting.waits import plan_within, recheck
from journeys.protocol.channels import SEND_QUEUES
from journeys.protocol.payloads import StepInput, StepResult
from store.messages.claims import AttemptResult, record_result
from store.messages.deferrals import record_deferral
from store.runs.rows import RunRow
from store.sql import DATABASE_AWAY

log = structlog.get_logger(__name__)


class SendActivities:
    """The activity behind every step that sends, on a queue for each channel."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._mask = SecretMask([*context.secrets.values(), *context.passwords])
        self._providers = ProviderCalls(context, self._mask)

    @activity.defn(name="send")
    async def send(self, request: StepInput) -> StepResult:
        """Send the visit's message, at most once unless its step says `on_unknown: resend`."""
        info = activity.info()
        token = f"{info.workflow_run_id}:{info.activity_id}:{info.attempt}"
        try:
            async with self._context.pool.connection() as conn:
                claimed = await claim_send(conn, self._context, request, token)
                if isinstance(claimed, StepResult):
                    return await self._with_following(conn, request, claimed)
        except ApplicationError:
            raise
        except Exception as error:
            code = code_of(error)
            if info.attempt <= QUICK_ATTEMPTS or code in ("database_away", "database_busy"):
                raise
            return await self._stand(request, _kind(info.task_queue), code, error)
        record = await self._providers.call(claimed)
        log.info(
            "message_settled",
            message_id=str(claimed.message_id),
            channel=claimed.step.kind,
            provider=claimed.provider,
            state=record.state,
            code=record.code,
            attempts=claimed.attempts,
        )
        return await self._record(request, claimed, record)

    async def _stand(
        self, request: StepInput, kind: str, code: str, error: Exception
    ) -> StepResult:
        """Keep a fault, and let the run stand. Raises it again if the visit has ended."""
        pool = self._context.pool
        await keep_fault(pool, request.run_id, request.visit, code, error, self._mask)
        async with pool.connection() as conn:
            result = await stand_until_later(conn, request, kind, code)
        if result is None:
            raise error
        return result

    async def _record(self, request: StepInput, claimed: Claimed, record: Record) -> StepResult:
        """Record the attempt. While Postgres is away it is tried again, within the attempt."""

        async def once(conn: AsyncConnection[Any]) -> StepResult:
            return await self._record_once(conn, request, claimed, record)

        return await record_within_attempt(self._context.pool, claimed.message_id, once)

    async def _record_once(
        self,
        conn: AsyncConnection[Any],
        request: StepInput,
        claimed: Claimed,
        record: Record,
    ) -> StepResult:
        following: StepResult | None = None
        listening = False
        again: NextAttempt | None = None
        if record.again is None and request.following is None and not record.suppress:
            # One statement, which is a transaction of its own.
            await record_result(conn, _result(request, claimed, record))
        elif record.outcome is None or request.following is None:
            async with conn.transaction():
                again = await self._settle(conn, request, claimed, record)
        else:
            try:
                async with conn.transaction():
                    run = await settle_and_lock(conn, _result(request, claimed, record))
                    await suppress_refused(conn, claimed, record)
                    following, listening = await self._run_following(
                        conn, request, record.outcome, run
                    )
            except DATABASE_AWAY:
                raise
            except Exception:
                # A fault in what comes next must not undo the record. Without its result the
                # workflow asks for it by an activity of its own.
                log.exception("following_failed", run_id=str(request.run_id))
                following, listening = None, False
                async with conn.transaction():
                    await self._settle(conn, request, claimed, record)
        if again is not None:
            return _wait_or_raise(again, claimed, record)
        if listening:
            following = await recheck(conn, self._context, following_request(request))
        return StepResult(outcome=record.outcome, following=following)

    async def _settle(
        self, conn: AsyncConnection[Any], request: StepInput, claimed: Claimed, record: Record
    ) -> NextAttempt | None:
        """Record the attempt, and that the run stands if it waits for the next; that one, if any.

        An attempt that has lost its claim to another one plans nothing for the visit.
        """
        recorded = await record_result(conn, _result(request, claimed, record))
        await suppress_refused(conn, claimed, record)
        if record.again is None:
            return None
        run = await read(conn, request.run_id)
        again = next_attempt(
            record.again,
            message_id=claimed.message_id,
            attempts=claimed.attempts,
            now=run.now,
            end=claimed.retries_end,
        )
        if again.stands and recorded:
            await record_deferral(
                conn,
                run_id=request.run_id,
                visit=request.visit,
                step=request.step,
                kind=claimed.step.kind,
                held="retry",
                due=claimed.terms.next_check(again.at)[0],
                until=again.at,
                started=claimed.terms.start,
            )
        return again

    async def _with_following(
        self, conn: AsyncConnection[Any], request: StepInput, result: StepResult
    ) -> StepResult:
        """Add the result of what comes next to that of a send that made no call."""
        if result.outcome is None or request.following is None:
            return result
        async with conn.transaction():
            run = await lock(conn, request.run_id)
            following, listening = await self._run_following(conn, request, result.outcome, run)
        if listening:
            following = await recheck(conn, self._context, following_request(request))
        return result.model_copy(update={"following": following})

    async def _run_following(
        self, conn: AsyncConnection[Any], request: StepInput, outcome: str, run: RunRow
    ) -> tuple[StepResult, bool]:
        assert request.following is not None
        if run.active and (moved := stale_version(run, request)):
            return moved, False
        if request.following.step is None:
            return await finish_run(
                conn, self._context, run, request.visit, "completed", None
            ), False
        return await plan_within(
            conn, self._context, following_request(request), run, after_send=outcome != "skipped"
        )


def _result(request: StepInput, claimed: Claimed, record: Record) -> AttemptResult:
    return AttemptResult(
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
        kept=record.kept,
    )


def _kind(queue: str) -> str:
    """The kind of the step: each has its own queue."""
    return next(kind for kind, served in SEND_QUEUES.items() if served == queue)


def _wait_or_raise(again: NextAttempt, claimed: Claimed, record: Record) -> StepResult:
    """The result of a run that stands until the next attempt. Raises for a retry of the activity.

    Either comes at the send's limit at the latest, which then skips it.
    """
    due, late = claimed.terms.next_check(again.at)
    assert due is not None
    if not again.stands:
        raise retryable_error("not_taken", max(due - again.planned_at, timedelta(0)))
    return StepResult(
        held="retry",
        due=due,
        late=late,
        attempts=claimed.attempts,
        code=record.code,
        gives_up=again.gives_up and not late,
    )
