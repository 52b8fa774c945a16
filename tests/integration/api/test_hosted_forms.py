"""Forms: what a submission records, of whom, and what a stranger cannot do with one."""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest
from psycopg import AsyncConnection
from psycopg_pool import AsyncConnectionPool
from pydantic import SecretStr

from api.public.form_robots import FORM_LIMIT, NETWORK_LIMIT, FormRates
from infra.settings import Settings
from journeys.links.form_stamps import FormStamp
from journeys.links.tokens import LinkKeys
from store.operations.api_keys import create_key
from tests.support.api import serving
from tests.support.engine import accept, activate, make_contact
from tests.support.erasing import erase

Pool = AsyncConnectionPool[AsyncConnection[Any]]
KEY = "k" * 32
ADA = "ada@example.com"
DOCUMENTS = """
brand: default
name: Acme & Sons
logo: https://cdn.acme.test/logo.png
colour: "#0b6e4f"
---
topic: news
name: Newsletter
default: double
---
form: sign-up
title: Our <letter>
intro: |
  One letter a week.
  No noise.
topic: news
consent: Yes, send me the letter.
fields:
  - {name: email, label: E-mail, type: email, required: true}
  - {name: first_name, label: First name, hint: As on the letter}
  - {name: phone, label: Phone, type: phone}
  - {name: gift, label: Send me a gift, type: checkbox}
locales:
  fr:
    title: Notre lettre
    consent: Oui, envoyez-moi la lettre.
    thanks: {text: "C'est fait."}
    fields: {first_name: {label: Prénom}}
---
form: quote
language: de
thanks: {url: "https://www.acme.test/danke?x=1"}
frames: ["https://www.acme.test", "https://shop.acme.test:8443"]
fields:
  - {name: email, label: E-Mail, type: email}
  - {name: size, label: Größe, type: choice, options: [small, large], required: true}
  - {name: message, label: Nachricht, lines: 4, keep: event}
---
form: boxed
topic: news
consent_box: required
fields: [{name: email, label: E-mail, type: email, required: true}]
---
form: offered
topic: news
consent_box: optional
fields: [{name: email, label: E-mail, type: email, required: true}]
"""
HTML = {"Accept": "text/html", "Accept-Language": "en-GB,en;q=0.8"}


def stamp(form: str, age: float = 60.0, key: str = KEY) -> str:
    """The stamp of a form that was shown some seconds ago."""
    return FormStamp.new(time.time() - age).text(LinkKeys([key]), form)


@dataclass
class Site:
    """The forms of an installation, as strangers see them."""

    pool: Pool
    client: httpx.AsyncClient

    async def rows(self, query: str, *values: Any) -> list[tuple[Any, ...]]:
        async with self.pool.connection() as conn:
            return await (await conn.execute(query.encode(), values)).fetchall()

    async def send(self, form: str = "sign-up", **fields: str) -> httpx.Response:
        """Post a form as a page without scripts does."""
        given = {"_stamp": stamp(form), **fields}
        return await self.client.post(f"/f/{form}", data=given)

    async def post(self, form: str = "sign-up", **body: Any) -> httpx.Response:
        """Post a form as a script does."""
        return await self.client.post(f"/f/{form}", json={"stamp": stamp(form), **body})

    async def submitted(self) -> list[tuple[UUID, dict[str, Any]]]:
        return await self.rows(
            "select contact_id, properties from event where name = 'Form Submitted' order by id"
        )

    async def contact(self, contact: UUID) -> dict[str, Any]:
        [(row,)] = await self.rows("select to_jsonb(c) from contact c where id = %s", contact)
        return {
            **{name: row[name] for name in ("email", "phone", "locale") if row[name] is not None},
            **row["attributes"],
        }

    async def consents(self) -> list[tuple[Any, ...]]:
        """The records of consents, oldest first."""
        return await self.rows(
            "select contact_id, topic, state, channel, address, source, text, request_address"
            " from consent_record order by id"
        )


@pytest.fixture
async def site(settings: Settings, pool: Pool) -> AsyncIterator[Site]:
    settings = settings.model_copy(
        update={
            "public_url": "https://mail.acme.test",
            "link_keys": (SecretStr(KEY),),
            "consent_address": "keep",
        }
    )
    await activate(pool, DOCUMENTS)
    with serving(settings) as url:
        async with httpx.AsyncClient(base_url=url, headers=HTML, timeout=30) as client:
            yield Site(pool, client)


