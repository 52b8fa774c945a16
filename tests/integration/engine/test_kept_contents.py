"""What was sent: kept as it was handed over, shown, viewed, removed and erased."""

import asyncio
import json
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest
from pydantic import SecretStr

from activities.sending.kept_content import kept_content
from activities.sending.masking import SecretMask
from channels.adapter import Attachment, Call, Email
from infra.settings import Settings
from journeys.links.tokens import LinkKeys
from store.messages.kept_contents import pack_content, unpack_content
from store.operations.api_keys import create_key
from tests.support.api import serving
from tests.support.engine import Engine, engine_at_work
from tests.support.erasing import erase
from tests.support.smtp import SmtpSink

KEY = "k" * 32
JOURNEY = """
journey: kept
entry: {event: Begun}
re_entry: always
steps:
  - id: mail
    email:
      subject: Hello {{ contact.name }}
      topic: news
      html: '<p>Dear {{ contact.name }}, <a href="https://shop.example/">look</a>,
        <a href="{{ view_url }}">view</a></p>'
"""
TOPIC = "topic: news\nname: News\ndefault: opt_out\n"


@pytest.fixture
def engine_settings(engine_settings: Settings, tmp_path: Path) -> Settings:
    return engine_settings.model_copy(
        update={
            "public_url": "https://links.example",
            "link_keys": (SecretStr(KEY),),
            "spool": tmp_path / "spool",
        }
    )


async def sent(engine: Engine, sink: SmtpSink) -> tuple[UUID, UUID, str]:
    """A contact, its message, and the HTML that the provider was given."""
    await engine.activate(TOPIC)
    await engine.activate(JOURNEY)
    contact = await engine.contact(email="ada@example.com", attributes={"name": "Ada & Co"})
    await engine.event(contact, "Begun")
    (mail,) = await sink.wait_for(1)
    await engine.ended(contact)
    part = mail.message.get_body(("html",))
    assert part is not None
    async with engine.pool.connection() as conn:
        row = await (await conn.execute("select id from message")).fetchone()
    assert row is not None
    return contact, row[0], str(part.get_content())


async def rows(engine: Engine) -> int:
    async with engine.pool.connection() as conn:
        row = await (await conn.execute("select count(*) from kept_content")).fetchone()
    assert row is not None
    return int(row[0])


async def test_a_message_is_shown_and_viewed_as_it_was_sent_and_erased_with_its_contact(
    engine: Engine, engine_settings: Settings, smtp_sink: SmtpSink
) -> None:
    contact, message, html = await sent(engine, smtp_sink)
    async with engine.pool.connection() as conn:
        await conn.execute(
            "insert into link_hit (id, message_id, kind, url, client, signs, judged_at, by) values"
            " (gen_random_uuid(), %s, 'click', 'https://shop.example/', 'c', '{}', now(), 'human')",
            (message,),
        )
        key = await create_key(conn, "read")
    view = f"/v/{LinkKeys([KEY]).token('view', message)}"
    with serving(engine_settings) as url:
        headers = {"Authorization": f"Bearer {key}"}
        async with httpx.AsyncClient(base_url=url, headers=headers, timeout=20) as http:
            shown = (await http.get(f"/v1/messages/{message}")).json()
            viewed = await http.get(view)
            listed = (await http.get("/v1/messages", params={"journey": "kept"})).json()
            person = (await http.get(f"/v1/contacts/{contact}/messages")).json()
            none = (await http.get("/v1/messages", params={"status": "bounced"})).json()
            missing = await http.get(f"/v1/messages/{contact}")
            async with engine.pool.connection() as conn, conn.transaction():
                await erase(conn, contact)
            left = await rows(engine)
            gone = await http.get(view)
    plain = (
        '<p>Dear Ada &amp; Co, <a href="https://shop.example/">look</a>,'
        f' <a href="https://links.example{view}">view</a></p>'
    )
    kept = shown["kept"]
    assert (kept["to"], kept["subject"]) == ("ada@example.com", "Hello Ada & Co")
    assert " ".join(kept["html"].split()) == plain
    assert kept["list_unsubscribe"].startswith("https://links.example/u/")
    # What left the house counts its clicks; what is kept does not.
    assert "https://links.example/l/" in html
    assert "/l/" not in kept["html"]
    assert "/o/" not in kept["html"]
    assert (shown["state"], shown["journey"], shown["step"]) == ("sent", "kept", "mail")
    assert [(each["url"], each["human"]) for each in shown["hits"]] == [
        ("https://shop.example/", 1)
    ]
    assert " ".join(viewed.text.split()) == plain
    policy = viewed.headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "sandbox" in policy
    assert "allow-scripts" not in policy
    assert "allow-same-origin" not in policy
    assert [each["id"] for each in listed["items"]] == [str(message)]
    assert listed["next"] is None
    assert person == listed
    assert none == {"items": [], "next": None}
    assert missing.status_code == 404
    assert left == 0
    assert gone.status_code == 410


