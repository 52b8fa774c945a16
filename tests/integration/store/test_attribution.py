"""Attribution against a plain count in Python over random histories of touches and conversions."""

from __future__ import annotations

import asyncio
import itertools
import os
import random
from collections import defaultdict
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from typing import Any
from uuid import UUID, uuid4

import pytest
from psycopg import AsyncConnection
from psycopg.types.json import Jsonb
from psycopg_pool import AsyncConnectionPool

from store.operations.jobs import end_job, read_job, read_result
from store.reports import attribution, attribution_jobs
from store.reports.attribution import (
    AttributionQuestion,
    EventRange,
    attribute_page,
    pages_of,
    range_of,
)
from store.reports.attribution_credit import (
    COUPON_TOUCHES,
    MESSAGE_TOUCHES,
    AttributionBy,
    AttributionModel,
    Counted,
    Credited,
    Share,
    Tally,
    Touch,
    rounded,
)
from store.reports.attribution_jobs import attribution_job_page, create_attribution_job

Pool = AsyncConnectionPool[AsyncConnection[Any]]
CASES = int(os.environ.get("ATTRIBUTION_CONTACTS", "40"))
BEGIN = datetime(2026, 6, 1, tzinfo=UTC)
END = BEGIN + timedelta(days=30)
MODELS: tuple[AttributionModel, ...] = ("last", "first", "linear")


