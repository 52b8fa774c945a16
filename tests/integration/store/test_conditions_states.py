"""Conditions on messages, steps, groups, topics, segments and places."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from psycopg import AsyncConnection
from psycopg_pool import AsyncConnectionPool

from store.conditions import compile_condition
from tests.support.situations import CONDITION, Situation

Pool = AsyncConnectionPool[AsyncConnection[Any]]
Table = list[tuple[dict[str, Any], bool]]


@pytest.fixture
async def situation(pool: Pool) -> Situation:
    made = Situation(pool)
    await made.write_contact()
    await made.write_run()
    return made


async def test_a_message_condition_reads_the_latest_message(situation: Situation) -> None:
    await situation.write_message(1, "mail", statuses=("opened", "clicked"))
    await situation.write_message(2, "mail", statuses=("opened",))
    await situation.write_message(3, "vague", "unknown", statuses=("delivered",))
    await situation.write_message(4, "refused", "refused", statuses=("bounced",))

    def message_is(step: str, is_: str) -> dict[str, Any]:
        return {"message": step, "is": is_}

    table: Table = [
        (message_is("mail", "opened"), True),
        (message_is("mail", "clicked"), False),
        (message_is("mail", "delivered"), False),
        (message_is("vague", "delivered"), True),
        (message_is("refused", "bounced"), False),
        (message_is("none", "opened"), False),
    ]
    assert await situation.disagreements(table) == []


async def test_a_click_is_looked_at_more_closely(situation: Situation) -> None:
    first = str(await situation.write_message(1, "mail", statuses=("clicked",)))
    message = str(await situation.write_message(2, "mail", statuses=("clicked",)))
    for properties in (
        {"message_id": first, "url": "https://a.example/old"},
        {"message_id": message, "url": "https://a.example/sale"},
        {"message_id": message, "url": "https://a.example/scan", "by": "machine"},
        {"message_id": message, "url": "https://a.example/proxy", "by": "unknown"},
    ):
        await situation.write_event("Message Clicked", properties)

    def to(url: Any) -> dict[str, Any]:
        return {"message": "mail", "is": "clicked", "where": {"url": url}}

    table: Table = [
        (to("https://a.example/sale"), True),
        (to({"ends_with": "/sale"}), True),
        (to("https://a.example/old"), False),
        (to("https://a.example/scan"), False),
        (to("https://a.example/proxy"), True),
        ({"message": "mail", "is": "opened", "where": {"url": {"exists": True}}}, False),
    ]
    assert await situation.disagreements(table) == []


async def test_a_step_is_known_by_its_latest_outcome(situation: Situation) -> None:
    at = datetime.now(UTC) - timedelta(hours=1)
    answered = {"event": {"score": 9, "tags": ["x"]}}
    await situation.write_visit(1, "answer", "timed_out", ended_at=at)
    await situation.write_visit(2, "answer", "happened", ended_at=at, output=answered)
    body = {"status": 200, "body": {"items": [{"n": 1}]}}
    await situation.write_visit(3, "crm", "ok", kind="webhook", ended_at=at, output=body)
    await situation.write_visit(4, "answer", None)

    def step(name: str, **more: Any) -> dict[str, Any]:
        return {"step": name, **{word.rstrip("_"): each for word, each in more.items()}}

    table: Table = [
        (step("answer", is_="happened"), True),
        (step("answer", is_="timed_out"), False),
        (step("answer", in_=["timed_out", "happened"]), True),
        (step("answer", is_not="timed_out"), True),
        (step("never", is_="happened"), False),
        (step("never", is_not="happened"), True),
        (step("never", exists=False), True),
        (step("answer", property="outcome", is_="happened"), True),
        (step("answer", property="visits", is_=2), True),
        (step("never", property="visits", exists=True), False),
        (step("answer", property="at", after="2026-01-01"), True),
        (step("answer", property="at", before="2026-01-01"), False),
        (step("answer", property="event.score", gte=9), True),
        (step("answer", property="event.score", gt=9), False),
        (step("answer", property="event.tags.0", is_="x"), True),
        (step("answer", property="event.tags", contains="x"), True),
        (step("crm", property="status", is_=200), True),
        (step("crm", property="body.items.0", exists=True), True),
        (step("crm", property="body.items.1", exists=True), False),
        (step("crm", property="body.items.n", is_=1), True),
        (step("crm", property="code", exists=True), False),
    ]
    assert await situation.disagreements(table) == []


async def test_a_value_may_be_what_a_step_left(situation: Situation) -> None:
    await situation.write_visit(1, "ask", "happened", output={"event": {"plan": "pro", "n": [3]}})
    await situation.execute("""update contact set attributes = '{"plan": "pro", "n": 3}'""")
    table: Table = [
        ({"attribute": "plan", "is": {"step": "ask", "property": "event.plan"}}, True),
        ({"attribute": "n", "gte": {"step": "ask", "property": "event.n.0"}}, True),
        ({"attribute": "n", "gt": {"step": "ask", "property": "event.n.0"}}, False),
        ({"attribute": "plan", "is_not": {"step": "ask", "property": "event.x"}}, True),
    ]
    assert await situation.disagreements(table) == []


async def test_groups_topics_and_segments(situation: Situation) -> None:
    await situation.execute(
        "insert into group_member (contact_id, group_key) values (%s, 'vip')", situation.contact
    )
    for key, default in (("news", "double"), ("offers", "opt_in"), ("tips", "opt_out")):
        await situation.write_document("topic", key, {"topic": key, "default": default})
    for topic, state in (("offers", "subscribed"), ("ads", "pending")):
        await situation.execute(
            "insert into topic_state (contact_id, topic, state) values (%s, %s, %s)",
            situation.contact, topic, state,
        )  # fmt: skip
    segments: dict[str, dict[str, Any]] = {
        "vips": {"group": "vip"},
        "quiet": {"all": [{"segment": "vips"}, {"event": "Order Completed", "count": 0}]},
    }
    table: Table = [
        ({"group": "vip"}, True),
        ({"group": "VIP"}, False),
        ({"topic": "offers", "is": "subscribed"}, True),
        ({"topic": "tips", "is": "subscribed"}, True),
        ({"topic": "news", "is": "unsubscribed"}, True),
        ({"topic": "news", "is": "subscribed"}, False),
        ({"topic": "ads", "is": "pending"}, True),
        ({"topic": "unknown", "is": "unsubscribed"}, True),
        ({"segment": "vips"}, True),
        ({"segment": "quiet"}, True),
        ({"not": {"segment": "quiet"}}, False),
    ]
    assert await situation.disagreements(table, segments=segments) == []


def test_a_segment_that_contains_itself_is_refused() -> None:
    segments = {
        "a": CONDITION.validate_python({"any": [{"segment": "b"}]}),
        "b": CONDITION.validate_python({"not": {"segment": "a"}}),
    }
    with pytest.raises(ValueError, match="segment `a` contains itself: a → b → a"):
        compile_condition(segments["b"], segments=segments)


def test_an_unknown_segment_is_refused() -> None:
    with pytest.raises(ValueError, match="there is no segment `loyal`"):
        compile_condition(CONDITION.validate_python({"segment": "loyal"}))


async def test_a_location_that_is_none_is_near_nothing(situation: Situation) -> None:
    # Asked first of all in a session: its plan is made for these very values.
    await situation.write_event("Location Updated", {"lat": "48.8", "lon": 1e300})
    assert await situation.truths([{"near": {"km": 1, "lat": 45.764, "lon": 4.8357}}]) == [False]


async def test_a_place_reported_late_is_not_the_latest(situation: Situation) -> None:
    lyon, paris = {"lat": 45.764, "lon": 4.8357}, {"lat": 48.8566, "lon": 2.3522}
    now = datetime.now(UTC)
    await situation.write_event("Location Updated", paris, client_at=now - timedelta(minutes=5))
    await situation.write_event("Location Updated", lyon, client_at=now - timedelta(hours=5))
    assert await situation.truths([{"near": {"km": 1, **paris}}]) == [True]


async def test_nearness_goes_by_the_latest_place(situation: Situation) -> None:
    nantes = {"name": "Nantes", "lat": 47.2184, "lon": -1.5536}
    lyon, paris = {"lat": 45.764, "lon": 4.8357}, {"lat": 48.8566, "lon": 2.3522}
    await situation.write_document("places", "shops", {"list": [nantes, {"name": "L", **lyon}]})

    def near(km: float, **where: Any) -> dict[str, Any]:
        return {"near": {"km": km, **where}}

    assert await situation.truths([near(20_000, places="shops")]) == [False]
    await situation.write_event("Location Updated", lyon)
    assert await situation.truths([near(1, places="shops")]) == [True]
    await situation.write_event("Location Updated", paris)
    # By great circles Paris lies about 392 km from Lyon and 342 km from Nantes.
    table: Table = [
        (near(340, places="shops"), False),
        (near(345, places="shops"), True),
        (near(388, **lyon), False),
        (near(395, **lyon), True),
        (near(1, **paris), True),
        (near(20_000, places="nowhere"), False),
    ]
    assert await situation.disagreements(table) == []
    await situation.write_event("Location Updated", {"lat": "48.8", "lon": 1e300})
    assert await situation.truths([near(20_000, places="shops")]) == [False]


async def test_a_segment_counts_alike_in_every_journey(situation: Situation) -> None:
    # A contact without a zone; midnight in Auckland came twelve hours before that of UTC.
    await situation.execute("""update contact set attributes = '{"since": "2026-06-10"}'""")
    begun = {"attribute": "since", "before": "2026-06-09T18:00:00Z"}
    segments = {"begun": begun, "around": {"not": {"segment": "begun"}}}
    table: Table = [
        (begun, True),
        ({"segment": "begun"}, False),
        ({"segment": "around"}, True),
        ({"all": [{"segment": "around"}, begun]}, True),
    ]
    zone = "Pacific/Auckland"
    assert await situation.disagreements(table, segments=segments, default_zone=zone) == []
