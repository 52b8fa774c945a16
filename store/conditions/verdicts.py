"""Verdicts: boolean expressions, each with the instant at which time alone could change it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from store.sql import Sql, join, sql

NEVER = sql("'infinity'::timestamptz")
_ALWAYS_BEFORE = sql("'-infinity'::timestamptz")


@dataclass(frozen=True, slots=True)
class Verdict:
    """A boolean expression, and when to ask again."""

    holds: Sql
    next: Sql | None = None
    """A timestamptz expression, never null: an instant after the one at which it is judged and no
    later than the first at which time alone changes `holds`, or infinity. None if time never does.
    """


def later(instant: Sql, judged: Sql) -> Sql:
    """The instant if it lies after `judged`, else infinity."""
    return sql(
        "coalesce(case when {instant} > {judged} then {instant} end, {never})",
        instant=instant,
        judged=judged,
        never=NEVER,
    )


def earliest(instant: Sql, rows: Sql) -> Sql:
    """The earliest of the instants of the rows, `from …`; infinity without one."""
    # An aggregate of what no row of its own query has would belong to a query around it.
    return sql(
        "coalesce((select min(n.at) from (select {instant} as at {rows}) n), {never})",
        instant=instant,
        rows=rows,
        never=NEVER,
    )


def all_of(parts: Sequence[Verdict]) -> Verdict:
    """All hold. Once true, the first part to change decides; before that the last false one does.

    The expressions of the parts may be null, which counts as false.
    """
    if len(parts) == 1:
        return parts[0]
    holds = sql("({parts})", parts=join(" and ", [part.holds for part in parts]))
    timed = [part.next for part in parts if part.next is not None]
    if not timed:
        return Verdict(holds)
    last = join(
        ", ",
        [
            sql(
                "case when {holds} then {before} else {next} end",
                holds=part.holds,
                before=_ALWAYS_BEFORE,
                next=part.next or NEVER,
            )
            for part in parts
        ],
    )
    return Verdict(
        holds,
        sql(
            "case when {holds} then least({first}) else greatest({last}) end",
            holds=holds,
            first=join(", ", timed),
            last=last,
        ),
    )


def any_of(parts: Sequence[Verdict]) -> Verdict:
    """One holds. While one does, the last true part to change decides; before that the first."""
    if len(parts) == 1:
        return parts[0]
    holds = sql("({parts})", parts=join(" or ", [part.holds for part in parts]))
    timed = [part.next for part in parts if part.next is not None]
    if not timed:
        return Verdict(holds)
    last = join(
        ", ",
        [
            sql(
                "case when {holds} then {next} else {before} end",
                holds=part.holds,
                before=_ALWAYS_BEFORE,
                next=part.next or NEVER,
            )
            for part in parts
        ],
    )
    return Verdict(
        holds,
        sql(
            "case when {holds} then greatest({last}) else least({first}) end",
            holds=holds,
            first=join(", ", timed),
            last=last,
        ),
    )


def denied(part: Verdict) -> Verdict:
    """The opposite of an expression that is never null; it changes when that does."""
    return Verdict(sql("(not {part})", part=part.holds), part.next)
