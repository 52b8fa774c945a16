"""Reasons for skipped steps and refused entries, each with its explanation."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, Literal

SkipReason = Literal[
    "if", "no_address", "suppressed", "consent", "cap", "window", "late", "paused", "exited",
    "frozen", "shared_address", "restricted",
    "operator",
]  # fmt: skip

SKIP_REASONS: Final[Mapping[SkipReason, str]] = {
    "if": "its `if` does not hold",
    "no_address": "the contact has no e-mail address, or no phone",
    "suppressed": "the address is suppressed: nothing is sent to it",
    "consent": "the contact has not subscribed to the topic",
    "cap": "the contact got as many messages as it may",
    "window": "the window is closed, and says `else: skip`",
    "late": "it was held for longer than its `up_to`",
    "paused": "the journey was paused, and resumed with `skip`",
    "frozen": "marketing was frozen for longer than its `up_to`",
    "shared_address": "another contact with this address got this occurrence of the schedule",
    "exited": "an exit ended the run before it went out",
    "restricted": "the contact is restricted: nothing is sent about it or to it",
    "operator": "an operator skipped it; `repair` among the facts says who and why",
}
"""Why a step ends `skipped`. Only sends have reasons other than `if` and `operator`."""

RefusalReason = Literal[
    "paused", "archived", "draft", "inactive", "active", "re_entry", "no_key", "if", "merged",
    "chain", "late_event", "broken", "late", "restricted", "holdout",
]  # fmt: skip

REFUSAL_REASONS: Final[Mapping[RefusalReason, str]] = {
    "paused": "the journey is paused and takes no entries; resume it first",
    "archived": "the journey is archived and takes no entries",
    "draft": "the journey is not active yet; activate it first",
    "inactive": "the journey takes entries in its `active` period only, and this is not in it",
    "active": "the contact has an active run of this journey with the same key",
    "re_entry": "the contact has been in this journey, and its re_entry does not let it in again",
    "no_key": "the journey's entry has a key, and the properties lack it or have it empty",
    "late_event": "the event happened longer before it arrived than the entry's max_age allows",
    "late": "the date or the occurrence came longer ago than the entry's up_to allows",
    "broken": "the journey, or a segment that it names, no longer validates; apply it once more",
    "restricted": "the contact is restricted, and nothing is begun for it; lift that first",
    "holdout": "a holdout keeps the contact out of the journey, so that what it does is measured",
    "chain": "too many enters and emits have come of one event",
    "if": "the journey lets a start by API in if a condition holds, and it does not",
    "merged": "the contact was merged into another one meanwhile; ask again",
}
"""Why an entry begins no run."""

TRIED_AGAIN: Final[Mapping[RefusalReason, str]] = {
    "paused": "once the journey is resumed",
    "archived": "once the journey is active again",
    "draft": "once the journey is active",
    "inactive": "within the journey's `active` period",
    "active": "once that run has ended",
    "re_entry": "once its `re_entry` lets the contact in again",
    "broken": "once the journey validates again",
    "restricted": "once the contact is no longer restricted",
    "late_event": "without regard to its age, if that is asked for",
}
"""When the event of a refused entry may be tried again. Other refusals would come again, or have no
event."""

SuppressionReason = Literal["soft_bounced", "bounced", "complained", "stop"]
"""Why an event ends all messages to an address, the weightier the later. A refused send does so
under its error code."""
