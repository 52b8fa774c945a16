"""What needs a person: empty when all is well, else each kind with number, reason and command."""

from __future__ import annotations

import json
import shlex
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest
import typer
from typer.testing import CliRunner

from cli.main import app
from store.counters.folding import fold_all
from store.definitions.catalog import Catalog
from store.operations.api_keys import KeyOptions, create_key
from store.operations.faults import record_fault
from store.reports.attention import read_attention
from store.reports.attention_kinds import KINDS
from store.reports.lag import LAGS
from tests.integration.api.conftest import Keys, Pool
from tests.support.engine import activate, make_contact

JOURNEY = """
journey: welcome
entry: {event: Joined}
steps:
  - {id: hello, email: {subject: S, text: T, transactional: true}}
  - {id: pause, wait: 2d}
"""


async def plant(pool: Pool, *statements: str) -> None:
    async with pool.connection() as conn:
        for each in statements:
            await conn.execute(each.encode())


def runs(count: int, **columns: str) -> str:
    """A statement that inserts active runs of new contacts at their first visit."""
    names = "".join(f", {name}" for name in columns)
    values = "".join(f", {value}" for value in columns.values())
    return (
        "with c as (insert into contact (id, external_id) select gen_random_uuid(),"
        f" 'c' || n || random() from generate_series(1, {count}) n returning id)"
        " insert into run (id, journey, version, contact_id, entry_ref, ref, visit, step,"
        f" workflow_started_at{names}) select gen_random_uuid(), 'welcome', 1, c.id, 0, 0, 1,"
        f" 'hello', now() - interval '3 hours'{values} from c"
    )


def visits(held: str, due: str, *, code: str | None = None) -> list[str]:
    """Statements that insert the visit of each run that has none, with a message if it failed."""
    made = [
        (
            "insert into visit (run_id, visit, step, kind, started_at, held, due_at)"
            f" select id, 1, 'hello', 'email', now() - interval '2 hours', {held}, {due} from run"
            " where not exists (select from visit where run_id = run.id)"
        )
    ]
    if code is not None:
        made.append(message("released", code))
    return made


def message(state: str, code: str, ago: str = "2 hours") -> str:
    return (
        "insert into message (id, run_id, visit, step, contact_id, channel, state, token, code,"
        " attempts, claimed_at, first_attempt_at, settled_at, provider)"
        f" select gen_random_uuid(), r.id, 1, 'hello', r.contact_id, 'email', '{state}', 't',"
        f" '{code}', 4, now() - interval '{ago}', now() - interval '{ago}',"
        f" {'null' if state == 'claimed' else f'''now() - interval '{ago}' '''}, 'smtp' from run r"
        " where not exists (select from message where run_id = r.id)"
    )


ENDED = "update visit set outcome = '{}', held = null, due_at = null, ended_at = now()"
AHEAD = "now() + interval '9 minutes'"
SAID = "update message set detail = '451 try later'"

