"""Changes of the audit log in words."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from store.operations.audit_actions import ACTIONS, Action
from store.operations.audit_listing import AuditEntry

_LONGEST: Final = 60
_HASH: Final = 10
"""Characters of a hash that are shown."""
_SILENT: Final = frozenset({"job", "backfills", "message", "cut"})
"""What a sentence leaves out, because it says nothing to a reader."""


_KNOWN: Final[Mapping[str, Action]] = {str(name): action for name, action in ACTIONS.items()}


def sentence(entry: AuditEntry) -> str:
    """What was done, to what, and how it was and is: `activated journey a: version 2 → 3`."""
    action = _KNOWN.get(entry.action)
    subject = entry.subject
    if action is None:
        # An earlier release knew it.
        done = f"{entry.action} {entry.subject_kind} {subject}"
    else:
        done = action.words.format(subject)
    details = ", ".join(_details(entry.before or {}, entry.after or {}))
    return f"{done}: {details}" if details else done


def _details(before: Mapping[str, Any], after: Mapping[str, Any]) -> list[str]:
    found = []
    names = [*after, *(name for name in before if name not in after)]
    # The database keeps no order of names.
    for name in sorted(names, key=lambda name: (name != "version", name)):
        if name in _SILENT:
            continue
        said = name.replace("_", " ")
        was, now = before.get(name), after.get(name)
        if was == now or (name == "sha256" and "version" in names):
            continue
        if was is not None and name in after:
            found.append(f"{said} {_words(name, was)} → {_words(name, now)}")
        else:
            found.append(f"{said} {_words(name, was if now is None else now)}")
    return found


def _words(name: str, value: Any) -> str:
    if value is None:
        return "none"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if name == "sha256":
        return str(value)[:_HASH]
    if isinstance(value, dict):
        text = ", ".join(f"{key}: {_words(key, part)}" for key, part in value.items())
    elif isinstance(value, list):
        text = ", ".join(_words("", part) for part in value)
    else:
        text = str(value)
    return text if len(text) <= _LONGEST else f"{text[: _LONGEST - 1]}…"
