"""Validation of `replied`: something has to report replies on the channel of the message."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import replace
from typing import Final

from journeys.model.conditions import MessageCondition
from journeys.model.document_parts import parts_of
from journeys.model.journey import Journey
from journeys.model.problems import Problem
from journeys.model.steps import Winner
from journeys.model.triggers import MessageTrigger
from journeys.protocol.channels import MESSAGE_KINDS

_HINTS: Final = {
    "email": "set PARCOURS_INBOUND_DOMAIN, and how its mail comes in",
    "sms": "set PARCOURS_SNS_TOPICS, and have inbound messages published there",
}


def reply_problems(journey: Journey, possible: Collection[str] | None) -> Iterator[Problem]:
    """Conditions, triggers and winners that wait for replies which cannot come in.

    `possible` are the channels on which replies come in; None: that is not known, and is a warning.
    """
    kinds = {step.id: step.kind for step in journey.all_steps()}
    for part in parts_of(journey):
        model = part.model
        if isinstance(model, MessageTrigger | MessageCondition) and model.is_ == "replied":
            channels, key = {kinds.get(model.message, "")}, "is"
        elif isinstance(model, Winner) and model.by == "replied":
            channels, key = set(kinds.values()), "by"
        else:
            continue
        for channel in sorted(channels & MESSAGE_KINDS):
            if possible is None:
                message = f"`replied` needs a server to which replies by {channel} come in"
                yield replace(part.problem("no_replies", message, None, key), severity="warning")
            elif channel not in possible:
                message = f"no reply by {channel} can come in here, so `replied` never happens"
                yield part.problem("no_replies", message, _HINTS[channel], key)
