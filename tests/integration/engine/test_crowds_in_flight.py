"""Many runs in flight under each policy: each run is migrated once, as previewed.

`CROWD=1000` plays it with a thousand runs each, which takes minutes.
"""

import os
from collections import Counter
from collections.abc import AsyncIterator, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from temporalio.client import Client

from infra.settings import Settings
from store.definitions.catalog import Catalog
from store.versions.migration_preview import MigrationPreview, preview_migration
from store.versions.run_migration import Target
from tests.integration.engine.test_worker_process import worker_process
from tests.support.conditions import eventually
from tests.support.crowds import Member, Pool, Post, gather_crowd, let_go
from tests.support.engine import Engine, activate, engine_at_work
from tests.support.moves import SEND, begin_move, ended
from tests.support.smtp import SmtpSink

FIRST = """
journey: crowd
entry: {event: Never}
defaults: {transactional: true}
steps:
  - {id: early, wait: {event: Go, up_to: 30d}}
  - {id: jump, goto: letter}
  - {id: quiet, wait: {event: Go, up_to: 30d}}
  - {id: letter, email: {subject: First, text: Dear you}}
  - {id: after, wait: 30d}
"""
SECOND = """
journey: crowd
entry: {event: Never}
defaults: {transactional: true}
steps:
  - {id: quiet, wait: {event: Go, up_to: 10d}}
  - {id: letter, email: {subject: Second, text: Dear you}}
  - {id: after, wait: 30d}
"""


EARLY, QUIET, LATE = (int(os.environ.get("CROWD", "100")) * share // 10 for share in (3, 6, 1))
CROWD = EARLY + QUIET + LATE
KILLED = 120
"""Runs of a move whose worker is killed: enough for some to be left."""


@pytest.fixture
def post() -> Post:
    return Post()


@pytest.fixture
async def at_work(
    engine_settings: Settings, pool: Pool, temporal_client: Client, post: Post
) -> AsyncIterator[Engine]:
    """An engine whose mails the post takes."""
    adapters = {"email": post}
    async with engine_at_work(
        engine_settings, pool, temporal_client, adapters=adapters, reconcile_every=2.0
    ) as engine:
        yield engine


async def preview_for(pool: Pool, mapping: Mapping[str, str]) -> MigrationPreview:
    async with pool.connection() as conn:
        catalog = Catalog()
        definition = await catalog.definition(conn, "crowd", 2)
        target = Target(definition, mapping, SEND, datetime.now(UTC))
        found = await preview_migration(conn, catalog, "crowd", target, paused=False)
        assert found is not None
        return found


async def counted(pool: Pool, statement: str, *arguments: Any) -> int:
    async with pool.connection() as conn:
        cursor = await conn.execute(statement.encode(), arguments)
        row = await cursor.fetchone()
    assert row is not None
    return int(row[0])


async def reached(pool: Pool, count: int, statement: str, *arguments: Any) -> None:
    """Wait until a count is reached."""

    async def look() -> bool:
        return await counted(pool, statement, *arguments) == count

    await eventually(look, timeout=240, every=0.25, what=f"{count} by {statement}")


ARRIVED = "select count(*) from run where step = 'after' and state = 'active'"


@pytest.mark.parametrize("policy", ["pin", "follow", "map"])
async def test_many_runs_do_what_was_previewed_and_each_message_is_sent_once(
    at_work: Engine, pool: Pool, temporal_client: Client, post: Post, policy: str
) -> None:
    await activate(pool, FIRST)
    long_ago = timedelta(days=20)
    early = await gather_crowd(pool, temporal_client, "crowd", "early", EARLY)
    quiet = await gather_crowd(pool, temporal_client, "crowd", "quiet", QUIET)
    late = await gather_crowd(pool, temporal_client, "crowd", "quiet", LATE, age=long_ago)
    await activate(pool, SECOND)
    mapping = {"early": "quiet"} if policy == "map" else {}
    previewed = await preview_for(pool, mapping)
    assert (previewed.total, previewed.at_work) == (CROWD, 0)
    assert previewed.moves + Counter() == Counter(
        {(1, "quiet", "quiet"): QUIET + LATE} | ({(1, "early", "quiet"): EARLY} if mapping else {})
    )
    assert dict(previewed.stays) == ({} if mapping else {(1, "early", "step_gone"): EARLY})
    assert (previewed.ended_waits, previewed.sends) == (LATE, LATE)
    assert set(previewed.recipients) == {member.contact for member in late}
    if policy == "pin":
        assert await counted(pool, "select count(*) from run where version = 1") == CROWD
    else:
        job = await ended(pool, await begin_move(pool, temporal_client, "crowd", mapping=mapping),
                          timeout=240)  # fmt: skip
        moved = sum(previewed.moves.values())
        assert (job.state, job.total, job.done) == ("done", CROWD, CROWD)
        assert (job.moved, job.kept) == (moved, sum(previewed.stays.values()))
        assert await counted(pool, "select count(*) from run where version = 2") == moved
        # Only the contacts in the preview have their message.
        await reached(pool, previewed.sends, ARRIVED)
        assert sorted(post.taken) == [(email, "Second") for email in emails(late)]
    await let_go(pool, [*early, *quiet, *(late if policy == "pin" else [])])
    at_work.dispatcher.nudge()
    await reached(pool, CROWD, ARRIVED)
    subjects = {
        "pin": {"early": "First", "quiet": "First"},
        "follow": {"early": "First", "quiet": "Second"},
        "map": {"early": "Second", "quiet": "Second"},
    }[policy]
    assert sorted(post.taken) == sorted(
        [(each.email, subjects["early"]) for each in early]
        + [(each.email, subjects["quiet"]) for each in [*quiet, *late]]
    )
    assert await counted(pool, "select count(*) from message where state = 'sent'") == CROWD


@pytest.mark.long
async def test_a_worker_that_is_killed_in_the_middle_of_a_move_leaves_it_to_another(
    engine_settings: Settings, pool: Pool, temporal_client: Client, smtp_sink: SmtpSink
) -> None:
    await activate(pool, FIRST)
    members = await gather_crowd(pool, temporal_client, "crowd", "quiet", KILLED)
    await activate(pool, SECOND)
    async with worker_process(engine_settings) as worker:
        job = await begin_move(pool, temporal_client, "crowd")
        await eventually(
            lambda: counted(pool, "select moved from job"), timeout=60, what="the first runs moved"
        )
        worker.kill()
        await worker.wait()
    # What it had in hand is committed or gone.
    at_the_kill = await counted(pool, "select moved from job")
    assert 0 < at_the_kill < KILLED
    assert await counted(pool, "select count(*) from run where version = 2") == at_the_kill
    async with worker_process(engine_settings):
        done = await ended(pool, job, timeout=240)
        assert (done.state, done.moved, done.done, done.total) == ("done", KILLED, KILLED, KILLED)
        await let_go(pool, members)
        await reached(pool, KILLED, ARRIVED)
        await reached(pool, 0, "select count(*) from run where moves_taken <> moves")
    mails = sorted(
        (mail.recipients[0], str(mail.message["Subject"])) for mail in smtp_sink.messages
    )
    assert mails == [(email, "Second") for email in emails(members)]


def emails(members: list[Member]) -> list[str]:
    return sorted(member.email for member in members)
