"""Generated e-mails, read header by header by an independent parser (fast-mail-parser, in Rust)."""

import re
from dataclasses import replace
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any
from uuid import UUID

import fast_mail_parser
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from channels.adapter import Attachment, Email
from channels.email.mime import compose

AT = datetime(2026, 11, 24, 9, 30, tzinfo=UTC)
ID = UUID("0190f5c4-7e2a-7b3c-9d4e-5f6071829304")
URL = "https://links.shop.example/u/" + "Ab3_-" * 8 + "Zz"
EMAIL = Email(
    message_id=ID,
    to="ann@example.com",
    from_="The Shop <hello@shop.example>",
    subject="Your cart",
    text="Still there.",
)
PNG = b"\x89PNG\r\n\x1a\n" + bytes(range(256))
LOGO = Attachment("logo.png", "image/png", PNG)
TERMS = Attachment("Terms.pdf", "application/pdf", b"%PDF-1.7\n" + b"x" * 5_000)

OF_EVERY_MAIL = {
    "From", "To", "Subject", "Date", "Message-ID", "X-Parcours-Message", "MIME-Version",
    "Content-Type",
}  # fmt: skip
MORE = {"Content-Transfer-Encoding"}
"""Of a body that is one part."""


def parsed(email: Email) -> Any:
    return fast_mail_parser.parse_email(compose(email, at=AT).content)


def headers(mail: Any) -> dict[str, str]:
    """Headers by name; each is there once."""
    assert all(len(values) == 1 for values in mail.headers.values())
    return {name: values[0] for name, values in mail.headers.items()}


def normal(text: str) -> str:
    return text.replace("\r\n", "\n").rstrip("\n")


# Text as people and attackers write it: any script, marks of direction, emoji, other line ends.
hard = st.sampled_from(
    [
        "مرحبا بالعالم", "שלום עולם", "\u202eevil\u202c", "\u200f\u200e", "👩‍👩‍👧‍👦 family",
        "é" * 200,
        "=?utf-8?q?=41?=", "a" * 300, "x " * 100, '"quoted" \\ , ;', "\u2028 line \u2029", "ﷺ" * 40,
        "Re: [x] <y>", "tab\tin it", "%0d%0aBcc: x@y.example", "&#13;&#10;Bcc: x",
    ]
)  # fmt: skip
one_line = hard | st.text(st.characters(exclude_categories=["Cs", "Cc", "Zl", "Zp"]), max_size=120)
names = one_line.filter(lambda text: not re.search(r"[<>/\\]", text))
bodies = st.text(st.characters(exclude_categories=["Cs", "Cc"], include_characters="\n\t")) | hard


