"""E-mail by Amazon SES (API version 2), as raw MIME, so that all providers send the same bytes.

SES has no idempotency key, so a call is repeated only if SES says that it did not take it. The
message tags are repeated in SES's notifications.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Literal

import boto3

from channels.adapter import DEFAULT_TIMEOUT, Email, Outgoing, Quota, Receipt, expect
from channels.aws import AwsCalls, MakeError, client_config
from channels.email.mime import MESSAGE_TAG, compose_or_refuse
from channels.errors import Code, NotSent, NotTaken, Refused

if TYPE_CHECKING:
    from mypy_boto3_sesv2.type_defs import (
        MessageTagTypeDef,
        SendEmailRequestTypeDef,
        SendEmailResponseTypeDef,
    )

_NOT_IN_A_TAG = re.compile(r"[^A-Za-z0-9_-]")
_TAG_LENGTH = 256
_TAGS = 50
_FEEDBACK_TAGS = ("ses:feedback-id-a", "ses:feedback-id-b")

_UNTIL_QUOTA = 900.0
"""Seconds until the next attempt if the messages of 24 hours are used up."""


def _throttled(words: str) -> NotSent:
    used_up = "daily" in words.lower()
    return NotTaken(Code.THROTTLED, words, retry_after=_UNTIL_QUOTA if used_up else None)


# An error of the account is `NotTaken`: a person can correct the account while the engine tries
# again. As `Refused`, it would fail every send or suppress addresses by mistake.
_ERRORS: Mapping[str, MakeError] = {
    "AccountSuspendedException": lambda words: NotTaken(Code.ACCOUNT, words),
    "SendingPausedException": lambda words: NotTaken(Code.ACCOUNT, words),
    "MailFromDomainNotVerifiedException": lambda words: NotTaken(Code.ACCOUNT, words),
    "NotFoundException": lambda words: NotTaken(Code.ACCOUNT, words),
    "LimitExceededException": _throttled,
    "TooManyRequestsException": _throttled,
    "MessageRejected": lambda words: Refused(Code.MESSAGE_REFUSED, words),
    "BadRequestException": lambda words: Refused(Code.MESSAGE_REFUSED, words),
}


class SesAdapter:
    """Sends `Email` by SES in one region.

    `endpoint_url` replaces Amazon's address. `configuration_set` is the one that publishes the
    events of messages. `feedback_address`, a verified identity, is where SES forwards bounces and
    complaints; the `return_path` of a message is for other providers. Credentials are found by
    boto3.
    """

    channel: Literal["email"] = "email"

    def __init__(
        self,
        *,
        region: str,
        endpoint_url: str | None = None,
        configuration_set: str | None = None,
        feedback_address: str | None = None,
        timeout: float = DEFAULT_TIMEOUT,
        threads: int = 20,
    ) -> None:
        self.timeout = timeout
        self._configuration_set = configuration_set
        self._feedback_address = feedback_address
        self._client = boto3.Session().client(
            "sesv2",
            region_name=region,
            endpoint_url=endpoint_url,
            config=client_config(timeout=timeout, threads=threads),
        )
        self._calls = AwsCalls("SES", _ERRORS, timeout=timeout, threads=threads)

    async def send(self, outgoing: Outgoing) -> Receipt:
        """See `Adapter.send`. `provider_id` is SES's message id."""
        email = expect(Email, outgoing)
        # SES writes `Feedback-ID` itself, from its own id and from these two tags.
        composed = await compose_or_refuse(replace(email, feedback_id=(), return_path=None))
        if composed.utf8:
            raise Refused(
                Code.ADDRESS_INVALID,
                "an address has letters outside ASCII before the @, which SES does not take",
            )
        request: SendEmailRequestTypeDef = {
            "Destination": {"ToAddresses": [composed.recipient]},
            "Content": {"Raw": {"Data": composed.content}},
            "EmailTags": _tags(email),
        }
        if self._feedback_address is not None:
            request["FeedbackForwardingEmailAddress"] = self._feedback_address
        if self._configuration_set is not None:
            request["ConfigurationSetName"] = self._configuration_set

        def call() -> SendEmailResponseTypeDef:
            return self._client.send_email(**request)

        answer = await self._calls.run(call)
        return Receipt(provider_id=self._calls.message_id(answer))

    async def quota(self) -> Quota:
        """See `HasQuota.quota`: SES's rate of sending, and its messages of 24 hours."""
        answer = await self._calls.run(self._client.get_account)
        quota = answer.get("SendQuota", {})
        rate, most = quota.get("MaxSendRate", 0.0), quota.get("Max24HourSend", 0.0)
        if rate <= 0:
            raise NotTaken(Code.ACCOUNT, "SES names no rate of sending")
        # -1 is an account without a limit.
        return Quota(rate, int(most) if most > 0 else None)

    async def close(self) -> None:
        """Close the threads. A call in flight is not interrupted."""
        self._calls.close()


def _tags(email: Email) -> list[MessageTagTypeDef]:
    """Tags in the form of SES: letters, digits, `_` and `-`; other characters become `_`."""
    tags = {MESSAGE_TAG: str(email.message_id), **email.tags}
    named = {_NOT_IN_A_TAG.sub("_", name)[:_TAG_LENGTH]: value for name, value in tags.items()}
    named |= dict(zip(_FEEDBACK_TAGS, email.feedback_id, strict=False))
    return [
        {"Name": name, "Value": _NOT_IN_A_TAG.sub("_", value)[:_TAG_LENGTH]}
        for name, value in list(named.items())[:_TAGS]
        if name and value
    ]
