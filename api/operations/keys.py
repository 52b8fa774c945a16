"""Routes of API keys: make, list and revoke."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Annotated, Final, Literal
from uuid import UUID

from fastapi import APIRouter, Depends, Path, Response
from pydantic import BaseModel

from api.http.audit import UsedActor
from api.http.bodies import StrictRoute
from api.http.keys import requires
from api.http.paging import Cursor, Limit, cursor_id, page_of, unknown_cursor
from api.http.problems import Problem, responses, unknown
from api.http.times import Instant
from api.operations.new_keys import NewKey
from api.services import UsedServices
from store.operations.api_keys import (
    KeyRow,
    Scope,
    key_name,
    list_keys,
    make_key,
    read_key,
    revoke_key,
)
from store.operations.audit import record_audit
from store.operations.audit_listing import authors_of_keys

router = APIRouter(
    prefix="/v1/keys",
    tags=["keys"],
    route_class=StrictRoute,
    dependencies=[Depends(requires("admin"))],
)

KeyId = Annotated[UUID, Path(description="the id of a key, not the key itself")]

_SOON: Final = timedelta(days=14)

KeyState = Literal["valid", "expiring", "expired", "revoked"]


class KeyBody(BaseModel):
    """A key and its options. The key itself, and its secret, are not shown again."""

    id: UUID
    scope: Scope
    name: str
    """As it was given; by default its scope and the beginning of its id."""
    source: str
    may_change_addresses: bool
    user_hash: bool
    """Whether it has a secret for `userHash`."""
    origins: list[str] | None
    events_per_minute: int | None
    address_events_per_minute: int | None
    expires: Instant | None
    state: KeyState
    """`expiring`: it stops working within two weeks."""
    created_at: Instant
    made_by: str | None
    """The name of the key that made it, or the account of the command; null if it is not known."""
    last_used_at: Instant | None
    """The latest minute in which it was used; null if it never was."""
    revoked_at: Instant | None
    revoked_by: str | None


class MadeKey(KeyBody):
    """A new key. This is the only answer that shows it."""

    key: str


class KeyPage(BaseModel):
    """A page of keys, the newest first."""

    items: list[KeyBody]
    next: str | None


@router.post("", status_code=201, summary="Make a key", responses=responses(422))
async def post_key(new: NewKey, services: UsedServices, actor: UsedActor) -> MadeKey:
    """Make a key. Only its hash is stored, so it cannot be shown again."""
    async with services.pool.connection() as conn, conn.transaction():
        plain, row = await make_key(conn, new.scope, new.name, new.options(), actor=actor)
    made = _body(row, {"key.create": actor.name})
    return MadeKey(key=plain, **made.model_dump())


@router.get("", summary="List keys", responses=responses())
async def get_keys(services: UsedServices, cursor: Cursor = "", limit: Limit = 100) -> KeyPage:
    """All keys, also those that were revoked, the newest first."""
    async with services.pool.connection() as conn:
        after = None
        if cursor:
            after = await read_key(conn, cursor_id(cursor))
            if after is None:
                raise unknown_cursor(cursor)
        rows = await list_keys(conn, after, limit + 1)
        page, following = page_of(rows, limit, lambda row: str(row.id))
        authors = await authors_of_keys(conn, [row.id for row in page])
    return KeyPage(items=[_body(row, authors.get(row.id, {})) for row in page], next=following)


@router.delete("/{key_id}", status_code=204, summary="Revoke a key", responses=responses(404, 409))
async def delete_key(key_id: KeyId, services: UsedServices, actor: UsedActor) -> Response:
    """Refuse the key from now on: here at once, in other API processes within five seconds."""
    async with services.pool.connection() as conn, conn.transaction():
        revoked = await revoke_key(conn, key_id)
        row = await read_key(conn, key_id)
        if row is None:
            raise unknown("key", str(key_id))
        if not revoked:
            services.keys.forget()
            raise Problem(409, "already_revoked", f"the key {key_id} was revoked before")
        name = key_name(row.id, row.scope, row.name)
        before = {"name": name, "scope": row.scope}
        await record_audit(conn, actor, "key.revoke", f"key:{key_id}", before=before)
    services.keys.forget()
    return Response(status_code=204)


def _state(row: KeyRow) -> KeyState:
    if row.revoked_at is not None:
        return "revoked"
    left = None if row.expires_at is None else row.expires_at - datetime.now(UTC)
    if left is None or left > _SOON:
        return "valid"
    return "expiring" if left > timedelta(0) else "expired"


def _body(row: KeyRow, authors: Mapping[str, str]) -> KeyBody:
    return KeyBody(
        id=row.id,
        scope=row.scope,
        name=key_name(row.id, row.scope, row.name),
        source=row.source or row.scope,
        may_change_addresses=row.may_change_addresses,
        user_hash=row.user_hash_secret is not None,
        origins=row.origins,
        events_per_minute=row.events_per_minute,
        address_events_per_minute=row.address_events_per_minute,
        expires=row.expires_at,
        state=_state(row),
        created_at=row.created_at,
        made_by=authors.get("key.create"),
        last_used_at=row.last_used_at,
        revoked_at=row.revoked_at,
        revoked_by=authors.get("key.revoke"),
    )
