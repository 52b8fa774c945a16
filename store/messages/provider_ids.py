"""Messages by the ids that providers gave them."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from uuid import UUID

from sqlalchemy import bindparam, func, select
from sqlmodel import col

from store.sql import Connection, fetch_all, fetch_column, sql, statement
from store.tables.messages import Message

_KNOWN = statement(select(col(Message.id)).where(col(Message.id) == func.any(bindparam("ids"))))
# A message that was handed over again has its newest id; earlier ones are known by our tag alone.
_BY_PROVIDER_ID = sql("""
select m.provider_id, m.id
from unnest(%(provider_ids)s::text[]) as g(provider_id)
join message m on m.provider_id = g.provider_id
where m.provider_id is not null and (m.provider is null or m.provider = %(provider)s)
order by m.first_attempt_at
""")
# A message that one provider did not take may have gone out by its fallback.
_NOT_SENT = sql("""
select m.id, m.contact_id, m.state
from unnest(%(ids)s::uuid[], %(providers)s::text[]) as g(id, provider)
join message m on m.id = g.id
where m.state in ('released', 'refused')
   or (m.provider <> g.provider and exists (
       select from message_attempt a
       where a.message_id = m.id and a.provider = g.provider and a.state = 'released'))
""")


async def known_messages(conn: Connection, ids: Collection[UUID]) -> set[UUID]:
    """Those of the ids that are messages."""
    return set(await fetch_column(conn, _KNOWN, {"ids": list(ids)})) if ids else set()


async def messages_of_provider(
    conn: Connection, provider: str, provider_ids: Collection[str]
) -> dict[str, UUID]:
    """Messages by a provider's ids; unknown ids are left out."""
    if not provider_ids:
        return {}
    wanted = {"provider": provider, "provider_ids": list(provider_ids)}
    return dict(await fetch_all(conn, _BY_PROVIDER_ID, wanted))


async def messages_not_sent(
    conn: Connection, messages: Mapping[UUID, str]
) -> list[tuple[UUID, UUID, str]]:
    """Those of the messages that this provider certainly did not take, as we know it.

    `messages` holds a provider for each. Id, contact and state of each.
    """
    parameters = {"ids": list(messages), "providers": list(messages.values())}
    rows = await fetch_all(conn, _NOT_SENT, parameters) if messages else []
    return [(message, contact, state) for message, contact, state in rows]
