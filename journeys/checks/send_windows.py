"""Checks of windows and quiet hours that never let a send go out."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import time

from journeys.model.journey import Journey
from journeys.model.problems import Path, Problem
from journeys.model.sends import Channel, Country, EffectiveSend
from journeys.model.steps import BaseMessage
from journeys.schedule.opening_hours import OpeningHours, opening_hours_of


def send_problems(journey: Journey) -> Iterator[Problem]:
    """Sends that can never go out."""
    for path, step in journey.walk():
        if isinstance(step, BaseMessage):
            settings = journey.effective(step)
            for code, message in _never(settings, None):
                yield Problem(code, f"`{step.id}` {message}", path=(*path, step.kind), step=step.id)


def channel_problems(channel: Channel) -> Iterator[Problem]:
    """Channels whose hours, alone or with those of a country, never let a message go out."""
    places: list[tuple[Path, str, Country | None]] = [((), "this channel", None)]
    places += [(("countries", code), code, country) for code, country in channel.countries.items()]
    for path, words, country in places:
        for code, message in _never(channel, country):
            yield Problem(code, f"a message of {words} {message}", path=path)


def _never(settings: EffectiveSend | Channel, country: Country | None) -> Iterator[tuple[str, str]]:
    waiting = opening_hours_of(settings, country)
    both = OpeningHours([*waiting.rules, *opening_hours_of(settings, country, skipping=True).rules])
    if not both.ever():
        yield "never_open", "can never go out: its window and its quiet hours leave no hour"
        return
    at = settings.send_at if isinstance(settings, EffectiveSend) else None
    if at not in (None, "best"):
        # The send meets its window at this time of day, unless quiet hours delay it.
        skipping = opening_hours_of(settings, country, skipping=True)
        if waiting.ever_at(time.fromisoformat(at)) and not skipping.ever_at(time.fromisoformat(at)):
            yield "never_open", f"is always skipped: its window is closed at {at}, its `send_at`"
