"""Counters of journeys, steps and messages.

The functions, triggers and recounts beside this file are those that `store.counters` made then.
"""

from pathlib import Path

import sqlalchemy as sa
from alembic import op

revision = "0036"
down_revision = "0035"

_FUNCTION_NAMES = (
    "parcours.count_visit()",
    "parcours.count_visit_again()",
    "parcours.count_deleted_visit()",
    "parcours.count_message()",
    "parcours.count_message_again()",
    "parcours.count_deleted_message()",
    "parcours.count_run()",
    "parcours.count_run_again()",
    "parcours.count_deleted_run()",
    "parcours.count_goal()",
    "parcours.count_goal_again()",
    "parcours.count_deleted_goal()",
    "parcours.count_refusal()",
    "parcours.count_deleted_refusal()",
    "parcours.count_consent_record()",
    "parcours.count_deleted_consent_record()",
    "parcours.count_link_hit()",
    "parcours.count_link_hit_again()",
    "parcours.count_deleted_link_hit()",
    "parcours.count_in_journeys()",
    "parcours.mark_ended_run()",
    "parcours.keep_versions()",
    "parcours.place_goal()",
)
_TRIGGER_NAMES = (
    ("count_visit", "visit"),
    ("count_visit_again", "visit"),
    ("count_deleted_visit", "visit"),
    ("count_message", "message"),
    ("count_message_again", "message"),
    ("count_deleted_message", "message"),
    ("count_run", "run"),
    ("count_run_again", "run"),
    ("count_deleted_run", "run"),
    ("count_goal", "goal"),
    ("count_goal_again", "goal"),
    ("count_deleted_goal", "goal"),
    ("count_refusal", "refusal"),
    ("count_deleted_refusal", "refusal"),
    ("count_consent_record", "consent_record"),
    ("count_deleted_consent_record", "consent_record"),
    ("count_link_hit", "link_hit"),
    ("count_link_hit_again", "link_hit"),
    ("count_deleted_link_hit", "link_hit"),
    ("count_in_journeys", "run"),
    ("count_in_journeys_again", "run"),
    ("count_in_journeys_no_more", "run"),
    ("mark_ended_run", "run"),
    ("keep_versions", "run"),
    ("place_goal", "goal"),
)
_MARKS = (
    """
update visit v set run_ended = true from run r
where r.id = v.run_id and r.state = 'ended' and v.outcome is null
""",
    """
update visit v set replaced = true from run r
where r.id = v.run_id and r.outcome in ('restarted', 'merged') and v.kind = 'split'
""",
    """
update goal g set replaced = coalesce(r.outcome in ('restarted', 'merged'), false),
       version = r.version, step = r.step, entered_at = r.started_at
from run r
where r.id = g.run_id
  and (g.met_event_id is not null or r.outcome in ('restarted', 'merged'))
""",
)
"""What the rows that are there say of their runs."""
_FILLS = (
    """
insert into figure_delta (journey, version, step, fact, label, at, entered_at, count)
select '', 0, '', 'in_journeys', '', parcours.clock(), parcours.clock(), count(distinct contact_id)
from run where state = 'active' having count(*) > 0
""",
    """
insert into figure_delta (journey, version, step, fact, label, at, entered_at, count, targeted)
select '', 0, '', 'targeted', '', min(settled_at), min(settled_at), 0, contact_id
from message
where state = 'sent' and channel <> 'webhook' and settled_at > parcours.clock() - interval '35 days'
group by contact_id, date_bin('15 minutes', settled_at, 'epoch')
""",
    # Counts of runs that were removed before had no time.
    """
insert into figure_delta
    (journey, version, step, fact, label, at, entered_at, count, value, removed)
select c.journey, c.version, c.step, f.fact, f.label, '-infinity', '-infinity', c.count, c.value,
       removed.removed
from removed_count c
cross join lateral (
    select case c.label when 'opened' then 'opened' when 'clicked' then 'clicked'
                        else 'unsubscribed' end as fact, 'email' as label
    where c.kind = 'visit' and c.label in ('opened', 'clicked', 'unsubscribed')
    union all select 'reached', c.label where c.kind = 'kind'
    union all select 'outcome', c.label where c.kind = 'outcome'
    union all select 'skipped', c.label where c.kind = 'skipped'
    union all select 'failed', '' where c.kind = 'outcome' and c.label = 'failed'
    union all select 'goal', '' where c.kind = 'goal'
    union all select 'arm', c.label where c.kind = 'arm'
    union all select 'ended', c.label where c.kind = 'run'
    union all select case when c.label in ('restarted', 'merged') then 'replaced'
                          else 'entered' end, ''
              where c.kind = 'run'
) f
cross join (values (true), (false)) removed(removed)
where c.count <> 0
""",
    """
insert into figure_delta
    (journey, version, step, fact, label, at, entered_at, count, removed)
select c.journey, c.version, c.step, 'left_open', '', '-infinity', '-infinity',
       sum(c.count) filter (where c.label = 'reached')
           - coalesce(sum(c.count) filter (where c.label = 'left'), 0), removed.removed
from removed_count c cross join (values (true), (false)) removed(removed)
where c.kind = 'visit'
group by c.journey, c.version, c.step, removed.removed
having sum(c.count) filter (where c.label = 'reached')
    > coalesce(sum(c.count) filter (where c.label = 'left'), 0)
""",
)


