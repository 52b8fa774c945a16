"""The items of a timeline in words: one sentence each, as an operator reads it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from api.events.refusal_words import reason_of
from journeys.model.reasons import SKIP_REASONS
from journeys.model.well_known_events import CONTACT_CREATED, GROUP_JOINED
from store.timeline.timeline import ItemType, TimelineItem

_SHOWN_VALUE = 60
"""Characters of a value that stand in a sentence."""
_SHOWN_CHANGES = 5


def sentence_of(item: TimelineItem) -> str:
    """What happened, in a sentence without the time."""
    return sentence(item.type, item.details, item.content)


def sentence(
    kind: ItemType, about: Mapping[str, Any], content: Mapping[str, Any] | None = None
) -> str:
    """The sentence of an item of this type, with what is known of it, and what a message said."""
    match kind:
        case "event":
            return f"{about['name']}{_listed(about['properties'])}"
        case "change":
            return _change(about)
        case "group":
            verb = "joined" if about["name"] == GROUP_JOINED else "left"
            return f"{verb} the group {_value(about['properties'].get('group'))}"
        case "segment":
            verb = "entered" if about["entered"] else "left"
            return f"{verb} the segment {about['segment']} (by {about['by']})"
        case "merge":
            return f"the contact {_value(about['merged'])} was merged into this one"
        case "entry":
            key = f", with the key {_value(about['key'])}" if about["key"] else ""
            return f"began {_journey(about)}{key}"
        case "end":
            why = f" ({about['reason']})" if about["reason"] else ""
            return f"ended {_journey(about)}: {about['outcome'] or 'ended'}{why}"
        case "refusal":
            again = "; an operator let it in later" if about["replayed_at"] else ""
            return f"was not let into {about['journey']}: {reason_of(about['code'])}{again}"
        case "visit":
            return _visit(about)
        case "message":
            return _message(about, content)
        case "consent":
            return _consent(about)
        case "coupon":
            spent = ", which is redeemed" if about["redeemed_at"] else ""
            return f"drew the code {_value(about['code'])} of the pool {about['pool']}{spent}"
        case "repair":
            to = f" to {about['to']}" if about["to"] else ""
            at = f" at {about['step']}" if about["step"] else ""
            reason = f": {about['reason']}" if about["reason"] else ""
            return f"{about['by']} used {about['action']}{to} on {about['journey']}{at}{reason}"


def _journey(about: Mapping[str, Any]) -> str:
    return f"{about['journey']} version {about['version']}"


def _change(about: Mapping[str, Any]) -> str:
    if about["name"] == CONTACT_CREATED:
        return "became known"
    changes = about["properties"].get("changes")
    if not isinstance(changes, dict) or not changes:
        return "was changed"
    words = []
    for name, change in list(changes.items())[:_SHOWN_CHANGES]:
        before, after = change if isinstance(change, list) and len(change) == 2 else (None, change)
        if after is None:
            words.append(f"{name} was removed (it was {_value(before)})")
        elif before is None:
            words.append(f"{name} was set to {_value(after)}")
        else:
            words.append(f"{name} was changed from {_value(before)} to {_value(after)}")
    more = len(changes) - len(words)
    return ", ".join(words) + (f", and {more} more" if more > 0 else "")


def _visit(about: Mapping[str, Any]) -> str:
    where = f"{about['step']} of {about['journey']}"
    outcome = about["outcome"]
    if outcome is None:
        held = f", held: {about['held']}" if about["held"] else ""
        due = f", until {_moment(about['due_at'])}" if about["due_at"] else ""
        return f"stands at {where} ({about['kind']}{held}{due})"
    reason = about["facts"].get("reason")
    if outcome == "skipped":
        why = next((words for code, words in SKIP_REASONS.items() if code == reason), reason)
        return f"skipped {where} ({about['kind']})" + (f": {why}" if why else "")
    why = f" ({reason})" if isinstance(reason, str) else ""
    return f"was at {where} ({about['kind']}): {outcome}{why}"


def _message(about: Mapping[str, Any], content: Mapping[str, Any] | None) -> str:
    subject = (content or {}).get("subject")
    named = f" {_value(subject)}" if isinstance(subject, str) else ""
    to = f" to {about['address']}" if about["address"] else ""
    code = f" ({about['code']})" if about["code"] else ""
    since = "".join(f", {status}" for status in about["statuses"])
    where = f"{about['step']} of {about['journey']}"
    return f"{about['channel']}{named}{to} by {where}: {about['state']}{code}{since}"


def _consent(about: Mapping[str, Any]) -> str:
    what = f"the topic {about['topic']}" if about["topic"] else "all messages"
    channel = f" by {about['channel']}" if about["channel"] else ""
    address = f" at {about['address']}" if about["address"] else ""
    text = f": {_value(about['text'])}" if about["text"] else ""
    return f"{about['state']} for {what}{channel}{address} (by {about['source']}{text})"


def _moment(text: str) -> str:
    """A time as it is recorded, in UTC to the second."""
    try:
        return f"{datetime.fromisoformat(text).astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC"
    except (ValueError, OverflowError):
        return text


def _listed(properties: Mapping[str, Any]) -> str:
    if not properties:
        return ""
    shown = [f"{name}: {_value(value)}" for name, value in list(properties.items())[:6]]
    more = ", …" if len(properties) > len(shown) else ""
    return f" ({', '.join(shown)}{more})"


def _value(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    text = " ".join(text.split())
    return f"{text[:_SHOWN_VALUE]}…" if len(text) > _SHOWN_VALUE else text
