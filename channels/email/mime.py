"""E-mails as bytes for a provider: headers, bodies and envelope.

Bodies are written by `bodies`, headers by this module. The folding of `email.message` turns a long
URI into encoded words, which no mail client accepts in `List-Unsubscribe`, and its folding of
quoted names has let line breaks pass in some versions.
"""

from __future__ import annotations

import asyncio
import re
from base64 import b64encode
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import format_datetime
from functools import lru_cache
from urllib.parse import quote

from channels.adapter import Email
from channels.email.bodies import body
from channels.errors import Code, Refused
from journeys.model.addresses import parse_email

MESSAGE_HEADER = "X-Parcours-Message"
"""The header with our message id, by which notifications name the message."""

MESSAGE_TAG = "parcours-message"
"""The tag with our message id, for providers that repeat tags in their notifications.

It is not in an adapter, so that reading notifications does not load the provider's client."""

_OURS = frozenset(
    {
        "from", "to", "cc", "bcc", "reply-to", "sender", "return-path", "subject", "date",
        "message-id", "mime-version", "received", "dkim-signature", "list-unsubscribe",
        "list-unsubscribe-post", "list-id", "feedback-id", "auto-submitted", MESSAGE_HEADER.lower(),
    }
)  # fmt: skip

_NAME = re.compile(r"[!-9;-~]+")
"""The name of a header (RFC 5322, 2.2): printable ASCII without the colon."""

_FORBIDDEN = re.compile(r"[\r\n\0]")
_OTHER_BREAKS = re.compile(r"[\v\f\x1c-\x1e\x85\u2028\u2029]")
"""Other characters that end a line for `str.splitlines`, and so for parts of `email`."""

_PLAIN = re.compile(r"[ -~]*")
"""Text that needs no encoding in a header, unless it looks like an encoded word."""

_MAILBOX = re.compile(r"\s*(?:(?P<name>[^<>]*?)\s*<(?P<address>[^<>]*)>|(?P<bare>[^<>]*?))\s*")
_ATOMS = re.compile(r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~ -]+")
"""A display name that needs no quotes (RFC 5322, 3.2.3)."""

_LINE_LIMIT = 998
"""The most octets of a line without its line break (RFC 5322, 2.1.1)."""

_HEAD_LIMIT = 64 * 1024
"""The most octets of all headers together."""

_LINK = re.compile(r"https?://[!#-;=?-~]+")
"""A URL that may stand in `List-Unsubscribe` (RFC 8058, 3.1)."""
_LABEL = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?", re.IGNORECASE)
_NOT_IN_FEEDBACK = re.compile(r"[^A-Za-z0-9_.-]+")
_FEEDBACK_SENDER = "parcours"
"""The last field of `Feedback-ID`: Gmail wants 5 to 15 characters that never change."""

_IN_A_THREAD = 100_000
"""Octets of attachments from which a message is written in a thread."""

_WORD_OCTETS = 45
"""The most octets of text in an encoded word, which has at most 75 characters (RFC 2047)."""


class InvalidRecipient(ValueError):
    """The recipient's address is not valid."""


@dataclass(frozen=True, slots=True)
class Mailbox:
    """A display name, which may be empty, and an address with its domain in ASCII."""

    name: str
    address: str


@dataclass(frozen=True, slots=True)
class Composed:
    """A message and its envelope.

    `utf8`: an address has non-ASCII characters before the @, so the message needs a server with
    SMTPUTF8 (RFC 6531). Otherwise `content` is ASCII. Its lines end with CRLF.
    """

    sender: str
    """The address of the envelope, to which bounces go."""
    recipient: str
    content: bytes
    utf8: bool


# Most mails of an installation have the same few senders.
@lru_cache(maxsize=1024)
def parse_mailbox(text: str) -> Mailbox:
    """The mailbox of `address` or `Name <address>`. Raises ValueError that says what is wrong."""
    match = _MAILBOX.fullmatch(text)
    if match is None:
        raise ValueError(f"{text!r} is neither an address nor a name with an <address>")
    name, address = match["name"] or "", match["bare"] or match["address"] or ""
    if len(name) >= 2 and name[0] == name[-1] == '"':
        name = re.sub(r"\\(.)", r"\1", name[1:-1])
    return Mailbox(name, _wire_address(address))


def compose(email: Email, *, at: datetime) -> Composed:
    """The bytes of a message, dated `at`.

    Raises InvalidRecipient if `to` is not an address. Raises ValueError for a sender that is not an
    address, a line break in a header, a header that this module writes itself, no body, and a
    naive `at`.
    """
    if at.tzinfo is None:
        raise ValueError("the time of a message needs an offset from UTC")
    if email.text is None and email.html is None:
        raise ValueError("an e-mail needs a text or an HTML body")
    try:
        recipient = _wire_address(email.to)
    except ValueError as error:
        raise InvalidRecipient(str(error)) from None
    author = parse_mailbox(email.from_)
    sender = author.address if email.return_path is None else _wire_address(email.return_path)
    domain = author.address.rpartition("@")[2]
    addresses = [author.address, recipient, sender]

    lines = [
        _mailbox_header("From", author),
        f"To: {recipient}",
        _text_header("Subject", email.subject),
        f"Date: {format_datetime(at)}",
        f"Message-ID: <{email.message_id}@{domain}>",
        f"{MESSAGE_HEADER}: {email.message_id}",
    ]
    if email.reply_to is not None:
        reply_to = parse_mailbox(email.reply_to)
        addresses.append(reply_to.address)
        lines.append(_mailbox_header("Reply-To", reply_to))
    lines += _list_headers(email, domain)
    if email.feedback_id:
        lines.append(f"Feedback-ID: {feedback_id(email.feedback_id)}")
    lines += [_additional_header(name, value) for name, value in email.headers.items()]
    lines.append("MIME-Version: 1.0")

    head = "\r\n".join(lines).encode()
    if any(len(line) > _LINE_LIMIT for line in head.split(b"\r\n")):
        raise ValueError(f"a header has a line of more than {_LINE_LIMIT} octets")
    if len(head) > _HEAD_LIMIT:
        raise ValueError(f"the headers have more than {_HEAD_LIMIT} octets")
    content = body(email.text, email.html, email.attachments, email.message_id.hex)
    return Composed(
        sender=sender,
        recipient=recipient,
        content=head + b"\r\n" + content,
        utf8=not all(address.isascii() for address in addresses),
    )


