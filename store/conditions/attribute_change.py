"""Changes of an attribute, asked of the event that records them.

The event repeats the values before and after the change, except long ones.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from journeys.model.contact_fields import CONTACT_FIELDS
from journeys.model.entry_events import names_within
from journeys.model.triggers import AttributeEntry
from journeys.model.values import Scalar
from store.conditions.comparisons import compare
from store.conditions.predicate import Predicate
from store.conditions.sql_values import PredicateBuilder, Values
from store.sql import Sql, sql

_CHANGES: Final = sql("(e.properties -> 'changes')")


def compile_change(entry: AttributeEntry, *, prefix: str, default_zone: str) -> Predicate:
    """Whether the event of the row `e`, of the contact `c`, is a change that the entry waits for.

    Where the event leaves a value out because it is long, nothing is known of the value before, and
    the one that the contact has now counts as the one after.
    """
    builder = PredicateBuilder(prefix, default_zone, sql("e"), timed=False)
    path = entry.attribute
    before, after = _at(builder, path, sql("0")), _at(builder, path, sql("1"))
    holds = sql(
        "case when {changes} ?| {names} then {before} is distinct from {after}"
        " and {from_} and {to} else {unknown} end",
        changes=_CHANGES,
        names=builder.bind_list(names_within(path), "text[]"),
        before=before.all_as_one(),
        after=after.all_as_one(),
        from_=_is(builder, before, entry, "from_"),
        to=_is(builder, after, entry, "to"),
        unknown=_left_out(builder, entry),
    )
    return Predicate(holds, holds, builder.params, ())


def _at(builder: PredicateBuilder, path: str, place: Sql) -> Values:
    """The values at a path before (0) or after (1) the change, among what changed."""
    row = builder.alias()
    changed = sql(
        "(select jsonb_object_agg(k.key, k.value -> {place}) as v"
        " from jsonb_each({changes}) k) as {row}",
        place=place,
        changes=_CHANGES,
        row=row,
    )
    values = builder.reach(sql("{row}.v", row=row), path, changed)
    field = CONTACT_FIELDS.get(path)  # type: ignore[call-overload]
    if field is None or field.absent is None:
        return values
    absent = builder.literal(field.absent).sql
    return replace(values, sql=sql("coalesce({value}, {absent})", value=values.sql, absent=absent))


def _left_out(builder: PredicateBuilder, entry: AttributeEntry) -> Sql:
    """The attribute itself changed, and the event does not repeat its values."""
    if "from_" in entry.model_fields_set:
        return sql("false")
    return sql(
        "coalesce(e.properties -> 'names' ? {name}, false) and {to}",
        name=builder.text(entry.attribute),
        to=_is(builder, builder.attribute(entry.attribute), entry, "to"),
    )


def _is(builder: PredicateBuilder, values: Values, entry: AttributeEntry, field: str) -> Sql:
    """A value is what the entry says in this field; true if it says nothing."""
    if field not in entry.model_fields_set:
        return sql("true")
    wanted: Scalar = getattr(entry, field)
    if wanted is None:
        return compare(builder, values, {"exists": False}).holds
    return compare(builder, values, {"is": wanted}).holds
