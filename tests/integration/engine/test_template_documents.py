"""Sends by template documents: languages, layouts, what is recorded, and edits while runs wait."""

from typing import Any
from uuid import UUID

from devstack.inbox import Inbox
from infra.settings import Settings
from tests.support.engine import Engine
from tests.support.smtp import SmtpSink

DOCUMENTS = """
template: frame
mjml: |
  <mjml><mj-head><mj-style>.big { color: #123456 }</mj-style></mj-head>
  <mj-body>{{ content }}{% render "foot", sign: contact.shop %}</mj-body></mjml>
locales:
  fr:
    mjml: |
      <mjml><mj-body>{{ content }}
      <mj-section><mj-column><mj-text>À bientôt</mj-text></mj-column></mj-section></mj-body></mjml>
---
template: foot
mjml: <mj-section><mj-column><mj-text>Yours, {{ sign }}</mj-text></mj-column></mj-section>
---
template: cart
layout: frame
subject: "Your cart, {{ contact.first_name }}"
preheader: "{{ entry.items | size }} things wait"
mjml: |
  <mj-section><mj-column><mj-text>
  <p class="big">Hello {{ contact.first_name }}</p>
  <table>{% for item in entry.items %}
  <tr><td>{{ item.name }}</td><td>{{ item.price }}</td></tr>{% endfor %}</table>
  <a href="{{ entry.url }}?a=1&b={{ entry.cart }}">Go on</a>
  </mj-text></mj-column></mj-section>
sms: "{{ contact.first_name }}: {{ entry.url }}"
locales:
  fr: {subject: "Votre panier, {{ contact.first_name }}"}
  fr-CA: {sms: "Allô {{ contact.first_name }}"}
---
journey: carts
entry: {event: Cart Updated}
re_entry: always
steps:
  - {id: mail, email: {template: cart, transactional: true}}
  - {id: own, email: {template: cart, subject: "Only {{ entry.cart }}", transactional: true}}
"""
ITEMS = [{"name": "Tea <b>", "price": 4}, {"name": "Pot", "price": 30}]


async def sent(engine: Engine, contact: UUID) -> dict[str, Any]:
    await engine.event(
        contact, "Cart Updated", items=ITEMS, url="https://shop.example/cart", cart="c&1"
    )
    run = await engine.ended(contact)
    assert await engine.path(run["id"]) == [("mail", "sent"), ("own", "sent")]
    return run


async def recorded(engine: Engine, run: dict[str, Any]) -> list[tuple[Any, ...]]:
    """Content and locale of the run's messages."""
    async with engine.pool.connection() as conn:
        cursor = await conn.execute(
            "select content, locale from message where run_id = %s order by visit", (run["id"],)
        )
        return await cursor.fetchall()


def part(mail: Any, kind: str) -> str:
    found = mail.message.get_body((kind,))
    assert found is not None
    text: str = found.get_content()
    return text.replace("\r\n", "\n")


async def test_a_template_is_laid_out_compiled_and_filled_in(
    engine: Engine, smtp_sink: SmtpSink
) -> None:
    await engine.activate(DOCUMENTS)
    contact = await engine.contact(
        email="ada@example.com", attributes={"first_name": "Ada & co", "shop": "The shop"}
    )
    run = await sent(engine, contact)
    first, second = smtp_sink.messages
    assert first.message["Subject"] == "Your cart, Ada & co"
    assert second.message["Subject"] == "Only c&1"
    html = part(first, "html")
    assert '<p class="big" style="color: #123456;">Hello Ada &amp; co</p>' in html
    assert "<td>Tea &lt;b&gt;</td><td>4</td>" in html.replace("\n", "")
    assert 'href="https://shop.example/cart?a=1&amp;b=c&amp;1"' in html
    assert "Yours, The shop" in html
    assert "2 things wait" in html[html.index("<body") : html.index("Hello")]
    assert "{{" not in html
    assert "{%" not in html
    text = part(first, "plain")
    assert text.split("\n")[0] == "Hello Ada & co"
    assert "Tea <b> | 4\nPot | 30\n" in text
    assert "Go on (https://shop.example/cart?a=1&b=c&1)" in text
    assert "things wait" not in text
    [(hash_, locale), again] = await recorded(engine, run)
    assert (hash_, locale) == again
    assert locale is None
    async with engine.pool.connection() as conn:
        cursor = await conn.execute(
            "select content->>'subject' from message_content where hash = %s", (hash_,)
        )
        assert await cursor.fetchone() == ("Your cart, {{ contact.first_name }}",)


