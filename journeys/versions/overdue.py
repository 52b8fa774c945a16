"""What becomes of that which is overdue, after a pause or by a move to another version."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Literal
from uuid import UUID

from journeys.schedule.spread import delay_of

Policy = Literal["send", "skip", "spread"]


@dataclass(frozen=True, slots=True)
class Overdue:
    """Send it now, skip it, or spread it over a time."""

    policy: Policy = "send"
    over: timedelta = timedelta(0)
    """Of a spread."""

    def as_json(self) -> dict[str, Any]:
        """As Postgres keeps it: `{policy, seconds}`."""
        return {"policy": self.policy, "seconds": self.over.total_seconds()}

    @classmethod
    def from_json(cls, kept: dict[str, Any] | None) -> Overdue:
        """As `as_json` wrote it; None is to send."""
        if kept is None:
            return cls()
        return cls(kept["policy"], timedelta(seconds=kept["seconds"]))

    def turn(self, contact: UUID, journey: str, since: datetime) -> datetime:
        """When it is a contact's turn; `since` itself unless it is spread."""
        return since + delay_of(contact, journey, self.over)
