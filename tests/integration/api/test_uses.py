"""What uses what among documents: every kind of name, the versions that count, and pages."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from tests.integration.api.conftest import Keys

DOCUMENTS = """\
topic: offers
default: opt_in
brand: shop
---
brand: shop
name: Shop
---
template: layout
html: "<p>{{ content }}</p>"
---
template: code
layout: layout
subject: "{{ contact.first_name }}, your code"
html: "{% render 'footer' %} {{ contact.address.city }}"
---
template: footer
html: "<p>Bye</p>"
---
places: shops
list: [{name: Paris, lat: 48.8566, lon: 2.3522}]
---
segment: loyal
if: {all: [{attribute: country, is: FR}, {group: vip}]}
---
form: letters
topic: double
fields: [{name: email, label: E-mail, type: email, required: true}]
---
topic: double
default: double
---
holdout: none
share: 5%
journeys: [walk]
---
journey: walk
name: A walk
entry:
  - {near: {places: shops, km: 2}, if: {segment: loyal}}
  - {event: Form Submitted, where: {form: letters}}
steps:
  - {id: draw, coupon: {pool: spring}}
  - {id: mail, email: {template: code, topic: offers}}
  - {id: mark, update: {set: {stage: walked}}}
  - {id: join, group: {add: [walkers], remove: [vip]}}
  - {id: rest, if: {near: {places: shops, km: 0.5}}, wait: 1d}
  - {id: again, coupon: {pool: spring}}
