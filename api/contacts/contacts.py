"""Routes of contacts: read and change one by its external id, or by our own id."""

from __future__ import annotations

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Path, Query, Response
from pydantic import BaseModel

from api.contacts.contact_bodies import ContactBody, ContactChanges
from api.http.audit import UsedActor
from api.http.bodies import StrictRoute
from api.http.keys import requires
from api.http.paging import Cursor, Limit, cursor_id, page_of
from api.http.problems import Problem, responses, unknown
from api.services import Pool, UsedServices
from api.tracking.items import NAME_LIMIT
from journeys.model.addresses import normalise_phone
from journeys.model.contact_checks import AttributeRefused, check_attributes
from journeys.model.contact_fields import FIELD_NAMES
from journeys.model.identifiers import find_id_flaw
from store.contacts.finding import Wanted, find_page, has_segment, view_contact
from store.contacts.rows import find_contact
from store.contacts.rows import find_contacts as find_references
from store.events.attribute_changes import put_contact
from store.events.transactions import repeating
from store.sql import Connection

router = APIRouter(
    prefix="/v1/contacts",
    tags=["contacts"],
    route_class=StrictRoute,
    dependencies=[Depends(requires("operate", reading="read"))],
)

ContactId = Annotated[
    str,
    Path(
        min_length=1,
        max_length=500,
        description="the external id, or our id if it has none",
        examples=["u-1"],
    ),
]


class ContactPage(BaseModel):
    """Contacts in the order in which they came into being."""

    items: list[ContactBody]
    next: str | None


Found = Annotated[str | None, Query(min_length=1, max_length=500)]


@router.get("", summary="Find contacts", responses=responses(400, 404, 422))
async def find_contacts(
    services: UsedServices,
    email: Annotated[Found, Query(description="the e-mail address, in any case")] = None,
    phone: Annotated[Found, Query(description="the phone number, with its country's code")] = None,
    segment: Annotated[Found, Query(description="the key of a segment")] = None,
    group: Annotated[Found, Query(description="the key of a group")] = None,
    q: Annotated[
        Found, Query(description="how the id, the e-mail address or the phone number begins")
    ] = None,
    cursor: Cursor = "",
    limit: Limit = 100,
) -> ContactPage:
    """The contacts for which all of the parameters hold; without any, all contacts."""
    number = None
    if phone is not None:
        try:
            number = normalise_phone(phone)
        except ValueError as error:
            raise Problem(422, "invalid_phone", f"phone: {error}") from None
    wanted = Wanted(email=email, phone=number, segment=segment, group=group, q=q)
    after = cursor_id(cursor) if cursor else None
    async with services.pool.connection() as conn:
        if segment is not None and not await has_segment(conn, segment):
            raise unknown("segment", segment)
        found = await find_page(conn, wanted, after, limit + 1)
    page, following = page_of(found, limit, lambda each: str(each.id))
    items = [ContactBody.model_validate(each, from_attributes=True) for each in page]
    return ContactPage(items=items, next=following)


@router.get("/{contact}", summary="Read a contact", responses=responses(404))
async def get_contact(contact: ContactId, services: UsedServices) -> ContactBody:
    """A contact with all its attributes."""
    return await _read(services.pool, contact)


@router.put(
    "/{contact}",
    summary="Change or create a contact",
    responses={201: {"model": ContactBody}, **responses(400, 422)},
)
async def change_contact(
    contact: ContactId,
    changes: ContactChanges,
    services: UsedServices,
    actor: UsedActor,
    response: Response,
) -> ContactBody:
    """Change the fields and attributes that are named, and leave the others as they are."""
    if changes.external_id not in (None, contact) and not await _is_one(
        services.pool, contact, changes.external_id
    ):
        raise Problem(
            422,
            "invalid_request",
            f"external_id: a contact keeps its own, {contact!r}; join ids with /v1/alias",
        )
    flaw = find_id_flaw(contact)
    if flaw is not None:
        raise Problem(422, "invalid_request", f"contact: {flaw}")
    fields = changes.model_dump(include=changes.model_fields_set & {*FIELD_NAMES})
    for name in changes.attributes:
        if name in FIELD_NAMES or name in ("external_id", "id"):
            raise Problem(
                422, "invalid_request", f"attributes.{name}: has a field of its own beside it"
            )
        flaw = find_id_flaw(name)
        if flaw is None and len(name) > NAME_LIMIT:
            flaw = f"must have at most {NAME_LIMIT} characters"
        if flaw is not None:
            raise Problem(422, "invalid_name", f"attributes: a name {flaw}: {name[:60]!r}")
    try:
        checked = check_attributes({**fields, **changes.attributes}, operate=True)

        async def put(conn: Connection) -> tuple[UUID, bool]:
            return await put_contact(conn, contact, checked, reason=changes.reason, actor=actor)

        contact_id, new = await repeating(services.pool, put)
    except AttributeRefused as refused:
        raise Problem(422, f"invalid_{refused.name}", f"{refused.name}: {refused}") from None
    services.notifier.wake()
    if new:
        response.status_code = 201
    return await _read(services.pool, str(contact_id))


async def _is_one(pool: Pool, *references: str | None) -> bool:
    """Whether all of the references name one contact, of which one may be from before a merge."""
    wanted = [each for each in references if each is not None]
    async with pool.connection() as conn:
        found = await find_references(conn, wanted)
    return len(found) == len(wanted) and len({*found.values()}) == 1


async def _read(pool: Pool, reference: str) -> ContactBody:
    async with pool.connection() as conn:
        contact_id = await find_contact(conn, reference)
        view = await view_contact(conn, contact_id) if contact_id is not None else None
    if view is None:
        raise unknown("contact", reference)
    return ContactBody.model_validate(view, from_attributes=True)
