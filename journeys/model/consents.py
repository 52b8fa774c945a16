"""What is recorded of a consent: its state, its source, and the evidence for it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Final, Literal, get_args
from uuid import UUID

from journeys.protocol.channels import MessageChannel

ConsentSource = Literal[
    "api", "form", "import", "operator", "journey", "page", "one_click", "confirmation", "sms",
    "address_change", "complaint", "merge",
]  # fmt: skip

CONSENT_SOURCES: Final[Mapping[ConsentSource, str]] = {
    "api": "a tracking call, or a call of the API",
    "form": "a form of ours, or one that the contact filled in as the call says",
    "import": "an import, as the call says",
    "operator": "an operator, by the command line or the API",
    "journey": "a step `emit`",
    "page": "the page behind a link of a message",
    "one_click": "the unsubscribe button of a mail program (RFC 8058)",
    "confirmation": "the page behind the link of a confirmation mail",
    "sms": "the answer STOP or START to a text message",
    "address_change": "the contact has another address than the one that was confirmed",
    "complaint": "a complaint that the provider reported",
    "merge": "another contact, which was merged into this one, had the stricter consent",
}
"""Where a consent came from."""

CALLER_SOURCES: Final[tuple[ConsentSource, ...]] = ("api", "form", "import", "operator")
"""The sources that a caller may name itself."""
TEXT_LIMIT: Final = 4_000
"""Characters of the text that was shown."""
REQUEST_ADDRESS_LIMIT: Final = 64
"""Characters of a network address."""

assert CONSENT_SOURCES.keys() == {*get_args(ConsentSource)}


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """The evidence for a consent, which is recorded with it and is no part of the event."""

    source: ConsentSource
    text: str | None = None
    """What the contact was shown, or wrote."""
    request_address: str | None = None
    """The network address of the request, in clear."""
    channel: MessageChannel | None = None
    """The channel of the one address that it is about; None: all addresses of the contact."""
    message_id: UUID | None = None
    """The message whose link or answer it was."""
    given_at: datetime | None = None
    """When it was given, if that is not now: an import says so."""
