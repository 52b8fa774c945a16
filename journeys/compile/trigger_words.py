"""What begins and ends a run, in words: "event Cart Updated with total is at least 20".

The words hold what the document says, never data of a contact.
"""

from __future__ import annotations

from typing import assert_never

from journeys.compile.condition_words import condition_words, where_words
from journeys.model.conditions import Condition, Where
from journeys.model.exits import ExitRule
from journeys.model.moments import AttributeMoment
from journeys.model.triggers import (
    ApiEntry,
    AttributeEntry,
    ConditionTrigger,
    DateEntry,
    Entry,
    EventEntry,
    EventTrigger,
    Goal,
    GroupEntry,
    MemberEntry,
    MessageTrigger,
    NearEntry,
    Schedule,
    ScheduleEntry,
    SegmentEntry,
)
from journeys.schedule.cron import cron_words
from journeys.time.durations import Duration


def entry_words(entry: Entry) -> str:
    """What begins a run."""
    words = _entry(entry)
    if isinstance(entry, MemberEntry | AttributeEntry) and entry.backfill:
        words += ", and those who are already when it goes live"
    return words + _if(entry.if_)


def _entry(entry: Entry) -> str:
    match entry:
        case EventEntry():
            words = f"event {entry.event}{_with(entry.where)}"
            return words if entry.key is None else f"{words}, one run for each {entry.key}"
        case ApiEntry():
            return "a call of the API"
        case SegmentEntry():
            return f"{_crosses(entry)} segment {entry.segment}"
        case GroupEntry():
            return f"{_crosses(entry)} group {entry.group}"
        case AttributeEntry():
            return f"attribute {entry.attribute} changes{_values(entry)}"
        case DateEntry():
            return f"the day of {_date(entry.date)}"
        case ScheduleEntry():
            return _schedule(entry.schedule)
        case NearEntry():
            near = entry.near
            place = near.places if near.places is not None else f"{near.lat}, {near.lon}"
            return f"comes within {near.km:g} km of {place}"
        case _:
            assert_never(entry)


def goal_words(goal: Goal) -> str:
    """What a journey is for."""
    words = _trigger(goal)
    if goal.within is not None:
        words += f", within {Duration.parse(goal.within).words()}"
    return words if goal.value is None else f"{words}, worth its {goal.value}"


def exit_words(rule: ExitRule) -> str:
    """What ends a run early."""
    return "the goal is met" if isinstance(rule, str) else _trigger(rule)


def _trigger(trigger: EventTrigger | MessageTrigger | ConditionTrigger) -> str:
    if isinstance(trigger, EventTrigger):
        return f"event {trigger.event}{_with(trigger.where)}"
    if isinstance(trigger, MessageTrigger):
        return f"message {trigger.message} is {trigger.is_}{_with(trigger.where)}"
    return condition_words(trigger.if_)


def _crosses(entry: MemberEntry) -> str:
    return "enters" if entry.on == "enter" else "leaves"


def _values(entry: AttributeEntry) -> str:
    given = entry.model_fields_set
    before = f" from {_value(entry.from_)}" if "from_" in given else ""
    return f"{before} to {_value(entry.to)}" if "to" in given else before


def _value(value: object) -> str:
    if value is None:
        return "nothing"
    return str(value).lower() if isinstance(value, bool) else str(value)


def _date(moment: AttributeMoment | str) -> str:
    if isinstance(moment, str):
        return moment
    words = f"attribute {moment.attribute}"
    if moment.every is not None:
        words += f", every {moment.every}"
    if moment.offset is not None:
        words += f", {moment.offset}"
    return words if moment.at is None else f"{words}, at {moment.at}"


def _schedule(schedule: Schedule) -> str:
    words = f"at {schedule.at}" if schedule.cron is None else cron_words(schedule.cron)
    if schedule.timezone is not None:
        zone = schedule.timezone
        words += " in the contact's zone" if zone == "contact" else f" in {zone}"
    whom = "everyone" if schedule.segment is None else f"segment {schedule.segment}"
    return f"{words}, for {whom}"


def _with(where: Where) -> str:
    return f" with {where_words(where)}" if where else ""


def _if(condition: Condition | None) -> str:
    return "" if condition is None else f", if {condition_words(condition)}"