async def test_a_text_message_is_viewed_as_escaped_text(
    engine: Engine, engine_settings: Settings, smtp_sink: SmtpSink
) -> None:
    await engine.activate(TOPIC)
    await engine.activate(
        "journey: kept\nentry: {event: Begun}\nsteps:\n"
        "  - {id: mail, email: {subject: 'Hi <b>', topic: news, text: 'One <i>\n\n\n\ntwo'}}\n"
    )
    contact = await engine.contact(email="ada@example.com")
    await engine.event(contact, "Begun")
    await engine.ended(contact)
    async with engine.pool.connection() as conn:
        row = await (await conn.execute("select id from message")).fetchone()
    assert row is not None
    with serving(engine_settings) as url:
        path = f"/v/{LinkKeys([KEY]).token('view', row[0])}"
        viewed = await asyncio.to_thread(httpx.get, url + path, trust_env=False)
    assert viewed.status_code == 200
    assert "Hi &lt;b&gt;" in viewed.text
    assert "<p>One &lt;i&gt;</p>\n<p>two</p>" in viewed.text


async def test_lists_go_on_after_a_page_and_take_the_filters_together(
    engine: Engine, engine_settings: Settings, smtp_sink: SmtpSink
) -> None:
    await engine.activate(TOPIC)
    await engine.activate(
        "journey: two\nentry: {event: Begun}\nre_entry: always\nsteps:\n"
        "  - {id: a, email: {subject: A, topic: news, text: A}}\n"
        "  - {id: b, email: {subject: B, topic: news, text: B}}\n"
    )
    contact = await engine.contact(email="ada@example.com")
    await engine.event(contact, "Begun")
    await engine.ended(contact)
    other = await engine.contact(email="bob@example.com")
    await engine.event(other, "Begun")
    await engine.ended(other)
    async with engine.pool.connection() as conn:
        key = await create_key(conn, "read")
        await conn.execute("update message set bounced_at = now() where step = 'b'")
    with serving(engine_settings) as url:
        headers = {"Authorization": f"Bearer {key}"}
        async with httpx.AsyncClient(base_url=url, headers=headers, timeout=20) as http:

            async def steps(**wanted: Any) -> tuple[list[tuple[str, str]], str | None]:
                page = (await http.get("/v1/messages", params=wanted)).json()
                return [(each["contact"], each["step"]) for each in page["items"]], page["next"]

            ada, bob = contact.hex, other.hex
            first, following = await steps(limit=3)
            last, end = await steps(limit=3, cursor=following)
            bounced, _ = await steps(contact=ada, status="bounced")
            state, _ = await steps(contact=ada, status="sent", step="a", channel="email")
            wrong = await http.get("/v1/messages", params={"cursor": "x:1"})
            unknown = await http.get("/v1/messages", params={"status": "lost"})
    assert [*first, *last] == [(bob, "b"), (bob, "a"), (ada, "b"), (ada, "a")]
    assert end is None
    assert bounced == [(ada, "b")]
    assert state == [(ada, "a")]
    assert (wrong.status_code, unknown.status_code) == (400, 422)


def test_what_is_kept_holds_no_secret_and_files_by_their_size() -> None:
    mask = SecretMask(["s3cr3t-token"])
    call = Call(
        message_id=uuid4(),
        url="https://x.example/s3cr3t-token",
        headers={"Authorization": "Bearer s3cr3t-token"},
        body={"for": "ada", "s3cr3t-token": 1},
    )
    kept = unpack_content(pack_content(kept_content(call, mask)))
    assert kept == {
        "url": "https://x.example/***",
        "method": "POST",
        "headers": {"Authorization": "Bearer ***"},
        "body": {"for": "ada", "***": 1},
    }
    mail = Email(
        message_id=uuid4(),
        to="a@b.example",
        from_="c@d.example",
        subject="s",
        text="t",
        html="x" * 400_001,
        attachments=[Attachment("a.pdf", "application/pdf", b"12345")],
    )
    assert json.loads(json.dumps(kept_content(mail, mask))) == {
        "to": "a@b.example",
        "from": "c@d.example",
        "subject": "s",
        "text": "t",
        "attachments": [{"name": "a.pdf", "content_type": "application/pdf", "size": 5}],
        "left_out": ["html"],
    }


async def test_no_content_is_kept_where_its_setting_says_so(
    engine_settings: Settings, pool: Any, temporal_client: Any, smtp_sink: SmtpSink
) -> None:
    settings = engine_settings.model_copy(update={"keep_content": "0d"})
    async with engine_at_work(settings, pool, temporal_client) as engine:
        await sent(engine, smtp_sink)
        assert await rows(engine) == 0
