"""The channels: one definition of each, from which everything else about them is derived.

Adding a channel is an entry here, its address among the contact's fields, its content and its step
in `journeys.model`, its message in `channels.adapter` with its composition, and a provider.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Literal, get_args

from journeys.protocol.message_status import STATUSES, MessageStatus

MessageChannel = Literal["email", "sms"]
"""The channels whose messages go to the contact."""
ChannelName = Literal[MessageChannel, "webhook"]
AddressField = Literal["email", "phone"]
EmailProvider = Literal["smtp", "ses"]
SmsProvider = Literal["sns", "end-user-messaging", "inbox"]
WebhookProvider = Literal["http"]
ProviderName = Literal[EmailProvider, SmsProvider, WebhookProvider]
"""Who takes a channel's messages. No two channels share a name, but for `inbox`."""
DEVELOPMENT_PROVIDER: Final = "inbox"
"""Keeps the messages of a development stack; no document may name it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ChannelDefinition:
    """One channel. Its name is also the kind of its step."""

    queue: str
    """The task queue of its sends in Temporal."""
    address_field: AddressField | None
    """The contact's field that messages go to. None for calls to systems, which need no consent
    and count towards no cap."""
    sent_outcome: Literal["sent", "ok"]
    """The outcome of a visit whose send succeeded."""
    providers: tuple[ProviderName, ...]
    """Its providers; `channels.registry` makes the adapter of each."""
    statuses: tuple[MessageStatus, ...]
    """The statuses that its providers may report after a message was sent."""

    @property
    def to_contact(self) -> bool:
        """Whether its messages go to the contact; otherwise they are calls to systems."""
        return self.address_field is not None


CHANNELS: Final[Mapping[ChannelName, ChannelDefinition]] = {
    "email": ChannelDefinition(
        queue="send-email",
        address_field="email",
        sent_outcome="sent",
        providers=get_args(EmailProvider),
        statuses=STATUSES,
    ),
    "sms": ChannelDefinition(
        queue="send-sms",
        address_field="phone",
        sent_outcome="sent",
        providers=get_args(SmsProvider),
        statuses=STATUSES,
    ),
    "webhook": ChannelDefinition(
        queue="send-webhook",
        address_field=None,
        sent_outcome="ok",
        providers=get_args(WebhookProvider),
        statuses=(),
    ),
}

SEND_KINDS: Final = frozenset[str](CHANNELS)
"""The kinds of steps that send."""
MESSAGE_KINDS: Final = frozenset[str](
    name for name, channel in CHANNELS.items() if channel.to_contact
)
"""The kinds of steps that send the contact a message."""
SEND_QUEUES: Final[Mapping[str, str]] = {name: channel.queue for name, channel in CHANNELS.items()}
NAMED_PROVIDERS: Final[Mapping[MessageChannel, tuple[ProviderName, ...]]] = {
    "email": CHANNELS["email"].providers,
    "sms": tuple(name for name in CHANNELS["sms"].providers if name != DEVELOPMENT_PROVIDER),
}
"""The providers that a document may name, by channel."""
