"""Answers to keywords in text messages that are still to be sent, at most one a day of each."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal
from uuid import UUID

from sqlalchemy import bindparam, insert

from store.messages.suppressions import digest_of
from store.sql import Connection, execute, fetch_all_as, sql, statement
from store.tables.identifiers import new_id
from store.tables.messages import TextAnswer

AnsweredKeyword = Literal["stop", "start", "help"]

_FIRST_OF_DAY = sql("""
insert into receipt (message_id, source)
values (%(keyword)s || ' ' || (parcours.suppression_hashes(%(digest)s))[1] || ' '
        || to_char(parcours.clock() at time zone 'UTC', 'YYYY-MM-DD'), 'text answer')
on conflict (message_id, source) do nothing
""")
_ADD = statement(
    insert(TextAnswer).values(
        id=bindparam("id"), phone=bindparam("phone"), keyword=bindparam("keyword")
    )
)
# An answer that a worker took and could not send is not sent later: silence is better than two.
_TAKE = sql("""
delete from text_answer where id in (
    select id from text_answer order by asked_at limit 20 for update skip locked
)
returning id, phone, keyword, asked_at > parcours.clock() - interval '1 hour' as fresh
""")


@dataclass(frozen=True, slots=True)
class PendingAnswer:
    """An answer that this worker is to send."""

    id: UUID
    phone: str
    keyword: AnsweredKeyword
    fresh: bool
    """Whether it was asked for within the hour; an older one is not sent any more."""


async def plan_answer(conn: Connection, phone: str, keyword: AnsweredKeyword) -> bool:
    """Have a keyword answered, unless the number got that answer today. Whether it is planned."""
    wanted = {"keyword": keyword, "digest": digest_of(phone)}
    if not await execute(conn, _FIRST_OF_DAY, wanted):
        return False
    await execute(conn, _ADD, {"id": new_id(), "phone": phone, "keyword": keyword})
    return True


async def take_answers(conn: Connection) -> list[PendingAnswer]:
    """Take answers that are to be sent; each is taken once, by one worker."""
    return await fetch_all_as(conn, PendingAnswer, _TAKE)
