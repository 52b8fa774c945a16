"""The routes of what a contact has been through."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest

from journeys.model.reasons import REFUSAL_REASONS
from store.messages.kept_contents import pack_content
from tests.integration.api.conftest import Keys, Rows

RUN = UUID("018f0000-0000-7000-8000-000000000001")
MESSAGE = uuid4()


@pytest.fixture
async def ada(operate: httpx.AsyncClient, rows: Rows) -> str:
    """A contact who was changed, joined a group, bought, was written to, and was refused."""
    await operate.put("/v1/contacts/ada", json={"email": "ada@x.example", "locale": "de"})
    await operate.post("/v1/groups/vip/contacts", json={"contacts": ["ada"]})
    await operate.post(
        "/v1/track", json={"userId": "ada", "event": "Bought", "properties": {"total": 20}}
    )
    await rows("insert into journey (key, state) values ('hello', 'active') returning 1")
    await rows(
        "insert into document (kind, key, document, source, sha256) values ('topic', 'news',"
        """ '{"topic": "news", "name": "News", "default": "opt_in"}', '', ''),"""
        """ ('topic', 'tips', '{"topic": "tips", "default": "opt_out"}', '', '') returning 1"""
    )
    await operate.put("/v1/contacts/ada/topics/news", json={"state": "subscribed", "text": "Yes"})
    await rows(
        "with c as (select id from contact where external_id = 'ada'),"
        " r as (insert into run (id, journey, version, contact_id, entry_ref, ref, state, outcome,"
        " ended_at) select %s, 'hello', 2, id, 0, 0, 'ended', 'finished',"
        " parcours.clock() + interval '1 second' from c),"
        " v as (insert into visit (run_id, visit, step, kind, outcome, message_id, facts)"
        " values (%s, 1, 'mail', 'email', 'sent', %s, '{}'),"
        """ (%s, 2, 'next', 'sms', 'skipped', null, '{"reason": "cap"}')),"""
        " f as (insert into refusal (journey, contact_id, code) select 'hello', id, 're_entry'"
        " from c)"
        " insert into message (id, run_id, visit, step, contact_id, channel, state, token, address)"
        " select %s, %s, 1, 'mail', id, 'email', 'sent', '', 'ada@x.example' from c returning 1",
        RUN, RUN, MESSAGE, RUN, MESSAGE, RUN,
    )  # fmt: skip
    await rows(
        "insert into kept_content (message_id, content) values (%s, %s) returning 1",
        MESSAGE,
        pack_content({"to": "ada@x.example", "subject": "Hello Ada", "text": "x" * 5_000}),
    )
    return "ada"


async def test_a_timeline_tells_all_in_sentences(operate: httpx.AsyncClient, ada: str) -> None:
    page = (await operate.get(f"/v1/contacts/{ada}/timeline")).json()
    assert page["next"] is None
    said = [(each["type"], each["sentence"]) for each in page["items"]]
    for expected in (
        ("end", "ended hello version 2: finished"),
        ("refusal", f"was not let into hello: {REFUSAL_REASONS['re_entry']}"),
        ("message", "email Hello Ada to ada@x.example by mail of hello: sent"),
        ("visit", "skipped next of hello (sms): the contact got as many messages as it may"),
        ("visit", "was at mail of hello (email): sent"),
        ("entry", "began hello version 2"),
        ("consent", "subscribed for the topic news by email at ada@x.example (by operator: Yes)"),
        ("event", "Bought (total: 20)"),
        ("group", "joined the group vip"),
        ("change", "became known"),
    ):  # fmt: skip
        assert said.count(expected) == 1, (expected, said)
    assert ("change", "email was set to ada@x.example, locale was set to de") in said
    assert said[0][0] == "end"
    assert [each["at"] for each in page["items"]] == sorted(
        (each["at"] for each in page["items"]), reverse=True
    )
    message = next(each for each in page["items"] if each["type"] == "message")
    assert message["message"] == str(MESSAGE)
    assert message["run"] == str(RUN)
    assert message["content"] == {
        "to": "ada@x.example", "subject": "Hello Ada", "text": "x" * 2_000
    }  # fmt: skip
    shown = await operate.get(f"/v1/messages/{message['message']}")
    assert shown.json()["kept"]["text"] == "x" * 5_000


async def test_a_timeline_is_paged_and_filtered(operate: httpx.AsyncClient, ada: str) -> None:
    path = f"/v1/contacts/{ada}/timeline"
    whole = (await operate.get(path)).json()["items"]
    found: list[Any] = []
    page: dict[str, Any] = {"next": ""}
    while page["next"] is not None:
        page = (await operate.get(path, params={"limit": 2, "cursor": page["next"]})).json()
        found += page["items"]
    assert found == whole
    of_type = (await operate.get(path, params={"type": "visit"})).json()["items"]
    assert of_type == [each for each in whole if each["type"] == "visit"]
    later = (datetime.now(UTC) + timedelta(hours=1)).isoformat()
    assert (await operate.get(path, params={"from": later})).json()["items"] == []
    assert (await operate.get(path, params={"to": later})).json()["items"] == whole
    for wrong, status in (
        ({"cursor": "x"}, 400),
        ({"type": "nope"}, 422),
        ({"from": "2026-01-01"}, 422),
        ({"form": "x"}, 400),
        ({"limit": 0}, 422),
    ):
        assert (await operate.get(path, params=wrong)).status_code == status, wrong
    assert (await operate.get("/v1/contacts/nope/timeline")).status_code == 404


async def test_runs_topics_and_groups_of_a_contact_are_listed(
    operate: httpx.AsyncClient, ada: str
) -> None:
    runs = (await operate.get(f"/v1/contacts/{ada}/runs")).json()
    assert [(each["id"], each["journey"], each["contact"]) for each in runs["items"]] == [
        (str(RUN), "hello", "ada")
    ]
    active = await operate.get(f"/v1/contacts/{ada}/runs", params={"state": "active"})
    assert active.json()["items"] == []
    topics = (await operate.get(f"/v1/contacts/{ada}/topics")).json()
    assert [
        (each["topic"], each["name"], each["state"], each["default"]) for each in topics["items"]
    ] == [("news", "News", "subscribed", "opt_in"), ("tips", None, None, "opt_out")]
    first = (await operate.get(f"/v1/contacts/{ada}/topics", params={"limit": 1})).json()
    assert first["next"] == "news"
    groups = (await operate.get(f"/v1/contacts/{ada}/groups")).json()
    assert [each["group"] for each in groups["items"]] == ["vip"]
    for path in ("runs", "topics", "groups"):
        assert (await operate.get(f"/v1/contacts/nope/{path}")).status_code == 404


async def test_keys_that_may_only_write_see_no_timeline(
    ingest: httpx.AsyncClient, ada: str, keys: Keys
) -> None:
    assert keys.ingest
    for path in ("timeline", "runs", "topics", "groups"):
        assert (await ingest.get(f"/v1/contacts/{ada}/{path}")).status_code == 403
