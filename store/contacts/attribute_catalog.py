"""The attributes that contacts have: names, types, examples, and how many contacts have each.

Of few contacts all are read. Of many, a sample of pages of the table is, and counts are estimates.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

from journeys.model.contact_fields import READABLE_NAMES
from store.sql import Connection, fetch_all, fetch_one, join, name, sql, text_list, text_literal

READ_ALL: Final = 20_000
"""As many contacts are all read; of more, about as many are sampled."""
NAMES: Final = 2_000
"""The most attributes that are listed: those that the most contacts have."""
EXAMPLES: Final = 3
_EXAMPLES_FROM: Final = 300
"""Contacts whose values are examples."""
_EXAMPLE_LENGTH: Final = 60
"""Characters of an example, as JSON. Longer values are none."""

_SIZE = sql("""
select greatest(reltuples, 0)::bigint,
       (select count(*) from (select from contact limit %(most)s) present)
from pg_class where oid = 'contact'::regclass
""")
# The seed makes the same sample of the same table, so that all pages of a list are of one.
_CATALOG = sql(
    """
with sample as materialized (
    select row_number() over () as n, attributes || jsonb_strip_nulls({fields}) as found
    from contact c tablesample system (%(percent)s) repeatable (%(seed)s)
    limit %(most)s
), counted as (
    select e.key, count(*) as contacts, array_agg(distinct jsonb_typeof(e.value)) as types,
           (array_agg(distinct e.value) filter (
               where s.n <= %(examples_from)s and length(e.value::text) <= %(length)s
           ))[1:%(examples)s] as examples
    from sample s cross join lateral jsonb_each(s.found) e
    where e.value <> 'null' and not (e.key in ({defaults}) and e.value in ('0', 'false'))
    group by e.key
    order by count(*) desc, e.key collate "C" limit %(names)s
)
select (select count(*) from sample), key, contacts, types, examples
from (select 1) always left join counted on true
order by key collate "C"
""",
    fields=sql(
        "jsonb_build_object({pairs})",
        pairs=join(
            ", ",
            (
                sql("{key}, c.{column}", key=text_literal(each), column=name(each))
                for each in READABLE_NAMES
            ),
        ),
    ),
    # Every contact has these; 0 and false are none.
    defaults=text_list(("score", "restricted")),
)
_TYPES: Final = {
    "string": "text", "number": "number", "boolean": "truth", "array": "list", "object": "object",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class AttributeEntry:
    """An attribute that contacts have."""

    name: str
    field: bool
    """Whether it is a field of every contact, with a meaning of its own."""
    types: list[str]
    """`text`, `number`, `truth`, `list`, `object`: those that were seen."""
    examples: list[Any]
    contacts: int
    """How many have it."""


@dataclass(frozen=True, slots=True)
class AttributeCatalog:
    """The attributes in the order of their names."""

    entries: list[AttributeEntry]
    contacts: int
    """How many contacts there are."""
    read: int
    """How many of them were read."""

    @property
    def exact(self) -> bool:
        """Whether all contacts were read, so that the counts are no estimates."""
        return self.read == self.contacts


async def read_attribute_catalog(conn: Connection, seed: int) -> AttributeCatalog:
    """The catalog; with the same seed, of the same sample."""
    size = await fetch_one(conn, _SIZE, {"most": READ_ALL + 1})
    assert size is not None
    estimate, counted = size
    few = counted <= READ_ALL
    total = counted if few else max(estimate, counted)
    rows = await fetch_all(
        conn,
        _CATALOG,
        {
            "percent": 100.0 if few else 100.0 * READ_ALL / total,
            "seed": seed,
            # A page is read as a whole, so that there may be more.
            "most": 2 * READ_ALL,
            "examples_from": _EXAMPLES_FROM,
            "length": _EXAMPLE_LENGTH,
            "examples": EXAMPLES,
            "names": NAMES,
        },
    )
    read = rows[0][0]
    total = max(total, read)
    entries = [
        AttributeEntry(
            key,
            key in READABLE_NAMES,
            sorted(_TYPES[each] for each in types),
            examples or [],
            contacts if few else max(contacts, round(contacts * total / max(read, 1))),
        )
        for _, key, contacts, types, examples in rows
        if key is not None
    ]
    return AttributeCatalog(entries, read if few else total, read)
