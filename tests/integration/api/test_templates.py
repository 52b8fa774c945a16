"""Templates over HTTP: saved with what uses them, previewed, and sent as a test."""

from __future__ import annotations

import re
from base64 import b64decode
from collections.abc import AsyncIterator
from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest
from psycopg import AsyncConnection
from psycopg_pool import AsyncConnectionPool
from temporalio.client import Client

from infra.settings import Settings
from journeys.protocol.names import TEST_MESSAGE, workflow_id_of_test
from journeys.protocol.payloads import TestMessageInput, TestMessageResult
from store.messages.messages_of_tests import add_test_message, claim_test_message
from tests.integration.api.conftest import Rows
from tests.support.engine import Engine, engine_at_work
from tests.support.smtp import SmtpSink

FRAME = """\
template: frame
html: |
  <html><head><style>p {color: red}</style></head>
  <body>{{ content }}{% render 'foot' %}</body></html>
text: "{{ content }} -- us"
"""
FOOT = "template: foot\nhtml: <p>Bye</p>\n"
CART = """\
template: cart
layout: frame
subject: "Your cart, {{ contact.first_name }}"
preheader: "{{ entry.count }} things"
html: "<p>Hello {{ contact.first_name }}</p>"
text: "Hello {{ contact.first_name }}"
sms: "Hi {{ contact.first_name | default: 'you' }}"
locales:
  fr: {subject: "Votre panier"}
"""
YAML = {"Content-Type": "application/yaml"}


async def put(client: httpx.AsyncClient, key: str, source: str) -> httpx.Response:
    return await client.put(f"/v1/templates/{key}", content=source, headers=YAML)


async def apply(client: httpx.AsyncClient, *sources: str) -> httpx.Response:
    files = [{"filename": f"{n}.yaml", "source": source} for n, source in enumerate(sources)]
    return await client.post("/v1/apply", json={"documents": files})


async def preview(client: httpx.AsyncClient, **body: Any) -> dict[str, Any]:
    answer = await client.post("/v1/templates/cart/preview", json=body)
    assert answer.status_code == 200, answer.text
    shown: dict[str, Any] = answer.json()
    return shown


ADA = {"contact": {"first_name": "Ada"}, "entry": {"count": 2}}


async def test_a_preview_shows_every_text_and_names_what_is_missing(
    operate: httpx.AsyncClient,
) -> None:
    assert (await apply(operate, FRAME, FOOT, CART)).status_code == 200
    shown = await preview(operate, variables=ADA)
    assert shown["subject"] == "Your cart, Ada"
    assert shown["preheader"] == "2 things"
    assert '<p style="color: red;">Hello Ada</p>' in shown["html"]
    assert '<p style="color: red;">Bye</p>' in shown["html"]
    assert shown["text"] == "Hello Ada -- us"
    assert (shown["sms"], shown["locale"], shown["warnings"]) == ("Hi Ada", None, [])
    wordless = "<p>{% if entry.no %}No{% endif %}</p><p>Hi</p>"
    await put(operate, "made", f"template: made\nsubject: S\nhtml: '{wordless}'\n")
    made = (await operate.post("/v1/templates/made/preview", json={})).json()
    # As it is sent: without the empty lines of what is not printed.
    assert made["text"] == "Hi"
    french = await preview(operate, variables=ADA, locale="fr-CA")
    assert (french["subject"], french["locale"]) == ("Votre panier", "fr")
    assert french["content"] != shown["content"]
    await operate.put(
        "/v1/contacts/c-1", json={"attributes": {"first_name": "Zoé"}, "locale": "fr"}
    )
    of_contact = await preview(operate, contact="c-1", variables={"entry": {"count": 1}})
    assert (of_contact["locale"], of_contact["text"]) == ("fr", "Hello Zoé -- us")
    bomb = "{% for i in (1..9999) %}{% for j in (1..9999) %}{{ i }}{% endfor %}{% endfor %}"
    await put(operate, "bomb", f'template: bomb\nsubject: S\ntext: "{bomb}"\n')
    bounded = (await operate.post("/v1/templates/bomb/preview", json={})).json()
    assert (bounded["subject"], bounded["text"]) == ("S", None)
    assert "takes too much time or memory" in bounded["warnings"][0]
    nothing = await preview(operate)
    assert (nothing["subject"], nothing["text"], nothing["sms"]) == (None, None, "Hi you")
    assert nothing["warnings"][0].startswith("`subject`: `contact.first_name` is missing or empty")


