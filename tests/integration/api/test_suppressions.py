"""The list of suppressions by API: added, imported, exported, removed, and never beyond STOP."""

import csv
import io
from typing import Any

import httpx
import pytest
from psycopg import AsyncConnection
from psycopg_pool import AsyncConnectionPool

from store.messages.suppressions import find_suppression, suppress
from tests.integration.api.conftest import Keys
from tests.support.engine import make_contact

Pool = AsyncConnectionPool[AsyncConnection[Any]]
PATH = "/v1/suppressions"
CSV = {"Content-Type": "text/csv"}


async def reason(pool: Pool, channel: str, address: str) -> str | None:
    async with pool.connection() as conn:
        return await find_suppression(conn, channel, address)


async def send(client: httpx.AsyncClient, text: str) -> Any:
    answer = await client.post(f"{PATH}/import", content=text.encode(), headers=CSV)
    assert answer.status_code == 200, answer.text
    return answer.json()


async def rows_of(client: httpx.AsyncClient, **parameters: str) -> list[dict[str, str]]:
    answer = await client.get(f"{PATH}/export", params=parameters)
    assert answer.status_code == 200
    return list(csv.DictReader(io.StringIO(answer.text)))


async def test_an_address_is_suppressed_found_and_let_go(
    pool: Pool, operate: httpx.AsyncClient, admin: httpx.AsyncClient
) -> None:
    body = {"channel": "email", "address": " Ada@Example.com"}
    made = await operate.post(PATH, json=body)
    assert (made.status_code, made.json()["reason"]) == (201, "operator")
    again = await operate.post(PATH, json={**body, "reason": "complained"})
    assert (again.status_code, again.json()) == (200, made.json())
    assert await reason(pool, "email", "ada@example.com") == "operator"
    found = (await operate.get(PATH, params={"address": "ADA@example.com"})).json()
    assert found == {"items": [made.json()], "next": None}
    mine = (await operate.get("/v1/audit", params={"action": "suppression.add"})).json()["items"]
    assert [each["actor"] for each in mine] == [made.json()["by"]]
    named = {"channel": "email", "address": "ada@example.com"}
    assert (await operate.delete(PATH, params=named)).status_code == 403
    assert (await admin.delete(PATH, params=named)).status_code == 204
    assert await reason(pool, "email", "ada@example.com") is None
    assert (await admin.delete(PATH, params=named)).status_code == 404
    hashed = {"channel": "email", "address_hash": made.json()["address_hash"]}
    await operate.post(PATH, json=body)
    assert (await admin.delete(PATH, params=hashed)).status_code == 204
    for wrong in ({"channel": "email"}, {**named, **hashed}, {"channel": "fax", "address": "x"}):
        assert (await admin.delete(PATH, params=wrong)).status_code == 422


async def test_only_start_ends_a_stop(pool: Pool, admin: httpx.AsyncClient) -> None:
    number = "+33612345678"
    async with pool.connection() as conn:
        await suppress(conn, [("sms", number, "bounced")])
        await suppress(conn, [("sms", number, "stop")])
        await suppress(conn, [("sms", number, "complained")])
    assert await reason(pool, "sms", number) == "stop"
    answer = await admin.delete(PATH, params={"channel": "sms", "address": number})
    assert (answer.status_code, answer.json()["code"]) == (409, "stopped")
    assert await reason(pool, "sms", number) == "stop"


async def test_a_list_is_paged_and_filtered(pool: Pool, operate: httpx.AsyncClient) -> None:
    async with pool.connection() as conn:
        await suppress(conn, [("email", f"u{n}@example.com", "bounced") for n in range(5)])
        await suppress(conn, [("sms", "+33612345678", "stop")])
    seen: list[dict[str, Any]] = []
    cursor = ""
    while True:
        page = (await operate.get(PATH, params={"limit": 2, "cursor": cursor})).json()
        seen += page["items"]
        cursor = page["next"]
        if cursor is None:
            break
    assert len(seen) == len({each["address_hash"] for each in seen}) == 6
    stops = (await operate.get(PATH, params={"reason": "stop"})).json()["items"]
    assert [each["channel"] for each in stops] == ["sms"]
    assert len((await operate.get(PATH, params={"channel": "email"})).json()["items"]) == 5
    assert (await operate.get(PATH, params={"cursor": "x"})).status_code == 400