def test_a_marketing_mail_has_these_headers_and_no_others() -> None:
    email = replace(
        EMAIL,
        html="<p>Hi</p>",
        reply_to="Help <help@shop.example>",
        return_path="bounce+x@mail.shop.example",
        list_unsubscribe=URL,
        list_unsubscribe_address="unsubscribe+x@mail.shop.example",
        list_id="offers",
        feedback_id=("cart", "offers", "reminder"),
        headers={"X-Shop": "42"},
    )
    mail = parsed(email)
    found = headers(mail)
    assert found.keys() == OF_EVERY_MAIL | {
        "Reply-To", "List-Unsubscribe", "List-Unsubscribe-Post", "List-ID", "Feedback-ID", "X-Shop",
    }  # fmt: skip
    assert found["Message-ID"] == f"<{ID}@shop.example>"
    assert found["X-Parcours-Message"] == str(ID)
    assert parsedate_to_datetime(found["Date"]) == AT
    assert found["To"] == "ann@example.com"
    assert found["Reply-To"] == "Help <help@shop.example>"
    # RFC 8058, 3.1 and 3.2
    links = re.findall(r"<([^>]+)>", found["List-Unsubscribe"])
    assert links == [URL, "mailto:unsubscribe+x@mail.shop.example?subject=unsubscribe"]
    assert found["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    # RFC 2919, 2: the identifier of a list is a name under a domain of ours.
    assert found["List-ID"] == "<offers.shop.example>"
    # Gmail: up to three fields of ours, and the sender's of 5 to 15 characters.
    assert re.fullmatch(r"cart:offers:reminder:[a-z]{5,15}", found["Feedback-ID"])
    composed = compose(email, at=AT)
    assert composed.sender == "bounce+x@mail.shop.example"
    assert b"bounce+x" not in composed.content


def test_a_transactional_mail_has_no_list_headers_and_says_that_a_machine_sent_it() -> None:
    found = headers(parsed(EMAIL))
    assert found.keys() == OF_EVERY_MAIL | MORE | {"Auto-Submitted"}
    assert found["Auto-Submitted"] == "auto-generated"


def test_a_repeated_attempt_has_the_same_id_and_the_same_bytes() -> None:
    email = replace(EMAIL, html='<img src="cid:logo.png">', attachments=[LOGO, TERMS])
    assert compose(email, at=AT).content == compose(email, at=AT).content
    later = compose(email, at=datetime(2026, 11, 24, 10, tzinfo=UTC)).content
    assert f"Message-ID: <{ID}@shop.example>".encode() in later


def test_an_image_that_the_html_shows_is_inline_and_another_file_is_attached() -> None:
    email = replace(
        EMAIL, html='<img src="cid:logo.png"> <b>cid:none</b>', attachments=[LOGO, TERMS]
    )
    content = compose(email, at=AT).content
    root = fast_mail_parser.parse_email_tree(content)
    assert shape(root) == (
        "multipart/mixed",
        [
            (
                "multipart/alternative",
                [
                    ("text/plain", []),
                    ("multipart/related", [("text/html", []), ("image/png", [])]),
                ],
            ),
            ("application/pdf", []),
        ],
    )
    mail = fast_mail_parser.parse_email(content)
    by_name = {each.filename: each for each in mail.attachments}
    assert {name: each.content for name, each in by_name.items()} == {
        "logo.png": PNG,
        "Terms.pdf": TERMS.content,
    }
    [html] = mail.text_html
    shown = re.search(r'src="cid:([^"]+)"', html)
    assert shown is not None
    assert f"Content-ID: <{shown[1]}>".encode() in content
    assert "cid:none" in html


def shape(part: Any) -> Any:
    return part.content_type, [shape(child) for child in part.children]


@pytest.mark.parametrize(
    ("email", "expected"),
    [
        (EMAIL, ("text/plain", [])),
        (replace(EMAIL, text=None, html="<p>"), ("text/html", [])),
        (
            replace(EMAIL, html="<p>"),
            ("multipart/alternative", [("text/plain", []), ("text/html", [])]),
        ),
        (
            replace(EMAIL, attachments=[TERMS]),
            ("multipart/mixed", [("text/plain", []), ("application/pdf", [])]),
        ),
        (
            replace(EMAIL, text=None, html="<img src=cid:logo.png>", attachments=[LOGO]),
            ("multipart/related", [("text/html", []), ("image/png", [])]),
        ),
    ],
)
def test_a_mail_has_no_more_parts_than_it_needs(email: Email, expected: Any) -> None:
    assert shape(fast_mail_parser.parse_email_tree(compose(email, at=AT).content)) == expected


@given(one_line)
def test_another_parser_reads_any_subject(subject: str) -> None:
    mail = parsed(replace(EMAIL, subject=subject))
    assert headers(mail).keys() == OF_EVERY_MAIL | MORE | {"Auto-Submitted"}
    assert mail.subject.split() == subject.split()


@given(names)
def test_another_parser_reads_any_name_with_its_address(name: str) -> None:
    quoted = '"' + re.sub(r'(["\\])', r"\\\1", name) + '"'
    mail = parsed(replace(EMAIL, from_=f"{quoted} <hello@shop.example>"))
    assert headers(mail).keys() == OF_EVERY_MAIL | MORE | {"Auto-Submitted"}
    assert mail.from_.address == "hello@shop.example"


@given(bodies, bodies)
def test_another_parser_reads_any_body(text: str, html: str) -> None:
    mail = parsed(replace(EMAIL, text=text, html=html))
    assert [normal(each) for each in mail.text_plain] == [normal(text)]
    assert [normal(each) for each in mail.text_html] == [normal(html)]


@settings(max_examples=50)
@given(names.filter(lambda name: name.strip() == name and 0 < len(name) <= 100), st.binary())
def test_another_parser_reads_any_file(name: str, content: bytes) -> None:
    if re.search(r"[\x00-\x1f\u2028\u2029]", name):
        return
    email = replace(EMAIL, html="<p>", attachments=[Attachment(name, "text/csv", content)])
    mail = parsed(email)
    [file] = mail.attachments
    assert file.content == content
    assert file.mimetype == "text/csv"
    assert set(headers(mail)) == OF_EVERY_MAIL | {"Auto-Submitted"}


@given(st.text(st.characters(exclude_categories=["Cs"]), max_size=80))
def test_no_text_adds_a_header(text: str) -> None:
    attack = f"{text}\r\nBcc: bob@example.com"
    for email in (
        replace(EMAIL, subject=attack),
        replace(EMAIL, from_=f"{attack} <hello@shop.example>"),
        replace(EMAIL, reply_to=f"{attack} <hello@shop.example>"),
        replace(EMAIL, list_unsubscribe=attack),
        replace(EMAIL, list_unsubscribe=URL, list_unsubscribe_address=attack),
        replace(EMAIL, return_path=attack),
        replace(EMAIL, headers={"X-Shop": attack}),
    ):
        try:
            mail = parsed(email)
        except ValueError:
            continue
        # A line break before a name is a space; the rest of it is quoted.
        assert not text.strip()
        assert "Bcc" not in headers(mail)
    harmless = replace(
        EMAIL, list_unsubscribe=URL, list_id=attack, feedback_id=(attack, attack, attack, attack)
    )
    found = headers(parsed(harmless))
    assert "Bcc" not in found
    assert "List-ID" not in found
    assert re.fullmatch(r"[\w.-]*:[\w.-]*:[\w.-]*:parcours", found["Feedback-ID"], re.ASCII)


@pytest.mark.parametrize("kind", ["message/rfc822", "multipart/mixed", "a/b\r\nX: y", "", "x"])
def test_a_type_that_cannot_be_written_becomes_bytes(kind: str) -> None:
    mail = parsed(replace(EMAIL, attachments=[Attachment("a.bin", kind, b"\0\r\n.\r\n")]))
    [file] = mail.attachments
    assert (file.mimetype, file.content) == ("application/octet-stream", b"\0\r\n.\r\n")


def test_headers_of_a_megabyte_are_refused() -> None:
    with pytest.raises(ValueError, match="octets"):
        compose(replace(EMAIL, subject="é" * 1_000_000), at=AT)
