"""A journey's counts, over rows written and counted by hand."""

from typing import Any
from uuid import UUID, uuid4

import pytest
from psycopg import AsyncConnection
from psycopg.types.json import Jsonb
from psycopg_pool import AsyncConnectionPool

from api.reports.stats import journey_stats
from store.reports.journey_statistics import journey_statistics

Pool = AsyncConnectionPool[AsyncConnection[Any]]

FIRST: dict[str, Any] = {
    "journey": "welcome",
    "entry": {"event": "Signed Up"},
    "exit": {"event": "Left", "then": [{"id": "bye", "sms": {"text": "x", "transactional": True}}]},
    "steps": [
        {"id": "mail", "email": {"subject": "x", "text": "x", "transactional": True}},
        {"id": "pause", "wait": "2d"},
        {
            "id": "choice",
            "branch": [
                {
                    "name": "warm",
                    "if": {"message": "mail", "is": "opened"},
                    "then": [{"id": "call", "webhook": {"url": "https://crm.example/x"}}],
                },
                {"else": [{"id": "old", "update": {"set": {"cold": True}}}]},
            ],
        },
    ],
}  # fmt: skip
SECOND = {**FIRST, "steps": [FIRST["steps"][0], {"id": "tag", "group": {"add": ["new"]}}]}


COUNTS = (
    "reached", "waiting", "deferred", "retrying", "sent", "failed", "unknown", "delivered",
    "opened", "clicked", "bounced", "replied", "complained", "unsubscribed", "left",
)  # fmt: skip


def counts(step: str, kind: str, **some: Any) -> dict[str, Any]:
    empty: dict[str, Any] = {
        "id": step, "kind": kind, "skipped": {}, "outcomes": {}, "deferred_by": {},
        "failed_by": {}, "links": {}, "goal": {"met": 0, "value": 0},
    }  # fmt: skip
    return {**empty, **dict.fromkeys(COUNTS, 0), **some}


def shown(step: dict[str, Any]) -> dict[str, Any]:
    """A step without what has tests of its own."""
    return {
        name: value for name, value in step.items() if name not in ("first_at", "last_at", "rates")
    }


async def stats(
    conn: AsyncConnection[Any], journey: str, version: int | None = None
) -> dict[str, Any] | None:
    """A journey's statistics as the API shows them."""
    found = await journey_statistics(conn, journey, version)
    if found is None:
        return None
    shown_stats = journey_stats(found)
    return {**shown_stats, "steps": [shown(step) for step in shown_stats["steps"]]}


class Writer:
    def __init__(self, pool: Pool) -> None:
        self.pool = pool
        self.contact = uuid4()

    async def execute(self, statement: str, *arguments: Any) -> None:
        async with self.pool.connection() as conn:
            await conn.execute(statement.encode(), arguments)

    async def journey(self, *documents: dict[str, Any], active: int | None) -> None:
        await self.execute("insert into contact (id) values (%s)", self.contact)
        await self.execute(
            "insert into journey (key, state, active_version) values ('welcome', 'active', %s)",
            active,
        )
        for number, document in enumerate(documents, start=1):
            await self.execute(
                "insert into journey_version (journey, version, document, program, source, sha256)"
                " values ('welcome', %s, %s, '{}', '', '')",
                number, Jsonb(document),
            )  # fmt: skip

    async def run(
        self, *visits: tuple[Any, ...], version: int = 1, outcome: str | None = None
    ) -> UUID:
        """A run, ended with an outcome; visits are `(step, kind, outcome, reason, *statuses)`."""
        run = uuid4()
        await self.execute(
            "insert into run (id, journey, version, contact_id, key, state, outcome, entry_ref,"
            " ref) values (%s, 'welcome', %s, %s, %s, 'active', null, 0, 0)",
            run, version, self.contact, str(run),
        )  # fmt: skip
        for number, visit in enumerate(visits, start=1):
            step, kind, visit_outcome, reason, *statuses = visit
            await self.execute(
                "insert into visit (run_id, visit, step, kind, outcome, facts)"
                " values (%s, %s, %s, %s, %s, %s)",
                run, number, step, kind, visit_outcome, Jsonb({"reason": reason} if reason else {}),
            )  # fmt: skip
            if kind in ("email", "sms", "webhook") and visit_outcome != "skipped":
                columns = "".join(f", {status}_at" for status in statuses)
                await self.execute(
                    "insert into message (id, run_id, visit, step, contact_id, channel, state,"
                    f" token{columns}) values (%s, %s, %s, %s, %s, %s, 'sent', ''"
                    f"{', parcours.clock()' * len(statuses)})",
                    uuid4(), run, number, step, self.contact, kind,
                )  # fmt: skip
        if outcome is not None:
            await self.execute(
                "update run set state = 'ended', outcome = %s where id = %s", outcome, run
            )
        return run


