"""Values that steps take from the entry, the contact, or an earlier step."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from psycopg import AsyncConnection

from journeys.model.contact_fields import READABLE_NAMES
from journeys.model.paths import first
from journeys.model.values import AttributeReference, EntryReference, StepReference
from store.contacts.rows import read_contact
from store.runs.rows import RunRow
from store.runs.visits import left_by_steps


class Operands:
    """Resolves references for one run, reading what they need at the first one that needs it."""

    def __init__(self, conn: AsyncConnection[Any], run: RunRow) -> None:
        self._conn = conn
        self._run = run
        self._contact: dict[str, Any] | None = None
        self._steps: dict[str, dict[str, Any]] | None = None

    async def contact(self) -> dict[str, Any]:
        """The contact as conditions and templates see it: attributes and columns by name."""
        if self._contact is None:
            view = await read_contact(self._conn, self._run.contact_id)
            self._contact = {}
            if view is not None:
                self._contact = dict(view.attributes)
                for name in READABLE_NAMES:
                    self._contact[name] = getattr(view, name)
        return self._contact

    async def steps(self) -> dict[str, dict[str, Any]]:
        """What the run's steps left, by id, latest visit."""
        if self._steps is None:
            self._steps = await left_by_steps(self._conn, self._run.id)
        return self._steps

    async def resolve(self, value: Any) -> Any:
        """`value` with every reference in it replaced; a missing one becomes None."""
        if isinstance(value, EntryReference):
            return first(self._run.entry, value.entry)
        if isinstance(value, AttributeReference):
            return first(await self.contact(), value.attribute)
        if isinstance(value, StepReference):
            return first((await self.steps()).get(value.step, {}), value.property)
        if isinstance(value, Mapping):
            return {name: await self.resolve(part) for name, part in value.items()}
        if isinstance(value, list):
            return [await self.resolve(part) for part in value]
        return value


async def resolve_all(
    conn: AsyncConnection[Any], run: RunRow, values: Mapping[str, Any]
) -> dict[str, Any]:
    """The values by name, references replaced."""
    operands = Operands(conn, run)
    return {name: await operands.resolve(value) for name, value in values.items()}
