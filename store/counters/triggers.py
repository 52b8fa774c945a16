"""Triggers made of the counted facts: they append deltas in the statement that writes a row.

Whichever statement that is, what the row counted for before is subtracted, and what it counts for
now is added. Deleted rows leave what they counted for as `removed` deltas, so that figures are at
all times the sum of a recount of the rows that are there and of what was removed.

Migrations hold the text of these functions as it was then; a test compares the newest with this.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final, Literal

from journeys.model.outcomes import REPLACED
from store.counters.contributions import append, closed_rows, columns_of, contributions
from store.counters.facts import IN_JOURNEYS, SOURCES, CountedTable, Fact
from store.sql import Sql, join, name, sql, text_list, text_literal, with_alias, with_values

_ITS_RUN: Final = sql("declare\n    its_run record;\n")
_FIND_RUN: Final = sql(
    """
    select r.journey, r.version, r.started_at into its_run from run r where r.id = new.run_id;
    if not found then
        return null;
    end if;"""
)


def functions() -> Iterator[Sql]:
    """The definitions of all functions that count."""
    for table in SOURCES:
        yield _inserted(table)
        if SOURCES[table].columns:
            yield _updated(table)
        yield _deleted(table)
    yield _IN_JOURNEYS
    yield _RUN_ENDED
    yield _RUN_MOVED
    yield _GOAL_MET


def triggers() -> Iterator[Sql]:
    """The definitions of all triggers that call them."""
    for table, source in SOURCES.items():
        yield sql(
            "create trigger {function} after insert on {table} for each row {counts}"
            " execute function parcours.{function}()",
            counts=sql("when ({counts})", counts=source.inserted) if source.inserted else sql(""),
            table=name(table),
            function=name(f"count_{table}"),
        )
        if source.columns:
            yield sql(
                "create trigger {again} after update of {columns} on {table} for each row"
                " when ({changed}) execute function parcours.{again}()",
                again=name(f"count_{table}_again"),
                columns=join(", ", [name(each) for each in source.columns]),
                changed=join(
                    " or ",
                    [
                        sql("old.{column} is distinct from new.{column}", column=name(each))
                        for each in source.columns
                    ],
                ),
                table=name(table),
            )
        yield sql(
            "create trigger {deleted} after delete on {table} referencing old table as deleted"
            " for each statement execute function parcours.{deleted}()",
            table=name(table),
            deleted=name(f"count_deleted_{table}"),
        )
    yield from _OTHER_TRIGGERS


def _inserted(table: CountedTable) -> Sql:
    """The function that counts a row which is inserted."""
    facts = [
        sql(
            """
    if {when} then{append}
    end if;""",
            when=with_alias(fact.guard or fact.when, "x", "new"),
            append=_delta(table, fact, "new", sql("1")),
        )
        for fact in SOURCES[table].facts
    ]
    arms = [sql("\n    {arms};", arms=_arms("new", sql("1")))] if table == "goal" else []
    return _function(table, f"count_{table}", [*facts, *arms])


def _updated(table: CountedTable) -> Sql:
    """The function that counts a row which is updated: what it was no more, and what it is."""
    facts = [
        sql(
            """
    if {was} then
        if {is} then
            if row({key_then}) is distinct from row({key_now}) then{subtract}{add}
            end if;
        else{subtract}
        end if;
    elsif {is} then{add}
    end if;""",
            **{
                "was": with_alias(fact.guard or fact.when, "x", "old"),
                "is": with_alias(fact.guard or fact.when, "x", "new"),
                "key_then": with_alias(_columns(fact), "x", "old"),
                "key_now": with_alias(_columns(fact), "x", "new"),
                "subtract": _delta(table, fact, "old", sql("-1")),
                "add": _delta(table, fact, "new", sql("1")),
            },
        )
        for fact in SOURCES[table].facts
    ]
    arms = (
        [sql("\n    {was};\n    {now};", was=_arms("old", sql("-1")), now=_arms("new", sql("1")))]
        if table == "goal"
        else []
    )
    return _function(table, f"count_{table}_again", [*facts, *arms])


def _function(table: CountedTable, function: str, parts: Sequence[Sql]) -> Sql:
    by_run = SOURCES[table].by_run
    return with_values(
        sql(
            """
