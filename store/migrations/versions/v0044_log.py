"""The log: what was recorded last, of each table, by an index on the time of its recording."""

from alembic import op

revision = "0044"
down_revision = "0043"


def upgrade() -> None:
    # Rows from before have the time at which it happened alone; to fill them in would write each
    # visit again. So the default comes after the column.
    op.execute("alter table visit add column recorded_at timestamptz")
    op.execute("alter table visit alter column recorded_at set default parcours.clock()")
    op.execute("alter table goal add column recorded_at timestamptz")
    op.execute("update goal set recorded_at = met_at where met_event_id is not null")
    op.execute("""
        create index visit_recorded on visit (coalesce(recorded_at, ended_at))
            where outcome is not null
    """)
    op.execute("create index goal_recorded on goal (recorded_at) where met_event_id is not null")
    op.execute("create index run_begun on run (started_at)")
    op.execute("create index job_ended on job (ended_at) where ended_at is not null")


def downgrade() -> None:
    op.execute("drop index job_ended")
    op.execute("drop index run_begun")
    op.execute("alter table goal drop column recorded_at")
    op.execute("alter table visit drop column recorded_at")
