"""Starting a run by API."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any
from uuid import UUID

from psycopg import AsyncConnection
from psycopg_pool import AsyncConnectionPool
from temporalio.client import Client
from temporalio.service import RPCError

from dispatch.temporal import start_journey, wake
from journeys.model.entry_rules import key_of_start
from journeys.model.reasons import REFUSAL_REASONS, RefusalReason
from journeys.protocol.names import workflow_id
from store.contacts.rows import find_contact
from store.definitions.catalog import Catalog, Definition
from store.definitions.journeys import journey_version
from store.entries.admission import AdmittedEntry, EntryRequest, RefusedEntry, enter
from store.entries.start_requests import (
    forget_start,
    keep_answer,
    lock_idempotency_key,
    read_answer,
)
from store.runs.workflow_marks import workflow_started, workflow_stopped


@dataclass(frozen=True)
class StartAnswer:
    """What the API answers: an HTTP status, and `{id, workflow_id}` or `{code, message}`."""

    status: int
    body: dict[str, Any]


class TemporalAway(Exception):
    """Temporal can't be reached: nothing was started, and an idempotency key is not spent."""


async def start_by_api(
    pool: AsyncConnectionPool[AsyncConnection[Any]],
    temporal: Client,
    catalog: Catalog,
    journey: str,
    contact: str,
    properties: dict[str, Any],
    idempotency_key: str | None,
) -> StartAnswer:
    """Start a run of `journey` for `contact` (an external id, or an id of ours).

    A repeated `idempotency_key` gives the first answer. Raises TemporalAway, after which asking
    again with the same key tries again.
    """
    async with pool.connection() as conn:
        async with conn.transaction():
            if idempotency_key is not None:
                await lock_idempotency_key(conn, journey, idempotency_key)
                kept = await read_answer(conn, journey, idempotency_key)
                if kept is not None:
                    return StartAnswer(*kept)
            version = await journey_version(conn, journey)
            contact_id = await find_contact(conn, contact)
            if version is None:
                return _not_found(f"there is no journey {journey}")
            if contact_id is None:
                return _not_found("there is no such contact; identify it first")
            if version == 0:
                return _refused("draft")
            definition = await catalog.definition(conn, journey, version)
            request = EntryRequest(
                contact_id, key_of_start(definition.journey, properties), properties, None
            )
            answer = await enter(conn, catalog, definition, request)
            if isinstance(answer, RefusedEntry):
                start = _refused(answer.code)
            else:
                run_id = answer.run_id
                body = {"id": str(run_id), "workflow_id": workflow_id(journey, run_id)}
                start = StartAnswer(201, body)
            if idempotency_key is not None:
                await keep_answer(conn, journey, idempotency_key, start.status, start.body)
        if isinstance(answer, AdmittedEntry):
            await _tell(conn, temporal, definition, contact_id, answer)
    return start


async def _tell(
    conn: AsyncConnection[Any],
    temporal: Client,
    definition: Definition,
    contact_id: UUID,
    answer: AdmittedEntry,
) -> None:
    try:
        await start_journey(
            temporal,
            run_id=answer.run_id,
            journey=definition.key,
            version=definition.version,
            contact_id=contact_id,
            program=definition.program,
        )
    except (RPCError, RuntimeError) as error:
        # A workflow that was started after all finds no run, and is refused.
        await forget_start(conn, answer.run_id)
        raise TemporalAway(str(error)) from error
    await workflow_started(conn, [answer.run_id])
    for stopped in answer.stopped:
        try:
            await wake(temporal, definition.key, stopped, 0)
        except RPCError:
            continue
        await workflow_stopped(conn, stopped)


def _not_found(message: str) -> StartAnswer:
    return StartAnswer(404, {"code": "not_found", "message": message})


def _refused(code: RefusalReason) -> StartAnswer:
    return StartAnswer(409, {"code": code, "message": REFUSAL_REASONS[code]})