async def test_a_contact_gets_the_nearest_language_text_by_text(
    engine: Engine, smtp_sink: SmtpSink
) -> None:
    await engine.activate(DOCUMENTS)
    for locale, chosen, subject, greets in (
        ("fr-FR", "fr", "Votre panier, Zoé", "À bientôt"),
        ("fr_ca", "fr-CA", "Votre panier, Zoé", "À bientôt"),
        ("de", None, "Your cart, Zoé", "Yours, S"),
        (None, None, "Your cart, Zoé", "Yours, S"),
    ):
        contact = await engine.contact(
            email="zoe@example.com", locale=locale, attributes={"first_name": "Zoé", "shop": "S"}
        )
        run = await sent(engine, contact)
        mail = smtp_sink.messages[-2]
        assert mail.message["Subject"] == subject
        assert greets in part(mail, "html")
        assert [row[1] for row in await recorded(engine, run)] == [chosen, chosen]


async def test_an_sms_takes_the_text_for_it(engine: Engine, engine_settings: Settings) -> None:
    await engine.activate(
        DOCUMENTS.replace(
            "- {id: mail, email: {template: cart, transactional: true}}",
            "- {id: mail, sms: {template: cart, transactional: true}}",
        )
    )
    contact = await engine.contact(
        phone="+33612345678", email="a@example.com", locale="fr-CA",
        attributes={"first_name": "Zoé", "shop": "S"},
    )  # fmt: skip
    await sent(engine, contact)
    assert engine_settings.dev_inbox is not None
    [message] = Inbox(engine_settings.dev_inbox).read("+33612345678")
    assert message["text"] == "Allô Zoé"


async def test_what_steps_left_is_read_by_a_template(engine: Engine, smtp_sink: SmtpSink) -> None:
    await engine.activate(
        """
template: code
subject: "{{ steps.first.outcome }}"
html: "<p>{{ entries | size }} {% if steps.first.outcome == 'sent' %}again{% endif %}</p>"
---
journey: two
entry: {event: Begun}
steps:
  - {id: first, email: {subject: One, text: One, transactional: true}}
  - {id: second, email: {template: code, transactional: true}}
"""
    )
    contact = await engine.contact(email="ada@example.com")
    await engine.event(contact, "Begun")
    run = await engine.ended(contact)
    assert await engine.path(run["id"]) == [("first", "sent"), ("second", "sent")]
    mail = smtp_sink.messages[-1]
    assert mail.message["Subject"] == "sent"
    assert part(mail, "html").strip() == "<p>1 again</p>"
    assert part(mail, "plain").strip() == "1 again"


async def test_mjml_of_a_step_is_compiled(engine: Engine, smtp_sink: SmtpSink) -> None:
    await engine.activate(
        """
journey: own
entry: {event: Begun}
steps:
  - id: mail
    email:
      transactional: true
      subject: Hi
      mjml: <mj-section><mj-column><mj-text>Hi {{ entry.who }}</mj-text></mj-column></mj-section>
"""
    )
    contact = await engine.contact(email="ada@example.com")
    await engine.event(contact, "Begun", who="<Ada>")
    await engine.ended(contact)
    [mail] = smtp_sink.messages
    assert "Hi &lt;Ada&gt;</div>" in part(mail, "html")
    assert "<mj-" not in part(mail, "html")
    assert part(mail, "plain").strip() == "Hi <Ada>"


async def test_a_template_without_the_language_fails_by_name(
    engine: Engine, smtp_sink: SmtpSink
) -> None:
    await engine.activate(
        """
template: only-french
locales: {fr: {subject: Salut, text: Bonjour}}
---
journey: french
entry: {event: Begun}
steps: [{id: mail, email: {template: only-french, transactional: true}}]
"""
    )
    contact = await engine.contact(email="ada@example.com", locale="de")
    await engine.event(contact, "Begun")
    run = await engine.ended(contact)
    [visit] = await engine.visits(run["id"])
    assert (visit["outcome"], visit["facts"]["reason"]) == ("failed", "template")
    assert visit["facts"]["detail"].startswith(
        "the template `only-french` has no content in the contact's language (`de`)"
    )
    assert smtp_sink.messages == []
