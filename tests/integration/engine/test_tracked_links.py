"""Links of sent messages: what is followed, and what a click does to the run that sent it."""

import re
from collections.abc import AsyncIterator
from email.message import EmailMessage
from pathlib import Path
from typing import Any

import httpx
import pytest
from pydantic import SecretStr

from devstack.inbox import Inbox
from infra.settings import Settings
from journeys.links.message_urls import decode_target
from journeys.links.targets import read_target
from tests.support.api import serving
from tests.support.conditions import eventually
from tests.support.engine import Engine
from tests.support.messages import rows
from tests.support.smtp import SmtpSink

CHROME = {"User-Agent": "Mozilla/5.0 (X11; Linux x86_64) Chrome/142.0.0.0 Safari/537.36"}
HTML = (
    '<body><a href="https://shop.example/{{ entry.product }}?a=1&amp;b=2#top">one</a>'
    '<a href="https://shop.example/two?utm_source=own">two</a>'
    '<a href="https://shop.example/plain" data-track="off">plain</a></body>'
)
JOURNEY = """
journey: links
entry: {{event: Begun}}
re_entry: always
defaults: {defaults}
steps:
  - id: mail
    email: {{subject: Hi, topic: news, html: '{html}', text: 'See https://shop.example/text.'{own}}}
{rest}
"""
WAIT = """
  - id: clicked
    wait: {message: mail, is: clicked, where: {url: "https://shop.example/shoes?a=1&b=2#top"}}
"""


def journey(defaults: str = "{}", own: str = "", rest: str = "") -> str:
    own = f", {own}" if own else ""
    return JOURNEY.format(defaults=defaults, html=HTML, own=own, rest=rest)


@pytest.fixture
def engine_settings(engine_settings: Settings, tmp_path: Path) -> Settings:
    return engine_settings.model_copy(
        update={
            "public_url": "https://links.example",
            "link_keys": (SecretStr("k" * 32),),
            "spool": tmp_path / "spool",
        }
    )


@pytest.fixture
async def reader(engine_settings: Settings) -> AsyncIterator[httpx.AsyncClient]:
    with serving(engine_settings) as url:
        async with httpx.AsyncClient(base_url=url, headers=CHROME, timeout=20) as client:
            yield client


async def mail_of(engine: Engine, sink: SmtpSink, text: str, **contact: Any) -> EmailMessage:
    """The mail of a run of the journey for a new contact."""
    await engine.activate(
        "topic: news\nname: News\ndefault: opt_out\nutm: {campaign: topic, term: t}\n"
    )
    await engine.activate(text)
    person = await engine.contact(email="ada@example.com", **contact)
    await engine.event(person, "Begun", product="shoes")
    (mail,) = await sink.wait_for(1)
    return mail.message


def body(mail: EmailMessage, kind: str) -> str:
    part = mail.get_body((kind,))
    assert part is not None
    return str(part.get_content())


def hrefs(html: str) -> list[str]:
    return [found.replace("&amp;", "&") for found in re.findall(r'href="([^"]+)"', html)]


def leads_to(url: str) -> tuple[str, str]:
    """The author's URL of a click and where it leads."""
    text = decode_target(url.partition("?u=")[2])
    target = None if text is None else read_target(text)
    assert target is not None
    return target.url, target.location


