"""The route that merges two contacts."""

from __future__ import annotations

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends
from pydantic import BaseModel, Field

from api.contacts.contact_bodies import ContactBody
from api.contacts.contacts import ContactId
from api.http.audit import UsedActor
from api.http.bodies import StrictRoute
from api.http.keys import requires
from api.http.problems import Problem, responses, unknown
from api.http.strict_models import StrictBody
from api.services import Services, UsedServices
from store.contacts.finding import view_contact
from store.events.contact_merging import Merge, merge_contacts
from store.events.recording import ConcurrentChange
from store.events.transactions import repeating
from store.operations.audit import record_audit
from store.segments.merged_contacts import MergedSegments
from store.sql import Connection

router = APIRouter(
    prefix="/v1/contacts",
    tags=["contacts"],
    route_class=StrictRoute,
    dependencies=[Depends(requires("operate"))],
)

Other = Annotated[str, Field(min_length=1, max_length=500)]


class MergeBody(StrictBody):
    """The other contact: `into` or `from`, one of them. The older contact survives in any case."""

    into: Other | None = None
    """The external id of the other contact, or our id of it."""
    from_: Annotated[Other | None, Field(alias="from")] = None
    """The same."""
    reason: Annotated[str, Field(min_length=1, max_length=500)] | None = None
    """Why, for the event `Contact Changed`."""
    dry_run: bool = False
    """Say what the one contact would be, and change nothing."""


class MergedBody(BaseModel):
    """The one contact that the two are from now on."""

    contact: ContactBody
    merged: bool
    """False: they were one contact before."""
    alias: str | None
    """The external id of the other one, which names this contact from now on."""
    ended_runs: list[UUID]
    """Of two active runs of one journey and key, the younger, which ended `merged`."""
    left_out: list[str]
    """Attributes of the other one for which there is no room."""


@router.post("/{contact}/merge", summary="Merge two contacts", responses=responses(404, 422))
async def merge(
    contact: ContactId, body: MergeBody, services: UsedServices, actor: UsedActor
) -> MergedBody:
    """Make one contact of two. The older survives, and keeps what both of them have.

    It cannot be undone. The external id of the other one names the survivor from then on.
    """
    other = body.into if body.from_ is None else body.from_
    if other is None or (body.into is not None and body.from_ is not None):
        raise Problem(422, "invalid_request", "needs `into` or `from`, one of them")
    if other == contact:
        raise Problem(422, "same_contact", f"{contact!r} cannot be merged with itself")
    references = (contact, other)
    if body.dry_run:
        return await _preview(services, references)

    async def join(conn: Connection) -> Merge | UUID:
        segments = MergedSegments(services.catalog)
        done = await merge_contacts(conn, references, reason=body.reason, segments=segments)
        if isinstance(done, Merge):
            await record_audit(
                conn,
                actor,
                "contact.merge",
                f"contact:{done.survivor.id}",
                after={"ended_runs": len(done.ended_runs), "left_out": len(done.left_out)},
                reason=body.reason,
            )
        return done

    try:
        done = await repeating(services.pool, join)
    except LookupError as error:
        raise unknown("contact", str(error.args[0])) from None
    services.notifier.wake()
    async with services.pool.connection() as conn:
        return await _body(conn, done)


async def _preview(services: Services, references: tuple[str, str]) -> MergedBody:
    """What a merge would do: it is made, read, and taken back."""

    async def look(conn: Connection) -> MergedBody:
        async with conn.transaction(force_rollback=True):
            segments = MergedSegments(services.catalog)
            return await _body(conn, await merge_contacts(conn, references, segments=segments))

    try:
        return await repeating(services.pool, look)
    except LookupError as error:
        raise unknown("contact", str(error.args[0])) from None


async def _body(conn: Connection, done: Merge | UUID) -> MergedBody:
    view = await view_contact(conn, done.survivor.id if isinstance(done, Merge) else done)
    if view is None:
        raise ConcurrentChange
    return MergedBody(
        contact=ContactBody.model_validate(view, from_attributes=True),
        merged=isinstance(done, Merge),
        alias=done.gone.external_id if isinstance(done, Merge) else None,
        ended_runs=done.ended_runs if isinstance(done, Merge) else [],
        left_out=done.left_out if isinstance(done, Merge) else [],
    )
