"""Pages behind links: what each act changes and records, and what changes nothing."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from dataclasses import dataclass
from html.parser import HTMLParser
from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest
from psycopg import AsyncConnection
from psycopg_pool import AsyncConnectionPool
from pydantic import SecretStr

from infra.settings import Settings
from journeys.links.tokens import LinkKeys, LinkKind
from tests.support.api import serving
from tests.support.engine import accept, activate, make_contact
from tests.support.erasing import erase
from tests.support.servers import Servers

Pool = AsyncConnectionPool[AsyncConnection[Any]]
KEY = "k" * 32
FORM = {"Content-Type": "application/x-www-form-urlencoded"}
ONE_CLICK = b"List-Unsubscribe=One-Click"
BRAND = """
brand: default
name: Acme & Sons
logo: https://cdn.acme.test/logo.png
colour: "#0a5"
address: |
  Acme Ltd
  1 High Street, London
"""
TOPICS = """
topic: offers
name: Offers
default: opt_in
---
topic: news
name: News
default: double
---
topic: tips
name: <b>Tips</b> {brand}
default: opt_out
"""
PATHS: dict[LinkKind, str] = {
    "unsubscribe": "u", "preferences": "p", "confirm": "c", "view": "v",
}  # fmt: skip


@dataclass
class Site:
    """The pages of an installation, as the reader of one message sees them."""

    pool: Pool
    client: httpx.AsyncClient
    contact: UUID

    async def message(self, topic: str | None = "offers", channel: str = "email") -> UUID:
        """A message that was sent to the address that the contact has now."""
        message = uuid4()
        async with self.pool.connection() as conn:
            await conn.execute(
                "insert into message (id, run_id, visit, step, contact_id, channel, topic, state,"
                " token, address) select %s, %s, 1, 'mail', id, %s, %s, 'sent', '',"
                " case when %s = 'email' then email else phone end from contact where id = %s",
                (message, uuid4(), channel, topic, channel, self.contact),
            )
        return message

    async def rows(self, query: str, *values: Any) -> list[tuple[Any, ...]]:
        async with self.pool.connection() as conn:
            return await (await conn.execute(query.encode(), values)).fetchall()

    async def states(self) -> dict[str, str]:
        """The recorded consents by topic and by channel."""
        return dict(
            await self.rows(
                "select topic, state from topic_state union all"
                " select channel, state from channel_state"
            )
        )

    async def everything(self) -> list[Any]:
        """All that a page could change."""
        tables = ("topic_state", "channel_state", "consent_record", "event", "outbox",
                  "suppression", "message", "contact")  # fmt: skip
        return [
            await self.rows(f"select to_jsonb(t) from {table} t order by 1") for table in tables
        ]


def path(kind: LinkKind, message: UUID, key: str = KEY) -> str:
    return f"/{PATHS[kind]}/{LinkKeys([key]).token(kind, message)}"


@pytest.fixture
async def site(settings: Settings, pool: Pool) -> AsyncIterator[Site]:
    settings = settings.model_copy(
        update={
            "public_url": "https://mail.acme.test",
            "link_keys": (SecretStr(KEY),),
            "consent_address": "keep",
        }
    )
    await activate(pool, BRAND + "---" + TOPICS)
    contact = await make_contact(pool, email="ada@example.com", phone="+33612345678")
    await accept(pool, contact, "Topic Subscribed", {"topic": "offers"})
    with serving(settings) as url:
        async with httpx.AsyncClient(base_url=url, headers={"Accept": "text/html"}) as client:
            yield Site(pool, client, contact)


class Outline(HTMLParser):
    """The parts of a page that a reader, or a screen reader, meets."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.texts: dict[str, list[str]] = {}
        self._open: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag not in ("meta", "input", "img", "br"):
            self._open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self._open.pop() == tag

    def handle_data(self, data: str) -> None:
        for tag in self._open:
            self.texts.setdefault(tag, []).append(data)

    def text(self, tag: str) -> str:
        return "".join(self.texts.get(tag, [])).strip()


