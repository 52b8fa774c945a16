"""Comparisons of attributes, entries and references, as truth tables worked out by hand."""

from typing import Any

import pytest
from psycopg import AsyncConnection
from psycopg_pool import AsyncConnectionPool

from tests.support.situations import Situation

Pool = AsyncConnectionPool[AsyncConnection[Any]]

ATTRIBUTES: dict[str, Any] = {
    "plan": "pro",
    "age": 30,
    "ratio": 0.5,
    "vip": True,
    "nothing": None,
    "tags": ["a", "b"],
    "numbers": [1, 2],
    "born": "1990-05-01",
    "seconds": 1767225600,
    "milliseconds": 1767225600000,
    "address": {"city": "Lyon", "0": "zero", "zip": "01000"},
    "items": [{"sku": "x", "price": 10}, {"sku": "y", "price": 30, "sizes": ["s", "m"]}],
    "grid": [[{"k": 1}], [{"k": 2}, {"k": 3}]],
    "empty": "",
    "five": "5",
    "min_age": 18,
    "allowed": ["pro", "max"],
    "country": "not the column",
}


@pytest.fixture
async def situation(pool: Pool) -> Situation:
    made = Situation(pool)
    await made.write_contact(
        attributes=ATTRIBUTES,
        external_id="u1",
        email="ada@example.com",
        country="FR",
        timezone="Europe/Paris",
        score=50,
    )
    await made.write_run(
        entry={"total": 80, "plan": "pro", "min": 18, "lines": [{"n": 1}, {"n": 2}], "none": None}
    )
    return made


def attribute(name: str, **operators: Any) -> dict[str, Any]:
    return {"attribute": name, **{word.rstrip("_"): each for word, each in operators.items()}}


EQUALITY = [
    (attribute("plan", is_="pro"), True),
    (attribute("plan", is_="Pro"), False),
    (attribute("plan", is_="basic"), False),
    (attribute("age", is_=30), True),
    (attribute("age", is_=30.0), True),
    (attribute("age", is_="30"), False),
    (attribute("five", is_=5), False),
    (attribute("five", is_="5"), True),
    (attribute("vip", is_=True), True),
    (attribute("vip", is_=False), False),
    (attribute("vip", is_=1), False),
    (attribute("vip", is_="true"), False),
    (attribute("empty", is_=""), True),
    (attribute("missing", is_=""), False),
    (attribute("missing", is_=False), False),
    (attribute("missing", is_=None), False),
    (attribute("nothing", is_=None), False),
    (attribute("nothing", is_="null"), False),
    (attribute("tags", is_="a"), False),
    (attribute("plan", is_not="pro"), False),
    (attribute("plan", is_not="basic"), True),
    (attribute("age", is_not="30"), True),
    (attribute("missing", is_not="pro"), True),
    (attribute("nothing", is_not="pro"), True),
    (attribute("nothing", is_not=None), True),
    (attribute("plan", in_=["basic", "pro"]), True),
    (attribute("plan", in_=["basic", "max"]), False),
    (attribute("plan", in_=[]), False),
    (attribute("age", in_=["30", 31]), False),
    (attribute("age", in_=["x", 30]), True),
    (attribute("missing", in_=["pro", None]), False),
    (attribute("nothing", in_=[None]), False),
    (attribute("plan", not_in=["basic", "max"]), True),
    (attribute("plan", not_in=["basic", "pro"]), False),
    (attribute("plan", not_in=[]), True),
    (attribute("missing", not_in=["pro"]), True),
    (attribute("nothing", not_in=["pro", None]), True),
]

