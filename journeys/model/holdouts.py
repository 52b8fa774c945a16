"""Holdouts: contacts that are kept out of journeys, so that what the journeys do is measured."""

from __future__ import annotations

import json
import re
from datetime import datetime
from decimal import Decimal
from functools import cached_property
from hashlib import sha256
from typing import Annotated, ClassVar, Final, Literal, Self
from uuid import UUID
from zoneinfo import ZoneInfo

from pydantic import AfterValidator, Field, model_validator

from journeys.model.assignment import place_of
from journeys.model.conditions import Condition
from journeys.model.moments import ActivePeriod, DateTimeText
from journeys.model.values import DocumentModel, Key, LengthText, Name, Text

EVERYWHERE: Final = "all"
MOST_JOURNEYS: Final = 1_000
WINDOW: Final = "30d"
"""How long a goal is looked for that has no `within`, if the holdout does not say."""

_SHARE: Final = re.compile(r"([0-9]{1,3}(?:\.[0-9]{1,4})?) ?%", re.ASCII)


def _share(text: str) -> str:
    found = _SHARE.fullmatch(text)
    if found is None:
        raise ValueError(f"`{text[:40]}` is not a share; write for example 5% or 0.5%")
    if not 0 < Decimal(found[1]) < 100:
        raise ValueError(f"`{text}` leaves nothing to compare; a share is between 0% and 100%")
    return text


Share = Annotated[Text, AfterValidator(_share)]
"""`5%`, `12.5%`: more than 0 and less than 100, with at most four decimals."""


class Holdout(DocumentModel):
    """A share of contacts that some journeys, or all, let in no more, so that they are compared."""

    kind: ClassVar[Literal["holdout"]] = "holdout"
    holdout: Key
    name: Name | None = None
    share: Share
    journeys: (
        Literal["all"] | Annotated[list[Key], Field(min_length=1, max_length=MOST_JOURNEYS)]
    ) = "all"
    if_: Condition | None = Field(default=None, alias="if")
    """Which contacts it is about; the others enter, and are not compared."""
    from_: DateTimeText | None = Field(default=None, alias="from")
    to: DateTimeText | None = None
    rotation: Name | None = None
    """Another text draws other contacts."""
    window: LengthText = WINDOW
    """How long a goal is looked for that has no `within`."""

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if self.period is not None:
            begin, end = self.period.bounds(ZoneInfo("UTC"))
            if begin is not None and end is not None and begin >= end:
                raise ValueError("`to` lies before `from`, so it would never be in force")
        if isinstance(self.journeys, list) and len(set(self.journeys)) < len(self.journeys):
            raise ValueError("a journey stands twice in `journeys`")
        return self

    @property
    def key(self) -> str:
        """The key of the document."""
        return self.holdout

    @cached_property
    def portion(self) -> Decimal:
        """The share as a fraction: 0.05 for `5%`."""
        return Decimal(self.share.rstrip("% ")) / 100

    @property
    def period(self) -> ActivePeriod | None:
        """When it is in force; None: always."""
        if self.from_ is None and self.to is None:
            return None
        return ActivePeriod(**{"from": self.from_, "to": self.to})

    @property
    def design(self) -> str:
        """What decides who is held out of what, as a short hash.

        Contacts that were observed under different designs are not compared with each other. When
        it begins and ends is no part of it, nor is its name.
        """
        journeys = self.journeys if isinstance(self.journeys, str) else sorted(self.journeys)
        condition = None if self.if_ is None else self.if_.as_document()
        share = str(self.portion.normalize())
        deciding = [share, journeys, condition, self.rotation, self.window]
        return sha256(json.dumps(deciding, sort_keys=True).encode()).hexdigest()[:16]

    def covers(self, journey: str) -> bool:
        """Whether it is about a journey."""
        return self.journeys == EVERYWHERE or journey in self.journeys

    def is_in_force(self, at: datetime, zone: ZoneInfo) -> bool:
        """Whether an instant is in its period; times without an offset are local in `zone`."""
        return self.period is None or self.period.holds(at, zone)

    def draws(self, contact_id: UUID) -> bool:
        """Whether a contact is in the share, if it is about the contact at all."""
        # No journey has such a key, so its places are not those of a split.
        place = place_of(contact_id, f"holdout:{self.holdout}", self.rotation or "")
        return place < self.portion
