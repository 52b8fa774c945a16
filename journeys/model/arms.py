"""The arm of a split that a contact takes, and the arm that wins."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from journeys.model.assignment import place_of
from journeys.model.steps import Arm, SplitStep, Step, children
from journeys.protocol.channels import MESSAGE_KINDS


def bucket(contact_id: UUID, journey: str, step: str) -> float:
    """A contact's place in a split: see `place_of`.

    Version and run are no part of it, so a contact that enters again, or in a later version, has
    the same place. The step is part of it, so the places in two splits are independent.
    """
    return place_of(contact_id, journey, step)


def arm_at(arms: Sequence[Arm], place: float) -> Arm:
    """The arm at a place in [0, 1), where each arm has its share of all weights."""
    scaled = place * sum(arm.weight for arm in arms)
    edge = 0.0
    for arm in arms:
        edge += arm.weight
        if scaled < edge:
            return arm
    # Rounding may leave a place behind the last edge.
    return arms[-1]


@dataclass(frozen=True)
class Score:
    """The result of an arm: how many contacts took it, and how many of them count as won.

    A contact counts as won if one of its messages has the status that the winner is chosen by.
    """

    arm: str
    contacts: int
    won: int

    @property
    def share(self) -> float:
        """The share of its contacts that count as won; 0 if no contact took it."""
        return self.won / self.contacts if self.contacts else 0.0


def winner_of(scores: Sequence[Score]) -> Score:
    """The score with the highest share; the first of equal ones."""
    return max(scores, key=lambda score: score.share)


def contenders(split: SplitStep) -> dict[str, list[str]]:
    """The arms with steps, by name and in order, each with its message steps at any depth."""
    return {
        arm.name: [step.id for step in _inside(arm.then) if step.kind in MESSAGE_KINDS]
        for arm in split.split
        if arm.then is not None
    }


def _inside(line: Sequence[Step]) -> list[Step]:
    found: list[Step] = []
    for step in line:
        found.append(step)
        for _, inner in children(step):
            found += _inside(inner)
    return found
