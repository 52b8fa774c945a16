"""Finding of documents, pools of coupons and groups by a part of their names."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from store.sql import Connection, fetch_all_as, sql

_MOST_GROUPS: Final = 2_000
"""Groups whose keys are looked through, the first by key."""
# Each key of a group is found by index from the one before, however many members the groups have.
_FIND = sql("""
with recursive groups as (
    (select group_key, 1 as n from group_member where %(beside)s order by group_key limit 1)
    union all
    select following.group_key, g.n + 1
    from groups g
    cross join lateral (
        select m.group_key from group_member m where m.group_key > g.group_key
        order by m.group_key limit 1
    ) following
    where g.n < %(most_groups)s
), named as (
    select kind, key, document->>'name' as name from document
    union all
    select 'journey', j.key, (
        select v.document->>'name' from journey_version v where v.journey = j.key
        order by v.version desc limit 1
    )
    from journey j
    union all select 'pool', key, null from coupon_pool where %(beside)s
    union all select 'group', group_key, null from groups
)
select kind, key, name from named
where strpos(lower(key), lower(%(text)s)) > 0 or strpos(lower(name), lower(%(text)s)) > 0
order by not starts_with(lower(key), lower(%(text)s)), lower(key) collate "C", kind
limit %(limit)s
""")


@dataclass(frozen=True, slots=True)
class FoundName:
    """A thing that has a name."""

    kind: str
    """A kind of documents, `pool` or `group`."""
    key: str
    name: str | None


async def find_names(conn: Connection, text: str, limit: int, *, beside: bool) -> list[FoundName]:
    """Documents whose key or name holds a text, in any case; those that begin with it come first.

    `beside`: pools and groups as well, which are no documents.
    """
    wanted = {"text": text, "limit": limit, "beside": beside, "most_groups": _MOST_GROUPS}
    return await fetch_all_as(conn, FoundName, _FIND, wanted)
