"""Eight troubles are planted, and an operator finds and ends each with the runbook."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final
from zoneinfo import ZoneInfo

import pytest
from psycopg import AsyncConnection
from psycopg_pool import AsyncConnectionPool
from temporalio.client import Client

from devstack.ports import free_port
from infra.settings import Settings
from tests.integration.channels.http_server import HttpServer
from tests.integration.test_runbook import PAGE
from tests.support.conditions import eventually
from tests.support.operating import Operator, operating
from tests.support.smtp import SmtpSink

Pool = AsyncConnectionPool[AsyncConnection[Any]]

DOCUMENTS: Final = """
journey: crm
entry: {event: Signed Up}
steps:
  - {id: tell, webhook: {url: "http://127.0.0.1:PORT/people"}}
  - {id: settle, wait: 30d}
---
journey: gifts
entry: {event: Signed Up}
steps:
  - {id: code, coupon: {pool: spring}}
  - {id: settle, wait: 30d}
---
journey: mornings
entry: {event: Signed Up}
steps:
  - {id: night, wait: {until: "09:00"}}
  - {id: settle, wait: 30d}
---
journey: broken
entry: {event: Signed Up}
steps:
  - {id: settle, wait: 30d}
---
journey: offers
entry: {event: Signed Up}
steps:
  - {id: offer, email: {subject: An offer, text: For you, topic: news}}
  - {id: settle, wait: 30d}
