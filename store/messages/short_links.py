"""Short links of text messages: stored before the message goes out, and found by their codes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import bindparam, select
from sqlmodel import col

from store.sql import Connection, execute, fetch_one_as, sql, statement, table_columns
from store.tables.links import ShortLink

# A message that is sent again has the same codes.
_KEEP = sql("""
insert into short_link (code, message_id, target)
select code, %(message)s, target
from unnest(%(codes)s::text[], %(targets)s::text[]) as made(code, target)
on conflict (code) do nothing
""")


@dataclass(frozen=True, slots=True)
class StoredLink:
    """Where a short link leads, and the message that it stands in."""

    message_id: UUID
    target: str


_FIND = statement(
    select(*table_columns(ShortLink, StoredLink)).where(col(ShortLink.code) == bindparam("code"))
)


async def keep_short_links(conn: Connection, message_id: UUID, targets: Mapping[str, str]) -> None:
    """Keep the targets of a message's links by their codes; one that is kept already stays."""
    parameters = {
        "message": message_id,
        "codes": list(targets),
        "targets": list(targets.values()),
    }
    await execute(conn, _KEEP, parameters)


async def find_short_link(conn: Connection, code: str) -> StoredLink | None:
    """The link of a code; None if there is none, or none any more."""
    return await fetch_one_as(conn, StoredLink, _FIND, {"code": code})
