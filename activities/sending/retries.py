"""Retries of sends: until when a message is tried again, when next, and who waits for it.

The first attempts are repeated by Temporal, within seconds. From the third on the run stands until
the next one, so that it can be seen, moved, paused and left meanwhile.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID
from zoneinfo import ZoneInfo

from journeys.model.steps import SendStep, WebhookStep
from journeys.time.backoff import Backoff
from journeys.time.durations import Duration

QUICK_ATTEMPTS: Final = 2
"""So many attempts are followed by a retry of the activity; later ones by a deferral of the run."""
_QUICK = timedelta(seconds=60)
"""A retry later than this is a deferral of the run after any attempt."""
BACKOFF: Final = Backoff(first=1.0, longest=900.0)
_SPREAD = 0.2
"""The part of a delay by which messages differ, so that a crowd does not come back at once."""


@dataclass(frozen=True, slots=True)
class TryAgain:
    """The wish for another attempt."""

    after: float | None = None
    """Seconds that were asked for, by the provider or by our own queue for it."""
    exact: bool = False
    """`after` is the message's own turn; otherwise it is the least to wait."""


@dataclass(frozen=True, slots=True)
class NextAttempt:
    """When a send is tried again."""

    at: datetime
    stands: bool
    """The run stands until then; otherwise the activity is tried again."""
    gives_up: bool
    """The retries end at that time, without another attempt."""
    planned_at: datetime


def retries_end(
    step: SendStep, first_attempt_at: datetime, zone: ZoneInfo, *, give_up: timedelta, speed: float
) -> datetime:
    """The time from which a message is not tried again.

    A webhook's `up_to` counts from its first attempt; other sends, and webhooks without one, are
    tried again for `give_up`.
    """
    up_to = step.webhook.up_to if isinstance(step, WebhookStep) else None
    if up_to is None:
        return first_attempt_at + give_up
    end = Duration.parse(up_to).add_to(first_attempt_at, zone)
    return end if speed == 1 else first_attempt_at + (end - first_attempt_at) / speed


def next_attempt(
    again: TryAgain, *, message_id: UUID, attempts: int, now: datetime, end: datetime
) -> NextAttempt:
    """The next attempt after so many; it comes at `end` at the latest, and then gives up."""
    seconds = BACKOFF.delay(attempts)
    seconds -= seconds * _SPREAD * (message_id.int % 1000) / 1000
    asked = 0.0 if again.after is None or math.isnan(again.after) else max(again.after, 0.0)
    if again.after is not None:
        seconds = asked if again.exact else max(asked, seconds)
    left = max((end - now).total_seconds(), 0.0)
    stands = attempts > QUICK_ATTEMPTS or seconds > _QUICK.total_seconds()
    if seconds >= left:
        return NextAttempt(max(end, now), stands, gives_up=True, planned_at=now)
    return NextAttempt(now + timedelta(seconds=seconds), stands, gives_up=False, planned_at=now)
