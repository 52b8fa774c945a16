"""The events that are known: their names, and the properties that they have.

Names are those of documents, of the latest events, and of a sample of pages of the table; the
properties are those that these events have.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Final

from store.sql import Connection, fetch_all, sql

SAMPLE: Final = 4_000
"""As many of the latest events are read, and about as many of all others."""
NAMES: Final = 1_000
"""The most names that are listed: those seen most."""
_PROPERTIES: Final = 60
"""The most properties of an event that are listed: those seen most."""
_EXAMPLES: Final = 3
_EXAMPLE_LENGTH: Final = 60
"""Characters of an example, as JSON. Longer values are none."""

_CATALOG = sql("""
with seen as materialized (
    (select id, name, properties from event order by id desc limit %(sample)s)
    union
    (select id, name, properties
     from event tablesample system (%(percent)s) repeatable (%(seed)s) limit 2 * %(sample)s)
), counted as (
    select name, count(*) as times from seen group by name
    order by count(*) desc, name collate "C" limit %(names)s
), properties as (
    select s.name, p.key, array_agg(distinct jsonb_typeof(p.value)) as types,
           (array_agg(distinct p.value) filter (
               where length(p.value::text) <= %(length)s))[1:%(examples)s] as examples,
           row_number() over (partition by s.name order by count(*) desc, p.key collate "C") as n
    from seen s join counted c on c.name = s.name cross join lateral jsonb_each(s.properties) p
    where p.value <> 'null'
    group by s.name, p.key
)
select c.name, c.times, p.key, p.types, p.examples
from counted c left join properties p on p.name = c.name and p.n <= %(properties)s
order by c.name collate "C", p.key collate "C"
""")
_SIZE = sql("select greatest(reltuples, 1)::float from pg_class where oid = 'event'::regclass")
# The events that documents name, at any depth: in entries, exits, goals, waits and conditions.
_NAMED = sql("""
select distinct found #>> '{}' as name from (
    select jsonb_path_query(v.document, 'strict $.**.event') as found
    from journey j cross join lateral (
        select document from journey_version v where v.journey = j.key
        order by v.version desc limit 1
    ) v
    union all
    select jsonb_path_query(document, 'strict $.**.event') from document where kind = 'segment'
) named where jsonb_typeof(found) = 'string' limit %(names)s
""")
_TYPES: Final = {
    "string": "text", "number": "number", "boolean": "truth", "array": "list", "object": "object",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class KnownProperty:
    """A property of events of one name."""

    name: str
    types: list[str]
    """`text`, `number`, `truth`, `list`, `object`: those that were seen."""
    examples: list[Any]


@dataclass(frozen=True, slots=True)
class KnownEvent:
    """An event by its name."""

    name: str
    seen: int
    """How many of the events that were read have this name."""
    properties: list[KnownProperty] = field(default_factory=list)


async def read_event_catalog(conn: Connection, seed: int) -> dict[str, KnownEvent]:
    """The events by name, in order; with the same seed, of the same sample."""
    size = (await fetch_all(conn, _SIZE))[0][0]
    rows = await fetch_all(
        conn,
        _CATALOG,
        {
            "sample": SAMPLE,
            "percent": min(100.0, 100.0 * SAMPLE / size),
            "seed": seed,
            "names": NAMES,
            "properties": _PROPERTIES,
            "length": _EXAMPLE_LENGTH,
            "examples": _EXAMPLES,
        },
    )
    found: dict[str, KnownEvent] = {}
    for name, times, key, types, examples in rows:
        event = found.setdefault(name, KnownEvent(name, times))
        if key is not None:
            event.properties.append(
                KnownProperty(key, sorted(_TYPES[each] for each in types), examples or [])
            )
    for (name,) in await fetch_all(conn, _NAMED, {"names": NAMES}):
        found.setdefault(name, KnownEvent(name, 0))
    return dict(sorted(found.items()))
