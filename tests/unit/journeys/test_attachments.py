"""Attachments in documents: what may be written, and what is refused in which words."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from journeys.checks.references import KnownKeys
from journeys.checks.validation import check
from journeys.model.attachments import AttachedFile, is_within
from journeys.source.parsing import parse_documents

FOLDERS = ["https://cdn.shop.example/mail/", "http://127.0.0.1:8080"]


@pytest.mark.parametrize(
    ("url", "within"),
    [
        ("https://cdn.shop.example/mail/a.pdf", True),
        ("https://CDN.shop.example:443/mail/deep/er/a.pdf", True),
        ("https://cdn.shop.example/mail/a.pdf?v=2", True),
        ("http://127.0.0.1:8080/a.pdf", True),
        ("https://cdn.shop.example/mailer/a.pdf", False),
        ("https://cdn.shop.example/mail", False),
        ("http://cdn.shop.example/mail/a.pdf", False),
        ("https://cdn.shop.example:8443/mail/a.pdf", False),
        ("https://cdn.shop.example.evil.example/mail/a.pdf", False),
        ("https://evil.example/https://cdn.shop.example/mail/a.pdf", False),
        ("https://cdn.shop.example@evil.example/mail/a.pdf", False),
        ("https://cdn.shop.example/mail/../secret.pdf", False),
        ("https://cdn.shop.example/mail/%2e%2e/secret.pdf", False),
        ("https://cdn.shop.example/mail/%2E%2E%2Fsecret.pdf", False),
        ("https://cdn.shop.example/mail/..%5Csecret.pdf", False),
        ("https://cdn.shop.example\\@evil.example/mail/a.pdf", False),
        ("https://cdn.shop.example/mail/a.pdf#part", False),
        ("file:///mail/a.pdf", False),
        ("http://127.0.0.1:80800/a.pdf", False),
    ],
)
def test_a_url_lies_in_a_folder_only_if_every_reader_of_urls_agrees(url: str, within: bool) -> None:
    assert is_within(url, FOLDERS) is within


@pytest.mark.parametrize(
    ("written", "name"),
    [
        ({"file": "logo.png"}, "logo.png"),
        ({"file": "logo.png", "name": "Our logo.png"}, "Our logo.png"),
        ({"url": "https://a.example/x/terms%202026.pdf"}, "terms 2026.pdf"),
        ({"url": "https://a.example/x/?id=1", "name": "Été.pdf"}, "Été.pdf"),
    ],
)
def test_a_file_is_called_as_it_says_or_as_its_place_does(
    written: dict[str, Any], name: str
) -> None:
    assert AttachedFile.model_validate(written).shown_name == name


@pytest.mark.parametrize(
    ("written", "words"),
    [
        ({}, "either `file` or `url`"),
        ({"file": "a", "url": "https://a.example/a"}, "either `file` or `url`"),
        ({"file": "../a"}, "no name of a file"),
        ({"file": "a" * 101}, "no name of a file"),
        ({"url": "ftp://a.example/a"}, "no URL"),
        ({"url": "https://a.example/{{ contact.id }}.pdf"}, "no template"),
        ({"url": "https://a.example/x/"}, "give it a `name`"),
        ({"file": "a.txt", "name": "a/b"}, "in one line"),
        ({"file": "a.txt", "name": "a\r\nBcc: x"}, "in one line"),
    ],
)
def test_what_is_no_attachment_is_refused(written: dict[str, Any], words: str) -> None:
    with pytest.raises(ValidationError, match=words):
        AttachedFile.model_validate(written)


def problems(attachments: str, html: str = "<p>", **known: Any) -> list[tuple[str, str, int]]:
    text = (
        "journey: a\nentry: {event: E}\nsteps:\n  - id: mail\n    email:\n      subject: S\n"
        f"      html: '{html}'\n      transactional: true\n      attachments: {attachments}\n"
    )
    documents = parse_documents(text, "a.yaml")
    found = [*documents.problems, *check(documents.parsed, KnownKeys(**known))]
    # The lint of contents has tests of its own.
    about = [each for each in found if each.severity == "error" or "attachment" in each.code]
    return [(each.severity, each.code, each.line) for each in about]


@pytest.mark.parametrize(
    ("attachments", "html", "known", "expected"),
    [
        ("[{file: a.png}]", "<p>", {}, []),
        ("[{file: a.png}]", "<p>", {"files": frozenset({"a.png"})}, []),
        (
            "[{file: a.png}]",
            "<p>",
            {"files": frozenset({"b.png"})},
            [("error", "unknown_file", 9)],
        ),
        (
            "[{url: 'https://x.example/a.pdf'}]",
            "<p>",
            {"attachment_sources": ("https://y.example",)},
            [("error", "attachment_source", 9)],
        ),
        ("[{file: a.exe}]", "<p>", {}, [("warning", "attachment_refused", 9)]),
        ("[{file: a.png}]", '<img src="cid:a.png">', {}, []),
        (
            "[{file: a.png}]",
            '<img src="cid:b.png">',
            {},
            [("error", "unknown_attachment", 7)],
        ),
        ("[{file: a.png}, {file: b.png, name: a.png}]", "<p>", {}, [("error", "invalid", 9)]),
    ],
)
def test_problems_of_attachments_name_their_line(
    attachments: str, html: str, known: dict[str, Any], expected: list[tuple[str, str, int]]
) -> None:
    found = problems(attachments, html, **known)
    assert [each[0::2] for each in found] == [each[0::2] for each in expected]
    if expected and expected[0][1] != "invalid":
        assert [each[1] for each in found] == [each[1] for each in expected]


@pytest.mark.parametrize(
    ("documents", "expected"),
    [
        ("channel: email\nprovider: sns\n", "no provider of email; write smtp or ses"),
        ("channel: email\nprovider: mailgun\n", "there is no provider `mailgun`"),
        ("channel: email\nprovider: inbox\n", "there is no provider `inbox`"),
        ("channel: email\nprovider: ses\nfallback: ses\n", "`fallback` is the provider"),
        (
            (
                "journey: a\nentry: {event: E}\nsteps:\n"
                "  - {id: s, sms: {text: t, transactional: true, provider: ses}}\n"
            ),
            "no provider of sms; write sns or end-user-messaging",
        ),
        (
            (
                "journey: a\nentry: {event: E}\nsteps:\n"
                "  - {id: s, sms: {text: t, transactional: true, attachments: [{file: a}]}}\n"
            ),
            "an SMS has no attachments",
        ),
    ],
)
def test_a_provider_of_another_channel_or_of_none_is_refused(documents: str, expected: str) -> None:
    found = parse_documents(documents, "a.yaml").problems
    assert len(found) == 1
    assert expected in str(found[0])


def test_a_provider_that_the_server_has_no_settings_of_is_a_warning() -> None:
    parsed = parse_documents("channel: email\nprovider: smtp\nfallback: ses\n", "a.yaml").parsed
    known = KnownKeys(providers=frozenset({"smtp"}))
    assert [(each.severity, each.code, each.line) for each in check(parsed, known)] == [
        ("warning", "provider_not_set_up", 3)
    ]
