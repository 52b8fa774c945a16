"""Policy for sends and waits past due, after a pause or a migration: send, skip or spread."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Literal
from uuid import UUID

from journeys.schedule.spread import delay_of

Policy = Literal["send", "skip", "spread"]


@dataclass(frozen=True, slots=True)
class Overdue:
    """A policy for what is past due: send it now, skip it, or spread it over a time."""

    policy: Policy = "send"
    over: timedelta = timedelta(0)
    """The duration of a spread."""

    def as_json(self) -> dict[str, Any]:
        """The policy as PostgreSQL stores it: `{policy, seconds}`."""
        return {"policy": self.policy, "seconds": self.over.total_seconds()}

    @classmethod
    def from_json(cls, stored: dict[str, Any] | None) -> Overdue:
        """The policy from what `as_json` returned; None means `send`."""
        if stored is None:
            return cls()
        return cls(stored["policy"], timedelta(seconds=stored["seconds"]))

    def turn(self, contact: UUID, journey: str, since: datetime) -> datetime:
        """The instant of a contact's turn in a spread that begins at `since`.

        `since` itself under another policy.
        """
        return since + delay_of(contact, journey, self.over)

    def apply_to_wait(
        self, due: datetime | None, contact: UUID, journey: str, since: datetime
    ) -> datetime | None:
        """The due time of a wait that was past due at `due`: the contact's turn under `spread`."""
        return self.turn(contact, journey, since) if self.policy == "spread" else due
