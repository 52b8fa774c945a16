"""Conditions on events: counting, adding up, and the bounds between which they count."""

from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

import pytest
from psycopg import AsyncConnection
from psycopg_pool import AsyncConnectionPool
from pydantic import TypeAdapter

from journeys.model.conditions import Where
from store.conditions import compile_condition, compile_where, evaluate_entries
from tests.support.situations import CONDITION, Situation

Pool = AsyncConnectionPool[AsyncConnection[Any]]
Table = list[tuple[dict[str, Any], bool]]

ORDER = "Order Completed"


@pytest.fixture
async def situation(pool: Pool) -> Situation:
    made = Situation(pool)
    await made.write_contact(
        timezone="Europe/Paris", attributes={"cart": "c2", "joined": "2026-02-01"}
    )
    return made


def event(name: str, **more: Any) -> dict[str, Any]:
    return {"event": name, **more}


async def test_events_are_counted(situation: Situation) -> None:
    for total in (20, 60, 90):
        await situation.write_event(ORDER, {"total": total})
    await situation.write_event(ORDER, {"total": 500}, contact=uuid4())
    await situation.write_run()
    table: Table = [
        (event(ORDER), True),
        (event("Order"), False),
        (event("order completed"), False),
        (event(ORDER, count=0), False),
        (event("Order", count=0), True),
        (event(ORDER, count=3), True),
        (event(ORDER, count=2), False),
        (event(ORDER, count=4), False),
        (event(ORDER, count={"gte": 3}), True),
        (event(ORDER, count={"gte": 4}), False),
        (event(ORDER, count={"gt": 2}), True),
        (event(ORDER, count={"gt": 3}), False),
        (event(ORDER, count={"gt": 2.5}), True),
        (event(ORDER, count={"lt": 3}), False),
        (event(ORDER, count={"lt": 4}), True),
        (event(ORDER, count={"lte": 2}), False),
        (event(ORDER, count={"lte": 3}), True),
        (event(ORDER, count={"is_not": 3}), False),
        (event(ORDER, count={"in": [1, 3]}), True),
        (event(ORDER, count={"in": [1, 2]}), False),
        (event(ORDER, count={"not_in": [1, 2]}), True),
        (event(ORDER, count={"gte": 2, "lt": 4}), True),
        (event(ORDER, count={"is": "3"}), False),
        (event("Order", count={"lt": 1}), True),
        (event("Order", count={"gte": 0}), True),
    ]
    assert await situation.disagreements(table) == []


async def test_only_events_as_where_asks_are_counted(situation: Situation) -> None:
    for total in (20, 60, 90):
        await situation.write_event(ORDER, {"total": total})
    await situation.write_run()
    table: Table = [
        (event(ORDER, where={"total": {"gte": 50}}), True),
        (event(ORDER, where={"total": {"gte": 50}}, count=2), True),
        (event(ORDER, where={"total": {"gte": 100}}), False),
        (event(ORDER, where={"total": {"gte": 100}}, count=0), True),
        (event(ORDER, where={"total": [20, 60]}, count=2), True),
        (event(ORDER, where={"total": 20}, count=1), True),
        (event(ORDER, where={"total": "20"}), False),
        (event(ORDER, where={"total": {"is_not": 20}, "x": {"exists": False}}, count=2), True),
        (event(ORDER, where={"total": {"is_not": 20}, "x": {"exists": True}}), False),
    ]
    assert await situation.disagreements(table) == []


async def test_a_count_may_be_compared_with_a_reference(situation: Situation) -> None:
    for _ in range(3):
        await situation.write_event(ORDER)
    await situation.write_run(entry={"least": 3})
    table: Table = [
        (event(ORDER, count={"gte": {"entry": "least"}}), True),
        (event(ORDER, count={"gt": {"entry": "least"}}), False),
        (event(ORDER, count={"gt": {"entry": "missing"}}), False),
    ]
    assert await situation.disagreements(table) == []


async def test_where_takes_paths_and_references(situation: Situation) -> None:
    lines = [{"sku": "a", "n": 1}, {"sku": "b", "n": 4}]
    await situation.write_event(ORDER, {"cart": "c1", "lines": lines, "at": "2026-03-01"})
    await situation.write_event(ORDER, {"cart": "c2", "lines": []})
    await situation.write_run(entry={"cart": "c1"})
    entry, attribute = {"entry": "cart"}, {"attribute": "cart"}
    table: Table = [
        (event(ORDER, where={"cart": entry}, count=1), True),
        (event(ORDER, where={"cart": attribute}, count=1), True),
        (event(ORDER, where={"cart": {"entry": "missing"}}), False),
        (event(ORDER, where={"cart": [entry, attribute]}, count=2), True),
        (event(ORDER, where={"cart": {"is_not": entry}}, count=1), True),
        (event(ORDER, where={"lines.sku": "b"}, count=1), True),
        (event(ORDER, where={"lines.0.sku": "b"}), False),
        (event(ORDER, where={"lines.n": {"gt": 3}}, count=1), True),
        (event(ORDER, where={"lines.n": {"gt": 4}}), False),
        (event(ORDER, where={"at": {"after": "2026-02-28"}}, count=1), True),
        (event(ORDER, where={"cart": None}), False),
    ]
    assert await situation.disagreements(table) == []


