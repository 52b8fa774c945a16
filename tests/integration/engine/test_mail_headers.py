"""Headers of a mail as the engine sends it: of marketing, and of what a contact is owed."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import fast_mail_parser
from psycopg import AsyncConnection
from psycopg_pool import AsyncConnectionPool
from temporalio.testing import ActivityEnvironment

from activities.sending.send import SendActivities
from channels.email.return_addresses import ReturnAddress, ReturnAddresses
from channels.email.smtp.send import SmtpAdapter
from channels.email.smtp.server import SmtpServer as SmtpUrl
from journeys.links.message_urls import MessageLinks
from journeys.links.tokens import LinkKeys
from journeys.protocol.payloads import StepInput
from tests.integration.channels.smtp_server import Mail, running_smtp
from tests.integration.engine.test_holds import claims

Pool = AsyncConnectionPool[AsyncConnection[Any]]
KEYS = ["k" * 32]
PUBLIC_URL = "https://links.shop.example"
BOUNCES = ReturnAddresses("bounces.shop.example", KEYS)


async def sent(pool: Pool, send: str) -> Mail:
    """The mail of a send with these settings."""
    async with running_smtp() as server, claims(pool, send) as at:
        adapter = SmtpAdapter(SmtpUrl.parse(server.url))
        context = replace(
            at.context,
            adapters={"email": adapter},
            links=MessageLinks(PUBLIC_URL, LinkKeys(KEYS)),
            return_addresses=BOUNCES,
        )
        given = StepInput(run_id=await at.run(), visit=1, step="mail", now=datetime.now(UTC))
        result = await ActivityEnvironment().run(SendActivities(context).send, given)
        assert result.outcome == "sent"
        await adapter.close()
        [mail] = server.mails
        return mail


async def test_marketing_mail_says_how_to_leave_and_where_bounces_go(pool: Pool) -> None:
    mail = await sent(pool, "html: <p>Hi</p>")
    headers = fast_mail_parser.parse_email(mail.content).headers
    [message] = headers["X-Parcours-Message"]
    bounce = BOUNCES.read(mail.sender)
    assert isinstance(bounce, ReturnAddress)
    assert (bounce.kind, str(bounce.message_id)) == ("bounce", message)
    assert headers["Message-ID"] == [f"<{message}@example.com>"]
    [one_click, mailto] = re.findall(r"<([^>]+)>", headers["List-Unsubscribe"][0])
    assert re.fullmatch(rf"{re.escape(PUBLIC_URL)}/u/[\w-]{{42}}", one_click)
    address = re.fullmatch(r"mailto:([^?]+)\?subject=unsubscribe", mailto)
    assert address is not None
    leaves = BOUNCES.read(address[1])
    assert leaves is not None
    assert (leaves.kind, str(leaves.message_id)) == ("unsubscribe", message)
    assert headers["List-Unsubscribe-Post"] == ["List-Unsubscribe=One-Click"]
    assert headers["List-ID"] == ["<offers.example.com>"]
    assert headers["Feedback-ID"] == ["claims:offers:mail:parcours"]
    assert "Auto-Submitted" not in headers


async def test_mail_that_a_contact_is_owed_offers_no_way_to_leave(pool: Pool) -> None:
    mail = await sent(pool, "transactional: true")
    headers = fast_mail_parser.parse_email(mail.content).headers
    assert not [name for name in headers if name.lower().startswith("list-")]
    assert headers["Auto-Submitted"] == ["auto-generated"]
    assert headers["Feedback-ID"] == ["claims:offers:mail:parcours"]
    assert BOUNCES.read(mail.sender) is not None
