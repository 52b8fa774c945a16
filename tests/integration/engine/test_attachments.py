"""Files of an e-mail on their way from PostgreSQL to the reader."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import fast_mail_parser
import pytest
from psycopg import AsyncConnection
from psycopg_pool import AsyncConnectionPool
from temporalio.testing import ActivityEnvironment

from activities.sending.attached_files import FileCache
from activities.sending.send import SendActivities
from channels.adapter import Attachment
from channels.email.smtp.send import SmtpAdapter
from channels.email.smtp.server import SmtpServer as SmtpUrl
from journeys.model.attachments import ATTACHMENTS_BYTES
from journeys.protocol.payloads import StepInput, StepResult
from store.definitions.files import NewFile, keep_fetched_file, lock_files, upload_file
from tests.integration.channels.smtp_server import SmtpServer, running_smtp
from tests.integration.engine.test_holds import Claims, claims

Pool = AsyncConnectionPool[AsyncConnection[Any]]
URL = "https://cdn.shop.example/terms/2026.pdf"
SEND = (
    "html: '<img src=\"cid:logo.png\">', attachments: "
    f"[{{file: logo.png}}, {{url: '{URL}', name: Conditions générales.pdf}}]"
)


async def keep(pool: Pool, name: str, content: bytes, kind: str) -> None:
    async with pool.connection() as conn, conn.transaction():
        await lock_files(conn)
        if name.startswith("https:"):
            await keep_fetched_file(conn, name, NewFile(content, kind))
        else:
            await upload_file(conn, name, NewFile(content, kind))


async def sent(at: Claims, run: UUID) -> StepResult:
    given = StepInput(run_id=run, visit=1, step="mail", now=datetime.now(UTC))
    return await ActivityEnvironment().run(SendActivities(at.context).send, given)


def files(server: SmtpServer) -> dict[str, tuple[str, bytes]]:
    mail = fast_mail_parser.parse_email(server.mails[-1].content)
    return {each.filename: (each.mimetype, each.content) for each in mail.attachments}


async def test_a_mail_brings_its_files_and_shows_those_that_the_html_names(pool: Pool) -> None:
    logo, terms = b"\x89PNG" + bytes(range(256)), b"%PDF" + b"\r\n." * 40_000
    await keep(pool, "logo.png", logo, "application/octet-stream")
    await keep(pool, URL, terms, "application/pdf")
    async with running_smtp() as server, claims(pool, SEND) as at:
        adapter = SmtpAdapter(SmtpUrl.parse(server.url))
        at.context = replace(at.context, adapters={"email": adapter})
        assert (await sent(at, await at.run())).outcome == "sent"
        assert files(server) == {
            "logo.png": ("image/png", logo),
            "Conditions générales.pdf": ("application/pdf", terms),
        }
        [html] = fast_mail_parser.parse_email(server.mails[0].content).text_html
        assert "cid:logo.png" not in html
        # What is uploaded in its place counts at once.
        await keep(pool, "logo.png", b"GIF89a", "image/gif")
        assert (await sent(at, await at.run())).outcome == "sent"
        assert files(server)["logo.png"] == ("image/gif", b"GIF89a")
        await adapter.close()


@pytest.mark.parametrize(
    ("size", "words"),
    [(0, "there is no file `logo.png`"), (ATTACHMENTS_BYTES, "a mail has at most")],
)
async def test_a_mail_without_all_of_its_files_is_not_sent(
    pool: Pool, size: int, words: str
) -> None:
    await keep(pool, URL, b"%PDF", "application/pdf")
    if size:
        await keep(pool, "logo.png", b"x" * size, "image/png")
    async with running_smtp() as server, claims(pool, SEND) as at:
        adapter = SmtpAdapter(SmtpUrl.parse(server.url))
        at.context = replace(at.context, adapters={"email": adapter})
        run = await at.run()
        assert (await sent(at, run)).outcome == "failed"
        facts = (await at.visit(run))["facts"]
        assert facts["reason"] == "attachment"
        assert words in facts["detail"]
        assert server.seen == 0
        await adapter.close()


def test_a_worker_keeps_no_more_files_than_its_bound() -> None:
    cache = FileCache(most=100)
    kept = [Attachment(f"{number}.bin", "a/b", b"x" * 40) for number in range(3)]
    for file in kept[:2]:
        cache.put((file.name, "", ""), file)
    assert cache.get(("0.bin", "", "")) is kept[0]
    cache.put(("2.bin", "", ""), kept[2])
    assert cache.get(("1.bin", "", "")) is None, "it was used longest ago"
    assert cache.get(("0.bin", "", "")) is kept[0]
    cache.put(("large", "", ""), Attachment("large", "a/b", b"x" * 101))
    assert cache.get(("large", "", "")) is None