async def test_reading_a_page_changes_nothing(site: Site) -> None:
    before = None
    for topic in ("offers", "news", None):
        message = await site.message(topic)
        before = await site.everything()
        for kind in PATHS:
            for method in ("GET", "HEAD", "GET", "HEAD"):
                answer = await site.client.request(
                    method, path(kind, message), headers={"Sec-Purpose": "prefetch"}
                )
                assert answer.status_code in (200, 404, 410)
        assert await site.everything() == before


async def test_a_reader_leaves_a_topic_and_undoes_it(site: Site) -> None:
    message = await site.message()
    url = path("unsubscribe", message)
    shown = await site.client.get(url)
    assert "You receive “<bdi>Offers</bdi>” from <bdi>Acme &amp; Sons</bdi>" in shown.text
    assert "ada@example.com" not in shown.text
    left = await site.client.post(url, data={"action": "topic"})
    assert left.status_code == 200
    assert Outline(left.text).text("h1") == "You are unsubscribed"
    assert await site.states() == {"offers": "unsubscribed"}
    again = await site.client.post(url, data={"action": "topic"})
    assert Outline(again.text).text("h1") == "You are unsubscribed"
    assert len(await site.rows("select 1 from event where name = 'Topic Unsubscribed'")) == 1
    # Another visit shows where things stand, and offers the way back.
    assert 'value="undo"' in (await site.client.get(url)).text
    undone = await site.client.post(url, data={"action": "undo"})
    assert Outline(undone.text).text("h1") == "You are subscribed again"
    assert await site.states() == {"offers": "subscribed"}
    refused = await site.client.post(url, data={"action": "undo"})
    assert "This can no longer be undone here" in refused.text
    assert await site.rows(
        "select topic, channel, address, previous, state, source, request_address, message_id"
        " from consent_record where source = 'page' order by id"
    ) == [
        ("offers", channel, address, before, after, "page", "127.0.0.1", message)
        for before, after in (("subscribed", "unsubscribed"), ("unsubscribed", "subscribed"))
        for channel, address in (("email", "ada@example.com"), ("sms", "+33612345678"))
    ]
    [(text,)] = await site.rows(
        "select distinct text from consent_record where source = 'page' and state = 'unsubscribed'"
    )
    assert text == (
        "You receive “Offers” from Acme & Sons at a•••@example.com. Would you like to stop it? "
        "Stop “Offers”"
    )
    [(properties,)] = await site.rows(
        "select properties from event where name = 'Topic Unsubscribed'"
    )
    assert properties == {"topic": "offers", "message_id": str(message), "step": "mail"}


async def test_the_language_of_a_reader_who_sends_a_form_is_the_locale_until_it_is_said(
    site: Site,
) -> None:
    french = {"Accept-Language": "fr-CA,fr;q=0.8,en;q=0.5"}
    one_click = path("unsubscribe", await site.message())
    await site.client.post(one_click, content=ONE_CLICK, headers={**FORM, **french})
    url = path("unsubscribe", await site.message("tips"))
    await site.client.get(url, headers=french)
    query = "select locale, derived from contact"
    # Neither a mail program's click nor a page that is only read says one.
    assert await site.rows(query) == [(None, {})]
    await site.client.post(url, data={"action": "topic"}, headers=french)
    await site.client.post(url, data={"action": "undo"}, headers={"Accept-Language": "de"})
    assert await site.rows(query) == [("fr-CA", {"locale": "page"})]
    assert await site.rows("select properties from event where name = 'Contact Changed'") == [
        ({"names": ["locale"], "changes": {"locale": [None, "fr-CA"]}},)
    ]


