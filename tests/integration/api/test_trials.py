"""Trials: journeys played on a simulated clock for the console, with contacts of the database."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import httpx
import pytest

from api.console.trial_player import TrialPlayer
from api.http.problems import Problem
from tests.integration.api.conftest import Keys, Rows
from tests.support.conditions import eventually

YAML = {"Content-Type": "application/yaml"}
TOPIC = "topic: offers\ndefault: opt_in\n"
CART = """\
journey: cart
entry: {event: Cart Updated}
defaults: {topic: offers}
steps:
  - {id: quiet, wait: 1h}
  - id: reminder
    email: {subject: "Hello {{ contact.first_name }}", text: "Yours: {{ unsubscribe_url }}"}
  - id: buyer
    branch:
      - name: loyal
        if: {event: Order Completed, count: {gte: 2}}
        then: [{id: thanks, update: {set: {loyal: true}}}]
      - else: []
"""
EVENTS = [{"at": "+1d", "event": "Cart Updated", "properties": {"total": 30}}]
START = "2026-03-02T10:00:00Z"


async def _saved(admin: httpx.AsyncClient) -> None:
    for path, text in (("topics/offers", TOPIC), ("journeys/cart", CART)):
        assert (await admin.put(f"/v1/{path}", content=text, headers=YAML)).is_success


async def _play(client: httpx.AsyncClient, **trial: Any) -> dict[str, Any]:
    body = {"journey": "cart", "events": EVENTS, "start": START, **trial}
    answer = await client.post("/v1/simulate", json=body, timeout=180)
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


@pytest.mark.long
async def test_a_journey_is_tried_on_an_invented_and_on_a_real_contact(
    admin: httpx.AsyncClient, stranger: httpx.AsyncClient, keys: Keys, rows: Rows
) -> None:
    await _saved(admin)
    person = {
        "userId": "ada",
        "traits": {"email": "ada@example.com", "first_name": "Ada"},
        "topics": {"offers": "subscribed", "another": "subscribed"},
    }
    played = await _play(admin, person=person)
    said = [
        (line["at"], line["kind"], line["step"], line["outcome"]) for line in played["timeline"]
    ]
    assert said == [
        ("2026-03-03T10:00:00Z", "entry", None, "entered"),
        ("2026-03-03T11:00:00Z", "wait", "quiet", "elapsed"),
        ("2026-03-03T11:00:00Z", "email", "reminder", "sent"),
        ("2026-03-03T11:00:00Z", "branch", "buyer", "else"),
        ("2026-03-03T11:00:00Z", "end", None, "completed"),
    ]
    assert played["timeline"][2]["facts"]["subject"] == "Hello Ada"
    reached = {each["step"]: each["reached"] for each in played["coverage"]}
    assert reached["buyer"] == ["else"]
    assert (played["warnings"], played["summary"]) == ([], None)
    # As it is being written, it takes the place of what is saved.
    written = CART.replace("wait: 1h", "wait: 2h")
    files = [{"filename": "cart.yaml", "source": written}]
    again = await _play(admin, person=person, files=files)
    assert again["timeline"][1]["at"] == "2026-03-03T12:00:00Z"
    # A contact of the database, with what it did.
    contact = {"email": "bea@example.com", "attributes": {"first_name": "Bea"}}
    assert (await admin.put("/v1/contacts/bea", json=contact)).is_success
    consent = {"state": "subscribed"}
    assert (await admin.put("/v1/contacts/bea/topics/offers", json=consent)).is_success
    for n in range(2):
        bought = {"userId": "bea", "event": "Order Completed", "properties": {"total": n}}
        assert (await admin.post("/v1/track", json=bought)).is_success
    real = await _play(admin, contact="bea", start=None)
    assert [line["outcome"] for line in real["timeline"]] == [
        "entered", "elapsed", "sent", "loyal", "done", "completed",
    ]  # fmt: skip
    assert real["person"]["traits"] == {"email": "bea@example.com", "first_name": "Bea"}
    assert real["person"]["topics"] == {"offers": "subscribed"}
    assert [each["event"] for each in real["person"]["events"]] == ["Order Completed"] * 2
    # How many of several take each way.
    assert (await admin.put("/v1/contacts/cem", json={"email": "cem@example.com"})).is_success
    counted = await _play(admin, sample={"size": 10}, start=None)
    assert counted["timeline"] == []
    summary = counted["summary"]
    assert (summary["contacts"], summary["entered"]) == (2, 2)
    steps = {each["id"]: each for each in summary["steps"]}
    assert steps["buyer"]["outcomes"] == {"loyal": 1, "else": 1}
    assert steps["reminder"]["skipped"] == {"consent": 1}
    # Nothing of it is here.
    assert await rows("select 1 from run") == []
    assert await rows("select attributes from contact where external_id = 'bea'") == [
        ({"first_name": "Bea"},)
    ]
    edit = {"Authorization": f"Bearer {keys.edit}"}
    for body, status, code in (
        ({"contact": "no-such-person"}, 404, "unknown_contact"),
        ({"contact": "bea", "person": {}}, 422, "invalid_request"),
        ({"person": {"shoe": 1}}, 422, "refused"),
        ({"person": {}, "journey": "ship"}, 404, "unknown_journey"),
        ({"person": {}, "until": "someday"}, 422, "refused"),
        ({"person": {}, "files": [{"filename": "x", "source": "journey: cart"}]}, 422, "refused"),
        ({"sample": {"segment": "ship"}}, 404, "unknown_segment"),
    ):
        answer = await admin.post("/v1/simulate", json={"journey": "cart", **body}, timeout=60)
        assert (answer.status_code, answer.json()["code"]) == (status, code), answer.text
    for body, status in (({"contact": "bea"}, 403), ({"person": {"shoe": 1}}, 422)):
        answer = await stranger.post(
            "/v1/simulate", json={"journey": "cart", **body}, headers=edit, timeout=60
        )
        assert answer.status_code == status


@pytest.fixture
async def player() -> AsyncIterator[TrialPlayer]:
    """A player that has three seconds for a trial, and takes one at a time."""
    player = TrialPlayer(seconds=3, most=1)
    yield player
    await player.close()


def _process_of(player: TrialPlayer) -> Callable[[], Awaitable[int | None]]:
    async def process() -> int | None:
        return player.process

    return process


@pytest.mark.long
async def test_a_trial_that_takes_too_long_is_ended_with_its_servers(player: TrialPlayer) -> None:
    # Ten thousand times a day.
    circle = """\
journey: a
entry: {api: true}
steps:
  - {id: rest, wait: 1d}
  - {id: back, goto: rest, max_visits: 10000}
"""
    request = {
        "given": [("a", circle)], "stored": [], "journey": "a", "contacts": [{"userId": "u"}],
        "together": False, "events": [], "start": None, "until": "+9000d",
    }  # fmt: skip
    playing = asyncio.create_task(player.play(request))
    group = await eventually(_process_of(player), 60)
    with pytest.raises(Problem) as refused:
        await player.play(request)
    assert (refused.value.status_code, refused.value.code) == (503, "busy")
    with pytest.raises(Problem) as ended:
        await playing
    assert ended.value.code == "too_long"
    assert player.process is None
    assert group is not None

    async def gone() -> bool:
        try:
            os.killpg(group, 0)
        except ProcessLookupError:
            return True
        return False

    await eventually(gone)
