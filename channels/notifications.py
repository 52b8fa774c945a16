"""What providers report: the forms that every provider's notifications are parsed into."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Final, Literal
from uuid import UUID

import orjson

from channels.storable import storable_text

LONGEST_TEXT: Final = 1_000
"""Characters of a reply, or of a provider's words, that an event keeps."""
LONGEST_BODY: Final = 1 << 20
"""Bytes of a notification. Amazon's have at most 256 KiB, and mail in them more than its text."""

Actor = Literal["human", "machine", "unknown"]


class Unreadable(ValueError):
    """A notification that is not of a documented form. Repeating it would not help."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Notification:
    """A fact that a provider reports about one message."""

    id: str
    """Stays the same when the provider repeats the notification, also by another way."""
    name: str
    """The well-known event that it becomes."""
    happened_at: datetime | None = None
    message_id: UUID | None = None
    """Our id of the message, if the provider repeats it."""
    provider: str
    provider_id: str | None = None
    """The provider's id of the message."""
    properties: Mapping[str, Any] = field(default_factory=dict)
    by: Actor | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class InboundText:
    """A text message that came in from a telephone."""

    id: str
    """The provider's id of it."""
    sender: str
    """In E.164."""
    recipient: str
    """Our number, or our short code."""
    text: str
    provider: str
    previous_provider_id: str | None = None
    """The provider's id of the message that it answers, if the provider knows one."""
    happened_at: datetime | None = None


def parse_object(body: bytes | str) -> dict[str, Any]:
    """A JSON object. Raises Unreadable for anything else, and for one that is too long."""
    if len(body) > LONGEST_BODY:
        raise Unreadable("the notification is too long")
    try:
        parsed = orjson.loads(body)
    except orjson.JSONDecodeError:
        raise Unreadable("the notification is not JSON") from None
    if not isinstance(parsed, dict):
        raise Unreadable("the notification is not a JSON object")
    return parsed


def read_text(source: Mapping[str, Any], name: str) -> str | None:
    """A text of an object, bounded and fit to be stored; None if it has none."""
    value = source.get(name)
    if not isinstance(value, str) or not value:
        return None
    return bounded_text(value)


def read_object(source: Mapping[str, Any], name: str) -> dict[str, Any]:
    """An object inside of an object; an empty one if it has none."""
    value = source.get(name)
    return value if isinstance(value, dict) else {}


def bounded_text(text: str) -> str:
    """The beginning of a text, without what PostgreSQL cannot store."""
    return storable_text(text[:LONGEST_TEXT])


def parse_message_id(value: object) -> UUID | None:
    """Our id of a message; None if the value is not one."""
    if not isinstance(value, str) or len(value) != 36:
        return None
    try:
        return UUID(value)
    except ValueError:
        return None


def parse_time(value: object) -> datetime | None:
    """A time in RFC 3339 or in milliseconds since 1970; None if the value is neither."""
    try:
        if isinstance(value, str):
            at = datetime.fromisoformat(value)
        elif isinstance(value, int | float) and not isinstance(value, bool):
            at = datetime.fromtimestamp(value / 1000, UTC)
        else:
            return None
    except (ValueError, OverflowError, OSError):
        return None
    return at if at.tzinfo is not None else None
