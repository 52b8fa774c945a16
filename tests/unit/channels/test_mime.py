"""An e-mail as bytes, read back by the standard library's parser."""

import re
from dataclasses import replace
from datetime import UTC, datetime
from email import message_from_bytes
from email.header import decode_header, make_header
from email.message import EmailMessage
from email.policy import default
from email.utils import parseaddr
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from channels.adapter import Email
from channels.email.mime import InvalidRecipient, compose, parse_mailbox

AT = datetime(2026, 11, 24, 9, 30, tzinfo=UTC)
ID = UUID("0190f5c4-7e2a-7b3c-9d4e-5f6071829304")
EMAIL = Email(
    message_id=ID,
    to="ann@example.com",
    from_="The Shop <hello@shop.example>",
    subject="Your cart",
    text="Still there.",
)

# One line of text that a person could write, with all that is hard about it.
lines = st.text(
    st.characters(exclude_categories=["Cs", "Cc", "Zl", "Zp"]), max_size=200
) | st.sampled_from(["=?utf-8?q?=41?=", "a" * 300, "x " * 100, "é" * 200, '"quoted" \\ , <a@b>'])


def read(email: Email) -> EmailMessage:
    message = message_from_bytes(compose(email, at=AT).content, policy=default)
    assert isinstance(message, EmailMessage)
    return message


def part(message: EmailMessage, kind: str) -> str:
    body = message.get_body((kind,))
    assert body is not None
    content = body.get_content()
    assert isinstance(content, str)
    return content.replace("\r\n", "\n")


def test_the_headers_name_the_message() -> None:
    message = read(EMAIL)
    assert message["X-Parcours-Message"] == str(ID)
    assert message["Message-ID"] == f"<{ID}@shop.example>"
    assert message["Date"].datetime == AT
    assert message["To"] == "ann@example.com"
    assert message["From"].addresses[0].display_name == "The Shop"
    assert message["MIME-Version"] == "1.0"


def test_the_envelope_holds_bare_addresses() -> None:
    composed = compose(EMAIL, at=AT)
    assert (composed.sender, composed.recipient) == ("hello@shop.example", "ann@example.com")
    assert not composed.utf8


@given(lines)
def test_any_subject_is_read_back_as_it_was(subject: str) -> None:
    read_back = str(read(replace(EMAIL, subject=subject))["Subject"])
    assert read_back.split() == subject.split()


@given(lines)
def test_any_display_name_is_read_back_with_its_address(name: str) -> None:
    quoted = '"' + re.sub(r'(["\\])', r"\\\1", name) + '"'
    if re.search(r"[<>]", name):
        return
    content = compose(replace(EMAIL, from_=f"{quoted} <hello@shop.example>"), at=AT).content
    # The parser of `email.policy.default` keeps the space between two encoded words of a name,
    # against RFC 2047, 6.2; the older one does not.
    display, address = parseaddr(message_from_bytes(content)["From"])
    assert address == "hello@shop.example"
    assert str(make_header(decode_header(display))).split() == name.split()


texts = st.text(st.characters(exclude_categories=["Cs", "Cc"], include_characters="\n\t"))


@given(texts, st.none() | texts)
def test_any_body_is_read_back_as_it_was(text: str, html: str | None) -> None:
    message = read(replace(EMAIL, text=text, html=html))
    assert part(message, "plain").rstrip("\n") == text.rstrip("\n")
    if html is not None:
        assert message.get_content_type() == "multipart/alternative"
        assert part(message, "html").rstrip("\n") == html.rstrip("\n")


@given(lines, lines)
def test_what_goes_over_the_wire_is_ascii_in_short_lines(subject: str, text: str) -> None:
    content = compose(replace(EMAIL, subject=subject, text=text), at=AT).content
    assert content.isascii()
    wire = content.split(b"\r\n")
    assert all(len(line) <= 998 for line in wire)
    assert not any(b"\r" in line or b"\n" in line for line in wire)
    head = content.partition(b"\r\n\r\n")[0].split(b"\r\n")
    assert all(line.strip() for line in head)
    words = re.findall(rb"=\?utf-8\?[bq]\?[^? ]*\?=", content)
    assert all(len(word) <= 75 for word in words)


def test_html_alone_is_not_wrapped() -> None:
    message = read(replace(EMAIL, text=None, html="<p>é</p>"))
    assert message.get_content_type() == "text/html"
    assert message.get_content().strip() == "<p>é</p>"


