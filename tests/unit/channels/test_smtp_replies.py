"""What an SMTP server's refusals mean."""

import pytest

from channels.email.smtp.replies import Stage, refusal
from channels.errors import Code, NotSent, NotTaken, Refused, Unclear


@pytest.mark.parametrize(
    ("stage", "code", "text", "kind", "why"),
    [
        ("connect", 421, "4.3.2 closing", NotTaken, Code.UNAVAILABLE),
        ("connect", 554, "no SMTP service here", NotTaken, Code.UNAVAILABLE),
        ("login", 535, "5.7.8 bad credentials", NotTaken, Code.CREDENTIALS),
        ("login", 454, "4.7.0 later", NotTaken, Code.CREDENTIALS),
        ("mail", 530, "5.7.0 authenticate first", NotTaken, Code.CREDENTIALS),
        ("mail", 550, "5.7.1 not your domain", Refused, Code.SENDER_REFUSED),
        ("mail", 552, "5.3.4 too big", Refused, Code.MESSAGE_REFUSED),
        ("mail", 451, "4.3.0 later", NotTaken, Code.DEFERRED),
        ("rcpt", 450, "4.2.0 greylisted", NotTaken, Code.DEFERRED),
        ("rcpt", 452, "4.2.2 mailbox full", NotTaken, Code.DEFERRED),
        ("rcpt", 421, "4.7.0 too many", NotTaken, Code.UNAVAILABLE),
        ("rcpt", 501, "bad address", Refused, Code.ADDRESS_INVALID),
        ("rcpt", 550, "no", Refused, Code.ADDRESS_REFUSED),
        ("rcpt", 550, "5.2.1 receiving at too high a rate", Refused, Code.ADDRESS_REFUSED),
        ("rcpt", 550, "5.1.7 bad sender", Refused, Code.ADDRESS_REFUSED),
        ("rcpt", 552, "5.2.2 mailbox full", Refused, Code.ADDRESS_REFUSED),
        ("rcpt", 554, "5.7.1 relay denied", Refused, Code.ADDRESS_REFUSED),
        ("rcpt", 299, "what", NotTaken, Code.UNAVAILABLE),
        ("data", 554, "5.5.1 no recipients", Refused, Code.MESSAGE_REFUSED),
        ("end", 451, "4.7.1 try again", NotTaken, Code.DEFERRED),
        ("end", 421, "shutting down", NotTaken, Code.UNAVAILABLE),
        ("end", 554, "5.7.1 spam", Refused, Code.MESSAGE_REFUSED),
        ("end", 354, "go on", Unclear, Code.PROVIDER_FAILED),
        ("end", -1, "garbage", Unclear, Code.PROVIDER_FAILED),
    ],
)
def test_each_refusal_has_one_meaning(
    stage: Stage, code: int, text: str, kind: type[NotSent], why: Code
) -> None:
    error = refusal(stage, code, text)
    assert type(error) is kind
    assert error.code == why
    assert f"{code} {text}" in error.detail
    assert not (isinstance(error, Refused) and error.suppress)


@pytest.mark.parametrize("stage", ["rcpt", "data", "end"])
@pytest.mark.parametrize("enhanced", ["5.1.1", "5.1.2", "5.1.3", "5.1.6", "5.1.10"])
def test_an_address_that_cannot_exist_is_never_written_to_again(
    stage: Stage, enhanced: str
) -> None:
    error = refusal(stage, 550, f"{enhanced} no such user")
    assert isinstance(error, Refused)
    assert error.code == Code.ADDRESS_UNKNOWN
    assert error.suppress


def test_a_sender_that_cannot_exist_suppresses_no_recipient() -> None:
    error = refusal("mail", 550, "5.1.1 who are you")
    assert isinstance(error, Refused)
    assert not error.suppress


def test_an_enhanced_code_is_read_whole() -> None:
    error = refusal("rcpt", 550, "5.1.11 something new")
    assert isinstance(error, Refused)
    assert not error.suppress