async def test_everything_is_the_channel_and_stands_above_topics(site: Site) -> None:
    for channel, words in (("email", "no longer receive e-mail"), ("sms", "text messages")):
        url = path("unsubscribe", await site.message(channel=channel))
        left = await site.client.post(url, data={"action": "channel"})
        assert words in Outline(left.text).text("p")
        assert await site.states() == {"offers": "subscribed", channel: "unsubscribed"}
        await site.client.post(url, data={"action": "undo"})
        assert await site.states() == {"offers": "subscribed", channel: "subscribed"}
        await site.rows("delete from channel_state returning 1")


@pytest.mark.parametrize(
    ("content_type", "body"),
    [
        ("application/x-www-form-urlencoded", ONE_CLICK),
        ("application/x-www-form-urlencoded; charset=UTF-8", ONE_CLICK + b"&x=%00"),
        (
            "multipart/form-data; boundary=b",
            b'--b\r\nContent-Disposition: form-data; name="List-Unsubscribe"\r\n\r\n%s\r\n--b--\r\n'
            % b"One-Click",
        ),
        (
            'Multipart/Form-Data; charset=utf-8; Boundary="b c"',
            (
                b"preamble\n--b c\ncontent-type: text/plain\n"
                b"content-disposition: form-data; name=List-Unsubscribe\n\nOne-Click\n--b c--\n"
            ),
        ),
    ],
)
async def test_one_click_unsubscribes_at_once(site: Site, content_type: str, body: bytes) -> None:
    message = await site.message()
    url = path("unsubscribe", message)
    for _ in range(2):
        answer = await site.client.post(url, content=body, headers={"Content-Type": content_type})
        assert answer.status_code == 200
        assert "set-cookie" not in answer.headers
    assert await site.states() == {"offers": "unsubscribed"}
    assert await site.rows(
        "select distinct source, text, message_id from consent_record where state = 'unsubscribed'"
    ) == [("one_click", "List-Unsubscribe=One-Click", message)]


async def test_one_click_without_a_topic_leaves_the_channel(site: Site) -> None:
    url = path("unsubscribe", await site.message(topic=None))
    assert 'value="topic"' not in (await site.client.get(url)).text
    await site.client.post(url, content=ONE_CLICK, headers=FORM)
    assert await site.states() == {"offers": "subscribed", "email": "unsubscribed"}


async def test_preferences_are_chosen_among_topics_and_channels(site: Site) -> None:
    url = path("preferences", await site.message())
    shown = Outline((await site.client.get(url)).text)
    boxes = {
        (box["name"], box["value"]): "checked" in box
        for tag, box in shown.tags
        if tag == "input" and box.get("type") == "checkbox"
    }
    assert boxes == {
        ("topic", "offers"): True, ("topic", "news"): False, ("topic", "tips"): True,
        ("channel", "email"): True, ("channel", "sms"): True,
    }  # fmt: skip
    assert "<b>Tips</b> {brand}" in shown.text("label")
    form = {
        "action": "save",
        "shown_topic": ["offers", "news", "tips", "unknown"], "topic": ["news", "unknown"],
        "shown_channel": ["email", "sms", "fax"], "channel": ["email", "fax"],
    }  # fmt: skip
    saved = Outline((await site.client.post(url, data=form)).text)
    assert "Your preferences are saved" in saved.text("p")
    assert saved.text("small") == "waiting for your confirmation"
    assert await site.states() == {
        "offers": "unsubscribed", "news": "pending", "tips": "unsubscribed", "sms": "unsubscribed",
    }  # fmt: skip
    before = await site.everything()
    await site.client.post(url, data=form)
    assert await site.everything() == before


async def test_a_topic_that_was_not_shown_stays_as_it_is(site: Site) -> None:
    url = path("preferences", await site.message())
    form = {"action": "save", "shown_topic": "news", "shown_channel": "sms", "channel": "sms"}
    await site.client.post(url, data=form)
    assert await site.states() == {"offers": "subscribed"}


