"""Runs that another run has replaced: one entry of a contact, continued."""

from __future__ import annotations

from typing import Final

from journeys.model.outcomes import REPLACED
from store.sql import sql, text_list

NOT_REPLACED: Final = sql(
    "(r.outcome is null or r.outcome not in ({replaced}))", replaced=text_list(REPLACED)
)
"""The row `r` is a run that no restart and no merge has replaced. Replaced ones count for nothing
in figures that compare what was entered with what came of it."""
