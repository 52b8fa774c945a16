"""The states of a journey."""

from __future__ import annotations

from typing import Literal

JourneyState = Literal["draft", "active", "paused", "archived"]
"""`draft`: it was never activated. Only an active journey takes entries."""