def upgrade() -> None:
    for table in ("visit", "message", "goal"):
        op.add_column(table, sa.Column("version", sa.Integer(), nullable=True))
    for table, column in (("visit", "run_ended"), ("visit", "replaced"), ("goal", "replaced")):
        op.add_column(
            table,
            sa.Column(column, sa.Boolean(), server_default=sa.text("false"), nullable=False),
        )
    op.add_column("goal", sa.Column("step", sa.Text(), nullable=True))
    op.add_column("goal", sa.Column("entered_at", sa.DateTime(timezone=True), nullable=True))
    op.add_column("run", sa.Column("entry_version", sa.Integer(), nullable=True))
    op.create_index(
        "run_in_journey", "run", ["contact_id"], postgresql_where=sa.text("state = 'active'")
    )
    _create_tables()
    for statement in (*_MARKS, *_FILLS):
        op.execute(statement)
    # Without parameters, so that a percent sign and a colon stand for themselves.
    connection = op.get_bind().connection.driver_connection
    assert connection is not None
    connection.execute(Path(__file__).with_suffix(".sql").read_text())
    op.drop_table("removed_count")


def _create_tables() -> None:
    time = sa.DateTime(timezone=True)
    op.create_table(
        "figure_delta",
        sa.Column("journey", sa.Text(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("step", sa.Text(), nullable=False),
        sa.Column("fact", sa.Text(), nullable=False),
        sa.Column("label", sa.Text(), nullable=False),
        sa.Column("at", time, nullable=True),
        sa.Column("last_at", time, nullable=True),
        sa.Column("entered_at", time, nullable=True),
        sa.Column("count", sa.BigInteger(), nullable=False),
        sa.Column("value", sa.Numeric(), server_default="0", nullable=False),
        sa.Column("removed", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("targeted", sa.Uuid(), nullable=True),
        postgresql_with={"autovacuum_vacuum_scale_factor": "0", "vacuum_truncate": "off"},
    )
    op.create_table(
        "figure",
        sa.Column("journey", sa.Text(), nullable=False),
        sa.Column("span", sa.Text(), nullable=False),
        sa.Column("cohort", sa.Text(), nullable=False),
        sa.Column("removed", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("begins_at", time, nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("step", sa.Text(), nullable=False),
        sa.Column("fact", sa.Text(), nullable=False),
        sa.Column("label", sa.Text(), nullable=False),
        sa.Column("count", sa.BigInteger(), nullable=False),
        sa.Column("value", sa.Numeric(), server_default="0", nullable=False),
        sa.Column("first_at", time, nullable=True),
        sa.Column("last_at", time, nullable=True),
        sa.CheckConstraint("span in ('quarter', 'day', 'total')", name="figure_span_is"),
        sa.CheckConstraint("cohort in ('occurrence', 'entered')", name="figure_cohort_is"),
        sa.PrimaryKeyConstraint(
            "journey", "span", "cohort", "removed", "begins_at", "version", "step", "fact", "label"
        ),
        postgresql_with={"fillfactor": "80"},
    )
    op.create_index(
        "figure_old_quarters", "figure", ["begins_at"],
        postgresql_where=sa.text("span = 'quarter'"),
    )  # fmt: skip
    op.create_index(
        "figure_days", "figure", ["begins_at", "fact"], postgresql_where=sa.text("span = 'day'")
    )
    op.create_table(
        "targeted_contact",
        sa.Column("contact_id", sa.Uuid(), nullable=False),
        sa.Column("day", time, nullable=False),
        sa.PrimaryKeyConstraint("contact_id", "day"),
    )
    op.create_index("targeted_contact_by_day", "targeted_contact", ["day"])


def downgrade() -> None:
    for trigger, table in _TRIGGER_NAMES:
        op.execute(f"drop trigger {trigger} on {table}")
    for function in _FUNCTION_NAMES:
        op.execute(f"drop function {function}")
    for table in ("targeted_contact", "figure", "figure_delta"):
        op.drop_table(table)
    op.drop_index("run_in_journey", "run")
    op.drop_column("run", "entry_version")
    for column in ("entered_at", "step"):
        op.drop_column("goal", column)
    for table, column in (("visit", "run_ended"), ("visit", "replaced"), ("goal", "replaced")):
        op.drop_column(table, column)
    for table in ("visit", "message", "goal"):
        op.drop_column(table, "version")
    op.create_table(
        "removed_count",
        sa.Column("journey", sa.Text(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("step", sa.Text(), server_default=sa.text("''"), nullable=False),
        sa.Column("label", sa.Text(), server_default=sa.text("''"), nullable=False),
        sa.Column("count", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("value", sa.Numeric(), server_default="0", nullable=False),
        sa.PrimaryKeyConstraint("journey", "version", "kind", "step", "label"),
    )
