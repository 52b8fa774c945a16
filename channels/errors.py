"""What can come of a send that is not a success.

Each adapter classifies its provider's answers here, once, by a single question: can the provider
have taken the message? The text of these errors is a code of `Code` and nothing else, and they
carry no cause: errors travel into workflow histories, while a provider's words name addresses.
The words are in `detail`, and go to the database only.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from types import MappingProxyType
from typing import Any

from channels.storable import storable_text


class Code(StrEnum):
    """Why a send did not succeed."""

    # The provider said no, or would be asked in vain.
    ADDRESS_INVALID = "address_invalid"
    """Not an address of the channel, or none this provider can write to."""
    ADDRESS_UNKNOWN = "address_unknown"
    """There is no such mailbox or number (a hard bounce)."""
    ADDRESS_REFUSED = "address_refused"
    """The recipient was refused, for another reason or for none given."""
    ADDRESS_FORBIDDEN = "address_forbidden"
    """A webhook to a private, reserved or metadata address that no setting allows."""
    OPTED_OUT = "opted_out"
    """The recipient told the provider to stop."""
    SENDER_REFUSED = "sender_refused"
    """This sender may not send."""
    MESSAGE_INVALID = "message_invalid"
    """It cannot be put into the form that the channel demands."""
    MESSAGE_REFUSED = "message_refused"
    """The content, the size, or a policy on them."""
    REDIRECT_REFUSED = "redirect_refused"
    """A redirect that is not followed, or one too many."""
    ANSWER_REFUSED = "answer_refused"
    """A webhook's receiver answered that it will not have the call."""

    # The provider certainly has not taken it.
    UNREACHABLE = "unreachable"
    """No address, no connection, or one that ended before the message was handed over."""
    TLS_FAILED = "tls_failed"
    CREDENTIALS = "credentials"
    """Missing, wrong or expired, or without the right to send."""
    ACCOUNT = "account"
    """The account, its quota or its set-up does not allow sending now."""
    THROTTLED = "throttled"
    DEFERRED = "deferred"
    """The provider asked for another attempt later."""
    UNAVAILABLE = "unavailable"
    """The provider answers, and says that it cannot work now."""
    BUSY = "busy"
    """All our own connections to the provider were in use for too long."""

    # The provider may have taken it.
    NO_ANSWER = "no_answer"
    """It was handed over, and no answer came in time."""
    INTERRUPTED = "interrupted"
    """It was handed over, and the connection ended without an answer."""
    PROVIDER_FAILED = "provider_failed"
    """The answer tells of a failure, and not whether it came before or after."""


class NotSent(Exception):
    """A send without a success. `str()` is the code alone, so nothing personal can leak by it.

    `detail` is for people, and may name addresses. `facts` are what the answer leaves for the
    run (a webhook's `status` and `body`); empty if there was no answer.
    """

    def __init__(
        self, code: Code, detail: str, *, facts: Mapping[str, Any] = MappingProxyType({})
    ) -> None:
        super().__init__(code.value)
        self.code = code
        self.detail = storable_text(detail)
        self.facts = facts


class Refused(NotSent):
    """Final: the provider said no, and would say so again.

    `suppress`: the address is never to be written to again.
    """

    def __init__(
        self,
        code: Code,
        detail: str,
        *,
        suppress: bool = False,
        facts: Mapping[str, Any] = MappingProxyType({}),
    ) -> None:
        super().__init__(code, detail, facts=facts)
        self.suppress = suppress


class NotTaken(NotSent):
    """The provider certainly did not take it: it may be tried again.

    `retry_after`: seconds, ≥ 0, that the provider asked to wait; None if it did not say.
    """

    def __init__(
        self,
        code: Code,
        detail: str,
        *,
        retry_after: float | None = None,
        facts: Mapping[str, Any] = MappingProxyType({}),
    ) -> None:
        super().__init__(code, detail, facts=facts)
        self.retry_after = retry_after


class Unclear(NotSent):
    """The call ended without an answer after the provider may have taken the message."""
