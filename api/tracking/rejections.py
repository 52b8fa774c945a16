"""What is kept of a rejected call, and of a trait that was left out of one."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from api.tracking.items import ID_LIMIT, ITEM_LIMIT, KINDS, NAME_LIMIT
from store.events.items import ItemWarning
from store.events.rejected_items import KeptItem

_BEGINNING = 2_000
"""Characters that are kept of a call that is too large."""
_NOT_KEPT = frozenset({"rate_limited", "repeated_id"})
"""The client sends the call again, or the event is there."""


def rejected_call(raw: Any, kind: str | None, code: str, message: str) -> KeptItem | None:
    """A rejected call as it is kept; None if it is not."""
    return None if code in _NOT_KEPT else _kept(raw, kind, code, message, None)


def left_out(raw: Mapping[str, Any], warning: ItemWarning) -> KeptItem | None:
    """A trait that was left out, as an identify call with this trait alone; None if nothing is."""
    if warning.code in _NOT_KEPT or warning.field is None:
        return None
    traits = raw.get("traits")
    ids = {name: raw[name] for name in ("userId", "anonymousId") if name in raw}
    value = traits.get(warning.field) if isinstance(traits, dict) else None
    part = {"type": "identify", **ids, "traits": {warning.field: value}}
    return _kept(part, "identify", warning.code, warning.message, warning.field)


def _kept(raw: Any, kind: str | None, code: str, message: str, field: str | None) -> KeptItem:
    call = raw if isinstance(raw, dict) else {}
    if kind is None:
        wanted = call.get("type")
        kind = wanted if wanted in KINDS else "unknown"
    event = call.get("event")
    name = event if kind == "track" and isinstance(event, str) and event else kind
    reference = call.get("userId") or call.get("anonymousId")
    try:
        # ASCII alone: texts that PostgreSQL cannot hold are kept as escapes.
        body = json.dumps({**call, "type": kind} if call else raw)
    except (RecursionError, ValueError):
        body = ""
    whole = 0 < len(body) <= ITEM_LIMIT and bool(call)
    return KeptItem(
        reference=_storable(reference, ID_LIMIT) if isinstance(reference, str) else None,
        name=_storable(name, NAME_LIMIT),
        code=code,
        message=_storable(message, 1_000),
        body=body if whole else body[:_BEGINNING],
        whole=whole,
        field=None if field is None else _storable(field, NAME_LIMIT),
    )


def _storable(text: str, limit: int) -> str:
    return (
        text[:limit].replace("\0", "\N{REPLACEMENT CHARACTER}").encode("utf-8", "replace").decode()
    )