PLANTED: dict[str, tuple[list[str], dict[str, Any]]] = {
    "retrying": (
        [runs(3), *visits("'retry'", AHEAD, code="unreachable")],
        {"subject": "welcome hello", "count": 3, "reason": "unreachable", "hours": 2},
    ),
    "unknown": (
        [runs(2), *visits("null", "null"), message("unknown", "interrupted"),
         ENDED.format("unknown")],
        {"subject": "welcome hello", "count": 2, "reason": "interrupted", "hours": 2},
    ),
    "failed": (
        [runs(4), *visits("null", "null"), message("refused", "address_unknown"),
         ENDED.format("failed"), SAID],
        {"subject": "welcome hello", "count": 4, "reason": "address_unknown", "hours": 2,
         "detail": "451 try later"},
    ),
    "stuck": (
        [runs(5), *visits("null", "now() - interval '1 hour'")],
        {"subject": "welcome hello", "count": 5, "reason": "over_and_not_ended", "hours": 1},
    ),
    "dead_events": (
        ["insert into contact (id) values (gen_random_uuid())",
         ("insert into dead_event (event_id, contact_id, code, detail, died_at)"
         " select 7, id, 'too_big', '', now() - interval '5 hours' from contact")],
        {"subject": "too_big", "count": 1, "reason": "too_big", "hours": 5, "example": "7"},
    ),
    "rejected": (
        [("insert into rejected_item (source, name, code, message, body, received_at)"
         " select 'ingest', 'Seen', 'unknown_topic', 'm', '{}', now() - interval '3 hours'"
         " from generate_series(1, 6)")],
        {"subject": "unknown_topic", "count": 6, "reason": "unknown_topic", "hours": 3,
         "example": "item.6"},
    ),
    "documents": (
        ["update journey_version set document = document || '{\"steps\": 7}'",
         "update journey set updated_at = now() - interval '1 hour'"],
        {"count": 1, "hours": 1, "example": "welcome"},
    ),
    "paused": (
        ["update journey set state = 'paused', updated_at = now() - interval '4 hours'",
         runs(2), *visits("'paused'", "null")],
        {"subject": "welcome", "count": 2, "reason": "paused", "hours": 4},
    ),
    "frozen": (
        [("insert into marketing_freeze (channel, reason, by, frozen_at)"
         " values ('email', 'bounces', 'ops', now() - interval '6 hours')"),
         runs(3), *visits("'frozen'", "null")],
        {"subject": "email", "count": 3, "reason": "bounces", "hours": 6},
    ),
    "jobs": (
        [("insert into job (id, kind, journey, started_at, workflow_started_at, progressed_at)"
         " values (gen_random_uuid(), 'move', 'welcome', now() - interval '3 hours',"
         " now() - interval '3 hours', now() - interval '2 hours')")],
        {"subject": "move", "count": 1, "reason": "standing", "hours": 2},
    ),
    "coupons": (
        [("insert into coupon_pool (key, imported_at) values ('ten', now() - interval '8 hours'),"
         " ('full', now())"),
         ("insert into coupon (pool, code, drawn_at) select 'ten', n::text,"
         " case when n > 3 then now() - interval '7 hours' end from generate_series(1, 40) n"),
         "insert into coupon (pool, code) select 'full', n::text from generate_series(1, 30) n"],
        {"subject": "ten", "count": 3, "reason": "few_left", "hours": 7},
    ),
    "behind": (
        ["insert into contact (id) values (gen_random_uuid())",
         ("insert into event (contact_id, name, properties, message_id, stamped_at)"
         " select id, 'X', '{}', 'm', now() - interval '2 hours' from contact"),
         "insert into outbox (contact_id, event_id) select contact_id, id from event"],
        {"subject": "events", "count": 1, "hours": 2},
    ),
    "providers": (
        [runs(2), *visits("'retry'", AHEAD), message("released", "unreachable", "6 minutes"),
         SAID],
        {"subject": "smtp", "count": 2, "reason": "unreachable", "hours": 0.1,
         "detail": "451 try later"},
    ),
    "set_aside": (
        [runs(2), *visits("null", "now() + interval '1 day'"),
         ("insert into parked_call (run_id, kind, attempts, not_before)"
         " select id, 'wake', 5, now() + interval '1 minute' from run")],
        {"subject": "calls for runs", "count": 2, "reason": "wake"},
    ),
}  # fmt: skip


