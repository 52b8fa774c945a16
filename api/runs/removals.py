"""The route that removes a contact from a journey, or from all."""

from __future__ import annotations

import asyncio
from typing import Annotated
from uuid import UUID

import structlog
from fastapi import APIRouter, Depends
from pydantic import BaseModel, Field, StringConstraints

from api.contacts.contacts import ContactId
from api.http.audit import UsedActor
from api.http.bodies import StrictRoute
from api.http.keys import requires
from api.http.problems import Problem, responses, unknown
from api.http.strict_models import StrictBody
from api.services import UsedServices
from dispatch.versions import wake_migrated_run
from store.contacts.rows import find_contact
from store.definitions.journeys import read_live
from store.operations.audit import record_audit
from store.repairs.removals import remove_from_journeys
from store.repairs.run_repairs import REASON_LIMIT, RepairRequest

router = APIRouter(
    prefix="/v1/contacts/{contact}",
    tags=["contacts"],
    route_class=StrictRoute,
    dependencies=[Depends(requires("operate"))],
)

log = structlog.get_logger(__name__)

_WAKE_SECONDS = 1.5
_REASON = StringConstraints(min_length=1, max_length=REASON_LIMIT, pattern=r"\S")


class RemovalOrder(StrictBody):
    """From which journey, and why."""

    reason: Annotated[str, _REASON]
    journey: Annotated[str, Field(min_length=1, max_length=64)] | None = None
    """None: from all journeys."""


class RemovedRun(BaseModel):
    """A run that was ended."""

    run: UUID
    journey: str
    step: str | None
    """The step at which it was."""


class RemovalBody(BaseModel):
    """What was ended."""

    contact: str
    ended: list[RemovedRun]
    kept_entries: int
    """Entries that were kept while a journey was paused, and do not come in any more."""
    more: bool
    """Whether the contact has more active runs: repeat the call."""


@router.post("/remove", summary="Remove a contact from journeys", responses=responses(404, 422))
async def post_remove(
    contact: ContactId, order: RemovalOrder, services: UsedServices, actor: UsedActor
) -> RemovalBody:
    """End the active runs of a contact in a journey, or in all, as an operator ends one run.

    What is being sent at this moment is still recorded. The contact may enter again, as the rules
    of the journeys say.
    """
    request = RepairRequest("exit", order.reason.strip(), key_id=actor.key_id)
    async with services.pool.connection() as conn, conn.transaction():
        if order.journey is not None and await read_live(conn, order.journey) is None:
            raise Problem(404, "unknown_journey", f"there is no journey {order.journey!r}")
        contact_id = await find_contact(conn, contact)
        if contact_id is None:
            raise unknown("contact", contact)
        removal = await remove_from_journeys(
            conn, services.catalog, contact_id, order.journey, request
        )
        if removal.repairs or removal.kept:
            await record_audit(
                conn,
                actor,
                "contact.remove",
                f"contact:{contact_id}",
                before={
                    "runs": [repair.run_id for _, repair in removal.repairs],
                    "kept": removal.kept,
                },
                reason=request.reason,
                journey=order.journey,
            )
    services.notifier.wake()
    try:
        async with asyncio.timeout(_WAKE_SECONDS):
            for journey, repair in removal.repairs:
                await wake_migrated_run(services.temporal, journey, repair.run_id)
    except (RuntimeError, TimeoutError) as error:
        # A worker stops the workflows that are left.
        log.warning("removed_runs_not_woken", error=type(error).__name__)
    return RemovalBody(
        contact=contact,
        ended=[
            RemovedRun(run=repair.run_id, journey=journey, step=repair.step)
            for journey, repair in removal.repairs
        ],
        kept_entries=removal.kept,
        more=removal.more,
    )
