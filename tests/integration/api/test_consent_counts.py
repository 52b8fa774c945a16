"""How many contacts are subscribed to each topic."""

from __future__ import annotations

import httpx

from tests.integration.api.conftest import Rows

TOPICS = """\
topic: news
default: opt_out
---
topic: offers
default: double
"""


async def test_the_contacts_of_each_topic_are_counted_by_what_is_recorded(
    operate: httpx.AsyncClient, rows: Rows
) -> None:
    await operate.post(
        "/v1/apply", json={"documents": [{"filename": "topics.yaml", "source": TOPICS}]}
    )
    for contact in ("ada", "grace", "edsger"):
        body = {"email": f"{contact}@example.com"}
        assert (await operate.put(f"/v1/contacts/{contact}", json=body)).is_success
    for contact, topic, state in (
        ("ada", "news", "unsubscribed"),
        ("ada", "offers", "subscribed"),
        ("grace", "offers", "pending"),
    ):
        answer = await operate.put(f"/v1/contacts/{contact}/topics/{topic}", json={"state": state})
        assert answer.is_success, answer.text
    recorded = await rows(
        "select topic, state, count(*) from topic_state group by 1, 2 order by 1, 2"
    )
    answer = await operate.get("/v1/consents")
    assert answer.status_code == 200, answer.text
    assert recorded == [
        ("news", "unsubscribed", 1),
        ("offers", "pending", 1),
        ("offers", "subscribed", 1),
    ]
    assert answer.json()["at"] is not None
    assert answer.json()["items"] == [
        {
            "topic": "news",
            "default": "opt_out",
            "subscribed": 0,
            "pending": 0,
            "unsubscribed": 1,
            "unrecorded": 2,
        },
        {
            "topic": "offers",
            "default": "double",
            "subscribed": 1,
            "pending": 1,
            "unsubscribed": 0,
            "unrecorded": 1,
        },
    ]