NUMBERS = [
    (attribute("age", gt=29), True),
    (attribute("age", gt=30), False),
    (attribute("age", gte=30), True),
    (attribute("age", gte=30.001), False),
    (attribute("age", lt=30), False),
    (attribute("age", lt=31), True),
    (attribute("age", lte=30), True),
    (attribute("age", lte=29), False),
    (attribute("age", gt=-1), True),
    (attribute("ratio", gt=0.4, lt=0.6), True),
    (attribute("age", gte=18, lt=30), False),
    (attribute("age", gt="29"), False),
    (attribute("age", lt="31"), False),
    (attribute("plan", gt="a"), False),
    (attribute("five", lt=10), False),
    (attribute("five", gt=1), False),
    (attribute("vip", gt=0), False),
    (attribute("vip", gte=True), False),
    (attribute("age", gt=None), False),
    (attribute("missing", lt=10), False),
    (attribute("missing", gte=0), False),
    (attribute("nothing", lte=0), False),
    (attribute("tags", gt=0), False),
    (attribute("numbers", gt=0), False),
    (attribute("score", gte=50), True),
    (attribute("score", gt=50), False),
]

TEXTS = [
    (attribute("plan", contains="r"), True),
    (attribute("plan", contains="x"), False),
    (attribute("plan", contains=""), True),
    (attribute("plan", contains="R"), False),
    (attribute("plan", starts_with="pr"), True),
    (attribute("plan", starts_with="ro"), False),
    (attribute("plan", ends_with="ro"), True),
    (attribute("plan", ends_with="pr"), False),
    (attribute("plan", ends_with="much longer than pro"), False),
    (attribute("plan", ends_with=""), True),
    (attribute("age", starts_with=3), False),
    (attribute("age", starts_with="3"), False),
    (attribute("age", contains=3), False),
    (attribute("five", contains=5), False),
    (attribute("five", contains="5"), True),
    (attribute("missing", contains=""), False),
    (attribute("missing", starts_with=""), False),
    (attribute("nothing", ends_with=""), False),
    (attribute("tags", contains="a"), True),
    (attribute("tags", contains="c"), False),
    (attribute("tags", contains=""), False),
    (attribute("tags", starts_with="a"), False),
    (attribute("numbers", contains=2), True),
    (attribute("numbers", contains="2"), False),
    (attribute("numbers", contains=3), False),
    (attribute("address", contains="city"), False),
    (attribute("email", ends_with="@example.com"), True),
    (attribute("external_id", starts_with="u"), True),
]

EXISTENCE = [
    (attribute("plan", exists=True), True),
    (attribute("plan", exists=False), False),
    (attribute("empty", exists=True), True),
    (attribute("missing", exists=True), False),
    (attribute("missing", exists=False), True),
    (attribute("nothing", exists=True), False),
    (attribute("nothing", exists=False), True),
    (attribute("tags", exists=True), True),
    (attribute("email", exists=True), True),
    (attribute("phone", exists=True), False),
    (attribute("phone", exists=False), True),
    (attribute("lifecycle", exists=False, is_not="lead"), True),
    (attribute("plan", exists=True, is_="pro"), True),
    (attribute("plan", exists=True, is_="max"), False),
]

PATHS = [
    (attribute("address.city", is_="Lyon"), True),
    (attribute("address.zip", is_="01000"), True),
    (attribute("address.zip", is_=1000), False),
    (attribute("address.street", exists=True), False),
    (attribute("address.city.name", exists=True), False),
    (attribute("address.0", is_="zero"), True),
    (attribute("tags.0", is_="a"), True),
    (attribute("tags.1", is_="b"), True),
    (attribute("tags.2", exists=True), False),
    (attribute("tags.-1", exists=True), False),
    (attribute("plan.0", exists=True), False),
    (attribute("age.0", is_=30), False),
    (attribute("items.0.sku", is_="x"), True),
    (attribute("items.1.sku", is_="x"), False),
    (attribute("items.sku", is_="y"), True),
    (attribute("items.sku", is_="z"), False),
    (attribute("items.sku", is_not="y"), False),
    (attribute("items.sku", is_not="z"), True),
    (attribute("items.sku", in_=["z", "x"]), True),
    (attribute("items.sku", not_in=["z", "x"]), False),
    (attribute("items.sku", not_in=["z"]), True),
    (attribute("items.price", gt=20), True),
    (attribute("items.price", gt=30), False),
    (attribute("items.price", gt=15, lt=25), False),
    (attribute("items.price", gt=5, lt=15), True),
    (attribute("items.sizes", contains="m"), True),
    (attribute("items.sizes", is_="m"), False),
    (attribute("items.sizes.0", is_="s"), True),
    (attribute("items.sizes.1", is_="s"), False),
    (attribute("items.colour", exists=True), False),
    (attribute("items.colour", exists=False), True),
    (attribute("items.colour", is_not="red"), True),
    (attribute("grid.k", is_=3), True),
    (attribute("grid.k", is_=4), False),
    (attribute("grid.1.0.k", is_=2), True),
    (attribute("country", is_="FR"), True),
    (attribute("country.0", exists=True), False),
    (attribute("country.name", exists=True), False),
]

