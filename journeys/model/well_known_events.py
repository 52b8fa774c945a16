"""The well-known events: one definition of each, from which everything else is derived.

Recording one has a side effect, which `store.events.effects` writes; any other event is only a
fact. Adding one is an entry here, and code there if its effect is of a new kind.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Literal

from journeys.protocol.message_status import STATUSES, MessageStatus, RecordedStatus

Effect = Literal["consent", "channel", "message", "coupon", "location"]
ConsentState = Literal["subscribed", "pending", "unsubscribed"]
ChannelState = Literal["subscribed", "unsubscribed"]


@dataclass(frozen=True, slots=True, kw_only=True)
class WellKnownEvent:
    """One well-known event."""

    effect: Effect | None = None
    """What recording it changes; None if it changes nothing."""
    properties: tuple[str, ...] = ()
    """Properties that it must have; without them it is refused."""
    operate_only: bool = False
    """Posting it needs a key of scope `operate`."""
    engine_only: bool = False
    """The engine alone records it: posting it and emitting it are refused."""
    consent: ConsentState | None = None
    """The consent to the topic, or to the channel, that it results in."""
    status: RecordedStatus | None = None
    """The status of the message that it results in; its column is the status with `_at`."""
    by_contact: bool = True
    """Whether the contact did it; otherwise it happened to the contact or to a message."""


CONTACT_CREATED: Final = "Contact Created"
"""Recorded once for each contact, before its first event."""
CONTACT_CHANGED: Final = "Contact Changed"
"""Recorded for each change of a contact's attributes: `{names, changes: {name: [from, to]}}`."""
GROUP_JOINED: Final = "Group Joined"
GROUP_LEFT: Final = "Group Left"
SEGMENT_ENTERED: Final = "Segment Entered"
SEGMENT_LEFT: Final = "Segment Left"
PLACE_REACHED: Final = "Place Reached"
TOPIC_SUBSCRIBED: Final = "Topic Subscribed"
TOPIC_CONFIRMED: Final = "Topic Confirmed"
TOPIC_UNSUBSCRIBED: Final = "Topic Unsubscribed"
CHANNEL_SUBSCRIBED: Final = "Channel Subscribed"
CHANNEL_UNSUBSCRIBED: Final = "Channel Unsubscribed"
MESSAGE_SENT: Final = "Message Sent"
MESSAGE_DELAYED: Final = "Message Delayed"
"""The provider tries again: a fact, and no status."""
MESSAGE_DELIVERED: Final = "Message Delivered"
MESSAGE_REPLIED: Final = "Message Replied"
MESSAGE_CLICKED: Final = "Message Clicked"
MESSAGE_OPENED: Final = "Message Opened"
MESSAGE_BOUNCED: Final = "Message Bounced"
MESSAGE_COMPLAINED: Final = "Message Complained"
COUPON_REDEEMED: Final = "Coupon Redeemed"
LOCATION_UPDATED: Final = "Location Updated"
PAGE_VIEWED: Final = "Page Viewed"
SCREEN_VIEWED: Final = "Screen Viewed"
FORM_SUBMITTED: Final = "Form Submitted"
"""Recorded once for each submission of a form: `{form, …fields}`."""


def _consent(state: ConsentState, *, operate_only: bool = False) -> WellKnownEvent:
    return WellKnownEvent(
        effect="consent", properties=("topic",), consent=state, operate_only=operate_only
    )


def _channel(state: ChannelState) -> WellKnownEvent:
    return WellKnownEvent(effect="channel", properties=("channel",), consent=state)


def _message(status: RecordedStatus | None = None, *, by_contact: bool = False) -> WellKnownEvent:
    return WellKnownEvent(effect="message", status=status, operate_only=True, by_contact=by_contact)


def _derived(*properties: str) -> WellKnownEvent:
    return WellKnownEvent(engine_only=True, properties=properties, by_contact=False)


WELL_KNOWN_EVENTS: Final[Mapping[str, WellKnownEvent]] = {
    TOPIC_SUBSCRIBED: _consent("subscribed"),
    TOPIC_CONFIRMED: _consent("subscribed", operate_only=True),
    TOPIC_UNSUBSCRIBED: _consent("unsubscribed"),
    CHANNEL_SUBSCRIBED: _channel("subscribed"),
    CHANNEL_UNSUBSCRIBED: _channel("unsubscribed"),
    MESSAGE_SENT: _message(),
    MESSAGE_DELAYED: _message(),
    MESSAGE_OPENED: _message("opened", by_contact=True),
    MESSAGE_CLICKED: _message("clicked", by_contact=True),
    MESSAGE_DELIVERED: _message("delivered"),
    MESSAGE_BOUNCED: _message("bounced"),
    MESSAGE_COMPLAINED: _message("complained"),
    MESSAGE_REPLIED: _message("replied", by_contact=True),
    COUPON_REDEEMED: WellKnownEvent(effect="coupon", properties=("code",)),
    LOCATION_UPDATED: WellKnownEvent(effect="location", properties=("lat", "lon")),
    PAGE_VIEWED: WellKnownEvent(),
    SCREEN_VIEWED: WellKnownEvent(),
    FORM_SUBMITTED: WellKnownEvent(),
    CONTACT_CREATED: _derived(),
    CONTACT_CHANGED: _derived("names", "changes"),
    SEGMENT_ENTERED: _derived("segment", "by"),
    SEGMENT_LEFT: _derived("segment", "by"),
    GROUP_JOINED: _derived("group"),
    GROUP_LEFT: _derived("group"),
    PLACE_REACHED: _derived("places", "place", "km"),
}

EVENTS_WITH_EFFECTS: Final = frozenset(
    name for name, event in WELL_KNOWN_EVENTS.items() if event.effect is not None
)
OPERATE_EVENTS: Final = frozenset(
    name for name, event in WELL_KNOWN_EVENTS.items() if event.operate_only
)
"""Events that need a key of scope `operate`."""
ENGINE_EVENTS: Final = frozenset(
    name for name, event in WELL_KNOWN_EVENTS.items() if event.engine_only
)
"""Events that the engine alone records."""
CONSENT_EVENTS: Final[Mapping[str, ConsentState]] = {
    name: event.consent
    for name, event in WELL_KNOWN_EVENTS.items()
    if event.consent is not None and event.effect == "consent"
}
"""Events of topics, each with the consent that it results in."""
CHANNEL_EVENTS: Final = frozenset(
    name for name, event in WELL_KNOWN_EVENTS.items() if event.effect == "channel"
)
"""Events of consent to a whole channel, which stands above topics."""
MESSAGE_EVENTS: Final[Mapping[str, RecordedStatus | None]] = {
    name: event.status for name, event in WELL_KNOWN_EVENTS.items() if event.effect == "message"
}
"""Events of messages, each with the status that it results in."""
STATUS_EVENTS: Final[Mapping[MessageStatus, str]] = {
    status: name
    for name, event in WELL_KNOWN_EVENTS.items()
    for status in STATUSES
    if event.status == status
}
"""The event of each status that a journey may name."""
EVENTS_NOT_BY_CONTACT: Final = frozenset(
    name for name, event in WELL_KNOWN_EVENTS.items() if not event.by_contact
)
