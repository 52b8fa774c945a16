"""Values in SQL: literals, and the values at a path of a contact, an event, an entry or a step.

No text of a document becomes a part of the statement: texts, keys and paths are parameters.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Hashable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from itertools import groupby
from typing import Any, Final

from journeys.model.contact_fields import READABLE_NAMES
from journeys.model.values import AttributeReference, EntryReference, Operand, StepReference
from store.conditions.verdicts import NEVER, earliest
from store.sql import Sql, integer, join, name, parameter, sql, type_name

Test = Callable[[Sql], Sql]
"""From the expression of a value to a boolean expression."""

JUDGED_AT: Final = "judged_at"
"""The parameter that every predicate shares: the instant at which it is judged; null for now."""

SEGMENT_ZONE: Final = "UTC"
"""The zone by which a segment counts for contacts without one, in members and in conditions."""

_JUDGED = sql("(select coalesce(%(judged_at)s::timestamptz, parcours.clock()))")
_LATEST = sql("coalesce(%(judged_at)s::timestamptz, 'infinity')")
_INDEX = re.compile("[0-9]+")
_NOTHING = sql("null::jsonb")
_SHIFTS: Final = 500
"""Moments of a row, at most; a row has no more than 1,664 columns."""


@dataclass(frozen=True, slots=True)
class Values:
    """The values that a path reaches: one, or one a row where it may go through lists."""

    sql: Sql
    """A jsonb expression, null if there is no value; JSON's own null counts as no value."""
    rows: tuple[Sql, ...] = ()
    """What `sql` is selected from, each seeing those before it; empty for an expression that costs
    nothing to repeat."""
    many: bool = False
    """Whether there may be several."""

    def any(self, test: Test) -> Sql:
        """A boolean expression: `test` holds for one of the values. Never null."""
        holds = sql("coalesce({holds}, false)", holds=test(self.sql))
        if not self.rows:
            return holds
        rows = join(", ", self.rows)
        return sql("exists (select from {rows} where {holds})", rows=rows, holds=holds)

    def earliest(self, instant: Sql) -> Sql:
        """The earliest of the instants, an expression over `sql`; infinity without one."""
        if not self.rows:
            return sql("coalesce({instant}, {never})", instant=instant, never=NEVER)
        return earliest(instant, sql("from {rows}", rows=join(", ", self.rows)))

    def all_as_one(self) -> Sql:
        """A jsonb expression of the value, or of a list of them."""
        if not self.rows:
            return self.sql
        value = sql("jsonb_agg({value})", value=self.sql) if self.many else self.sql
        return sql("(select {value} from {rows})", value=value, rows=join(", ", self.rows))


class JudgedRow:
    """What the predicates of one statement share of each contact and instant, computed once.

    `rows` stands in the statement after `c`; `at` there is the instant, null for now.
    """

    def __init__(self, at: Sql, default_zone: Sql) -> None:
        self._at = at
        self._default_zone = default_zone
        self._shifts: dict[Hashable, Sql] = {}

    def shift(self, key: Hashable, shifted: Sql) -> Sql | None:
        """The column of what `shifted` says, the same for each key; None if there are too many."""
        if key not in self._shifts and len(self._shifts) >= _SHIFTS:
            return None
        self._shifts.setdefault(key, shifted)
        return sql("shifts.s{number}", number=integer(list(self._shifts).index(key)))

    @property
    def rows(self) -> Sql:
        """The joins that make the rows `judged` and `shifts`. The offsets keep them computed."""
        judged = sql(
            """
cross join lateral (
    select coalesce({at}, parcours.clock()) as at, coalesce({at}, 'infinity') as latest,
           parcours.zone(c.timezone, {zone}) as zone
    offset 0
) judged
""",
            at=self._at,
            zone=self._default_zone,
        )
        if not self._shifts:
            return judged
        columns = [
            sql("{shifted} as s{number}", shifted=shifted, number=integer(number))
            for number, shifted in enumerate(self._shifts.values())
        ]
        return sql(
            "{judged} cross join lateral (select {columns} offset 0) shifts",
            judged=judged,
            columns=join(", ", columns),
        )


