"""Parsing of tracking calls: a JSON object becomes an item, or is refused with its field named."""

from __future__ import annotations

import hmac
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import sha256
from typing import Any
from uuid import uuid4

import orjson

from api.http.bodies import find_unstorable, is_too_deep
from api.http.times import NaiveTime, parse_time
from api.tracking.visits import read_visit
from journeys.links.tokens import LinkKeys
from journeys.model.contact_checks import check_context, judge_attributes
from journeys.model.identifiers import find_id_flaw, is_plain_id
from journeys.model.well_known_events import (
    ENGINE_EVENTS,
    OPERATE_EVENTS,
    PAGE_VIEWED,
    SCREEN_VIEWED,
    TOPIC_SUBSCRIBED,
)
from store.events.effects import has_effects
from store.events.items import Item, ItemWarning

ITEM_LIMIT = 32 * 1024
"""The most bytes of an item (the limit of Segment's tracking API)."""
MESSAGE_ID_LIMIT = 100
ID_LIMIT = 500
NAME_LIMIT = 200

KINDS = ("identify", "track", "page", "screen", "group", "alias")
_HASH_LIMIT = 200
"""Characters of a `userHash`; HMAC-SHA256 has 64."""
_NOTHING: Mapping[str, Any] = {}
_NO_WARNINGS: tuple[ItemWarning, ...] = ()
_EARLIEST = datetime(1970, 1, 1, tzinfo=UTC)
"""Events are no older: an earlier time is the zero of a client's clock, or a mistake."""
_GUARDED_EVENTS = frozenset({*OPERATE_EVENTS, *ENGINE_EVENTS, TOPIC_SUBSCRIBED})
"""Events that not every key may send, or not with every property."""
_VIEWS = {"page": PAGE_VIEWED, "screen": SCREEN_VIEWED}


class ItemRefused(Exception):
    """An item that is refused, with a code. The message names the field."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


@dataclass(frozen=True, slots=True)
class Envelope:
    """The facts that all items of a request share."""

    received_at: datetime
    operate: bool
    """The scope of the key includes `operate`."""
    may_change_addresses: bool = True
    """Whether the key may replace an address that a contact has."""
    user_hash_secret: str | None = None
    """The key's secret, under which a `userHash` permits that as well."""
    link_keys: LinkKeys | None = None
    """What signs the tokens of visits."""
    sent_at: datetime | None = None
    context: Mapping[str, Any] | None = None
    doubtful: bool = False
    """Texts or numbers may be ones that PostgreSQL cannot store; see `api.http.bodies.decode`."""
    may_be_oversize: bool = False
    """The body is larger than the limit of one item."""


