"""Contacts of the database as a simulation takes them: who they are and what they did."""

from __future__ import annotations

import json
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from api.http.times import format_time
from journeys.model.contact_fields import CONTACT_FIELDS, FIELD_NAMES
from journeys.model.well_known_events import ENGINE_EVENTS, WELL_KNOWN_EVENTS
from store.contacts.finding import ContactView, Wanted, find_page, view_contact
from store.contacts.membership_listing import groups_of, topics_of
from store.events.event_listing import recent_events
from store.sql import Connection

MOST_EVENTS: Final = 200
"""The latest events of a contact that conditions of a trial see."""
_MOST_GROUPS: Final = 500
_WITHOUT: Final = frozenset(
    {*ENGINE_EVENTS, *(name for name, event in WELL_KNOWN_EVENTS.items() if event.effect)}
)
"""Events whose effects are in the contact's state already, or which the engine alone records."""


async def contact_document(
    conn: Connection, contact_id: UUID, start: datetime, until: datetime
) -> dict[str, Any]:
    """A contact as `parcours simulate --contact` takes it, with what was recorded up to `until`.

    What was recorded after the `start` of the trial happened at its start.
    """
    contact = await view_contact(conn, contact_id)
    assert contact is not None
    return await _document(conn, contact, start, until, MOST_EVENTS)


async def sampled_documents(
    conn: Connection, segment: str | None, size: int, start: datetime, until: datetime
) -> list[dict[str, Any]]:
    """Contacts of a segment, or any, as `contact_document` has them, with fewer events."""
    found = await find_page(conn, Wanted(segment=segment), None, size)
    return [await _document(conn, each, start, until, MOST_EVENTS // 4) for each in found]


async def _document(
    conn: Connection, contact: ContactView, start: datetime, until: datetime, events: int
) -> dict[str, Any]:
    traits: dict[str, Any] = dict(contact.attributes)
    for name in FIELD_NAMES:
        value = getattr(contact, name)
        if value != CONTACT_FIELDS[name].absent and name not in contact.derived:
            traits[name] = value
    topics = await topics_of(conn, contact.id, "", _MOST_GROUPS)
    groups = await groups_of(conn, contact.id, "", _MOST_GROUPS)
    past = await recent_events(conn, contact.id, until=until, without=_WITHOUT, limit=events)
    return {
        "userId": contact.external_id or str(contact.id),
        "traits": traits,
        "groups": [each.group for each in groups],
        "topics": {each.topic: each.state for each in topics if each.state is not None},
        "events": [
            {"at": format_time(min(at, start)), "event": name, "properties": _plain(properties)}
            for name, properties, at in reversed(past)
        ],
    }


def _plain(properties: dict[str, Any]) -> dict[str, Any]:
    """Properties as JSON that orjson writes, which takes no number of more than 64 bits."""
    plain: dict[str, Any] = json.loads(json.dumps(properties), parse_int=_number)
    return plain


def _number(digits: str) -> int | float:
    return int(digits) if len(digits) < 19 else float(digits)
