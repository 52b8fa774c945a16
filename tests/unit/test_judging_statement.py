"""The statement that judges several segments works out once what they share."""

import re

from pydantic import TypeAdapter

from journeys.model.conditions import Condition
from store.segments.judging_statement import JudgingStatement

_CONDITION: TypeAdapter[Condition] = TypeAdapter(Condition)


def _text(*windows: str) -> str:
    conditions = [
        _CONDITION.validate_python({"event": "Order Completed", "within": window})
        for window in windows
    ]
    return JudgingStatement.of(conditions).query.text.decode()


def test_the_zone_and_the_instant_are_computed_once() -> None:
    text = _text("30d", "1mo", "2h")
    assert text.count("parcours.zone(") == 1
    assert text.count("parcours.clock()") == 1


def test_equal_windows_begin_in_one_column() -> None:
    once = re.compile(r"parcours\.shift\(judged\.at,")
    assert len(once.findall(_text("30d"))) == 1
    assert len(once.findall(_text("30d", "30d", "2h"))) == 2
    assert "shifts.s1" not in _text("30d", "30d")


def test_more_windows_than_a_row_has_columns_are_computed_in_their_places() -> None:
    text = _text(*(f"{days}d" for days in range(1, 511)))
    assert "shifts.s499" in text
    assert "shifts.s500" not in text
    assert "(select parcours.shift(judged.at," in text
