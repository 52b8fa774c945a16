"""Benchmark of one send, with all that is written and rendered for it, against a bare loop.

Both hand the same mail to the same server by the same adapter, as many at the same time, each in a
process of its own. The bare loop does nothing else. Temporal takes no part in either.

The server is the sink of `parcours dev`, which itself takes a few milliseconds for a mail. Against
one that costs nothing a bare loop is many times as fast: what a send takes of the processor is
shown as well.
"""

from __future__ import annotations

import statistics
from typing import Any
from uuid import UUID, uuid4

from psycopg import AsyncConnection
from psycopg.types.json import Jsonb

from benchmarks.mail import ENTRY, TEMPLATE
from benchmarks.report import Figure, spread
from benchmarks.sample import activate, make_contacts
from benchmarks.send_process import Taken, sending_process
from benchmarks.servers import servers
from benchmarks.smtp_sink import smtp_sink
from journeys.model.journey import Journey

ROUNDS = 15
SENDS = 100
"""Of each round. Short rounds in turn bear the same load of the machine."""


async def measure() -> list[Figure]:
    """Measure the rate of sends as a share of the bare loop's: median of interleaved rounds."""
    async with servers() as running:
        with smtp_sink(running.temporal_file.parent / "inbox") as smtp:
            environment = {**running.environment, "SMTP_URL": smtp}
            with (
                sending_process("bare", environment) as bare,
                sending_process("engine", environment) as engine,
            ):
                async with await AsyncConnection.connect(
                    running.settings.database_url, autocommit=True
                ) as conn:
                    await activate(conn, _journey())
                    engine.send(await _runs(conn, SENDS))
                    bare.give_mail(engine.last_mail())
                    bare.send([uuid4() for _ in range(SENDS)])
                    rounds: list[tuple[Taken, Taken]] = []
                    for _ in range(ROUNDS):
                        runs = await _runs(conn, SENDS)
                        rounds.append((bare.send(runs), engine.send(runs)))
                    await _check(conn, (ROUNDS + 1) * SENDS)
    ratios = [plain.seconds / ours.seconds for plain, ours in rounds]
    return [
        Figure(
            "sends of a mail with links, claimed and recorded: rate against a bare loop",
            statistics.median(ratios),
            "ratio",
            at_least=0.5,
            detail={
                "ratios": spread(ratios),
                "bare_per_second": spread([SENDS / plain.seconds for plain, _ in rounds]),
                "engine_per_second": spread([SENDS / ours.seconds for _, ours in rounds]),
                "bare_cpu_ms": spread([1000 * plain.cpu_seconds / SENDS for plain, _ in rounds]),
                "engine_cpu_ms": spread([1000 * ours.cpu_seconds / SENDS for _, ours in rounds]),
            },
        )
    ]


def _journey() -> Journey:
    return Journey.model_validate(
        {
            "journey": "orders",
            "entry": {"event": "Order Completed"},
            "re_entry": "always",
            "steps": [
                {"id": "mail", "email": {"template": TEMPLATE, "transactional": True}},
                {"id": "pause", "wait": "1d"},
            ],
        }
    )


async def _runs(conn: AsyncConnection[Any], count: int) -> list[UUID]:
    """Insert runs of new contacts that have come to the mail."""
    contacts = await make_contacts(conn, count)
    cursor = await conn.execute(
        "insert into run (id, journey, version, contact_id, entry, entry_ref, ref)"
        " select contact_id, 'orders', 1, contact_id, %s, 0, 0 from unnest(%s::uuid[]) contact_id"
        " returning id",
        (Jsonb(ENTRY), contacts),
    )
    return [row[0] for row in await cursor.fetchall()]


async def _check(conn: AsyncConnection[Any], count: int) -> None:
    """Raises RuntimeError unless every send is on record."""
    cursor = await conn.execute(
        "select count(*) from message m join visit v on v.message_id = m.id"
        " where m.state = 'sent' and v.outcome = 'sent'"
    )
    row = await cursor.fetchone()
    if row is None or row[0] != count:
        raise RuntimeError(f"{row} messages are recorded as sent instead of {count}")