REFERENCES = [
    (attribute("plan", is_={"entry": "plan"}), True),
    (attribute("plan", is_not={"entry": "plan"}), False),
    (attribute("plan", is_={"entry": "missing"}), False),
    (attribute("missing", is_={"entry": "missing"}), False),
    (attribute("nothing", is_={"entry": "none"}), False),
    (attribute("nothing", is_not={"entry": "none"}), True),
    (attribute("age", gte={"entry": "min"}), True),
    (attribute("age", gte={"attribute": "min_age"}), True),
    (attribute("age", lt={"attribute": "min_age"}), False),
    (attribute("age", lt={"attribute": "plan"}), False),
    (attribute("plan", in_=["x", {"entry": "plan"}]), True),
    (attribute("plan", in_=[{"entry": "missing"}]), False),
    (attribute("plan", not_in=[{"entry": "missing"}]), True),
    (attribute("plan", contains={"entry": "plan"}), True),
    (attribute("allowed", contains={"entry": "plan"}), True),
    (attribute("tags", contains={"entry": "plan"}), False),
    (attribute("numbers.0", is_={"entry": "lines.n"}), True),
    (attribute("age", is_={"entry": "lines.n"}), False),
    (attribute("tags", is_={"attribute": "tags"}), True),
    ({"entry": "total", "gte": 50}, True),
    ({"entry": "total", "gte": 81}, False),
    ({"entry": "total", "gt": {"attribute": "age"}}, True),
    ({"entry": "lines.n", "is": 2}, True),
    ({"entry": "lines.2.n", "exists": True}, False),
    ({"entry": "none", "exists": True}, False),
    ({"entry": "plan", "is": {"step": "never", "property": "code"}}, False),
]

INSTANTS = [
    (attribute("born", before="1990-05-02"), True),
    (attribute("born", before="1990-05-01"), False),
    (attribute("born", after="1990-04-30"), True),
    (attribute("born", after="1990-05-01"), False),
    # Midnight of May 1st in Paris is 22:00 the evening before in UTC.
    (attribute("born", before="1990-04-30T22:00:01Z"), True),
    (attribute("born", after="1990-04-30T21:59:59Z"), True),
    (attribute("born", before="1990-05-01T00:00:01"), True),
    (attribute("born", before="1990-05-01T00:00:01+02:00"), True),
    (attribute("born", before="1990-05-01T00:00:01+03:00"), False),
    # 1767225600 is midnight of 2026-01-01 in UTC.
    (attribute("seconds", before="2026-01-01T00:00:01Z"), True),
    (attribute("seconds", after="2025-12-31T23:59:59Z"), True),
    (attribute("milliseconds", before="2026-01-01T00:00:01Z"), True),
    (attribute("milliseconds", after="2025-12-31T23:59:59Z"), True),
    (attribute("milliseconds", after={"attribute": "seconds"}), False),
    (attribute("seconds", after=1767225599), True),
    (attribute("plan", before="2030-01-01"), False),
    (attribute("plan", after="1970-01-01"), False),
    (attribute("missing", before="2030-01-01"), False),
    (attribute("vip", after="1970-01-01"), False),
    (attribute("tags", after="1970-01-01"), False),
]

TABLES = {
    "equality": EQUALITY,
    "numbers": NUMBERS,
    "texts": TEXTS,
    "existence": EXISTENCE,
    "paths": PATHS,
    "references": REFERENCES,
    "instants": INSTANTS,
}


async def test_comparisons_are_two_valued(situation: Situation) -> None:
    for name, table in TABLES.items():
        assert await situation.disagreements(table) == [], name