class PredicateBuilder:
    """Collects the parameters of one predicate, and makes names that no other predicate has.

    `event` is the row whose recording is the instant at which the predicate is judged; without one
    it is the parameter `judged_at`, and null there means now. `timed`: whether the next instant is
    asked for, at which time alone could change the predicate. `shared`: what is computed once for
    all predicates of the statement, which is judged as of its instant.
    """

    def __init__(
        self,
        prefix: str,
        default_zone: str,
        event: Sql | None = None,
        *,
        timed: bool = True,
        shared: JudgedRow | None = None,
    ) -> None:
        by_parameter = event is None and shared is None
        self.params: dict[str, Any] = {JUDGED_AT: None} if by_parameter else {}
        judged, latest = _JUDGED, _LATEST
        if event is not None:
            judged = latest = sql("{event}.stamped_at", event=event)
        elif shared is not None:
            judged, latest = sql("judged.at"), sql("judged.latest")
        self.judged: Final = judged
        """The instant at which the predicate is judged, computed once for all events."""
        self.latest: Final = latest
        """The last recording that counts: infinity if the predicate is judged now."""
        self.timed: Final = timed
        self.shared: Final = shared
        self._prefix = prefix
        self._default_zone = default_zone
        self._bound: dict[tuple[Hashable, str], Sql] = {}
        self._names = 0

    def alias(self) -> Sql:
        """A name for rows that no other part of the predicate has."""
        self._names += 1
        return name(f"{self._prefix}t{self._names}")

    def bind(self, value: str | int | float | None, cast: str) -> Sql:
        """A parameter, cast; the same value with the same cast is one parameter."""
        return self._bind(value, value, cast)

    def bind_list(self, values: list[str], cast: str) -> Sql:
        """A parameter that is a list of texts, cast."""
        return self._bind(tuple(values), values, cast)

    def _bind(self, key: Hashable, value: Any, cast: str) -> Sql:
        if (key, cast) not in self._bound:
            placeholder = f"{self._prefix}{len(self._bound)}"
            self.params[placeholder] = value
            bound = sql("{value}::{cast}", value=parameter(placeholder), cast=type_name(cast))
            self._bound[key, cast] = bound
        return self._bound[key, cast]

    def text(self, text: str) -> Sql:
        """A text expression; null, which equals nothing, for a text that PostgreSQL cannot hold."""
        return self.bind(text if _storable(text) else None, "text")

    def literal(self, value: Any) -> Values:
        """A plain value of a document."""
        text = _json(value)
        return Values(_NOTHING if text is None else self.bind(text, "jsonb"))

    def literals(self, values: list[Any]) -> Sql:
        """An array of jsonb, without those of the values that no stored value can equal."""
        storable = [
            v for v in values if v is not None and not (isinstance(v, str) and not _storable(v))
        ]
        return self.bind_list([json.dumps(v, ensure_ascii=False) for v in storable], "jsonb[]")

    @contextmanager
    def of_segment(self) -> Iterator[None]:
        """What is compiled inside is of a segment: it means the same in every journey."""
        outside = self._default_zone
        self._default_zone = SEGMENT_ZONE
        try:
            yield
        finally:
            self._default_zone = outside

    def zone(self) -> Sql:
        """The contact's time zone, else the default: a query, so that all rows compute it once."""
        if self.shared is not None:
            return sql("judged.zone")
        default = self.bind(self._default_zone, "text")
        return sql("(select parcours.zone(c.timezone, {default}))", default=default)

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
        # There is nothing inside a column, but an attribute may be called `score.before`.
        if path not in READABLE_NAMES:
            return self.reach(sql("c.attributes"), path)
        return Values(sql("nullif(to_jsonb(c.{column}), 'null'::jsonb)", column=name(path)))

    def entry(self, path: str) -> Values:
        """A property of the entry event."""
        return self.reach(sql("r.entry"), path)

    def step(self, step: str, path: str | None) -> Values:
        """A property of a step's latest visit that has an outcome; its outcome without a path."""
        first, *rest = (path or "outcome").split(".")
        visits = sql(
            "from visit v where v.run_id = r.id and v.step = {step} and v.outcome is not null"
            " and coalesce(v.ended_at, '-infinity') <= {latest}",
            step=self.text(step),
            latest=self.latest,
        )
        found = self._visit_property(first, visits)
        alias = self.alias()
        latest = sql(
            "(select {found} {visits} order by v.visit desc limit 1) as {alias}(v)",
            found=found,
            visits=visits,
            alias=alias,
        )
        value = sql("{alias}.v", alias=alias)
        if not rest:
            return self._onward(value, [], latest)
        return self.reach(value, ".".join(rest), latest)

    def _visit_property(self, key: str, visits: Sql) -> Sql:
        """A property of the row `v`, of the rows `visits` of its step."""
        match key:
            case "outcome":
                return sql("to_jsonb(v.outcome)")
            case "at":
                return sql("to_jsonb(v.ended_at)")
            case "visits":
                return sql("to_jsonb((select count(*) {visits}))", visits=visits)
        return sql("v.output -> {key}", key=self.text(key))

    def computed(self, query: Sql) -> Values:
        """The one value of a query that aggregates, computed once however often it is compared."""
        alias = self.alias()
        row = sql("({query}) as {alias}(v)", query=query, alias=alias)
        return Values(sql("{alias}.v", alias=alias), (row,))

    def reach(self, root: Sql, path: str, *rows: Sql) -> Values:
        """The values at a dotted path in `root`, an expression of a JSON object that `rows` make.

        A key with the very name of the path goes before what the path reaches inside.
        """
        first, *rest = path.split(".")
        inside = self._onward(sql("{root} -> {first}", root=root, first=self.text(first)), rest)
        if not rest or not _storable(path):
            return replace(inside, rows=(*rows, *inside.rows))
        key = self.text(path)
        if not inside.rows:
            value = sql(
                "case when {root} ? {key} then nullif({root} -> {key}, 'null'::jsonb)"
                " else {inside} end",
                root=root,
                key=key,
                inside=inside.sql,
            )
            return Values(value, rows)
        alias = self.alias()
        reached = sql(
            "lateral (select nullif({root} -> {key}, 'null'::jsonb) where {root} ? {key} union all"
            " select {inside} from {rows} where not coalesce({root} ? {key}, false)) as {alias}(v)",
            root=root,
            key=key,
            inside=inside.sql,
            rows=join(", ", inside.rows),
            alias=alias,
        )
        return Values(sql("{alias}.v", alias=alias), (*rows, reached), many=True)

    def _onward(self, value: Sql, parts: list[str], *rows: Sql) -> Values:
        """The values at `parts` of a path below `value`, which the rows make.

        A number is an index of a list or a key; a name goes through lists to their elements.
        """
        if not all(_storable(part) for part in parts):
            return Values(_NOTHING)
        reached = list(rows)
        for indexes, group in groupby(parts, key=lambda part: bool(_INDEX.fullmatch(part))):
            run = list(group)
            if indexes:
                keys = self.bind_list(run, "text[]")
                value = sql("({value}) #> {keys}", value=value, keys=keys)
                continue
            # Twice: lists within lists are gone through as well.
            path = "$" + "".join(f"[*][*].{json.dumps(part, ensure_ascii=False)}" for part in run)
            alias = self.alias()
            reached.append(
                sql(
                    "jsonb_path_query({value}, {path}) as {alias}(v)",
                    value=value,
                    path=self.bind(path, "jsonpath"),
                    alias=alias,
                )
            )
            value = sql("{alias}.v", alias=alias)
        many = len(reached) > len(rows)
        return Values(sql("nullif({value}, 'null'::jsonb)", value=value), tuple(reached), many)


def _json(value: Any) -> str | None:
    """A plain value as JSON; None for one that no stored value can equal."""
    if value is None or (isinstance(value, str) and not _storable(value)):
        return None
    return json.dumps(value, ensure_ascii=False)


def _storable(text: str) -> bool:
    """Whether PostgreSQL can hold the text: no NUL, no half of a surrogate pair."""
    return "\x00" not in text and not any("\ud800" <= letter <= "\udfff" for letter in text)
