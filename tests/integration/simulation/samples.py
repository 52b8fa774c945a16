"""What simulations are tried on."""

from __future__ import annotations

from pathlib import Path
from typing import Any

LIBRARY = Path(__file__).parents[3] / "journeys" / "library"

ADA: dict[str, Any] = {
    "userId": "ada",
    "traits": {"email": "ada@example.com", "first_name": "Ada", "timezone": "Europe/Paris"},
}
