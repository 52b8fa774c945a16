"""Text messages of the development stack: kept instead of sent."""

from __future__ import annotations

import asyncio
from dataclasses import asdict
from datetime import UTC, datetime
from typing import Literal

from channels.adapter import DEFAULT_TIMEOUT, Append, Outgoing, Receipt, Sms, expect
from channels.email.mime import MESSAGE_HEADER
from channels.errors import Code, Refused, Unclear
from journeys.model.addresses import normalise_phone
from journeys.model.sms_parts import count_parts


class InboxAdapter:
    """Hands `Sms` to `append`. Their `from` is null: a text message has no sender here."""

    channel: Literal["sms"] = "sms"

    def __init__(self, append: Append, *, timeout: float = DEFAULT_TIMEOUT) -> None:
        self.timeout = timeout
        self._append = append

    async def send(self, outgoing: Outgoing) -> Receipt:
        """See `Adapter.send`. The facts are those of `Parts`."""
        sms = expect(Sms, outgoing)
        try:
            number = normalise_phone(sms.to)
        except ValueError as error:
            raise Refused(Code.ADDRESS_INVALID, str(error)) from None
        entry = {
            "channel": "sms",
            "to": number,
            "from": None,
            "subject": None,
            "text": sms.text,
            "html": None,
            "headers": {MESSAGE_HEADER: str(sms.message_id)},
            "received_at": datetime.now(UTC).isoformat(),
        }
        try:
            async with asyncio.timeout(self.timeout):
                await asyncio.to_thread(self._append, entry)
        except TimeoutError:
            raise Unclear(
                Code.NO_ANSWER, f"the inbox did not take the SMS within {self.timeout:g} s"
            ) from None
        except OSError as error:
            raise Unclear(Code.PROVIDER_FAILED, f"the inbox cannot be written: {error}") from None
        return Receipt(facts=asdict(count_parts(sms.text)))

    async def close(self) -> None:
        """Do nothing: there is no connection."""
