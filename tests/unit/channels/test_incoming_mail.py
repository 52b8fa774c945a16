"""Mail that comes to our addresses: reports, replies, automatic answers, and nonsense."""

from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime
from time import process_time
from uuid import UUID, uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st

from channels.email.incoming_mail import parse_mail
from channels.email.return_addresses import KINDS, ReturnAddress, ReturnAddresses, ReturnKind
from channels.notifications import Notification, Unreadable
from tests.support.returned_mail import ARF, DSN, ORIGINAL, REPLY

MESSAGE = UUID("11111111-2222-3333-4444-555555555555")
OURS = ReturnAddresses("Bounces.example.com", ["k" * 32])
BOUNCE = OURS.address("bounce", MESSAGE)
PLAIN = "bounce@bounces.example.com"


def dsn(
    status: str = "5.1.1",
    action: str = "failed",
    *,
    to: str = BOUNCE,
    returned: str = "message/rfc822",
    inner: UUID = MESSAGE,
    headers: str = "",
) -> bytes:
    text = DSN.format(
        to=to, action=action, status=status, returned=returned,
        inner=headers + ORIGINAL.format(message=inner),
    )  # fmt: skip
    return text.replace("\n", "\r\n").encode()


def arf(to: str, *, kind: str = "abuse", headers: str = "") -> bytes:
    inner = headers + ORIGINAL.format(message=MESSAGE)
    return ARF.format(to=to, kind=kind, inner=inner).encode()


def reply(to: str = "shop@example.com", message: UUID = MESSAGE, header: str = "") -> bytes:
    return REPLY.format(to=to, message=message, header=header).encode()


def parse(raw: bytes, *recipients: str, sender: str | None = None) -> Notification | None:
    found = parse_mail(raw, recipients or [BOUNCE], OURS, sender=sender)
    assert len(found) <= 1
    return found[0] if found else None


@pytest.mark.parametrize(
    ("status", "kind", "cause"),
    [
        ("5.1.1", "hard", None),
        ("5.1.10", "hard", None),
        ("5.2.1", "hard", None),
        ("5.4.4", "hard", None),
        ("5.0.0", "hard", None),
        ("5.2.2", "soft", None),
        ("4.2.2", "soft", None),
        ("4.4.7", "soft", None),
        ("5.3.0", "soft", None),
        ("5.2.3", "soft", "message"),
        ("5.3.4", "soft", "message"),
        ("5.7.1", "soft", "message"),
        ("4.7.1", "soft", "message"),
        ("5.6.0", "soft", "message"),
    ],
)
def test_a_delivery_status_is_a_hard_or_a_soft_bounce(
    status: str, kind: str, cause: str | None
) -> None:
    found = parse(dsn(status))
    assert found is not None
    assert (found.name, found.message_id) == ("Message Bounced", MESSAGE)
    assert found.happened_at == datetime(2025, 11, 2, 9, tzinfo=UTC)
    expected = {
        "type": kind,
        "status": status,
        "detail": f"smtp; 550 {status} <ann@example.com>: no such user here",
    }
    assert found.properties == (expected if cause is None else expected | {"cause": cause})


@pytest.mark.parametrize(
    ("action", "name"),
    [
        ("failed", "Message Bounced"), ("delayed", "Message Delayed"),
        ("delivered", "Message Delivered"), ("relayed", None), ("expanded", None), ("lost", None),
    ],
)  # fmt: skip
def test_an_action_of_a_delivery_status_is_an_event(action: str, name: str | None) -> None:
    found = parse(dsn(action=action))
    assert (found and found.name) == name


@pytest.mark.parametrize(
    "returned", ["message/rfc822", "text/rfc822-headers", "text/rfc822-headers; charset=nonsense"]
)
def test_a_signed_address_in_the_returned_headers_names_the_message(returned: str) -> None:
    leave = OURS.address("unsubscribe", MESSAGE)
    listed = f"List-Unsubscribe: <https://x.example/>,\n <mailto:{leave}?subject=unsubscribe>\n"
    for headers in (f"Return-Path: <{BOUNCE}>\n", listed):
        found = parse(dsn(to=PLAIN, returned=returned, headers=headers), PLAIN)
        assert found is not None
        assert found.message_id == MESSAGE


@pytest.mark.parametrize("make", [dsn, lambda to, headers="": arf(to, headers=headers)])
def test_a_report_by_someone_who_only_knows_the_message_id_is_no_report(
    make: Callable[..., bytes],
) -> None:
    """The id can be read from each link of a message; the reply address, from each answer to it."""
    answers = OURS.address("reply", MESSAGE)
    foreign = ReturnAddresses("bounces.example.com", ["x" * 32]).address("bounce", MESSAGE)
    for to in (PLAIN, "reply@bounces.example.com", answers):
        assert parse(make(to=to), to) is None
        for known in (answers, foreign):
            assert parse(make(to=to, headers=f"Return-Path: <{known}>\n"), to) is None


def test_the_signed_address_is_believed_before_the_header() -> None:
    found = parse(dsn(inner=uuid4()))
    assert found is not None
    assert found.message_id == MESSAGE


