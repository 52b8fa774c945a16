"""What the members of a segment depend on."""

from typing import Any

import pytest
from pydantic import TypeAdapter

from journeys.checks.validation import check
from journeys.model.conditions import Condition
from journeys.model.segment_dependencies import (
    CircularSegment,
    Dependencies,
    LargeSegment,
    condition_as_json,
    dependencies_of,
    expanded,
)
from journeys.source.parsing import parse

CONDITION: TypeAdapter[Any] = TypeAdapter(Condition)


def of(**condition: Any) -> Dependencies:
    """The dependencies of a condition."""
    return dependencies_of(CONDITION.validate_python(condition))


@pytest.mark.parametrize(
    ("condition", "found"),
    [
        ({"attribute": "country", "is": "FR"}, {"attributes": ["country"]}),
        ({"event": "A", "within": "36h"}, {"events": ["A"]}),
        ({"event": "A", "within": "1mo"}, {"events": ["A"], "attributes": ["timezone"]}),
        (
            {"event": "A", "where": {"total": {"gte": {"attribute": "limit"}}}},
            {"events": ["A"], "attributes": ["limit", "timezone"]},
        ),
        (
            {"attribute": "ends", "before": {"attribute": "starts", "offset": "+1d"}},
            {"attributes": ["ends", "starts", "timezone"]},
        ),
        ({"group": "vip"}, {"groups": ["vip"]}),
        (
            {"topic": "offers", "is": "subscribed"},
            {"attributes": ["email", "phone"], "topics": ["offers"]},
        ),
        (
            {"near": {"places": "shops", "km": 1.0}},
            {"events": ["Location Updated"], "places": ["shops"]},
        ),
        (
            {"any": [{"not": {"event": "B"}}, {"all": [{"group": "g"}]}]},
            {"events": ["B"], "groups": ["g"]},
        ),
    ],
)
def test_everything_that_a_condition_reads_is_a_dependency(
    condition: dict[str, Any], found: dict[str, list[str]]
) -> None:
    assert of(**condition).as_json() == found


def test_only_what_a_segment_reads_touches_it() -> None:
    place = of(attribute="address.city", **{"is": "Lille"})
    assert place.touched_by("Contact Changed", {"names": ["address"]})
    assert place.touched_by("Contact Changed", {"names": ["a", "address.city"]})
    assert not place.touched_by("Contact Changed", {"names": ["city", "addresses"]})
    assert not place.touched_by("Bought", {})
    assert place.touched_by("Contact Created", {})
    assert place.event_names() == {"Contact Created", "Contact Changed"}
    vip = of(group="vip")
    assert vip.touched_by("Group Left", {"group": "vip"})
    assert not vip.touched_by("Group Left", {"group": "other"})
    offers = of(topic="offers", **{"is": "subscribed"})
    assert offers.touched_by("Topic Confirmed", {"topic": "offers"})
    assert not offers.touched_by("Topic Confirmed", {"topic": "news"})
    assert offers.touched_by("Contact Changed", {"names": ["email"]})


def test_a_segment_inside_another_stands_in_its_place() -> None:
    segments = {
        "a": CONDITION.validate_python({"all": [{"segment": "b"}, {"not": {"segment": "c"}}]}),
        "b": CONDITION.validate_python({"any": [{"segment": "c"}, {"group": "g"}]}),
        "c": CONDITION.validate_python({"event": "A"}),
        "d": CONDITION.validate_python({"segment": "e"}),
        "e": CONDITION.validate_python({"not": {"segment": "d"}}),
    }
    condition, inside = expanded("a", segments)
    assert condition_as_json(condition) == {
        "all": [{"any": [{"event": "A"}, {"group": "g"}]}, {"not": {"event": "A"}}]
    }
    assert inside == {"b", "c"}
    with pytest.raises(CircularSegment, match="`d` contains itself: d → e → d"):
        expanded("d", segments)
    with pytest.raises(LookupError, match="no segment `f`"):
        expanded("g", {"g": CONDITION.validate_python({"segment": "f"})})


def test_a_segment_is_not_defined_by_what_follows_from_segments() -> None:
    text = "segment: again\nif: {any: [{event: Segment Left, where: {segment: b}}, {group: g}]}"
    [problem] = [each for each in check(parse(text, "s.yaml")) if each.code == "segment_event"]
    assert problem.line == 2
    assert "can't be defined by `Segment Left`" in str(problem)


def test_segments_inside_each_other_are_bounded_before_they_are_written_out() -> None:
    segments = {"s0": CONDITION.validate_python({"any": [{"group": "a"}, {"group": "b"}]})}
    for number in range(1, 60):
        twice = [{"segment": f"s{number - 1}"}, {"segment": f"s{number - 1}"}]
        segments[f"s{number}"] = CONDITION.validate_python({"any": twice})
    expanded("s6", segments)
    with pytest.raises(LargeSegment, match="`s7` has 256 conditions"):
        expanded("s7", segments)
    # Written out it would have 2 ** 60 conditions.
    with pytest.raises(LargeSegment, match="`s59` has 1,152,921,504,606,846,976 conditions"):
        expanded("s59", segments)


def test_a_long_chain_of_segments_is_bounded() -> None:
    segments = {"s0": CONDITION.validate_python({"group": "a"})}
    for number in range(1, 5_000):
        segments[f"s{number}"] = CONDITION.validate_python({"segment": f"s{number - 1}"})
    expanded("s90", segments)
    for key in ("s101", "s4999"):
        with pytest.raises(LargeSegment, match="more than 100 levels"):
            expanded(key, segments)


def test_a_file_with_too_many_conditions_is_refused() -> None:
    parts = ", ".join(f"{{attribute: a{number}, is: 1}}" for number in range(150))
    text = f"segment: one\nif: {{any: [{parts}]}}\n"
    assert check(parse(text, "s.yaml")) == []
    text += "---\nsegment: two\nif: {any: [{segment: one}, {not: {segment: one}}]}\n"
    [problem] = check(parse(text, "s.yaml"))
    assert (problem.code, problem.line) == ("too_large", 5)
