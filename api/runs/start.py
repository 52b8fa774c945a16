"""Start of a run by API: the entry, the answer that is kept for its key, and the workflow."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any
from uuid import UUID

import structlog
from psycopg import AsyncConnection
from psycopg_pool import AsyncConnectionPool
from temporalio.client import Client
from temporalio.service import RPCError

from dispatch.temporal import (
    TemporalAway,
    answers,
    code_of,
    is_away,
    is_busy,
    start_journey,
    wake,
)
from journeys.model.entry_rules import key_of_start
from journeys.model.reasons import REFUSAL_REASONS, RefusalReason
from journeys.protocol.names import workflow_id
from store.contacts.rows import find_contact
from store.definitions.catalog import BrokenDocument, Catalog, Definition
from store.definitions.journeys import journey_version
from store.entries.admission import AdmittedEntry, EntryRequest, RefusedEntry, enter
from store.entries.start_requests import (
    forget_start,
    keep_answer,
    lock_idempotency_key,
    read_answer,
)
from store.operations.audit import Actor, record_audit
from store.operations.audit_actions import ActionName
from store.runs.workflow_marks import mark_start, workflow_started, workflows_stopped

log = structlog.get_logger(__name__)


@dataclass(frozen=True)
class StartAnswer:
    """The API's answer: an HTTP status, and `{id, workflow_id}` or `{code, message}`."""

    status: int
    body: dict[str, Any]


async def start_by_api(
    pool: AsyncConnectionPool[AsyncConnection[Any]],
    temporal: Client,
    catalog: Catalog,
    journey: str,
    contact: str,
    properties: dict[str, Any],
    idempotency_key: str | None,
    *,
    public_url: str | None = None,
    actor: Actor | None = None,
) -> StartAnswer:
    """Start a run of `journey` for `contact` (an external id, or an id of ours).

    A repeated `idempotency_key` gives the first answer. Raises TemporalAway; then all is as it was
    before, and a repetition with the same key tries again. A run whose start fails otherwise, or
    that has replaced another one, stands and is started later. With an `actor`, the audit log says
    who started it, and whether the start was taken back.
    """
    async with pool.connection() as conn:
        async with conn.transaction():
            if idempotency_key is not None:
                await lock_idempotency_key(conn, journey, idempotency_key)
                first_answer = await read_answer(conn, journey, idempotency_key)
                if first_answer is not None:
                    return StartAnswer(*first_answer)
            found = await _find(conn, catalog, journey, contact)
            if isinstance(found, StartAnswer):
                # The key is not spent: the contact or the journey may exist at the next attempt.
                return found
            definition, contact_id = found
            if definition.journey.if_active in ("restart", "debounce") and not await answers(
                temporal
            ):
                # The end of a replaced run can't be taken back: it is not begun.
                raise TemporalAway("no run was started")
            request = EntryRequest(
                contact_id, key_of_start(definition.journey, properties), properties, None
            )
            entry = await enter(conn, catalog, definition, request)
            answer = _answer(journey, entry)
            if actor is not None and isinstance(entry, AdmittedEntry):
                await _record(conn, actor, "run.start", journey, entry)
            if idempotency_key is not None:
                await keep_answer(conn, journey, idempotency_key, answer.status, answer.body)
        if isinstance(entry, AdmittedEntry):
            await _start_workflow(
                conn, temporal, definition, contact_id, entry, idempotency_key, public_url, actor
            )
    return answer


async def _record(
    conn: AsyncConnection[Any],
    actor: Actor,
    action: ActionName,
    journey: str,
    entry: AdmittedEntry,
) -> None:
    await record_audit(conn, actor, action, f"run:{entry.run_id}", journey=journey)


async def _find(
    conn: AsyncConnection[Any], catalog: Catalog, journey: str, contact: str
) -> tuple[Definition, UUID] | StartAnswer:
    """The active version of a journey and the id of a contact, or the answer without them."""
    version = await journey_version(conn, journey)
    contact_id = await find_contact(conn, contact)
    if version is None:
        return _not_found(f"there is no journey {journey}")
    if contact_id is None:
        return _not_found("there is no such contact; identify it first")
    if version == 0:
        return _refused("draft")
    try:
        return await catalog.definition(conn, journey, version), contact_id
    except BrokenDocument:
        return _refused("broken")


async def _start_workflow(
    conn: AsyncConnection[Any],
    temporal: Client,
    definition: Definition,
    contact_id: UUID,
    entry: AdmittedEntry,
    idempotency_key: str | None,
    public_url: str | None,
    actor: Actor | None,
) -> None:
    """Start the run's workflow, and wake those of the runs that it replaces. Raises TemporalAway.

    If that fails for this run alone, a dispatcher starts it later. So it does with the workflows of
    replaced runs, which are marked.
    """
    try:
        await start_journey(
            temporal,
            run_id=entry.run_id,
            journey=definition.key,
            version=definition.version,
            contact_id=contact_id,
            program=definition.program,
            name=definition.journey.name,
            public_url=public_url,
        )
    except (RPCError, RuntimeError) as error:
        # If the workflow was started all the same and arrives later, it finds no run.
        if (is_away(error) or is_busy(error)) and not entry.stopped:
            async with conn.transaction():
                key = definition.key
                forgotten = await forget_start(conn, entry.run_id, key, idempotency_key)
                if forgotten and actor is not None:
                    await _record(conn, actor, "run.forget", key, entry)
            if forgotten:
                raise TemporalAway(str(error)) from error
        log.warning("start_put_off", run_id=str(entry.run_id), code=code_of(error))
        await mark_start(conn, entry.run_id)
        return
    await workflow_started(conn, [entry.run_id])
    woken = []
    for stopped in entry.stopped:
        try:
            await wake(temporal, definition.key, stopped, 0)
        except RPCError:
            continue
        woken.append(stopped)
    await workflows_stopped(conn, woken)


def _answer(journey: str, entry: AdmittedEntry | RefusedEntry) -> StartAnswer:
    if isinstance(entry, RefusedEntry):
        return _refused(entry.code)
    run_id = entry.run_id
    return StartAnswer(201, {"id": str(run_id), "workflow_id": workflow_id(journey, run_id)})


def _not_found(message: str) -> StartAnswer:
    return StartAnswer(404, {"code": "not_found", "message": message})


def _refused(code: RefusalReason) -> StartAnswer:
    return StartAnswer(409, {"code": code, "message": REFUSAL_REASONS[code]})
