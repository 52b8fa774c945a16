"""Faults that a worker finds outside of activities: collected, logged and recorded."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from uuid import UUID

import structlog

from dispatch.temporal import code_of
from store.definitions.catalog import BrokenDocument
from store.operations.faults import describe, record_fault
from store.operations.logged_errors import logged_error
from store.sql import Connection, is_database_away, is_database_busy

log = structlog.get_logger(__name__)


class TakesLong(Exception):
    """Something works, and takes so long that it is done apart from all else."""


@dataclass(frozen=True)
class FoundFault:
    """A fault, and the smallest thing that has it."""

    activity: str
    """The part of the worker."""
    error: BaseException
    run_id: UUID | None = None
    visit: int | None = None
    contact_id: UUID | None = None
    event_id: int | None = None
    subject: str | None = None

    @property
    def code(self) -> str:
        """The code under which it is counted."""
        return code_of_fault(self.error)


def code_of_fault(error: BaseException) -> str:
    """The code of an error of the engine, the database or Temporal."""
    if isinstance(error, BrokenDocument):
        return "broken_document"
    if is_database_busy(error):
        return "database_busy"
    if isinstance(error, TakesLong):
        return "takes_long"
    return code_of(error)


def raise_outage(error: BaseException) -> None:
    """Raise the error again if it is no fault of one thing: if the database is away or busy."""
    if is_database_away(error) or is_database_busy(error):
        raise error


async def record_faults(conn: Connection, faults: Iterable[FoundFault]) -> None:
    """Log faults in a line each, and record them."""
    for fault in faults:
        log.error(
            "fault",
            part=fault.activity,
            code=fault.code,
            run_id=str(fault.run_id) if fault.run_id else None,
            event_id=fault.event_id,
            subject=fault.subject,
            error=logged_error(fault.error),
        )
        await record_fault(
            conn,
            activity=fault.activity,
            code=fault.code,
            detail=describe(fault.error),
            run_id=fault.run_id,
            visit=fault.visit,
            contact_id=fault.contact_id,
            event_id=fault.event_id,
            subject=fault.subject,
        )
