"""Waits until a time: in the contact's zone, planned again when the zone or a date changes."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

import pytest
from psycopg import AsyncConnection
from psycopg_pool import AsyncConnectionPool

from activities.context import Context
from activities.locked_run import read
from activities.waiting.waits import close, plan, plan_within, recheck
from journeys.protocol.payloads import StepInput, StepResult
from store.definitions.catalog import Catalog
from store.entries.admission import AdmittedEntry, EntryRequest, enter
from store.events.attribute_changes import change_attributes
from store.simulation.simulated_database import stop_clock
from tests.support.conditions import eventually
from tests.support.engine import Engine, accept, activate, make_contact, visits

Pool = AsyncConnectionPool[AsyncConnection[Any]]

PARIS = ZoneInfo("Europe/Paris")
TOKYO = ZoneInfo("Asia/Tokyo")
NEW_YORK = ZoneInfo("America/New_York")


async def change(pool: Pool, contact: UUID, **values: Any) -> None:
    """Change attributes as an identify call does; None removes."""
    async with pool.connection() as conn, conn.transaction():
        await conn.execute("select from contact where id = %s for no key update", (contact,))
        unset = [name for name, value in values.items() if value is None]
        set_ = {name: value for name, value in values.items() if value is not None}
        await change_attributes(conn, contact, set_=set_, unset=unset, add={}, depth=0)


@dataclass
class Standing:
    """A run of a journey, driven without a workflow: what its wait plans can be seen at once."""

    pool: Pool
    context: Context
    run_id: UUID
    contact: UUID
    visits: int = 0
    step: str = ""

    async def plan(self, step: str) -> StepResult:
        """Come to the next wait."""
        self.visits, self.step = self.visits + 1, step
        async with self.pool.connection() as conn:
            return await plan(conn, self.context, self.given(None))

    async def close(self, due: datetime | None = None) -> StepResult:
        """Look at the wait: woken, or at `due`."""
        async with self.pool.connection() as conn:
            return await close(conn, self.context, self.given(due))

    async def after(self, at: datetime) -> None:
        """Let time pass until just after an instant; there the database's clock stands still."""
        async with self.pool.connection() as conn:
            await stop_clock(conn, at + timedelta(milliseconds=1))

    async def over(self, due: datetime | None) -> StepResult:
        """Look at the wait once it is due."""
        assert due is not None
        await self.after(due)
        return await self.close(due)

    async def visit(self) -> dict[str, Any]:
        """The row of the newest visit, with its times read."""
        row = (await visits(self.pool, self.run_id))[-1]
        for name in ("started_at", "ended_at", "due_at"):
            row[name] = row[name] and datetime.fromisoformat(row[name])
        return row

    async def event(self, name: str, **properties: Any) -> int:
        """Accept an event of the contact."""
        return await accept(self.pool, self.contact, name, properties)

    async def send(self, step: str, state: str = "sent") -> None:
        """Record a message as a send does; the run comes to its next visit."""
        self.visits += 1
        async with self.pool.connection() as conn:
            await conn.execute(
                "with m as (insert into message (id, run_id, visit, step, contact_id, channel,"
                " state, token) values (gen_random_uuid(), %(run)s, %(visit)s, %(step)s,"
                " %(contact)s, 'email', %(state)s, '') returning id)"
                " insert into visit (run_id, visit, step, kind, outcome, ended_at, message_id)"
                " select %(run)s, %(visit)s, %(step)s, 'email', %(state)s, parcours.clock(), id"
                " from m",
                {"run": self.run_id, "visit": self.visits, "step": step, "state": state,
                 "contact": self.contact},
            )  # fmt: skip

    async def message(self) -> str:
        """The id of the run's message."""
        async with self.pool.connection() as conn:
            cursor = await conn.execute("select id from message where run_id = %s", (self.run_id,))
            row = await cursor.fetchone()
        assert row is not None
        return str(row[0])

    def given(self, due: datetime | None) -> StepInput:
        return StepInput(
            run_id=self.run_id, visit=self.visits, step=self.step, now=datetime.now(UTC), due=due
        )


