"""Values that steps take from the entry, the contact, or an earlier step."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from journeys.model.json_values import bounded
from journeys.model.paths import first, output
from journeys.model.values import AttributeReference, EntryReference, StepReference
from store.contacts.rows import read_contact
from store.runs.rows import RunRow
from store.runs.visits import step_outputs
from store.sql import Connection


class Operands:
    """Resolves the references of one run; reads what they need once, when it is first needed."""

    def __init__(self, conn: Connection, run: RunRow) -> None:
        self._conn = conn
        self._run = run
        self._contact: dict[str, Any] | None = None
        self._steps: dict[str, dict[str, Any]] | None = None

    async def contact(self) -> dict[str, Any]:
        """The contact as conditions and templates see it; empty if it was erased."""
        if self._contact is None:
            contact = await read_contact(self._conn, self._run.contact_id)
            self._contact = {} if contact is None else contact.variables
        return self._contact

    async def steps(self) -> dict[str, dict[str, Any]]:
        """The outputs of the run's steps at their latest visits, by step id."""
        if self._steps is None:
            self._steps = await step_outputs(self._conn, self._run.id)
        return self._steps

    async def resolve(self, value: Any) -> Any:
        """`value` with every reference in it replaced by its value; a missing one by None.

        Integers beyond 64 bits become floating-point numbers, as they were in the event.
        """
        if isinstance(value, EntryReference):
            return bounded(first(self._run.entry, value.entry))
        if isinstance(value, AttributeReference):
            return bounded(first(await self.contact(), value.attribute))
        if isinstance(value, StepReference):
            return bounded(output((await self.steps()).get(value.step, {}), value.property))
        if isinstance(value, Mapping):
            return {name: await self.resolve(part) for name, part in value.items()}
        if isinstance(value, list):
            return [await self.resolve(part) for part in value]
        return value


async def resolve_all(conn: Connection, run: RunRow, values: Mapping[str, Any]) -> dict[str, Any]:
    """The values by name, with every reference in them replaced by its value."""
    operands = Operands(conn, run)
    return {name: await operands.resolve(value) for name, value in values.items()}
