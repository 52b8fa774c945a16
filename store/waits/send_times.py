"""Deferral of a send: its time, window, quiet hours, cap and distance decide when it may go out."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from psycopg import AsyncConnection

from journeys.model.reasons import SkipReason
from journeys.model.sends import Channel, EffectiveSend
from journeys.model.steps import SendStep
from journeys.protocol.channels import CHANNELS
from journeys.protocol.deferrals import DeferralReason
from journeys.schedule.opening_hours import OpeningHours, opening_hours_of
from journeys.schedule.send_time import LOOK_BACK, at_hour, at_time, best_hour
from journeys.time.durations import Duration
from store.events.active_hours import active_hours
from store.messages.frequency_caps import nth_newest_claim
from store.messages.send_state import Recipient
from store.runs.rows import RunRow

WATCHED = ["country", "timezone"]
"""Attributes of the contact that move the end of a deferral."""


@dataclass(frozen=True)
class Deferral:
    """A send that waits."""

    reason: DeferralReason
    until: datetime | None
    """When the reason is over; None: when someone ends it."""


@dataclass(frozen=True)
class Skip:
    """A send that will not be made."""

    reason: SkipReason
    facts: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class SendTerms:
    """What decides when a send goes out: its settings, and the contact's country and clock."""

    settings: EffectiveSend
    waiting: OpeningHours
    """Windows and quiet hours that it waits for."""
    skipping: OpeningHours
    """Windows outside of which it is skipped."""
    zone: ZoneInfo
    start: datetime
    """When the run came to the send."""
    now: datetime
    deadline: datetime | None
    """From this time on it is too late."""

    @property
    def late(self) -> bool:
        """Whether it is too late."""
        return self.deadline is not None and self.now >= self.deadline

    @property
    def skip_as_late(self) -> Skip:
        """The skip of a send that is too late."""
        assert self.deadline is not None
        return Skip("late", {"up_to": self.deadline.astimezone(UTC).isoformat()})

    def next_check(self, until: datetime | None) -> tuple[datetime | None, bool]:
        """When a send that is deferred until then is checked, and whether it is too late then."""
        if self.deadline is not None and (until is None or self.deadline <= until):
            return self.deadline, True
        return until, False


def send_terms(
    step: SendStep,
    settings: EffectiveSend,
    channel: Channel | None,
    contact: Recipient,
    *,
    zone: ZoneInfo,
    start: datetime,
    now: datetime,
    speed: float,
) -> SendTerms:
    """The terms of a send. A transactional one follows neither its channel nor the country."""
    country = None
    if channel is not None and not settings.transactional and CHANNELS[step.kind].to_contact:
        country = channel.of_country(contact.country)
    deadline = None
    if settings.up_to is not None:
        deadline = Duration.parse(settings.up_to).add_to(start, zone)
        deadline = deadline if speed == 1 else start + (deadline - start) / speed
    return SendTerms(
        settings=settings,
        waiting=opening_hours_of(settings, country),
        skipping=opening_hours_of(settings, country, skipping=True),
        zone=zone,
        start=start,
        now=now,
        deadline=deadline,
    )


async def check_send_time(
    conn: AsyncConnection[Any],
    run: RunRow,
    visit: int,
    step: SendStep,
    terms: SendTerms,
    facts: dict[str, Any],
) -> Deferral | Skip | None:
    """Whether the send is deferred or skipped; None if it may go out now.

    The caller holds the contact's lock. `facts` are the visit's; a best hour found is added.
    """
    if terms.late:
        return terms.skip_as_late
    at = await time_of_send(conn, run.contact_id, terms, facts)
    if at is not None and at > terms.now:
        return _until_open(terms, "send_at", at)
    if terms.skipping.closed_by(terms.now, terms.zone) is not None:
        return Skip("window", {"zone": terms.zone.key})
    closed = terms.waiting.closed_by(terms.now, terms.zone)
    if closed is not None:
        return _until_open(terms, closed, terms.now)
    capped = await check_cap(conn, run, visit, step, terms)
    return capped or await check_distance(conn, run, visit, terms)


def _until_open(terms: SendTerms, reason: DeferralReason, instant: datetime) -> Deferral | Skip:
    opening = terms.waiting.next(instant, terms.zone)
    if opening is None:
        return Skip("window", {"zone": terms.zone.key, "opens": "never"})
    return Deferral(reason, opening)


async def time_of_send(
    conn: AsyncConnection[Any], contact_id: UUID, terms: SendTerms, facts: dict[str, Any]
) -> datetime | None:
    """The instant of `send_at`, counted from the send's start, so a later check moves nothing."""
    send_at = terms.settings.send_at
    if send_at is None:
        return None
    if send_at != "best":
        return at_time(send_at, terms.start, terms.zone)
    best = facts.get("best")
    if best is None or best["zone"] != terms.zone.key:
        hours = await active_hours(conn, contact_id, terms.zone.key, LOOK_BACK)
        found = best_hour(hours, OpeningHours([*terms.waiting.rules, *terms.skipping.rules]))
        best = {"hour": found.hour, "events": found.events, "zone": terms.zone.key}
        facts["best"] = best
    return at_hour(best["hour"], terms.start, terms.zone)


async def check_cap(
    conn: AsyncConnection[Any], run: RunRow, visit: int, step: SendStep, terms: SendTerms
) -> Deferral | Skip | None:
    """Whether the contact has had its messages, and when it may get one again."""
    cap = terms.settings.cap
    every_channel = cap is not None and cap.count == "all"
    if cap is None or (every_channel and terms.settings.class_ != "marketing"):
        return None
    counted = await nth_newest_claim(
        conn,
        contact_id=run.contact_id,
        channel=None if every_channel else step.kind,
        class_="marketing" if every_channel else None,
        place=cap.max,
        run_id=run.id,
        visit=visit,
    )
    if counted is None:
        return None
    free_at = Duration.parse(cap.per).add_to(counted, terms.zone)
    if free_at <= terms.now:
        return None
    facts = {"cap": cap.model_dump(exclude_defaults=True), "free_at": free_at.isoformat()}
    if terms.deadline is None:
        return Skip("cap", facts)
    return _until_open(terms, "cap", free_at)


async def check_distance(
    conn: AsyncConnection[Any], run: RunRow, visit: int, terms: SendTerms
) -> Deferral | Skip | None:
    """Whether the contact's last message is too near, and when it is far enough."""
    apart = terms.settings.apart
    if apart is None:
        return None
    last = await nth_newest_claim(
        conn, contact_id=run.contact_id, place=1, run_id=run.id, visit=visit
    )
    if last is None:
        return None
    free_at = Duration.parse(apart).add_to(last, terms.zone)
    return None if free_at <= terms.now else _until_open(terms, "apart", free_at)
