"""Tokens of links and the URLs of messages: shape, signatures, rotation of keys."""

import base64
import hashlib
import hmac
import string
from typing import get_args
from urllib.parse import parse_qs, urlsplit
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from journeys.links.message_urls import MessageLinks, decode_target, encode_target
from journeys.links.tokens import LinkKeys, LinkKind, Token

NEW, OLD, FOREIGN = "n" * 32, "o" * 48, "f" * 32
MESSAGE = UUID("0190c0de-0000-7000-8000-000000000001")
KINDS = st.sampled_from(get_args(LinkKind))
TARGETS = st.one_of(
    st.just(""),
    st.text(st.characters(exclude_categories=["Cs"]), max_size=60),
    st.sampled_from(
        ["https://shop.example/?a=1&b=2#top", "https://example.com/été?q=%20+", "http://[::1]/"]
    ),
)


@pytest.mark.parametrize("key", ["n" * 32, "n" * 64, "n" * 65, "é" * 64, "n" * 256])
def test_a_token_is_kind_message_index_and_a_short_hmac(key: str) -> None:
    text = LinkKeys([key]).token("open", MESSAGE, 258, "https://a.example/")
    head = bytes([2]) + MESSAGE.bytes + bytes([1, 2])
    signed = b"parcours.link.1\0" + head + b"https://a.example/"
    signature = hmac.new(key.encode(), signed, hashlib.sha256).digest()[:12]
    assert base64.urlsafe_b64decode(text + "==") == head + signature
    assert len(text) == 42


@given(KINDS, st.uuids(), st.integers(0, 0xFFFF), TARGETS)
def test_any_key_of_the_list_reads_what_it_signed(
    kind: LinkKind, message: UUID, index: int, target: str
) -> None:
    text = LinkKeys([OLD]).token(kind, message, index, target)
    assert set(text) <= set(string.ascii_letters + string.digits + "-_")
    assert LinkKeys([NEW, OLD]).read(text, target) == Token(kind, message, index)
    assert LinkKeys([NEW, OLD]).token(kind, message, index, target) != text
    assert LinkKeys([NEW, FOREIGN]).read(text, target) is None


@given(KINDS, st.integers(0, 41), st.sampled_from(string.ascii_letters + string.digits + "-_"))
def test_a_token_with_another_character_is_refused(kind: LinkKind, place: int, put: str) -> None:
    keys = LinkKeys([NEW, OLD])
    text = keys.token(kind, MESSAGE, 3, "https://a.example/")
    changed = text[:place] + put + text[place + 1 :]
    read = keys.read(changed, "https://a.example/")
    assert (read is None) == (changed != text)


@given(TARGETS, TARGETS)
def test_a_token_leads_to_its_own_target_alone(target: str, other: str) -> None:
    keys = LinkKeys([NEW])
    read = keys.read(keys.token("click", MESSAGE, 0, target), other)
    assert (read is None) == (target != other)


@given(
    st.one_of(st.text(), st.text(string.ascii_letters + string.digits, min_size=42, max_size=42))
)
def test_no_other_text_is_a_token(text: str) -> None:
    assert LinkKeys([NEW]).read(text) is None


@pytest.mark.parametrize("keys", [[], ["x" * 31], ["x" * 257], ["x" * 32] * 33])
def test_keys_out_of_bounds_are_refused(keys: list[str]) -> None:
    with pytest.raises(ValueError, match="key"):
        LinkKeys(keys)


def test_urls_have_the_paths_of_the_contract() -> None:
    urls = MessageLinks("https://l.example/x", LinkKeys([NEW])).of(MESSAGE)
    for url, path in [
        (urls.unsubscribe, "/x/u/"),
        (urls.preferences, "/x/p/"),
        (urls.confirm, "/x/c/"),
        (urls.view, "/x/v/"),
        (urls.hidden, "/x/l/"),
    ]:
        found = urlsplit(url).path
        assert found.startswith(path)
        assert len(found) == len(path) + 42
    assert urls.open.startswith("https://l.example/x/o/")
    assert urls.open.endswith(".gif")
    assert urls.short("abc") == "https://l.example/x/s/abc"


@given(TARGETS, st.integers(0, 500))
def test_a_click_carries_its_target(target: str, index: int) -> None:
    keys = LinkKeys([NEW])
    url = urlsplit(MessageLinks("https://l.example", keys).of(MESSAGE).click(index, target))
    (text,) = parse_qs(url.query, keep_blank_values=True)["u"]
    assert decode_target(text) == target
    assert keys.read(url.path.removeprefix("/l/"), target) == Token("click", MESSAGE, index)
    assert not set(url.query) & set("&%+# ")


@given(st.text())
def test_a_query_is_a_target_or_nothing(text: str) -> None:
    target = decode_target(text)
    assert target is None or decode_target(encode_target(target)) == target
