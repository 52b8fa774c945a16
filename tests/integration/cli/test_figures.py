"""Figures by API and command: periods in a zone whose clocks change, a day, recipients, exports."""

import asyncio
import csv
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import httpx
import pyarrow.parquet
import pytest
from psycopg.types.json import Jsonb
from structlog.testing import capture_logs
from typer.testing import CliRunner, Result

from cli.main import app
from infra.settings import Settings
from store.counters.folding import fold_all
from store.operations.api_keys import create_key
from tests.support.api import serving
from tests.support.crowds import Pool
from tests.support.engine import make_contact

ZONE = "America/Havana"
DOCUMENT = {
    "journey": "welcome",
    "entry": {"event": "Signed Up"},
    "steps": [{"id": "mail", "email": {"subject": "x", "text": "x", "transactional": True}}],
}
# In Havana 8 March begins at 5:00 in UTC, as one o'clock: it has 23 hours. 9 March begins at 4:00.
VISITS: tuple[tuple[str, str, str, str, str | None], ...] = (
    # Contact, entered, mail ended, its outcome, opened and clicked.
    ("ada", "2026-03-08T04:30Z", "2026-03-08T04:59Z", "sent", "2026-03-08T05:10Z"),
    ("bob", "2026-03-08T05:00Z", "2026-03-09T03:59Z", "failed", None),
    ("ada", "2026-03-09T04:00Z", "2026-03-09T04:05Z", "sent", None),
)


class Server:
    """An API, asked by its routes and by the command."""

    def __init__(self, url: str, keys: dict[str, str]) -> None:
        self.url = url
        self.keys = keys

    async def get(self, path: str, scope: str = "read") -> httpx.Response:
        headers = {"Authorization": f"Bearer {self.keys[scope]}"}
        async with httpx.AsyncClient(base_url=self.url, headers=headers, timeout=30) as client:
            return await client.get(path)

    async def command(self, *arguments: str) -> Result:
        environment = {
            "COLUMNS": "240",
            "PARCOURS_API_URL": self.url,
            "PARCOURS_API_KEY": self.keys["admin"],
        }
        return await asyncio.to_thread(CliRunner().invoke, app, arguments, env=environment)


@pytest.fixture
async def server(settings: Settings, pool: Pool) -> AsyncIterator[Server]:
    keys = {}
    async with pool.connection() as conn:
        for scope in ("read", "operate", "admin"):
            keys[scope] = await create_key(conn, scope)
    await write_visits(pool)
    with capture_logs(), serving(settings.model_copy(update={"timezone": ZONE})) as url:
        yield Server(url, keys)


async def write_visits(pool: Pool) -> None:
    contacts = {
        name: await make_contact(pool, external_id=name, email=f"{name}@x.example")
        for name in ("ada", "bob")
    }
    async with pool.connection() as conn:

        async def write(query: str, *values: Any) -> None:
            await conn.execute(query.encode(), values)

        await write(
            "insert into journey (key, state, active_version) values ('welcome', 'active', 1)"
        )
        await write(
            "insert into journey_version (journey, version, document, program, source, sha256)"
            " values ('welcome', 1, %s, '{}', '', '')",
            Jsonb(DOCUMENT),
        )
        for name, entered, ended, outcome, opened in VISITS:
            run, message = uuid4(), uuid4()
            await write(
                "insert into run (id, journey, version, contact_id, key, entry_ref, ref,"
                " started_at) values (%s, 'welcome', 1, %s, %s, 0, 0, %s)",
                run, contacts[name], str(run), entered,
            )  # fmt: skip
            await write(
                "insert into visit (run_id, visit, step, kind, outcome, started_at, ended_at,"
                " facts) values (%s, 1, 'mail', 'email', %s, %s, %s, %s)",
                run, outcome, entered, ended,
                Jsonb({"reason": "bad_address"} if outcome == "failed" else {}),
            )  # fmt: skip
            await write(
                "insert into message (id, run_id, visit, step, contact_id, channel, state, token,"
                " address, settled_at, opened_at, clicked_at)"
                " values (%s, %s, 1, 'mail', %s, 'email', %s, '', %s, %s, %s, %s)",
                message, run, contacts[name], "sent" if outcome == "sent" else "refused",
                f"{name}@x.example", ended, opened, opened,
            )  # fmt: skip
            if opened is not None:
                await write(
                    "insert into link_hit (id, message_id, kind, url, client, signs, happened_at,"
                    " by) select gen_random_uuid(), %s, 'click', url, 'c', '{}', %s, by"
                    " from (values ('https://x.example/shoes?for=ada', 'human'),"
                    " ('https://x.example/shoes#top', 'human'),"
                    " ('https://x.example/hats', 'machine')) h(url, by)",
                    message, opened,
                )  # fmt: skip
            await write(
                "update run set state = 'ended', outcome = 'completed', ended_at = %s"
                " where id = %s",
                ended, run,
            )  # fmt: skip