async def test_the_page_of_a_form_says_what_it_needs(site: Site) -> None:
    page = await site.client.get("/f/sign-up")
    assert page.status_code == 200
    text = page.text
    assert '<html lang="en" dir="ltr">' in text
    assert "<h1>Our &lt;letter&gt;</h1>" in text
    assert "One letter a week.<br>No noise." in text
    assert '<label for="f-email">E-mail</label>' in text
    assert '<label for="f-phone">Phone <small>(optional)</small></label>' in text
    assert 'aria-describedby="f-first_name-hint" autocomplete="given-name"' in text
    assert "Yes, send me the letter." in text
    assert '<img src="https://cdn.acme.test/logo.png" alt="Acme &amp; Sons">' in text
    assert "#0b6e4f" in text
    assert "<script" not in text
    policy = page.headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "frame-ancestors 'none'" in policy
    assert page.headers["x-frame-options"] == "DENY"
    assert page.headers["cache-control"] == "no-store"
    head = await site.client.head("/f/sign-up")
    assert (head.status_code, head.content) == (200, b"")
    for unknown in ("none", "sign-up%00", "x" * 64):
        missing = await site.client.get(f"/f/{unknown}")
        assert missing.status_code == 404
        assert "There is no form here" in missing.text
    assert await site.submitted() == []


async def test_a_page_speaks_the_visitors_language(site: Site) -> None:
    french = {"Accept-Language": "fr-CA,fr;q=0.8,en;q=0.5"}
    page = await site.client.get("/f/sign-up", headers=french)
    assert page.headers["content-language"] == "fr"
    assert "Notre lettre" in page.text
    assert "Prénom <small>(facultatif)</small>" in page.text
    asked = await site.client.get("/f/sign-up?lang=fr&utm_source=x")
    assert "Notre lettre" in asked.text
    # What its author wrote is German, so the rest of the page is, too.
    german = await site.client.get("/f/quote", headers=french)
    assert german.headers["content-language"] == "de"
    assert "Bitte wählen" in german.text
    data = {"_stamp": stamp("sign-up"), "_lang": "fr", "email": ADA}
    done = await site.client.post("/f/sign-up", data=data, headers=french)
    assert "<h1>Merci</h1>" in done.text
    assert "C&#x27;est fait." in done.text
    [(contact, _)] = await site.submitted()
    assert await site.contact(contact) == {"email": ADA, "locale": "fr-CA", "gift": False}
    assert [row[6] for row in await site.consents()] == ["Oui, envoyez-moi la lettre. Envoyer"]


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


async def test_what_is_wrong_stands_beside_its_field_and_what_was_typed_is_kept(
    site: Site,
) -> None:
    answer = await site.send(email="ada@", first_name='<"Ada">', phone="0612", gift="on")
    assert answer.status_code == 422
    text = answer.text
    assert 'value="ada@"' in text
    assert 'value="&lt;&quot;Ada&quot;&gt;"' in text
    assert re.search(r'<input type="checkbox" value="on"[^>]* checked>', text)
    assert (
        '<p class="error" id="f-email-error">'
        "Please give an e-mail address such as ada@example.com.</p>"
    ) in text
    assert 'aria-invalid="true" aria-describedby="f-email-error" autofocus' in text
    assert '<a href="#f-phone">Phone</a>: Please give a phone number with +' in text
    assert 'role="alert"' in text
    assert await site.submitted() == []
    # The page that came back is sent again, corrected, with the stamp that it holds.
    found = re.search('name="_stamp" value="([^"]+)"', text)
    assert found is not None
    data = {"_stamp": found[1], "email": ADA}
    assert (await site.client.post("/f/sign-up", data=data)).status_code == 200
    assert len(await site.submitted()) == 1


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