@pytest.fixture
async def writer(pool: Pool) -> Writer:
    return Writer(pool)


async def test_every_step_is_counted(writer: Writer) -> None:
    await writer.journey(FIRST, active=1)
    sent = ("mail", "email", "sent", None)
    await writer.run((*sent, "opened", "clicked", "unsubscribed"),
                     ("pause", "wait", "elapsed", None),
                     ("choice", "branch", "warm", None), ("call", "webhook", "ok", None),
                     outcome="completed")  # fmt: skip
    await writer.run((*sent, "opened"), ("pause", "wait", "elapsed", None),
                     ("choice", "branch", "warm", None), ("call", "webhook", "failed", None),
                     outcome="completed")  # fmt: skip
    await writer.run(("mail", "email", "skipped", "consent"), ("pause", "wait", None, None))
    await writer.run(("mail", "email", "skipped", "consent"), ("pause", "wait", None, None))
    await writer.run(("mail", "email", "skipped", "no_address"), ("pause", "wait", "exited", None),
                     ("bye", "sms", "sent", None), outcome="exited")  # fmt: skip
    await writer.run(("mail", "email", "failed", None), ("pause", "wait", None, None),
                     outcome="removed")  # fmt: skip
    await writer.run(("mail", "email", "unknown", None), ("pause", "wait", "skipped", None))
    await writer.run(("mail", "email", None, None))
    async with writer.pool.connection() as conn:
        found = await stats(conn, "welcome")
    assert found == {
        "journey": "welcome",
        "version": None,
        "entered": 8,
        "active": 4,
        "steps": [
            counts("mail", "email", reached=8, waiting=1, sent=2, failed=1, unknown=1, opened=2,
                   failed_by={"": 1}, clicked=1, unsubscribed=1, left=7,
                   skipped={"consent": 2, "no_address": 1},
                   outcomes={"failed": 1, "sent": 2, "skipped": 3, "unknown": 1}),
            counts("pause", "wait", reached=7, waiting=2, left=4, skipped={"if": 1},
                   outcomes={"elapsed": 2, "exited": 1, "skipped": 1}),
            counts("choice", "branch", reached=2, left=2, outcomes={"warm": 2}),
            counts("call", "webhook", reached=2, sent=1, failed=1, left=2, failed_by={"": 1},
                   outcomes={"failed": 1, "ok": 1}),
            counts("old", "update"),
            counts("bye", "sms", reached=1, sent=1, left=1, outcomes={"sent": 1}),
        ],
        "ends": {"completed": 2, "exited": 1, "removed": 1},
        "goal": {"met": 0, "value": 0},
        "rates": {"goal": {"of": "entered", "count": 0, "total": 8, "value": 0.0}},
        "refused": {},
        "cohort": "occurrence",
        "from": None,
        "to": None,
        "timezone": "UTC",
    }  # fmt: skip


async def test_versions_are_counted_apart_or_together(writer: Writer) -> None:
    await writer.journey(FIRST, SECOND, active=2)
    await writer.run(("mail", "email", "sent", None), ("pause", "wait", None, None))
    await writer.run(("mail", "email", "sent", None), ("tag", "group", "done", None), version=2,
                     outcome="completed")  # fmt: skip

    async def steps(version: int | None) -> dict[str, int]:
        async with writer.pool.connection() as conn:
            found = await stats(conn, "welcome", version)
        assert found is not None
        assert found["version"] == version
        return {step["id"]: step["reached"] for step in found["steps"]}

    together = await steps(None)
    assert together == {"mail": 2, "tag": 1, "bye": 0, "pause": 1}
    assert list(together) == ["mail", "tag", "bye", "pause"]
    assert await steps(2) == {"mail": 1, "tag": 1, "bye": 0}
    first = await steps(1)
    assert first == {"mail": 1, "pause": 1, "choice": 0, "call": 0, "old": 0, "bye": 0}


async def test_a_loop_counts_each_time_around(writer: Writer) -> None:
    await writer.journey(FIRST, active=None)
    mail = ("mail", "email", "sent", None)
    await writer.run(mail, ("pause", "wait", "elapsed", None), mail, ("pause", "wait", None, None))
    async with writer.pool.connection() as conn:
        found = await stats(conn, "welcome")
    assert found is not None
    assert found["steps"][:2] == [
        counts("mail", "email", reached=2, sent=2, left=2, outcomes={"sent": 2}),
        counts("pause", "wait", reached=2, waiting=1, left=1, outcomes={"elapsed": 1}),
    ]


