"""The protocol between the engine and a provider: outgoing messages, receipts, adapters."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol, TypeVar, runtime_checkable
from uuid import UUID

from pydantic import JsonValue

from channels.attachments import Attachment
from journeys.protocol.channels import ChannelName

__all__ = [
    "DEFAULT_TIMEOUT", "Adapter", "Append", "Attachment", "Call", "Email", "Outgoing", "Receipt",
    "Sms", "expect",
]  # fmt: skip

DEFAULT_TIMEOUT = 20.0
"""Seconds for a whole provider call.

It must stay below the 30 s that the engine gives a send: otherwise the engine would give up on
calls whose outcome the adapter could still have reported."""


Append = Callable[[dict[str, Any]], None]
"""Stores one entry in the inbox of the development stack.

An entry is `{channel, to, from, subject, text, html, headers, received_at}`. May block. Raises
OSError if the entry cannot be stored."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Email:
    """One e-mail to one recipient. At least one of `text` and `html` is given."""

    message_id: UUID
    to: str
    """A bare address."""
    from_: str
    """An address, bare or as `Name <address>`."""
    subject: str
    text: str | None = None
    html: str | None = None
    reply_to: str | None = None
    """An address, bare or as `Name <address>`."""
    return_path: str | None = None
    """The bare address that bounces go to; None for that of `from_`."""
    list_unsubscribe: str | None = None
    """The URL that takes one-click unsubscriptions (RFC 8058); of marketing mail only. Mail
    programs want HTTPS."""
    list_unsubscribe_address: str | None = None
    """A bare address to which a mail unsubscribes, in addition to `list_unsubscribe`."""
    list_id: str | None = None
    """The topic of marketing mail, for `List-ID` (RFC 2919): `a-z 0-9 -`."""
    feedback_id: Sequence[str] = ()
    """Up to three names by which Gmail groups complaints, the most important one first."""
    attachments: Sequence[Attachment] = ()
    headers: Mapping[str, str] = field(default_factory=dict)
    """Further headers."""
    tags: Mapping[str, str] = field(default_factory=dict)
    """Names and values that the provider repeats in its notifications, if it can."""

    def content(self) -> dict[str, Any]:
        """What simulations show of it."""
        return {
            "to": self.to,
            "from": self.from_,
            "subject": self.subject,
            "text": self.text,
            "html": self.html,
            **(
                {"attachments": [each.name for each in self.attachments]}
                if self.attachments
                else {}
            ),
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Sms:
    """One text message. `to` is in E.164."""

    message_id: UUID
    to: str
    text: str
    transactional: bool = False
    """Critical to its recipient; otherwise it is promotional."""
    tags: Mapping[str, str] = field(default_factory=dict)
    """Names and values that the provider repeats in its notifications, if it can."""

    def content(self) -> dict[str, Any]:
        """What simulations show of it."""
        return {"to": self.to, "text": self.text}


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """One call of a webhook. `body` is sent as JSON; None sends no body."""

    message_id: UUID
    url: str
    method: str = "POST"
    headers: Mapping[str, str] = field(default_factory=dict)
    body: JsonValue = None

    def content(self) -> dict[str, Any]:
        """What simulations show of it."""
        return {"url": self.url, "method": self.method, "sent": self.body}


Outgoing = Email | Sms | Call


@dataclass(frozen=True, slots=True, kw_only=True)
class Receipt:
    """The provider's acceptance of a message.

    `provider_id` is the provider's own id of the message, None if it gives none. `facts` can be
    stored as JSON. Those of a webhook are `status` and `body` (and `truncated: true` if the body
    was cut short), of an SMS `encoding`, `characters` and `parts`, of SMTP the server's `reply`.
    """

    provider_id: str | None = None
    facts: Mapping[str, Any] = field(default_factory=dict)


class Adapter(Protocol):
    """One provider of one channel.

    An adapter never repeats a call that the provider may have taken, and keeps no state that the
    next call needs. It makes many sends at once, on one event loop.
    """

    @property
    def channel(self) -> ChannelName:
        """The channel whose messages it sends."""
        ...

    @property
    def timeout(self) -> float:
        """The most seconds of a whole `send`, with the wait for a free connection."""
        ...

    async def send(self, outgoing: Outgoing) -> Receipt:
        """Hand the message to the provider.

        Raises `Refused`, `NotTaken` or `Unclear` (see `channels.errors`), and TypeError for a
        message of another channel; nothing else. If the call itself is cancelled, the message may
        have been taken.
        """
        ...

    async def close(self) -> None:
        """Close connections and threads. May be called twice; sends after it are undefined."""
        ...


@dataclass(frozen=True, slots=True)
class Quota:
    """What the account of a provider may send."""

    per_second: float
    per_day: int | None
    """None: without a limit."""


@runtime_checkable
class HasQuota(Protocol):
    """An adapter whose provider says what its account may send."""

    async def quota(self) -> Quota:
        """The quota now. Raises as `Adapter.send` does."""
        ...


Kind = TypeVar("Kind", bound=Outgoing)


def expect(kind: type[Kind], outgoing: Outgoing) -> Kind:
    """`outgoing`, if it is of the kind that an adapter sends. Raises TypeError if it is not."""
    if not isinstance(outgoing, kind):
        raise TypeError(f"this adapter sends {kind.__name__}, not {type(outgoing).__name__}")
    return outgoing