---
topic: news
name: News
default: opt_out
"""


async def rows(pool: Pool, statement: str, *values: Any) -> list[Any]:
    async with pool.connection() as conn:
        cursor = await conn.execute(statement.encode(), values)
        return await cursor.fetchall() if cursor.description else []


async def attention(operator: Operator) -> dict[str, dict[str, Any]]:
    """What needs a person, by kind: as `parcours attention` reads it."""
    return {each["kind"]: each for each in await operator.items("/v1/attention")}


def in_the_runbook(*commands: str) -> None:
    """The page names the commands, so that a new operator finds them."""
    text = PAGE.read_text(encoding="utf-8")
    for each in commands:
        assert each in text, each


def write(name: str, text: str) -> None:
    """A file in the folder of the commands."""
    Path(name).write_text(text, encoding="utf-8")


@asynccontextmanager
async def receiving(port: int) -> AsyncIterator[HttpServer]:
    """The receiver of the webhook, back at its port."""
    server = HttpServer()
    listening = await asyncio.start_server(server.serve, "127.0.0.1", port)
    try:
        yield server
    finally:
        server.forever.set()
        listening.close()


async def plant(operator: Operator, pool: Pool, port: int) -> None:
    """Seven troubles; the job that stands comes last."""
    write("docs.yaml", DOCUMENTS.replace("PORT", str(port)))
    write("codes.csv", "code\nONE\n")
    await operator.command("parcours coupon import spring codes.csv")
    await operator.command("parcours journey apply --yes docs.yaml")
    # 1. A dead webhook and 3. an exhausted pool: they come with the second contact.
    # 5. A frozen channel.
    await operator.command('parcours freeze --channel email --reason "a list of unknown origin"')
    # 4. A document that no longer validates, as after a release that went wrong.
    await rows(
        pool,
        "insert into journey_version (journey, version, document, program, source, sha256)"
        " select journey, 2, document || '{\"steps\": 7}', program, source, 'planted'"
        " from journey_version where journey = 'broken'",
    )
    await rows(pool, "update journey set active_version = 2 where key = 'broken'")
    await rows(pool, "update catalog set revision = revision + 1")
    # 8. A wrong zone: the contact lives in Paris.
    await operator.sign_up("ada", timezone="Pacific/Auckland")
    await operator.sign_up("bea")
    # 2. A key that has expired while a shop calls with it.
    printed = await operator.command("parcours key create --scope ingest --name shop")
    operator.names["SHOP_KEY"] = printed.split()[-1]
    await rows(
        pool, "update api_key set expires_at = now() - interval '1 hour' where name = 'shop'"
    )
    # 6. An event whose dispatch was given up.
    [[contact, event]] = await rows(
        pool,
        "select contact_id, max(id) from event where name = 'Signed Up' group by 1 limit 1",
    )
    await rows(
        pool,
        "insert into dead_event (event_id, contact_id, code, detail)"
        " values (%s, %s, 'internal', 'planted')",
        event, contact,
    )  # fmt: skip


PAUSED_AT_ONCE: Final = """
create function pause_at_once() returns trigger language plpgsql as $$
begin new.paused_at := now() - interval '3 hours'; return new; end $$;
create trigger pause_at_once before insert on job for each row execute function pause_at_once();
"""


async def plant_job(operator: Operator, pool: Pool) -> str:
    """7. A job that somebody has paused and forgotten; its id."""
    await rows(pool, PAUSED_AT_ONCE)
    order = {"action": "retry", "journey": "crm", "step": "tell", "reason": "slowly"}
    answer = await operator.http.post("/v1/runs/bulk", json=order)
    assert answer.status_code < 300, answer.text
    await rows(pool, "drop trigger pause_at_once on job")
    return str(answer.json()["id"])


@pytest.mark.long
async def test_eight_troubles_are_found_and_ended_with_the_runbook(
    settings: Settings,
    pool: Pool,
    temporal_client: Client,
    smtp_sink: SmtpSink,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    port = free_port()
    async with operating(settings, pool, temporal_client, smtp_sink, tmp_path) as operator:
        for name, value in operator.environment.items():
            monkeypatch.setenv(name, value)
        await plant(operator, pool, port)

        async def all_found() -> bool:
            wanted = {
                "retrying", "keys", "coupons", "documents", "frozen", "dead_events",
            }  # fmt: skip
            assert wanted - set(await attention(operator)) == set()
            return True

        await eventually(all_found, 60)
        job = await plant_job(operator, pool)
        await end(operator, job, port, smtp_sink)


async def end(operator: Operator, job: str, port: int, smtp: SmtpSink) -> None:
    """End the troubles one by one, each by what the runbook says."""
    found = await attention(operator)

    # 1. The receiver is back, and its calls go out at once.
    assert found["retrying"]["reason"] == "unreachable"
    assert "crm" in found["retrying"]["subject"]
    in_the_runbook("parcours run retry --journey crm --step tell", "parcours attention")
    async with receiving(port) as server:
        await operator.command(
            'parcours run retry --journey crm --step tell --reason "is back" --yes --wait'
        )
        await eventually(lambda: len(server.requests) >= 2, 30)

        async def no_retries() -> bool:
            return "retrying" not in await attention(operator)

        await eventually(no_retries, 30)

    # 2. The shop's key has expired: it gets another one, and the old one is ended.
    assert (found["keys"]["subject"], found["keys"]["reason"]) == ("shop", "expired")
    in_the_runbook("parcours key create --scope ingest", "parcours key revoke")
    old = {"Authorization": f"Bearer {operator.names['SHOP_KEY']}"}
    call = {"userId": "ada", "event": "Bought"}
    assert (await operator.http.post("/v1/track", json=call, headers=old)).status_code == 401
    printed = await operator.command("parcours key create --scope ingest --name shop-2027")
    new = {"Authorization": f"Bearer {printed.split()[-1]}"}
    assert (await operator.http.post("/v1/track", json=call, headers=new)).status_code == 200
    await operator.command(f"parcours key revoke {found['keys']['example']}")

    # 3. The pool gets more codes.
    assert (found["coupons"]["subject"], found["coupons"]["reason"]) == ("spring", "exhausted")
    in_the_runbook("parcours coupon import POOL FILE")
    write("more.csv", "code\n" + "".join(f"MORE-{n}\n" for n in range(200)))
    await operator.command("parcours coupon import spring more.csv")

    # 4. The document is applied once more, corrected, and its entries are replayed.
    assert found["documents"]["subject"] == "journey broken v2"
    in_the_runbook("parcours attention --kind documents", "parcours event rejected --code broken")
    write(
        "broken.yaml",
        "journey: broken\nentry: {event: Signed Up}\nsteps:\n  - {id: settle, wait: 31d}\n",
    )
    await operator.command("parcours journey apply --yes broken.yaml")
    refused = await operator.items("/v1/events/rejected", code="broken")
    assert len(refused) == 2
    for each in refused:
        await operator.command(f"parcours event replay {each['id']}")

    async def entered() -> bool:
        return len(await operator.items("/v1/runs", journey="broken")) == 2

    await eventually(entered, 30)

    # 5. The freeze is ended, and what it held goes out.
    assert found["frozen"]["subject"] == "email"
    in_the_runbook("parcours freezes", "parcours unfreeze --channel email")
    assert "a list of unknown origin" in await operator.command("parcours freezes")
    assert smtp.messages == []
    await operator.command('parcours unfreeze --channel email --reason "the list is clean"')
    await eventually(lambda: len(smtp.messages) == 2, 30)

    # 6. The event that was given up is named; it is sent again once its cause is gone.
    in_the_runbook("parcours attention --kind dead_events", "parcours fault list",
                   "parcours event replay --dead --yes")  # fmt: skip
    assert found["dead_events"]["reason"] == "internal"
    assert found["dead_events"]["example"] in await operator.command(
        "parcours attention --kind dead_events"
    )
    await operator.command(f"{found['dead_events']['command']} --yes")

    # 7. The job that stands is ended: what it was to do was done by another one.
    assert (found["jobs"]["example"], found["jobs"]["reason"]) == (job, "paused")
    in_the_runbook("parcours job show JOB", "parcours job cancel JOB")
    assert "paused" in await operator.command(f"parcours job show {job}")
    await operator.command(f"parcours job cancel {job}")

    # 8. The zone is seen at the local time of a wait, and a call corrects it.
    in_the_runbook("parcours contact show ada", '"timezone": "Europe/Paris"')
    assert "Pacific/Auckland" in await operator.command("parcours explain ada mornings")
    assert await waits_until(operator) == next_morning("Pacific/Auckland")
    await operator.call(
        'POST /v1/identify\n{"userId": "ada", "traits": {"timezone": "Europe/Paris"}}'
    )

    async def corrected() -> bool:
        return await waits_until(operator) == next_morning("Europe/Paris")

    await eventually(corrected, 30)
    # Nothing is left.
    assert set(await attention(operator)) - {"providers", "faults"} == set()


async def waits_until(operator: Operator) -> str | None:
    """Until when ada's run of `mornings` waits."""
    [run] = await operator.items("/v1/runs", contact="ada", journey="mornings")
    shown = (await operator.http.get(f"/v1/runs/{run['id']}")).json()
    due: str | None = shown["visits"][-1]["due_at"]
    return None if due is None else re.sub(r":00(\.0+)?(Z|\+00:00)$", "", due)


def next_morning(zone: str) -> str:
    """The next nine o'clock in a zone, in UTC to the minute: by the library of zones alone."""
    now = datetime.now(ZoneInfo(zone))
    morning = now.replace(hour=9, minute=0, second=0, microsecond=0)
    if morning <= now:
        morning = (now + timedelta(days=1)).replace(hour=9, minute=0, second=0, microsecond=0)
    return f"{morning.astimezone(UTC):%Y-%m-%dT%H:%M}"