async def begin(
    pool: Pool,
    *waits: str,
    entry: dict[str, Any] | None = None,
    speed: float = 1.0,
    **columns: Any,
) -> Standing:
    """A run whose journey has the steps `a`, `b`… with these waits, and an e-mail before them."""
    steps = "".join(f"\n  - {{id: {'abc'[n]}, wait: {wait}}}" for n, wait in enumerate(waits))
    mail = "{id: mail, email: {subject: s, text: t, transactional: true}}"
    await activate(
        pool,
        "journey: moments\ntimezone: Europe/Paris\nentry: {api: true}\n"
        f"exit: {{event: Enough}}\nsteps:\n  - {mail}{steps}",
    )
    contact = await make_contact(pool, **columns)
    context = Context(pool=pool, catalog=Catalog(), adapters={}, speed=speed)
    async with pool.connection() as conn, conn.transaction():
        definition = await context.catalog.definition(conn, "moments", 1)
        request = EntryRequest(contact, "", entry or {}, None)
        entered = await enter(conn, context.catalog, definition, request)
    assert isinstance(entered, AdmittedEntry)
    return Standing(pool, context, entered.run_id, contact)


async def test_a_wait_until_a_moment_elapses_at_it(engine: Engine) -> None:
    await engine.activate(
        "journey: visits\nentry: {event: Booked, key: id}\nsteps:\n"
        "  - {id: ahead, wait: {until: {entry: starts_at, offset: -1d}}}\n"
        "  - {id: remind, if: {step: ahead, is: elapsed}, update: {set: {reminded: true}}}\n"
    )
    now = datetime.now(UTC)
    paths = {}
    for case, starts_at in [
        ("soon", (now + timedelta(days=1, seconds=3)).isoformat()),
        ("past", (now + timedelta(hours=2)).isoformat()),
        ("missing", "next Tuesday"),
    ]:
        contact = await engine.contact()
        await engine.event(contact, "Booked", id=case, starts_at=starts_at)
        run = await engine.ended(contact)
        paths[case] = await engine.path(run["id"])
        if case == "soon":
            [visit, _] = await engine.visits(run["id"])
            ended_at = datetime.fromisoformat(visit["ended_at"])
            assert ended_at == datetime.fromisoformat(starts_at) - timedelta(days=1)
    assert paths == {
        "soon": [("ahead", "elapsed"), ("remind", "done")],
        "past": [("ahead", "past"), ("remind", "skipped")],
        "missing": [("ahead", "missing"), ("remind", "skipped")],
    }


async def test_a_change_of_zone_or_date_wakes_a_wait_that_is_planned_again(engine: Engine) -> None:
    await engine.activate(
        "journey: visits\nentry: {event: Booked}\nsteps:\n"
        '  - {id: ahead, wait: {until: {attribute: starts_at, offset: -1d, at: "09:00"}}}\n'
    )
    contact = await engine.contact(attributes={"starts_at": "2030-03-12"}, timezone="Asia/Tokyo")
    await engine.event(contact, "Booked")
    run = await engine.standing_at(contact, "ahead")

    async def due_at(right: datetime) -> None:
        async def planned() -> bool:
            [visit] = await engine.visits(run["id"])
            return datetime.fromisoformat(visit["due_at"]) == right

        await eventually(planned)

    await due_at(datetime(2030, 3, 11, 9, tzinfo=TOKYO))
    await change(engine.pool, contact, timezone="America/New_York")
    engine.dispatcher.nudge()
    await due_at(datetime(2030, 3, 11, 9, tzinfo=NEW_YORK))
    await change(engine.pool, contact, starts_at="2031-01-01")
    engine.dispatcher.nudge()
    await due_at(datetime(2030, 12, 31, 9, tzinfo=NEW_YORK))
    await change(engine.pool, contact, starts_at=None)
    engine.dispatcher.nudge()
    ended = await engine.ended(contact)
    assert await engine.path(ended["id"]) == [("ahead", "missing")]


async def test_the_workflow_waits_for_the_new_due_time(engine: Engine) -> None:
    await engine.activate(
        "journey: visits\nentry: {event: Booked}\nsteps:\n"
        "  - {id: ahead, wait: {until: {attribute: at}}}\n"
    )
    contact = await engine.contact(attributes={"at": "2030-03-12"})
    await engine.event(contact, "Booked")
    await engine.standing_at(contact, "ahead")
    soon = datetime.now(UTC) + timedelta(seconds=3)
    await change(engine.pool, contact, at=soon.isoformat())
    engine.dispatcher.nudge()
    ended = await engine.ended(contact)
    [visit] = await engine.visits(ended["id"])
    assert (visit["outcome"], datetime.fromisoformat(visit["ended_at"])) == ("elapsed", soon)


def months_on(start: datetime, months: int, zone: ZoneInfo) -> datetime:
    """The same local time some months later, by hand: at the month's last day if need be."""
    wall = start.astimezone(zone)
    year, month = divmod(wall.year * 12 + wall.month - 1 + months, 12)
    for day in (wall.day, 30, 29, 28):
        try:
            return wall.replace(year=year, month=month + 1, day=day).astimezone(UTC)
        except ValueError:
            continue
    raise AssertionError