create or replace function parcours.{function}() returns trigger language plpgsql as $$
{its_run}begin{found}{parts}
    return null;
end
$$
""",
            function=name(function),
            its_run=_ITS_RUN if by_run else sql(""),
            found=_FIND_RUN if by_run else sql(""),
            parts=join("", parts),
        ),
        visits=sql("visit"),
        messages=sql("message"),
    )


def _columns(fact: Fact) -> Sql:
    """The columns of the row on which the key of a fact depends, and what it is guarded by."""
    texts = (fact.version, fact.step, fact.label, fact.at, fact.value, fact.when)
    found = sorted({each for text in texts for each in columns_of(text)})
    return join(", ", [sql('x."{column}"', column=name(each)) for each in found])


def _delta(table: CountedTable, fact: Fact, row: Literal["old", "new"], sign: Sql) -> Sql:
    """The statement that appends one delta; a fact that is guarded asks for the rest itself."""
    source = SOURCES[table]
    if fact.guard is None and (source.by_run or not str(source.joins)):
        # Nothing is joined: a row that is inserted alone costs a third.
        alone = sql(
            """
        insert into figure_delta
            (journey, version, step, fact, label, at, entered_at, count, value, targeted)
        values ({journey}, {version}, {step}, {fact}, {label}, {at}, {entered_at}, {sign},
                {sign} * {value}, {targeted});""",
            journey=source.journey,
            version=fact.version,
            step=fact.step,
            fact=text_literal(fact.name),
            label=fact.label,
            at=fact.at,
            entered_at=source.entered_at,
            sign=sign,
            value=fact.value,
            targeted=fact.targeted if row == "new" else sql("null"),
        )
        return with_alias(with_alias(alone, "r", "its_run"), "x", row)
    return with_alias(
        sql(
            """
        insert into figure_delta
            (journey, version, step, fact, label, at, entered_at, count, value, targeted)
        select {journey}, {version}, {step}, {fact}, {label}, {at}, {entered_at}, {sign},
               {sign} * {value}, {targeted}
        from (select) one {joins} {where};""",
            journey=source.journey,
            version=fact.version,
            step=fact.step,
            fact=text_literal(fact.name),
            label=fact.label,
            at=fact.at,
            entered_at=source.entered_at,
            sign=sign,
            value=fact.value,
            targeted=fact.targeted if row == "new" else sql("null"),
            joins=source.joins,
            where=sql("") if fact.guard is None else sql("where {when}", when=fact.when),
        ),
        "x",
        row,
    )


def _arms_of(goals: Sql, sign: Sql) -> Sql:
    """The arms that the runs of goals took, with what the goals are worth."""
    [arm] = [fact for fact in SOURCES["visit"].facts if fact.name == "arm"]
    return with_values(
        sql(
            """
            select {sign} as sign, r.journey, {version} as version, x.step, {fact} as fact,
                   {label} as label, {at} as at, r.started_at as entered_at, {value} as value
            from {goals} g
            join run r on r.id = g.run_id
            join visit x on x.run_id = g.run_id
            where {when}
            """,
            sign=sign,
            goals=goals,
            version=arm.version,
            fact=text_literal(arm.name),
            label=arm.label,
            at=arm.at,
            value=arm.value,
            when=arm.when,
        ),
        visits=sql("visit"),
    )


def _arms(row: Literal["old", "new"], sign: Sql) -> Sql:
    goal = sql("(select {row}.*)", row=name(row))
    return append(_arms_of(goal, sign))


def _deleted(table: CountedTable) -> Sql:
    """The function that counts deleted rows as removed, and what no longer stands as over."""
    source = SOURCES[table]
    deleted = sql("deleted")
    statements = [
        append(contributions(table, closed_rows(table, deleted), visits=deleted), removed=True)
    ]
    if source.closed:
        rows = closed_rows(table, deleted, also_as_they_were=True)
        statements.append(append(contributions(table, rows, visits=deleted)))
    if table == "message":
        # Their hits may stay longer, and find no message then.
        hits = sql("(select 1 as sign, h.* from link_hit h join deleted d on d.id = h.message_id)")
        statements.append(append(contributions("link_hit", hits, messages=deleted), removed=True))
    if table == "goal":
        statements.append(append(_arms_of(deleted, sql("1")), removed=True))
    return sql(
        """