def of_days(stats: dict[str, Any], *names: str) -> list[tuple[Any, ...]]:
    return [
        (day["begins_at"], day["entered"], *(_sum(day, name) for name in names))
        for day in stats["periods"]
    ]


def _sum(day: dict[str, Any], name: str) -> int:
    return sum(step.get(name, 0) for step in day["steps"])


@pytest.mark.parametrize("folded", [False, True])
async def test_days_are_those_of_the_installation(server: Server, pool: Pool, folded: bool) -> None:
    if folded:
        async with pool.connection() as conn:
            await fold_all(conn, ZONE)
    path = "/v1/journeys/welcome/stats?from=2026-03-07&to=2026-03-10&by=day"
    stats = (await server.get(path)).json()
    assert (stats["cohort"], stats["timezone"]) == ("occurrence", ZONE)
    assert (stats["from"], stats["to"]) == ("2026-03-07T05:00:00Z", "2026-03-10T04:00:00Z")
    assert of_days(stats, "sent", "failed", "opened") == [
        ("2026-03-07T05:00:00Z", 1, 1, 0, 0),
        ("2026-03-08T05:00:00Z", 1, 0, 1, 1),
        ("2026-03-09T04:00:00Z", 1, 1, 0, 0),
    ]
    cohorts = (await server.get(f"{path}&cohort=entered")).json()
    assert cohorts["cohort"] == "entered"
    assert of_days(cohorts, "sent", "failed", "opened") == [
        ("2026-03-07T05:00:00Z", 1, 1, 0, 1),
        ("2026-03-08T05:00:00Z", 1, 0, 1, 0),
        ("2026-03-09T04:00:00Z", 1, 1, 0, 0),
    ]
    one = (await server.get("/v1/journeys/welcome/stats?from=2026-03-08&to=2026-03-09")).json()
    [mail] = one["steps"]
    assert "periods" not in one
    assert (one["entered"], one["ends"]) == (1, {"completed": 1})
    assert (mail["failed"], mail["failed_by"]) == (1, {"bad_address": 1})
    assert mail["links"] == {"https://x.example/shoes": 2}
    assert mail["rates"]["failed"] == {"of": "left", "count": 1, "total": 1, "value": 1.0}
    assert mail["rates"]["opened"] == {"of": "sent", "count": 1, "total": 0, "value": None}
    assert mail["first_at"] == "2026-03-09T03:59:00Z"
    whole = (await server.get("/v1/journeys/welcome/stats")).json()
    [mail] = whole["steps"]
    assert (mail["first_at"], mail["last_at"]) == ("2026-03-08T04:59:00Z", "2026-03-09T04:05:00Z")
    assert mail["rates"]["opened"] == {"of": "sent", "count": 1, "total": 2, "value": 0.5}


async def test_a_period_that_cannot_be_is_refused(server: Server) -> None:
    for query, words in (
        ("from=2026-03-08&to=2026-03-08", "before `to`"),
        ("from=2026-02-30", "is not a day"),
        ("from=2026-03-08T04:10:00Z", "quarter of an hour"),
        ("from=2026-03-08T04:15:00Z", "hours are kept for 90d"),
        ("from=2026-03-08T04:15:00", "has no offset"),
        ("by=day", "needs a `from`"),
        ("by=hour&from=2026-03-01&to=2026-05-01", "at most 31 days"),
        ("from=9999-12-31", "is not a day"),
    ):
        answer = await server.get(f"/v1/journeys/welcome/stats?{query}")
        assert answer.status_code == 422, query
        assert words in answer.json()["message"], query


async def test_the_dashboard_shows_a_day_and_what_stands(server: Server) -> None:
    found = (await server.get("/v1/dashboard?day=2026-03-09")).json()
    assert (found["day"], found["timezone"]) == ("2026-03-09", ZONE)
    assert (found["entered"], found["ended"], found["goals"]) == (1, 1, 0)
    assert found["messages"] == {"email": 1, "sms": 0, "webhook": 0}
    assert (found["targeted_contacts"], found["contacts_in_journeys"]) == (1, 0)
    [welcome] = found["journeys"]
    assert (welcome["journey"], welcome["state"], welcome["version"]) == ("welcome", "active", 1)
    assert [day["entered"] for day in welcome["trend"]] == [0] * 11 + [1, 1, 1]
    assert welcome["trend"][-1]["day"] == "2026-03-09"
    today = (await server.get("/v1/dashboard")).json()
    assert (today["entered"], today["targeted_contacts"]) == (0, 0)
    assert (await server.get("/v1/dashboard?day=yesterday")).status_code == 422


