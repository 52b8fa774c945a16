"""The names of events, and the next instants of times: what fields of the console offer."""

from __future__ import annotations

from typing import Any

import httpx

SEGMENT = {"segment": "readers", "if": {"all": [{"event": "Article Read", "within": "90d"}]}}


async def _track(client: httpx.AsyncClient, event: str, **properties: Any) -> None:
    body = {"userId": "ada", "event": event, "properties": properties}
    answer = await client.post("/v1/track", json=body)
    assert answer.status_code == 200, answer.text


async def test_events_are_listed_with_the_properties_that_were_seen(
    operate: httpx.AsyncClient,
) -> None:
    await _track(operate, "Order Completed", total=60, code="75001", items=[{"sku": "A"}])
    await _track(operate, "Order Completed", total="none", gift=True, note=None)
    answer = await operate.put("/v1/segments/readers", json=SEGMENT)
    assert answer.status_code == 200, answer.text
    page = (await operate.get("/v1/events/catalog", params={"limit": 500})).json()
    found = {each["name"]: each for each in page["items"]}
    assert list(found) == sorted(found)
    order = found["Order Completed"]
    assert (order["seen"], order["well_known"]) == (2, False)
    assert {each["name"]: each["types"] for each in order["properties"]} == {
        "code": ["text"],
        "gift": ["truth"],
        "items": ["list"],
        "total": ["number", "text"],
    }
    examples = {each["name"]: each["examples"] for each in order["properties"]}
    assert examples["code"] == ["75001"]
    # Named by a segment alone, and known to the engine.
    assert (found["Article Read"]["seen"], found["Article Read"]["properties"]) == (0, [])
    redeemed = found["Coupon Redeemed"]
    assert redeemed["well_known"]
    assert [each["name"] for each in redeemed["properties"]] == ["code"]


async def test_names_of_events_are_paged(operate: httpx.AsyncClient) -> None:
    names: list[str] = []
    cursor = ""
    while True:
        answer = await operate.get("/v1/events/catalog", params={"limit": 10, "cursor": cursor})
        page = answer.json()
        names += [each["name"] for each in page["items"]]
        if page["next"] is None:
            break
        cursor = page["next"]
    assert len(names) == len(set(names)) > 10
    assert names == sorted(names)


async def test_a_time_is_shown_with_its_next_instants(operate: httpx.AsyncClient) -> None:
    body = {"of": "moment", "value": "09:00", "timezone": "Europe/Paris", "limit": 2}
    answer = (await operate.post("/v1/documents/instants", json=body)).json()
    assert answer["problem"] is None
    assert answer["timezone"] == "Europe/Paris"
    assert [each["local"][11:] for each in answer["items"]] == ["09:00:00", "09:00:00"]
    wrong = {"of": "moment", "value": "soon", "timezone": "No/Where"}
    answer = (await operate.post("/v1/documents/instants", json=wrong)).json()
    assert "neither a duration nor a moment" in answer["problem"]
    assert (answer["timezone"], answer["items"]) == ("UTC", [])
    refused = await operate.post("/v1/documents/instants", json={"of": "year", "value": 1})
    assert refused.status_code == 422
