"""Uses of documents: which documents name a template, a topic, a segment or a list of places.

Of a journey, the live version counts and the newest one. They are found by the keys that the
language has for names, so an attribute that is called like one may count as well.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, Literal

from journeys.model.documents import DocumentKind
from store.sql import Connection, fetch_all_as, sql

UsedKind = Literal[DocumentKind, "pool"]
"""The kinds of what documents name."""

_NAMES: Final[Mapping[UsedKind, Mapping[DocumentKind, tuple[str, ...]]]] = {
    "brand": {"form": ("$.brand",), "topic": ("$.brand",)},
    "channel": {},
    "form": {"journey": ("$.**.where.form.**",), "segment": ("$.if.**.where.form.**",)},
    "holdout": {},
    "journey": {"holdout": ("$.journeys[*]",), "journey": ("$.**.enter.journey",)},
    "places": {"journey": ("$.**.near.places",), "segment": ("$.if.**.near.places",)},
    "pool": {"journey": ("$.**.coupon.pool",)},
    "segment": {"journey": ("$.**.segment",), "segment": ("$.if.**.segment",)},
    "template": {"journey": ("$.**.email.template", "$.**.sms.template")},
    "test_recipients": {},
    "topic": {"form": ("$.topic",), "journey": ("$.**.topic",), "segment": ("$.if.**.topic",)},
}
"""Where the names of a kind stand, by the kind of the document that they stand in."""

_USES = sql("""
with counted as (
    select 'journey' as kind, j.key, j.state, v.document,
           v.version is not distinct from j.active_version as live
    from journey j
    cross join lateral (
        select max(version) as newest from journey_version where journey = j.key
    ) of_it
    join journey_version v
      on v.journey = j.key and v.version in (of_it.newest, coalesce(j.active_version, 0))
    union all
    select kind, key, null, document, true from document
    where kind = any(%(kinds)s::text[]) and kind <> 'journey'
), named as (
    select found.name #>> '{}' as used, c.kind, c.key, c.document->>'name' as name, c.state, c.live
    from counted c
    join unnest(%(kinds)s::text[], %(paths)s::text[]) as place (kind, path) on place.kind = c.kind
    cross join lateral jsonb_path_query(c.document, place.path::jsonpath) as found (name)
    where jsonb_typeof(found.name) = 'string'
    union all
    select used, 'template', template, null, null, true from template_use
    where %(kind)s = 'template'
)
select used as key, kind as by, key as by_key, max(name) as name, max(state) as state,
       bool_or(live) as live
from named
where (%(key)s::text is null or used = %(key)s)
  and (used, kind, key) > (%(after_key)s, %(after_by)s, %(after_by_key)s)
group by used, kind, key
order by used, kind, key
limit %(limit)s
""")


@dataclass(frozen=True, slots=True)
class Use:
    """A document that names another one."""

    key: str
    """What is named."""
    by: DocumentKind
    by_key: str
    name: str | None
    """Of the document that names it; None if it has none."""
    state: str | None
    """Of a journey."""
    live: bool
    """Whether what counts now names it: of a journey, its live version."""


async def list_uses(
    conn: Connection, kind: UsedKind, key: str | None, after: tuple[str, str, str], limit: int
) -> list[Use]:
    """The uses of all documents of a kind, or of one, in the order of key, kind and user."""
    places = [(by, path) for by, paths in _NAMES[kind].items() for path in paths]
    parameters: dict[str, Any] = {
        "kind": kind,
        "key": key,
        "kinds": [by for by, _ in places],
        "paths": [path for _, path in places],
        "after_key": after[0],
        "after_by": after[1],
        "after_by_key": after[2],
        "limit": limit,
    }
    return await fetch_all_as(conn, Use, _USES, parameters)