async def test_good_rows_of_a_file_count_and_bad_ones_are_listed(
    pool: Pool, operate: httpx.AsyncClient
) -> None:
    answer = await send(
        operate,
        "\ufeffReason,address,Channel,name\r\ncomplained,ada@example.com,email,Ada\r\n"
        ",ADA@example.com,,twice\r\n,+33 6 12 34 56 78,sms,\r\n,no-address,email,\r\n\r\n"
        "no no,bob@example.com,email,\r\n,0612345678,sms,\r\n,,email,\r\n,c@example.com,fax,\r\n",
    )
    assert (answer["added"], answer["known"]) == (2, 1)
    assert [each["line"] for each in answer["rejected"]] == [5, 7, 8, 9, 10]
    assert await reason(pool, "email", "ada@example.com") == "complained"
    assert await reason(pool, "sms", "+33612345678") == "import"
    assert await reason(pool, "email", "bob@example.com") is None


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b"", 422), (b"email\nada@example.com\n", 422), (b"address,address\n", 422),
        (b"address\n\xff\n", 422), (b"address\n\0\n", 422), (b'address\n"', 200),
        (b"address\n" + b"a@example.com\n" * 10_001, 422), (b"x" * (2 * 1024 * 1024 + 1), 413),
    ],
)  # fmt: skip
async def test_a_file_that_cannot_be_read_is_refused(
    operate: httpx.AsyncClient, body: bytes, status: int
) -> None:
    answer = await operate.post(f"{PATH}/import", content=body, headers=CSV)
    assert answer.status_code == status


async def test_an_export_of_hashes_is_taken_back(
    pool: Pool, operate: httpx.AsyncClient, admin: httpx.AsyncClient
) -> None:
    await send(operate, "address,reason\nada@example.com,bounced\n+33612345678,stop\n")
    exported = await admin.get(f"{PATH}/export")
    assert exported.headers["content-type"].startswith("text/csv")
    assert "@" not in exported.text
    async with pool.connection() as conn:
        await conn.execute("delete from suppression")
    assert (await send(operate, exported.text))["added"] == 2
    assert await reason(pool, "email", "ada@example.com") == "bounced"
    assert await reason(pool, "sms", "+33612345678") == "stop"
    assert (await send(operate, exported.text))["known"] == 2


async def test_addresses_are_exported_of_contacts_that_exist(
    pool: Pool, operate: httpx.AsyncClient, admin: httpx.AsyncClient
) -> None:
    await make_contact(pool, external_id="ada", email="Ada@example.com", phone="+33612345678")
    await make_contact(pool, external_id="bob", email="bob@example.com")
    await send(
        operate, "address,reason\nada@example.com,bounced\n+33612345678,stop\nx@example.com,\n"
    )
    rows = await rows_of(admin, addresses="true")
    assert [
        (each["channel"], each["address"], each["reason"], each["contact"]) for each in rows
    ] == [
        ("email", "Ada@example.com", "bounced", "ada"),
        ("sms", "+33612345678", "stop", "ada"),
    ]
    assert len(await rows_of(admin)) == 3


async def test_the_export_is_for_admins(
    ingest: httpx.AsyncClient, operate: httpx.AsyncClient, keys: Keys
) -> None:
    assert keys.read
    assert (await operate.get(f"{PATH}/export")).status_code == 403
    for call in (ingest.get(PATH), ingest.post(PATH, json={}), ingest.get(f"{PATH}/export")):
        assert (await call).status_code == 403