@pytest.mark.parametrize(
    ("fields", "status", "code", "words"),
    [
        ({"_website": "x"}, 403, "robot_hidden", "a hidden field, which people leave empty"),
        ({"_stamp": "now"}, 409, "robot_soon", "That was very quick."),
        ({"_stamp": stamp("quote")}, 403, "robot_forged", "send them once more"),
        ({"_stamp": stamp("sign-up", key="x" * 32)}, 403, "robot_forged", "send them once more"),
        ({"_stamp": stamp("sign-up", 90_000)}, 409, None, "send them once more"),
        ({"_stamp": ""}, 409, None, "send them once more"),
    ],
)
async def test_a_robot_is_refused_and_a_person_sends_once_more(
    site: Site, fields: dict[str, str], status: int, code: str | None, words: str
) -> None:
    if fields.get("_stamp") == "now":
        # By a clock that is ahead, so that a slow machine is not too late.
        fields = {"_stamp": stamp("sign-up", -30)}
    answer = await site.send(email=ADA, first_name="Ada", **fields)
    assert answer.status_code == status
    assert words in answer.text
    assert f'value="{ADA}"' in answer.text
    assert await site.submitted() == []
    assert await site.rows("select 1 from contact") == []
    kept = await site.rows("select name, code, source, body, whole from rejected_item")
    expected = [("Form Submitted", code, "form", '{"form":"sign-up"}', False)] if code else []
    assert kept == expected
    # The page that came back holds everything but what was wrong.
    found = re.search('name="_stamp" value="([^"]+)"', answer.text)
    assert found is not None
    typed = re.search(r'<input type="text" value="Ada"[^>]* name="first_name"', answer.text)
    assert typed is not None
    assert 'name="_website" type="text" tabindex="-1" autocomplete="off">' in answer.text


async def test_a_network_that_sends_too_many_is_asked_to_wait(site: Site) -> None:
    answers = [await site.send(email=f"a{n}@example.com") for n in range(NETWORK_LIMIT + 3)]
    statuses = [answer.status_code for answer in answers]
    # The minute may have turned in between.
    assert 200 in statuses
    if 429 in statuses:
        first = statuses.index(429)
        assert first <= NETWORK_LIMIT
        assert answers[first].headers["retry-after"] == "60"
        assert "Please wait a minute" in answers[first].text
        assert 'value="a' in answers[first].text
    assert len(await site.submitted()) == statuses.count(200)