async def test_properties_are_added_up(situation: Situation) -> None:
    for properties in (
        {"total": 10},
        {"total": 20.5},
        {"total": "1000"},
        {"total": None},
        {},
        {"lines": [{"price": 1}, {"price": 2}, {"price": "3"}]},
    ):
        await situation.write_event(ORDER, properties)
    await situation.write_run()
    table: Table = [
        (event(ORDER, sum={"total": {"is": 30.5}}), True),
        (event(ORDER, sum={"total": {"gte": 31}}), False),
        (event(ORDER, avg={"total": {"is": 15.25}}), True),
        (event(ORDER, min={"total": {"is": 10}}), True),
        (event(ORDER, max={"total": {"is": 20.5}}), True),
        (event(ORDER, max={"total": {"gt": 20.5}}), False),
        (event(ORDER, sum={"lines.price": {"is": 3}}), True),
        (event(ORDER, sum={"total": {"is": 20.5}}, where={"total": {"gt": 10}}), True),
        # The sum of nothing is 0; the rest of nothing is missing.
        (event("Order", sum={"total": {"is": 0}}), True),
        (event("Order", sum={"total": {"lt": 100}}), True),
        (event("Order", avg={"total": {"lt": 100}}), False),
        (event("Order", min={"total": {"exists": False}}), True),
        (event("Order", max={"total": {"is_not": 5}}), True),
    ]
    assert await situation.disagreements(table) == []


async def test_within_counts_the_last_while(situation: Situation) -> None:
    await situation.write_event(ORDER, at="-10 days")
    await situation.write_event(ORDER, at="-50 minutes")
    await situation.write_run()
    table: Table = [
        (event(ORDER, within="1h", count=1), True),
        (event(ORDER, within="40m"), False),
        (event(ORDER, within="40m", count=0), True),
        (event(ORDER, within="9d", count=1), True),
        (event(ORDER, within="11d", count=2), True),
        (event(ORDER, within="1mo", count=2), True),
        (event(ORDER, within="P1Y", count=2), True),
    ]
    assert await situation.disagreements(table) == []


async def test_days_within_are_days_of_the_contacts_calendar(situation: Situation) -> None:
    # On 2026-03-29 clocks in Paris lost an hour: noon is 10:00 UTC, the day before it was 11:00.
    await situation.execute(
        "create or replace function parcours.clock() returns timestamptz language sql stable"
        " as $$ select timestamptz '2026-03-29T10:00:00Z' $$"
    )
    await situation.write_run()
    for minute in ("10:30", "11:30"):
        at = datetime.fromisoformat(f"2026-03-28T{minute}:00+00:00")
        await situation.write_event(ORDER, {"at": minute}, at=at)
    table: Table = [
        (event(ORDER, within="1d", count=1), True),
        (event(ORDER, where={"at": "11:30"}, within="1d"), True),
        (event(ORDER, within="24h", count=2), True),
        (event(ORDER, since="-1d", count=1), True),
        (event(ORDER, since="-24h", count=2), True),
        (event(ORDER, before="-1d", count=1), True),
    ]
    assert await situation.disagreements(table) == []
    await situation.execute("update contact set timezone = null")
    in_utc: Table = [
        (event(ORDER, within="1d", count=2), True),
        (event(ORDER, before="-1d"), False),
    ]
    assert await situation.disagreements(in_utc) == []
    assert await situation.disagreements(table, default_zone="Europe/Paris") == []
    # A zone that this server does not know counts as none.
    await situation.execute("update contact set timezone = 'Mars/Olympus_Mons'")
    assert await situation.disagreements(table, default_zone="Europe/Paris") == []


async def test_since_and_before_take_moments(situation: Situation) -> None:
    await situation.write_run(entry={"from": "2026-02-01", "list": [{"at": "2026-02-01"}]})
    # 23:30 UTC of January 31st is 00:30 of February 1st in Paris.
    await situation.write_event(ORDER, at=datetime(2026, 1, 31, 23, 30, tzinfo=UTC))
    table: Table = [
        (event(ORDER, since="2026-02-01"), True),
        (event(ORDER, since="2026-02-01T00:30"), True),
        (event(ORDER, since="2026-02-01T00:30:01"), False),
        (event(ORDER, since="2026-02-01T00:00:00Z"), False),
        (event(ORDER, before="2026-02-01"), False),
        (event(ORDER, before="2026-02-01T00:31"), True),
        (event(ORDER, since={"entry": "from"}), True),
        (event(ORDER, since={"attribute": "joined"}), True),
        (event(ORDER, since={"entry": "list.at"}), True),
        (event(ORDER, since={"entry": "from", "offset": "1d"}), False),
        (event(ORDER, since={"entry": "from", "offset": "+1h"}), False),
        (event(ORDER, since={"entry": "from", "offset": "-1mo", "at": "23:00"}), True),
        (event(ORDER, since={"entry": "from", "at": "00:30"}), True),
        (event(ORDER, since={"entry": "from", "at": "00:31"}), False),
        (event(ORDER, since="2026-01-01", before="2026-02-02"), True),
        (event(ORDER, since={"entry": "missing"}), False),
        (event(ORDER, before={"entry": "missing"}), False),
        (event(ORDER, before={"entry": "missing"}, count=0), True),
    ]
    assert await situation.disagreements(table) == []


