"""Comparisons of any values against a small independent reading of the language."""

import json
import random
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from psycopg import AsyncConnection
from psycopg_pool import AsyncConnectionPool
from pydantic import TypeAdapter

from journeys.model.conditions import Where
from store.conditions import compile_where
from tests.support.situations import Situation

Pool = AsyncConnectionPool[AsyncConnection[Any]]
WHERE: TypeAdapter[Where] = TypeAdapter(Where)

# Few names and few values, so that paths reach something and comparisons meet their bounds.
TEXTS = ["", "a", "ab", "b", "0", "1", "true", "null", "%", "'", '"', "\\"]
NUMBERS = [-1, 0, 1, 1.0, 2, 0.5]
NAMES = ["a", "a", "a", "b", "b", "0", "1", '"', "%s"]
ONE = ["is", "is_not", "gt", "gte", "lt", "lte", "contains", "starts_with", "ends_with"]
MANY = ["in", "not_in"]


class Cases:
    """Random paths, what is asked of them, and the properties; often of a value that is there."""

    def __init__(self, seed: int) -> None:
        self._random = random.Random(seed)

    def scalar(self) -> Any:
        kinds = [self._random.choice(NUMBERS), self._random.choice(TEXTS), True, False, None]
        return self._random.choices(kinds, weights=[4, 4, 1, 1, 1])[0]

    def value(self, depth: int = 3) -> Any:
        kind = self._random.random()
        if depth == 0 or kind < 0.4:
            return self.scalar()
        if kind < 0.7:
            return [self.value(depth - 1) for _ in range(self._random.randrange(4))]
        return self.properties(depth - 1)

    def properties(self, depth: int = 3) -> dict[str, Any]:
        return {
            self._random.choice(NAMES): self.value(depth)
            for _ in range(self._random.randrange(1, 6))
        }

    def path(self, through: Any) -> str:
        """Mostly one that leads somewhere: by keys, by indexes, or through a list's elements."""
        parts: list[str] = []
        while isinstance(through, list | dict) and through and self._random.random() < 0.9:
            if isinstance(through, dict):
                parts.append(self._random.choice(list(through)))
                through = through[parts[-1]]
            else:
                index = self._random.randrange(len(through))
                if self._random.random() < 0.4:
                    parts.append(str(index))
                through = through[index]
        if not parts or self._random.random() < 0.1:
            parts.append(self._random.choice(NAMES))
        return ".".join(parts)

    def case(self, entry: dict[str, Any]) -> tuple[str, Any, dict[str, Any]]:
        properties = self.properties()
        path = self.path(properties)
        there = reached(properties, path.split("."))
        there += [element for value in there if isinstance(value, list) for element in value]
        there = [value for value in there if not isinstance(value, list | dict)]

        def operand() -> Any:
            take = there and self._random.random() < 0.5
            return self._random.choice(there) if take else self.scalar()

        def operands() -> list[Any]:
            return [operand() for _ in range(self._random.randrange(4))]

        form = self._random.randrange(10)
        if form == 0:
            return path, operand(), properties
        if form == 1:
            return path, operands(), properties
        if form == 2:
            return path, {"exists": self._random.random() < 0.5}, properties
        if form == 3:
            return path, {self._random.choice(MANY): operands()}, properties
        if form == 4:
            return path, {self._random.choice(ONE): {"entry": self.path(entry)}}, properties
        words = self._random.sample(ONE, self._random.choice([1, 1, 2]))
        return path, {word: operand() for word in words}, properties


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
            ys = reached(entry, operand["entry"].split("."))
        if word in ("is_not", "not_in"):
            truth = truth and not one_meets(xs, {"is": ys})
        elif word == "exists":
            truth = truth and bool(xs) is operand
        else:
            words["is" if word == "in" else word] = ys
    return truth and (not words or one_meets(xs, words))


@settings(
    max_examples=30,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(seed=st.integers(0, 2**32))
async def test_postgresql_agrees_with_a_plain_reading(pool: Pool, seed: int) -> None:
    made = Cases(seed)
    entry = made.properties()
    asked_of = [made.case(entry) for _ in range(80)]
    columns: list[str] = []
    params: dict[str, Any] = {"entry": json.dumps(entry)}
    for number, (path, asked, properties) in enumerate(asked_of):
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
    expected = [holds(asked, properties, path, entry) for path, asked, properties in asked_of]
    assert [
        (case, said)
        for case, said, right in zip(asked_of, row, expected, strict=True)
        if said is not right
    ] == []


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
