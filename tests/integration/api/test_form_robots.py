"""Robots that fill in forms: refused, while a person can go on."""

from __future__ import annotations

import re
import time
from collections.abc import AsyncIterator

import pytest

from api.public.form_robots import FORM_LIMIT, NETWORK_LIMIT, FormRates
from infra.settings import Settings
from tests.support.form_sites import ADA, Pool, Site, serving_forms, stamp


@pytest.fixture
async def site(settings: Settings, pool: Pool) -> AsyncIterator[Site]:
    async with serving_forms(settings, pool) as site:
        yield site


@pytest.mark.parametrize(
    ("fields", "status", "code", "words"),
    [
        ({"_website": "x"}, 403, "robot_hidden", "a hidden field, which people leave empty"),
        ({"_stamp": "now"}, 409, "robot_soon", "That was very quick."),
        ({"_stamp": stamp("quote")}, 403, "robot_forged", "send them once more"),
        ({"_stamp": stamp("sign-up", key="x" * 32)}, 403, "robot_forged", "send them once more"),
        ({"_stamp": stamp("sign-up", 90_000)}, 409, None, "send them once more"),
        ({"_stamp": ""}, 409, None, "send them once more"),
    ],
)
async def test_a_robot_is_refused_and_a_person_sends_once_more(
    site: Site, fields: dict[str, str], status: int, code: str | None, words: str
) -> None:
    if fields.get("_stamp") == "now":
        # By a clock that is ahead, so that a slow machine is not too late.
        fields = {"_stamp": stamp("sign-up", -30)}
    answer = await site.send(email=ADA, first_name="Ada", **fields)
    assert answer.status_code == status
    assert words in answer.text
    assert f'value="{ADA}"' in answer.text
    assert await site.submitted() == []
    assert await site.rows("select 1 from contact") == []
    kept = await site.rows("select name, code, source, body, whole from rejected_item")
    expected = [("Form Submitted", code, "form", '{"form":"sign-up"}', False)] if code else []
    assert kept == expected
    # The page that came back holds everything but what was wrong.
    found = re.search('name="_stamp" value="([^"]+)"', answer.text)
    assert found is not None
    typed = re.search(r'<input type="text" value="Ada"[^>]* name="first_name"', answer.text)
    assert typed is not None
    trap = 'name="_website" type="text" tabindex="-1" autocomplete="off">'
    # A browser that fills in the hidden field does not find it a second time.
    assert (trap in answer.text) == ("_website" not in fields)


async def test_a_network_that_sends_too_many_is_asked_to_wait(site: Site) -> None:
    answers = [await site.send(email=f"a{n}@example.com") for n in range(NETWORK_LIMIT + 3)]
    statuses = [answer.status_code for answer in answers]
    # The minute may have turned in between.
    assert 200 in statuses
    if 429 in statuses:
        first = statuses.index(429)
        assert first <= NETWORK_LIMIT
        assert answers[first].headers["retry-after"] == "60"
        assert "Please wait a minute" in answers[first].text
        assert 'value="a' in answers[first].text
    assert len(await site.submitted()) == statuses.count(200)


def test_rates_are_by_network_and_by_form_in_a_bounded_memory(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    now = [1_000.0]
    monkeypatch.setattr(time, "monotonic", lambda: now[0])
    rates = FormRates()
    taken = [rates.allow("a", "192.0.2.1") for _ in range(NETWORK_LIMIT + 5)]
    assert taken == [True] * NETWORK_LIMIT + [False] * 5
    assert rates.allow("a", "192.0.2.2")
    # One subscriber has 64 bits of addresses in IPv6.
    six = [rates.allow("b", f"2001:db8::{n:x}") for n in range(NETWORK_LIMIT + 1)]
    assert six == [True] * NETWORK_LIMIT + [False]
    assert rates.allow("b", "2001:db8:1::1")
    # What a refused network sends does not use up what the form may take from others.
    for n in range(FORM_LIMIT - NETWORK_LIMIT - 1):
        assert rates.allow("a", f"10.0.{n // 250}.{n % 250}")
    assert not rates.allow("a", "10.9.0.1")
    assert rates.allow("b", "10.9.0.2")
    now[0] += 60
    assert rates.allow("a", "192.0.2.1")
    for n in range(60_000):
        rates.allow("a", f"10.{n // 60_000}.{n // 250 % 250}.{n % 250}x{n}")
    assert len(rates._counts) <= 50_002
