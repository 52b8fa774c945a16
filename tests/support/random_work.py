"""Random work on the rows of one journey: what the engine and its operators do, in any order."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

from psycopg import AsyncConnection
from psycopg.rows import dict_row
from psycopg.types.json import Jsonb
from psycopg_pool import AsyncConnectionPool

from store.contacts.erasure import begin_erasure
from store.contacts.erasure_pages import erase_page
from store.contacts.merge import merge_contact
from store.counters.folding import fold
from store.entries.refusals import NewRefusal, insert_refusals
from store.entries.start_requests import forget_start
from store.goals.goal_rows import _RECORD_MET
from store.messages.claims import (
    AttemptResult,
    Settled,
    claim_message,
    mark_abandoned_claims_unknown,
    record_result,
    record_skip,
)
from store.messages.deferrals import record_deferral
from store.repairs.run_repairs import _END_SEND
from store.retention.removal import remove_old_rows, remove_old_runs
from store.runs.lifecycle import end_run
from store.runs.visits import decide
from store.simulation.simulated_database import set_clock
from store.sql import execute
from store.versions.run_migration import _END_VISIT, _REPLAN_VISIT, _TAKE_VERSION
from store.waits.wait_visits import _CLOSE, plan_wait
from tests.support.counted_rows import Rows

Pool = AsyncConnectionPool[AsyncConnection[Any]]
JOURNEY = "welcome"
SENDS = {"mail": "email", "text": "sms", "hook": "webhook"}


class Work:
    """Operations on random runs; `rows` has seen every row before it was deleted."""

    def __init__(self, pool: Pool, seed: int, now: datetime, zone: str) -> None:
        self.pool = pool
        self.any = random.Random(seed)
        self.now = now
        self.zone = zone
        self.rows = Rows()
        self.contacts: list[UUID] = []
        self.done: dict[str, int] = {}

    def operations(self) -> list[tuple[int, Callable[[], Awaitable[bool]]]]:
        """Each with its weight; it says whether there was anything to do."""
        return [
            (14, self.begin), (40, self.go_on), (12, self.report), (6, self.meet), (8, self.end),
            (6, self.move), (3, self.merge), (2, self.erase), (2, self.retain), (3, self.refuse),
            (3, self.forget), (2, self.abandon), (3, self.skip), (6, self.fold),
            (3, self.fold_twice), (3, self.fold_and_die),
        ]  # fmt: skip

    async def play(self, operations: int) -> None:
        """Do so many operations, each some minutes after the one before."""
        chosen = self.operations()
        for _ in range(operations):
            self.now += timedelta(seconds=self.any.randrange(0, 600))
            async with self.pool.connection() as conn:
                await set_clock(conn, self.now)
            [operation] = self.any.choices(
                [each for _, each in chosen], [weight for weight, _ in chosen]
            )
            if await operation():
                name = operation.__name__
                self.done[name] = self.done.get(name, 0) + 1

    async def one(self, query: str, *values: Any) -> dict[str, Any] | None:
        """A random row of those that the query finds."""
        async with self.pool.connection() as conn, conn.cursor(row_factory=dict_row) as cursor:
            await cursor.execute(query.encode(), values)
            found = await cursor.fetchall()
        return self.any.choice(found) if found else None

    async def write(self, query: str, *values: Any) -> None:
        """Run a statement."""
        async with self.pool.connection() as conn:
            await conn.execute(query.encode(), values)

    async def contact(self) -> UUID:
        """One of about forty contacts."""
        if len(self.contacts) < 40:
            self.contacts.append(uuid4())
            await self.write("insert into contact (id) values (%s)", self.contacts[-1])
        return self.any.choice(self.contacts)

    async def begin(self) -> bool:
        """Begin one or two runs of a contact in one statement, with their goals."""
        contact = await self.contact()
        version = self.any.choice([1, 2])
        runs = [uuid4() for _ in range(self.any.choice([1, 1, 2]))]
        await self.write(
            "with begun as (insert into run (id, journey, version, contact_id, key, entry_ref, ref,"
            " workflow_started_at) select id, 'welcome', %s, %s, id::text, 0, 0, parcours.clock()"
            " from unnest(%s::uuid[]) id returning id)"
            " insert into goal (run_id, journey, contact_id, event_name, ref)"
            " select id, 'welcome', %s, 'Bought', 0 from begun",
            version, contact, runs, contact,
        )  # fmt: skip
        return True

    async def go_on(self) -> bool:
        """Take a run a step further."""
        run = await self.one(
            "select r.*, v.kind as at_kind, v.step as at_step, v.outcome as at_outcome,"
            " m.state as message_state, m.token from run r"
            " left join visit v on v.run_id = r.id and v.visit = r.visit"
            " left join message m on m.run_id = r.id and m.visit = r.visit"
            " where r.state = 'active'"
        )
        if run is None:
            return False
        async with self.pool.connection() as conn:
            if run["at_kind"] is None or run["at_outcome"] is not None:
                await self._next_step(conn, run, run["visit"] + 1)
            elif run["at_kind"] == "wait":
                await execute(
                    conn,
                    _CLOSE,
                    {"run": run["id"], "visit": run["visit"], "outcome": "elapsed",
                     "at": self.now, "ref": 0, "facts": Jsonb({})},
                )  # fmt: skip
            elif run["at_kind"] == "split":
                await conn.execute(
                    "update visit set outcome = %s, ended_at = parcours.clock()"
                    " where run_id = %s and visit = %s",
                    (self.any.choice("ab"), run["id"], run["visit"]),
                )
            elif run["message_state"] == "claimed":
                await self._settle(conn, run)
            elif run["message_state"] == "sent":
                # A notification has said so meanwhile: it is not claimed again.
                await record_skip(
                    conn, run_id=run["id"], visit=run["visit"], step=run["at_step"],
                    kind=run["at_kind"], started=self.now, facts={},
                    outcome="ok" if run["at_kind"] == "webhook" else "sent",
                )  # fmt: skip
            else:
                await self._send(conn, run, run["visit"], run["at_step"])
        return True

    async def _next_step(self, conn: AsyncConnection[Any], run: dict[str, Any], visit: int) -> None:
        match self.any.randrange(8):
            case 0 | 1 | 2 | 3:
                await self._send(conn, run, visit, self.any.choice(list(SENDS)))
            case 4:
                await plan_wait(
                    conn, run_id=run["id"], visit=visit, step="pause", start=self.now,
                    due=self._later(), ref=0, facts={},
                )  # fmt: skip
            case 5:
                await decide(
                    conn, run_id=run["id"], visit=visit, step="choice", kind="branch",
                    outcome=self.any.choice(["warm", "else", "skipped"]), facts={},
                )  # fmt: skip
            case 6:
                await decide(
                    conn, run_id=run["id"], visit=visit, step="fork", kind="split",
                    outcome=self.any.choice(["a", "b", "skipped"]), facts={},
                )  # fmt: skip
            case _:
                await plan_wait(
                    conn, run_id=run["id"], visit=visit, step="fork", start=self.now,
                    due=self._later() or self.now, ref=0, facts={}, kind="split",
                )  # fmt: skip

    def _later(self) -> datetime | None:
        """A time until which something waits: minutes or days away, or none."""
        seconds = self.any.choice([None, 300, 3_000, 200_000])
        return None if seconds is None else self.now + timedelta(seconds=seconds)

    async def _send(
        self, conn: AsyncConnection[Any], run: dict[str, Any], visit: int, step: str
    ) -> None:
        common: dict[str, Any] = {
            "run_id": run["id"], "visit": visit, "step": step, "started": self.now,
        }  # fmt: skip
        match self.any.randrange(5):
            case 0:
                await record_deferral(
                    conn, **common, kind=SENDS[step], due=self._later(), until=None,
                    held=self.any.choice(["paused", "window", "cap", "retry"]),
                )  # fmt: skip
            case 1 if run["message_state"] is None or visit != run["visit"]:
                reason = self.any.choice(["consent", "no_address"])
                await record_skip(
                    conn, **common, kind=SENDS[step], outcome="skipped", facts={"reason": reason}
                )
            case _:
                await claim_message(
                    conn, **common, message_id=uuid4(), contact_id=run["contact_id"],
                    channel=SENDS[step], topic=None, transactional=True, class_="service",
                    token=str(uuid4()), facts={},
                )  # fmt: skip

    async def _settle(self, conn: AsyncConnection[Any], run: dict[str, Any]) -> None:
        sent_outcome = "ok" if run["at_kind"] == "webhook" else "sent"
        results: list[tuple[Settled, str | None, dict[str, Any]]] = [
            ("sent", sent_outcome, {}),
            ("sent", sent_outcome, {}),
            ("refused", "failed", {"reason": "bad_address"}),
            ("unknown", "unknown", {"reason": "no_answer"}),
            ("released", None, {}),
            ("released", "failed", {"reason": "not_taken", "code": "busy"}),
        ]
        state, outcome, facts = self.any.choice(results)
        result = AttemptResult(
            run_id=run["id"], visit=run["visit"], token=run["token"], state=state,
            outcome=outcome, facts=facts,
        )  # fmt: skip
        await record_result(conn, result)

    async def report(self) -> bool:
        """Something comes back of a message, or is undone."""
        message = await self.one("select id from message where state <> 'claimed'")
        if message is None:
            return False
        status = self.any.choice(["delivered", "opened", "clicked", "bounced", "complained"])
        if self.any.randrange(4) == 0:
            await self.write(
                "update message set unsubscribed_at = case when unsubscribed_at is null"
                " then parcours.clock() end where id = %s",
                message["id"],
            )
            return True
        await self.write(
            "update message set state = 'sent',"
            " settled_at = coalesce(settled_at, parcours.clock()),"
            f" {status}_at = least({status}_at, parcours.clock() - make_interval(mins => %s))"
            " where id = %s",
            self.any.randrange(60), message["id"],
        )  # fmt: skip
        return True

    async def meet(self) -> bool:
        """A run's goal is met, also after its end."""
        goal = await self.one(
            "select g.run_id, g.contact_id from goal g join run r on r.id = g.run_id"
            " where g.met_event_id is null"
            " and coalesce(r.outcome, '') not in ('restarted', 'merged')"
        )
        if goal is None:
            return False
        async with self.pool.connection() as conn:
            cursor = await conn.execute(
                "insert into event (contact_id, name, message_id) values (%s, 'Bought', %s)"
                " returning id",
                (goal["contact_id"], str(uuid4())),
            )
            row = await cursor.fetchone()
            assert row is not None
            value = self.any.choice([None, "0.1", "30", "12.5"])
            met = {"runs": [goal["run_id"]], "events": [row[0]], "values": [value]}
            await execute(conn, _RECORD_MET, met)
        return True

    async def end(self) -> bool:
        """A run ends, or is restarted by another."""
        run = await self.one("select id, contact_id from run where state = 'active'")
        if run is None:
            return False
        outcome = self.any.choice(["completed", "exited", "goal", "restarted", "removed"])
        async with self.pool.connection() as conn, conn.transaction():
            await end_run(conn, run["id"], outcome, None)
            if outcome == "restarted":
                await conn.execute(
                    "insert into run (id, journey, version, contact_id, key, entry_ref, ref,"
                    " workflow_started_at) values (%s, 'welcome', 2, %s, %s, 0, 0,"
                    " parcours.clock())",
                    (uuid4(), run["contact_id"], str(uuid4())),
                )
        return True

    async def move(self) -> bool:
        """A run takes the other version; its open visit ends, or goes on at a step there."""
        run = await self.one(
            "select r.id, r.version, r.visit, v.step, v.kind, v.outcome as ended from run r"
            " left join visit v on v.run_id = r.id and v.visit = r.visit"
            " left join message m on m.run_id = r.id and m.visit = r.visit"
            " where r.state = 'active' and m.state is distinct from 'claimed'"
        )
        if run is None:
            return False
        async with self.pool.connection() as conn, conn.transaction():
            standing = run["kind"] is not None and run["ended"] is None
            await execute(
                conn, _TAKE_VERSION,
                {"run": run["id"], "version": 3 - run["version"], "step": run["step"],
                 "skip_after": None},
            )  # fmt: skip
            at = {"run": run["id"], "visit": run["visit"]}
            if standing and self.any.randrange(2):
                ended = {"outcome": "moved", "facts": Jsonb({"to": "mail"})}
                await execute(conn, _END_VISIT, {**at, **ended})
            elif standing:
                step = "break" if run["kind"] == "wait" else run["step"]
                on = {"step": step, "due": self._later(), "ref": 0, "facts": Jsonb({})}
                await execute(conn, _REPLAN_VISIT, {**at, **on})
        return True

    async def merge(self) -> bool:
        """Two contacts turn out to be one."""
        if len(self.contacts) < 20:
            return False
        gone, into = self.any.sample(self.contacts, 2)
        self.contacts.remove(gone)
        # A key that both have: the younger run ends.
        active = "select id from run where contact_id = %s and state = 'active'"
        shared = await self.one(active, gone)
        if shared is not None:
            other = await self.one(active, into)
            if other is not None:
                await self.write(
                    "update run set key = 'shared' || %s where id = any(%s)",
                    str(uuid4()), [shared["id"], other["id"]],
                )  # fmt: skip
        async with self.pool.connection() as conn, conn.transaction():
            await conn.execute(
                "select from contact where id = any(%s) order by id for update", ([gone, into],)
            )
            await merge_contact(conn, gone, into)
        self.rows.merged[gone] = into
        return True

    async def erase(self) -> bool:
        """A contact is erased, page by page."""
        if len(self.contacts) < 20:
            return False
        contact = self.any.choice(self.contacts)
        self.contacts.remove(contact)
        async with self.pool.connection() as conn:
            begun = await begin_erasure(conn, contact)
            assert begun is not None
            await self.rows.look(conn)
            while await erase_page(conn, begun.id):
                pass
        return True

    async def retain(self) -> bool:
        """What ended half a day ago is removed, and refusals of then."""
        async with self.pool.connection() as conn:
            await self.rows.look(conn)
            page = await remove_old_runs(conn, self.now - timedelta(hours=12), 20)
            await remove_old_rows(conn, "refusals", self.now - timedelta(hours=12), 20)
        return page.removed > 0

    async def refuse(self) -> bool:
        """An entry is refused."""
        refused = NewRefusal(
            JOURNEY, await self.contact(), "", None, self.any.choice(["active", "re_entry"])
        )
        async with self.pool.connection() as conn:
            await insert_refusals(conn, [refused])
        return True

    async def forget(self) -> bool:
        """A start whose workflow could not be started is as if it had not been."""
        run = uuid4()
        await self.write(
            "insert into run (id, journey, version, contact_id, key, entry_ref, ref)"
            " values (%s, 'welcome', 1, %s, %s, 0, 0)",
            run, await self.contact(), str(run),
        )  # fmt: skip
        async with self.pool.connection() as conn:
            return await forget_start(conn, run, JOURNEY, None)

    async def abandon(self) -> bool:
        """Claims of runs that ended are given up."""
        async with self.pool.connection() as conn:
            return bool(await mark_abandoned_claims_unknown(conn))

    async def skip(self) -> bool:
        """An operator skips a send that stands."""
        visit = await self.one(
            "select v.run_id, v.visit from visit v join run r on r.id = v.run_id"
            " where v.held is not null and v.outcome is null and r.state = 'active'"
        )
        if visit is None:
            return False
        async with self.pool.connection() as conn:
            await execute(
                conn, _END_SEND,
                {"run": visit["run_id"], "visit": visit["visit"], "outcome": "skipped",
                 "facts": Jsonb({"reason": "operator"})},
            )  # fmt: skip
        return True

    async def fold(self) -> bool:
        """A worker folds some of what there is."""
        async with self.pool.connection() as conn:
            return await fold(conn, self.zone, limit=self.any.choice([7, 50, 1_000])) > 0

    async def fold_twice(self) -> bool:
        """Three workers fold at once."""

        async def one() -> int:
            async with self.pool.connection() as conn:
                return await fold(conn, self.zone, limit=20)

        return sum(await asyncio.gather(one(), one(), one())) > 0

    async def fold_and_die(self) -> bool:
        """A fold dies before its commit."""
        async with self.pool.connection() as conn:
            async with conn.transaction(force_rollback=True):
                folded = await fold(conn, self.zone)
            return folded > 0
