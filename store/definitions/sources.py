"""Texts of the documents that are live, for a simulation of what they do together."""

from __future__ import annotations

from store.sql import Connection, fetch_all, sql

_SOURCES = sql("""
select d.kind, d.key, d.source from document d
where exists (select from unnest(%(kinds)s::text[], %(keys)s::text[]) w (kind, key)
              where w.kind = d.kind and w.key = d.key)
union all
select 'journey', j.key, v.source from journey j
join lateral (
    select source from journey_version v
    where v.journey = j.key and (j.active_version is null or v.version = j.active_version)
    order by v.version desc limit 1
) v on true
where exists (select from unnest(%(kinds)s::text[], %(keys)s::text[]) w (kind, key)
              where w.kind = 'journey' and w.key = j.key)
""")
_KEYS = sql("select kind, key from document union all select 'journey', key from journey")
_ALWAYS = "channel"
"""A document of this kind counts although nothing names it."""

Source = tuple[str, str, str]
"""The kind, the key and the text of a document."""


async def sources_named_in(conn: Connection, texts: list[str], most: int) -> list[Source] | None:
    """The live documents whose keys stand in texts, and in each other's, directly or not.

    What only looks like a key is among them: it does no harm. None if they have more than `most`
    characters together. Of a journey it is the version of new runs, else its newest one.
    """
    unseen = {(kind, key) for kind, key in await fetch_all(conn, _KEYS)}
    found: list[Source] = []
    size = 0
    waiting = texts
    always = {place for place in unseen if place[0] == _ALWAYS}
    while True:
        named = {place for place in unseen if any(place[1] in text for text in waiting)} | always
        always = set()
        if not named:
            return found
        unseen -= named
        wanted = sorted(named)
        read: list[Source] = await fetch_all(
            conn,
            _SOURCES,
            {"kinds": [kind for kind, _ in wanted], "keys": [key for _, key in wanted]},
        )
        found += read
        waiting = [source for _, _, source in read]
        size += sum(map(len, waiting))
        if size > most:
            return None
