"""Rules of entries: keys of starts, and refusals in their order."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from journeys.model.entry_rules import (
    CHAIN_LIMIT,
    key_of_event,
    key_of_start,
    refuse_entry,
    refuse_re_entry,
)
from journeys.model.triggers import EventEntry
from tests.unit.journeys.examples import journey

NOW = datetime(2026, 7, 1, 12, tzinfo=UTC)
STEPS = [{"id": "hello", "wait": "1h"}]
OVER = {"to": "2026-06-30"}


@pytest.mark.parametrize(
    ("entry", "properties", "key"),
    [
        ({"event": "X"}, {"order": 1}, ""),
        ({"event": "X", "key": "order"}, {"order": 1}, "1"),
        ({"event": "X", "key": "order"}, {}, None),
        ({"event": "X", "key": "order"}, {"order": {"id": 1}}, None),
        ([{"event": "X", "key": "order"}, {"api": True}], {}, ""),
        ([{"event": "X", "key": "order"}, {"event": "Y", "key": "cart"}], {"cart": "c"}, "c"),
    ],
)
def test_the_key_of_a_start_is_the_first_that_its_properties_have(
    entry: Any, properties: dict[str, Any], key: str | None
) -> None:
    assert key_of_start(journey(entry=entry, steps=STEPS), properties) == key


@pytest.mark.parametrize(
    ("state", "depth", "active", "key", "reason"),
    [
        ("paused", CHAIN_LIMIT + 1, OVER, None, "paused"),
        ("draft", 0, None, "", "draft"),
        ("archived", 0, None, "", "archived"),
        ("active", CHAIN_LIMIT + 1, OVER, None, "chain"),
        ("active", CHAIN_LIMIT, OVER, None, "inactive"),
        ("active", CHAIN_LIMIT, None, None, "no_key"),
        ("active", CHAIN_LIMIT, None, "", None),
    ],
)
def test_the_first_reason_to_refuse_an_entry_is_the_one_given(
    state: Any, depth: int, active: Any, key: str | None, reason: str | None
) -> None:
    definition = journey(active=active, steps=STEPS)
    assert refuse_entry(definition, state=state, depth=depth, key=key, now=NOW) == reason


@pytest.mark.parametrize(
    ("re_entry", "ago", "reason"),
    [
        ("never", None, None),
        ("never", timedelta(days=900), "re_entry"),
        ("always", timedelta(0), None),
        ({"after": "7d"}, timedelta(days=7) - timedelta(seconds=1), "re_entry"),
        ({"after": "7d"}, timedelta(days=7), None),
    ],
)
def test_re_entry_counts_from_the_start_of_the_last_run(
    re_entry: Any, ago: timedelta | None, reason: str | None
) -> None:
    definition = journey(re_entry=re_entry, steps=STEPS)
    last = None if ago is None else NOW - ago
    assert refuse_re_entry(definition, last_started=last, now=NOW, timezone=None) == reason


def test_days_until_re_entry_are_days_of_the_contacts_calendar() -> None:
    definition = journey(re_entry={"after": "1d"}, steps=STEPS, timezone="UTC")
    # Clocks in Paris go back on 25 October 2026: that day has 25 hours.
    last = datetime(2026, 10, 24, 12, tzinfo=UTC)
    now = last + timedelta(hours=24)
    assert refuse_re_entry(definition, last_started=last, now=now, timezone=None) is None
    for zone, reason in (("Europe/Paris", "re_entry"), ("Asia/Tokyo", None)):
        assert refuse_re_entry(definition, last_started=last, now=now, timezone=zone) == reason


def test_a_long_key_is_its_hash_and_an_empty_one_is_none() -> None:
    entry = EventEntry.model_validate({"event": "Cart", "key": "cart"})
    exact = "a" * 255
    assert key_of_event(entry, {"cart": exact}) == exact
    # The hash is what `printf %0256d 0 | tr 0 a | sha256sum` prints.
    hashed = "02d7160d77e18c6447be80c2e355c7ed4388545271702c50253b0914c65ce5fe"
    assert key_of_event(entry, {"cart": "a" * 256}) == f"sha256:{hashed}"
    nothing: list[Any] = ["", "  ", None, [], {}]
    assert [key_of_event(entry, {"cart": cart}) for cart in nothing] == [None] * 5
    assert key_of_event(entry, {"cart": 0}) == "0"
    assert key_of_event(EventEntry.model_validate({"event": "Cart"}), {}) == ""


def test_the_key_of_an_enter_step_is_bounded_as_well() -> None:
    target = journey(entry={"event": "Cart", "key": "cart"}, steps=STEPS)
    key = key_of_start(target, {"cart": "a" * 5_000})
    assert key is not None
    assert len(key) == 71
    assert key_of_start(target, {"cart": ""}) is None


def test_a_journey_says_what_becomes_of_entries_while_it_is_paused() -> None:
    entry = {"event": "X"}
    assert journey(entry=entry, steps=STEPS).while_paused == "refuse"
    assert journey(entry=entry, steps=STEPS, while_paused="keep").while_paused == "keep"
    with pytest.raises(ValueError, match="while_paused"):
        journey(entry=entry, steps=STEPS, while_paused="later")
