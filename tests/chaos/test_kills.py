"""Parts of a stack are killed again and again while orders come in, and every promise is kept.

Each part is killed three times, once in each way of `killing.py`; `CHAOS_KILLS=5` kills it more.
"""

import asyncio
import os
import secrets
from pathlib import Path
from random import Random

import psycopg
import pytest
from temporalio.client import Client
from temporalio.service import RPCError

from tests.chaos.figures import wrong_totals
from tests.chaos.killing import Killer
from tests.chaos.orders import SHARES, make_orders
from tests.chaos.readers import open_mailboxes, wrong_reactions
from tests.chaos.reckoning import (
    Picture,
    take_picture,
    wrong_contacts,
    wrong_events,
    wrong_mail,
    wrong_messages,
    wrong_runs,
)
from tests.chaos.records import Records, open_records
from tests.chaos.shop import open_shop
from tests.support.conditions import eventually
from tests.support.stack import dev_stack

SEED = "CHAOS_SEED"
"""A seed to play again; the moments of the kills are its, what happens in them is the machine's."""

KILLS = int(os.environ.get("CHAOS_KILLS", "3"))
"""Kills of each part."""

SETTLED_WITHIN = 150.0
"""A send that was cut off is unknown after half a minute, a lease of a dead dispatcher is over
after as much; some follow one another."""

RUNS = "WorkflowType = 'Journey'"
"""The workflows of runs, and not that of the retention, which may have its hour meanwhile."""

UNFORESEEN = (
    "dispatch_failed",
    "reconciliation_failed",
    "following_failed",
    "activity_failed",
    "request_failed",
)
"""The log events of unexpected errors."""


@pytest.mark.parametrize("victim", ["worker", "postgres", "temporal", "api"])
@pytest.mark.long
async def test_every_promise_is_kept_while_a_part_is_killed_again_and_again(
    tmp_path: Path, victim: str
) -> None:
    seed = int(os.environ.get(SEED) or secrets.randbits(32))
    print(f"{SEED}={seed}")  # noqa: T201 - shown when the test fails
    random = Random(seed)
    orders = make_orders(random)
    async with dev_stack(tmp_path / "data") as stack:
        described = await stack.ready()
        async with (
            open_records(described["database_url"], stack.data_dir) as records,
            open_shop(described["api"], described["keys"]["operate"]) as shop,
            open_mailboxes(shop, records) as readers,
        ):
            work = shop.acknowledged if victim == "api" else records.taken
            killer = Killer(stack, victim, records, random, work)
            await shop.apply()
            async with asyncio.TaskGroup() as reading:
                reading.create_task(readers.read())
                async with asyncio.TaskGroup() as storm:
                    storm.create_task(shop.serve(orders, records.dues))
                    storm.create_task(killer.strike(KILLS))
                await settled(records, described["temporal"])
                readers.stopping.set()
            await readers.noticed()
            await settled(records, described["temporal"])
            calm = await take_picture(records)
            wrong = [*wrong_events(calm, shop.accepted), *wrong_runs(calm, orders)]
            assert wrong == []
            waiting = [order for order in orders if calm.waits_for_delivery(order)]
            # Those that wait are not asleep for good.
            await shop.deliver(waiting)
            await settled(records, described["temporal"])
            end = await take_picture(records)
            interrupting = killer.kills if victim in ("worker", "postgres") else []
            wrong = [
                *wrong_events(end, shop.accepted),
                *wrong_runs(end, orders),
                *wrong_messages(end, orders, records.inbox(), interrupting),
                *wrong_mail(end, orders, records.inbox()),
                *wrong_contacts(end, orders, await records.contacts()),
                *await wrong_reactions(readers),
                *map(str, records.logged(*UNFORESEEN)),
                *map(str, await records.faults()),
                *await records.wrong_figures(),
                *await wrong_totals(shop, records),
            ]
            assert wrong == []
            for table in ("outbox", "dead_event", "listener", "refusal"):
                assert await records.count(table) == 0, table
            # These were paid in time: no kill and no load can delay that.
            assert len(waiting) >= SHARES["prepaid"]
            print(tell(end, killer, shop.repeated))  # noqa: T201
        assert await stack.stop() == 0
        await stack.nothing_left()


async def settled(records: Records, temporal: str) -> None:
    """Return once nothing is left to do, for the database and for Temporal."""

    async def look() -> bool:
        try:
            return await nothing_left()
        except (psycopg.OperationalError, RPCError, RuntimeError):
            # The last part that was killed may still be on its way back.
            return False

    async def nothing_left() -> bool:
        assert await records.unfinished() == {}
        active = {run.id for run in await records.runs() if run.state == "active"}
        client = await Client.connect(temporal)
        running = [
            each.id
            async for each in client.list_workflows(f"{RUNS} and ExecutionStatus = 'Running'")
        ]
        assert {f"journey.orders.{run_id}" for run_id in active} == set(running)
        closed = await client.count_workflows(f"{RUNS} and ExecutionStatus = 'Completed'")
        assert closed.count + len(running) == len(await records.runs())
        return True

    await eventually(look, SETTLED_WITHIN, every=0.5, what="nothing left to do")


def tell(picture: Picture, killer: Killer, repeated: int) -> str:
    """What the storm was like."""
    unknown = sum(message.state == "unknown" for message in picture.messages)
    return (
        f"{len(killer.kills)} kills of {killer.victim}, {killer.hits} of them aimed and hit;"
        f" {len(picture.runs)} runs, {len(picture.messages)} messages, {unknown} unknown,"
        f" {repeated} requests repeated"
    )
