"""The recipient of a send: its address, and the reasons why it must not get the message."""

from __future__ import annotations

from collections.abc import Iterator

from journeys.model.reasons import SkipReason
from journeys.model.sends import EffectiveSend
from journeys.protocol.channels import CHANNELS, ChannelName
from store.messages.send_state import Recipient


def address_of(contact: Recipient, channel: ChannelName) -> str | None:
    """The contact's address on a channel; None without one, and where no message goes to it."""
    field = CHANNELS[channel].address_field
    address: str | None = None if field is None else getattr(contact, field)
    return address


def check_recipient(
    channel: ChannelName, settings: EffectiveSend, contact: Recipient
) -> Iterator[tuple[SkipReason, bool]]:
    """What is asked of the recipient of a send, in order: each reason, and whether it holds.

    The first that holds is why the contact must not get the message.
    """
    yield "restricted", contact.restricted
    if not CHANNELS[channel].to_contact:
        return
    yield "no_address", not address_of(contact, channel)
    yield "suppressed", contact.suppressed is not None
    refused = contact.channel_refused or contact.consent != "subscribed"
    yield "consent", not settings.transactional and refused


def skip_for_recipient(
    channel: ChannelName, settings: EffectiveSend, contact: Recipient
) -> SkipReason | None:
    """Why the contact must not get the message; None if it may."""
    return next((why for why, holds in check_recipient(channel, settings, contact) if holds), None)