async def test_a_confirmation_is_for_the_address_that_the_message_went_to(site: Site) -> None:
    await accept(site.pool, site.contact, "Topic Subscribed", {"topic": "news"})
    message = await site.message("news")
    url = path("confirm", message)
    asked = Outline((await site.client.get(url)).text)
    assert asked.text("h1") == "Confirm your subscription"
    assert (await site.states())["news"] == "pending"
    done = Outline((await site.client.post(url, data={"action": "confirm"})).text)
    assert done.text("h1") == "Thank you"
    assert (await site.states())["news"] == "subscribed"
    assert await site.rows(
        "select confirmed_email, confirmed_phone from topic_state where topic = 'news'"
    ) == [("ada@example.com", None)]
    assert await site.rows(
        "select channel, address, previous, state, text, message_id from consent_record"
        " where source = 'confirmation'"
    ) == [
        ("email", "ada@example.com", "pending", "subscribed",
         asked.text("p") + " Yes, I would like to", message)
    ]  # fmt: skip
    before = await site.everything()
    await site.client.post(url, data={"action": "confirm"})
    # A later visit says that it is done, and does not ask again.
    again = await site.client.get(url)
    assert Outline(again.text).text("h1") == "Thank you"
    assert "<button" not in again.text
    assert await site.everything() == before


async def test_a_link_to_a_former_address_confirms_nothing_and_says_so(site: Site) -> None:
    await accept(site.pool, site.contact, "Topic Subscribed", {"topic": "news"})
    url = path("confirm", await site.message("news"))
    await site.rows("update contact set email = 'new@example.com' returning 1")
    before = await site.everything()
    for answer in (
        await site.client.get(url), await site.client.post(url, data={"action": "confirm"})
    ):  # fmt: skip
        assert Outline(answer.text).text("h1") == "Nothing was confirmed"
        assert "<button" not in answer.text
    assert await site.everything() == before
    # Case does not make another mailbox.
    await site.rows("update contact set email = 'ADA@example.com' returning 1")
    await site.client.post(url, data={"action": "confirm"})
    assert (await site.states())["news"] == "subscribed"


async def test_undoing_restores_a_confirmed_topic_and_no_more(site: Site) -> None:
    await accept(site.pool, site.contact, "Topic Subscribed", {"topic": "news"})
    message = await site.message("news")
    url = path("unsubscribe", message)
    # Not confirmed yet: it waits again.
    await site.client.post(url, data={"action": "topic"})
    await site.client.post(url, data={"action": "undo"})
    assert (await site.states())["news"] == "pending"
    await site.client.post(path("confirm", message), data={"action": "confirm"})
    await site.client.post(url, data={"action": "topic"})
    await site.client.post(url, data={"action": "undo"})
    assert (await site.states())["news"] == "subscribed"
    # Another message's link undoes nothing.
    await site.client.post(url, content=ONE_CLICK, headers=FORM)
    other = path("unsubscribe", await site.message("news"))
    assert 'value="undo"' not in (await site.client.get(other)).text
    await site.client.post(other, data={"action": "undo"})
    assert (await site.states())["news"] == "unsubscribed"


async def test_undoing_at_another_address_asks_for_confirmation(site: Site) -> None:
    await accept(site.pool, site.contact, "Topic Confirmed", {"topic": "news"})
    url = path("unsubscribe", await site.message("news"))
    await site.client.post(url, data={"action": "topic"})
    await site.rows("update contact set email = 'new@example.com' returning 1")
    await site.client.post(url, data={"action": "undo"})
    assert (await site.states())["news"] == "pending"