def test_one_click_unsubscribing_survives_a_long_uri() -> None:
    # RFC 8058, 3.1: the field holds one HTTPS URI; encoded words have no place in it.
    uri = f"https://links.shop.example/u/{'a' * 300}"
    email = replace(EMAIL, list_unsubscribe=uri, list_unsubscribe_address="stop@shop.example")
    content = compose(email, at=AT).content.decode()
    assert f"List-Unsubscribe: <{uri}>,\r\n <mailto:" in content
    assert "List-Unsubscribe-Post: List-Unsubscribe=One-Click\r\n" in content


@pytest.mark.parametrize("end", ["\r\n", "\n", "\r", "\0"])
@pytest.mark.parametrize("field", ["subject", "from_", "reply_to", "header", "header name"])
def test_a_line_break_in_a_header_is_refused(field: str, end: str) -> None:
    attack = f"Hello{end}Bcc: bob@example.com"
    match field:
        case "header":
            email = replace(EMAIL, headers={"X-Shop": attack})
        case "header name":
            email = replace(EMAIL, headers={attack: "x"})
        case "subject":
            email = replace(EMAIL, subject=attack)
        case "from_":
            email = replace(EMAIL, from_=f"{attack} <hello@shop.example>")
        case _:
            email = replace(EMAIL, reply_to=f"{attack} <hello@shop.example>")
    with pytest.raises(ValueError, match=r"line break|not a header's name|neither an address"):
        compose(email, at=AT)


@given(st.text(st.characters(exclude_categories=["Cs"]), max_size=60))
def test_no_subject_adds_a_header(text: str) -> None:
    try:
        message = read(replace(EMAIL, subject=f"{text}Bcc: bob@example.com"))
    except ValueError:
        assert re.search(r"[\r\n\0]", text)
        return
    assert message.keys()[:8] == [
        "From", "To", "Subject", "Date", "Message-ID", "X-Parcours-Message", "Auto-Submitted",
        "MIME-Version",
    ]  # fmt: skip
    assert "Bcc" not in message


@pytest.mark.parametrize(
    "name", ["From", "to", "BCC", "Message-ID", "Content-Type", "X-Parcours-Message", "Received"]
)
def test_headers_of_the_message_itself_cannot_be_set(name: str) -> None:
    with pytest.raises(ValueError, match="cannot be set"):
        compose(replace(EMAIL, headers={name: "x"}), at=AT)


def test_a_domain_goes_over_the_wire_in_ascii() -> None:
    composed = compose(
        replace(EMAIL, to="ann@bücher.example", from_="Bücher <post@bücher.example>"), at=AT
    )
    # RFC 3492's own example of this label.
    assert composed.recipient == "ann@xn--bcher-kva.example"
    assert composed.sender == "post@xn--bcher-kva.example"
    assert not composed.utf8


def test_letters_outside_ascii_before_the_at_need_smtputf8() -> None:
    composed = compose(replace(EMAIL, to="zoë@bücher.example"), at=AT)
    assert composed.utf8
    assert composed.recipient == "zoë@xn--bcher-kva.example"
    assert "\r\nTo: zoë@xn--bcher-kva.example\r\n".encode() in composed.content
    assert compose(replace(EMAIL, reply_to="zoë@shop.example"), at=AT).utf8


@pytest.mark.parametrize("to", ["", "ann", "Ann <ann@example.com>", "a@b.example\r\nX: y"])
def test_a_recipient_must_be_one_bare_address(to: str) -> None:
    with pytest.raises(InvalidRecipient):
        compose(replace(EMAIL, to=to), at=AT)


@pytest.mark.parametrize("sender", ["", "Shop", "Shop <>", "<a@b.example> Shop", "a@b@c.example"])
def test_a_sender_must_be_a_mailbox(sender: str) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 - email-validator has many texts
        parse_mailbox(sender)


def test_a_message_without_a_body_or_with_a_naive_time_is_refused() -> None:
    with pytest.raises(ValueError, match="needs a text or an HTML body"):
        compose(replace(EMAIL, text=None), at=AT)
    with pytest.raises(ValueError, match="offset from UTC"):
        compose(EMAIL, at=AT.replace(tzinfo=None))


def test_a_header_too_long_for_a_line_is_refused() -> None:
    with pytest.raises(ValueError, match="998"):
        compose(replace(EMAIL, headers={"X-Shop": "a" * 1000}), at=AT)
