"""Why a contact got a message, did not, or not yet: asked of the API while an engine works."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import httpx
import pytest
from aiosmtpd.smtp import Envelope
from typer.testing import CliRunner

from cli.main import app
from infra.settings import Settings
from store.definitions.catalog import Catalog
from store.operations.api_keys import create_key
from store.repairs.run_repairs import RepairRequest, repair_run
from tests.support.api import serving
from tests.support.conditions import eventually
from tests.support.engine import Engine
from tests.support.smtp import SmtpSink

WELCOME = """
journey: welcome
entry: {event: Joined}
re_entry: always
exit: {event: Order Completed}
steps:
  - id: kind
    branch:
      - name: vip
        if: {attribute: plan, is: gold}
        then: [{id: gold, email: {subject: Gold, text: T, transactional: true}}]
      - else: [{id: plain, email: {subject: Plain, text: T, transactional: true}}]
  - {id: pause, wait: {event: Seen, up_to: 2d}}
  - {id: last, email: {subject: Last, text: T, transactional: true}}
"""


class Api:
    """Asks the API, with a key that may only read, and the command."""

    def __init__(self, url: str, key: str, client: httpx.AsyncClient) -> None:
        self.url = url
        self.key = key
        self.client = client

    async def why(self, **asked: str) -> dict[str, Any]:
        answer = await self.client.get("/v1/explain", params=asked)
        assert answer.status_code == 200, answer.text
        found: dict[str, Any] = answer.json()
        return found

    def command(self, *arguments: str) -> str:
        env = {"PARCOURS_API_URL": self.url, "PARCOURS_API_KEY": self.key, "COLUMNS": "300"}
        result = CliRunner().invoke(app, list(arguments), env=env)
        assert result.exit_code == 0, result.output
        return result.stdout


@pytest.fixture
async def api(engine: Engine, engine_settings: Settings) -> AsyncIterator[Api]:
    async with engine.pool.connection() as conn:
        key = await create_key(conn, "read")
    headers = {"Authorization": f"Bearer {key}"}
    with serving(engine_settings) as url:
        async with httpx.AsyncClient(base_url=url, headers=headers, timeout=30) as client:
            yield Api(url, key, client)


def failed(found: dict[str, Any]) -> dict[str, Any]:
    gate: dict[str, Any] = next(gate for gate in found["gates"] if gate["passed"] is False)
    return gate


def answers(envelope: Envelope) -> str:
    to = envelope.rcpt_tos[0]
    return {"bob@example.com": "550 5.1.1 no such user", "eve@example.com": "451 later"}.get(
        to, "250 OK"
    )


async def test_where_a_run_is_and_why(engine: Engine, api: Api, smtp_sink: SmtpSink) -> None:
    smtp_sink.answer = answers
    await engine.activate(WELCOME)
    people = {
        name: await engine.contact(external_id=name, email=f"{name}@example.com")
        for name in ("ada", "bob", "eve")
    }
    for contact in people.values():
        await engine.event(contact, "Joined")
    run = await engine.standing_at(people["ada"], "pause")
    await engine.standing_at(people["bob"], "pause")

    got = await api.why(contact="ada", journey="welcome", step="plain")
    assert (got["result"], got["reason"]) == ("sent", None)
    assert {gate["passed"] for gate in got["gates"]} == {True}

    # Another way was taken, on these values.
    other = await api.why(contact="ada", journey="welcome", step="gold")
    assert (other["result"], other["reason"]) == ("not_sent", "other_way")
    assert failed(other)["gate"] == "path"
    assert failed(other)["saw"]["tried"] == [{"case": "vip", "saw": {"attribute plan": None}}]

    # Not yet: what it waits for, and until when.
    later = await api.why(contact="ada", journey="welcome", step="last")
    assert (later["result"], later["reason"]) == ("waiting", None)
    pause = (await engine.visits(run["id"]))[-1]
    waiting = later["waiting"]
    assert (waiting["reason"], waiting["step"]) == ("event", "pause")
    assert datetime.fromisoformat(waiting["until"]) == datetime.fromisoformat(pause["due_at"])
    listened = [(each["event"], each["exit"]) for each in waiting["details"]["listens_for"]]
    assert listened == [("Seen", False), ("Order Completed", True)]

    refused = await api.why(contact="bob", journey="welcome", step="plain")
    assert (refused["result"], failed(refused)["gate"]) == ("not_sent", "provider")
    assert failed(refused)["code"] == refused["reason"] == "address_unknown"
    assert "no such user" in failed(refused)["saw"]["detail"]

    # A send that is tried again, which an operator then skips.
    await _retrying(engine, people["eve"])
    again = await api.why(contact="eve", journey="welcome", step="plain")
    assert (again["result"], failed(again)["gate"], again["waiting"]["reason"]) == (
        "waiting", "provider", "retry",
    )  # fmt: skip
    assert failed(again)["saw"]["attempts"] >= 3
    eve = await engine.run_of(people["eve"])
    async with engine.pool.connection() as conn, conn.transaction():
        request = RepairRequest("skip", "she asked", UUID(int=7))
        await repair_run(conn, Catalog(), eve["id"], request)
    skipped = await api.why(contact="eve", journey="welcome", step="plain")
    assert (skipped["result"], skipped["reason"]) == ("not_sent", "operator")
    assert failed(skipped)["gate"] == "operator"

    # Where ada is in every journey.
    where = (await api.client.get("/v1/contacts/ada/runs")).json()
    assert where["next"] is None
    [place] = where["items"]
    assert (place["journey"], place["step"], place["waiting"]) == ("welcome", "pause", waiting)
    assert "wait for Seen, up to 2 days, until" in api.command("contact", "runs", "ada")
    nothing = await api.client.get("/v1/contacts/ada/runs", params={"state": "ended"})
    assert nothing.json()["items"] == []
    assert (await api.client.get("/v1/contacts/stranger/runs")).status_code == 404
    assert (await api.client.get("/v1/contacts/ada/runs?cursor=x")).status_code == 400

    # An exit ends the run before its last message.
    await engine.event(people["ada"], "Order Completed")
    await engine.ended(people["ada"])
    left = await api.why(contact="ada", journey="welcome", step="last")
    assert (left["result"], left["reason"]) == ("not_sent", "exited")
    assert failed(left)["gate"] == "exit"
    assert "Order Completed" in failed(left)["words"]
    whole = await api.why(contact="ada", journey="welcome")
    assert whole["answer"] == "ada's run of welcome ended: exited, Order Completed"

    # Why twice: another run began, because `re_entry` lets it.
    first = (await engine.visits(run["id"]))[1]["message_id"]
    await engine.event(people["ada"], "Joined")

    async def second() -> Any:
        newest = await engine.run_of(people["ada"])
        visits = await engine.visits(newest["id"])
        sent = [each for each in visits if each["step"] == "plain" and each["outcome"]]
        return sent[0]["message_id"] if newest["id"] != run["id"] and sent else None

    message: str = await eventually(second)
    twice = await api.why(message=message)
    assert (twice["result"], twice["step"]) == ("sent", "plain")
    [one] = twice["others"]
    assert one["message"] == first
    assert "another run of welcome began by event" in one["words"]
    assert "`re_entry` is always" in one["words"]
    assert [link["what"] for link in twice["chain"]] == [
        "event", "event", "entry", "visit", "visit", "attempt", "attempt",
    ]  # fmt: skip
    times = [datetime.fromisoformat(link["at"]) for link in twice["chain"]]
    assert times == sorted(times)
    assert times[-1] - times[0] < timedelta(minutes=1)
    shown = (await api.client.get(f"/v1/messages/{message}")).json()
    assert shown["explain"] == f"/v1/explain?message={message}"

    printed = api.command("explain", "bob", "welcome", "--step", "plain")
    assert "bob did not get plain of welcome: the message is refused" in printed
    assert "what would have to be otherwise: another attempt that the provider takes" in printed
    assert "another run of welcome began" in api.command("explain", "--message", message)

    for asked, status in (
        ({"contact": "stranger", "journey": "welcome"}, 404),
        ({"contact": "ada", "journey": "no"}, 404),
        ({"contact": "ada", "journey": "welcome", "step": "no"}, 404),
        ({"contact": "ada"}, 400),
        ({"message": message, "contact": "ada"}, 400),
        ({"message": "x"}, 404),
        ({"contact": "ada", "journey": "welcome", "at": "2026-01-01T00:00:00"}, 422),
    ):
        answer = await api.client.get("/v1/explain", params=asked)
        assert answer.status_code == status, (asked, answer.text)


async def _retrying(engine: Engine, contact: UUID) -> None:
    async def found() -> bool:
        run = await engine.run_of(contact)
        visits = await engine.visits(run["id"])
        return bool(visits and visits[-1]["held"] == "retry")

    await eventually(found, timeout=60)
