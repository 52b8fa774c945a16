"""The signature that receivers of webhooks check."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from channels.webhook.signature import sign, verify

# printf '1700000000.{"a":1}' | openssl dgst -sha256 -hmac whsec
BODY = b'{"a":1}'
HEADER = "t=1700000000,v1=8ad37ba156048ae0e0a5533c75cdf26fee88b07f93cb57ee4c80adb053012032"
# printf '1700000000.' | openssl dgst -sha256 -hmac whsec
EMPTY_HEADER = "t=1700000000,v1=ab5fdf6f7cdf5f7abf2f4d61c6b0376dc6bf75beafc17135e5fd06513ee7afd8"


def test_the_signature_is_what_openssl_computes() -> None:
    assert sign("whsec", BODY, at=1700000000) == HEADER
    assert sign("whsec", b"", at=1700000000) == EMPTY_HEADER


@given(st.text(min_size=1), st.binary(), st.integers(0, 10**11))
def test_a_signature_verifies(secret: str, body: bytes, at: int) -> None:
    assert verify(secret, sign(secret, body, at=at), body, now=at)


@pytest.mark.parametrize(
    ("secret", "header", "body", "now"),
    [
        ("other", HEADER, BODY, 1700000000),
        ("whsec", HEADER, BODY + b" ", 1700000000),
        ("whsec", HEADER.replace("t=17", "t=18"), BODY, 1800000000),
        ("whsec", HEADER, BODY, 1700000301),
        ("whsec", HEADER, BODY, 1699999699),
        ("whsec", "", BODY, 1700000000),
        ("whsec", "t=1700000000", BODY, 1700000000),
        ("whsec", HEADER.replace("v1", "v0"), BODY, 1700000000),
        ("whsec", HEADER.replace("t=", "t=x"), BODY, 1700000000),
    ],
)
def test_what_was_not_signed_so_or_not_now_does_not_verify(
    secret: str, header: str, body: bytes, now: int
) -> None:
    assert not verify(secret, header, body, now=now)


def test_one_fitting_signature_of_several_is_enough() -> None:
    other = sign("old", BODY, at=1700000000).partition(",")[2]
    assert verify("whsec", f"{HEADER},{other}", BODY, now=1700000000)
    assert verify("old", f"{HEADER},{other}", BODY, now=1700000000)