@pytest.mark.parametrize(
    "raw",
    [
        b'Content-Type: multipart/report; a="' + b'\r\n ;\\"' * 40_000 + b"\r\n\r\n5.1.1",
        b"Content-Type: multipart/mixed; boundary=b\r\n\r\n" + b"--b\r\n\r\n" * 1_400_000,
        b"Content-Type: multipart/mixed; boundary=b\r\n\r\n"
        + (b"--b\r\nContent-Type: multipart/mixed" + b';\r\n a="b"' * 1_000 + b"\r\n\r\n") * 50,
    ],
    ids=["parameters", "parts", "parameters of parts"],
)
def test_a_mail_that_is_slow_to_parse_is_cut(raw: bytes) -> None:
    began = process_time()
    with suppress(Unreadable):
        parse(raw, PLAIN, sender="")
    assert process_time() - began < 5


def test_a_long_message_is_returned_with_its_report() -> None:
    raw = dsn().replace(b"Hello Ann", b"Hello Ann\r\n" * 100_000)
    assert len(raw) > 1_000_000
    found = parse(raw)
    assert found is not None
    assert found.name == "Message Bounced"


def test_a_repeated_report_has_the_same_id() -> None:
    one, same = parse(dsn()), parse(dsn(), BOUNCE.upper())
    assert one is not None
    assert one == same


def test_a_bounce_in_no_standard_form_is_searched_for_its_status() -> None:
    raw = b"From: x@example.net\r\n\r\nfailed: 550-5.1.1 no such account\r\n"
    found = parse(raw, sender="")
    assert found is not None
    assert found.properties["type"] == "hard"
    assert found.properties["status"] == "5.1.1"
    vague = parse(b"From: x@example.net\r\n\r\nIt did not work.\r\n", sender="")
    assert vague is not None
    assert vague.properties == {"type": "soft", "code": "unclear", "cause": "message"}


@pytest.mark.parametrize(
    ("kind", "name"),
    [
        ("abuse", "Message Complained"), ("fraud", "Message Complained"),
        ("virus", "Message Complained"), ("other", "Message Complained"), ("not-spam", None),
        ("opt-out-list", "Topic Unsubscribed"), ("auth-failure", None),
    ],
)  # fmt: skip
def test_an_abuse_report_is_a_complaint(kind: str, name: str | None) -> None:
    found = parse(arf(PLAIN, kind=kind, headers=f"Return-Path: <{BOUNCE}>\n"), PLAIN)
    assert (found and (found.name, found.message_id)) == (name and (name, MESSAGE))


@pytest.mark.parametrize("to", [OURS.address("reply", MESSAGE), "reply@bounces.example.com"])
def test_a_reply_is_one_with_its_words_and_without_the_quoted_message(to: str) -> None:
    found = parse(reply(to), to, sender="ann@example.com")
    assert found is not None
    assert (found.name, found.message_id) == ("Message Replied", MESSAGE)
    assert found.properties == {"subject": "Re: Héllo", "text": "Yes, I would like that."}


@pytest.mark.parametrize(
    "header",
    [
        "Auto-Submitted: auto-replied (vacation)", "Auto-Submitted: auto-generated",
        "X-Autoreply: yes", "Precedence: auto_reply", "Precedence: bulk", "Return-Path: <>",
        "X-Failed-Recipients: a@example.com",
    ],
)  # fmt: skip
def test_an_automatic_answer_is_no_reply(header: str) -> None:
    to = OURS.address("reply", MESSAGE)
    assert parse(reply(to, header=f"{header}\n"), to) is None
    assert parse(reply(to, header="Auto-Submitted: no\n"), to) is not None
    assert parse(reply(to), to, sender="") is None


def test_a_read_receipt_is_no_reply() -> None:
    to = OURS.address("reply", MESSAGE)
    raw = dsn(to=to).replace(b"delivery-status", b"disposition-notification")
    assert parse(raw, to) is None


def test_mail_to_the_unsubscribe_address_ends_the_consent() -> None:
    to = OURS.address("unsubscribe", MESSAGE)
    found = parse(b"From: ann@example.com\r\nSubject: unsubscribe\r\n\r\n", to)
    assert found is not None
    assert (found.name, found.message_id) == ("Topic Unsubscribed", MESSAGE)
    assert (
        parse(reply("unsubscribe@bounces.example.com"), "unsubscribe@bounces.example.com") is None
    )


@pytest.mark.parametrize("kind", KINDS)
def test_an_address_names_its_message_in_any_case_and_under_an_old_key(kind: ReturnKind) -> None:
    address = OURS.address(kind, MESSAGE)
    assert len(address.partition("@")[0]) <= 64
    rotated = ReturnAddresses("bounces.example.com", ["n" * 32, "k" * 32])
    for spelled in (address, address.upper(), address.title()):
        assert rotated.read(spelled) == ReturnAddress(kind, MESSAGE)
    assert ReturnAddresses("bounces.example.com", ["n" * 32]).read(address) is None
    assert ReturnAddresses("example.com", ["k" * 32]).read(address) is None


def test_a_forged_address_is_refused() -> None:
    token = BOUNCE.partition("+")[2]
    assert OURS.read(f"reply+{token}") is None
    for place in range(42):
        other = "a" if token[place] != "a" else "b"
        assert OURS.read(f"bounce+{token[:place]}{other}{token[place + 1 :]}") is None
    assert parse_mail(dsn(), ["bounce+x@bounces.example.com", "shop@example.com"], OURS) == []


@given(st.binary(max_size=2_000), st.sampled_from(KINDS))
def test_any_bytes_are_read_or_refused(noise: bytes, kind: ReturnKind) -> None:
    for raw in (noise, dsn().replace(b"5.1.1", noise, 1), dsn()[: len(noise)] + noise):
        with suppress(Unreadable):
            parse_mail(raw, [OURS.address(kind, MESSAGE)], OURS)