async def test_not_turns_every_comparison_round(situation: Situation) -> None:
    for name, table in TABLES.items():
        turned = [({"not": condition}, not truth) for condition, truth in table]
        assert await situation.disagreements(turned) == [], name


async def test_all_any_and_not_combine(situation: Situation) -> None:
    yes, no = attribute("plan", is_="pro"), attribute("missing", gt=1)
    assert (
        await situation.disagreements(
            [
                ({"all": [yes, yes]}, True),
                ({"all": [yes, no]}, False),
                ({"all": []}, True),
                ({"any": [no, yes]}, True),
                ({"any": [no, no]}, False),
                ({"any": []}, False),
                ({"not": no}, True),
                ({"not": {"not": no}}, False),
                ({"not": {"any": [no, {"all": [yes, {"not": yes}]}]}}, True),
                ({"all": [{"any": [no, yes]}, {"not": {"all": [no, yes]}}]}, True),
            ]
        )
        == []
    )


async def test_facts_contain_the_values_that_were_compared(situation: Situation) -> None:
    (judged,) = await situation.judged(
        [
            {
                "all": [
                    attribute("country", in_=["BE"]),
                    attribute("items.sku", is_="x"),
                    attribute("missing", exists=False),
                    {"entry": "total", "gte": 50},
                ]
            }
        ]
    )
    assert judged.holds is False
    assert judged.saw == {
        "attribute country": "FR",
        "attribute items.sku": ["x", "y"],
        "attribute missing": None,
        "entry total": 80,
    }


async def test_an_unknown_run_is_refused(pool: Pool) -> None:
    with pytest.raises(LookupError, match="there is no run"):
        await Situation(pool).truths([attribute("plan", is_="pro")])


async def test_no_text_of_a_document_becomes_sql(pool: Pool) -> None:
    """Each hostile text is an attribute's name and its value, and finds itself and nothing else."""
    hostile = [
        "' or true --",
        '"; drop table contact; --',
        "50% off",
        "%s %(c0_1)s %%",
        "back\\slash \\' \\\" \\u0041",
        "$[*] ? (@ == 1)",
        "a]b[c{d}e(f)g|h",
        "strict $",
        "été 🙂",
        "line\nbreak\ttab\x01",
        "{}",
        "null",
    ]
    situation = Situation(pool)
    values = {text: text for text in hostile}
    inner = [{text: text} for text in hostile]
    await situation.write_contact(attributes={**values, "deep": values, "many": inner})
    await situation.write_run()
    table = []
    for text in hostile:
        key = text.replace(".", "")
        assert key == text
        for path in (text, f"deep.{text}", f"many.{text}"):
            table += [
                (attribute(path, is_=text), True),
                (attribute(path, is_="other"), False),
                (attribute(path, in_=["other", text]), True),
                (attribute(path, contains=text), True),
                (attribute(path, starts_with=text), True),
                (attribute(path, ends_with=text), True),
                (attribute(path, gt=text), False),
                (attribute(path, any={text: text}), False),
            ]
        table += [
            ({"event": text}, False),
            ({"event": text, "where": {text: text}, "count": 0}, True),
            ({"event": text, "sum": {text: {"gte": 1}}}, False),
            ({"group": text}, False),
            ({"entry": text, "is": text}, False),
        ]
    for start in range(0, len(table), 40):
        assert await situation.disagreements(table[start : start + 40]) == []
    assert await situation.execute("select count(*) from contact") == [(1,)]


async def test_a_text_that_postgresql_cannot_hold_equals_nothing(situation: Situation) -> None:
    assert (
        await situation.disagreements(
            [
                (attribute("plan", is_="pro\x00"), False),
                (attribute("plan", is_not="pro\x00"), True),
                (attribute("plan", in_=["\x00", "pro"]), True),
                (attribute("plan", contains="\x00"), False),
                (attribute("pl\x00an", exists=True), False),
                (attribute("address.ci\x00ty", exists=True), False),
                (attribute("address.0\x00", exists=True), False),
                (attribute("plan", starts_with="\ud800"), False),
                ({"event": "Order\x00", "count": 0}, True),
                ({"group": "\x00"}, False),
            ]
        )
        == []
    )
