"""The audit log: changes are recorded in their own transactions, and never changed afterwards."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from getpass import getuser
from typing import Any, Final
from uuid import UUID

import orjson

from store.operations.audit_actions import ACTIONS, ActionName
from store.sql import Connection, execute, sql
from store.tables.audit import Via as Via
from store.tables.operations import Scope

_LONGEST_TEXT: Final = 200
_LONGEST_LIST: Final = 50
_DEEPEST: Final = 4
_LARGEST: Final = 4_000
"""Bytes of `before`, and of `after`."""
_LONGEST_REASON: Final = 500


@dataclass(frozen=True, slots=True)
class Actor:
    """Who makes a change, and by which way."""

    name: str
    """The name of the key; of a command the account of the system."""
    via: Via
    key_id: UUID | None = None
    scope: Scope | None = None
    request_id: str | None = None

    @classmethod
    def of_command(cls) -> Actor:
        """The person who runs a command that works in the database itself."""
        try:
            name = getuser()
        except (KeyError, OSError, ImportError):
            # A container may run as a number for which no account is known.
            name = "unknown"
        return cls(name or "unknown", "command")


ENGINE: Final = Actor("engine", "engine")
"""The engine, which changes something by itself."""
OUTSIDE: Final = Actor("outside", "engine")
"""A person who ended a workflow in Temporal itself, as the engine finds it later."""


@dataclass(frozen=True, slots=True)
class Change:
    """A change that is to be recorded."""

    action: ActionName
    subject: str
    """`kind:key`, such as `journey:welcome`."""
    before: Mapping[str, Any] | None = None
    after: Mapping[str, Any] | None = None
    reason: str | None = None
    journey: str | None = None
    """The journey that it is about, unless that is its subject."""


_RECORD = sql("""
insert into audit (actor, key_id, scope, via, request_id, action, subject_kind, subject, journey,
                   before, after, reason)
select %(actor)s, %(key_id)s, %(scope)s, %(via)s, %(request_id)s, c.*
from jsonb_to_recordset(%(changes)s::jsonb) c(
    action text, subject_kind text, subject text, journey text, before jsonb, after jsonb,
    reason text)
""")


async def record_audit(
    conn: Connection,
    actor: Actor,
    action: ActionName,
    subject: str,
    *,
    before: Mapping[str, Any] | None = None,
    after: Mapping[str, Any] | None = None,
    reason: str | None = None,
    journey: str | None = None,
) -> None:
    """Record a change, in the transaction that makes it.

    `subject` is `kind:key`; of a contact our own id. `before` and `after` say versions, states,
    counts and names of fields: no value about a person, because the log outlives its erasure. They
    are cut to a few thousand bytes. `journey` is the one that the change is about, unless that is
    its subject.

    Raises ValueError if the subject is of another kind than that of the action.
    """
    await record_audits(conn, actor, [Change(action, subject, before, after, reason, journey)])


async def record_audits(conn: Connection, actor: Actor, changes: Sequence[Change]) -> None:
    """`record_audit` for several changes of one transaction, in one statement."""
    if not changes:
        return
    await execute(
        conn,
        _RECORD,
        {
            "actor": actor.name,
            "key_id": actor.key_id,
            "scope": actor.scope,
            "via": actor.via,
            "request_id": actor.request_id,
            "changes": orjson.dumps([_row(each) for each in changes]).decode(),
        },
    )


def _row(change: Change) -> dict[str, Any]:
    kind, colon, key = change.subject.partition(":")
    expected = ACTIONS[change.action].subject
    if not colon or not key or kind != expected:
        raise ValueError(f"{change.action} changes a {expected}, not {change.subject!r}")
    journey = change.journey
    if journey is None and kind == "journey":
        journey = key
    return {
        "action": change.action,
        "subject_kind": kind,
        "subject": key,
        "journey": journey,
        "before": bounded(change.before),
        "after": bounded(change.after),
        "reason": None if change.reason is None else _cut(change.reason.strip(), _LONGEST_REASON),
    }


def bounded(values: Mapping[str, Any] | None) -> dict[str, Any] | None:
    """The values, cut to what the log keeps: long texts and lists, and all of them together."""
    if values is None:
        return None
    kept = {str(name): _bounded(value, _DEEPEST) for name, value in values.items()}
    size = len(orjson.dumps(kept))
    if size <= _LARGEST:
        return kept
    return {"cut": True, "fields": _bounded(sorted(kept), 1)}


def _bounded(value: Any, depth: int) -> Any:
    if isinstance(value, str):
        return _cut(value, _LONGEST_TEXT)
    if isinstance(value, UUID):
        return str(value)
    if isinstance(value, Mapping):
        if depth == 0:
            return "…"
        return {
            _cut(str(name), _LONGEST_TEXT): _bounded(part, depth - 1)
            for name, part in list(value.items())[:_LONGEST_LIST]
        }
    if isinstance(value, list | tuple | set | frozenset):
        items = sorted(value) if isinstance(value, set | frozenset) else list(value)
        if depth == 0:
            return "…"
        shown = [_bounded(each, depth - 1) for each in items[:_LONGEST_LIST]]
        if len(items) > _LONGEST_LIST:
            shown.append(f"and {len(items) - _LONGEST_LIST} more")
        return shown
    return value


def _cut(text: str, longest: int) -> str:
    text = text.replace("\0", "")
    return text if len(text) <= longest else f"{text[: longest - 1]}…"
