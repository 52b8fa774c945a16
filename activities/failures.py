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
from store.definitions.catalog import BrokenDocument
from store.operations.faults import describe, record_fault
from store.sql import is_database_away, is_database_busy

log = structlog.get_logger(__name__)

Code = Literal[
    "unknown_run",  # Postgres has no such run: it was erased, or never existed
    "unknown_message",  # there is no such test message
    "unknown_step",  # the version has no such step
    "database_away",  # Postgres can't be reached; tried again
    "database_busy",  # a deadlock, or a statement that took too long; tried again
    "broken_document",  # a stored journey or segment no longer validates; tried again
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


def code_of(error: Exception) -> Code:
    """The code of an error that has no code of ours yet."""
    if is_database_away(error):
        return "database_away"
    if is_database_busy(error):
        return "database_busy"
    return "broken_document" if isinstance(error, BrokenDocument) else "internal"


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
            except Exception as error:
                code = code_of(error)
                if code == "internal":
                    log.exception("activity_failed")
                else:
                    log.warning(code, error=str(error).strip().split("\n")[0])
                if code not in ("database_away", "database_busy"):
                    await self._record(run_id, visit, name, code, error)
                raise retryable_error(code) from None

    async def _record(
        self, run_id: Any, visit: int | None, name: str, code: Code, error: Exception
    ) -> None:
        try:
            async with self._pool.connection(timeout=1) as conn:
                await record_fault(
                    conn,
                    run_id=run_id,
                    visit=visit,
                    activity=name,
                    code=code,
                    detail=describe(error),
                )
        except psycopg.Error:
            log.warning("fault_not_kept")
