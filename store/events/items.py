"""Tracking calls that were checked, and the answers to them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal
from uuid import UUID

import orjson


@dataclass(frozen=True, slots=True)
class Sender:
    """Who sent a batch: the holder of a key."""

    source: str
    """Whose message ids it shares."""
    trusted: bool = False
    """Whether its key is not public, so that its calls have a limit of their own."""


@dataclass(frozen=True, slots=True)
class ItemWarning:
    """A part of an item that had no effect, although the item was accepted."""

    code: str
    message: str
    field: str | None = None


# These two are made for each call of a batch. A frozen dataclass takes three times as long to make.
@dataclass(slots=True)
class Item:
    """One tracking call, already checked. `page` and `screen` are tracks. It is not changed."""

    kind: Literal["identify", "track", "group", "alias"]
    message_id: str
    user_id: str | None = None
    anonymous_id: str | None = None
    name: str = ""
    """Of a track: the event's."""
    properties: Mapping[str, Any] | orjson.Fragment = field(default_factory=dict)
    """Of a track."""
    effect_properties: Mapping[str, Any] | None = None
    """The same if the event has side effects."""
    traits: Mapping[str, Any] = field(default_factory=dict)
    """Of an identify: checked values by attribute; None removes one."""
    defaults: Mapping[str, Any] = field(default_factory=dict)
    """Values that the contact takes only where it has none: zone and locale of the context."""
    warnings: tuple[ItemWarning, ...] = ()
    """What was left out of it when it was checked."""
    may_change_addresses: bool = True
    """Of an identify: whether it may replace an address that the contact has."""
    group: str | None = None
    previous_id: str | None = None
    visit: UUID | None = None
    """Of a track without side effects: the message by a link of which an anonymous browser came."""
    client_at: datetime | None = None
    original_at: datetime | None = None


@dataclass(slots=True)
class Accepted:
    """An item that has taken effect: now, or, if not `new`, when it was received before."""

    message_id: str
    new: bool = True
    warnings: tuple[ItemWarning, ...] = ()


@dataclass(frozen=True, slots=True)
class Rejected:
    """An item that was refused and has no effect."""

    message_id: str
    code: str
    message: str
    retry_after: float | None = None
    """Seconds after which it may be accepted."""
