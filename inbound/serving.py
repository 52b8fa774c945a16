"""All that comes back to a worker: a queue, mail, and the answers to keywords."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Protocol

from channels.adapter import Adapter
from channels.email.return_addresses import InboundSettings, return_addresses
from inbound.intake import Intake
from inbound.maildir import MaildirReader
from inbound.queue import QueuePoller
from inbound.smtp_listener import listening
from inbound.taking import Pool
from inbound.text_answers import TextAnswers
from store.messages.text_answers import AnsweredKeyword


class NotificationSettings(InboundSettings, Protocol):
    """The settings of what comes back, by their names in `infra.settings.Settings`."""

    @property
    def ses_queue_url(self) -> str | None:
        """The queue of notifications."""

    @property
    def aws_region(self) -> str:
        """The region of the queue."""

    @property
    def aws_endpoint_url(self) -> str | None:
        """The address to call instead of Amazon's."""

    @property
    def inbound_smtp(self) -> str | None:
        """Where mail is taken by SMTP."""

    @property
    def inbound_maildir(self) -> Path | None:
        """Where mail is found in files."""

    @property
    def sms_answers(self) -> Mapping[AnsweredKeyword, str]:
        """The answers to keywords."""


@asynccontextmanager
async def taking_notifications(
    settings: NotificationSettings, pool: Pool, adapters: Mapping[str, Adapter]
) -> AsyncIterator[None]:
    """Take what the settings name until the context ends; the batch in hand is finished first.

    Raises OSError if the port of the mail server is taken.
    """
    intake = Intake(pool, return_addresses(settings))
    async with AsyncExitStack() as stack:
        readers: list[QueuePoller | MaildirReader] = []
        if settings.ses_queue_url is not None:
            readers.append(
                QueuePoller(
                    intake,
                    settings.ses_queue_url,
                    region=settings.aws_region,
                    endpoint_url=settings.aws_endpoint_url,
                )
            )
        if settings.inbound_maildir is not None:
            readers.append(MaildirReader(intake, settings.inbound_maildir))
        if settings.inbound_smtp is not None:
            await stack.enter_async_context(listening(intake, settings.inbound_smtp))
        running = [asyncio.create_task(reader.run()) for reader in readers]
        answering = None
        if "sms" in adapters:
            # Without a text an answer is dropped, so that none wait for ever.
            answers = TextAnswers(pool, adapters["sms"], settings.sms_answers)
            answering = asyncio.create_task(answers.run())
        try:
            yield
        finally:
            for reader in readers:
                reader.stop()
            if answering is not None:
                answering.cancel()
                running.append(answering)
            await asyncio.gather(*running, return_exceptions=True)
