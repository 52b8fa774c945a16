"""The activity that sends a test message: a template, to an address that somebody gave."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from typing import Any, Final
from uuid import UUID

from psycopg import AsyncConnection
from temporalio import activity

from activities.context import Context
from activities.failures import final_error
from activities.sending.masking import SecretMask
from channels.adapter import Email, Outgoing, Sms
from channels.errors import NotTaken, Refused, Unclear
from channels.storable import storable_text
from journeys.links.message_urls import link_variables
from journeys.protocol.channels import ChannelName
from journeys.protocol.names import SEND_TEST
from journeys.protocol.payloads import TestMessageInput, TestMessageResult
from journeys.templating.contents import Content, choose_locale
from journeys.templating.liquid import Budget, Moment
from journeys.templating.rendering import (
    Rendering,
    RenderingFailed,
    RenderingTooLarge,
    sample_variables,
)
from journeys.time.zones import zone_of
from store.contacts.rows import ContactRow, read_contact
from store.definitions.contents import template_contents
from store.messages.messages_of_tests import (
    TestMessageRow,
    claim_test_message,
    read_test_message,
    settle_test_message,
)
from store.messages.suppressions import find_suppression
from store.tables.messages import TestMessageState

HEADER: Final = "X-Parcours-Test"
"""Marks a mail as a test."""


class _Failed(Exception):
    """A test message that is not sent."""

    def __init__(self, code: str, detail: str) -> None:
        super().__init__(detail)
        self.code = code


class TestMessageActivities:
    """The activity behind `template send`."""

    __test__ = False

    def __init__(self, context: Context) -> None:
        self._context = context
        self._mask = SecretMask([*context.secrets.values(), *context.passwords])

    @activity.defn(name=SEND_TEST)
    async def send(self, request: TestMessageInput) -> TestMessageResult:
        """Send the message at most once, and record what came of it."""
        content: str | None = None
        async with self._context.pool.connection() as conn:
            row = await read_test_message(conn, request.id)
            if row is None:
                raise final_error("unknown_message")
            if row.state == "claimed":
                # An earlier attempt may have sent it.
                return await self._settle(conn, row.id, "unknown", "interrupted", None)
            if row.state != "queued":
                return TestMessageResult(state=row.state, code=row.code)
            try:
                content, outgoing = await self._compose(conn, row)
            except _Failed as error:
                return await self._settle(conn, row.id, "failed", error.code, str(error))
            adapter = self._context.adapters.get(_channel(row))
            if adapter is None:
                words = f"no provider sends {row.channel}; set PARCOURS_{row.channel.upper()}"
                return await self._settle(conn, row.id, "failed", "no_channel", words)
            if not await claim_test_message(conn, row.id):
                return await self._settle(conn, row.id, "unknown", "interrupted", None)
        state: TestMessageState = "sent"
        code = detail = provider_id = None
        try:
            async with asyncio.timeout(adapter.timeout + 1):
                provider_id = (await adapter.send(outgoing)).provider_id
        except (Refused, NotTaken) as error:
            state, code, detail = "failed", str(error.code), error.detail
        except Unclear as error:
            state, code, detail = "unknown", str(error.code), error.detail
        except Exception as error:
            state, code, detail = "unknown", "adapter_failed", f"{type(error).__name__}: {error}"
        async with self._context.pool.connection() as conn:
            return await self._settle(conn, row.id, state, code, detail, provider_id, content)

    async def _settle(
        self,
        conn: AsyncConnection[Any],
        message_id: UUID,
        state: TestMessageState,
        code: str | None,
        detail: str | None,
        provider_id: str | None = None,
        content: str | None = None,
    ) -> TestMessageResult:
        words = None if detail is None else storable_text(self._mask.text(detail))
        await settle_test_message(
            conn,
            message_id,
            state,
            code=code,
            detail=words,
            provider_id=provider_id,
            content=content,
        )
        return TestMessageResult(state=state, code=code)

    async def _compose(
        self, conn: AsyncConnection[Any], row: TestMessageRow
    ) -> tuple[str, Outgoing]:
        """The hash of the content, and the message. Raises _Failed."""
        recipient = row.recipient or ""
        if await find_suppression(conn, row.channel, recipient) is not None:
            raise _Failed("suppressed", "the address is on the suppression list")
        contact = None if row.contact_id is None else await read_contact(conn, row.contact_id)
        name = row.content
        if name is None:
            hashes = await template_contents(conn, row.template)
            wanted = row.locale or (None if contact is None else contact.locale)
            name = hashes.get(choose_locale(wanted, hashes))
        content = None if name is None else await self._context.catalog.content(conn, name)
        if name is None or content is None:
            raise _Failed("template", f"the template `{row.template}` has nothing in this language")
        try:
            outgoing = await asyncio.to_thread(self._rendered, row, content, contact, recipient)
        except (RenderingFailed, RenderingTooLarge) as error:
            code = error.code if isinstance(error, RenderingFailed) else "template_limit"
            raise _Failed(code, str(error)) from None
        return name, outgoing

    def _rendered(
        self, row: TestMessageRow, content: Content, contact: ContactRow | None, recipient: str
    ) -> Outgoing:
        links = self._context.links
        variables = sample_variables(
            None if contact is None else contact.variables,
            row.variables or {},
            {} if links is None else link_variables(links.of(row.id)),
        )
        zone = zone_of(None if contact is None else contact.timezone, None)
        rendering = Rendering(variables, Moment(datetime.now(UTC), zone), Budget())
        tags = {"message": str(row.id), "test": "true"}
        if row.channel == "sms":
            return Sms(message_id=row.id, to=recipient, text=rendering.sms(content))
        sender = self._context.sender
        if not sender:
            raise RenderingFailed("template", "the e-mail has no sender: set PARCOURS_FROM")
        made = rendering.email(content)
        return Email(
            message_id=row.id,
            to=recipient,
            from_=rendering.part("from", sender),
            subject=made.subject,
            html=made.html,
            text=made.text,
            headers={HEADER: "yes"},
            tags=tags,
        )


def _channel(row: TestMessageRow) -> ChannelName:
    return "sms" if row.channel == "sms" else "email"
