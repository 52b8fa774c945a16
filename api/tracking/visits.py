"""The token of a visit in a call: by a link of which message an anonymous browser came."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Final
from uuid import UUID

from journeys.links.tokens import LinkKeys
from journeys.links.visits import VALID_FOR
from store.events.items import ItemWarning
from store.events.visits import VISIT_REFUSED

VISIT_ONLY: Final = ItemWarning(
    "visit_only",
    "context.visit: a clicked link proves nothing about the reader, so this call counts for the"
    " anonymous browser itself; name the contact by userId",
)
"""The answer to a call with consequences that go beyond the record of what a browser did."""


def read_visit(
    value: Any, keys: LinkKeys | None, received_at: datetime, *, plain: bool
) -> tuple[UUID | None, tuple[ItemWarning, ...]]:
    """The message of a token for a call without a user id, and what to warn of.

    `plain`: the call records an event without side effects. No other one is known by a token: it
    could change the contact, and mails are forwarded.
    """
    if value is None or value == "":
        return None, ()
    visit = keys.read_visit(value) if keys is not None and isinstance(value, str) else None
    if visit is None or received_at - visit.clicked_at > VALID_FOR:
        return None, (VISIT_REFUSED,)
    return (visit.message_id, ()) if plain else (None, (VISIT_ONLY,))