async def test_a_duration_of_the_calendar_is_planned_again_from_its_start(pool: Pool) -> None:
    now = datetime.now(UTC)
    # So many months that clocks change in New York meanwhile; in Tokyo they never do.
    months = next(
        n for n in range(1, 12) if months_on(now, n, NEW_YORK) != months_on(now, n, TOKYO)
    )
    run = await begin(pool, f"{months}mo", timezone="America/New_York")
    await run.plan("a")
    visit = await run.visit()
    assert visit["due_at"] == months_on(visit["started_at"], months, NEW_YORK)
    await change(pool, run.contact, timezone="Asia/Tokyo")
    answered = await run.close()
    wanted = months_on(visit["started_at"], months, TOKYO)
    assert answered.due == (await run.visit())["due_at"] == wanted
    # A second close gives the same answer, and a timer set before the change has no effect.
    assert (await run.close(visit["started_at"])).due == wanted
    assert (await run.visit())["outcome"] is None


async def test_a_wait_of_hours_listens_for_no_change(pool: Pool) -> None:
    run = await begin(pool, "36h", "1d")
    for step, listeners in (("a", 0), ("b", 2)):
        await run.plan(step)
        async with pool.connection() as conn:
            cursor = await conn.execute(
                "select count(*) from listener where run_id = %s and visit = %s",
                (run.run_id, run.visits),
            )
            assert await cursor.fetchone() == (listeners,)


async def test_a_change_between_plan_and_listeners_is_seen(pool: Pool) -> None:
    run = await begin(
        pool, '{until: {attribute: on, at: "09:00"}}', attributes={"on": "2030-01-01"}
    )
    run.visits, run.step = 1, "a"
    async with pool.connection() as conn, conn.transaction():
        # Planned, but not yet visible to anyone, when the date changes.

        given = run.given(None)
        row = await read(conn, run.run_id)
        result, listening = await plan_within(conn, run.context, given, row)
        assert listening
        await change(pool, run.contact, on="2030-06-01")
    assert result.due == datetime(2030, 1, 1, 9, tzinfo=PARIS)
    async with pool.connection() as conn:
        again = await recheck(conn, run.context, given)
    assert again.due == datetime(2030, 6, 1, 9, tzinfo=PARIS)


async def test_a_date_that_was_moved_into_the_past_is_past(pool: Pool) -> None:
    run = await begin(pool, "{until: {attribute: on}}", attributes={"on": "2030-01-01"})
    await run.plan("a")
    await change(pool, run.contact, on=datetime.now(UTC).isoformat())
    assert (await run.close()).outcome == "past"
    visit = await run.visit()
    assert visit["ended_at"] > visit["started_at"]


async def test_a_change_after_the_due_time_changes_nothing(pool: Pool) -> None:
    soon = datetime.now(UTC) + timedelta(seconds=2)
    run = await begin(pool, "{until: {attribute: on}}", attributes={"on": soon.isoformat()})
    due = (await run.plan("a")).due
    assert due == soon
    await run.after(soon)
    await change(pool, run.contact, on="2030-01-01")
    assert (await run.close(due)).outcome == "elapsed"
    assert (await run.visit())["ended_at"] == soon


@pytest.mark.parametrize(
    ("limit", "outcome"),
    [
        ("{attribute: nothing}", "timed_out"),
        ('"2020-01-01"', "timed_out"),
        ("{entry: ends, offset: -1d}", None),
    ],
)
async def test_a_limit_that_is_past_or_missing_ends_a_wait_at_once(
    pool: Pool, limit: str, outcome: str | None
) -> None:
    run = await begin(
        pool, f"{{event: Ping, up_to: {limit}}}", "{event: Ping}", entry={"ends": "2030-03-01"}
    )
    assert (await run.plan("a")).outcome == outcome
    if outcome is None:
        assert (await run.visit())["due_at"] == datetime(2030, 2, 28, tzinfo=PARIS)


async def test_a_limit_that_is_past_lets_in_what_has_happened_already(pool: Pool) -> None:
    run = await begin(pool, '{event: Ping, up_to: "2020-01-01"}')
    await run.event("Ping")
    assert (await run.plan("a")).outcome == "happened"