async def test_a_text_is_previewed_before_it_is_saved_with_its_links_and_sizes(
    operate: httpx.AsyncClient, api_url: str, keys: Any, rows: Rows
) -> None:
    assert (await apply(operate, FRAME, FOOT)).status_code == 200
    linked = (
        '<p>Hello {{ contact.first_name }}</p><a href="https://shop.example">Our <b>shop</b></a>'
    )
    text = CART.replace("<p>Hello {{ contact.first_name }}</p>", linked.replace('"', '\\"'))

    async def previewed(**body: Any) -> dict[str, Any]:
        answer = await operate.post("/v1/templates/preview", json={"text": text, **body})
        assert answer.status_code == 200, answer.text
        shown: dict[str, Any] = answer.json()
        return shown

    shown = await previewed(variables=ADA)
    assert (shown["subject"], shown["sms"]) == ("Your cart, Ada", "Hi Ada")
    # The layout and the partial are those of the server.
    assert "Bye" in shown["html"]
    assert shown["html_bytes"] == len(shown["html"].encode())
    assert shown["links"] == [{"url": "https://shop.example", "words": "Our shop"}]
    assert shown["sms_parts"] == {"encoding": "GSM-7", "characters": 6, "parts": 1}
    assert (shown["locales"], shown["prints"]) == (["", "fr"], ["first_name"])
    assert (await previewed(variables=ADA, locale="fr"))["subject"] == "Votre panier"
    long = {"contact": {"first_name": "Ж" * 70}}
    assert (await previewed(variables=long))["sms_parts"]["parts"] == 2

    wrong = await operate.post("/v1/templates/preview", json={"text": text + "subjekt: S\n"})
    assert (wrong.status_code, wrong.json()["code"]) == (422, "invalid_document")
    other = await operate.post("/v1/templates/preview", json={"text": "topic: t\nname: T\n"})
    assert (other.status_code, other.json()["code"]) == (422, "invalid_document")
    assert await rows("select count(*) from document where key = 'cart'") == [(0,)]
    for key, status in ((keys.edit, 403), (keys.read, 404), (keys.ingest, 403)):
        headers = {"Authorization": f"Bearer {key}"}
        async with httpx.AsyncClient(base_url=api_url, headers=headers) as client:
            body = {"text": text, "contact": "no-one"}
            answer = await client.post("/v1/templates/preview", json=body)
            assert answer.status_code == status


async def test_what_can_not_be_previewed_is_said(
    operate: httpx.AsyncClient, api_url: str, keys: Any
) -> None:
    missing = await operate.post("/v1/templates/nope/preview", json={})
    assert (missing.status_code, missing.json()["code"]) == (404, "unknown_template")
    await put(operate, "cart", "template: cart\nlocales: {fr: {subject: S, text: T}}\n")
    other = await operate.post("/v1/templates/cart/preview", json={"locale": "de"})
    assert (other.status_code, other.json()["code"]) == (409, "no_content")
    unknown = await operate.post("/v1/templates/cart/preview", json={"contact": "c-0"})
    assert (unknown.status_code, unknown.json()["code"]) == (404, "unknown_contact")
    headers = {"Authorization": f"Bearer {keys.edit}"}
    async with httpx.AsyncClient(base_url=api_url, headers=headers) as editor:
        refused = await editor.post("/v1/templates/cart/preview", json={"contact": "c-1"})
        assert (refused.status_code, refused.json()["code"]) == (403, "forbidden")
        shown = await editor.post("/v1/templates/cart/preview", json={"locale": "fr"})
        assert shown.json()["subject"] == "S"
        sent = await editor.post("/v1/templates/cart/send", json={"to": "a@example.com"})
        assert sent.status_code == 403