class History:
    """Random messages, touches, coupons and orders, kept here and in the database alike."""

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)
        self.messages: list[dict[str, Any]] = []
        self.touches: list[dict[str, Any]] = []
        self.orders: list[dict[str, Any]] = []
        self.coupons: list[dict[str, Any]] = []

    def moment(self) -> datetime:
        """An instant around the period, so coarse that many are equal or at an edge."""
        return BEGIN + timedelta(hours=12 * self.random.randrange(-12, 66))

    async def store(self, conn: AsyncConnection[Any], contacts: int) -> None:
        """Make it up and write it."""
        for number in range(contacts):
            contact = uuid4()
            await conn.execute(
                "insert into contact (id, external_id) values (%s, %s)", (contact, str(number))
            )
            for _ in range(self.random.randrange(6)):
                await self._message(conn, contact)
            for _ in range(self.random.randrange(5)):
                await self._order(conn, contact)
            for _ in range(self.random.randrange(3)):
                await self._coupon(conn, contact)

    async def _message(self, conn: AsyncConnection[Any], contact: UUID) -> None:
        run, message = uuid4(), uuid4()
        journey, step = self.random.choice("abc"), self.random.choice("xy")
        channel = self.random.choice(["email", "sms", "webhook"])
        state = self.random.choice(["sent", "sent", "sent", "unknown", "refused", "claimed"])
        sent = self.moment()
        delivered = self.random.choice([None, sent + timedelta(hours=1)])
        await conn.execute(
            "insert into run (id, journey, version, contact_id, key, state, entry_ref, ref)"
            " values (%s, %s, 1, %s, %s, 'ended', 0, 0)",
            (run, journey, contact, str(run)),
        )
        await conn.execute(
            "insert into message (id, run_id, visit, step, contact_id, channel, state, token,"
            " claimed_at, delivered_at) values (%s, %s, 1, %s, %s, %s, %s, '', %s, %s)",
            (message, run, step, contact, channel, state, sent, delivered),
        )
        row = {
            "id": message, "contact": contact, "journey": journey, "step": step, "state": state,
            "channel": channel, "sent": sent, "delivered": delivered,
        }  # fmt: skip
        self.messages.append(row)
        for _ in range(self.random.randrange(4)):
            name = self.random.choice(["Message Opened", "Message Clicked"])
            by = self.random.choice([None, "human", "unknown", "machine"])
            at = self.moment()
            properties = {"message_id": str(message)} | ({} if by is None else {"by": by})
            await self._event(conn, contact, name, at, properties)
            self.touches.append({"message": row, "name": name, "by": by, "at": at})

    async def _order(self, conn: AsyncConnection[Any], contact: UUID) -> None:
        at = self.moment()
        total = self.random.choice([None, "x", Decimal(self.random.randrange(1, 9999)) / 100])
        currency = self.random.choice([None, "EUR", "eur", "USD"])
        properties: dict[str, Any] = {"cart": {"total": total}} if total is not None else {}
        if isinstance(total, Decimal):
            properties["cart"]["total"] = float(total)
        if currency is not None:
            properties["currency"] = currency
        await self._event(conn, contact, "Order Completed", at, properties)
        self.orders.append(
            {"contact": contact, "at": at, "currency": (currency or "").upper(),
             "value": total if isinstance(total, Decimal) else None}
        )  # fmt: skip

    async def _coupon(self, conn: AsyncConnection[Any], contact: UUID) -> None:
        pool = self.random.choice(["spring", "winter"])
        drawn = self.moment()
        redeemed = self.random.choice([None, drawn + timedelta(hours=self.random.randrange(99))])
        cursor = await conn.execute(
            "insert into coupon (pool, code, drawn_at, redeemed_at, contact_id)"
            " values (%s, %s, %s, %s, %s) returning id",
            (pool, uuid4().hex, drawn, redeemed, contact),
        )
        row = await cursor.fetchone()
        assert row is not None
        self.coupons.append(
            {"id": row[0], "contact": contact, "pool": pool, "drawn": drawn, "redeemed": redeemed}
        )

    async def _event(
        self,
        conn: AsyncConnection[Any],
        contact: UUID,
        name: str,
        at: datetime,
        properties: dict[str, Any],
    ) -> None:
        # Recorded when it happened, or up to some hours later.
        stamped = at + timedelta(hours=self.random.choice([0, 0, 3]))
        await conn.execute(
            "insert into event (contact_id, name, properties, message_id, stamped_at, client_at)"
            " values (%s, %s, %s, %s, %s, %s)",
            (contact, name, Jsonb(properties), uuid4().hex, stamped, at),
        )

    def expected(self, question: AttributionQuestion) -> Tally:
        """The same credit, by going through all of it for each order."""
        tally = Tally()
        exact: dict[Credited, list[Fraction]] = defaultdict(lambda: [Fraction(0)] * 3)
        for order in self.orders:
            if not question.begins_at <= order["at"] < question.ends_at:
                continue
            found = self._found(question, order)
            value = order["value"] or Decimal(0)

            valued = int(order["value"] is not None)
            tally.add([Counted(None, order["currency"], int(bool(found)), 1, valued, value)])
            for name in found:
                credit = exact[Credited(name, order["currency"])]
                credit[0] += 1
                credit[1] += Fraction(1, len(found))
                credit[2] += Fraction(value) / len(found)

        tally.shares = {key: Share(int(a), b, c) for key, (a, b, c) in exact.items()}
        return tally

    def _found(self, question: AttributionQuestion, order: dict[str, Any]) -> list[tuple[str, ...]]:
        """The names of what led to an order, by the model."""
        times: dict[Any, list[datetime]] = defaultdict(list)
        of: dict[Any, dict[str, Any]] = {}
        for each, at in self._touches(question.touch):
            in_window = order["at"] - question.window < at <= order["at"]
            if each["contact"] == order["contact"] and in_window:
                times[each["id"]].append(at)
                of[each["id"]] = each
        edge = min if question.model == "first" else max
        ordered = sorted(times, key=lambda key: (edge(times[key]), key))
        if question.model == "last":
            ordered = ordered[-1:]
        elif question.model == "first":
            ordered = ordered[:1]
        names: dict[str, tuple[str, ...]] = {
            "message": ("journey", "step"),
            "journey": ("journey",),
            "channel": ("channel",),
            "coupon": ("pool",),
        }
        return [tuple(of[key][part] for part in names[question.by]) for key in ordered]

    def _touches(self, touch: str) -> list[tuple[dict[str, Any], datetime]]:
        if touch in ("drawn", "redeemed"):
            return [(each, each[touch]) for each in self.coupons if each[touch] is not None]
        if touch in ("sent", "delivered"):
            return [
                (each, each[touch])
                for each in self.messages
                if each["state"] in ("sent", "unknown")
                and each["channel"] != "webhook"
                and each[touch] is not None
            ]
        names = {"Message Clicked"} | ({"Message Opened"} if touch == "opened" else set())
        return [
            (each["message"], each["at"])
            for each in self.touches
            if each["name"] in names and each["by"] != "machine"
        ]


async def tally_of(pool: Pool, question: AttributionQuestion) -> Tally:
    tally = Tally()
    async with pool.connection() as conn:
        for part in pages_of(await range_of(conn, question)):
            await attribute_page(conn, question, tally, part)
    return tally


MESSAGES_BY: tuple[AttributionBy, ...] = ("message", "journey", "channel")
QUESTIONS: list[tuple[AttributionModel, AttributionBy, Touch]] = [
    *((model, by, touch) for model in MODELS for by in MESSAGES_BY for touch in MESSAGE_TOUCHES),
    *((model, "coupon", touch) for model in MODELS for touch in COUPON_TOUCHES),
]


