"""Documents and journeys over HTTP."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from tests.integration.api.conftest import Rows

TOPIC = "topic: news\ndefault: double\n"
JOURNEY = """\
journey: hello
name: Hello
entry: {event: Signed Up}
steps:
  - {id: quiet, wait: 1h}
  - {id: mail, email: {subject: Hello, text: "Bye: {{ unsubscribe_url }}", topic: news}}
"""
YAML = {"Content-Type": "application/yaml"}


async def put(client: httpx.AsyncClient, path: str, source: str) -> httpx.Response:
    return await client.put(f"/v1/{path}", content=source, headers=YAML)


async def test_a_saved_journey_is_a_draft_whose_versions_count_from_1(
    operate: httpx.AsyncClient, rows: Rows
) -> None:
    assert (await put(operate, "topics/news", TOPIC)).json() == {
        "key": "news", "version": 1, "state": "active", "warnings": [],
    }  # fmt: skip
    first = await put(operate, "journeys/hello", JOURNEY)
    assert first.json() == {"key": "hello", "version": 1, "state": "draft", "warnings": []}
    same = await put(operate, "journeys/hello", "# a remark\n" + JOURNEY)
    assert same.json()["version"] == 1
    other = await put(operate, "journeys/hello", JOURNEY.replace("1h", "2h"))
    assert other.json()["version"] == 2
    assert await rows("select version from journey_version order by 1") == [(1,), (2,)]
    read = (await operate.get("/v1/journeys/hello")).json()
    assert (read["version"], read["active_version"], read["state"]) == (2, None, "draft")
    assert read["name"] == "Hello"
    assert read["source"] == JOURNEY.replace("1h", "2h")
    old = (await operate.get("/v1/journeys/hello", params={"version": 1})).json()
    assert old["document"]["steps"][0] == {"id": "quiet", "wait": "1h"} or "1h" in str(
        old["document"]["steps"][0]
    )
    text = await operate.get("/v1/journeys/hello", headers={"Accept": "application/yaml"})
    assert text.text == JOURNEY.replace("1h", "2h")


async def test_what_is_read_as_json_may_be_saved_as_json(operate: httpx.AsyncClient) -> None:
    await put(operate, "topics/news", TOPIC)
    await put(operate, "journeys/hello", JOURNEY)
    document = (await operate.get("/v1/journeys/hello")).json()["document"]
    answer = await operate.put("/v1/journeys/hello", json=document)
    assert (answer.status_code, answer.json()["version"]) == (200, 1), answer.text


@pytest.mark.parametrize(
    ("path", "source", "status", "words"),
    [
        ("journeys/hello", JOURNEY.replace("wait: 1h", "wiat: 1h"), 422, "hello:5"),
        ("journeys/hello", JOURNEY, 422, "news"),
        ("journeys/other", JOURNEY, 422, "not the journey other"),
        ("topics/hello", JOURNEY, 422, "this is the journey hello"),
        ("channels/email", "channel: sms\n", 422, "this is the channel sms"),
        ("channels/fax", "channel: fax\n", 422, "not one of email, sms"),
        ("journeys/hello", JOURNEY + "---\n" + TOPIC, 422, "one journey"),
        ("journeys/hello", "", 422, "no document"),
        ("journeys/hello", "[" * 10_000, 422, ""),
        ("journeys/hello", "a: &a [*a, *a]", 422, ""),
        ("journeys/hello", "\x00", 422, ""),
    ],
)
async def test_a_document_that_cannot_be_taken_is_a_problem(
    operate: httpx.AsyncClient, rows: Rows, path: str, source: str, status: int, words: str
) -> None:
    answer = await put(operate, path, source)
    assert answer.status_code == status, answer.text
    assert answer.json()["code"] == "invalid_document"
    assert words in answer.json()["message"]
    assert await rows("select count(*) from journey") == [(0,)]


async def test_json_that_is_none_is_a_problem(operate: httpx.AsyncClient) -> None:
    answer = await operate.put(
        "/v1/topics/news", content="{", headers={"Content-Type": "application/json"}
    )
    assert (answer.status_code, answer.json()["code"]) == (400, "invalid_json")


async def test_a_journey_goes_through_its_states(operate: httpx.AsyncClient, rows: Rows) -> None:
    async def post(act: str, body: Any = None) -> tuple[int, str]:
        answer = await operate.post(f"/v1/journeys/hello/{act}", json=body)
        found = answer.json()
        return answer.status_code, found.get("state") or found["code"]

    assert await post("activate") == (404, "unknown_journey")
    await put(operate, "topics/news", TOPIC)
    await put(operate, "journeys/hello", JOURNEY)
    assert await post("pause") == (409, "wrong_state")
    assert await post("activate", {"version": 7}) == (404, "unknown_journey")
    assert await post("activate", {"in_flight": "chase"}) == (422, "invalid_request")
    assert await post("activate", {"in_flight": "pin"}) == (200, "active")
    assert await post("resume") == (200, "active")
    assert await post("pause") == (200, "paused")
    assert await post("pause") == (200, "paused")
    await put(operate, "journeys/hello", JOURNEY.replace("1h", "2h"))
    assert await post("activate") == (200, "paused")
    assert await rows("select active_version from journey") == [(2,)]
    assert await post("resume", {"overdue": {"spread": "soon"}}) == (422, "invalid_request")
    assert await post("resume") == (200, "active")
    assert await post("archive") == (200, "archived")
    assert await post("pause") == (409, "wrong_state")
    assert await post("activate", {"version": 1}) == (200, "active")


async def test_every_change_of_a_definition_shows_in_the_catalog(
    operate: httpx.AsyncClient, rows: Rows
) -> None:
    seen = [await rows("select revision from catalog")]
    for act in (
        put(operate, "topics/news", TOPIC),
        put(operate, "journeys/hello", JOURNEY),
        operate.post("/v1/journeys/hello/activate"),
        operate.post("/v1/journeys/hello/pause"),
        operate.post("/v1/journeys/hello/resume"),
        operate.post("/v1/journeys/hello/archive"),
    ):
        assert (await act).status_code == 200
        seen.append(await rows("select revision from catalog"))
    assert seen == sorted(seen)
    assert len({tuple(each) for each in seen}) == len(seen)


async def test_a_segment_may_not_contain_itself_by_way_of_the_servers(
    operate: httpx.AsyncClient,
) -> None:
    async def save(key: str, condition: str) -> httpx.Response:
        return await put(operate, f"segments/{key}", f"segment: {key}\nif: {condition}\n")

    assert (await save("a", "{group: x}")).status_code == 200
    assert (await save("b", "{not: {segment: a}}")).status_code == 200
    refused = await save("a", "{any: [{segment: b}]}")
    assert (refused.status_code, refused.json()["code"]) == (422, "invalid_document")
    assert "the segment `a` contains itself" in refused.json()["message"]
    assert (await save("a", "{group: y}")).status_code == 200


async def test_a_folder_is_applied_whole_or_not_at_all(
    operate: httpx.AsyncClient, rows: Rows
) -> None:
    good = [
        {"filename": "a.yaml", "source": JOURNEY},
        {"filename": "b.yaml", "source": TOPIC + "---\n" + JOURNEY.replace("hello", "second")},
    ]
    broken = {"filename": "c.yaml", "source": JOURNEY.replace("hello", "third").replace("1h", "x")}
    refused = await operate.post("/v1/apply", json={"documents": [*good, broken]})
    assert (refused.status_code, refused.json()["code"]) == (422, "invalid_document"), refused.text
    assert "c.yaml:5" in refused.json()["message"]
    assert refused.json()["errors"][0]["line"] == 5
    assert await rows("select count(*) from journey") == [(0,)]
    assert await rows("select count(*) from document") == [(0,)]
    applied = (await operate.post("/v1/apply", json={"documents": good})).json()["documents"]
    assert [(each["kind"], each["key"], each["change"], each["state"]) for each in applied] == [
        ("journey", "hello", "created", "active"),
        ("topic", "news", "created", "active"),
        ("journey", "second", "created", "active"),
    ]
    good[0]["source"] = JOURNEY.replace("1h", "3h")
    await operate.post("/v1/journeys/second/pause")
    again = (await operate.post("/v1/apply", json={"documents": good})).json()["documents"]
    assert [(each["key"], each["change"], each["version"], each["state"]) for each in again] == [
        ("hello", "updated", 2, "active"),
        ("news", "unchanged", 1, "active"),
        ("second", "unchanged", 1, "paused"),
    ]
    assert "paused" in again[2]["warnings"][0]


async def test_lists_are_paged_by_cursor(operate: httpx.AsyncClient) -> None:
    for n in range(5):
        await put(operate, f"topics/t{n}", f"topic: t{n}\ndefault: opt_in\n")
    seen: list[str] = []
    cursor: str | None = ""
    while cursor is not None:
        page = (await operate.get(f"/v1/topics?limit=2&cursor={cursor}")).json()
        seen += [each["key"] for each in page["items"]]
        cursor = page["next"]
    assert seen == [f"t{n}" for n in range(5)]
    assert (await operate.get("/v1/topics", params={"limit": 0})).status_code == 422
    assert (await operate.get("/v1/journeys")).json() == {"items": [], "next": None}


async def test_every_kind_of_document_is_kept(operate: httpx.AsyncClient) -> None:
    for path, source in (
        ("segments/french", "segment: french\nif: {attribute: country, is: FR}\n"),
        ("templates/cart", "template: cart\nsubject: Cart\ntext: Your cart\n"),
        ("places/shops", "places: shops\nlist: [{name: Lyon, lat: 45.76, lon: 4.84}]\n"),
        ("channels/sms", "channel: sms\ncountries: {FR: {window: {days: mon-sat}}}\n"),
    ):
        answer = await put(operate, path, source)
        assert answer.status_code == 200, answer.text
        assert answer.json()["warnings"] == []
        kept = (await operate.get(f"/v1/{path}")).json()
        assert (kept["version"], kept["source"]) == (1, source)
    assert (await operate.get("/v1/templates/nope")).status_code == 404


async def test_a_window_longer_than_events_are_kept_is_refused(operate: httpx.AsyncClient) -> None:
    segment = "segment: loyal\nif: {event: Order Completed, within: 3y}\n"
    refused = await put(operate, "segments/loyal", segment)
    assert refused.status_code == 422
    (error,) = refused.json()["errors"]
    assert error["code"] == "window_too_long"
    assert error["message"] == "`within` reaches back 3 years, and events are kept for 2 years"
    assert (await put(operate, "segments/loyal", segment.replace("3y", "2y"))).status_code == 200
