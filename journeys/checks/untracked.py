"""Validation of `opened` and `clicked` of messages whose settings refuse to track them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from journeys.model.conditions import MessageCondition
from journeys.model.document_parts import parts_of
from journeys.model.journey import Journey
from journeys.model.problems import Problem
from journeys.model.steps import BaseMessage
from journeys.model.tracking import Track
from journeys.model.triggers import MessageTrigger


def tracking_problems(journey: Journey) -> Iterator[Problem]:
    """Warnings about conditions and triggers that only an event which is posted can fulfil."""
    tracked: dict[str, Track] = {
        step.id: journey.effective(step).track
        for step in journey.all_steps()
        if isinstance(step, BaseMessage)
    }
    for part in parts_of(journey):
        model = part.model
        if not isinstance(model, MessageTrigger | MessageCondition):
            continue
        track = tracked.get(model.message)
        # A click is an open as well.
        if track is None or track.clicks is not False or (track.opens and model.is_ == "opened"):
            continue
        if model.is_ in ("opened", "clicked"):
            refused = "clicks" if model.is_ == "clicked" else "opens and clicks"
            yield replace(
                part.problem(
                    "untracked",
                    f"`track` refuses {refused} of `{model.message}`, so it is never {model.is_}",
                    "leave out `track`, or ask for an event of your own",
                    "is",
                ),
                severity="warning",
            )
