"""Counts of experiments, against a plain reading of the rows, and how they are kept."""

from __future__ import annotations

import asyncio
import os
from collections import defaultdict
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any
from uuid import UUID, uuid4

import pytest
from psycopg import AsyncConnection
from psycopg.rows import dict_row
from psycopg.types.json import Jsonb
from psycopg_pool import AsyncConnectionPool

from dispatch.experiments import ExperimentCounting
from store.counters.folding import fold_all
from store.reports import experiment_counts
from store.reports.experiment_counts import SplitCounts, recount
from store.reports.experiment_metrics import MESSAGE_METRICS, METRIC_NAMES
from store.reports.experiment_splits import Split, read_split
from store.reports.experiments import Experiment, Unknown, read_experiment
from tests.support.conditions import eventually
from tests.support.engine import activate

Pool = AsyncConnectionPool[AsyncConnection[Any]]
RUNS = int(os.environ.get("EXPERIMENT_RUNS", "400"))
BEGAN = datetime(2026, 11, 1, 8, tzinfo=UTC)
MAIL = "email: {subject: Hello, text: Hello, transactional: true}"
OFFER = f"""
journey: offer
entry: {{event: Started}}
re_entry: always
goal: {{event: Bought, value: total, within: 30d}}
steps:
  - id: fork
    split:
      - {{name: short, weight: SHORT, then: [{{id: brief, {MAIL}}}]}}
      - name: long
        weight: 2
        then:
          - {{id: letter, {MAIL}}}
          - id: who
            branch:
              - {{if: {{attribute: vip, is: true}}, name: vip, then: [{{id: extra, {MAIL}}}]}}
      - {{name: none, weight: 1, holdout: true}}
      - {{name: rest, weight: 4, winner: {{by: clicked, after: 4h}}}}
  - {{id: after, {MAIL}}}
"""
COUPONS = f"""
journey: coupons
entry: {{event: Started}}
steps:
  - id: fork
    split:
      - {{name: ten, weight: 1, then: [{{id: tens, group: {{add: [tens]}}}}]}}
      - {{name: twenty, weight: 1, then: [{{id: twenties, group: {{add: [twenties]}}}}]}}
  - {{id: after, {MAIL}}}
"""


async def set_up(pool: Pool) -> None:
    """Versions 1, 2, 4 and 5 have the split alike, and 3 has it with another weight."""
    for weight, more in (("1", ""), ("1", "x"), ("3", ""), ("1", "y"), ("1", "z")):
        step = f"  - {{id: group, group: {{add: [g{more}]}}}}\n"
        await activate(pool, OFFER.replace("SHORT", weight) + step)
    await activate(pool, COUPONS)


