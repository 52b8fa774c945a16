"""Tokens of visits, and which sites get them."""

from __future__ import annotations

from datetime import UTC, datetime
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from journeys.links.tokens import LinkKeys
from journeys.links.visits import Sites

NEW, OLD = "n" * 32, "o" * 32
AT = datetime(2026, 11, 30, 7, 30, tzinfo=UTC)


@given(message=st.uuids(), seconds=st.integers(0, 2**32 - 1))
def test_a_token_says_message_and_time_under_any_of_the_keys(message: UUID, seconds: int) -> None:
    at = datetime.fromtimestamp(seconds, UTC)
    token = LinkKeys([OLD]).visit(message, at)
    assert len(token) == 43
    read = LinkKeys([NEW, OLD]).read_visit(token)
    assert read is not None
    assert (read.message_id, read.clicked_at) == (message, at)
    assert LinkKeys([NEW]).read_visit(token) is None


@given(place=st.integers(0, 42), character=st.sampled_from("AZaz09-_"))
def test_a_changed_token_is_none(place: int, character: str) -> None:
    keys = LinkKeys([NEW])
    token = keys.visit(UUID(int=7), AT)
    changed = token[:place] + character + token[place + 1 :]
    assert (keys.read_visit(changed) is None) == (changed != token)


def test_tokens_of_links_and_of_visits_are_not_taken_for_each_other() -> None:
    keys = LinkKeys([NEW])
    assert keys.read(keys.visit(UUID(int=7), AT)) is None
    assert keys.read_visit(keys.token("click", UUID(int=7))) is None


@pytest.mark.parametrize(
    ("url", "ours"),
    [
        ("https://shop.example", True),
        ("https://shop.example/", True),
        ("https://SHOP.example:8443/a?b#c", True),
        ("http://shop.example?a", True),
        ("https://www.shop.example/", False),
        ("https://eu.brand.example/", True),
        ("https://a.eu.brand.example/", True),
        ("https://brand.example/", False),
        ("https://abrand.example/", False),
        ("http://127.0.0.1:8080/", True),
        ("http://127.0.0.1/", False),
        ("http://127.0.0.1:80800/", False),
        ("https://shop.example.evil.example/", False),
        ("https://shop.example@evil.example/", False),
        ("https://user@shop.example/", False),
        ("https://evil.example/https://shop.example/", False),
        ("https://evil.example%5C@shop.example/", False),
        ("https://shop.example:x/", False),
        ("https://shop.example.", False),
        ("ftp://shop.example/", False),
        ("//shop.example/", False),
        ("", False),
    ],
)
def test_a_site_is_ours_by_its_host_alone(url: str, ours: bool) -> None:
    sites = Sites(["shop.example", "*.Brand.example", "127.0.0.1:8080"])
    assert sites.has(url) is ours


@pytest.mark.parametrize("wrong", ["https://shop.example", "shop.example/", "*", "a b", "-a", ""])
def test_what_is_no_host_is_refused(wrong: str) -> None:
    with pytest.raises(ValueError, match="is no host"):
        Sites([wrong])
