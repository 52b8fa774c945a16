"""Suppressions: addresses are kept as HMACs under keys of the installation."""

import hmac
from hashlib import sha256
from typing import Any

import pytest
from psycopg import AsyncConnection
from psycopg_pool import AsyncConnectionPool
from pydantic import SecretStr

from infra.clients import open_pool
from infra.settings import Settings
from journeys.protocol.channels import ChannelName
from store.messages.send_state import read_send_state
from store.messages.suppressions import find_suppression, suppress
from store.runs.rows import read_run
from tests.support.situations import Situation

Pool = AsyncConnectionPool[AsyncConnection[Any]]
OLD, NEW = "o" * 40, "n" * 40


async def hashes(pool: Pool) -> set[str]:
    async with pool.connection() as conn:
        rows = await (await conn.execute("select address_hash from suppression")).fetchall()
    return {row[0] for row in rows}


def expected(key: bytes, address: str) -> str:
    digest = sha256(address.encode()).hexdigest()
    return hmac.new(key, digest.encode(), sha256).hexdigest()


async def test_an_address_is_kept_as_an_hmac_under_the_newest_key(settings: Settings) -> None:
    own = settings.model_copy(update={"suppression_key": (SecretStr(NEW), SecretStr(OLD))})
    async with await open_pool(own) as pool:
        async with pool.connection() as conn:
            await suppress(conn, [("email", "Ann@Example.com ", "bounced")])
            assert await find_suppression(conn, "email", "ann@example.com") == "bounced"
            assert await find_suppression(conn, "sms", "ann@example.com") is None
        key = sha256(NEW.encode()).digest()
        assert await hashes(pool) == {expected(key, "ann@example.com")}


async def test_a_new_key_still_finds_what_was_suppressed_under_older_ones(
    settings: Settings, pool: Pool
) -> None:
    async with pool.connection() as conn:
        await suppress(conn, [("sms", "+33612345678", "stop")])
    old = settings.model_copy(update={"suppression_key": (SecretStr(OLD),)})
    async with await open_pool(old) as older, older.connection() as conn:
        await suppress(conn, [("email", "ann@example.com", "complained")])
    new = settings.model_copy(update={"suppression_key": (SecretStr(NEW), SecretStr(OLD))})
    async with await open_pool(new) as newer, newer.connection() as conn:
        assert await find_suppression(conn, "sms", "+33612345678") == "stop"
        assert await find_suppression(conn, "email", "ann@example.com") == "complained"
        # It keeps its reason, and is not kept a second time.
        await suppress(conn, [("email", "ann@example.com", "bounced")])
        assert await find_suppression(conn, "email", "ann@example.com") == "complained"
    assert len(await hashes(pool)) == 2
    # Without the keys, the hashes of their addresses are not found.
    async with pool.connection() as conn:
        assert await find_suppression(conn, "email", "ann@example.com") is None


async def test_the_key_of_the_installation_is_random_and_no_hash_is_plain(pool: Pool) -> None:
    async with pool.connection() as conn:
        await suppress(conn, [("sms", "+33612345678", "stop")])
        row = await (await conn.execute("select ipad, opad from installation")).fetchone()
    assert row is not None
    ipad, opad = row
    assert bytes(byte ^ 0x36 ^ 0x5C for byte in ipad) == opad
    inner = sha256(ipad + sha256(b"+33612345678").hexdigest().encode()).digest()
    assert await hashes(pool) == {sha256(opad + inner).hexdigest()}


@pytest.mark.parametrize(
    ("suppressed", "address"),
    [
        ("Ann@Example.com", "aNN@example.COM"),
        ("straße@example.com", "STRASSE@example.com"),
        ("STRASSE@example.com", "straße@example.com"),
        ("ÄNN@example.com", "änn@example.com"),
    ],
)
async def test_a_send_reads_why_an_address_is_suppressed_in_any_case(
    pool: Pool, suppressed: str, address: str
) -> None:
    situation = Situation(pool)
    await situation.write_contact(email=address, phone="+33612345678")
    await situation.write_run()
    await situation.execute("insert into journey (key, state) values ('j', 'active')")
    async with pool.connection() as conn:
        run = await read_run(conn, situation.run)
        assert run is not None

        async def seen(channel: ChannelName) -> str | None:
            return (await read_send_state(conn, run, 1, None, channel))[2].suppressed

        assert await seen("email") is None
        await suppress(conn, [("email", suppressed, "bounced")])
        assert await seen("email") == "bounced"
        assert await seen("sms") is None
        assert await seen("webhook") is None
