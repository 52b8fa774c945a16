"""Repairs of many runs, approvals, and entries that are kept while a journey is paused."""

import sqlalchemy as sa
from alembic import op

revision = "0038"
down_revision = "0037"

_STATES = "'waiting', 'running', 'done', 'superseded', 'stopped'"
_STATES_BEFORE = "'running', 'done', 'superseded', 'stopped'"


def upgrade() -> None:
    clock = sa.text("parcours.clock()")
    op.create_table(
        "repair_item",
        sa.Column("job_id", sa.Uuid(), nullable=False),
        sa.Column("run_id", sa.Uuid(), nullable=False),
        sa.Column("visit", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("state", sa.Text(), server_default=sa.text("'waiting'"), nullable=False),
        sa.Column("target", sa.Text(), nullable=True),
        sa.Column("code", sa.Text(), nullable=True),
        sa.Column("attempts", sa.SmallInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("claims", sa.SmallInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("not_before", sa.DateTime(timezone=True), server_default=clock, nullable=False),
        sa.Column("begun_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint(
            "state in ('waiting', 'sending', 'done', 'left', 'failed')",
            name="repair_item_state_is",
        ),
        sa.ForeignKeyConstraint(["job_id"], ["job.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("job_id", "run_id", "visit"),
    )
    op.create_index(
        "repair_item_next",
        "repair_item",
        ["job_id", "state", "not_before"],
        postgresql_where=sa.text("state in ('waiting', 'sending')"),
    )
    op.create_index(
        "repair_item_sending",
        "repair_item",
        ["run_id", "visit"],
        unique=True,
        postgresql_where=sa.text("state = 'sending'"),
    )
    op.create_table(
        "kept_entry",
        sa.Column("journey", sa.Text(), nullable=False),
        sa.Column("contact_id", sa.Uuid(), nullable=False),
        sa.Column("key", sa.Text(), server_default=sa.text("''"), nullable=False),
        sa.Column("event_id", sa.BigInteger(), nullable=False),
        sa.Column("kept_at", sa.DateTime(timezone=True), server_default=clock, nullable=False),
        sa.ForeignKeyConstraint(["journey"], ["journey.key"], ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["contact_id"], ["contact.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("contact_id", "journey", "key"),
    )
    op.create_index("kept_entry_by_journey", "kept_entry", ["journey", "event_id"])
    op.create_index("kept_entry_by_time", "kept_entry", ["kept_at"])
    op.add_column("job", sa.Column("key_id", sa.Uuid(), nullable=True))
    op.add_column("job", sa.Column("approved_by", sa.Uuid(), nullable=True))
    op.add_column("job", sa.Column("approved_at", sa.DateTime(timezone=True), nullable=True))
    op.drop_constraint("job_state_is", "job", type_="check")
    op.create_check_constraint("job_state_is", "job", f"state in ({_STATES})")
    op.drop_index("job_running", "job")
    op.create_index(
        "job_running",
        "job",
        ["started_at"],
        postgresql_where=sa.text("state in ('running', 'waiting')"),
    )
    op.add_column(
        "journey",
        sa.Column("paused_with_all", sa.Boolean(), server_default=sa.text("false"), nullable=False),
    )
    op.add_column(
        "marketing_freeze",
        sa.Column("stops", sa.Text(), server_default=sa.text("'marketing'"), nullable=False),
    )
    op.create_check_constraint(
        "freeze_stops_is", "marketing_freeze", "stops in ('marketing', 'everything')"
    )
    op.drop_index("freeze_now", "marketing_freeze")
    op.create_index(
        "freeze_now",
        "marketing_freeze",
        ["channel", "stops"],
        unique=True,
        postgresql_where=sa.text("ended_at is null"),
    )


def downgrade() -> None:
    op.drop_index("freeze_now", "marketing_freeze")
    op.execute("delete from marketing_freeze where stops = 'everything'")
    op.create_index(
        "freeze_now",
        "marketing_freeze",
        ["channel"],
        unique=True,
        postgresql_where=sa.text("ended_at is null"),
    )
    op.drop_constraint("freeze_stops_is", "marketing_freeze", type_="check")
    op.drop_column("marketing_freeze", "stops")
    op.drop_column("journey", "paused_with_all")
    op.execute("update job set state = 'stopped' where state = 'waiting'")
    op.drop_index("job_running", "job")
    op.create_index(
        "job_running", "job", ["started_at"], postgresql_where=sa.text("state = 'running'")
    )
    op.drop_constraint("job_state_is", "job", type_="check")
    op.create_check_constraint("job_state_is", "job", f"state in ({_STATES_BEFORE})")
    for column in ("approved_at", "approved_by", "key_id"):
        op.drop_column("job", column)
    op.drop_table("kept_entry")
    op.drop_table("repair_item")
