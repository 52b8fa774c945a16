"""People in the audit log: exports of them, merges and erasures."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable
from uuid import UUID

import httpx
import pytest

from store.contacts.erasure_pages import erase_page
from store.contacts.mentions import FILES, search_page
from store.operations.audit import Actor, record_audit
from tests.integration.api.conftest import Pool, Rows

Sentences = Callable[[str], Awaitable[list[str]]]


@pytest.fixture
def about(admin: httpx.AsyncClient) -> Sentences:
    """What the log says of a contact that has an id, or had it: `await about("ada")`."""

    async def look(reference: str) -> list[str]:
        answer = await admin.get("/v1/audit", params={"subject": f"contact:{reference}"})
        assert answer.status_code == 200, answer.text
        return [each["action"] for each in answer.json()["items"]]

    return look


async def id_of(admin: httpx.AsyncClient, reference: str) -> str:
    """Our own id of a contact."""
    return str((await admin.get(f"/v1/contacts/{reference}")).json()["id"])


async def test_exports_of_people_are_recorded(
    admin: httpx.AsyncClient, about: Sentences, rows: Rows
) -> None:
    assert (await admin.put("/v1/contacts/zoraya", json={})).is_success
    assert (await admin.get("/v1/contacts/zoraya/export")).status_code == 200
    assert await about("zoraya") == ["contact.show", "contact.create"]
    assert (await admin.get("/v1/suppressions/export", params={"addresses": True})).is_success
    job = (await admin.post("/v1/contacts/export", json={"group": "vip"})).json()["id"]
    too_early = await admin.get(f"/v1/jobs/{job}/file")
    assert too_early.status_code == 409
    await rows("update job set state = 'done' where id = %s returning id", UUID(job))
    assert (await admin.get(f"/v1/jobs/{job}/file")).status_code == 200
    items = (await admin.get("/v1/audit", params={"action": "contact.download"})).json()["items"]
    assert [each["subject"] for each in items] == [f"job:{job}"]
    [made] = (await admin.get("/v1/audit", params={"action": "contact.export"})).json()["items"]
    assert made["after"] == {"what": "contacts", "format": "csv", "group": "vip"}
    [listed] = (await admin.get("/v1/audit", params={"action": "suppression"})).json()["items"]
    assert listed["sentence"] == "exported suppressions: export: addresses yes"
    assert (await admin.get("/v1/contacts/unknown/export")).status_code == 404
    assert (
        len((await admin.get("/v1/audit", params={"action": "contact.show"})).json()["items"]) == 1
    )


async def test_a_merged_contact_has_the_changes_of_both(
    admin: httpx.AsyncClient, about: Sentences
) -> None:
    for reference in ("old", "young"):
        assert (await admin.put(f"/v1/contacts/{reference}", json={"score": 1})).is_success
    gone = await id_of(admin, "young")
    # As a tracking call merges them, without an operator.
    answer = await admin.post("/v1/contacts/old/merge", json={"from": "young"})
    assert answer.is_success, answer.text
    assert await about("old") == ["contact.merge", "contact.create", "contact.create"]
    assert await about("young") == await about("old")
    assert await about(gone) == []


async def test_an_erased_contact_is_a_hash_and_no_reason_mentions_it(
    admin: httpx.AsyncClient, about: Sentences, pool: Pool, rows: Rows
) -> None:
    for reference in ("zoraya-17", "other"):
        body = {"email": f"{reference}@example.com", "reason": f"{reference} asked for it"}
        assert (await admin.put(f"/v1/contacts/{reference}", json=body)).is_success
    own, other = await id_of(admin, "zoraya-17"), await id_of(admin, "other")
    actor = Actor("kim", "cli")
    async with pool.connection() as conn:
        await record_audit(
            conn, actor, "run.exit", "run:r-1", reason="ZORAYA-17@example.com wrote to us"
        )
        await record_audit(conn, actor, "run.exit", "run:r-2", reason="her shop is closed")
    before = await rows("select to_jsonb(a) - array['subject', 'reason'] from audit a order by id")
    erased = await admin.delete("/v1/contacts/zoraya-17")
    report = UUID(erased.headers["Location"].rpartition("/")[2])
    assert await about("zoraya-17") == ["contact.create"]
    assert await about(own) == ["contact.create"]
    assert await about("other") == ["contact.create"]
    async with pool.connection() as conn:
        while True:
            async with conn.transaction():
                if not await erase_page(conn, report):
                    break
        [(words,)] = await rows("select words from erasure")
        table, searching, searched = "", None, None
        while searching != FILES:
            async with conn.transaction():
                table, _ = await search_page(conn, report, words, searching, searched)
            [(searching, searched)] = await rows("select searching, searched from erasure")
    assert table != ""
    everything = await rows("select to_jsonb(a) from audit a order by id")
    text = json.dumps([row for (row,) in everything]).lower()
    assert "zoraya" not in text
    assert own not in text
    assert other in text
    reasons = {row["subject"]: row["reason"] for (row,) in everything}
    assert (reasons["r-1"], reasons["r-2"]) == ("(erased)", "her shop is closed")
    assert reasons[other] == "other asked for it"
    # All else of each row is as it was, and the erasure itself is there.
    after = await rows("select to_jsonb(a) - array['subject', 'reason'] from audit a order by id")
    assert after[: len(before)] == before
    [last] = after[len(before) :]
    assert last[0]["action"] == "contact.erase"
    assert await about("zoraya-17") == ["contact.create"]
