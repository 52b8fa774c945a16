"""Warnings about schedules that begin no run, or not all, because their time is over."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Final

from psycopg import AsyncConnection

from api.definitions.preparation import Prepared
from journeys.model.journey import Journey
from journeys.model.triggers import ScheduleEntry
from journeys.schedule.occurrences import CONTACT_ZONE, begun_occurrence, occurrences
from store.sql import fetch_value, sql

_CLOCK: Final = sql("select parcours.clock()")


async def warn_of_schedules(conn: AsyncConnection[Any], document: Prepared) -> list[str]:
    """A warning for each entry of a journey by a schedule that has no occurrence to come."""
    if not document.is_journey:
        return []
    journey = Journey.model_validate(document.content)
    if not any(isinstance(entry, ScheduleEntry) for entry in journey.entry):
        return []
    now: datetime = await fetch_value(conn, _CLOCK)
    return [
        _warning(journey.key, entry, journey.timezone, now)
        for entry in journey.entry
        if isinstance(entry, ScheduleEntry)
        and next(occurrences(entry.schedule, journey.timezone, now), None) is None
    ]


def _warning(key: str, entry: ScheduleEntry, journey_zone: str | None, now: datetime) -> str:
    schedule = entry.schedule
    rule = f"at: {schedule.at}" if schedule.at is not None else f"cron: {schedule.cron}"
    said = f"journey {key}: the schedule `{rule}` has no time to come, so no contact enters by it"
    if schedule.timezone != CONTACT_ZONE:
        return said
    if begun_occurrence(schedule, journey_zone, now) is not None:
        return (
            f"journey {key}: the schedule `{rule}` has begun, in UTC+14 first: contacts whose local"
            " time this was before the journey goes live do not enter by it, those to whom it"
            " comes later do"
        )
    return (
        f"{said}; with `timezone: contact` it begins where this local time comes first, in UTC+14,"
        " and ends a day later, so go live before that"
    )
