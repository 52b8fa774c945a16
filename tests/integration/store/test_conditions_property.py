"""Comparisons of any values against a small independent reading of the language."""

import json
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from psycopg import AsyncConnection
from psycopg_pool import AsyncConnectionPool
from pydantic import TypeAdapter

from journeys.conditions import Where
from store.conditions import compile_where
from tests.support.situations import Situation

Pool = AsyncConnectionPool[AsyncConnection[Any]]
WHERE: TypeAdapter[Where] = TypeAdapter(Where)

# Few names and few values, so that paths reach something and comparisons often meet their bounds.
TEXTS = st.sampled_from(["", "a", "ab", "b", "0", "true", "null", "%", "'", '"', "\\"])
NUMBERS = st.sampled_from([-1, 0, 1, 1.0, 2, 0.5])
SCALARS = st.one_of(NUMBERS, TEXTS, NUMBERS, st.booleans(), st.none())
NAMES = st.sampled_from(["a", "a", "b", "0", "1", '"', "%s"])
JSON = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES, inner, max_size=3),
    max_leaves=8,
)
OBJECTS = st.fixed_dictionaries({"a": JSON}, optional={"b": JSON, '"': SCALARS, "%s": SCALARS})
PATHS = st.lists(NAMES, max_size=2).map(lambda names: ".".join(["a", *names])) | NAMES
ORDERED = st.sampled_from(["gt", "gte", "lt", "lte"])
WORDS = st.sampled_from(["is", "is_not", "contains", "starts_with", "ends_with"])
REFERENCES = st.sampled_from([{"entry": "a"}, {"entry": "b"}])
COMPARISONS = st.one_of(
    SCALARS,
    st.lists(SCALARS, max_size=3),
    st.dictionaries(ORDERED, NUMBERS, min_size=1, max_size=2),
    st.dictionaries(WORDS, SCALARS, min_size=1, max_size=2),
    st.dictionaries(ORDERED | WORDS, SCALARS | REFERENCES, min_size=1, max_size=2),
    st.dictionaries(st.sampled_from(["in", "not_in"]), st.lists(SCALARS, max_size=3), min_size=1),
    st.booleans().map(lambda said: {"exists": said}),
)


# ----------------------------------------------------------- the language, read once more, slowly


def reached(value: Any, path: list[str]) -> list[Any]:
    if not path:
        return [] if value is None else [value]
    if isinstance(value, dict):
        return reached(value[path[0]], path[1:]) if path[0] in value else []
    if isinstance(value, list):
        if path[0].isdigit():
            return [y for x in value[int(path[0]) : int(path[0]) + 1] for y in reached(x, path[1:])]
        return [found for element in value for found in reached(element, path)]
    return []


def kind(value: Any) -> str:
    if isinstance(value, bool):
        return "truth"
    if isinstance(value, int | float):
        return "number"
    return type(value).__name__


def equal(x: Any, y: Any) -> bool:
    if kind(x) != kind(y):
        return False
    if isinstance(x, list):
        return len(x) == len(y) and all(map(equal, x, y))
    if isinstance(x, dict):
        return x.keys() == y.keys() and all(equal(x[key], y[key]) for key in x)
    return bool(x == y)


def meets(x: Any, word: str, y: Any) -> bool:
    if y is None:
        return False
    if word == "is":
        return equal(x, y)
    if word == "contains" and isinstance(x, list):
        return any(equal(element, y) for element in x)
    if word in ("contains", "starts_with", "ends_with"):
        if not (isinstance(x, str) and isinstance(y, str)):
            return False
        found = {
            "contains": y in x, "starts_with": x.startswith(y), "ends_with": x.endswith(y)
        }  # fmt: skip
        return found[word]
    if kind(x) != "number" or kind(y) != "number":
        return False
    return bool({"gt": x > y, "gte": x >= y, "lt": x < y, "lte": x <= y}[word])


def one_meets(xs: list[Any], words: dict[str, list[Any]]) -> bool:
    return any(all(any(meets(x, w, y) for y in ys) for w, ys in words.items()) for x in xs)


def holds(asked: Any, properties: dict[str, Any], path: str, entry: dict[str, Any]) -> bool:
    xs = reached(properties, path.split("."))
    if isinstance(asked, list):
        asked = {"in": asked}
    if not isinstance(asked, dict):
        asked = {"is": asked}
    words: dict[str, list[Any]] = {}
    truth = True
    for word, operand in asked.items():
        ys = operand if isinstance(operand, list) else [operand]
        if isinstance(operand, dict):
            ys = reached(entry, [operand["entry"]])
        if word in ("is_not", "not_in"):
            truth = truth and not one_meets(xs, {"is": ys})
        elif word == "exists":
            truth = truth and bool(xs) is operand
        else:
            words["is" if word == "in" else word] = ys
    return truth and (not words or one_meets(xs, words))


@settings(
    max_examples=40,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(
    cases=st.lists(st.tuples(PATHS, COMPARISONS, OBJECTS), min_size=30, max_size=40),
    entry=OBJECTS,
)
async def test_postgresql_agrees_with_a_plain_reading(
    pool: Pool, cases: list[tuple[str, Any, dict[str, Any]]], entry: dict[str, Any]
) -> None:
    columns, params = [], {"entry": json.dumps(entry)}
    for number, (path, asked, properties) in enumerate(cases):
        where = compile_where(
            WHERE.validate_python({path: asked}), event=f"e{number}", prefix=f"w{number}_"
        )
        params |= {**where.params, f"e{number}": json.dumps(properties)}
        columns.append(
            f"(select {where.sql} from (select %(e{number})s::jsonb as properties) e{number})"
        )
    async with pool.connection() as conn:
        cursor = await conn.execute(
            f"select {', '.join(columns)} from (select %(entry)s::jsonb as entry) r", params
        )
        row = await cursor.fetchone()
    assert row is not None
    assert list(row) == [holds(asked, properties, path, entry) for path, asked, properties in cases]


async def test_attributes_are_compared_as_properties_are(pool: Pool) -> None:
    """The same comparison of the same value, once on an event and once on the contact."""
    situation = Situation(pool)
    value = {"a": [{"b": 1}, {"b": "x"}], "c": "text", "d": None}
    await situation.write_contact(attributes=value)
    await situation.write_run(entry=value)
    await situation.write_event("E", value)
    for path in ("a", "a.b", "a.0.b", "c", "d", "e"):
        for asked in ({"is": 1}, {"is": "x"}, {"is_not": "text"}, {"gte": 1}, {"exists": True}):
            attribute, entry, event = await situation.truths(
                [
                    {"attribute": path, **asked},
                    {"entry": path, **asked},
                    {"event": "E", "where": {path: asked}},
                ]
            )
            assert attribute is entry is event, (path, asked)
