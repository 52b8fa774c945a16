"""The answers to STOP, START and HELP: one text message each, sent at most once."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Final

import structlog

from channels.adapter import Adapter, Sms
from channels.errors import NotSent
from inbound.taking import Pool
from store.messages.text_answers import AnsweredKeyword, take_answers
from store.sql import is_database_away, is_database_busy

log = structlog.get_logger(__name__)

LOOK_EVERY: Final = 2.0
"""Seconds between two looks for answers."""


class TextAnswers:
    """Sends the answers of an installation. A keyword without a text is not answered."""

    def __init__(
        self,
        pool: Pool,
        adapter: Adapter,
        texts: Mapping[AnsweredKeyword, str],
        *,
        every: float = LOOK_EVERY,
    ) -> None:
        self._pool = pool
        self._adapter = adapter
        self._texts = texts
        self._every = every

    async def run(self) -> None:
        """Send answers until the task is cancelled."""
        while True:
            try:
                await self.send()
            except Exception as error:
                if not is_database_away(error) and not is_database_busy(error):
                    log.exception("text_answers_failed")
            await asyncio.sleep(self._every)

    async def send(self) -> int:
        """Send the answers that wait; their number. One that fails is not tried again."""
        async with self._pool.connection() as conn:
            answers = await take_answers(conn)
        sent = 0
        for answer in answers:
            text = self._texts.get(answer.keyword)
            if text is None or not answer.fresh:
                continue
            try:
                await self._adapter.send(Sms(message_id=answer.id, to=answer.phone, text=text))
                sent += 1
            except NotSent as error:
                log.warning("text_answer_failed", keyword=answer.keyword, code=str(error.code))
        return sent
