"""Segments that take long: what is put off is judged later, as of its own time."""

from alembic import op

revision = "0041"
down_revision = "0040"


def upgrade() -> None:
    op.execute("alter table segment add column slow_at timestamptz")
    op.execute("""
        alter table segment_due
            add column lane smallint not null default 0,
            add column take_at timestamptz,
            add column reference bigint
    """)
    op.execute("drop index segment_due_again")
    # What has failed is due again at its time, and has lost the instant that it was due at.
    op.execute("""
        update segment_due d set lane = 3, take_at = d.due_at,
            reference = case when d.segment <> '' then (select last_value from event_id_seq) end
        where d.attempts > 0
    """)
    op.execute("drop index segment_due_by_time")
    op.execute("create index segment_due_by_time on segment_due (due_at) where lane = 0")
    op.execute("create index segment_due_by_lane on segment_due (lane, take_at) where lane > 0")


def downgrade() -> None:
    op.execute("drop index segment_due_by_lane")
    op.execute("drop index segment_due_by_time")
    op.execute("update segment_due set due_at = take_at where attempts > 0 and take_at is not null")
    op.execute("create index segment_due_by_time on segment_due (due_at)")
    op.execute("create index segment_due_again on segment_due (due_at) where attempts > 0")
    op.execute("""
        alter table segment_due
            drop column reference,
            drop column take_at,
            drop column lane
    """)
    op.execute("alter table segment drop column slow_at")