async def test_a_duration_counts_from_a_message_status(pool: Pool) -> None:
    run = await begin(pool, "{for: 2d, after: {message: mail, is: delivered}, up_to: 5d}")
    await run.send("mail")
    planned = await run.plan("a")
    visit = await run.visit()
    # Until the message is delivered only the limit ends it.
    assert planned.due == visit["started_at"] + timedelta(days=5)
    await run.event("Message Delivered", message_id=await run.message(), step="mail")
    answered = await run.close()
    delivered_at = datetime.fromisoformat((await run.visit())["facts"]["fate"])
    assert delivered_at > visit["started_at"]
    assert answered.due == delivered_at + timedelta(days=2)
    # It is delivered once.
    await run.event("Message Delivered", message_id=await run.message(), step="mail")
    assert (await run.close()).due == answered.due


async def test_a_wait_after_a_message_elapses_and_lets_events_through(pool: Pool) -> None:
    run = await begin(pool, "{for: 1s, after: {message: mail, is: delivered}}", "{event: Ping}")
    await run.send("mail")
    await run.event("Message Delivered", message_id=await run.message(), step="mail")
    planned = await run.plan("a")
    await run.event("Ping")
    assert (await run.over(planned.due)).outcome == "elapsed"
    assert (await run.visit())["ended_at"] == planned.due
    assert (await run.plan("b")).outcome is None
    await run.event("Ping")
    assert (await run.close()).outcome == "happened"


async def test_a_wait_after_a_message_that_was_not_sent_times_out_at_once(pool: Pool) -> None:
    run = await begin(pool, "{for: 2d, after: {message: mail, is: delivered}}")
    assert (await run.plan("a")).outcome == "timed_out"


async def test_a_limit_comes_before_the_time_after_a_message_status(pool: Pool) -> None:
    run = await begin(pool, "{for: 1h, after: {message: mail, is: delivered}, up_to: 1s}")
    await run.send("mail")
    planned = await run.plan("a")
    await run.event("Message Delivered", message_id=await run.message(), step="mail")
    assert (await run.close()).due == planned.due
    assert (await run.over(planned.due)).outcome == "timed_out"


async def test_since_says_from_when_events_count(pool: Pool) -> None:
    run = await begin(
        pool,
        "{event: Ping, since: now}",
        "{event: Ping, since: entry}",
        "{event: Ping, since: {attribute: on}}",
    )
    await run.event("Ping")
    assert (await run.plan("a")).outcome is None
    await run.event("Ping")
    assert (await run.close()).outcome == "happened"
    assert (await run.plan("b")).outcome == "happened"
    # Without a date it counts from where the run last stood still.
    assert (await run.plan("c")).outcome is None
    assert (await run.visit())["facts"]["since"] == "missing"


async def test_since_a_moment_counts_events_from_it_on(pool: Pool) -> None:
    soon = datetime.now(UTC) + timedelta(seconds=3)
    run = await begin(
        pool,
        "{event: Ping, since: {attribute: on}}",
        "{event: Ping, since: -1d}",
        attributes={"on": soon.isoformat()},
    )
    await run.plan("a")
    await run.event("Ping")
    assert (await run.close()).outcome is None
    await run.after(soon)
    second = await run.event("Ping")
    assert (await run.close()).outcome == "happened"
    assert (await run.visit())["facts"]["event_id"] == second
    # Yesterday is before both.
    assert (await run.plan("b")).outcome == "happened"
    assert (await run.visit())["facts"]["event_id"] < second


async def test_speed_divides_durations_and_no_moments(pool: Pool) -> None:
    run = await begin(pool, "2d", "{until: +2d}", "{event: Ping, up_to: +2d}", speed=3600.0)
    await run.plan("a")
    visit = await run.visit()
    spans = [visit["due_at"] - visit["started_at"]]
    assert spans[0] < timedelta(seconds=60)
    for step in ("b", "c"):
        await run.plan(step)
        visit = await run.visit()
        assert visit["due_at"] - visit["started_at"] > timedelta(days=1)


async def test_a_time_of_day_is_the_contacts_else_the_journeys(pool: Pool) -> None:
    for zone, local in (("Asia/Tokyo", TOKYO), (None, PARIS)):
        run = await begin(pool, '{until: "09:00", days: mon-fri}', timezone=zone)
        await run.plan("a")
        visit = await run.visit()
        due = visit["due_at"].astimezone(local)
        assert (due.hour, due.minute, due.weekday() < 5) == (9, 0, True)
        assert timedelta(0) <= due - visit["started_at"] <= timedelta(days=3, hours=1)


async def test_a_wait_that_was_past_passes_its_time_on(pool: Pool) -> None:
    run = await begin(pool, "1s", '{until: "2020-01-01"}', "{event: Ping, up_to: 1h}")
    due = (await run.plan("a")).due
    await run.over(due)
    assert (await run.plan("b")).outcome == "past"
    assert due is not None
    assert (await run.plan("c")).due == due + timedelta(hours=1)