async def test_credit_is_that_of_a_plain_count(pool: Pool, monkeypatch: pytest.MonkeyPatch) -> None:
    """Events stand in the order of their ids as they were recorded, and pages are small."""
    history = History(11)
    async with pool.connection() as conn:
        await conn.execute("insert into coupon_pool (key) values ('spring'), ('winter')")
        await history.store(conn, CASES)
        await conn.execute("""
            update event e set id = n.id + 1000000 from (
                select id as old, row_number() over (order by stamped_at, id) as id from event
            ) n where e.id = n.old
        """)
    monkeypatch.setattr(attribution, "PAGE", 150)
    seen = 0
    for model, by, touch in QUESTIONS:
        for window in (timedelta(hours=36), timedelta(days=7)):
            question = AttributionQuestion(
                event="Order Completed", value="cart.total", model=model, by=by, touch=touch,
                window=window, begins_at=BEGIN, ends_at=END,
            )  # fmt: skip
            found, expected = await tally_of(pool, question), history.expected(question)
            assert found == expected, question
            seen += sum(whole.attributed for whole in found.wholes.values())
            for currency in rounded(found):
                credit = sum((row.credit for row in currency.rows), Decimal(0))
                value = sum((row.value for row in currency.rows), Decimal(0))
                assert credit == currency.whole.attributed
                assert value == currency.whole.attributed_value
    assert seen > CASES


async def test_a_job_counts_the_same_however_often_its_pages_are_begun(
    pool: Pool, monkeypatch: pytest.MonkeyPatch
) -> None:
    history = History(5)
    async with pool.connection() as conn:
        await conn.execute("insert into coupon_pool (key) values ('spring'), ('winter')")
        await history.store(conn, 20)
    monkeypatch.setattr(attribution_jobs, "PAGE", 50)
    question = AttributionQuestion(
        event="Order Completed", value="cart.total", model="linear", by="message", touch="opened",
        window=timedelta(days=7), begins_at=BEGIN, ends_at=END,
    )  # fmt: skip
    everything = EventRange(0, 2_000)
    async with pool.connection() as conn:
        job_id = await create_attribution_job(conn, question, everything, key_id=None)

    async def page(*, dies: bool = False) -> None:
        async with pool.connection() as conn:
            job = await read_job(conn, job_id)
            assert job is not None
            async with conn.transaction(force_rollback=dies):
                if job.state == "running" and await attribution_job_page(conn, job):
                    await end_job(conn, job_id, "done")

    for number in itertools.count():
        await page(dies=number % 3 == 0)
        if number < 6:
            await asyncio.gather(page(), page(), page())
        async with pool.connection() as conn:
            job = await read_job(conn, job_id)
            kept = await read_result(conn, job_id)
        assert job is not None
        assert kept is not None
        if job.state != "running":
            break
    assert job is not None
    assert kept is not None
    assert (job.state, job.done, job.total) == ("done", 2_000, 2_000)
    found = Tally.from_json(kept)
    assert found == history.expected(question)
    assert sum(whole.attributed for whole in found.wholes.values()) > 5


async def test_goals_that_were_met_are_conversions_by_default(pool: Pool) -> None:
    contact, run, other, message = uuid4(), uuid4(), uuid4(), uuid4()
    at = BEGIN + timedelta(days=2)
    async with pool.connection() as conn:
        await conn.execute("insert into contact (id) values (%s)", (contact,))
        await conn.execute("insert into journey (key) values ('a')")
        await conn.execute(
            "insert into journey_version (journey, version, document, program, source, sha256)"
            """ values ('a', 1, '{"goal": {"event": "Bought"}}', '{}', '', '')"""
        )
        for each in (run, other):
            await conn.execute(
                "insert into run (id, journey, version, contact_id, key, entry_ref, ref)"
                " values (%s, 'a', 1, %s, %s, 0, 0)",
                (each, contact, str(each)),
            )
        await conn.execute(
            "insert into message (id, run_id, visit, step, contact_id, channel, state, token,"
            " claimed_at) values (%s, %s, 1, 'x', %s, 'sms', 'sent', '', %s)",
            (message, run, contact, at - timedelta(hours=1)),
        )
        for _ in range(2):
            cursor = await conn.execute(
                "insert into event (contact_id, name, message_id, stamped_at)"
                " values (%s, 'Bought', %s, %s) returning id",
                (contact, uuid4().hex, at),
            )
        row = await cursor.fetchone()
        assert row is not None
        for each, value in ((run, 5), (other, 7)):
            await conn.execute(
                "insert into goal (run_id, journey, contact_id, event_name, match, ref,"
                " met_event_id, met_at, value) values (%s, 'a', %s, 'Bought', '{}', 0, %s, %s, %s)",
                (each, contact, row[0], at, value),
            )
    question = AttributionQuestion(
        event=None, value=None, model="last", by="message", touch="sent",
        window=timedelta(days=1), begins_at=BEGIN, ends_at=END,
    )  # fmt: skip
    [found] = rounded(await tally_of(pool, question))
    # The other event met no goal, and the one that met two is one conversion.
    assert (found.whole.conversions, found.whole.attributed_value) == (1, Decimal(7))
    assert [(each.name, each.credit) for each in found.rows] == [(("a", "x"), Decimal(1))]


