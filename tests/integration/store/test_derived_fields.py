"""Zone, locale and country that are worked out: marked, and replaced by what is said."""

from __future__ import annotations

from typing import Any
from uuid import UUID, uuid4

from psycopg import AsyncConnection
from psycopg_pool import AsyncConnectionPool

from journeys.model.contact_checks import check_context
from store.contacts.finding import ContactView, view_contact
from store.contacts.rows import find_contact
from store.events.attribute_changes import put_contact
from store.events.contact_merging import merge_contacts
from store.events.ingest import take
from store.events.items import Item

Pool = AsyncConnectionPool[AsyncConnection[Any]]


async def send(pool: Pool, *items: Item) -> None:
    await take(pool, items, limit_per_minute=1_000)


def identify(user: str = "u", **traits: Any) -> Item:
    return Item("identify", str(uuid4()), user_id=user, traits=traits)


def seen(user: str = "u", **context: Any) -> Item:
    defaults = check_context(context)
    return Item("track", str(uuid4()), user_id=user, name="Seen", defaults=defaults)


async def view(pool: Pool, user: str = "u") -> ContactView:
    async with pool.connection() as conn:
        contact = await find_contact(conn, user)
        assert isinstance(contact, UUID)
        found = await view_contact(conn, contact)
    assert found is not None
    return found


async def changes(pool: Pool) -> list[dict[str, Any]]:
    async with pool.connection() as conn:
        cursor = await conn.execute(
            "select properties->'changes' from event where name = 'Contact Changed' order by id"
        )
        return [each for (each,) in await cursor.fetchall()]


async def test_a_phone_says_country_and_zone_until_they_are_said(pool: Pool) -> None:
    await send(pool, identify(phone="+33612345678"))
    found = await view(pool)
    assert (found.country, found.timezone) == ("FR", "Europe/Paris")
    assert found.derived == {"country": "phone", "timezone": "phone"}
    # Another number says something else.
    await send(pool, identify(phone="+40721234567"))
    found = await view(pool)
    assert (found.country, found.timezone) == ("RO", "Europe/Bucharest")
    # What is said stays, though it is the same.
    await send(pool, identify(country="RO", timezone="Europe/Berlin"))
    await send(pool, identify(phone="+33612345678"))
    found = await view(pool)
    assert (found.country, found.timezone, found.derived) == ("RO", "Europe/Berlin", {})
    assert await changes(pool) == [
        {
            "phone": [None, "+33612345678"],
            "country": [None, "FR"],
            "timezone": [None, "Europe/Paris"],
        },
        {
            "phone": ["+33612345678", "+40721234567"],
            "country": ["FR", "RO"],
            "timezone": ["Europe/Paris", "Europe/Bucharest"],
        },
        {"timezone": ["Europe/Bucharest", "Europe/Berlin"]},
        {"phone": ["+40721234567", "+33612345678"]},
    ]


async def test_what_was_given_is_never_overwritten(pool: Pool) -> None:
    await send(pool, identify(country="CA", timezone="America/Toronto", locale="fr-CA"))
    await send(pool, identify(phone="+33612345678"))
    await send(pool, seen(timezone="Asia/Tokyo", locale="ja", location={"country": "JP"}))
    found = await view(pool)
    assert (found.country, found.timezone, found.locale) == ("CA", "America/Toronto", "fr-CA")
    assert found.derived == {}


async def test_a_number_that_goes_takes_along_what_it_said(pool: Pool) -> None:
    await send(pool, identify(phone="+33612345678", locale="fr"))
    async with pool.connection() as conn, conn.transaction():
        await put_contact(conn, "u", {"phone": None})
    found = await view(pool)
    assert (found.country, found.timezone, found.locale, found.derived) == (None, None, "fr", {})


async def test_the_context_of_a_call_is_stronger_than_the_phone(pool: Pool) -> None:
    await send(pool, identify(phone="+33612345678"))
    await send(pool, seen(timezone="Europe/Paris", location={"country": "be"}))
    found = await view(pool)
    assert (found.country, found.timezone) == ("BE", "Europe/Paris")
    assert found.derived == {"country": "context", "timezone": "context"}
    await send(pool, identify(phone="+40721234567"))
    # The first context counts, until something is said.
    await send(pool, seen(timezone="Asia/Tokyo", locale="fr-BE", location={"country": "jp"}))
    found = await view(pool)
    assert (found.country, found.timezone, found.locale) == ("BE", "Europe/Paris", "fr-BE")
    assert found.derived == dict.fromkeys(("country", "timezone", "locale"), "context")


async def test_a_merge_prefers_what_was_said_to_either(pool: Pool) -> None:
    await send(pool, identify("old", phone="+33612345678"))
    await send(pool, identify("young", timezone="Asia/Tokyo"))
    await send(pool, seen("young", location={"country": "JP"}))
    async with pool.connection() as conn, conn.transaction():
        await merge_contacts(conn, ("old", "young"))
    found = await view(pool, "old")
    assert (found.timezone, found.country, found.phone) == ("Asia/Tokyo", "JP", "+33612345678")
    assert found.derived == {"country": "context"}
