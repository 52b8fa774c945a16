"""Coupons: a code each, given once, though sessions die between the draw and its record."""

from typing import Any

from temporalio.testing import ActivityEnvironment

from activities.context import Context
from activities.deciding.decisions import DecisionActivities
from journeys.protocol.payloads import StepInput, StepResult
from store.coupons.pools import Pool, add_codes, make_pool, read_pool
from store.definitions.catalog import Catalog
from tests.support.conditions import eventually
from tests.support.engine import Engine
from tests.support.smtp import SmtpSink

SPRING = """
journey: spring
entry: {event: Started}
steps:
  - {id: code, coupon: {pool: spring}}
  - id: offer
    if: {step: code, is: drawn}
    email: {subject: "Use {{ steps.code.code }}", text: "It ends soon", transactional: true}
  - {id: none-left, if: {step: code, is: exhausted}, group: {add: [unlucky]}}
"""
# A session in three dies when the code is drawn, and what was decided is not committed yet.
DYING = """
create sequence deaths;
create function die() returns trigger language plpgsql as $$
begin
    if new.kind = 'coupon' and nextval('deaths') % 3 = 1 and currval('deaths') < 60 then
        perform pg_terminate_backend(pg_backend_pid());
    end if;
    return new;
end $$;
create trigger die before insert on visit for each row execute function die();
"""


async def fill(engine: Engine, *codes: str) -> None:
    async with engine.pool.connection() as conn, conn.transaction():
        await make_pool(conn, "spring")
        await add_codes(conn, "spring", codes)


async def test_each_code_is_given_once_to_many_though_sessions_die(engine: Engine) -> None:
    codes = [f"SPRING-{number:03}" for number in range(50)]
    await engine.activate(SPRING)
    await fill(engine, *codes)
    async with engine.pool.connection() as conn:
        await conn.execute(DYING.encode())
    contacts = [await engine.contact(email="ada@example.com") for _ in range(70)]
    for contact in contacts:
        await engine.event(contact, "Started")
    given: dict[str, str] = {}
    exhausted = 0
    for contact in contacts:
        run = await engine.ended(contact, timeout=120)
        assert run["outcome"] == "completed"
        visit = (await engine.visits(run["id"]))[0]
        if visit["outcome"] == "exhausted":
            assert visit["output"] == {}
            exhausted += 1
        else:
            assert visit["output"]["code"] not in given
            given[visit["output"]["code"]] = str(run["id"])
    assert sorted(given) == codes
    assert exhausted == 20
    async with engine.pool.connection() as conn:
        cursor = await conn.execute("select code, run_id::text from coupon")
        assert dict(await cursor.fetchall()) == given
        assert await read_pool(conn, "spring") == Pool("spring", 50, 50, 0, 0)
        # Nothing was proved unless sessions died.
        cursor = await conn.execute("select last_value from deaths")
        assert (await cursor.fetchone() or (0,))[0] > 70


async def test_a_repeated_draw_gives_the_same_code(engine: Engine) -> None:
    await engine.activate(SPRING)
    await fill(engine, "A", "B")
    contact = await engine.contact(email="ada@example.com")
    await engine.event(contact, "Started")
    run = await engine.ended(contact)
    draw = DecisionActivities(Context(engine.pool, Catalog(), {})).activity_of("coupon")
    assert await ActivityEnvironment().run(draw, await arriving(engine, run)) == StepResult(
        outcome="drawn"
    )
    async with engine.pool.connection() as conn:
        assert await read_pool(conn, "spring") == Pool("spring", 2, 1, 0, 1)


async def arriving(engine: Engine, run: dict[str, Any]) -> StepInput:
    async with engine.pool.connection() as conn:
        cursor = await conn.execute("select parcours.clock()")
        row = await cursor.fetchone()
    assert row is not None
    return StepInput(run_id=run["id"], visit=1, step="code", now=row[0])


async def test_the_code_is_printed_and_its_redemption_is_noted(
    engine: Engine, smtp_sink: SmtpSink
) -> None:
    await engine.activate(SPRING)
    await fill(engine, "A-77")
    contact = await engine.contact(email="ada@example.com")
    await engine.event(contact, "Started")
    run = await engine.ended(contact)
    assert await engine.path(run["id"]) == [
        ("code", "drawn"),
        ("offer", "sent"),
        ("none-left", "skipped"),
    ]
    [mail] = smtp_sink.messages
    assert mail.message["Subject"] == "Use A-77"
    await engine.event(contact, "Coupon Redeemed", code="A-77")

    async def redeemed() -> bool:
        async with engine.pool.connection() as conn:
            return await read_pool(conn, "spring") == Pool("spring", 1, 1, 1, 0)

    await eventually(redeemed)
