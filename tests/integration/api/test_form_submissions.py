"""Submissions of forms: whose each is, and what a stranger cannot do with one."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from uuid import UUID, uuid4

import pytest

from infra.settings import Settings
from tests.support.engine import accept, make_contact
from tests.support.erasing import erase
from tests.support.form_sites import ADA, Pool, Site, serving_forms, stamp


@pytest.fixture
async def site(settings: Settings, pool: Pool) -> AsyncIterator[Site]:
    async with serving_forms(settings, pool) as site:
        yield site


async def test_a_stranger_becomes_a_contact_whose_consent_is_pending(site: Site) -> None:
    answer = await site.send(email=" Ada@Example.com", first_name="Ada", gift="on", score="9")
    assert answer.status_code == 200
    assert "<h1>Thank you</h1>" in answer.text
    assert "you will get a message with a link" in answer.text
    [(contact, properties)] = await site.submitted()
    filled = {"email": "Ada@example.com", "first_name": "Ada", "gift": True}
    assert properties == {"form": "sign-up", **filled}
    assert await site.contact(contact) == {**filled, "locale": "en-GB"}
    assert await site.consents() == [
        (
            contact, "news", "pending", "email", "Ada@example.com", "form",
            "Yes, send me the letter. Send", "127.0.0.1",
        )
    ]  # fmt: skip
    events = await site.rows("select name, source, properties from event order by id")
    assert [name for name, _, _ in events] == [
        "Contact Created", "Contact Changed", "Form Submitted", "Topic Subscribed",
    ]  # fmt: skip
    assert events[3][2] == {"topic": "news", "form": "sign-up"}
    assert len(await site.rows("select 1 from outbox")) == 4


async def test_the_same_submission_counts_once(site: Site) -> None:
    data = {"_stamp": stamp("sign-up"), "email": ADA, "first_name": "Ada"}
    answers = await asyncio.gather(*(site.client.post("/f/sign-up", data=data) for _ in range(6)))
    again = await site.client.post("/f/sign-up", data=data)
    assert {answer.status_code for answer in (*answers, again)} == {200}
    assert len({answer.text for answer in (*answers, again)}) == 1
    assert len(await site.submitted()) == 1
    assert len(await site.consents()) == 1
    assert len(await site.rows("select 1 from contact")) == 1
    # She goes back, corrects her address, and sends it again.
    corrected = {**data, "email": "ada@example.org"}
    assert (await site.client.post("/f/sign-up", data=corrected)).status_code == 200
    assert len(await site.submitted()) == 2


async def test_two_people_at_once_with_one_new_address_make_one_contact(site: Site) -> None:
    answers = await asyncio.gather(*(site.send(email=ADA, first_name=f"N{n}") for n in range(8)))
    assert {answer.status_code for answer in answers} == {200}
    assert len(await site.submitted()) == 8
    assert len(await site.rows("select 1 from contact")) == 1


async def test_of_several_contacts_with_an_address_the_one_that_is_known_by_an_id_is_meant(
    site: Site,
) -> None:
    await site.send(email=ADA)
    known = await _known_ada(site)
    await make_contact(site.pool, email=ADA)
    await site.send(email=ADA, gift="on")
    assert [contact == known for contact, _ in await site.submitted()] == [False, True]


async def _known_ada(site: Site) -> UUID:
    return await make_contact(
        site.pool, email=ADA, phone="+33612345678", attributes={"first_name": "Ada"}
    )


async def test_a_stranger_who_names_a_known_address_changes_nothing_of_its_contact(
    site: Site,
) -> None:
    ada = await _known_ada(site)
    before = await site.contact(ada)
    unknown = await site.send(email="new@example.com", first_name="Eve", phone="+33711111111")
    known = await site.send(email="ADA@example.com", first_name="Eve", phone="+33722222222")
    # The answer is the same, to the letter.
    assert (known.status_code, known.text) == (unknown.status_code, unknown.text)
    assert dict(known.headers).keys() == dict(unknown.headers).keys()
    assert await site.contact(ada) == before
    events = [row for row in await site.submitted() if row[0] == ada]
    assert [properties["first_name"] for _, properties in events] == ["Eve"]
    # The consent waits, and is for the address that was typed: not for her phone, nor for Eve's.
    of_ada = [row[1:5] for row in await site.consents() if row[0] == ada]
    assert of_ada == [("news", "pending", "email", ADA)]
    assert await site.rows("select state from topic_state where contact_id = %s", ada) == [
        ("pending",)
    ]


async def test_a_stranger_cannot_undo_a_withdrawal_nor_end_a_confirmed_consent(site: Site) -> None:
    ada = await _known_ada(site)
    await accept(site.pool, ada, "Topic Confirmed", {"topic": "news"})
    state = "select state, confirmed_email from topic_state where contact_id = %s"
    assert (await site.send(email=ADA)).status_code == 200
    assert await site.rows(state, ada) == [("subscribed", ADA)]
    assert len(await site.rows("select 1 from event where name = 'Topic Subscribed'")) == 0
    await accept(site.pool, ada, "Topic Unsubscribed", {"topic": "news"})
    assert (await site.send(email=ADA, gift="on")).status_code == 200
    # She confirmed this address once; a stranger's form does not count as hers.
    assert await site.rows(state, ada) == [("pending", ADA)]


async def test_a_browser_brings_its_own_visit_and_no_other_contact(site: Site) -> None:
    anonymous = str(uuid4())
    visitor = await make_contact(site.pool, external_id=None)
    await _link(site, anonymous, visitor)
    fields = {"email": ADA, "first_name": "Ada", "gift": True}
    done = await site.post(fields=fields, anonymousId=anonymous, page="https://a.test/x?secret=1")
    assert done.status_code == 200
    assert done.json()["thanks"]["text"].startswith("Your answers have arrived.")
    [(contact, properties)] = await site.submitted()
    assert contact == visitor
    assert properties["page"] == "https://a.test/x"
    assert (await site.contact(visitor))["email"] == ADA
    # The same browser names another address: its contact keeps its own, and its browser.
    other = {"email": "eve@example.com", "first_name": "Eve"}
    assert (await site.post(fields=other, anonymousId=anonymous)).status_code == 200
    assert (await site.contact(visitor))["email"] == ADA
    assert (await site.contact(visitor))["first_name"] == "Ada"
    assert await site.rows("select contact_id from identity") == [(visitor,)]
    # Another browser that names hers gets nothing of hers.
    stolen = str(uuid4())
    theirs = {"email": ADA, "first_name": "Mallory", "phone": "+33700000001"}
    assert (await site.post(fields=theirs, anonymousId=stolen)).status_code == 200
    assert (await site.contact(visitor)).get("phone") is None
    assert (await site.contact(visitor))["first_name"] == "Ada"
    assert await site.rows("select anonymous_id from identity") == [(anonymous,)]
    assert [each for each, _ in await site.submitted()].count(visitor) == 2


async def test_a_browser_that_is_new_is_linked_to_the_contact_it_makes(site: Site) -> None:
    anonymous = str(uuid4())
    assert (await site.post(fields={"email": ADA}, anonymousId=anonymous)).status_code == 200
    [(contact, _)] = await site.submitted()
    assert await site.rows("select anonymous_id, contact_id from identity") == [
        (anonymous, contact)
    ]


async def _link(site: Site, anonymous: str, contact: UUID) -> None:
    async with site.pool.connection() as conn:
        await conn.execute("insert into identity values (%s, %s)", (anonymous, contact))


async def test_an_erased_contact_leaves_nothing_of_its_forms(site: Site) -> None:
    assert (await site.send(email=ADA, first_name="Ada")).status_code == 200
    [(contact, _)] = await site.submitted()
    async with site.pool.connection() as conn:
        await erase(conn, contact)
    for table in ("event", "contact", "consent_record", "topic_state", "rejected_item"):
        assert await site.rows(f"select 1 from {table} t where t::text like '%%ada@%%'") == []
