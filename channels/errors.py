"""Errors of sends: refused, not taken, or unclear.

Each adapter maps its provider's answers to these errors, by one question: can the provider have
taken the message? The text of an error is its `Code` and nothing else, and it has no cause, because
errors are kept in workflow histories and a provider's words may name addresses. The provider's
words are in `detail`, which is stored in the database only.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from types import MappingProxyType
from typing import Any

from channels.storable import storable_text


class Code(StrEnum):
    """The reason why a send did not succeed."""

    # Refused: the provider said no, or would certainly say no.
    ADDRESS_INVALID = "address_invalid"
    """Not an address of the channel, or not one that this provider can write to."""
    ADDRESS_UNKNOWN = "address_unknown"
    """No such mailbox or number (a hard bounce)."""
    ADDRESS_REFUSED = "address_refused"
    """The recipient was refused for another reason, or for none that was given."""
    ADDRESS_FORBIDDEN = "address_forbidden"
    """A webhook to a private, reserved or metadata address that no setting allows."""
    OPTED_OUT = "opted_out"
    """The recipient asked the provider to stop."""
    SENDER_REFUSED = "sender_refused"
    """This sender may not send."""
    MESSAGE_INVALID = "message_invalid"
    """The message cannot be written in the form that the channel needs."""
    MESSAGE_REFUSED = "message_refused"
    """The provider does not accept the content or the size."""
    REDIRECT_REFUSED = "redirect_refused"
    """A redirect that is not followed, or more redirects than allowed."""
    ANSWER_REFUSED = "answer_refused"
    """The receiver of a webhook refused the call."""

    # NotTaken: the provider certainly has not taken the message.
    UNREACHABLE = "unreachable"
    """No address, no connection, or a connection that ended before the message was sent."""
    TLS_FAILED = "tls_failed"
    CREDENTIALS = "credentials"
    """Credentials that are missing, wrong or expired, or do not allow sending."""
    ACCOUNT = "account"
    """The account, its quota or its settings do not allow sending now."""
    THROTTLED = "throttled"
    DEFERRED = "deferred"
    """The provider asked for another attempt later."""
    UNAVAILABLE = "unavailable"
    """The provider answers that it cannot work now."""
    BUSY = "busy"
    """All of our connections to the provider were in use for too long, or its rate was used up."""

    # Unclear: the provider may have taken the message.
    NO_ANSWER = "no_answer"
    """The message was sent, and no answer came in time."""
    INTERRUPTED = "interrupted"
    """The message was sent, and the connection ended without an answer."""
    PROVIDER_FAILED = "provider_failed"
    """The provider reports a failure, which may have come before or after it took the message."""
    ADAPTER_FAILED = "adapter_failed"
    """Our adapter of the provider failed; the table `fault` says how."""


class NotSent(Exception):
    """A send that did not succeed. `str()` is the code alone, so that no personal data leak.

    `detail` is for people, and may name addresses. `facts` are what the run may use of the answer
    (a webhook's `status` and `body`); empty if there was no answer.
    """

    def __init__(
        self, code: Code, detail: str, *, facts: Mapping[str, Any] = MappingProxyType({})
    ) -> None:
        super().__init__(code.value)
        self.code = code
        self.detail = storable_text(detail)
        self.facts = facts


class Refused(NotSent):
    """The provider said no, and would say no again.

    `suppress`: nothing may be sent to the address again.
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
    """The provider certainly did not take the message: it may be sent again.

    `retry_after`: seconds, ≥ 0, that the provider asked to wait; None if it did not say. With the
    code `BUSY` they are the message's own turn in our queue for a provider.
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
    """The call ended without a clear answer, and the provider may have taken the message."""
