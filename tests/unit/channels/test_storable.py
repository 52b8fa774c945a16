"""What PostgreSQL can hold of a provider's answer."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from channels.storable import storable_json, storable_text

values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=10,
)


@given(values)
def test_json_is_read_unchanged_but_for_nul(value: object) -> None:
    text = json.dumps(value)
    expected = json.loads(text.replace("\\u0000", "\\ufffd"))
    assert storable_json(text) == expected


@pytest.mark.parametrize(
    "text", ["", "<html>", "NaN", "[Infinity]", "1e999", "[" * 50_000, "9" * 5_000, '{"a":1} x']
)
def test_what_is_no_json_is_refused(text: str) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 - json's own texts
        storable_json(text)


def test_lone_surrogates_and_nul_are_replaced() -> None:
    assert storable_json('{"a\\u0000": ["\\ud800", "\\ud83d\\ude00"]}') == {
        "a\ufffd": ["\ufffd", "\U0001f600"]
    }
    assert storable_text("\udcff ok") == "\ufffd ok"