def test_rates_are_by_network_and_by_form_in_a_bounded_memory(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    now = [1_000.0]
    monkeypatch.setattr(time, "monotonic", lambda: now[0])
    rates = FormRates()
    taken = [rates.allow("a", "192.0.2.1") for _ in range(NETWORK_LIMIT + 5)]
    assert taken == [True] * NETWORK_LIMIT + [False] * 5
    assert rates.allow("a", "192.0.2.2")
    # One subscriber has 64 bits of addresses in IPv6.
    six = [rates.allow("b", f"2001:db8::{n:x}") for n in range(NETWORK_LIMIT + 1)]
    assert six == [True] * NETWORK_LIMIT + [False]
    assert rates.allow("b", "2001:db8:1::1")
    # What a refused network sends does not use up what the form may take from others.
    for n in range(FORM_LIMIT - NETWORK_LIMIT - 1):
        assert rates.allow("a", f"10.0.{n // 250}.{n % 250}")
    assert not rates.allow("a", "10.9.0.1")
    assert rates.allow("b", "10.9.0.2")
    now[0] += 60
    assert rates.allow("a", "192.0.2.1")
    for n in range(60_000):
        rates.allow("a", f"10.{n // 60_000}.{n // 250 % 250}.{n % 250}x{n}")
    assert len(rates._counts) <= 50_002


async def test_a_frame_is_allowed_to_the_origins_that_the_form_names(site: Site) -> None:
    page = await site.client.get("/f/quote")
    policy = page.headers["content-security-policy"]
    assert "frame-ancestors https://www.acme.test https://shop.acme.test:8443;" in policy
    assert "x-frame-options" not in page.headers
    # A browser follows the answer to a form only to where its page may lead.
    assert "form-action 'self' https://www.acme.test;" in policy


async def test_a_form_may_lead_to_another_page_and_keep_a_field_in_the_event(site: Site) -> None:
    sent = await site.send("quote", size="large", message="Hello\r\nthere")
    assert sent.status_code == 303
    assert sent.headers["location"] == "https://www.acme.test/danke?x=1"
    [(contact, properties)] = await site.submitted()
    assert properties == {"form": "quote", "size": "large", "message": "Hello\nthere"}
    assert await site.contact(contact) == {"size": "large", "locale": "en-GB"}
    assert await site.consents() == []
    answered = await site.post("quote", fields={"size": "small"})
    assert answered.json() == {"thanks": {"url": "https://www.acme.test/danke?x=1"}}


async def test_a_box_decides_about_the_consent(site: Site) -> None:
    refused = await site.send("boxed", email=ADA)
    assert refused.status_code == 422
    assert 'id="f-_consent-error"' in refused.text
    assert (await site.send("boxed", email=ADA, _consent="on")).status_code == 200
    [record] = await site.consents()
    assert record[6] == "Yes, Acme & Sons may send me “Newsletter”. I can stop it at any time."
    assert (await site.send("offered", email="ben@example.com")).status_code == 200
    assert len(await site.consents()) == 1
    assert len(await site.submitted()) == 2


async def test_a_script_gets_what_it_needs_and_reads_what_is_wrong(site: Site) -> None:
    json = {"Accept": "application/json", "Origin": "https://shop.test"}
    first = await site.client.get("/f/sign-up?lang=fr", headers=json)
    assert first.headers["access-control-allow-origin"] == "*"
    assert first.json()["wait"] == 2
    assert first.json()["failed"].startswith("Vos réponses n’ont pas pu être envoyées")
    preflight = await site.client.options(
        "/f/sign-up",
        headers={
            "Origin": "https://shop.test",
            "Access-Control-Request-Method": "POST",
            "Access-Control-Request-Headers": "content-type",
        },
    )
    assert preflight.status_code == 204
    early = stamp("sign-up", -30)
    soon = await site.client.post("/f/sign-up", json={"fields": {"email": ADA}, "stamp": early})
    assert (soon.status_code, soon.json()["code"]) == (409, "robot_soon")
    # The form was shown once: it is sent again as the same.
    assert soon.json()["stamp"] == early
    assert soon.json()["wait"] >= 30
    wrong = await site.post(fields={"email": "ada", "phone": "1"}, lang="fr")
    assert (wrong.status_code, wrong.json()["code"]) == (422, "invalid_form")
    assert [each["field"] for each in wrong.json()["errors"]] == ["email", "phone"]
    assert "adresse e-mail" in wrong.json()["errors"][0]["message"]
    bodies: list[Any] = [{}, {"fields": []}, {"fields": {"email": 3}}, []]
    for body in bodies:
        bad = await site.client.post("/f/sign-up", json=body)
        assert (bad.status_code, bad.json()["code"]) == (400, "invalid_body")
    lost = await site.client.post("/f/none", json={"fields": {}})
    assert (lost.status_code, lost.json()["code"]) == (404, "unknown_form")
    shown = await site.post(fields={"email": ADA}, text="Send me your letter, Acme!")
    assert shown.status_code == 200
    assert [row[6] for row in await site.consents()] == ["Send me your letter, Acme!"]


async def test_a_body_is_bounded_and_of_any_kind_of_form(site: Site) -> None:
    large = await site.send(email=ADA, first_name="x" * 70_000)
    assert large.status_code == 413
    parts = {"_stamp": (None, stamp("sign-up")), "email": (None, ADA)}
    multipart = await site.client.post("/f/sign-up", files=parts)
    assert multipart.status_code == 200
    junk = await site.client.post(
        "/f/sign-up", content=b"\xff\xfe", headers={"Content-Type": "text/csv"}
    )
    assert junk.status_code == 409
    assert len(await site.submitted()) == 1


async def test_forms_are_documents_like_others(site: Site) -> None:
    async with site.pool.connection() as conn:
        key = await create_key(conn, "edit")
    headers = {"Authorization": f"Bearer {key}", "Accept": "application/json"}
    listed = await site.client.get("/v1/forms", headers=headers)
    assert [each["key"] for each in listed.json()["items"]] == [
        "boxed", "offered", "quote", "sign-up",
    ]  # fmt: skip
    one = await site.client.get("/v1/forms/quote", headers=headers)
    assert one.json()["document"]["language"] == "de"
    changed = {"form": "quote", "fields": [{"name": "size", "label": "Size"}]}
    saved = await site.client.put("/v1/forms/quote", json=changed, headers=headers)
    assert (saved.status_code, saved.json()["version"]) == (200, 2), saved.text
    lacking = {**changed, "topic": "nowhere", "fields": [{"name": "email", "label": "E",
               "type": "email", "required": True}]}  # fmt: skip
    refused = await site.client.put("/v1/forms/quote", json=lacking, headers=headers)
    assert refused.status_code == 422
    assert refused.json()["errors"][0]["code"] == "unknown_topic"
    single = {"topic": "news", "default": "opt_in"}
    in_use = await site.client.put("/v1/topics/news", json=single, headers=headers)
    assert in_use.status_code == 422
    assert [each["code"] for each in in_use.json()["errors"]] == ["form_topic"]