async def test_a_persons_click_ends_the_wait_for_its_link(
    engine: Engine, smtp_sink: SmtpSink, reader: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("api.public.hit_drain.QUIET", 1.2)
    mail = await mail_of(
        engine,
        smtp_sink,
        journey("{utm: {source: journey, campaign: spring}}", "utm: {source: mail}", WAIT),
    )
    one, two, plain, hidden = hrefs(body(mail, "html"))
    assert leads_to(one) == (
        "https://shop.example/shoes?a=1&b=2#top",
        "https://shop.example/shoes?a=1&b=2&utm_source=mail&utm_campaign=spring&utm_term=t#top",
    )
    assert (
        leads_to(two)[1] == "https://shop.example/two?utm_source=own&utm_campaign=spring&utm_term=t"
    )
    assert plain == "https://shop.example/plain"
    assert body(mail, "html").count("/o/") == 1
    (in_text,) = re.findall(r"https://links\.example/l/[\w-]{42}\?u=[\w-]+", body(mail, "plain"))
    assert leads_to(in_text)[0] == "https://shop.example/text"
    async with engine.pool.connection() as conn:
        await conn.execute(
            "update message set claimed_at = claimed_at - interval '1 minute',"
            " settled_at = settled_at - interval '1 minute'"
        )
        cursor = await conn.execute("select contact_id from message")
        ((contact,),) = await cursor.fetchall()

    async def clicks() -> list[Any]:
        async with engine.pool.connection() as conn:
            cursor = await conn.execute(
                "select properties->>'by', properties->>'url' from event"
                " where name = 'Message Clicked' order by occurred_at"
            )
            return await cursor.fetchall()

    async def follow(url: str, **headers: str) -> None:
        path = url.removeprefix("https://links.example")
        assert (await reader.get(path, headers=headers)).status_code in (200, 302)

    # A robot's click does not end it, nor does a person's on another link.
    await follow(one, **{"User-Agent": "curl/8.5.0"})
    await follow(hidden, **{"User-Agent": "curl/8.5.0"})
    await follow(two)

    async def recorded() -> bool:
        return len(await clicks()) == 2

    # Two links within a second would be a machine's.
    await eventually(recorded, 20, what="the first clicks")
    assert (await engine.run_of(contact))["step"] == "clicked"
    await follow(one)
    run = await engine.ended(contact)
    visits = await engine.visits(run["id"])
    assert [(visit["step"], visit["outcome"]) for visit in visits] == [
        ("mail", "sent"),
        ("clicked", "happened"),
    ]
    assert await clicks() == [
        ("machine", "https://shop.example/shoes?a=1&b=2#top"),
        ("human", "https://shop.example/two?utm_source=own"),
        ("human", "https://shop.example/shoes?a=1&b=2#top"),
    ]


@pytest.mark.parametrize(
    ("text", "attributes", "clicks", "opens"),
    [
        (journey(), {}, True, True),
        (journey("{track: {clicks: false}}"), {}, False, True),
        (journey(own="track: {opens: false}"), {}, True, False),
        (
            journey("{track: {clicks: false, opens: false}}", "track: {clicks: true}"),
            {},
            False,
            False,
        ),
        (journey(), {"tracking": False}, False, False),
        (journey(), {"tracking": True}, True, True),
    ],
)
async def test_what_is_refused_on_one_level_is_not_tracked(
    engine: Engine,
    smtp_sink: SmtpSink,
    text: str,
    attributes: dict[str, Any],
    clicks: bool,
    opens: bool,
) -> None:
    html = body(await mail_of(engine, smtp_sink, text, attributes=attributes), "html")
    assert ("links.example/l/" in html) == clicks
    assert ("links.example/o/" in html) == opens
    if not clicks:
        assert (
            hrefs(html)[0] == "https://shop.example/shoes?a=1&b=2&utm_campaign=topic&utm_term=t#top"
        )


async def test_a_topic_can_refuse_tracking_too(engine: Engine, smtp_sink: SmtpSink) -> None:
    await engine.activate(journey())
    await engine.activate(
        "topic: news\nname: News\ndefault: opt_out\ntrack: {clicks: false, opens: false}\n"
    )
    person = await engine.contact(email="ada@example.com")
    await engine.event(person, "Begun", product="shoes")
    (mail,) = await smtp_sink.wait_for(1)
    assert "links.example" not in body(mail.message, "html")


async def test_a_template_can_refuse_tracking_and_name_its_campaign(
    engine: Engine, smtp_sink: SmtpSink
) -> None:
    template = (
        "template: hello\nsubject: Hi\ntrack: {opens: false}\n"
        "utm: {campaign: template, medium: m}\n"
        "html: '<a href=\"https://shop.example/\">x</a>'\n"
    )
    await engine.activate(template)
    text = (
        "journey: links\nentry: {event: Begun}\ndefaults: {utm: {campaign: journey}}\n"
        "steps:\n  - {id: mail, email: {template: hello, topic: news}}\n"
    )
    html = body(await mail_of(engine, smtp_sink, text), "html")
    assert "links.example/o/" not in html
    assert leads_to(hrefs(html)[0])[1] == (
        "https://shop.example/?utm_medium=m&utm_campaign=journey&utm_term=t"
    )


async def test_a_text_message_has_short_links_that_count_in_its_parts(
    engine: Engine, reader: httpx.AsyncClient, engine_settings: Settings
) -> None:
    await engine.activate("topic: news\nname: News\ndefault: opt_out\n")
    long = f"https://shop.example/{'x' * 200}"
    await engine.activate(
        "journey: links\nentry: {event: Begun}\n"
        f"steps:\n  - {{id: sms, sms: {{text: 'Look: {long} now', topic: news}}}}\n"
    )
    person = await engine.contact(phone="+33612345678")
    await engine.event(person, "Begun")
    run = await engine.ended(person)
    (visit,) = await engine.visits(run["id"])
    assert engine_settings.dev_inbox is not None
    (taken,) = Inbox(engine_settings.dev_inbox).read()
    found = re.fullmatch(r"Look: https://links\.example(/s/[A-Za-z0-9]{10}) now", taken["text"])
    assert found is not None
    answer = await reader.get(found[1])
    assert (answer.status_code, answer.headers["location"]) == (302, long)
    # The text with its long link would take two parts.
    assert visit["facts"].get("parts", 1) == 1


async def test_a_text_message_whose_links_cannot_be_kept_goes_out_once_they_are(
    engine: Engine, engine_settings: Settings
) -> None:
    await engine.activate("topic: news\nname: News\ndefault: opt_out\n")
    await engine.activate(
        "journey: links\nentry: {event: Begun}\n"
        "steps:\n  - {id: sms, sms: {text: 'Look: https://shop.example/a', topic: news}}\n"
    )
    await rows(engine.pool, "alter table short_link rename to no_short_link")
    person = await engine.contact(phone="+33612345678")
    await engine.event(person, "Begun")
    faults = "select code from fault"
    await eventually(lambda: rows(engine.pool, faults), what="a fault")
    assert engine_settings.dev_inbox is not None
    inbox = Inbox(engine_settings.dev_inbox)
    assert inbox.read() == []
    await rows(engine.pool, "alter table no_short_link rename to short_link")
    run = await engine.ended(person)
    assert await engine.path(run["id"]) == [("sms", "sent")]
    ((fault,), *_) = await rows(engine.pool, faults)
    ((code, count),) = await rows(engine.pool, "select min(code), count(*) from short_link")
    (taken,) = inbox.read()
    assert (fault, taken["text"], count) == (
        "links_not_kept",
        f"Look: https://links.example/s/{code}",
        1,
    )