async def test_figures_that_are_not_folded_for_long_are_behind(
    pool: Pool, operate: httpx.AsyncClient
) -> None:
    await plant(
        pool,
        (
            "insert into figure_delta (journey, version, step, fact, label, at, entered_at, count)"
            " select 'welcome', 1, '', 'entered', '', now(), now(), 1"
            " from generate_series(1, 20001)"
        ),
        (
            "insert into sweep_cursor (name, closed_until)"
            " values ('figures', now() - interval '10 minutes')"
        ),
    )
    [item] = (await operate.get("/v1/attention")).json()["items"]
    assert (item["kind"], item["subject"], item["at_least"]) == ("behind", "figures", True)
    [lag] = [
        each for each in (await operate.get("/v1/lag")).json()["items"] if each["name"] == "figures"
    ]
    assert lag["waiting"] == 20_001
    assert 600 <= lag["seconds"] < 900
    async with pool.connection() as conn:
        await fold_all(conn, "UTC")
    assert (await operate.get("/v1/attention")).json()["items"] == []
    lags = (await operate.get("/v1/lag")).json()["items"]
    assert [(each["seconds"], each["waiting"]) for each in lags if each["name"] == "figures"] == [
        (0, 0)
    ]


async def test_nothing_needs_attention_when_all_is_well(
    pool: Pool, operate: httpx.AsyncClient, keys: Keys
) -> None:
    await activate(pool, JOURNEY)
    await make_contact(pool)
    await plant(pool, runs(20), *visits("null", "now() + interval '1 day'"))
    answer = (await operate.get("/v1/attention")).json()
    assert answer["items"] == []
    assert answer["counts"] == dict.fromkeys(KINDS, 0)
    assert datetime.fromisoformat(answer["at"]) <= datetime.now(UTC)
    lag = (await operate.get("/v1/lag")).json()
    assert [each["name"] for each in lag["items"]] == list(LAGS)
    waiting = {each["name"]: each["waiting"] for each in lag["items"]}
    # Figures are exact before they are folded.
    del waiting["figures"]
    assert (lag["seconds"], sum(waiting.values())) == (0, 0)
    reading = {"Authorization": f"Bearer {keys.read}"}
    assert (await operate.get("/v1/attention", headers=reading)).status_code == 200
    ingest = {"Authorization": f"Bearer {keys.ingest}"}
    for path in ("attention", "lag", "upcoming", "explain?contact=a&journey=b"):
        assert (await operate.get(f"/v1/{path}", headers=ingest)).status_code == 403
    for wrong, status in (("kind=no", 422), ("within=soon", 422), ("within=9d", 422),
                          ("within=0s", 422), ("kinds=x", 400)):  # fmt: skip
        assert (await operate.get(f"/v1/attention?{wrong}")).status_code == status, wrong


@pytest.mark.parametrize("kind", PLANTED)
async def test_each_kind_says_how_many_since_when_and_why(pool: Pool, kind: Any) -> None:
    statements, expected = PLANTED[kind]
    await activate(pool, JOURNEY)
    await plant(pool, *statements)
    async with pool.connection() as conn:
        found = await read_attention(conn, Catalog(), kinds={kind})
    assert len(found) == 1, found
    [item] = found
    for name in ("subject", "count", "reason", "example", "detail"):
        if name in expected:
            assert getattr(item, name) == expected[name], name
    if "hours" in expected:
        age = datetime.now(UTC) - item.since
        assert abs(age - timedelta(hours=expected["hours"])) < timedelta(minutes=2)
    assert not item.at_least
    assert item.words == KINDS[kind].words
    assert "{" not in item.command + item.link
    _check_command(item.command)