async def test_the_arms_of_a_split_are_counted(writer: Writer) -> None:
    arms = [{"name": "a", "weight": 1}, {"name": "b", "weight": 1}]
    split = {
        "journey": "welcome",
        "entry": {"event": "X"},
        "steps": [{"id": "fork", "split": arms}],
    }
    await writer.journey(split, active=1)
    for arm in ("a", "b", "b"):
        await writer.run(("fork", "split", arm, None), outcome="completed")
    await writer.run(("fork", "split", None, None))
    async with writer.pool.connection() as conn:
        found = await stats(conn, "welcome")
    assert found is not None
    assert found["steps"] == [
        {
            **counts("fork", "split", reached=4, waiting=1, left=3, outcomes={"a": 1, "b": 2}),
            "goals": {},
            "goal_values": {},
        }
    ]


SPLIT: dict[str, Any] = {
    "journey": "welcome",
    "entry": {"event": "Signed Up"},
    "goal": {"event": "Order Completed", "value": "total"},
    "steps": [
        {"id": "arms", "split": [{"name": "a", "weight": 1}, {"name": "b", "weight": 1}]},
        {"id": "pause", "wait": "2d"},
    ],
}


async def test_goals_are_counted_and_their_values_added_up(writer: Writer) -> None:
    await writer.journey(SPLIT, SPLIT, active=2)

    async def run(arm: str, met: str | None, outcome: str | None, version: int = 2) -> None:
        run = await writer.run(("arms", "split", arm, None), version=version, outcome=outcome)
        await writer.execute(
            "insert into goal (run_id, journey, contact_id, event_name, ref, met_event_id, met_at,"
            " value) values (%s, 'welcome', %s, 'Order Completed', 0, %s, parcours.clock(), %s)",
            run, writer.contact, 7 if met else None, met if met != "no number" else None,
        )  # fmt: skip

    await run("a", "0.1", "completed")
    await run("a", "0.2", None)
    await run("a", None, "completed")
    await run("b", "no number", "goal")
    await run("b", "30", "exited", version=1)
    # Another run stands for these, and would count the same event.
    await run("b", "1000", "restarted")
    await run("b", "1000", "merged")

    async def counted(version: int | None) -> tuple[Any, Any]:
        async with writer.pool.connection() as conn:
            found = await stats(conn, "welcome", version)
        assert found is not None
        assert "goals" not in found["steps"][1]
        return found["goal"], found["steps"][0]["goals"]

    assert await counted(2) == ({"met": 3, "value": 0.3}, {"a": 2, "b": 1})
    assert await counted(1) == ({"met": 1, "value": 30}, {"b": 1})
    assert await counted(None) == ({"met": 4, "value": 30.3}, {"a": 2, "b": 2})


async def test_a_journey_without_runs_counts_nothing(writer: Writer) -> None:
    await writer.journey(FIRST, active=None)
    async with writer.pool.connection() as conn:
        found = await stats(conn, "welcome")
        assert await journey_statistics(conn, "welcome", 2) is None
        assert await journey_statistics(conn, "unknown") is None
    assert found is not None
    assert (found["entered"], found["active"], found["ends"]) == (0, 0, {})
    assert [step["reached"] for step in found["steps"]] == [0] * 6


async def test_waiting_deferred_and_retried_are_three_figures(writer: Writer) -> None:
    await writer.journey(FIRST, active=1)
    # (why it is held, attempts of its message); the third attempt is under way in the last.
    for held, attempts in [
        (None, None), (None, 1), ("paused", None), ("window", 5), ("cap", 1),
        ("retry", 3), ("retry", 1), ("retry", 40), (None, 3),
    ]:  # fmt: skip
        run = await writer.run(("mail", "email", None, None))
        # It is held no more during the attempt, and the visit's facts say why it was.
        was_held = attempts == 3 and held is None
        await writer.execute(
            "update visit set facts = %s where run_id = %s",
            Jsonb({"held": [{"why": "retry"}]} if was_held else {}), run,
        )  # fmt: skip
        await writer.execute("update visit set held = %s where run_id = %s", held, run)
        if attempts is None:
            await writer.execute("delete from message where run_id = %s", run)
        else:
            await writer.execute(
                "update message set attempts = %s, state = 'released' where run_id = %s",
                attempts, run,
            )  # fmt: skip
    ended = await writer.run(("mail", "email", None, None), outcome="removed")
    await writer.execute("update visit set held = 'retry' where run_id = %s", ended)
    await writer.run(("mail", "email", "sent", None), ("pause", "wait", None, None))
    async with writer.pool.connection() as conn:
        found = await stats(conn, "welcome")
    assert found is not None
    [mail, pause, *_] = found["steps"]
    assert mail == counts(
        "mail", "email", reached=11, waiting=2, deferred=3, retrying=4, sent=1, left=1,
        deferred_by={"paused": 1, "window": 1, "cap": 1},
        outcomes={"sent": 1},
    )  # fmt: skip
    assert (pause["waiting"], pause["deferred"], pause["retrying"]) == (1, 0, 0)
