"""Gates: what stands between a contact and a message, each with the values that decided it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Final, Literal, get_args

from journeys.model.reasons import RefusalReason, SkipReason
from journeys.protocol.deferrals import DeferralReason
from store.conditions import Part

EntryGate = Literal[
    "journey", "event", "dispatch", "where", "entry_if", "date", "schedule", "start", "contact",
    "restricted", "chain", "active_period", "late_event", "key", "active_run", "re_entry",
    "holdout",
]  # fmt: skip
"""What is asked before a run begins, in the engine's order."""
StepGate = Literal[
    "run", "path", "exit", "goal", "paused", "if", "recipient", "address", "suppression", "consent",
    "freeze", "late", "send_at", "window", "quiet_hours", "cap", "apart", "ceiling",
    "shared_address", "operator", "provider",
]  # fmt: skip
"""What is asked of a run and of a send, in the engine's order."""
GateName = EntryGate | StepGate
Source = Literal["decision", "now"]
"""Whether a gate shows what was decided then, or what would be decided now."""

GATES: Final[Mapping[str, str]] = {
    "journey": "the journey is active",
    "event": "an event that begins runs was recorded",
    "dispatch": "the event was dispatched",
    "where": "the event is what the entry's `where` asks for",
    "entry_if": "the entry's `if` holds",
    "date": "the contact has a date, and it has come",
    "schedule": "an occurrence of the schedule has come",
    "start": "a run was started",
    "contact": "the contact was not merged meanwhile",
    "restricted": "the contact is not restricted",
    "chain": "few enough enters and emits led here",
    "active_period": "the journey takes entries at this time",
    "late_event": "the event arrived soon enough after it happened",
    "key": "the entry has its key",
    "active_run": "no other run of the journey is active",
    "re_entry": "the journey lets the contact in again",
    "holdout": "no holdout keeps the contact out",
    "run": "the run has not ended",
    "path": "the run's way leads to the step",
    "exit": "no exit has fired",
    "goal": "the goal has not ended the run",
    "paused": "the journey is not paused, and no resume or move skips the send",
    "if": "the step's `if` holds",
    "recipient": "the contact is not restricted",
    "address": "the contact has an address",
    "suppression": "the address is not suppressed",
    "consent": "the contact has consented to the topic",
    "freeze": "marketing is not frozen",
    "late": "it is not later than `up_to`",
    "send_at": "the time of `send_at` has come",
    "window": "the window is open",
    "quiet_hours": "these are no quiet hours",
    "cap": "the contact has had fewer messages than its cap",
    "apart": "the contact's last message is far enough away",
    "ceiling": "the channel may send more today",
    "shared_address": "no other contact with the address got it",
    "operator": "no operator skipped it",
    "provider": "the provider took it",
}
"""Each gate, as what is so if it was passed."""

REFUSED_AT: Final[Mapping[RefusalReason, EntryGate]] = {
    "paused": "journey",
    "archived": "journey",
    "draft": "journey",
    "broken": "journey",
    "merged": "contact",
    "restricted": "restricted",
    "chain": "chain",
    "inactive": "active_period",
    "late_event": "late_event",
    "late": "late_event",
    "no_key": "key",
    "if": "entry_if",
    "active": "active_run",
    "re_entry": "re_entry",
    "holdout": "holdout",
}
"""The gate at which an entry is refused for each reason."""
SKIPPED_AT: Final[Mapping[SkipReason, StepGate]] = {
    "if": "if",
    "no_address": "address",
    "suppressed": "suppression",
    "consent": "consent",
    "cap": "cap",
    "window": "window",
    "late": "late",
    "paused": "paused",
    "exited": "exit",
    "frozen": "freeze",
    "shared_address": "shared_address",
    "restricted": "recipient",
    "operator": "operator",
}
"""The gate at which a send is skipped for each reason."""
HELD_AT: Final[Mapping[DeferralReason, StepGate]] = {
    "paused": "paused",
    "retry": "provider",
    "send_at": "send_at",
    "window": "window",
    "quiet_hours": "quiet_hours",
    "cap": "cap",
    "apart": "apart",
    "frozen": "freeze",
    "turn": "freeze",
    "ceiling": "ceiling",
}
"""The gate at which a send waits for each reason."""
_ORDER: Final[tuple[GateName, ...]] = (*get_args(EntryGate), *get_args(StepGate))


@dataclass(frozen=True, slots=True, kw_only=True)
class Gate:
    """One question that was asked, or will be, and its answer."""

    gate: GateName
    passed: bool | None
    """None: it was not asked yet, or it cannot be known."""
    at: datetime
    """When it was decided, or when the values were read."""
    source: Source
    words: str
    saw: dict[str, Any] = field(default_factory=dict)
    code: str | None = None
    """If it was not passed: the engine's code."""
    would_need: str | None = None
    """If it was not passed: what would have to be otherwise."""
    step: str | None = None
    """The step that asked; None for an entry and for the whole run."""
    part: Part | None = None
    """A condition, part by part."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Waiting:
    """What a contact or a run waits for."""

    reason: str
    """`event`, `time`, `date`, `schedule`, `dispatch`, `workflow`, `queue`, `winner`, or why a send
    is deferred."""
    words: str
    until: datetime | None = None
    """When time ends it; None: only what it waits for does."""
    step: str | None = None
    details: dict[str, Any] = field(default_factory=dict)


def first_failed(gates: list[Gate]) -> Gate | None:
    """The first gate that was not passed; None if there is none."""
    return next((gate for gate in gates if gate.passed is False), None)


def as_text(at: datetime | None) -> str | None:
    """An instant as RFC 3339 in UTC."""
    return None if at is None else at.astimezone(UTC).isoformat().replace("+00:00", "Z")


def place_of(gate: Gate) -> int:
    """The place of a gate in the engine's order."""
    return _ORDER.index(gate.gate)