async def test_history_includes_the_entry_event_and_before_entry_does_not(
    situation: Situation,
) -> None:
    await situation.write_event(ORDER, {"n": 1})
    entry = await situation.write_event(ORDER, {"n": 2})
    await situation.write_event(ORDER, {"n": 3})
    await situation.write_run(entry_event=entry)
    table: Table = [
        (event(ORDER, count=3), True),
        (event(ORDER, before="entry", count=1), True),
        (event(ORDER, before="entry", where={"n": 1}), True),
        (event(ORDER, before="entry", where={"n": 2}), False),
        (event(ORDER, since="entry", count=2), True),
        (event(ORDER, since="entry", where={"n": 1}), False),
        (event(ORDER, since="entry", where={"n": 2}), True),
        (event(ORDER, since="entry", where={"n": 3}), True),
    ]
    assert await situation.disagreements(table) == []


async def test_a_run_started_by_api_stands_after_what_was_there(situation: Situation) -> None:
    last = await situation.write_event(ORDER, {"n": 1})
    await situation.write_run(entry_ref=last)
    await situation.write_event(ORDER, {"n": 2})
    table: Table = [
        (event(ORDER, before="entry", count=1), True),
        (event(ORDER, before="entry", where={"n": 1}), True),
        (event(ORDER, since="entry", count=1), True),
        (event(ORDER, since="entry", where={"n": 2}), True),
    ]
    assert await situation.disagreements(table) == []


async def test_an_event_of_another_run_is_not_seen(situation: Situation) -> None:
    await situation.write_run()
    await situation.write_event(ORDER, {"total": 1})
    await situation.write_event(ORDER, {"total": 10}, run=situation.run)
    await situation.write_event(ORDER, {"total": 100}, run=uuid4())
    table: Table = [
        (event(ORDER, count=2), True),
        (event(ORDER, sum={"total": {"is": 11}}), True),
    ]
    assert await situation.disagreements(table) == []


async def test_facts_contain_the_past_that_was_compared(situation: Situation) -> None:
    await situation.write_run()
    for total in (1, 2, 3):
        await situation.write_event(ORDER, {"total": total})
    (judged,) = await situation.judged(
        [
            {
                "all": [
                    event(ORDER, count={"gte": 2}),
                    event(ORDER, sum={"total": {"gte": 5}}),
                    event(ORDER, where={"total": 9}),
                    {"step": "ask", "is": "happened"},
                    {"group": "vip"},
                    {"topic": "t", "is": "subscribed"},
                ]
            }
        ]
    )
    assert judged.saw == {
        f"event {ORDER}": 2,
        f"sum of total in event {ORDER}": 6,
        f"event {ORDER} (2)": 0,
        "step ask": None,
        "group vip": False,
        "topic t": "unsubscribed",
    }


async def test_entries_are_judged_together_on_their_own_events(pool: Pool) -> None:
    french, belgian = Situation(pool), Situation(pool)
    await french.write_contact(country="FR")
    await belgian.write_contact(country="BE")
    small = await french.write_event(ORDER, {"total": 10})
    large = await french.write_event(ORDER, {"total": 90, "least": 50})
    other = await belgian.write_event(ORDER, {"total": 90, "least": 50})
    candidates = [
        (small, french.contact),
        (large, french.contact),
        (other, belgian.contact),
        (large, belgian.contact),
    ]
    where = compile_where(TypeAdapter(Where).validate_python({"total": {"gte": 50}}))
    first = compile_condition(CONDITION.validate_python(event(ORDER, count=0, before="entry")))
    in_france = compile_condition(
        CONDITION.validate_python(
            {
                "all": [
                    {"attribute": "country", "is": "FR"},
                    {"entry": "least", "exists": True},
                    {"step": "x", "exists": False},
                ]
            }
        )
    )
    async with pool.connection() as conn:
        assert await evaluate_entries(conn, candidates, None, None) == {small, large, other}
        assert await evaluate_entries(conn, candidates, None, where) == {large, other}
        assert await evaluate_entries(conn, candidates, first, None) == {small, other}
        assert await evaluate_entries(conn, candidates, first, where) == {other}
        assert await evaluate_entries(conn, candidates, in_france, where) == {large}
        assert await evaluate_entries(conn, [], first, where) == set()
