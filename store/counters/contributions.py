"""Statements made of the counted facts: what rows count for, and deltas of it."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final

from store.counters.facts import SOURCES, CountedTable, Fact
from store.sql import Sql, join, name, sql, text_literal, with_values

_COLUMN: Final = re.compile(r'\bx\."?([a-z_]+)')
_TABLES: Final = {"visits": sql("visit"), "messages": sql("message")}


def contributions(
    table: CountedTable, rows: Sql, *, facts: Sequence[Fact] | None = None, **tables: Sql
) -> Sql:
    """What rows of a table count for, one row a fact; `rows` has its columns, and `sign`.

    `facts`: only these. `tables` are read instead of the tables `visits` and `messages`.
    """
    source = SOURCES[table]
    counted = sql(
        """
        select x.sign, {journey} as journey, f.version, f.step, f.fact, f.label, f.at,
               {entered_at} as entered_at, f.value
        from {rows} x
        {joins}
        cross join lateral (values
            {facts}
        ) f(fact, counts, version, step, label, at, value)
        where f.counts
        """,
        journey=source.journey,
        entered_at=source.entered_at,
        rows=rows,
        joins=source.joins,
        facts=join(",\n            ", [_values(fact) for fact in facts or source.facts]),
    )
    return with_values(counted, **{**_TABLES, **tables})


def _values(fact: Fact) -> Sql:
    return sql(
        "({fact}, {when}, {version}, {step}, {label}, {at}, {value})",
        fact=text_literal(fact.name),
        when=fact.when,
        version=fact.version,
        step=fact.step,
        label=fact.label,
        at=fact.at,
        value=fact.value,
    )


def columns_of(text: Sql) -> list[str]:
    """The columns of the row `x` that are named."""
    return _COLUMN.findall(str(text))


def rows_of(table: CountedTable, relation: Sql | None = None) -> Sql:
    """All rows of a table, or of another relation with its columns, to be added."""
    return sql("(select 1 as sign, t.* from {relation} t)", relation=relation or name(table))


def closed_rows(table: CountedTable, relation: Sql, *, also_as_they_were: bool = False) -> Sql:
    """Rows of a relation as they count once they are deleted.

    `also_as_they_were` subtracts what they counted for before.
    """
    source = SOURCES[table]
    texts = [source.journey, source.joins, source.entered_at, source.never]
    for fact in source.facts:
        texts += [fact.when, fact.version, fact.step, fact.label, fact.at, fact.value]
    columns = sorted({each for text in texts for each in columns_of(text)})
    closed = sql(
        "select 1 as sign, {columns} from {relation} x where not ({never})",
        columns=join(
            ", ",
            [
                sql("{value} as {column}", value=source.closed[each], column=name(each))
                if each in source.closed
                else sql("x.{column}", column=name(each))
                for each in columns
            ],
        ),
        relation=relation,
        never=source.never,
    )
    if not also_as_they_were:
        return sql("({closed})", closed=closed)
    return sql(
        "({closed} union all select -1, {columns} from {relation} x)",
        closed=closed,
        columns=join(", ", [sql("x.{column}", column=name(each)) for each in columns]),
        relation=relation,
    )


def append(counted: Sql, *, removed: bool = False) -> Sql:
    """A statement that appends what rows count for, those of a quarter of an hour together."""
    return sql(
        """
        insert into figure_delta
            (journey, version, step, fact, label, at, last_at, entered_at, count, value, removed)
        select journey, version, step, fact, label, min(at), max(at), min(entered_at), sum(sign),
               sum(sign * value), {removed}
        from ({counted}) c
        group by journey, version, step, fact, label, date_bin('15 minutes', at, 'epoch'),
                 date_bin('15 minutes', entered_at, 'epoch')
        having sum(sign) <> 0 or sum(sign * value) <> 0
        """,
        counted=counted,
        removed=sql("true") if removed else sql("false"),
    )


def append_many(counted: Sql) -> list[Sql]:
    """Statements that append what very many rows count for, by each of their times apart.

    So there are as many deltas as quarters of an hour, and not as pairs of them.
    """
    return [
        sql(
            """
            insert into figure_delta
                (journey, version, step, fact, label, at, last_at, entered_at, count, value)
            select journey, version, step, fact, label, {at}, {last_at}, {entered_at}, sum(sign),
                   sum(sign * value)
            from ({counted}) c
            group by journey, version, step, fact, label, date_bin('15 minutes', {by}, 'epoch')
            """,
            counted=counted,
            at=at,
            last_at=last_at,
            entered_at=entered_at,
            by=by,
        )
        for at, last_at, entered_at, by in (
            (sql("min(at)"), sql("max(at)"), sql("null"), sql("at")),
            (sql("null"), sql("null"), sql("min(entered_at)"), sql("entered_at")),
        )
    ]
