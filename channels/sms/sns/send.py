"""Text messages by Amazon SNS, sent to a phone number without a topic.

SNS has no idempotency key for text messages, so a call is repeated only if SNS says that it did
not take it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from typing import TYPE_CHECKING, Literal

import boto3

from channels.adapter import DEFAULT_TIMEOUT, Outgoing, Receipt, Sms, expect
from channels.aws import AwsCalls, MakeError, client_config
from channels.errors import Code, NotTaken, Refused
from channels.sms.parts import count_parts
from journeys.model.addresses import normalise_phone

if TYPE_CHECKING:
    from mypy_boto3_sns.type_defs import MessageAttributeValueTypeDef, PublishResponseTypeDef

_ERRORS: Mapping[str, MakeError] = {
    "OptedOut": lambda words: Refused(Code.OPTED_OUT, words, suppress=True),
    "InvalidParameter": lambda words: Refused(
        Code.ADDRESS_REFUSED if "PhoneNumber" in words else Code.MESSAGE_REFUSED, words
    ),
    "ParameterValueInvalid": lambda words: Refused(Code.MESSAGE_REFUSED, words),
    "ValidationException": lambda words: Refused(Code.MESSAGE_REFUSED, words),
    "KMSThrottling": lambda words: NotTaken(Code.THROTTLED, words),
}


class SnsAdapter:
    """Sends `Sms` by SNS in one region.

    `sender_id` is shown as the sender where a country's rules allow it: 1 to 11 letters and digits.
    `endpoint_url` replaces Amazon's address. Credentials are found by boto3.
    """

    channel: Literal["sms"] = "sms"

    def __init__(
        self,
        *,
        region: str,
        endpoint_url: str | None = None,
        sender_id: str | None = None,
        timeout: float = DEFAULT_TIMEOUT,
        threads: int = 20,
    ) -> None:
        self.timeout = timeout
        self._attributes: dict[str, MessageAttributeValueTypeDef] = {}
        if sender_id is not None:
            self._attributes["AWS.SNS.SMS.SenderID"] = {
                "DataType": "String",
                "StringValue": sender_id,
            }
        self._client = boto3.Session().client(
            "sns",
            region_name=region,
            endpoint_url=endpoint_url,
            config=client_config(timeout=timeout, threads=threads),
        )
        self._calls = AwsCalls("SNS", _ERRORS, timeout=timeout, threads=threads)

    async def send(self, outgoing: Outgoing) -> Receipt:
        """See `Adapter.send`. `provider_id` is SNS's message id; the facts are those of `Parts`."""
        sms = expect(Sms, outgoing)
        try:
            number = normalise_phone(sms.to)
        except ValueError as error:
            raise Refused(Code.ADDRESS_INVALID, str(error)) from None
        if not sms.text.strip():
            raise Refused(Code.MESSAGE_INVALID, "an SMS needs a text")

        def call() -> PublishResponseTypeDef:
            return self._client.publish(
                PhoneNumber=number, Message=sms.text, MessageAttributes=self._attributes
            )

        answer = await self._calls.run(call)
        return Receipt(
            provider_id=self._calls.message_id(answer), facts=asdict(count_parts(sms.text))
        )

    async def close(self) -> None:
        """Close the threads. A call in flight is not interrupted."""
        self._calls.close()