def parse_item(raw: Any, kind: str | None, envelope: Envelope) -> Item:
    """The item of a call. `kind` is None in a batch, where `type` names it. Raises ItemRefused."""
    if not isinstance(raw, dict):
        raise ItemRefused("invalid_item", "must be a JSON object")
    if envelope.doubtful:
        _refuse_unstorable(raw)
    if envelope.may_be_oversize:
        _check_size(raw)
    if kind is None:
        kind = raw.get("type")
        if kind not in KINDS:
            raise ItemRefused("unknown_type", f"type: must be one of {', '.join(KINDS)}")
    # Nearly every field is right. A call of a function for each would take longer than the checks.
    message_id = raw.get("messageId")
    if type(message_id) is not str or not 0 < len(message_id) <= MESSAGE_ID_LIMIT:
        message_id = _text(raw, "messageId", MESSAGE_ID_LIMIT) or str(uuid4())
    user_id = raw.get("userId")
    if type(user_id) is not str or len(user_id) > ID_LIMIT or not is_plain_id(user_id):
        user_id = _id(raw, "userId", ID_LIMIT)
    anonymous_id = _id(raw, "anonymousId", ID_LIMIT) if "anonymousId" in raw else None
    if user_id is None and (anonymous_id is None or kind == "alias"):
        missing = "userId" if kind == "alias" else "userId or anonymousId"
        raise ItemRefused("missing_user", f"{missing}: missing")
    client_at, original_at = envelope.received_at, None
    if "timestamp" in raw or "sentAt" in raw:
        client_at, original_at = _times(raw, envelope)
        if client_at < _EARLIEST:
            raise ItemRefused("invalid_time", f"timestamp: lies before {_EARLIEST.year}")
    if "userHash" in raw:
        _text(raw, "userHash", _HASH_LIMIT)
    context = _object(raw, "context") if "context" in raw else _NOTHING
    if envelope.context:
        context = {**envelope.context, **context}
    defaults = check_context(context) if context else _NOTHING
    visit, warnings = None, _NO_WARNINGS
    if user_id is None and "visit" in context:
        plain = kind in _VIEWS or (kind == "track" and not has_effects(str(raw.get("event"))))
        visit, warnings = read_visit(
            context["visit"], envelope.link_keys, envelope.received_at, plain=plain
        )
    match kind:
        case "identify":
            traits, left_out = _traits(raw, envelope)
            return Item(
                "identify", message_id, user_id, anonymous_id,
                traits=traits, defaults=defaults, warnings=(*warnings, *left_out),
                may_change_addresses=envelope.may_change_addresses
                or _is_proven(raw, context, user_id, envelope.user_hash_secret),
                client_at=client_at, original_at=original_at,
            )  # fmt: skip
        case "group":
            _object(raw, "traits")
            return Item(
                "group", message_id, user_id, anonymous_id,
                group=_required_id(raw, "groupId", NAME_LIMIT), defaults=defaults,
                warnings=warnings,
                client_at=client_at, original_at=original_at,
            )  # fmt: skip
        case "alias":
            return Item(
                "alias", message_id, user_id,
                previous_id=_required_id(raw, "previousId", ID_LIMIT),
                client_at=client_at, original_at=original_at,
            )  # fmt: skip
    properties = raw.get("properties")
    if type(properties) is not dict or is_too_deep(properties):
        properties = _object(raw, "properties")
    view = _VIEWS.get(kind)
    if view is not None:
        name, properties = view, {**properties, **_view_names(raw)}
    else:
        given = raw.get("event")
        if type(given) is str and len(given) <= NAME_LIMIT and is_plain_id(given):
            name = given
        else:
            name = _required_id(raw, "event", NAME_LIMIT)
    if name in _GUARDED_EVENTS:
        _refuse_guarded(name, properties, envelope)
    return Item(
        "track", message_id, user_id, anonymous_id,
        name=name,
        properties=properties,
        effect_properties=properties if has_effects(name) else None,
        traits=_NOTHING, defaults=defaults, client_at=client_at, original_at=original_at,
        visit=visit, warnings=warnings,
    )  # fmt: skip


def _view_names(raw: Mapping[str, Any]) -> Mapping[str, str]:
    """The name and the category of a page or screen, which are properties of its event."""
    own = {name: _text(raw, name, NAME_LIMIT) for name in ("name", "category")}
    return {name: text for name, text in own.items() if text is not None}


def _refuse_guarded(name: str, properties: Mapping[str, Any], envelope: Envelope) -> None:
    """Raise ItemRefused if the key may not send this event."""
    if name in OPERATE_EVENTS and not envelope.operate:
        raise ItemRefused("forbidden_event", f"event: {name} needs a key of scope operate")
    if name in ENGINE_EVENTS:
        raise ItemRefused(
            "forbidden_event", f"event: the engine alone records {name}; use another name"
        )
    if name == TOPIC_SUBSCRIBED and properties.get("verified") and not envelope.operate:
        raise ItemRefused("forbidden_event", "properties.verified: needs a key of scope operate")