async def test_an_edited_partial_changes_the_templates_around_it(
    operate: httpx.AsyncClient, rows: Rows
) -> None:
    await apply(operate, FRAME, FOOT, CART)
    before = await preview(operate, variables=ADA)
    saved = await put(operate, "foot", FOOT.replace("Bye", "See you"))
    assert saved.status_code == 200, saved.text
    after = await preview(operate, variables=ADA)
    assert "See you" in after["html"]
    assert "Bye" not in after["html"]
    assert after["content"] != before["content"]
    versions = await rows("select key, version from document where kind = 'template' order by 1")
    assert versions == [("cart", 1), ("foot", 2), ("frame", 1)]
    # The content of earlier messages is still there.
    assert await rows(
        "select count(*) from message_content where hash in (%s, %s)",
        before["content"], after["content"],
    ) == [(2,)]  # fmt: skip


JOURNEY = """\
journey: j
entry: {api: true}
steps: [{id: m, %s: {template: %s, transactional: true}}]
"""
MISFITS = [
    ("template: a\nlayout: fram\nhtml: x\n", "there is no template `fram`; did you mean `frame`?"),
    ("template: a\nhtml: \"{% render 'foo' %}\"\n", "did you mean `foot`?"),
    ("template: frame\nlayout: cart\nhtml: x\n", "layouts in a circle: frame → cart → frame"),
    ("template: foot\nhtml: \"{% render 'foot' %}\"\n", "foot → foot"),
    ("template: foot\ntext: Bye\n", "the template `cart`, which uses `foot`, can't be made of it"),
    ("template: frame\nhtml: <p>no place</p>\n", "has no {{ content }} in its `html`"),
    ("template: a\nmjml: <mj-section><mj-colum/></mj-section>\n", "no element <mj-colum>"),
    ('template: a\nhtml: "{% if x %}"\n', "template"),
    (f"template: a\nhtml: <style>p{{}}</style>{'<div>' * 20_000}\n", "nested more than 200 deep"),
    (f"template: a\nmjml: {'<mj-wrapper>' * 5_000}\n", "nested more than 200 deep"),
    (f"template: a\ntext: {'x' * 500_001}\n", "is longer than 500,000 characters"),
    (JOURNEY % ("sms", "foot"), "the template `foot` has no `sms`"),
    (JOURNEY % ("email", "frame"), "the template `frame` is a layout"),
    (JOURNEY % ("email", "car"), "there is no template `car`; did you mean `cart`?"),
]


async def test_documents_that_do_not_fit_together_are_refused(
    operate: httpx.AsyncClient, rows: Rows
) -> None:
    assert (await apply(operate, FRAME, FOOT, CART)).status_code == 200
    before = await rows("select * from template_content order by 1, 2")
    for source, words in MISFITS:
        refused = await apply(operate, source)
        assert refused.status_code == 422, source
        assert words in refused.json()["message"]
    assert await rows("select * from template_content order by 1, 2") == before


def b64_texts(history: str) -> str:
    """The payloads of a history, decoded."""
    found = re.findall(r'"data": "([A-Za-z0-9+/=]+)"', history)
    return " ".join(b64decode(each).decode("utf-8", "replace") for each in found)


@pytest.fixture
async def engine(
    settings: Settings,
    smtp_sink: SmtpSink,
    pool: AsyncConnectionPool[AsyncConnection[Any]],
    temporal_client: Client,
) -> AsyncIterator[Engine]:
    """A worker beside the API."""
    settings = settings.model_copy(update={"smtp_url": smtp_sink.url})
    async with engine_at_work(settings, pool, temporal_client) as engine:
        yield engine