async def test_the_range_of_ids_holds_the_period(pool: Pool) -> None:
    async with pool.connection() as conn:
        question = AttributionQuestion(
            event="E", value=None, model="last", by="message", touch="sent",
            window=timedelta(days=1), begins_at=BEGIN, ends_at=BEGIN + timedelta(days=1),
        )  # fmt: skip
        assert (await range_of(conn, question)).size <= 1
        await conn.execute("insert into contact (id) values (%s)", (UUID(int=1),))
        await conn.execute(
            "insert into event (id, contact_id, name, message_id, stamped_at)"
            " select n * 7, %s, 'E', n::text, %s + n * interval '1 hour'"
            " from generate_series(-100, 100) n where n <> 3",
            (UUID(int=1), BEGIN),
        )
        found = await range_of(conn, question)
        # From the first hour of the period to a day after its last one, late arrivals among them.
        assert (found.after < 0 <= found.upto, found.after >= -7) == (True, True)
        assert 48 * 7 <= found.upto <= 49 * 7


async def test_a_page_reads_events_by_their_ids_and_touches_by_contact(pool: Pool) -> None:
    async with pool.connection() as conn:
        await conn.execute(
            "insert into contact (id) select md5('c' || n)::uuid from generate_series(1, 8000) n"
        )
        await conn.execute("insert into coupon_pool (key) values ('spring')")
        await conn.execute("""
            insert into run (id, journey, version, contact_id, key, state, entry_ref, ref)
            select md5('r' || n)::uuid, 'a', 1, md5('c' || n)::uuid, '', 'ended', 0, 0
            from generate_series(1, 8000) n
        """)
        await conn.execute("""
            insert into message (id, run_id, visit, step, contact_id, channel, state, token)
            select md5('m' || n)::uuid, md5('r' || n)::uuid, 1, 'x', md5('c' || n)::uuid, 'email',
                   'sent', '' from generate_series(1, 8000) n
        """)
        await conn.execute("""
            insert into event (id, contact_id, name, message_id, properties)
            select n, md5('c' || n % 8000 + 1)::uuid,
                   case when n % 20 = 0 then 'Bought' else 'Message Clicked' end, n::text,
                   jsonb_build_object('message_id', md5('m' || n % 8000 + 1)::uuid)
            from generate_series(1, 30000) n
        """)
        await conn.execute("""
            insert into goal (run_id, journey, contact_id, event_name, match, ref)
            select id, 'a', contact_id, 'Bought', '{}', 0 from run
        """)
        await conn.execute("""
            insert into coupon (pool, code, contact_id, drawn_at)
            select 'spring', n::text, md5('c' || n)::uuid, now() from generate_series(1, 8000) n
        """)
        await conn.execute("analyze")
        for model, by, touch in QUESTIONS:
            for event in ("Bought", None):
                question = AttributionQuestion(
                    event=event, value=None, model=model, by=by, touch=touch,
                    window=timedelta(days=7), begins_at=BEGIN - timedelta(days=40), ends_at=END,
                )  # fmt: skip
                part = EventRange(1_000, 5_000)
                cursor = await conn.execute(
                    f"explain {question.query}".encode(),
                    {
                        "after": part.after, "upto": part.upto, "names": ["Bought"],
                        "begins": question.begins_at, "ends": question.ends_at, "value": "total",
                        "window": question.window,
                    },
                )  # fmt: skip
                plan = "\n".join(line for (line,) in await cursor.fetchall())
                assert "Seq Scan" not in plan, plan
                assert "event_pkey" in plan, plan
