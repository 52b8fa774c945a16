"""Test messages: templates that people send to themselves. They are of no run and no visit."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any
from uuid import UUID

from psycopg.types.json import Jsonb

from store.sql import Connection, execute, fetch_one_as, sql
from store.tables.messages import TestMessageState

_ADD = sql("""
with old as (
    delete from test_message where created_at < parcours.clock() - interval '30 days'
)
insert into test_message (id, template, channel, recipient, contact_id, variables, locale, content)
values (%(id)s, %(template)s, %(channel)s, %(recipient)s, %(contact)s, %(variables)s, %(locale)s,
        %(content)s)
""")
_READ = sql("""
select id, template, channel, recipient, contact_id, variables, locale, content, state, code,
       detail, provider_id
from test_message where id = %(id)s
""")
_CLAIM = sql("""
update test_message set state = 'claimed' where id = %(id)s and state = 'queued'
""")
_SETTLE = sql("""
update test_message
set state = %(state)s, code = %(code)s, detail = %(detail)s, provider_id = %(provider)s,
    content = coalesce(%(content)s, content), settled_at = parcours.clock(),
    recipient = null, variables = null
where id = %(id)s and state in ('queued', 'claimed')
""")


@dataclass(frozen=True, slots=True)
class TestMessageRow:
    """A test message as it is stored."""

    __test__ = False
    id: UUID
    template: str
    channel: str
    recipient: str | None
    contact_id: UUID | None
    variables: dict[str, Any] | None
    locale: str | None
    content: str | None
    state: TestMessageState
    code: str | None
    detail: str | None
    provider_id: str | None


async def add_test_message(
    conn: Connection,
    *,
    message_id: UUID,
    template: str,
    channel: str,
    recipient: str,
    contact_id: UUID | None,
    variables: dict[str, Any],
    locale: str | None,
    content: str | None = None,
) -> None:
    """Store a test message that is to be sent; those of more than 30 days ago are removed.

    `content` is the hash of what is sent, by default that of the template when it is sent.
    """
    await execute(
        conn,
        _ADD,
        {
            "id": message_id,
            "template": template,
            "channel": channel,
            "recipient": recipient,
            "contact": contact_id,
            "variables": Jsonb(variables),
            "locale": locale,
            "content": content,
        },
    )


async def read_test_message(conn: Connection, message_id: UUID) -> TestMessageRow | None:
    """A test message; None if there is none."""
    return await fetch_one_as(conn, TestMessageRow, _READ, {"id": message_id})


async def claim_test_message(conn: Connection, message_id: UUID) -> bool:
    """Take a test message for the only attempt at it; False if it was taken before."""
    return await execute(conn, _CLAIM, {"id": message_id}) > 0


async def settle_test_message(
    conn: Connection,
    message_id: UUID,
    state: TestMessageState,
    *,
    code: str | None = None,
    detail: str | None = None,
    provider_id: str | None = None,
    content: str | None = None,
) -> None:
    """Record the result of a test message, and forget its recipient and its variables."""
    await execute(
        conn,
        _SETTLE,
        {
            "id": message_id,
            "state": state,
            "code": code,
            "detail": detail,
            "provider": provider_id,
            "content": content,
        },
    )
