"""What waits for a time is counted by it, and merges find deltas by an index."""

import re
from pathlib import Path

import sqlalchemy as sa
from alembic import context, op

revision = "0045"
down_revision = "0044"

_HERE = Path(__file__)
# As a fold does, of all deltas at once: it takes a tenth of the time that folds of some thousands
# take, and until they are done each reading of figures goes through all deltas.
_FOLDED = (
    "set local work_mem = '256MB'",
    "lock table figure_delta in access exclusive mode",
    """
    with new as (
        insert into targeted_contact (contact_id, day)
        select distinct targeted, date_trunc('day', at, %(zone)s) from figure_delta
        where targeted is not null
        on conflict do nothing returning day
    )
    insert into figure as f (journey, span, cohort, removed, begins_at, version, step, fact, label,
                             count, value, first_at, last_at)
    select c.journey, s.span, s.cohort, c.removed, s.begins_at, c.version, c.step, c.fact, c.label,
           sum(c.count), sum(c.value),
           min(c.at) filter (where c.fact = 'outcome' and c.count > 0),
           max(coalesce(c.last_at, c.at)) filter (where c.fact = 'outcome' and c.count > 0)
    from (
        select journey, version, step, fact, label, at, last_at, entered_at, count, value, removed
        from figure_delta
        union all
        select '', 0, '', 'targeted', '', day, null, day, count(*), 0, false from new group by day
    ) c
    cross join lateral (
        select * from (values
            ('total', 'occurrence', case when c.at is not null then '-infinity'::timestamptz end),
            ('day', 'occurrence', date_trunc('day', c.at, %(zone)s)),
            ('quarter', 'occurrence', date_bin('15 minutes', c.at, 'epoch')),
            ('day', 'entered', date_trunc('day', c.entered_at, %(zone)s)),
            ('quarter', 'entered', date_bin('15 minutes', c.entered_at, 'epoch'))
        ) each(span, cohort, begins_at)
        where begins_at is not null
    ) s
    where case c.fact when 'in_journeys' then s.span = 'total'
                      when 'targeted' then s.span = 'day' and s.cohort = 'occurrence'
                      else true end
      and (s.span <> 'quarter' or s.begins_at >= parcours.clock() - %(keep)s::interval)
    group by 1, 2, 3, 4, 5, 6, 7, 8, 9
    having sum(c.count) <> 0 or sum(c.value) <> 0
    on conflict (journey, span, cohort, removed, begins_at, version, step, fact, label) do update
    set count = f.count + excluded.count, value = f.value + excluded.value,
        first_at = least(f.first_at, excluded.first_at),
        last_at = greatest(f.last_at, excluded.last_at)
    """,
    "truncate figure_delta",
)
_MANY = 50_000
_CHANGED = ("count_visit", "count_visit_again", "count_deleted_visit")


def upgrade() -> None:
    _fold()
    # Between the reading of what waits and the end, none may begin to wait uncounted.
    op.execute("lock table visit in share row exclusive mode")
    _run(_HERE.with_suffix(".sql").read_text())
    op.create_index(
        "figure_delta_targeted", "figure_delta", ["targeted"],
        postgresql_where=sa.text("targeted is not null"),
    )  # fmt: skip


def _fold() -> None:
    settings = context.config.attributes.get("figures")
    connection = op.get_bind()
    count = sa.text("select count(*) from (select from figure_delta limit :many) d")
    if settings is None or connection.execute(count, {"many": _MANY}).scalar_one() < _MANY:
        return
    driver = connection.connection.driver_connection
    assert driver is not None
    for statement in _FOLDED:
        named = {"zone": settings.zone, "keep": settings.keep} if "%(" in statement else None
        driver.execute(statement, named)


def downgrade() -> None:
    op.drop_index("figure_delta_targeted", "figure_delta")
    earlier = _HERE.with_name("v0036_figures.sql").read_text()
    for function in _CHANGED:
        found = re.search(
            rf"create or replace function parcours\.{function}\(\).*?\$\$.*?\$\$\s*;", earlier, re.S
        )
        assert found is not None
        _run(found[0])
    trigger = re.search(r"create trigger count_visit_again .*?;", earlier, re.S)
    assert trigger is not None
    op.execute("drop trigger count_visit_again on visit")
    _run(trigger[0])
    op.execute("delete from figure where fact = 'due'")
    op.execute("delete from figure_delta where fact = 'due'")


def _run(statements: str) -> None:
    # Without parameters, so that a percent sign and a colon stand for themselves.
    connection = op.get_bind().connection.driver_connection
    assert connection is not None
    connection.execute(statements)
