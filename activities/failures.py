"""Failures of activities: each reaches Temporal as a code of this list, and nothing else.

Temporal keeps the error text of a failed attempt in the history even if a later attempt succeeds.
The text may hold an address, so it goes to the log and to the table `fault` instead.
"""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import Any, Literal

import psycopg
import structlog
from psycopg_pool import AsyncConnectionPool
from temporalio import activity
from temporalio.exceptions import ApplicationError, ApplicationErrorCategory
from temporalio.worker import (
    ActivityInboundInterceptor,
    ExecuteActivityInput,
    Interceptor,
)

from journeys.protocol.payloads import FinishInput, StepInput
from store.operations.faults import record_fault
from store.sql import DATABASE_AWAY

log = structlog.get_logger(__name__)

Code = Literal[
    "unknown_run",  # Postgres has no such run: it was erased, or never existed
    "unknown_step",  # the version has no such step
    "database_away",  # Postgres can't be reached; tried again
    "claim_held",  # another attempt may still be calling the provider; tried again after it
    "not_taken",  # the provider did not take the message; tried again
    "record_lost",  # the provider was called, and the result could not be recorded
    "internal",  # a fault of the engine; its text is in the table `fault`
]


def final_error(code: Code) -> ApplicationError:
    """A final error: trying again can't help."""
    return ApplicationError(code, type=code, non_retryable=True)


def retryable_error(code: Code, after: timedelta | None = None) -> ApplicationError:
    """An error after which another attempt may succeed; `after`: when it is made.

    The SDK logs no traceback of it: a line of ours says why.
    """
    benign = ApplicationErrorCategory.BENIGN
    return ApplicationError(code, type=code, next_retry_delay=after, category=benign)


class CodedFailures(Interceptor):
    """Lets only coded errors out of activities, and keeps the text of other errors."""

    def __init__(self, pool: AsyncConnectionPool[Any]) -> None:
        self._pool = pool

    def intercept_activity(
        self,
        next: ActivityInboundInterceptor,  # noqa: A002 - the SDK's name
    ) -> ActivityInboundInterceptor:
        """Called by the worker for its chain of interceptors."""
        return _CodedActivity(next, self._pool)


class _CodedActivity(ActivityInboundInterceptor):
    def __init__(
        self, following: ActivityInboundInterceptor, pool: AsyncConnectionPool[Any]
    ) -> None:
        super().__init__(following)
        self._pool = pool

    async def execute_activity(
        self,
        input: ExecuteActivityInput,  # noqa: A002 - the SDK's name
    ) -> Any:
        request = input.args[0] if input.args else None
        run_id = request.run_id if isinstance(request, StepInput | FinishInput) else None
        visit = request.visit if isinstance(request, StepInput | FinishInput) else None
        name = activity.info().activity_type
        with structlog.contextvars.bound_contextvars(
            activity=name,
            run_id=str(run_id) if run_id else None,
            visit=visit,
            step=request.step if isinstance(request, StepInput) else None,
        ):
            try:
                return await super().execute_activity(input)
            except (ApplicationError, asyncio.CancelledError):
                raise
            except DATABASE_AWAY as error:
                log.warning("database_away", error=str(error).strip())
                raise retryable_error("database_away") from None
            except Exception as error:
                log.exception("activity_failed")
                await self._record(run_id, visit, name, error)
                raise retryable_error("internal") from None

    async def _record(self, run_id: Any, visit: int | None, name: str, error: Exception) -> None:
        try:
            async with self._pool.connection(timeout=1) as conn:
                await record_fault(
                    conn,
                    run_id=run_id,
                    visit=visit,
                    activity=name,
                    code="internal",
                    detail=f"{type(error).__name__}: {error}",
                )
        except psycopg.Error:
            log.warning("fault_not_kept")
