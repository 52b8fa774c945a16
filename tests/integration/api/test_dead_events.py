"""Dead events and refused entries: listed, tried again for one or many, and dismissed."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from journeys.model.reasons import REFUSAL_REASONS, TRIED_AGAIN
from tests.integration.api.conftest import Pool, Rows
from tests.support.engine import activate

JOURNEY = """
journey: welcome
entry: {event: Joined}
re_entry: {after: 30d}
steps:
  - {id: pause, wait: 30d}
"""
EVENTS = """
with c as (
    insert into contact (id, external_id) select gen_random_uuid(), 'c' || n
    from generate_series(1, %s) n returning id, external_id
)
insert into event (contact_id, name, properties, message_id)
select id, 'Joined', '{}', external_id from c order by external_id
returning id, contact_id
"""


async def give_up(rows: Rows, *codes: str) -> list[int]:
    """Dead events of contacts of their own, one of each code."""
    found = await rows(EVENTS, len(codes))
    for (event, contact), code in zip(found, codes, strict=True):
        await rows(
            "insert into dead_event (event_id, contact_id, code, detail) values (%s, %s, %s, 'd')"
            " returning event_id",
            event, contact, code,
        )  # fmt: skip
    return [event for event, _ in found]


async def post(client: httpx.AsyncClient, path: str, **body: Any) -> dict[str, Any]:
    answer = await client.post(f"/v1/events/{path}", json=body)
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


async def test_dead_events_are_dispatched_again_once_and_dismissed_with_a_reason(
    operate: httpx.AsyncClient, rows: Rows
) -> None:
    first, second, third, fourth = await give_up(rows, "too_big", "internal", "internal", "other")
    page = (await operate.get("/v1/events/dead", params={"limit": 3})).json()
    rest = await operate.get("/v1/events/dead", params={"limit": 3, "cursor": page["next"]})
    items = [*page["items"], *rest.json()["items"]]
    assert [each["event"] for each in items] == [fourth, third, second, first]
    assert (items[3]["contact"], items[3]["name"], items[3]["code"]) == ("c1", "Joined", "too_big")
    of_one = (await operate.get("/v1/events/dead", params={"contact": "c2"})).json()["items"]
    assert [each["event"] for each in of_one] == [second]

    seen = await post(operate, "dead/replay", code="internal", preview=True)
    assert (seen["count"], seen["words"]) == (2, "2 dead events would be dispatched again")
    assert await rows("select count(*) from outbox") == [(0,)]
    done = await post(operate, "dead/replay", code="internal", reason="the journey is right now")
    assert (done["events"], done["words"]) == ([second, third], "2 dead events dispatched again")
    waiting = "select event_id from outbox order by event_id"
    assert await rows(waiting) == [(second,), (third,)]
    again = await post(operate, "dead/replay", events=[second, third, 999])
    assert (again["count"], again["more"]) == (0, False)
    assert await rows(waiting) == [(second,), (third,)]

    left = await post(operate, "dead/dismiss", events=[first], reason="of a test")
    assert left["words"] == "1 dead event dismissed"
    assert (await post(operate, "dead/dismiss", events=[first], reason="again"))["count"] == 0
    # One whose event was removed has nothing to dispatch, and can be dismissed alone.
    await rows("delete from event where id = %s returning id", fourth)
    assert (await post(operate, "dead/replay"))["count"] == 0
    assert (await post(operate, "dead/dismiss", reason="old"))["events"] == [fourth]
    assert await rows("select count(*) from dead_event") == [(0,)]
    assert await rows(
        "select action, subject, reason from audit where subject_kind = 'event' order by id"
    ) == [
        ("event.replay", str(second), "the journey is right now"),
        ("event.replay", str(third), "the journey is right now"),
        ("event.dismiss", str(first), "of a test"),
        ("event.dismiss", str(fourth), "old"),
    ]
    refused: tuple[dict[str, Any], ...] = (
        {"events": [1], "code": "x"}, {"events": []}, {"events": [0]}, {"reason": " "},
    )  # fmt: skip
    for wrong in refused:
        answer = await operate.post("/v1/events/dead/replay", json=wrong)
        assert answer.status_code == 422, wrong
    assert (await operate.post("/v1/events/dead/dismiss", json={})).status_code == 422


async def test_refused_entries_of_a_code_are_tried_again_by_what_holds_now(
    pool: Pool, operate: httpx.AsyncClient, rows: Rows, monkeypatch: pytest.MonkeyPatch
) -> None:
    await activate(pool, JOURNEY)
    found = await rows(EVENTS, 6)
    for place, (event, contact) in enumerate(found):
        await rows(
            "insert into refusal (journey, contact_id, event_id, code) values"
            " ('welcome', %s, %s, %s) returning id",
            contact, event, "late_event" if place == 5 else "paused",
        )  # fmt: skip
    events = [event for event, _ in found]
    # One contact has been in the journey since, and one was let in by its id.
    await rows(
        "insert into run (id, journey, version, contact_id, entry_ref, ref, state, ended_at)"
        " values (gen_random_uuid(), 'welcome', 1, %s, 0, 0, 'ended', now()) returning id",
        found[0][1],
    )
    one = await operate.post(f"/v1/events/rejected/entry.{events[1]}.welcome/replay", json={})
    assert one.status_code == 200, one.text
    await rows("update journey set state = 'paused' returning key")
    asked = {"journey": "welcome", "code": "paused"}
    seen = await post(operate, "refused/replay", **asked, preview=True)
    assert seen["words"] == (
        "4 entries of welcome would be tried again, once the journey is resumed"
    )
    # What refused them holds still.
    held = await post(operate, "refused/replay", **asked)
    assert (held["began"], held["refused"], held["next"]) == (0, {"paused": 4}, None)
    await rows("update journey set state = 'active' returning key")

    monkeypatch.setattr("api.events.refusals.MOST", 3)
    begun = await post(operate, "refused/replay", **asked, reason="it goes on")
    assert (begun["found"], begun["began"], begun["refused"]) == (3, 2, {"re_entry": 1})
    assert begun["words"] == (
        "3 entries of welcome tried again: 2 began a run, 1 refused as re_entry"
    )
    rest = await post(operate, "refused/replay", **asked, cursor=begun["next"])
    assert (rest["began"], rest["refused"], rest["next"]) == (1, {}, None)
    # A call that is repeated finds those alone that were refused again.
    repeated = await post(operate, "refused/replay", **asked)
    assert (repeated["began"], repeated["refused"]) == (0, {"re_entry": 1})
    runs = await rows("select entry_event_id from run where entry_event_id is not null order by 1")
    assert runs == [(event,) for event in events[1:5]]
    assert await rows("select count(*) from audit where action = 'rejection.replay'") == [(4,)]

    for body, status, code in (
        ({"journey": "none", "code": "paused"}, 404, "unknown_journey"),
        ({"journey": "welcome", "code": "chain"}, 422, "never_let_in"),
        ({"journey": "welcome", "code": "soon"}, 422, None),
        ({**asked, "cursor": "x"}, 400, "invalid_cursor"),
    ):
        answer = await operate.post("/v1/events/refused/replay", json=body)
        assert answer.status_code == status, answer.text
        assert code is None or answer.json()["code"] == code
    assert TRIED_AGAIN.keys() < REFUSAL_REASONS.keys()
