"""Windows by their end, moments that move, and verdicts as of an instant; worked out by hand."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from psycopg import AsyncConnection
from psycopg_pool import AsyncConnectionPool
from pydantic import TypeAdapter, ValidationError

from journeys.model.conditions import Where
from store.conditions import compile_condition, compile_where
from tests.support.situations import CONDITION, Situation

Pool = AsyncConnectionPool[AsyncConnection[Any]]
Table = list[tuple[dict[str, Any], bool]]
WHERE: TypeAdapter[Where] = TypeAdapter(Where)
MICROSECOND = timedelta(microseconds=1)
ORDER = "Order Completed"


def utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


@pytest.fixture
async def situation(pool: Pool) -> Situation:
    made = Situation(pool)
    await made.write_contact()
    await made.write_run()
    return made


async def judged(situation: Situation, condition: dict[str, Any], at: datetime) -> bool:
    (evaluation,) = await situation.judged([condition], judged_at=at)
    return evaluation.holds


async def test_a_month_ends_once(situation: Situation) -> None:
    # "Not older than a month" said yes, no, yes, no, yes on these days.
    await situation.write_event(ORDER, at=utc("2026-02-28T10:00"))
    month = {"event": ORDER, "within": "1mo"}
    days = [
        "03-28T09:59",
        "03-28T10:00",
        "03-28T11:00",
        "03-29T09:00",
        "03-29T11:00",
        "03-30T09:00",
    ]
    answers = [await judged(situation, month, utc(f"2026-{day}")) for day in days]
    assert answers == [True, False, False, False, False, False]
    end = utc("2026-03-28T10:00")
    assert await situation.next_change(month, utc("2026-03-01T00:00")) == end
    assert await situation.next_change(month, end) is None


async def test_a_relative_bound_passes_an_event_as_a_window_does(situation: Situation) -> None:
    await situation.write_event(ORDER, at=utc("2026-02-28T10:00"))
    end = utc("2026-03-28T10:00")
    since, before = ({"event": ORDER, word: "-1mo"} for word in ("since", "before"))
    for at, inside in ((end, True), (end + MICROSECOND, False), (end + timedelta(days=1), False)):
        assert await judged(situation, since, at) is inside
        assert await judged(situation, before, at) is not inside
    for condition in (since, before):
        assert await situation.next_change(condition, utc("2026-03-01T00:00")) == end + MICROSECOND


async def test_an_older_event_may_leave_a_calendar_window_later(situation: Situation) -> None:
    # Both leave on 28 February, each at its time of day.
    await situation.write_event(ORDER, at=utc("2026-01-29T23:00"))
    await situation.write_event(ORDER, at=utc("2026-01-31T01:00"))
    at = utc("2026-02-15T00:00")
    once, twice, sum_ = (
        {"event": ORDER, "within": "1mo", **more}
        for more in ({}, {"count": {"gte": 2}}, {"sum": {"total": {"is": 0}}})
    )
    assert await situation.next_change(once, at) == utc("2026-02-28T23:00")
    assert await situation.next_change({**once, "count": 0}, at) == utc("2026-02-28T23:00")
    assert await situation.next_change(twice, at) == utc("2026-02-28T01:00")
    assert await situation.next_change(sum_, at) == utc("2026-02-28T01:00")


async def test_only_the_event_that_decides_is_waited_for(situation: Situation) -> None:
    for day in (1, 2, 3, 4):
        await situation.write_event(ORDER, at=utc(f"2026-01-0{day}T00:00"))
    at = utc("2026-01-05T00:00")

    async def days_later(**more: Any) -> int | None:
        found = await situation.next_change({"event": ORDER, "within": "240h", **more}, at)
        return None if found is None else (found - utc("2026-01-10T00:00")).days

    assert await days_later(count={"gte": 1}) == 4
    assert await days_later(count={"gte": 3}) == 2
    assert await days_later(count={"gte": 5}) is None
    assert await days_later(count=0) == 4
    assert await days_later(count={"lte": 2}) == 2
    assert await days_later(count=3) == 1
    assert await days_later(count={"is_not": 3}) == 1
    assert await days_later(count={"in": [3, 4]}) == 2
    assert await days_later(count={"gte": {"attribute": "missing"}}) == 1
    assert await days_later(since="2026-01-03", count={"gte": 1}) == 4


async def test_it_counts_when_an_event_happened(situation: Situation) -> None:
    happened = datetime(2020, 6, 1, 12, tzinfo=UTC)
    await situation.write_event(ORDER, {"total": 70}, client_at=happened)
    # A client's clock that runs ahead.
    await situation.write_event("Late", client_at=datetime.now(UTC) + timedelta(days=3))
    table: Table = [
        ({"event": ORDER, "within": "30d"}, False),
        ({"event": ORDER, "within": "30d", "count": 0}, True),
        ({"event": ORDER, "before": "2021-01-01"}, True),
        ({"event": ORDER, "since": "2021-01-01"}, False),
        ({"event": ORDER, "before": "-1y"}, True),
        ({"event": ORDER, "sum": {"total": {"gte": 70}}, "within": "30d"}, False),
        ({"event": ORDER, "sum": {"total": {"gte": 70}}, "before": "2020-06-02"}, True),
        ({"event": "Late", "within": "1h"}, True),
        ({"event": "Late", "before": "+1h"}, True),
    ]
    assert await situation.disagreements(table) == []


async def test_at_an_instant_only_what_was_recorded_by_then_counts(situation: Situation) -> None:
    noon = utc("2026-03-01T12:00")
    # Happened before noon and was recorded after it.
    await situation.write_event(ORDER, at=noon + MICROSECOND, client_at=noon - timedelta(days=1))
    message = await situation.write_message(1, "mail")
    await situation.execute("update message set clicked_at = %s", noon + MICROSECOND)
    await situation.write_event(
        "Message Clicked", {"message_id": str(message), "url": "u"}, at=noon + MICROSECOND
    )
    await situation.write_event("Location Updated", {"lat": 1, "lon": 1}, at=noon + MICROSECOND)
    await situation.write_visit(2, "asked", "happened", ended_at=noon + MICROSECOND)
    conditions: list[dict[str, Any]] = [
        {"event": ORDER},
        {"event": ORDER, "within": "30d"},
        {"message": "mail", "is": "clicked"},
        {"message": "mail", "is": "clicked", "where": {"url": "u"}},
        {"near": {"lat": 1, "lon": 1, "km": 1}},
        {"step": "asked", "is": "happened"},
    ]
    for at, right in ((noon, False), (noon + MICROSECOND, True)):
        answers = await situation.judged(conditions, judged_at=at)
        assert [each.holds for each in answers] == [right] * 6
    assert await situation.next_change(conditions[1], noon) is None


async def test_before_and_after_take_moments_that_move(situation: Situation) -> None:
    await situation.execute(
        "update contact set timezone = 'America/Sao_Paulo', attributes = jsonb_build_object("
        "'trial_ends', '2026-03-04', 'last_order', '2024-01-01', 'born', '1990-03-05',"
        "'seen', '2026-03-02T03:00:00Z', 'seconds', 1772431200)"
    )
    # 06:00 in São Paulo; its midnight is 03:00 in UTC.
    at = utc("2026-03-02T09:00")
    expected: list[tuple[dict[str, Any], bool, datetime | None]] = [
        ({"attribute": "trial_ends", "before": "+3d"}, True, None),
        ({"attribute": "trial_ends", "after": "+3d"}, False, None),
        ({"attribute": "last_order", "before": "-30d"}, True, None),
        ({"attribute": "trial_ends", "before": "+1d"}, False, utc("2026-03-03T03:00")),
        ({"attribute": "trial_ends", "after": "+1d"}, True, utc("2026-03-03T03:00")),
        ({"attribute": "trial_ends", "after": "now"}, True, utc("2026-03-04T03:00")),
        ({"attribute": "trial_ends", "before": "today"}, False, utc("2026-03-05T03:00")),
        ({"attribute": "seen", "before": "today"}, False, utc("2026-03-03T03:00")),
        ({"attribute": "seen", "after": "today"}, False, None),
        ({"attribute": "trial_ends", "after": "09:00"}, True, utc("2026-03-03T12:00")),
        ({"attribute": "seconds", "before": "now"}, True, None),
        ({"attribute": "seconds", "before": 1772431201}, True, None),
        ({"attribute": "trial_ends", "before": {"attribute": "seen", "offset": "3d"}}, True, None),
        ({"attribute": "trial_ends", "before": {"attribute": "seen", "at": "09:00"}}, False, None),
        ({"attribute": "trial_ends", "before": {"attribute": "born", "every": "year"}}, True,
         utc("2026-03-06T03:00")),
        ({"attribute": "missing", "before": "+3d"}, False, None),
    ]  # fmt: skip
    for condition, holds, then in expected:
        assert await judged(situation, condition, at) is holds, condition
        found = await situation.next_change(condition, at)
        step = MICROSECOND if condition.get("before") in ("+1d", "09:00", "now") else timedelta()
        step = MICROSECOND if condition.get("after") == "09:00" else step
        assert found == (None if then is None else then + step), condition


async def test_entry_is_when_the_run_began(pool: Pool) -> None:
    situation = Situation(pool)
    await situation.write_contact(attributes={"joined": "2026-01-31T12:00:00Z"})
    entry = await situation.write_event("Begun", at=utc("2026-02-01T00:00"))
    await situation.write_run(entry_event=entry)
    table: Table = [
        ({"attribute": "joined", "before": "entry"}, True),
        ({"attribute": "joined", "after": "entry"}, False),
    ]
    assert await situation.disagreements(table) == []


async def test_where_takes_moments_that_move(situation: Situation) -> None:
    await situation.write_event(ORDER, {"due": "2026-03-10"}, at=utc("2026-03-01T00:00"))
    soon = {"event": ORDER, "where": {"due": {"before": "+3d"}}}
    at = utc("2026-03-02T00:00")
    then = utc("2026-03-07T00:00") + MICROSECOND
    assert await situation.next_change(soon, at) == then
    assert not await judged(situation, soon, then - MICROSECOND)
    assert await judged(situation, soon, then)


async def test_a_trigger_asks_as_of_the_events_recording(situation: Situation) -> None:
    # Due in four days when it came, and in the past by now.
    event = await situation.write_event(ORDER, {"due": "2026-03-05"}, at=utc("2026-03-01T00:00"))
    for word, moment, right in (("before", "+3d", False), ("before", "+5d", True)):
        where = compile_where(WHERE.validate_python({"due": {word: moment}}))
        rows = await situation.pool.getconn()
        try:
            cursor = await rows.execute(
                f"select {where.sql} from event e join contact c on c.id = e.contact_id"
                f" join run r on r.contact_id = c.id where e.id = {event}".encode(),
                where.params,
            )
            assert await cursor.fetchone() == (right,)
        finally:
            await situation.pool.putconn(rows)


async def test_any_asks_one_element_at_a_time(situation: Situation) -> None:
    items = [
        {"sku": "A", "price": 20, "tags": ["x"], "ends": "2026-03-10"},
        {"sku": "B", "price": 90, "sizes": [{"n": 1}, {"n": 2}]},
        ["A", 90],
        "A",
    ]
    await situation.execute("update contact set attributes = %s", f'{{"n": {len(items)}}}')
    await situation.write_event("Cart", {"items": items, "one": items[0], "at": "2026"})

    def cart(**asked: Any) -> dict[str, Any]:
        return {"event": "Cart", "where": {"items": {"any": asked}}}

    table: Table = [
        (cart(sku="A", price={"gt": 50}), False),
        (cart(sku="B", price={"gt": 50}), True),
        (cart(sku="A", price=20), True),
        (cart(sku=["A", "C"], tags={"contains": "x"}), True),
        (cart(sku="B", sizes={"any": {"n": {"gt": 1}}}), True),
        (cart(sku="A", sizes={"exists": False}), True),
        (cart(sku="C"), False),
        (cart(**{"sizes.n": 2}), True),
        (cart(ends={"before": "now"}, sku="A"), True),
        ({"event": "Cart", "where": {"one": {"any": {"sku": "A"}}}}, False),
        ({"event": "Cart", "where": {"none": {"any": {"sku": "A"}}}}, False),
        ({"event": "Cart", "where": {"items.sku": "A", "items.price": {"gt": 50}}}, True),
    ]
    assert await situation.disagreements(table) == []
    ends = {"event": "Cart", "where": {"items": {"any": {"sku": "A", "ends": {"before": "-1y"}}}}}
    then = utc("2027-03-10T00:00") + MICROSECOND
    assert await situation.next_change(ends, datetime.now(UTC) + timedelta(days=1)) == then


async def test_in_takes_a_reference_to_a_list(pool: Pool) -> None:
    situation = Situation(pool)
    await situation.write_contact(
        attributes={"plan": "pro", "plans": ["pro", 3], "one": "pro", "orders": [{"ids": [1, 2]}]},
    )
    await situation.write_run(entry={"plans": ["free"], "id": 2})
    await situation.write_event(ORDER, {"plan": "pro"})
    table: Table = [
        ({"attribute": "plan", "in": {"attribute": "plans"}}, True),
        ({"attribute": "plan", "not_in": {"attribute": "plans"}}, False),
        ({"attribute": "plan", "in": {"entry": "plans"}}, False),
        ({"attribute": "plan", "not_in": {"entry": "plans"}}, True),
        ({"attribute": "plan", "in": {"attribute": "one"}}, True),
        ({"attribute": "plan", "in": {"attribute": "missing"}}, False),
        ({"attribute": "missing", "in": {"attribute": "plans"}}, False),
        ({"attribute": "missing", "not_in": {"attribute": "plans"}}, True),
        ({"entry": "id", "in": {"attribute": "orders.ids"}}, True),
        ({"event": ORDER, "where": {"plan": {"in": {"attribute": "plans"}}}}, True),
    ]
    assert await situation.disagreements(table) == []


async def test_a_key_with_the_very_name_of_the_path_goes_first(pool: Pool) -> None:
    value = {
        "a.b": 1, "a": {"b": 2, "c": 3}, "n.x": None, "n": {"x": 4},
        "l": [{"p.q": 5, "p": {"q": 6}}], "l.p.q": [7, 8], "email.verified": True,
    }  # fmt: skip
    situation = Situation(pool)
    await situation.write_contact(attributes=value, email="ada@example.com")
    await situation.write_run(entry=value)
    await situation.write_event(ORDER, value)
    await situation.write_visit(1, "ask", "happened", output={"event": value})
    for path, asked, right in (
        ("a.b", {"is": 1}, True),
        ("a.b", {"is": 2}, False),
        ("a.c", {"is": 3}, True),
        ("n.x", {"exists": True}, False),
        ("l.p.q", {"contains": 7}, True),
        ("l.p.q", {"is": 6}, False),
        ("l", {"any": {"p.q": 5}}, True),
        ("l", {"any": {"p.q": 6}}, False),
        ("email.verified", {"is": True}, True),
    ):
        table: Table = [
            ({"attribute": path, **asked}, right),
            ({"entry": path, **asked}, right),
            ({"event": ORDER, "where": {path: asked}}, right),
            ({"step": "ask", "property": f"event.{path}", **asked}, right),
        ]
        assert await situation.disagreements(table) == []
    assert await situation.truths([{"attribute": "a.b", "is": {"entry": "a.b"}}]) == [True]


@pytest.mark.parametrize(
    "condition",
    [
        {"attribute": "a", "before": "31/12/2026"},
        {"attribute": "a", "before": "soon"},
        {"attribute": "a", "after": True},
        {"attribute": "a", "after": None},
        {"attribute": "a", "after": "1990-02-30"},
        {"attribute": "a", "in": "x"},
        {"attribute": "a", "any": {}},
        {"attribute": "a", "any": ["x"]},
        {"event": "E", "since": "yesterday"},
    ],
)
def test_what_no_comparison_can_mean_is_refused(condition: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        CONDITION.validate_python(condition)


def test_what_time_never_changes_has_no_next_instant() -> None:
    for condition in (
        {"event": "E"},
        {"event": "E", "since": "entry"},
        {"event": "E", "since": "2026-01-01", "before": {"attribute": "at", "offset": "3d"}},
        {"attribute": "a", "before": "2026-01-01"},
        {"all": [{"group": "g"}, {"not": {"step": "s", "is": "x"}}]},
    ):
        assert compile_condition(CONDITION.validate_python(condition)).next_change is None