async def test_a_test_message_goes_out_by_the_provider(
    operate: httpx.AsyncClient, engine: Engine, smtp_sink: SmtpSink, rows: Rows
) -> None:
    await apply(operate, FRAME, FOOT, CART)
    await operate.put("/v1/contacts/c-1", json={"attributes": {"first_name": "Zoé"}})
    answer = await operate.post(
        "/v1/templates/cart/send",
        json={"to": "me@example.com", "contact": "c-1", "variables": {"entry": {"count": 1}}},
    )
    assert answer.status_code == 200, answer.text
    sent = answer.json()
    assert (sent["state"], sent["channel"]) == ("sent", "email")
    [mail] = smtp_sink.messages
    assert mail.recipients == ["me@example.com"]
    assert mail.message["Subject"] == "Your cart, Zoé"
    assert mail.message["X-Parcours-Message"] == sent["id"]
    assert mail.message["X-Parcours-Test"] == "yes"
    # Nothing personal is kept of it.
    assert await rows("select recipient, variables, state from test_message") == [
        (None, None, "sent")
    ]
    assert await rows("select count(*) from message") == [(0,)]
    workflow = engine.client.get_workflow_handle(workflow_id_of_test(UUID(sent["id"])))
    history = (await workflow.fetch_history()).to_json()
    assert sent["id"] in b64_texts(history)
    for personal in ("me@example.com", "Zo", "Your cart"):
        assert personal not in history + b64_texts(history)
    lacking = await operate.post("/v1/templates/cart/send", json={"to": "me@example.com"})
    assert (lacking.json()["state"], lacking.json()["code"]) == ("failed", "template")
    assert "contact.first_name" in lacking.json()["detail"]
    wrong = await operate.post("/v1/templates/cart/send", json={"to": "me"})
    assert (wrong.status_code, wrong.json()["code"]) == (422, "invalid_request")
    assert len(smtp_sink.messages) == 1


async def test_a_text_is_sent_as_a_test_before_it_is_saved(
    operate: httpx.AsyncClient, engine: Engine, smtp_sink: SmtpSink
) -> None:
    await apply(operate, "template: note\nsubject: Saved\ntext: T\n")
    draft = "template: note\nsubject: Drafted\ntext: T\nlocales: {fr: {subject: Ébauche}}\n"
    for key, locale in (("note", None), ("note", "fr"), ("unsaved", None)):
        body = {"to": "me@example.com", "text": draft, "locale": locale}
        answer = await operate.post(f"/v1/templates/{key}/send", json=body)
        assert answer.status_code == 200, answer.text
        assert (answer.json()["state"], answer.json()["detail"]) == ("sent", None)
    saved = await operate.post("/v1/templates/note/send", json={"to": "me@example.com"})
    assert saved.json()["state"] == "sent"
    subjects = [mail.message["Subject"] for mail in smtp_sink.messages]
    assert subjects == ["Drafted", "Ébauche", "Drafted", "Saved"]
    broken = {"to": "me@example.com", "text": "template: note\nsubject: '{% if %}'\ntext: T\n"}
    refused = await operate.post("/v1/templates/note/send", json=broken)
    assert (refused.status_code, refused.json()["code"]) == (422, "invalid_document")
    assert len(smtp_sink.messages) == 4


async def test_a_test_message_whose_attempt_was_cut_off_is_not_sent_again(
    operate: httpx.AsyncClient, engine: Engine, smtp_sink: SmtpSink, rows: Rows
) -> None:
    await apply(operate, "template: note\nsubject: S\ntext: T\n")
    message_id = uuid4()
    async with engine.pool.connection() as conn:
        await add_test_message(
            conn, message_id=message_id, template="note", channel="email",
            recipient="me@example.com", contact_id=None, variables={}, locale=None,
        )  # fmt: skip
        assert await claim_test_message(conn, message_id)
    result = await engine.client.execute_workflow(
        TEST_MESSAGE,
        TestMessageInput(id=message_id, queue="send-email"),
        id=workflow_id_of_test(message_id),
        task_queue="journeys",
        result_type=TestMessageResult,
    )
    assert (result.state, result.code) == ("unknown", "interrupted")
    assert smtp_sink.messages == []
    assert await rows("select state, recipient from test_message") == [("unknown", None)]


