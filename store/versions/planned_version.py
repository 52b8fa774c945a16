"""A version of a journey that is not saved, as a preview needs it."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from psycopg import AsyncConnection

from journeys.model.documents import Segment
from store.definitions.catalog import Definition
from store.segments.segment_conditions import Segments, read_segments


@dataclass(frozen=True)
class PlannedVersion:
    """The content and program of a version, and the segments that would be saved with it."""

    journey: dict[str, Any]
    program: dict[str, Any]
    segments: Mapping[str, dict[str, Any]]
    """Their contents by key."""

    def as_json(self) -> dict[str, Any]:
        """The version as a job keeps it."""
        return {
            "journey": self.journey,
            "program": self.program,
            "segments": dict(self.segments),
        }

    @classmethod
    def from_json(cls, kept: dict[str, Any]) -> PlannedVersion:
        """The version that `as_json` made."""
        return cls(kept["journey"], kept["program"], kept["segments"])

    async def definition(self, conn: AsyncConnection[Any], key: str, version: int) -> Definition:
        """The version with its queries; the catalog must not cache it."""
        stored = await read_segments(conn)
        return await asyncio.to_thread(self._load, key, version, stored)

    def _load(self, key: str, version: int, stored: Segments) -> Definition:
        planned = {each: Segment.model_validate(it).if_ for each, it in self.segments.items()}
        definition = Definition.load(key, version, self.journey, self.program)
        return replace(
            definition, segments=replace(stored, conditions={**stored.conditions, **planned})
        )