def feedback_id(names: Sequence[str]) -> str:
    """The value of `Feedback-ID`: three fields, which may be empty, and the sender's.

    Gmail counts complaints by each field, and shows those of many messages only.
    """
    fields = [_NOT_IN_FEEDBACK.sub("_", name)[:64] for name in names[:3]]
    return ":".join([*fields, *[""] * (3 - len(fields)), _FEEDBACK_SENDER])


def _list_headers(email: Email, domain: str) -> list[str]:
    """The headers of marketing mail, by which mail programs offer to unsubscribe.

    They also keep programs from answering that their user is away. Other mail says so by
    `Auto-Submitted` (RFC 3834).
    """
    if email.list_unsubscribe is None:
        return ["Auto-Submitted: auto-generated"]
    if not _LINK.fullmatch(email.list_unsubscribe):
        raise ValueError("List-Unsubscribe needs a URL of ASCII characters")
    links = [f"<{email.list_unsubscribe}>"]
    if email.list_unsubscribe_address is not None:
        address = _wire_address(email.list_unsubscribe_address)
        links.append(f"<mailto:{quote(address, safe='@+')}?subject=unsubscribe>")
    headers = [
        "List-Unsubscribe: " + ",\r\n ".join(links),
        "List-Unsubscribe-Post: List-Unsubscribe=One-Click",
    ]
    if email.list_id is not None and _LABEL.fullmatch(email.list_id):
        headers.append(f"List-ID: <{email.list_id}.{domain}>")
    return headers


async def compose_or_refuse(email: Email) -> Composed:
    """The bytes of a message, dated now. Raises `Refused` if it cannot be written.

    A large message is written in a thread: its bytes take milliseconds.
    """
    at = datetime.now(UTC)
    large = sum(len(each.content) for each in email.attachments) > _IN_A_THREAD
    try:
        if large:
            return await asyncio.to_thread(compose, email, at=at)
        return compose(email, at=at)
    except InvalidRecipient as error:
        raise Refused(Code.ADDRESS_INVALID, str(error)) from None
    except ValueError as error:
        raise Refused(Code.MESSAGE_INVALID, str(error)) from None


def _wire_address(text: str) -> str:
    parsed = parse_email(text)
    return f"{parsed.local_part}@{parsed.ascii_domain}"


def _one_line(name: str, value: str) -> str:
    if _FORBIDDEN.search(value):
        raise ValueError(
            f"the header {name} holds a line break or a NUL character: it must be one line of text"
        )
    return _OTHER_BREAKS.sub(" ", value)


def _text_header(name: str, value: str) -> str:
    value = _one_line(name, value).strip()
    if _PLAIN.fullmatch(value) and "=?" not in value:
        return _folded(f"{name}: {value}")
    return f"{name}: {_encoded(value)}"


def _mailbox_header(name: str, mailbox: Mailbox) -> str:
    display = _one_line(name, mailbox.name)
    if not display:
        return f"{name}: {mailbox.address}"
    if not _PLAIN.fullmatch(display) or "=?" in display:
        return f"{name}: {_encoded(display)}\r\n <{mailbox.address}>"
    if not _ATOMS.fullmatch(display):
        display = '"' + re.sub(r'(["\\])', r"\\\1", display) + '"'
    return _folded(f"{name}: {display} <{mailbox.address}>")


def _encoded(value: str) -> str:
    """The text as encoded words (RFC 2047), one a line, each of whole characters."""
    words, chunk = [], b""
    for character in value:
        octets = character.encode()
        if len(chunk) + len(octets) > _WORD_OCTETS:
            words.append(chunk)
            chunk = b""
        chunk += octets
    words.append(chunk)
    return "\r\n ".join(f"=?utf-8?b?{b64encode(word).decode()}?=" for word in words)


def _folded(line: str) -> str:
    """A header line, folded at single spaces where it is too long.

    It is not folded within a word, so that a URI stays whole, or before the first word, so that no
    line is blank.
    """
    name, _, value = line.partition(": ")
    lines = [f"{name}:"]
    for number, word in enumerate(re.split(r"(?<=[^ ]) (?=[^ ])", value)):
        if number > 0 and len(lines[-1]) + 1 + len(word) > 78:
            lines.append("")
        lines[-1] += " " + word
    return "\r\n".join(lines)


def _additional_header(name: str, value: str) -> str:
    if not _NAME.fullmatch(name):
        raise ValueError(f"{name!r} is not a header's name: letters, digits and hyphens make one")
    if name.lower() in _OURS or name.lower().startswith("content-"):
        raise ValueError(f"the header {name} cannot be set: it is written from the message itself")
    return _text_header(name, value)
