"""Contacts as people find them: by an address, a segment, a group, or how an id begins."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final
from uuid import UUID

from journeys.model.derived_fields import DerivedFrom
from store.contacts.rows import ContactRow, parse_reference
from store.sql import (
    Connection,
    Sql,
    columns,
    fetch_all_as,
    fetch_one_as,
    fetch_value,
    integer,
    join,
    sql,
)

SHARED_LIMIT: Final = 100
"""As many contacts that have the same e-mail address are counted, and no more."""


@dataclass(slots=True, kw_only=True)
class ContactView(ContactRow):
    """A contact with what other rows say about it."""

    derived: dict[str, DerivedFrom]
    """Fields that were worked out and not given, each with what it was worked out from."""
    aliases: list[str]
    """External ids of contacts that were merged into it."""
    shares_email_with: int
    """How many other contacts have its e-mail address, up to SHARED_LIMIT."""


_COLUMNS = sql(
    """
{row}, c.derived,
array(select external_id from contact_alias a where a.contact_id = c.id
      order by merged_at, external_id) as aliases,
(select count(*) from (
    select from contact o where lower(o.email) = lower(c.email) and o.id <> c.id limit {most}
) others)::int as shares_email_with
""",
    row=columns(ContactRow, of="c"),
    most=integer(SHARED_LIMIT),
)
_VIEW = sql("select {columns} from contact c where c.id = %(id)s", columns=_COLUMNS)
_HAS_SEGMENT = sql("""
select exists (select from document where kind = 'segment' and key = %(segment)s)
""")

_FILTERS: Final = {
    "email": sql("lower(c.email) = lower(%(email)s)"),
    "phone": sql("c.phone = %(phone)s"),
    "segment": sql(
        "exists (select from segment_member m"
        " where m.segment = %(segment)s and m.contact_id = c.id)"
    ),
    "group": sql(
        "exists (select from group_member m where m.group_key = %(group)s and m.contact_id = c.id)"
    ),
}
# Each of these is one index. A page of all of them is among the pages of each.
_BEGINNINGS: Final = (
    sql("c.external_id like %(beginning)s"),
    sql("lower(c.email) like lower(%(beginning)s)"),
    sql("c.phone like %(number)s"),
    sql("c.id = %(own)s"),
    sql("c.id = any(array(select contact_id from contact_alias where external_id = %(alias)s))"),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """What contacts are looked for by: all that is given counts."""

    email: str | None = None
    """In any case of letters."""
    phone: str | None = None
    """In E.164."""
    segment: str | None = None
    group: str | None = None
    q: str | None = None
    """How an external id, an e-mail address or a phone number begins; or an id of ours."""


async def find_page(
    conn: Connection, wanted: Wanted, after: UUID | None, limit: int
) -> list[ContactView]:
    """The contacts after another one, in the order of their ids."""
    given: dict[str, Any] = {
        name: value for name in _FILTERS if (value := getattr(wanted, name)) is not None
    }
    filters = [_FILTERS[name] for name in given]
    parameters = {**given, "limit": limit}
    if after is not None:
        filters.append(sql("c.id > %(after)s"))
        parameters["after"] = after
    if wanted.q is None:
        found = _page(filters)
    else:
        parameters.update(_beginning(wanted.q))
        found = join(
            " union ",
            [sql("({page})", page=_page([*filters, each])) for each in _BEGINNINGS],
        )
    query = sql(
        """
        with found as materialized ({found})
        select {columns} from contact c where c.id = any(array(select id from found))
        order by c.id limit %(limit)s
        """,
        found=found,
        columns=_COLUMNS,
    )
    return await fetch_all_as(conn, ContactView, query, parameters)


def _page(filters: Sequence[Sql]) -> Sql:
    where = join(" and ", filters) if filters else sql("true")
    return sql(
        "select c.id from contact c where {where} order by c.id limit %(limit)s", where=where
    )


def _beginning(text: str) -> dict[str, Any]:
    number = "".join(letter for letter in text if letter not in " -.()")
    return {
        "beginning": _pattern(text),
        # A national form begins no number of ours.
        "number": _pattern(number) if number.startswith("+") else None,
        "own": parse_reference(text),
        "alias": text,
    }


def _pattern(text: str) -> str:
    """The pattern of `like` for texts that begin with this one."""
    for special in ("\\", "%", "_"):
        text = text.replace(special, "\\" + special)
    return text + "%"


async def has_segment(conn: Connection, key: str) -> bool:
    """Whether there is a segment with this key."""
    return bool(await fetch_value(conn, _HAS_SEGMENT, {"segment": key}))


async def view_contact(conn: Connection, contact_id: UUID) -> ContactView | None:
    """A contact as people see it, read without a lock."""
    return await fetch_one_as(conn, ContactView, _VIEW, {"id": contact_id})
