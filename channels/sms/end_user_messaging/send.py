"""Text messages by AWS End User Messaging (the API `pinpoint-sms-voice-v2`).

It has no idempotency token, so a call is repeated only if the service says that it did not take it.
The context is repeated in its events.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any, Final, Literal

import boto3

from channels.adapter import DEFAULT_TIMEOUT, Outgoing, Receipt, Sms, expect
from channels.aws import AwsCalls, MakeError, client_config
from channels.email.mime import MESSAGE_TAG
from channels.errors import Code, NotSent, NotTaken, Refused
from journeys.model.addresses import normalise_phone
from journeys.model.sms_parts import count_parts

COUNTRY_PARAMETERS: Final[Mapping[str, str]] = {"IN_ENTITY_ID": "+91", "IN_TEMPLATE_ID": "+91"}
"""Registrations that a country asks for with each message, each with the country's prefix."""
_LONGEST = 1600
"""The most characters of a text that the service takes."""
_CONTEXT_ENTRIES = 5
_CONTEXT_VALUE = 800
_SPACES = re.compile(r"\s+")


def _account(words: str) -> NotSent:
    return NotTaken(Code.ACCOUNT, words)


def _address_refused(words: str) -> NotSent:
    return Refused(Code.ADDRESS_REFUSED, words)


# A person can correct the account, its numbers and its settings while the engine tries again.
_REASONS: Final[Mapping[str, MakeError]] = {
    "DESTINATION_PHONE_NUMBER_OPTED_OUT": lambda words: Refused(
        Code.OPTED_OUT, words, suppress=True
    ),
    "DESTINATION_PHONE_NUMBER_BLOCKED_BY_PROTECT_NUMBER_OVERRIDE": _address_refused,
    "DESTINATION_COUNTRY_BLOCKED_BY_PROTECT_CONFIGURATION": _address_refused,
    "DESTINATION_COUNTRY_BLOCKED": _address_refused,
    "COUNTRY_NOT_ENABLED": _address_refused,
    "CANNOT_PARSE": lambda words: Refused(Code.ADDRESS_INVALID, words),
    "INTERNATIONAL_SENDING_NOT_SUPPORTED": _account,
    "INVALID_ARN": _account,
    "INVALID_IDENTITY_FOR_DESTINATION_COUNTRY": _account,
    "PARAMETERS_CANNOT_BE_USED_TOGETHER": _account,
    "RESOURCE_NOT_ACCESSIBLE": _account,
    "SENDER_ID_NOT_REGISTERED": _account,
    "SENDER_ID_NOT_SUPPORTED": _account,
    "SENDER_ID_REQUIRES_REGISTRATION": _account,
}
"""What the reason of an error means. Without one here, its code says what it means."""

_ERRORS: Final[Mapping[str, MakeError]] = {
    "ConflictException": _account,
    "ResourceNotFoundException": _account,
    "ServiceQuotaExceededException": _account,
    "ThrottlingException": lambda words: NotTaken(Code.THROTTLED, words),
    "ValidationException": lambda words: Refused(Code.MESSAGE_REFUSED, words),
}


class EndUserMessagingAdapter:
    """Sends `Sms` by AWS End User Messaging in one region.

    `origination` is a pool, a phone number or a sender id (its id or ARN); without it the service
    chooses one of the account. `country_parameters` are those of `COUNTRY_PARAMETERS`. `max_price`
    is in US dollars for each message, `time_to_live` in seconds. `endpoint_url` replaces Amazon's
    address. Credentials are found by boto3.
    """

    channel: Literal["sms"] = "sms"

    def __init__(
        self,
        *,
        region: str,
        endpoint_url: str | None = None,
        origination: str | None = None,
        configuration_set: str | None = None,
        protect_configuration: str | None = None,
        country_parameters: Mapping[str, str] | None = None,
        max_price: str | None = None,
        time_to_live: int | None = None,
        timeout: float = DEFAULT_TIMEOUT,
        threads: int = 20,
    ) -> None:
        self.timeout = timeout
        self._country_parameters = dict(country_parameters or {})
        optional: dict[str, Any] = {
            "OriginationIdentity": origination,
            "ConfigurationSetName": configuration_set,
            "ProtectConfigurationId": protect_configuration,
            "MaxPrice": max_price,
            "TimeToLive": time_to_live,
        }
        self._settings = {name: value for name, value in optional.items() if value is not None}
        self._client: Any = boto3.Session().client(
            "pinpoint-sms-voice-v2",
            region_name=region,
            endpoint_url=endpoint_url,
            config=client_config(timeout=timeout, threads=threads),
        )
        self._calls = AwsCalls(
            "End User Messaging", _ERRORS, timeout=timeout, threads=threads, reasons=_REASONS
        )

    async def send(self, outgoing: Outgoing) -> Receipt:
        """See `Adapter.send`. `provider_id` is the service's; the facts are those of `Parts`."""
        sms = expect(Sms, outgoing)
        try:
            number = normalise_phone(sms.to)
        except ValueError as error:
            raise Refused(Code.ADDRESS_INVALID, str(error)) from None
        if not sms.text.strip():
            raise Refused(Code.MESSAGE_INVALID, "an SMS needs a text")
        if len(sms.text) > _LONGEST:
            raise Refused(Code.MESSAGE_INVALID, f"an SMS has at most {_LONGEST} characters")
        request: dict[str, Any] = {
            **self._settings,
            "DestinationPhoneNumber": number,
            "MessageBody": sms.text,
            "MessageType": "TRANSACTIONAL" if sms.transactional else "PROMOTIONAL",
            "Context": _context(sms),
        }
        country = {
            name: value
            for name, value in self._country_parameters.items()
            if number.startswith(COUNTRY_PARAMETERS[name])
        }
        if country:
            request["DestinationCountryParameters"] = country

        def call() -> dict[str, Any]:
            answer: dict[str, Any] = self._client.send_text_message(**request)
            return answer

        answer = await self._calls.run(call)
        return Receipt(
            provider_id=self._calls.message_id(answer), facts=asdict(count_parts(sms.text))
        )

    async def close(self) -> None:
        """Close the threads. A call in flight is not interrupted."""
        self._calls.close()


def _context(sms: Sms) -> dict[str, str]:
    """Our message id and the tags, in the form of the service: five, without spaces at the ends."""
    entries = {MESSAGE_TAG: str(sms.message_id), **sms.tags}
    return {
        _SPACES.sub("_", name): value.strip()[:_CONTEXT_VALUE]
        for name, value in list(entries.items())[:_CONTEXT_ENTRIES]
        if name and value.strip()
    }