async def test_links_that_are_not_genuine_are_refused(site: Site) -> None:
    message = await site.message()
    before = await site.everything()
    good = path("unsubscribe", message)
    changed = good[:-3] + ("A" if good[-3] != "A" else "B") + good[-2:]
    wrong = [
        changed, good + "A", good[:-1], "/u/x", "/u/" + "é" * 42, "/u/%00", "/u/" + "a" * 101,
        path("unsubscribe", message, "f" * 32),
        good.replace("/u/", "/p/"), good.replace("/u/", "/c/"), good.replace("/u/", "/v/"),
        path("preferences", message).replace("/p/", "/u/"),
    ]  # fmt: skip
    for each in wrong:
        for answer in (
            await site.client.get(each),
            await site.client.post(each, content=ONE_CLICK, headers=FORM),
        ):
            assert answer.status_code in (404, 405), each
            if answer.status_code == 404:
                assert Outline(answer.text).text("h1") == "This link does not work"
    assert await site.everything() == before


async def test_the_link_of_a_removed_message_has_expired(site: Site) -> None:
    message = await site.message()
    async with site.pool.connection() as conn, conn.transaction():
        await erase(conn, site.contact)
    for each in (message, uuid4()):
        for kind in PATHS:
            answer = await site.client.get(path(kind, each))
            assert answer.status_code == 410
            assert Outline(answer.text).text("h1") == "This link has expired"
        answer = await site.client.post(path("unsubscribe", each), content=ONE_CLICK, headers=FORM)
        assert answer.status_code == 410


PARTS_WITHIN_PARTS = b"".join(
    b"--%d\r\nContent-Type: multipart/mixed; boundary=%d\r\n\r\n" % (level, level + 1)
    for level in range(1_000)
)


@pytest.mark.parametrize(
    ("body", "headers", "status"),
    [
        (b"", FORM, 400),
        (b"action=delete", FORM, 400),
        (b"\xff\xfe", FORM, 400),
        (b"a=b&" * 1001 + b"action=topic", FORM, 400),
        (b'{"action": "topic"}', {"Content-Type": "application/json"}, 400),
        (b"action=topic", {"Content-Type": "multipart/form-data"}, 400),
        (b"--b\r\n\r\n", {"Content-Type": "multipart/form-data; boundary=b"}, 400),
        (PARTS_WITHIN_PARTS, {"Content-Type": "multipart/form-data; boundary=0"}, 400),
        (b"--0", {"Content-Type": f"multipart/form-data; boundary*{'9' * 5000}*=0"}, 400),
        (b"x" * (64 * 1024 + 1), FORM, 413),
        (b"action=topic", {**FORM, "Content-Encoding": "br"}, 415),
    ],
)
async def test_a_form_that_says_nothing_changes_nothing(
    site: Site, body: bytes, headers: dict[str, str], status: int
) -> None:
    message = await site.message()
    before = await site.everything()
    answer = await site.client.post(path("unsubscribe", message), content=body, headers=headers)
    assert (answer.status_code, answer.headers["content-type"][:9]) == (status, "text/html")
    assert await site.everything() == before


async def test_a_gateway_may_add_to_the_address(site: Site) -> None:
    url = path("unsubscribe", await site.message())
    assert (await site.client.get(f"{url}?utm_source=x&fbclid=%00")).status_code == 200


async def test_pages_are_strict_about_what_they_load_and_tell(site: Site) -> None:
    message = await site.message()
    for each in (*(path(kind, message) for kind in PATHS), "/u/wrong"):
        answer = await site.client.get(each)
        head = answer.headers
        policy = dict(
            part.strip().partition(" ")[::2] for part in head["content-security-policy"].split(";")
        )
        assert policy["default-src"] == policy["base-uri"] == "'none'"
        assert policy["frame-ancestors"] == "'none'"
        assert policy["form-action"] == "'self'"
        assert "unsafe" not in head["content-security-policy"]
        assert policy.get("img-src", "https://cdn.acme.test") == "https://cdn.acme.test"
        assert head["referrer-policy"] == "no-referrer"
        assert head["x-robots-tag"] == "noindex, nofollow"
        assert head["cache-control"] == "no-store"
        assert "set-cookie" not in head
        outline = Outline(answer.text)
        assert not {tag for tag, _ in outline.tags} & {"script", "iframe", "object", "link"}
        for _, attributes in outline.tags:
            assert not [name for name in attributes if name.startswith("on") or name == "style"]