async def test_plan_and_apply_count_the_contacts_that_lack_what_is_printed(
    operate: httpx.AsyncClient,
) -> None:
    for name, attributes in (
        ("a", {"first_name": "Ada", "address": {"city": "Lyon"}}),
        ("b", {"first_name": " ", "address": {"city": None}}),
        ("c", {"address.city": "Nice"}),
    ):
        await operate.put(f"/v1/contacts/{name}", json={"attributes": attributes})
    template = """\
template: t
subject: "{{ contact.first_name }} {{ contact.shop | default: 'us' }}"
text: "{% if contact.phone %}{{ contact.phone }}{% endif %}{{ contact.address.city }}"
"""
    journey = JOURNEY % ("email", "t")
    expected = [
        {"attribute": "address.city", "contacts": 1, "of": 3},
        {"attribute": "first_name", "contacts": 2, "of": 3},
    ]
    files = {"documents": [{"filename": "t.yaml", "source": f"{template}---\n{journey}"}]}
    for route in ("plan", "apply"):
        documents = (await operate.post(f"/v1/{route}", json=files)).json()["documents"]
        assert [each["lacking"] for each in documents] == [expected, expected]
        assert (
            "2 of 3 contacts have no `first_name`, which template t prints without a default"
            in documents[0]["warnings"]
        )
    # A journey prints what its channel shows of the template, and no more.
    both = f'{template}sms: "{{{{ contact.nick }}}}"\n---\n{JOURNEY % ("sms", "t")}'
    files = {"documents": [{"filename": "t.yaml", "source": both}]}
    of_both = (await operate.post("/v1/plan", json=files)).json()["documents"]
    nick = {"attribute": "nick", "contacts": 3, "of": 3}
    assert [each["lacking"] for each in of_both] == [[*expected, nick], [nick]]


async def test_an_edit_counts_for_later_messages_of_a_run_in_flight(
    operate: httpx.AsyncClient, engine: Engine, smtp_sink: SmtpSink, rows: Rows
) -> None:
    template = "template: note\nsubject: First\nhtml: '<p>{{ entry.n }}</p>'\n"
    journey = """\
journey: j
entry: {event: Begun}
steps:
  - {id: a, email: {template: note, transactional: true}}
  - {id: w, wait: {event: Go, up_to: 1d}}
  - {id: b, email: {template: note, transactional: true}}
  - {id: own, email: {subject: Own, html: "<b>{{ entry.n }}</b>", transactional: true}}
"""
    applied = await apply(operate, template, journey)
    assert applied.status_code == 200, applied.text
    contact = await engine.contact(email="ada@example.com")
    await engine.event(contact, "Begun", n=1)
    await engine.standing_at(contact, "w")
    edited = await put(operate, "note", template.replace("First", "Second"))
    assert edited.status_code == 200, edited.text
    await engine.event(contact, "Go")
    run = await engine.ended(contact)
    assert [mail.message["Subject"] for mail in smtp_sink.messages] == ["First", "Second", "Own"]
    kept = await rows(
        "select c.content ->> 'subject', c.content ->> 'text' from message m"
        " join message_content c on c.hash = m.content where m.run_id = %s order by m.visit",
        run["id"],
    )
    assert kept == [
        ("First", "{{ entry.n }}"), ("Second", "{{ entry.n }}"), ("Own", "{{ entry.n }}"),
    ]  # fmt: skip


async def test_a_test_goes_to_test_recipients_alone_once_there_are_any(
    operate: httpx.AsyncClient, engine: Engine, smtp_sink: SmtpSink
) -> None:
    assert (await apply(operate, FRAME, FOOT, CART)).status_code == 200
    recipients = "test_recipients: team\nemails: [Me@example.com]\nphones: ['+33 6 12 34 56 78']\n"
    saved = await operate.put("/v1/test-recipients/team", content=recipients, headers=YAML)
    assert saved.status_code == 200, saved.text
    for other in ("customer@example.com", "+33612345679"):
        refused = await operate.post("/v1/templates/cart/send", json={"to": other})
        assert (refused.status_code, refused.json()["code"]) == (409, "no_test_recipient")
    body = {"to": "me@EXAMPLE.com", "variables": ADA}
    sent = await operate.post("/v1/templates/cart/send", json=body)
    assert (sent.status_code, sent.json()["state"]) == (200, "sent")
    [mail] = await smtp_sink.wait_for(1)
    assert [each.lower() for each in mail.recipients] == ["me@example.com"]
