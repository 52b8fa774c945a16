"""What an answer to a webhook call means."""

import gzip
from datetime import UTC, datetime

import pytest

from channels.errors import Code, NotSent, NotTaken, Refused, Unclear
from channels.webhook.answers import KEPT, Answer, classify, retry_after

NOW = datetime(1999, 12, 31, 23, 58, 59, tzinfo=UTC)
YEAR = 366 * 86400.0


def answer(status: int, body: bytes = b"", **headers: str) -> Answer:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return Answer(status, named, bytearray(body), complete=True)


@pytest.mark.parametrize("status", [200, 201, 202, 204, 299])
def test_any_2xx_is_a_success(status: int) -> None:
    assert classify(answer(status), now=NOW).facts == {"status": status, "body": None}


@pytest.mark.parametrize(
    ("status", "kind", "code"),
    [
        (408, NotTaken, Code.DEFERRED),
        (425, NotTaken, Code.DEFERRED),
        (429, NotTaken, Code.THROTTLED),
        (500, NotTaken, Code.DEFERRED),
        (503, NotTaken, Code.UNAVAILABLE),
        (304, Refused, Code.ANSWER_REFUSED),
        (400, Refused, Code.ANSWER_REFUSED),
        (401, Refused, Code.ANSWER_REFUSED),
        (404, Refused, Code.ANSWER_REFUSED),
        (409, Refused, Code.ANSWER_REFUSED),
        (410, Refused, Code.ANSWER_REFUSED),
        (501, Refused, Code.ANSWER_REFUSED),
        (502, Unclear, Code.PROVIDER_FAILED),
        (504, Unclear, Code.PROVIDER_FAILED),
        (524, Unclear, Code.PROVIDER_FAILED),
    ],
)
def test_each_failure_has_one_meaning(status: int, kind: type[NotSent], code: Code) -> None:
    with pytest.raises(NotSent) as failed:
        classify(answer(status, b'{"why": 1}'), now=NOW)
    assert type(failed.value) is kind
    assert failed.value.code == code
    assert failed.value.facts == {"status": status, "body": {"why": 1}}
    assert not (isinstance(failed.value, Refused) and failed.value.suppress)


def test_the_asked_delay_is_passed_on() -> None:
    with pytest.raises(NotTaken) as failed:
        classify(answer(503, retry_after="120"), now=NOW)
    assert failed.value.retry_after == 120


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        # RFC 9110, 10.2.3: both forms.
        ("120", 120.0),
        ("Fri, 31 Dec 1999 23:59:59 GMT", 60.0),
        # RFC 9110, 5.6.7: obsolete forms that recipients must read.
        ("Friday, 31-Dec-99 23:59:59 GMT", 60.0),
        ("Fri Dec 31 23:59:59 1999", 60.0),
        ("Thu, 01 Jan 1998 00:00:00 GMT", 0.0),
        ("0", 0.0),
        # Longer than any call is tried again: a year is as good as never.
        ("999999999999", YEAR),
        ("9" * 400, YEAR),
        ("Fri, 31 Dec 9999 23:59:59 GMT", YEAR),
        ("Fri, 31 Dec 9999 23:59:59 -2359", YEAR),
        ("Fri, 31 Dec 99999 23:59:59 GMT", None),
        ("Fri, 31 Dec 1999 23:59:59 +99999999999", None),
        ("soon", None),
        ("-5", None),
        ("1.5", None),
        ("", None),
        (None, None),
    ],
)
def test_retry_after_is_read_in_seconds_or_as_a_date(
    value: str | None, seconds: float | None
) -> None:
    assert retry_after(value, now=NOW) == seconds


@pytest.mark.parametrize(
    ("body", "kept"),
    [
        (b'{"items": [1, 2.5, null]}', {"items": [1, 2.5, None]}),
        (b'\xef\xbb\xbf{"a": 1}', {"a": 1}),
        (b"true", True),
        (b"OK", "OK"),
        (b"<p>caf\xc3\xa9</p>", "<p>café</p>"),
        (b"caf\xe9\0", "caf\ufffd\ufffd"),
        (b"NaN", "NaN"),
        (b"", None),
    ],
)
def test_a_body_is_kept_as_its_json_value_or_as_text(body: bytes, kept: object) -> None:
    assert answer(200, body).facts["body"] == kept


def test_a_long_body_is_cut_and_says_so() -> None:
    long = Answer(200, {})
    assert long.take(b'"' + b"a" * (KEPT - 2))
    assert not long.take(b'a"')
    assert len(long.body) == KEPT
    assert long.facts == {"status": 200, "body": '"' + "a" * (KEPT - 1), "truncated": True}


def test_a_compressed_body_that_was_not_asked_for_is_not_unpacked() -> None:
    packed = gzip.compress(b'{"a": 1}')
    body = answer(200, packed, content_encoding="gzip").facts["body"]
    assert isinstance(body, str)
