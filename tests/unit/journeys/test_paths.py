"""Paths into the values of an entry, a contact and a step."""

from typing import Any

import pytest

from journeys.model.paths import first, output

VALUE: dict[str, Any] = {
    "a.b": 1, "a": {"b": 2, "c": 3}, "n.x": None, "n": {"x": 4},
    "list": [{"p.q": 5, "p": {"q": 6}}, {"p": {"q": 7}}], "d": {"e.f": 8},
}  # fmt: skip


@pytest.mark.parametrize(
    ("path", "found"),
    [
        ("a.b", 1), ("a.c", 3), ("n.x", None), ("list.p.q", 6), ("list.1.p.q", 7), ("d.e.f", None),
        ("a", {"b": 2, "c": 3}), ("x", None), ("x.y", None),
    ],
)  # fmt: skip
def test_a_key_with_the_very_name_of_the_path_goes_first(path: str, found: Any) -> None:
    assert first(VALUE, path) == found
    assert output({"event": VALUE, "event.a.b": 9}, f"event.{path}") == found


def test_an_output_may_be_missing() -> None:
    assert output({}, "code") is None
    assert output({}, "event.a") is None
    assert output({"code": "X"}, "code") == "X"
