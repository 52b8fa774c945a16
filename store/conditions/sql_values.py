"""Values in SQL: literals, and what a path reaches in a contact, an event, an entry or a step.

Nothing that a document says becomes a part of the statement: texts, keys and paths are parameters.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Hashable
from dataclasses import dataclass
from itertools import groupby
from typing import Any

from journeys.model.contact_fields import READABLE_NAMES
from journeys.model.values import AttributeReference, EntryReference, Operand, StepReference

_INDEX = re.compile("[0-9]+")


@dataclass(frozen=True, slots=True)
class Values:
    """The values that a path reaches: one, or one a row where it may go through lists."""

    sql: str
    """A jsonb expression, null where there is nothing; JSON's own null counts as nothing."""
    rows: tuple[str, ...] = ()
    """What `sql` is selected from, each seeing those before it; empty for an expression that costs
    nothing to repeat."""
    many: bool = False
    """Whether there may be several."""

    def any(self, test: Callable[[str], str]) -> str:
        """Whether `test` holds for one of the values, never null."""
        holds = f"coalesce({test(self.sql)}, false)"
        if not self.rows:
            return holds
        return f"exists (select from {', '.join(self.rows)} where {holds})"

    def all_as_one(self) -> str:
        """A jsonb expression of the value, or of a list of them."""
        if not self.rows:
            return self.sql
        value = f"jsonb_agg({self.sql})" if self.many else self.sql
        return f"(select {value} from {', '.join(self.rows)})"


class Statement:
    """Collects the parameters of one predicate, and gives names that are its own."""

    def __init__(self, prefix: str, default_zone: str) -> None:
        self.params: dict[str, Any] = {}
        self._prefix = prefix
        self._default_zone = default_zone
        self._bound: dict[tuple[Hashable, str], str] = {}
        self._names = 0

    def alias(self) -> str:
        """A name for rows that no other part of the predicate has."""
        self._names += 1
        return f"{self._prefix}t{self._names}"

    def bind(self, value: str | int | float | None, cast: str) -> str:
        """A parameter, cast; the same value with the same cast is one parameter."""
        return self._bind(value, value, cast)

    def bind_list(self, values: list[str], cast: str) -> str:
        """A parameter that is a list of texts, cast."""
        return self._bind(tuple(values), values, cast)

    def _bind(self, key: Hashable, value: Any, cast: str) -> str:
        if (key, cast) not in self._bound:
            name = f"{self._prefix}{len(self.params)}"
            self.params[name] = value
            self._bound[key, cast] = f"%({name})s::{cast}"
        return self._bound[key, cast]

    def text(self, text: str) -> str:
        """A text expression; null for a text that PostgreSQL cannot hold, so equal to none."""
        return self.bind(text if _storable(text) else None, "text")

    def literal(self, value: Any) -> Values:
        """A plain value of a document."""
        text = _json(value)
        return Values("null::jsonb" if text is None else self.bind(text, "jsonb"))

    def literals(self, values: list[Any]) -> str:
        """An array of jsonb: those of the values that something stored may equal."""
        held = [
            v for v in values if v is not None and not (isinstance(v, str) and not _storable(v))
        ]
        return self.bind_list([json.dumps(v, ensure_ascii=False) for v in held], "jsonb[]")

    def zone(self) -> str:
        """The contact's time zone, else the default."""
        return f"parcours.zone(c.timezone, {self.bind(self._default_zone, 'text')})"

    def operand(self, operand: Operand) -> Values:
        """A reference or a plain value, wherever a value may stand."""
        if isinstance(operand, AttributeReference):
            return self.attribute(operand.attribute)
        if isinstance(operand, EntryReference):
            return self.entry(operand.entry)
        if isinstance(operand, StepReference):
            return self.step(operand.step, operand.property)
        return self.literal(operand)

    def attribute(self, path: str) -> Values:
        """An attribute of the contact."""
        name, *rest = path.split(".")
        if name not in READABLE_NAMES:
            return self.reach("c.attributes", path)
        return self._onward(f"to_jsonb(c.{name})", rest)

    def entry(self, path: str) -> Values:
        """A property of the entry event."""
        return self.reach("r.entry", path)

    def step(self, step: str, path: str | None) -> Values:
        """What a step left at its latest visit that has an outcome; its outcome without a path."""
        name, *rest = (path or "outcome").split(".")
        visits = (
            f"from visit v where v.run_id = r.id and v.step = {self.text(step)}"
            " and v.outcome is not null"
        )
        found = {
            "outcome": "to_jsonb(v.outcome)",
            "at": "to_jsonb(v.ended_at)",
            "visits": f"to_jsonb((select count(*) {visits}))",
        }.get(name) or f"v.output -> {self.text(name)}"
        alias = self.alias()
        latest = f"(select {found} {visits} order by v.visit desc limit 1) as {alias}(v)"
        return self._onward(f"{alias}.v", rest, latest)

    def computed(self, query: str) -> Values:
        """The one value of a query that aggregates, computed once however often it is compared."""
        alias = self.alias()
        return Values(f"{alias}.v", (f"({query}) as {alias}(v)",))

    def reach(self, root: str, path: str) -> Values:
        """What a dotted path reaches in `root`, an expression of a JSON object."""
        name, *rest = path.split(".")
        return self._onward(f"{root} -> {self.text(name)}", rest)

    def _onward(self, value: str, parts: list[str], *rows: str) -> Values:
        """A number is an index of a list or a key; a name goes through lists to their elements."""
        if not all(_storable(part) for part in parts):
            return Values("null::jsonb")
        reached = list(rows)
        for indexes, group in groupby(parts, key=lambda part: bool(_INDEX.fullmatch(part))):
            run = list(group)
            if indexes:
                value = f"({value}) #> {self.bind_list(run, 'text[]')}"
                continue
            # Twice: lists within lists are gone through as well.
            path = "$" + "".join(f"[*][*].{json.dumps(part, ensure_ascii=False)}" for part in run)
            alias = self.alias()
            reached.append(
                f"jsonb_path_query({value}, {self.bind(path, 'jsonpath')}) as {alias}(v)"
            )
            value = f"{alias}.v"
        many = len(reached) > len(rows)
        return Values(f"nullif({value}, 'null'::jsonb)", tuple(reached), many)


def _json(value: Any) -> str | None:
    """A plain value as JSON; None for one that nothing stored equals."""
    if value is None or (isinstance(value, str) and not _storable(value)):
        return None
    return json.dumps(value, ensure_ascii=False)


def _storable(text: str) -> bool:
    """Whether PostgreSQL can hold the text: no NUL, no half of a surrogate pair."""
    return "\x00" not in text and not any("\ud800" <= letter <= "\udfff" for letter in text)
