"""The audit log, read: by time, actor, action, subject and journey, the newest first."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from store.operations.api_keys import Scope
from store.sql import Connection, columns, fetch_all, fetch_all_as, sql
from store.tables.audit import Via


@dataclass(frozen=True, slots=True)
class AuditEntry:
    """A change, as it was recorded."""

    id: int
    at: datetime
    actor: str
    key_id: UUID | None
    scope: Scope | None
    via: Via
    action: str
    """One of `store.operations.audit_actions`, or of an earlier release."""
    subject_kind: str
    subject: str
    journey: str | None
    before: dict[str, Any] | None
    after: dict[str, Any] | None
    reason: str | None
    request_id: str | None


@dataclass(frozen=True, slots=True)
class WantedAudit:
    """Which changes are asked for; None: any."""

    since: datetime | None = None
    """From this instant on."""
    until: datetime | None = None
    """Before this instant."""
    actor: str | None = None
    """The name of a key or an account."""
    key_id: UUID | None = None
    action: str | None = None
    actions: Sequence[str] | None = None
    """One of these."""
    subject_kind: str | None = None
    subjects: Sequence[str] | None = None
    journey: str | None = None


Place = tuple[datetime, int]
"""The time and the id of the last change of a page."""

_LIST = sql(
    """
    select {columns} from audit
    where (%(since)s::timestamptz is null or at >= %(since)s::timestamptz)
      and (%(until)s::timestamptz is null or at < %(until)s::timestamptz)
      and (%(actor)s::text is null or actor = %(actor)s::text)
      and (%(key)s::uuid is null or key_id = %(key)s::uuid)
      and (%(action)s::text is null or action = %(action)s::text)
      and (%(actions)s::text[] is null or action = any(%(actions)s::text[]))
      and (%(kind)s::text is null or subject_kind = %(kind)s::text)
      and (%(subjects)s::text[] is null or subject = any(%(subjects)s::text[]))
      and (%(journey)s::text is null or journey = %(journey)s::text)
      and (%(before_at)s::timestamptz is null
           or (at, id) < (%(before_at)s::timestamptz, %(before_id)s::bigint))
    order by at desc, id desc limit %(limit)s
    """,
    columns=columns(AuditEntry),
)
_KEYS = sql("""
select distinct on (subject, action) subject::uuid, action, actor from audit
where subject_kind = 'key' and subject = any(%(keys)s::text[])
  and action in ('key.create', 'key.revoke')
order by subject, action, at
""")


async def list_audit(
    conn: Connection, wanted: WantedAudit, before: Place | None, limit: int
) -> list[AuditEntry]:
    """The changes that are wanted, the newest first, from the place `before` on."""
    at, id_ = before or (None, None)
    return await fetch_all_as(
        conn,
        AuditEntry,
        _LIST,
        {
            "since": wanted.since,
            "until": wanted.until,
            "actor": wanted.actor,
            "key": wanted.key_id,
            "action": wanted.action,
            "actions": None if wanted.actions is None else list(wanted.actions),
            "kind": wanted.subject_kind,
            "subjects": None if wanted.subjects is None else list(wanted.subjects),
            "journey": wanted.journey,
            "before_at": at,
            "before_id": id_,
            "limit": limit,
        },
    )


async def authors_of_keys(conn: Connection, keys: Sequence[UUID]) -> dict[UUID, dict[str, str]]:
    """By key: who made it and who revoked it, under `key.create` and `key.revoke`."""
    rows = await fetch_all(conn, _KEYS, {"keys": [str(key) for key in keys]})
    found: dict[UUID, dict[str, str]] = {}
    for key, action, actor in rows:
        found.setdefault(key, {})[action] = actor
    return found