async def test_keys_the_spool_and_faults_need_attention_too(
    pool: Pool, operate: httpx.AsyncClient, api_url: str, keys: Keys
) -> None:
    async with pool.connection() as conn:
        soon = datetime.now(UTC) + timedelta(days=9)
        await create_key(conn, "ingest", "shop", KeyOptions(expires_at=soon))
        await record_fault(conn, activity="dispatch", code="internal", detail="x", subject="s")
        found = await read_attention(conn, Catalog(), spool=0.93)
        assert await read_attention(conn, Catalog(), kinds={"spool"}, spool=0.5) == []
    assert [(each.kind, each.subject, each.reason) for each in found] == [
        ("keys", "shop", "expires_soon"), ("spool", "spool", "93% used"),
        ("faults", "dispatch", "internal"),
    ]  # fmt: skip
    for each in found:
        _check_command(each.command)
    answer = (await operate.get("/v1/attention", params={"kind": "faults"})).json()
    assert [each["subject"] for each in answer["items"]] == ["dispatch"]
    assert answer["counts"]["faults"] == 1
    ready = (await operate.get("/readyz", headers={"Authorization": ""})).json()
    assert ready == {"status": "ok", "attention": {"faults": 1, "keys": 1}}
    env = {"PARCOURS_API_URL": api_url, "PARCOURS_API_KEY": keys.read, "COLUMNS": "240"}
    printed = CliRunner().invoke(app, ["attention"], env=env)
    assert printed.exit_code == 0
    assert "parcours fault list --code internal" in printed.stdout
    as_json = CliRunner().invoke(app, ["attention", "--json", "--kind", "keys"], env=env)
    answer = json.loads(as_json.stdout.splitlines()[-1])
    assert [each["subject"] for each in answer["items"]] == ["shop"]
    printed = CliRunner().invoke(app, ["attention", "--kind", "stuck"], env=env)
    assert "nothing needs attention" in printed.stdout
    printed = CliRunner().invoke(app, ["lag"], env=env)
    assert "recorded events that are not dispatched" in printed.stdout


async def test_stuck_runs_are_listed_with_since_when(
    pool: Pool, operate: httpx.AsyncClient, api_url: str, keys: Keys
) -> None:
    await activate(pool, JOURNEY)
    assert (await operate.get("/v1/runs/stuck")).json() == {"items": []}
    await plant(pool, runs(2), *visits("null", "now() - interval '1 hour'"))
    await plant(pool, runs(1), *visits("'window'", "now() - interval '3 hours'"))
    await plant(pool, runs(1), *visits("null", "now() - interval '1 minute'"))
    await plant(
        pool,
        runs(1, key="'late'"),
        "update run set workflow_started_at = null, visit = 0,"
        " started_at = now() - interval '2 hours' where key = 'late'",
    )
    found = (await operate.get("/v1/runs/stuck")).json()["items"]
    reasons = ["due_and_not_tried", "workflow_not_started", *["over_and_not_ended"] * 2]
    assert [each["reason"] for each in found] == reasons
    ages = [datetime.now(UTC) - datetime.fromisoformat(each["since"]) for each in found]
    assert [round(age.total_seconds() / 3600) for age in ages] == [3, 2, 1, 1]
    assert (await operate.get("/v1/runs/stuck?journey=other")).json() == {"items": []}
    env = {"PARCOURS_API_URL": api_url, "PARCOURS_API_KEY": keys.read, "COLUMNS": "240"}
    printed = CliRunner().invoke(app, ["run", "list", "--stuck"], env=env)
    assert printed.stdout.count("over_and_not_ended") == 2
    refused = CliRunner().invoke(app, ["run", "list", "--stuck", "--step", "x"], env=env)
    assert refused.exit_code == 2


async def test_what_failed_in_the_last_hour_is_by_reason(pool: Pool) -> None:
    await activate(pool, JOURNEY)
    for code, ago, count in (("a", "30 minutes", 2), ("b", "40 minutes", 1), ("c", "2 hours", 1)):
        await plant(pool, runs(count), *visits("null", "null"), message("refused", code, ago))
    await plant(pool, ENDED.format("failed"))
    async with pool.connection() as conn:
        found = await read_attention(conn, Catalog(), kinds={"failed"}, within=timedelta(hours=1))
    assert sorted((each.reason, each.count) for each in found) == [("a", 2), ("b", 1)]


def _check_command(text: str) -> None:
    """The command exists, and takes these options."""
    words = shlex.split(text)
    assert words[0] == "parcours"
    command: Any = typer.main.get_command(app)
    rest = words[1:]
    while hasattr(command, "commands"):
        assert rest[0] in command.commands, text
        command, rest = command.commands[rest[0]], rest[1:]
    options = {name for each in command.params for name in each.opts}
    assert {word for word in rest if word.startswith("--")} <= options, text
