"""What a listener takes of `where`, and what time alone can make true."""

from typing import Any

import pytest
from pydantic import TypeAdapter

from journeys.model.conditions import Condition, Where
from journeys.model.values import EntryReference
from store.conditions import compile_condition, is_timed, split_where

WHERE: TypeAdapter[Where] = TypeAdapter(Where)
CONDITION: TypeAdapter[Condition] = TypeAdapter(Condition)


def test_equality_with_one_value_goes_to_the_listener() -> None:
    where = WHERE.validate_python(
        {
            "cart_id": {"entry": "cart_id"},
            "total": 0,
            "plan": {"is": "pro"},
            "lines.sku": "a",
            "country": ["FR"],
            "amount": {"gte": 5},
            "both": {"is": 1, "exists": True},
            "nothing": None,
        }
    )
    equal, rest = split_where(where)
    assert equal == {"cart_id": EntryReference(entry="cart_id"), "total": 0, "plan": "pro"}
    assert list(rest) == ["lines.sku", "country", "amount", "both", "nothing"]


@pytest.mark.parametrize(
    ("condition", "timed"),
    [
        ({"event": "E"}, False),
        ({"event": "E", "within": "1d"}, True),
        ({"event": "E", "since": "-3d"}, True),
        ({"event": "E", "before": "+3d"}, True),
        ({"event": "E", "since": "09:00"}, True),
        ({"event": "E", "since": "entry"}, False),
        ({"event": "E", "since": "2026-01-01"}, False),
        ({"event": "E", "since": {"entry": "at"}}, False),
        ({"event": "E", "since": {"attribute": "born", "every": "year"}}, True),
        ({"attribute": "born", "before": "2026-01-01"}, False),
        ({"all": [{"group": "g"}, {"any": [{"event": "E", "within": "1d"}]}]}, True),
        ({"not": {"event": "E", "within": "1d"}}, True),
        ({"not": {"all": [{"group": "g"}, {"step": "s", "is": "x"}]}}, False),
        ({"segment": "quiet"}, True),
        ({"segment": "vips"}, False),
        ({"segment": "circle"}, True),
        ({"segment": "unknown"}, True),
    ],
)
def test_bounds_that_move_with_time_are_looked_at_again(
    condition: dict[str, Any], timed: bool
) -> None:
    segments = {
        "quiet": CONDITION.validate_python({"event": "E", "count": 0, "within": "90d"}),
        "vips": CONDITION.validate_python({"group": "vip"}),
        "circle": CONDITION.validate_python({"segment": "circle"}),
    }
    assert is_timed(CONDITION.validate_python(condition), segments=segments) is timed


def test_predicates_with_different_prefixes_share_no_name() -> None:
    condition = CONDITION.validate_python({"attribute": "items.price", "in": [1, {"entry": "a.b"}]})
    one, other = (compile_condition(condition, prefix=prefix) for prefix in ("a_", "b_"))
    assert one.params.keys() & other.params.keys() == {"judged_at"}
    assert all(name.startswith("a_") for name in one.params.keys() - {"judged_at"})


def test_a_limit_on_counting_is_what_decides() -> None:
    for count, limit in ((2, 3), ({"gte": 2}, 2), ({"gt": 2}, 3), ({"lt": 2}, 2), ({"lte": 2}, 3)):
        predicate = compile_condition(CONDITION.validate_python({"event": "E", "count": count}))
        assert f"limit {limit})" in str(predicate.sql)