"""


async def apply(client: httpx.AsyncClient, source: str) -> None:
    answer = await client.post(
        "/v1/apply", json={"documents": [{"filename": "all.yaml", "source": source}]}
    )
    assert answer.status_code == 200, answer.text


async def uses(client: httpx.AsyncClient, kind: str, **query: Any) -> list[dict[str, Any]]:
    answer = await client.get("/v1/documents/uses", params={"kind": kind, **query})
    assert answer.status_code == 200, answer.text
    items: list[dict[str, Any]] = answer.json()["items"]
    return items


async def test_each_kind_of_name_is_found_with_the_steps_that_have_it(
    operate: httpx.AsyncClient,
) -> None:
    await apply(operate, DOCUMENTS)
    found = {
        kind: [
            (each["key"], each["by"], each["by_key"], each["steps"])
            for each in await uses(operate, kind)
        ]
        for kind in (
            "pool", "topic", "template", "places", "segment", "group", "brand", "form", "journey",
            "channel", "holdout", "test_recipients",
        )
    }  # fmt: skip
    assert found == {
        "pool": [("spring", "journey", "walk", ["draw", "again"])],
        "topic": [("double", "form", "letters", []), ("offers", "journey", "walk", ["mail"])],
        "template": [
            ("code", "journey", "walk", ["mail"]),
            ("footer", "template", "code", []),
            ("layout", "template", "code", []),
        ],
        "places": [("shops", "journey", "walk", ["rest"])],
        "segment": [("loyal", "journey", "walk", [])],
        "group": [
            ("vip", "journey", "walk", ["join"]),
            ("vip", "segment", "loyal", []),
            ("walkers", "journey", "walk", ["join"]),
        ],
        "brand": [("shop", "topic", "offers", [])],
        "form": [("letters", "journey", "walk", [])],
        "journey": [("walk", "holdout", "none", [])],
        "channel": [("email", "journey", "walk", ["mail"])],
        "holdout": [],
        "test_recipients": [],
    }
    [shops] = await uses(operate, "places", key="shops")
    assert (shops["km"], shops["name"], shops["state"]) == ([0.5, 2.0], "A walk", "active")
    attributes = [(each["key"], each["by_key"]) for each in await uses(operate, "attribute")]
    assert attributes == [
        ("address", "code"),
        ("address.city", "code"),
        ("country", "loyal"),
        ("first_name", "code"),
        ("stage", "walk"),
    ]


async def test_of_a_journey_the_live_version_counts_and_the_newest_one(
    operate: httpx.AsyncClient,
) -> None:
    journey = "journey: walk\nentry: {api: true}\nsteps: [{id: draw, coupon: {pool: %s}}]\n"
    await apply(operate, journey % "spring")
    yaml = {"Content-Type": "application/yaml"}
    for pool in ("winter", "summer"):
        saved = await operate.put("/v1/journeys/walk", content=journey % pool, headers=yaml)
        assert saved.status_code == 200, saved.text
    found = [(each["key"], each["version"], each["live"]) for each in await uses(operate, "pool")]
    assert found == [("spring", 1, True), ("summer", 3, False)]
    await operate.post("/v1/journeys/walk/activate")
    assert [each["key"] for each in await uses(operate, "pool")] == ["summer"]
    await operate.post("/v1/journeys/walk/pause")
    [use] = await uses(operate, "pool")
    assert (use["live"], use["state"]) == (True, "paused")


async def test_things_are_found_by_a_part_of_their_key_or_name(
    operate: httpx.AsyncClient, keys: Keys
) -> None:
    await apply(operate, DOCUMENTS)
    csv = {"Content-Type": "text/csv"}
    assert (
        await operate.post("/v1/coupons/Walking%20tour", content="code\nA\n", headers=csv)
    ).is_success
    assert (await operate.put("/v1/contacts/ada", json={})).is_success
    for group in ("walkers", "others"):
        added = await operate.post(f"/v1/groups/{group}/contacts", json={"contacts": ["ada"]})
        assert added.is_success, added.text

    async def found(text: str, key: str = keys.operate) -> list[tuple[str, str]]:
        headers = {"Authorization": f"Bearer {key}"}
        answer = await operate.get("/v1/documents/find", params={"q": text}, headers=headers)
        assert answer.status_code == 200, answer.text
        return [(each["kind"], each["key"]) for each in answer.json()["items"]]

    assert await found("WALK") == [
        ("journey", "walk"),
        ("group", "walkers"),
        ("pool", "Walking tour"),
    ]
    assert await found("shop") == [("brand", "shop"), ("places", "shops")]
    assert await found("a w") == [("journey", "walk")]
    assert await found("%") == []
    # Pools and groups tell of contacts, which a key of scope `edit` may not see.
    assert await found("walk", keys.edit) == [("journey", "walk")]


async def test_uses_are_paged_and_asked_for_one_thing(operate: httpx.AsyncClient) -> None:
    steps = "entry: {api: true}\nsteps: [{id: draw, coupon: {pool: %s}}]\n---\n"
    journeys = [("a", "spring time"), ("b", "spring time"), ("c", "autumn")]
    await apply(operate, "".join(f"journey: {key}\n" + steps % pool for key, pool in journeys))
    found: list[tuple[str, str]] = []
    cursors: list[str | None] = [""]
    while (cursor := cursors[-1]) is not None:
        page = await operate.get(
            "/v1/documents/uses", params={"kind": "pool", "limit": 1, "cursor": cursor}
        )
        found += [(each["key"], each["by_key"]) for each in page.json()["items"]]
        cursors.append(page.json()["next"])
    assert len(cursors) == 4
    assert found == [("autumn", "c"), ("spring time", "a"), ("spring time", "b")]
    one = await uses(operate, "pool", key="spring time")
    assert [each["by_key"] for each in one] == ["a", "b"]


@pytest.mark.parametrize(
    ("query", "status"),
    [({}, 422), ({"kind": "cheese"}, 422), ({"kind": "pool", "cursor": "x"}, 400)],
)
async def test_what_cannot_be_asked_is_refused(
    operate: httpx.AsyncClient, query: dict[str, str], status: int
) -> None:
    answer = await operate.get("/v1/documents/uses", params=query)
    assert answer.status_code == status, answer.text