async def test_recipients_are_listed_by_what_came_of_their_messages(server: Server) -> None:
    async def listed(query: str) -> list[tuple[str, str]]:
        answer = await server.get(f"/v1/journeys/welcome/messages?{query}")
        assert answer.status_code == 200
        return [(each["contact"], each["state"]) for each in answer.json()["items"]]

    assert sorted(await listed("")) == [("ada", "sent"), ("ada", "sent"), ("bob", "refused")]
    assert await listed("status=opened") == [("ada", "sent")]
    assert await listed("status=refused&channel=email&step=mail") == [("bob", "refused")]
    assert await listed("step=other") == []
    assert await listed("version=2") == []
    seen: list[str] = []
    cursor: str | None = ""
    while cursor is not None:
        page = await server.get(f"/v1/journeys/welcome/messages?limit=1&cursor={cursor}")
        seen += [each["id"] for each in page.json()["items"]]
        cursor = page.json()["next"]
    assert len(seen) == len(set(seen)) == 3
    assert (await server.get("/v1/journeys/none/messages")).status_code == 404
    path = "/v1/journeys/welcome/messages/export?status=opened"
    assert (await server.get(path, "operate")).status_code == 403
    answer = await server.get(path, "admin")
    [row] = csv.DictReader(answer.text.splitlines())
    assert (row["contact"], row["address"], row["step"]) == ("ada", "ada@x.example", "mail")
    assert row["opened_at"] == "2026-03-08T05:10:00Z"


async def test_the_commands_show_the_same(server: Server) -> None:
    stats = await server.command(
        "stats", "welcome", "--from", "2026-03-07", "--to", "2026-03-10", "--by", "day",
    )  # fmt: skip
    assert stats.exit_code == 0, stats.output
    lines = [line.split() for line in stats.stdout.splitlines() if line.strip()]
    assert stats.stdout.startswith("welcome from 2026-03-07")
    assert "opened of sent: 50.0%" in stats.stdout
    assert lines[-1][-6:] == ["1", "1", "0", "1", "0", "0"]
    today = await server.command("today", "--day", "2026-03-09")
    assert today.exit_code == 0, today.output
    assert today.stdout.startswith(
        f"2026-03-09 ({ZONE}): 0 contacts in journeys, 1 targeted, sent email: 1, 1 entered"
    )
    assert "▁▁▁▁▁▁▁▁▁▁▁███" in today.stdout
    exact = await server.command("today", "--day", "2026-03-09", "--json")
    assert json.loads(exact.stdout)["entered"] == 1
    assert (await server.command("stats", "welcome", "--by", "day")).exit_code == 1


async def test_an_export_writes_parquet_by_month(
    server: Server, pool: Pool, tmp_path: Path
) -> None:
    async with pool.connection() as conn:
        await conn.execute("update run set started_at = '2026-02-28T23:59:59Z' where id = ("
                           "select run_id from visit where outcome = 'failed')")  # fmt: skip
        await conn.execute(
            "insert into event (contact_id, name, properties, message_id, stamped_at)"
            " select id, 'Signed Up', '{\"n\": 1}', external_id, '2026-03-01' from contact"
        )
    to = tmp_path / "warehouse"
    done = await server.command("export", "--to", str(to))
    assert done.exit_code == 0, done.output
    assert f"{to / 'runs'}: 3 rows" in done.stdout
    months = {path.parent.name for path in to.glob("runs/*/*.parquet")}
    assert months == {"month=2026-02", "month=2026-03"}
    runs = pyarrow.parquet.read_table(to / "runs").to_pylist()
    assert sorted(run["contact"] for run in runs) == ["ada", "ada", "bob"]
    assert {str(run["month"]) for run in runs} == {"2026-02", "2026-03"}
    [opened] = [
        message
        for message in pyarrow.parquet.read_table(to / "messages").to_pylist()
        if message["opened_at"] is not None
    ]
    assert opened["opened_at"].isoformat() == "2026-03-08T05:10:00+00:00"
    assert str(UUID(opened["id"])) == opened["id"]
    visits = pyarrow.parquet.read_table(to / "visits").to_pylist()
    assert sorted(visit["outcome"] for visit in visits) == ["failed", "sent", "sent"]
    events = pyarrow.parquet.read_table(to / "events").to_pylist()
    assert [json.loads(event["properties"]) for event in events] == [{"n": 1}, {"n": 1}]
    again = await server.command("export", "--to", str(to))
    assert again.exit_code == 2
    assert (await server.get("/v1/export/runs", "operate")).status_code == 403
    page = (await server.get("/v1/export/visits?limit=2", "admin")).json()
    rest = (await server.get(f"/v1/export/visits?cursor={page['next']}", "admin")).json()
    assert len(page["items"]) + len(rest["items"]) == 3
    assert rest["next"] is None