def _traits(
    raw: Mapping[str, Any], envelope: Envelope
) -> tuple[Mapping[str, Any], tuple[ItemWarning, ...]]:
    """The traits to set, and a warning for each that is left out."""
    judged = judge_attributes(_object(raw, "traits"), operate=envelope.operate)
    warnings = [
        ItemWarning(f"invalid_{name}", f"traits.{name}: {wrong}", name)
        for name, wrong in judged.refused.items()
    ]
    warnings += [
        ItemWarning(
            "forbidden_attribute", f"traits.{name}: is set by a key of scope operate only", name
        )
        for name in judged.forbidden
    ]
    traits = {}
    for name, value in judged.values.items():
        flaw = find_id_flaw(name)
        if flaw is None and len(name) > NAME_LIMIT:
            flaw = f"must have at most {NAME_LIMIT} characters"
        if flaw is None:
            traits[name] = value
        else:
            shown = name[:NAME_LIMIT]
            warnings.append(ItemWarning("invalid_name", f"traits: a name {flaw}", shown))
    return traits, tuple(warnings)


def _is_proven(
    raw: Mapping[str, Any], context: Mapping[str, Any], user_id: str | None, secret: str | None
) -> bool:
    """Whether the call has the HMAC of its user id: its sender knows that it is this user."""
    given = raw.get("userHash", context.get("userHash"))
    if secret is None or user_id is None or not isinstance(given, str):
        return False
    wanted = hmac.new(secret.encode(), user_id.encode(), sha256).hexdigest()
    return hmac.compare_digest(wanted.encode(), given.lower().encode("utf-8", "replace"))


def _times(raw: Mapping[str, Any], envelope: Envelope) -> tuple[datetime, datetime | None]:
    """When the event happened, corrected by the error of the client's clock, and its `timestamp`.

    The error is the difference between `sentAt` and the time of receipt.
    """
    original = _time(raw, "timestamp")
    sent_at = _time(raw, "sentAt") or envelope.sent_at
    if original is None:
        return envelope.received_at, None
    if sent_at is None:
        return original, original
    try:
        corrected = envelope.received_at - (sent_at - original)
    except OverflowError:
        raise ItemRefused("invalid_time", "timestamp: beyond any calendar") from None
    return corrected, original


def _time(raw: Mapping[str, Any], field: str) -> datetime | None:
    value = raw.get(field)
    if value is None:
        return None
    try:
        return parse_time(value)
    except NaiveTime as error:
        raise ItemRefused("naive_time", f"{field}: {error}") from None
    except ValueError as error:
        raise ItemRefused("invalid_time", f"{field}: {error}") from None


def _text(raw: Mapping[str, Any], field: str, limit: int) -> str | None:
    """The text of a field; None if it is absent or empty."""
    value = raw.get(field)
    if value is None or value == "":
        return None
    if not isinstance(value, str):
        raise ItemRefused("invalid_type", f"{field}: must be a text")
    if len(value) > limit:
        raise ItemRefused("too_long", f"{field}: must have at most {limit} characters")
    return value


def _id(raw: Mapping[str, Any], field: str, limit: int) -> str | None:
    """The id or name of a field; None if it is absent or empty."""
    value = _text(raw, field, limit)
    flaw = find_id_flaw(value) if value is not None else None
    if flaw is not None:
        raise ItemRefused("invalid_id", f"{field}: {flaw}")
    return value


def _required_id(raw: Mapping[str, Any], field: str, limit: int) -> str:
    value = _id(raw, field, limit)
    if value is None:
        raise ItemRefused("missing_field", f"{field}: missing")
    return value


def _object(raw: Mapping[str, Any], field: str) -> Mapping[str, Any]:
    value = raw.get(field)
    if not value and (value is None or isinstance(value, dict)):
        return {}
    if not isinstance(value, dict):
        raise ItemRefused("invalid_type", f"{field}: must be an object")
    if is_too_deep(value):
        raise ItemRefused("too_deep", f"{field}: nested too deeply")
    return value


def _check_size(raw: Mapping[str, Any]) -> None:
    try:
        size = len(orjson.dumps(raw))
    except orjson.JSONEncodeError:
        raise ItemRefused("too_deep", "the item is nested too deeply") from None
    if size > ITEM_LIMIT:
        raise ItemRefused("oversize", f"the item is larger than {ITEM_LIMIT // 1024} KB")


def _refuse_unstorable(raw: Any) -> None:
    found = find_unstorable(raw)
    if found is not None:
        path, wrong = found
        raise ItemRefused("invalid_value", f"{path.encode('utf-8', 'replace').decode()}: {wrong}")
