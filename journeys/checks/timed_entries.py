"""Checks of entries by date and by schedule."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import date, time

from journeys.model.contact_fields import CONTACT_FIELDS
from journeys.model.document_parts import Part
from journeys.model.moments import AttributeMoment
from journeys.model.problems import Problem
from journeys.model.triggers import DateEntry, Schedule
from journeys.schedule.cron import check_cron
from journeys.schedule.occurrences import CONTACT_ZONE
from journeys.time.instants import read_time


def schedule_problems(part: Part, schedule: Schedule) -> Iterator[Problem]:
    """Problems of the rule of a schedule; its zone alone is checked with all others."""
    if schedule.cron is not None:
        try:
            check_cron(schedule.cron)
        except ValueError as error:
            yield part.problem("cron", str(error), None, "cron")
        return
    at = read_time(schedule.at)
    if at is None:
        return
    if at.tzinfo is not None and schedule.timezone is not None:
        contact = schedule.timezone == CONTACT_ZONE
        said = "is one instant for all contacts" if contact else "says its own offset"
        problem = part.problem(
            "schedule_zone",
            f"`{schedule.at}` {said}, so `timezone: {schedule.timezone}` has no effect",
            f"write the local time alone, as in {at.replace(tzinfo=None).isoformat()}",
            "timezone",
        )
        yield problem if contact else replace(problem, severity="warning")
    elif at.time() == time() and "T" not in str(schedule.at).upper():
        yield replace(
            part.problem(
                "midnight",
                f"`at: {schedule.at}` is the midnight at which that day begins",
                f'write the time as well, as in "{schedule.at}T09:00"',
                "at",
            ),
            severity="warning",
        )


def date_problems(part: Part, entry: DateEntry) -> Iterator[Problem]:
    """Problems of the date of an entry."""
    moment = entry.date
    if not isinstance(moment, AttributeMoment):
        if _is_date(moment):
            yield replace(
                part.problem(
                    "midnight",
                    f"`{moment}` is the midnight at which that day begins, in each contact's zone",
                    f'write the time as well, as in "{moment}T09:00"',
                    "date",
                ),
                severity="warning",
            )
        return
    if moment.attribute in CONTACT_FIELDS or moment.attribute == "external_id":
        yield part.problem(
            "no_date",
            f"`{moment.attribute}` of a contact is no date",
            "name an attribute that holds one, such as birthday",
            "date",
        )


def _is_date(text: str) -> bool:
    try:
        date.fromisoformat(text)
    except ValueError:
        return False
    return True
