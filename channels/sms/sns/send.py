"""Text messages by Amazon SNS, sent to a phone number without a topic.

SNS has no idempotency key for text messages, so a call is repeated only if SNS says that it did
not take it.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import asdict
from typing import TYPE_CHECKING, Final, Literal

import boto3

from channels.adapter import DEFAULT_TIMEOUT, Outgoing, Receipt, Sms, expect
from channels.aws import AwsCalls, MakeError, client_config
from channels.errors import Code, NotTaken, Refused
from journeys.model.addresses import normalise_phone
from journeys.model.sms_parts import count_parts

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


SENDER: Final = re.compile(r"\+[1-9]\d{6,14}|(?=.*[A-Za-z])[A-Za-z0-9]{1,11}")
"""A number in E.164, or a sender id."""


class SnsAdapter:
    """Sends `Sms` by SNS in one region.

    `origination` is the sender, where a country's rules allow it: a number of the account in E.164,
    or a sender id of 1 to 11 letters and digits. `max_price` is in US dollars for each message.
    `country_parameters` are India's `IN_ENTITY_ID` and `IN_TEMPLATE_ID`. `endpoint_url` replaces
    Amazon's address. Credentials are found by boto3.
    """

    channel: Literal["sms"] = "sms"

    def __init__(
        self,
        *,
        region: str,
        endpoint_url: str | None = None,
        origination: str | None = None,
        max_price: str | None = None,
        country_parameters: Mapping[str, str] | None = None,
        timeout: float = DEFAULT_TIMEOUT,
        threads: int = 20,
    ) -> None:
        self.timeout = timeout
        number = origination is not None and origination.startswith("+")
        self._attributes = _attributes(
            {
                "AWS.MM.SMS.OriginationNumber" if number else "AWS.SNS.SMS.SenderID": origination,
                "AWS.SNS.SMS.MaxPrice": max_price,
            }
        )
        india = country_parameters or {}
        self._for_india = _attributes(
            {
                "AWS.MM.SMS.EntityId": india.get("IN_ENTITY_ID"),
                "AWS.MM.SMS.TemplateId": india.get("IN_TEMPLATE_ID"),
            }
        )
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

        kind = "Transactional" if sms.transactional else "Promotional"
        attributes = {**self._attributes, **_attributes({"AWS.SNS.SMS.SMSType": kind})}
        if number.startswith("+91"):
            attributes |= self._for_india

        def call() -> PublishResponseTypeDef:
            return self._client.publish(
                PhoneNumber=number, Message=sms.text, MessageAttributes=attributes
            )

        answer = await self._calls.run(call)
        return Receipt(
            provider_id=self._calls.message_id(answer), facts=asdict(count_parts(sms.text))
        )

    async def close(self) -> None:
        """Close the threads. A call in flight is not interrupted."""
        self._calls.close()


def _attributes(values: Mapping[str, str | None]) -> dict[str, MessageAttributeValueTypeDef]:
    """Attributes of a message, of those that have a value."""
    return {
        name: {
            "DataType": "Number" if name == "AWS.SNS.SMS.MaxPrice" else "String",
            "StringValue": value,
        }
        for name, value in values.items()
        if value is not None
    }
