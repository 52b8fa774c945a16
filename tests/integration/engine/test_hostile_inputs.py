"""Hostile values in messages: they add no header, no recipient and no element, and run nothing."""

import resource
from collections import Counter
from html.parser import HTMLParser
from time import monotonic

import pytest
from fast_mail_parser import parse_email
from pydantic import SecretStr

from infra.settings import Settings
from tests.support.engine import Engine
from tests.support.smtp import ReceivedMail, SmtpSink

DOCUMENTS = """
template: frame
html: |
  <html><head><title>{{ contact.name }}</title><style>p { color: red }</style></head>
  <body>{{ content }}</body></html>
---
template: hostile
layout: frame
subject: "For {{ contact.name }}"
preheader: "{{ contact.name | upcase }}"
html: |
  <p title="{{ contact.name }}">Dear {{ contact.name }}</p>
  <!--[if mso]><b>{{ contact.name }}</b><![endif]-->
  <table>{% for word in entry.words %}<tr><td>{{ word }}</td></tr>{% endfor %}</table>
  <a href="https://shop.example/?q={{ contact.name | url_encode }}">go</a>
text: |
  Dear {{ contact.name }}{% if contact.name contains 'Ada' %}, Ada{% endif %}.
  {{ unsubscribe_url }}
---
journey: hostile
entry: {event: Begun}
re_entry: always
steps:
  - {id: mail, email: {template: hostile, reply_to: help@example.com, transactional: true}}
  - {id: named, email: {template: hostile, from: "{{ contact.name }} <shop@example.com>",
     reply_to: "{{ contact.name }} <help@example.com>", transactional: true}}
"""
SECRET = "the-secret-of-ada"
VALUES = [
    # line breaks of every kind, to add headers or a body
    "x\r\nBcc: evil@example.com", "x\nBcc: evil@example.com", "x\rBcc: evil@example.com",
    "x\r\n\r\n<script>alert(1)</script>", "x\u2028Bcc: evil@example.com",
    "x\u2029Bcc: evil@example.com", "x\x85Bcc: evil@example.com", "x\x0bBcc: evil@example.com",
    "x\x0cBcc: evil@example.com", "=?utf-8?q?=0D=0ABcc:_evil@example.com?=",
    "%0d%0aBcc: evil@example.com", "x\r\n Bcc: evil@example.com", "x\r\n.\r\nMAIL FROM:<e@e.e>",
    # addresses
    "evil@example.com,", "a <evil@example.com>, b", '"', "\\", "(comment)", "evil: a@b.c;",
    # HTML
    "<script>alert(1)</script>", '"><img src=x onerror=alert(1)>', "' onmouseover='alert(1)",
    "</p></td></table><h1>evil</h1>", "<!--", "--><b>evil</b>", "]]>", "</style></title><i>",
    "&lt;script&gt;alert(1)&lt;/script&gt;", "<![endif]--><u>evil</u>", "javascript:alert(1)",
    # Liquid
    "{{ 7 | times: 7191 }}", "{% for i in (1..99999999) %}x{% endfor %}", "{{ contact.hidden }}",
    "{% render 'hostile' %}", "{% raw %}", "{{", "%}", "{{ content }}",
    "{{ 'x' | append: 'x' | replace: 'x', 'xxxxxxxx' | replace: 'x', 'xxxxxxxx' }}",
    # directions and invisible characters
    "\u202egpj.exe", "\u2066abc\u2069", "\u200f\u200e", "\ufeffx", "\u200b", "\x1b[31mred", "\x07",
    # size
    "A" * 1_000_000, "é" * 500_000, "<div>" * 5_000, "\n" * 100_000, "{{" * 100_000, "<b>" * 5_000,
    "a " * 200_000, "@" * 100_000,
]  # fmt: skip


@pytest.fixture
def engine_settings(engine_settings: Settings) -> Settings:
    """Settings with links, so that they are followed."""
    return engine_settings.model_copy(
        update={"public_url": "https://links.example", "link_keys": (SecretStr("k" * 32),)}
    )


class Shape(HTMLParser):
    """The elements of a document with the names of their attributes."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.found: Counter[tuple[str, ...]] = Counter()
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found[tag, *(name for name, _ in attrs)] += 1


def header_names(mail: ReceivedMail) -> list[str]:
    """The names of all headers, by a parser that is not Python's."""
    return sorted(name.lower() for name in parse_email(mail.raw).headers)


def body(mail: ReceivedMail, kind: str) -> str:
    parsed = parse_email(mail.raw)
    [text] = parsed.text_html if kind == "html" else parsed.text_plain
    return str(text)


async def test_hostile_values_change_no_header_and_run_nothing(
    engine: Engine, smtp_sink: SmtpSink
) -> None:
    assert len(VALUES) >= 40
    await engine.activate(DOCUMENTS)

    async def mails_with(value: str) -> list[ReceivedMail]:
        """The mails that the contact gets, of two."""
        before = len(smtp_sink.messages)
        contact = await engine.contact(
            email="ada@example.com", attributes={"name": value, "hidden": SECRET}
        )
        await engine.event(contact, "Begun", words=[value[:1000]])
        run = await engine.ended(contact)
        outcomes = [visit["outcome"] for visit in await engine.visits(run["id"])]
        assert set(outcomes) <= {"sent", "failed"}
        assert len(smtp_sink.messages) - before == outcomes.count("sent")
        return smtp_sink.messages[before:]

    plain = (await mails_with("Bob"))[0]
    names, shape = header_names(plain), Shape(body(plain, "html")).found
    assert {"x-parcours-message", "reply-to", "subject"} <= set(names)
    assert "https://links.example/l/" in body(plain, "html")
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    complete = 0
    for value in VALUES:
        began = monotonic()
        mails = await mails_with(value)
        assert monotonic() - began < 10, value[:50]
        # A name that can't stand in an address, and a value that is too long, fail a message.
        complete += any(mail.message["From"] == plain.message["From"] for mail in mails)
        for mail in mails:
            assert mail.recipients == ["ada@example.com"]
            assert mail.mail_from in (plain.mail_from, "shop@example.com")
            assert header_names(mail) == names, value[:50]
            assert [len(mail.message.get_all(name) or ()) for name in names] == [1] * len(names)
            html = body(mail, "html")
            assert Shape(html).found == shape, value[:50]
            assert SECRET not in html + body(mail, "plain")
            assert "50337" not in html + body(mail, "plain")
    assert complete >= 45
    grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - memory
    assert grown < 400 * 1024, f"{grown} KiB"
