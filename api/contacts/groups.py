"""Routes of groups: list them and their members, add and remove contacts."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Path
from pydantic import BaseModel, Field

from api.http.audit import UsedActor
from api.http.bodies import LargeRoute
from api.http.keys import requires
from api.http.paging import Cursor, Limit, cursor_id, page_of
from api.http.problems import Problem, responses
from api.http.strict_models import StrictBody
from api.http.times import Instant
from api.services import UsedServices
from journeys.model.identifiers import find_id_flaw
from store.contacts.group_listing import list_group_members, list_groups
from store.contacts.rows import find_contacts
from store.events.group_changes import add_to_group, remove_from_group
from store.events.transactions import repeating
from store.operations.audit import record_audit
from store.sql import Connection

router = APIRouter(
    prefix="/v1/groups",
    tags=["contacts"],
    route_class=LargeRoute,
    dependencies=[Depends(requires("operate", reading="read"))],
)

GroupKey = Annotated[str, Path(min_length=1, max_length=200)]


class GroupContacts(StrictBody):
    """Contacts by their external ids, or by our ids if they have none."""

    contacts: list[Annotated[str, Field(min_length=1, max_length=500)]] = Field(
        min_length=1, max_length=10_000
    )


class Changed(BaseModel):
    """The number of contacts that were changed."""

    changed: int


class GroupBody(BaseModel):
    """A group that has members."""

    key: str
    members: int


class GroupPage(BaseModel):
    """Groups by key."""

    items: list[GroupBody]
    next: str | None


class GroupMemberBody(BaseModel):
    """A contact in a group."""

    contact: str
    email: str | None
    added_at: Instant


class GroupMemberPage(BaseModel):
    """Members of a group."""

    items: list[GroupMemberBody]
    next: str | None


@router.get("", summary="List groups", responses=responses(422))
async def get_groups(services: UsedServices, cursor: Cursor = "", limit: Limit = 100) -> GroupPage:
    """The groups that have members, in the order of their keys."""
    async with services.pool.connection() as conn:
        groups = await list_groups(conn, cursor, limit + 1)
    page, following = page_of(groups, limit, lambda each: each.key)
    items = [GroupBody(key=each.key, members=each.members) for each in page]
    return GroupPage(items=items, next=following)


@router.get("/{key}/contacts", summary="List the contacts in a group", responses=responses(422))
async def get_members(
    key: GroupKey, services: UsedServices, cursor: Cursor = "", limit: Limit = 100
) -> GroupMemberPage:
    """The contacts in a group, in the order of their own ids; none if it has never had one."""
    after = cursor_id(cursor) if cursor else None
    async with services.pool.connection() as conn:
        members = await list_group_members(conn, key, after, limit + 1)
    page, following = page_of(members, limit, lambda each: str(each.contact_id))
    items = [
        GroupMemberBody(contact=each.contact, email=each.email, added_at=each.added_at)
        for each in page
    ]
    return GroupMemberPage(items=items, next=following)


@router.post("/{key}/contacts", summary="Add contacts to a group", responses=responses(404, 422))
async def add(
    key: GroupKey, body: GroupContacts, services: UsedServices, actor: UsedActor
) -> Changed:
    """Add all of the contacts, or none if one of them is unknown."""
    flaw = find_id_flaw(key)
    if flaw is not None:
        raise Problem(422, "invalid_request", f"key: {flaw}")

    async def change(conn: Connection) -> int:
        added = await add_to_group(conn, key, await _contact_ids(conn, body.contacts))
        if added:
            after = {"added": added}
            await record_audit(conn, actor, "group.add", f"group:{key}", after=after)
        return added

    changed = await repeating(services.pool, change)
    services.notifier.wake()
    return Changed(changed=changed)


@router.delete(
    "/{key}/contacts", summary="Remove contacts from a group", responses=responses(404, 422)
)
async def remove(
    key: GroupKey, body: GroupContacts, services: UsedServices, actor: UsedActor
) -> Changed:
    """Remove all of the contacts, or none if one of them is unknown."""

    async def change(conn: Connection) -> int:
        removed = await remove_from_group(conn, key, await _contact_ids(conn, body.contacts))
        if removed:
            after = {"removed": removed}
            await record_audit(conn, actor, "group.remove", f"group:{key}", after=after)
        return removed

    changed = await repeating(services.pool, change)
    services.notifier.wake()
    return Changed(changed=changed)


async def _contact_ids(conn: Connection, references: Sequence[str]) -> list[UUID]:
    found = await find_contacts(conn, references)
    unknown = [reference for reference in references if reference not in found]
    if unknown:
        shown = ", ".join(map(repr, unknown[:5])) + (", …" if len(unknown) > 5 else "")
        raise Problem(404, "unknown_contact", f"contacts: there is no contact {shown}")
    return list(found.values())
