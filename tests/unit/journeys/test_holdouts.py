"""Holdouts: whom they draw, what they cover, and what makes a comparison another one."""

import hashlib
import math
import re
from datetime import UTC, datetime
from typing import Any
from uuid import UUID, uuid4
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from journeys.checks.references import KnownKeys
from journeys.checks.validation import check
from journeys.model.arms import bucket
from journeys.model.documents import load
from journeys.model.holdouts import Holdout
from journeys.source.parsing import parse

PARIS = ZoneInfo("Europe/Paris")
CONTACTS = [UUID(int=number * 7919 << 64 | number) for number in range(12_000)]


def holdout(**more: Any) -> Holdout:
    document = load({"holdout": "none", "share": "5%", **more})
    assert isinstance(document, Holdout)
    return document


@pytest.mark.parametrize("share", ["0.5%", "5%", "12.5 %", "50%", "99.9%"])
def test_as_many_contacts_are_drawn_as_the_share_says(share: str) -> None:
    drawn = sum(map(holdout(share=share).draws, CONTACTS))
    expected = float(share.rstrip("% ")) / 100
    error = math.sqrt(len(CONTACTS) * expected * (1 - expected))
    # Five standard errors of a binomial count: by chance once in 1.7 million.
    assert abs(drawn - len(CONTACTS) * expected) <= 5 * error


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ({}, {"rotation": "2027"}),
        ({"rotation": "2026"}, {"rotation": "2027"}),
        ({}, {"holdout": "another"}),
    ],
)
def test_holdouts_and_rotations_draw_independently(
    one: dict[str, Any], other: dict[str, Any]
) -> None:
    first, second = holdout(share="20%", **one), holdout(share="30%", **other)
    table = [[0, 0], [0, 0]]
    for contact in CONTACTS:
        table[first.draws(contact)][second.draws(contact)] += 1
    # Pearson's chi-square of independence, with one degree of freedom: 25 is five deviations.
    n = len(CONTACTS)
    rows = [sum(row) for row in table]
    columns = [table[0][each] + table[1][each] for each in (0, 1)]
    chi_square = sum(
        (table[i][j] - rows[i] * columns[j] / n) ** 2 / (rows[i] * columns[j] / n)
        for i in (0, 1)
        for j in (0, 1)
    )
    assert chi_square < 25


def test_a_holdout_draws_independently_of_splits() -> None:
    drawn = [contact for contact in CONTACTS if holdout(share="20%").draws(contact)]
    first_half = sum(bucket(contact, "holdout", "none") < 0.5 for contact in drawn)
    assert abs(first_half - len(drawn) / 2) <= 2.5 * math.sqrt(len(drawn))


@given(st.uuids(), st.sampled_from([None, "2027", "a/b"]))
def test_the_draw_is_the_documented_hash(contact: UUID, rotation: str | None) -> None:
    text = f"{contact}/holdout:none/{rotation or ''}"
    first_bits = int(hashlib.sha256(text.encode()).hexdigest(), 16) >> (256 - 53)
    document = holdout(share="37.5%", **({} if rotation is None else {"rotation": rotation}))
    assert document.draws(contact) == (first_bits * 1000 < 375 * 2**53)


def test_a_larger_share_keeps_those_who_are_drawn() -> None:
    small, large = holdout(share="5%"), holdout(share="10%")
    assert all(large.draws(contact) for contact in CONTACTS if small.draws(contact))


def test_a_holdout_is_about_all_journeys_or_those_it_names() -> None:
    assert holdout().covers("welcome")
    assert holdout(journeys="all").covers("welcome")
    some = holdout(journeys=["welcome", "all"])
    assert [some.covers(each) for each in ("welcome", "all", "birthday")] == [True, True, False]


def test_a_holdout_is_in_force_in_its_period() -> None:
    document = holdout(**{"from": "2026-12-01", "to": "2026-12-31"})
    inside = datetime(2026, 12, 31, 22, 59, tzinfo=UTC)
    assert document.is_in_force(inside, PARIS)
    assert not document.is_in_force(datetime(2026, 12, 31, 23, 0, tzinfo=UTC), PARIS)
    assert not document.is_in_force(datetime(2026, 11, 30, 22, 59, tzinfo=UTC), PARIS)
    assert holdout().is_in_force(inside, PARIS)


def test_what_decides_who_is_held_out_makes_another_comparison() -> None:
    same = [
        holdout(),
        holdout(share="5.0%", name="Nothing at all", journeys="all", to="2027-01-01"),
    ]
    assert len({each.design for each in same}) == 1
    others = [
        holdout(share="6%"),
        holdout(journeys=["a", "b"]),
        holdout(rotation="2"),
        holdout(window="60d"),
        holdout(**{"if": {"attribute": "country", "is": "FR"}}),
        holdout(**{"if": {"attribute": "country", "is": "DE"}}),
    ]
    assert len({each.design for each in [*same, *others]}) == 7
    assert holdout(journeys=["a", "b"]).design == holdout(journeys=["b", "a"]).design


@pytest.mark.parametrize(
    ("more", "message"),
    [
        ({"share": "5"}, "`5` is not a share; write for example 5% or 0.5%"),
        ({"share": 0.05}, "`0.05` is not a share; write for example 5% or 0.5%"),
        ({"share": "0%"}, "`0%` leaves nothing to compare"),
        ({"share": "100%"}, "`100%` leaves nothing to compare"),
        ({"share": "1.00001%"}, "is not a share"),
        ({"journeys": []}, "at least 1"),
        ({"journeys": ["a", "a"]}, "a journey stands twice in `journeys`"),
        ({"from": "2026-12-02", "to": "2026-12-01"}, "`to` lies before `from`"),
        ({"window": "0d"}, "no time at all"),
    ],
)
def test_what_a_holdout_may_not_say(more: dict[str, Any], message: str) -> None:
    with pytest.raises(ValidationError, match=re.escape(message)):
        holdout(**more)


def problems(text: str, known: KnownKeys | None = None) -> list[tuple[str, str, int]]:
    found = check(parse(text, "h.yaml"), known)
    return [(each.severity, each.code, each.line) for each in found]


def test_a_holdout_knows_no_run_and_warns_of_unknown_journeys() -> None:
    text = "holdout: none\nshare: 5%\njourneys: [welcome, birthday]\n"
    known = KnownKeys(journeys=frozenset({"welcome"}))
    assert problems(text, known) == [("warning", "unknown_journey", 3)]
    text = "holdout: none\nshare: 5%\nif: {entry: total, gt: 5}\n"
    assert problems(text) == [("error", "no_run", 3)]
    text = "holdout: none\nshare: 5%\nif: {segment: loyal}\n"
    assert problems(text) == [("error", "unknown_segment", 3)]
    assert problems(text, KnownKeys(segments=frozenset({"loyal"}))) == []


def test_a_fresh_contact_is_drawn_the_same_each_time() -> None:
    contact = uuid4()
    assert len({holdout(share="50%").draws(contact) for _ in range(20)}) == 1