create or replace function parcours.{function}() returns trigger language plpgsql as $$
begin
    {statements}
    return null;
end
$$
""",
        function=name(f"count_deleted_{table}"),
        statements=join("\n    ", [sql("{each};", each=each) for each in statements]),
    )


# Before the row is written, because each row of a statement then sees those before it as they
# are now: of two runs of a contact that begin or end together, one is the first and one the last.
_IN_JOURNEYS: Final = sql(
    """
create or replace function parcours.count_in_journeys() returns trigger language plpgsql as $$
begin
    if tg_op <> 'INSERT' then
        if old.state = 'active' then
            perform from run o
            where o.contact_id = old.contact_id and o.state = 'active' and o.id <> old.id limit 1;
            if not found then
                insert into figure_delta
                    (journey, version, step, fact, label, at, entered_at, count)
                values ('', 0, '', {fact}, '', parcours.clock(), '-infinity', -1);
            end if;
        end if;
    end if;
    if tg_op = 'DELETE' then
        return old;
    end if;
    if new.state = 'active' then
        perform from run o
        where o.contact_id = new.contact_id and o.state = 'active' and o.id <> new.id limit 1;
        if not found then
            insert into figure_delta (journey, version, step, fact, label, at, entered_at, count)
            values ('', 0, '', {fact}, '', parcours.clock(), '-infinity', 1);
        end if;
    end if;
    return new;
end
$$
""",
    fact=text_literal(IN_JOURNEYS),
)
# What stood when the run ended stands no more. A run that another replaced counts for nothing in
# what compares entries with what came of them.
_RUN_ENDED: Final = sql(
    """
create or replace function parcours.mark_ended_run() returns trigger language plpgsql as $$
begin
    update visit set run_ended = true
    where run_id = new.id and outcome is null and not run_ended;
    if new.outcome in ({replaced}) then
        update goal set replaced = true where run_id = new.id;
        update visit set replaced = true where run_id = new.id and kind = 'split';
    end if;
    return null;
end
$$
""",
    replaced=text_list(REPLACED),
)
# What was is of the version that the run had then; the visit at which it stands goes along.
_RUN_MOVED: Final = sql(
    """
create or replace function parcours.keep_versions() returns trigger language plpgsql as $$
begin
    new.entry_version := coalesce(old.entry_version, old.version);
    update message m
    set version = case when v.outcome is null then new.version else old.version end
    from visit v
    where m.run_id = old.id and v.run_id = m.run_id and v.visit = m.visit
      and (m.version is null or v.outcome is null);
    update visit
    set version = case when outcome is null then new.version else old.version end
    where run_id = old.id and (version is null or outcome is null);
    return new;
end
$$
"""
)
_GOAL_MET: Final = sql(
    """
create or replace function parcours.place_goal() returns trigger language plpgsql as $$
begin
    select r.version, r.step, r.started_at, coalesce(r.outcome in ({replaced}), false)
    into new.version, new.step, new.entered_at, new.replaced
    from run r where r.id = new.run_id;
    return new;
end
$$
""",
    replaced=text_list(REPLACED),
)
_OTHER_TRIGGERS: Final = (
    sql(
        "create trigger count_in_journeys before insert on run for each row"
        " when (new.state = 'active') execute function parcours.count_in_journeys()"
    ),
    sql(
        "create trigger count_in_journeys_again before update of state, contact_id on run"
        " for each row when (old.state is distinct from new.state"
        " or old.contact_id is distinct from new.contact_id)"
        " execute function parcours.count_in_journeys()"
    ),
    sql(
        "create trigger count_in_journeys_no_more before delete on run for each row"
        " when (old.state = 'active') execute function parcours.count_in_journeys()"
    ),
    sql(
        "create trigger mark_ended_run after update of state, outcome on run for each row"
        " when (new.state = 'ended'"
        " and (old.state <> 'ended' or old.outcome is distinct from new.outcome))"
        " execute function parcours.mark_ended_run()"
    ),
    sql(
        "create trigger keep_versions before update of version on run for each row"
        " when (old.version is distinct from new.version)"
        " execute function parcours.keep_versions()"
    ),
    sql(
        "create trigger place_goal before insert or update of met_event_id on goal for each row"
        " when (new.met_event_id is not null and new.entered_at is null)"
        " execute function parcours.place_goal()"
    ),
)