async def test_pages_have_what_assistive_software_needs(site: Site) -> None:
    message = await site.message()
    for kind in PATHS:
        outline = Outline((await site.client.get(path(kind, message))).text)
        tags = [tag for tag, _ in outline.tags]
        assert tags.count("h1") == tags.count("main") == tags.count("title") == 1
        assert ("html", {"lang": "en", "dir": "ltr"}) in outline.tags
        for tag, attributes in outline.tags:
            if tag == "img":
                assert attributes["alt"] == "Acme & Sons"
        boxes = [each for tag, each in outline.tags if each.get("type") == "checkbox"]
        assert tags.count("label") == len(boxes)
        assert tags.count("fieldset") == tags.count("legend") == (2 if boxes else 0)


@pytest.mark.parametrize(
    ("locale", "accepted", "title"),
    [
        ("fr-CA", "de", "Se désabonner"), (None, "de-AT,en;q=0.5", "Abbestellen"),
        (None, "nl, es;q=0.9, fr;q=0.95", "Se désabonner"), ("ro", "", "Dezabonare"),
        (None, "xx;q=a,;;;,it;q=0.1", "Annullare l’iscrizione"), ("nl", "", "Unsubscribe"),
    ],
)  # fmt: skip
async def test_pages_speak_the_contacts_language(
    site: Site, locale: str | None, accepted: str, title: str
) -> None:
    await site.rows("update contact set locale = %s returning 1", locale)
    answer = await site.client.get(
        path("unsubscribe", await site.message()), headers={"Accept-Language": accepted}
    )
    assert Outline(answer.text).text("h1") == title
    assert answer.headers["content-language"] in answer.text


async def test_a_brand_has_its_own_texts_and_escapes_them(site: Site) -> None:
    await activate(
        site.pool,
        "brand: club\nname: <script>alert(1)</script>\ntexts:\n"
        "  en: {unsubscribe_title: '<img src=x> {brand}'}\n---\n"
        "topic: club\nname: '\u202eClub'\ndefault: opt_out\nbrand: club\n",
    )
    text = (await site.client.get(path("unsubscribe", await site.message("club")))).text
    assert "<script>" not in text
    assert "<img" not in text
    assert "<h1>&lt;img src=x&gt; <bdi>&lt;script&gt;alert(1)&lt;/script&gt;</bdi></h1>" in text
    assert "<bdi>\u202eClub</bdi>" in text


async def test_a_choice_that_cannot_be_saved_is_not_said_to_be(
    site: Site, servers: Servers
) -> None:
    url = path("unsubscribe", await site.message())
    async with site.pool.connection() as conn:
        name = conn.info.dbname
    async with await AsyncConnection.connect(servers.postgres_url, autocommit=True) as admin:
        await admin.execute(f'alter database "{name}" allow_connections false'.encode())
        await admin.execute(
            "select pg_terminate_backend(pid) from pg_stat_activity where datname = %s", (name,)
        )
        answer = await site.client.post(url, content=ONE_CLICK, headers=FORM, timeout=30)
        await admin.execute(f'alter database "{name}" allow_connections true'.encode())
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "30")
    assert Outline(answer.text).text("h1") == "Please try again in a moment"
    await site.pool.check()
    assert await site.states() == {"offers": "subscribed"}


async def test_the_masked_address_tells_no_stranger_who_it_is(site: Site) -> None:
    await site.rows("update contact set email = 'a@example.com' returning 1")
    for channel, shown in (("email", "a•••@example.com"), ("sms", "+33•••78")):
        message = await site.message(channel=channel)
        text = (await site.client.get(path("preferences", message))).text
        assert shown in text
        assert not re.search(r"12345678|\d{6}", re.sub(r"<style>.*?</style>", "", text, flags=re.S))