async def live(pool: Pool, seed: int, runs: int = 80) -> None:
    """Lives of a few contacts in both journeys: they come again, loop, are moved and restarted."""
    random = Random(seed)
    contacts = [uuid4() for _ in range(runs // 2)]
    async with pool.connection() as conn, conn.transaction():
        for _ in range(runs):
            journey = random.choice(("offer", "offer", "coupons"))
            await write_run(conn, random, journey, random.choice(contacts))


async def write_run(conn: Any, random: Random, journey: str, contact: UUID) -> None:
    """A run that passed the split, or stands there; its messages, and its goal."""
    run, at = uuid4(), BEGAN + timedelta(minutes=random.randrange(40_000))
    outcome = random.choice(("completed", "completed", "restarted", "merged", None))
    await conn.execute(
        "insert into run (id, journey, version, contact_id, key, state, outcome, entry_ref, ref,"
        " started_at) values (%s, %s, %s, %s, %s, %s, %s, 0, 0, %s)",
        (run, journey, random.randint(1, 5) if journey == "offer" else 1, contact, str(run),
         "active" if outcome is None else "ended", outcome, at),
    )  # fmt: skip
    arms = ("short", "long", "none", "rest") if journey == "offer" else ("ten", "twenty")
    sends = ("brief", "letter", "extra", "after")
    for visit in range(1, random.randint(2, 8)):
        at += timedelta(minutes=random.randrange(60))
        step = random.choice(("fork", *sends, "group"))
        kind = {"fork": "split", "group": "group"}.get(step, "email")
        arm = random.choice((*arms, *arms, "skipped", "exited", None))
        await conn.execute(
            "insert into visit (run_id, visit, step, kind, outcome, started_at, ended_at, version,"
            " run_ended, replaced) values (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s)",
            (run, visit, step, kind, arm if kind == "split" else "done", at,
             at if random.random() < 0.9 else None,
             random.randint(1, 5) if random.random() < 0.2 and journey == "offer" else None,
             kind == "split" and random.random() < 0.05,
             kind == "split" and outcome in ("restarted", "merged")),
        )  # fmt: skip
        if kind == "email":
            await write_message(conn, random, run, visit, step, contact, at)
    if random.random() < 0.5:
        await conn.execute(
            "insert into goal (run_id, journey, contact_id, event_name, ref, met_event_id, met_at,"
            " value, replaced) values (%s, %s, %s, 'Bought', 0, 1, %s, %s, %s)",
            (run, journey, contact, at + timedelta(minutes=random.randint(-90, 90)),
             random.choice((None, 0, 5, 12.5)), outcome in ("restarted", "merged")),
        )  # fmt: skip


async def write_message(
    conn: Any, random: Random, run: UUID, visit: int, step: str, contact: UUID, at: datetime
) -> None:
    """A message of a visit, and what came back of it."""
    statuses = {
        f"{status}_at": at if random.random() < 0.3 else None
        for status in MESSAGE_METRICS if status != "sent"
    }  # fmt: skip
    names = ", ".join(statuses)
    places = ", ".join(f"%({name})s" for name in statuses)
    await conn.execute(
        "insert into message (id, run_id, visit, step, contact_id, channel, state, token,"
        f" {names}) values (gen_random_uuid(), %(run)s, %(visit)s, %(step)s, %(contact)s, 'email',"
        f" %(state)s, '', {places})".encode(),
        {"run": run, "visit": visit, "step": step, "contact": contact,
         "state": random.choice(("sent", "sent", "refused")), **statuses},
    )  # fmt: skip


Counts = dict[str, dict[str, Any]]


async def by_hand(
    pool: Pool, journey: str, versions: set[int], sends: dict[str, set[str]] | None
) -> Counts:
    """What the contacts of each arm came to: plain loops over plain rows."""
    rows: dict[str, list[dict[str, Any]]] = {}
    async with pool.connection() as conn, conn.cursor(row_factory=dict_row) as cursor:
        for table in ("run", "visit", "message", "goal"):
            await cursor.execute(f"select * from {table}".encode())
            rows[table] = await cursor.fetchall()
    runs = {run["id"]: run for run in rows["run"] if run["journey"] == journey}
    arms = {"short", "long", "none", "rest", "ten", "twenty"}
    passages: dict[UUID, dict[str, Any]] = {}
    for visit in sorted(rows["visit"], key=lambda row: row["visit"], reverse=True):
        run = runs.get(visit["run_id"])
        if run is None or visit["kind"] != "split" or visit["outcome"] not in arms:
            continue
        if visit["run_ended"] or (visit["version"] or run["version"]) not in versions:
            continue
        # The first visit of a run comes last.
        passages[run["id"]] = visit
    of_contact = defaultdict(list)
    for passage in passages.values():
        of_contact[runs[passage["run_id"]]["contact_id"]].append(passage)
    found: Counts = defaultdict(lambda: defaultdict(int))
    for passed in of_contact.values():
        passed.sort(key=lambda row: (row["ended_at"] or row["started_at"], row["run_id"]))
        arm = found[passed[0]["outcome"]]
        arm["contacts"] += 1
        reached: set[str] = set()
        value, met = 0.0, False
        for passage in passed:
            at = passage["ended_at"] or passage["started_at"]
            for message in rows["message"]:
                if message["run_id"] != passage["run_id"] or message["visit"] <= passage["visit"]:
                    continue
                if sends is not None and message["step"] not in sends[passage["outcome"]]:
                    continue
                reached |= {
                    metric for metric in MESSAGE_METRICS
                    if (message["state"] == "sent" if metric == "sent"
                        else message[f"{metric}_at"] is not None)
                }  # fmt: skip
            for goal in rows["goal"]:
                counts = goal["run_id"] == passage["run_id"] and not goal["replaced"]
                if counts and goal["met_at"] >= at:
                    met, value = True, value + float(goal["value"] or 0)
        for metric in reached:
            arm[metric] += 1
        arm["goal"] += met
        arm["value"] += value != 0
        arm["sum"] += value
        arm["squares"] += value * value
    return found


def as_counts(experiment: Experiment) -> Counts:
    """The counts of an experiment in the form of those by hand, without what is zero."""
    found: Counts = {}
    for arm in experiment.arms:
        counts: dict[str, Any] = {metric: arm.results(metric) for metric in METRIC_NAMES}
        counts["contacts"] = arm.counts.contacts
        counts["sum"], counts["squares"] = arm.counts.value, arm.counts.squares
        found[arm.arm.name] = {name: count for name, count in counts.items() if count}
    return found


def without_zeros(counts: Counts) -> Counts:
    return {arm: {name: count for name, count in of_arm.items() if count}
            for arm, of_arm in counts.items()}  # fmt: skip


async def read(pool: Pool, journey: str, **options: Any) -> Experiment:
    async with pool.connection() as conn:
        found = await read_experiment(conn, journey, "fork", **options)
    assert isinstance(found, Experiment)
    return found


async def test_counts_are_those_of_a_plain_reading_of_the_rows(pool: Pool) -> None:
    await set_up(pool)
    await live(pool, seed=1, runs=RUNS)
    sends = {"short": {"brief"}, "long": {"letter", "extra"}, "none": set[str](),
             "rest": {"brief", "letter", "extra"}}  # fmt: skip
    for version, versions in ((None, {4, 5}), (4, {4, 5}), (3, {3}), (1, {1, 2})):
        found = await read(pool, "offer", version=version)
        assert set(found.split.versions) == versions
        expected = await by_hand(pool, "offer", versions, sends)
        assert len(expected) == 4
        assert as_counts(found) == without_zeros(expected)
        # Counted in another way, as for very many, they are the same.
        async with pool.connection() as conn:
            again = await recount(conn, found.split)
        assert again.arms == found.counts.arms
    coupons = await read(pool, "coupons")
    assert not coupons.split.of_arms
    assert as_counts(coupons) == without_zeros(await by_hand(pool, "coupons", {1}, None))


async def test_the_goal_and_the_holdout_are_chosen_where_nothing_is_said(pool: Pool) -> None:
    await set_up(pool)
    offer = await read(pool, "offer")
    assert (offer.metric, offer.control) == ("goal", "none")
    assert [arm.not_compared for arm in offer.arms] == [None, None, None, "winner_rule"]
    clicked = await read(pool, "offer", metric="clicked")
    assert clicked.control == "short"
    assert [arm.not_compared for arm in clicked.arms] == [None, None, "no_messages", "winner_rule"]
    coupons = await read(pool, "coupons")
    assert (coupons.metric, coupons.control) == ("clicked", "ten")
    async with pool.connection() as conn:
        assert await read_experiment(conn, "none", "fork") == Unknown("journey")
        assert await read_experiment(conn, "offer", "after") == Unknown("step", ["fork"])
        assert await read_experiment(conn, "offer", "fork", control="rest") == Unknown(
            "control", ["short", "long", "none"]
        )
        assert await read_experiment(conn, "coupons", "fork", metric="value") == Unknown(
            "metric", MESSAGE_METRICS
        )


async def test_the_versions_of_a_long_experiment_are_found(pool: Pool) -> None:
    await set_up(pool)
    async with pool.connection() as conn:
        await conn.execute(
            "insert into journey_version (journey, version, document, program, source, sha256)"
            " select journey, n, document, program, '', n::text from journey_version,"
            " generate_series(6, 90) n where journey = 'offer' and version = 5"
        )
        for version in (5, 48, 90):
            split = await read_split(conn, "offer", "fork", version, has_goal=True)
            assert split is not None
            assert split.versions == tuple(range(4, 91))
        assert await read_split(conn, "offer", "after", 5, has_goal=True) is None


async def split_of(conn: Any) -> Split:
    split = await read_split(conn, "offer", "fork", 5, has_goal=True)
    assert split is not None
    return split


async def kept(pool: Pool) -> list[datetime]:
    async with pool.connection() as conn:
        cursor = await conn.execute("select counted_at from experiment_count order by 1")
        return [at for (at,) in await cursor.fetchall()]


async def scans(conn: Any) -> set[tuple[str, int]]:
    """How often each table was read by this connection."""
    cursor = await conn.execute(
        "select relname, coalesce(seq_scan, 0) + coalesce(idx_scan, 0)"
        " from pg_stat_xact_user_tables"
    )
    return set(await cursor.fetchall())


async def read_kept(pool: Pool) -> SplitCounts:
    """The counts of a split of many, which are read without a look at runs."""
    async with pool.connection() as conn, conn.transaction():
        before = await scans(conn)
        found = await read_experiment(conn, "offer", "fork", many=10)
        tables = {table for table, _ in await scans(conn) - before}
    assert isinstance(found, Experiment)
    assert tables == {"journey", "journey_version", "figure", "experiment_count"}
    return found.counts


async def age(pool: Pool, seconds: int) -> None:
    """Make kept counts older."""
    async with pool.connection() as conn:
        await conn.execute(
            "update experiment_count set counted_at = counted_at - %s * interval '1 second'",
            (seconds,),
        )


async def test_counts_of_many_are_kept_and_counted_again_by_a_worker(pool: Pool) -> None:
    await set_up(pool)
    await live(pool, seed=2)
    async with pool.connection() as conn:
        await fold_all(conn, "UTC")
    counting = ExperimentCounting(pool, every=0.01, many=10)
    task = asyncio.create_task(counting.run())

    async def both_are_kept() -> Any:
        return len(await kept(pool)) == 2

    await eventually(both_are_kept)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    [first, second] = await kept(pool)
    before = await read_kept(pool)
    assert before.counted_at in (first, second)
    await live(pool, seed=3)
    # They are as they were, until they are due.
    assert await read_kept(pool) == before
    assert await counting.count_due() == 0
    assert await kept(pool) == [first, second]
    now = (await read(pool, "offer")).counts
    assert now.arms != before.arms
    await age(pool, 90)
    assert await counting.count_due() == 0
    after = await read_kept(pool)
    assert (after.arms, after.first_at, after.last_at) == (now.arms, now.first_at, now.last_at)
    # Where no worker counts, a reader does.
    await live(pool, seed=4)
    await age(pool, 3_600)
    late = (await read(pool, "offer", many=10)).counts
    assert late.arms == (await read(pool, "offer")).counts.arms != after.arms


async def test_one_broken_split_keeps_no_other_from_being_counted(pool: Pool) -> None:
    await set_up(pool)
    await live(pool, seed=5)
    async with pool.connection() as conn:
        await fold_all(conn, "UTC")
        await conn.execute(
            "update journey_version set document = %s where journey = 'coupons'",
            (Jsonb({"steps": [{"id": "fork", "split": [{}]}]}),),
        )
    assert await ExperimentCounting(pool, many=10).count_due() == 1
    assert len(await kept(pool)) == 1


@pytest.fixture
async def crowd(pool: Pool) -> Pool:
    """12,000 runs of other journeys that passed splits, and 50 of this one."""
    await set_up(pool)
    async with pool.connection() as conn:
        await conn.execute("set session_replication_role = replica")
        await conn.execute(
            "insert into run (id, journey, version, contact_id, key, state, entry_ref, ref)"
            " select gen_random_uuid(), case when n <= 50 then 'offer' else 'j' || mod(n, 40) end,"
            " 5, gen_random_uuid(), '', 'ended', 0, 0 from generate_series(1, 12000) n"
        )
        await conn.execute(
            "insert into visit (run_id, visit, step, kind, outcome, ended_at)"
            " select id, n, case when n > 1 then 's' || n when journey = 'offer' then 'fork' else"
            " journey end, case when n = 1 then 'split' else 'email' end, case when n = 1 then"
            " 'short' else 'sent' end, now() from run, generate_series(1, 3) n"
        )
        await conn.execute(
            "insert into message (id, run_id, visit, step, contact_id, channel, state, token)"
            " select gen_random_uuid(), id, 2, 's2', contact_id, 'email', 'sent', '' from run"
        )
        await conn.execute(
            "insert into goal (run_id, journey, contact_id, event_name, ref, met_event_id, met_at)"
            " select id, journey, contact_id, 'Bought', 0, 1, now() from run"
        )
        await conn.execute("set session_replication_role = origin")
        await conn.execute("analyze run, visit, message, goal")
    return pool


async def test_a_split_is_counted_without_reading_other_runs(crowd: Pool) -> None:
    async with crowd.connection() as conn:
        split = await split_of(conn)
        parameters = {
            "journey": "offer", "step": "fork", "versions": list(split.versions),
            "arms": [arm.name for arm in split.arms], "sends": None,
        }  # fmt: skip
        cursor = await conn.execute(
            f"explain {experiment_counts._COUNTS}".encode(), parameters
        )  # fmt: skip
        plan = "\n".join(line for (line,) in await cursor.fetchall())
        assert "Seq Scan" not in plan, plan
        assert "visit_of_split" in plan
        counted: SplitCounts = await experiment_counts.count_arms(conn, split)
    assert counted.arms["short"].contacts == 50
