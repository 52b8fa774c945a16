"""Which arm of a split a contact takes, and which arm has won."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from journeys.model.steps import Arm, SplitStep, Step, children
from journeys.protocol.channels import MESSAGE_KINDS


def bucket(contact_id: UUID, journey: str, step: str) -> float:
    """A contact's place in a split, at least 0 and below 1: always the same, in every process.

    It is the first 53 bits of the SHA-256 of the UTF-8 text `CONTACT/JOURNEY/STEP` as a fraction
    of 2⁵³, where CONTACT is our id in its usual form with small letters. Version and run are no
    part of it, so a contact that comes again, or to a later version, has the same place; the step
    is, so its places in two splits have nothing to do with each other. This is “hash and partition”
    of Kohavi, Longbotham, Sommerfield and Henne, “Controlled experiments on the web: survey and
    practical guide”, Data Mining and Knowledge Discovery 18 (2009), section 4.1.2.
    """
    digest = hashlib.sha256(f"{contact_id}/{journey}/{step}".encode()).digest()
    # A float holds 53 bits exactly: none of them rounds up to 1.
    return (int.from_bytes(digest[:8], "big") >> 11) / 2**53


def arm_at(arms: Sequence[Arm], place: float) -> Arm:
    """The arm at a place in [0, 1): each takes as much of it as its share of all weights."""
    scaled = place * sum(arm.weight for arm in arms)
    edge = 0.0
    for arm in arms:
        edge += arm.weight
        if scaled < edge:
            return arm
    # Only what rounding leaves of the last one.
    return arms[-1]


@dataclass(frozen=True)
class Score:
    """How an arm did: of the contacts that took it, how many have a message with the fate."""

    arm: str
    contacts: int
    won: int

    @property
    def share(self) -> float:
        """The part of its contacts that it won; 0 if nobody took it."""
        return self.won / self.contacts if self.contacts else 0.0


def winner_of(scores: Sequence[Score]) -> Score:
    """The score with the highest share; of equal ones the first."""
    return max(scores, key=lambda score: score.share)


def contenders(split: SplitStep) -> dict[str, list[str]]:
    """The arms with steps by name, in their order, each with its e-mails and texts at any depth."""
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
