"""Runs move to other versions, pauses end by a policy, and jobs do both."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    op.add_column(
        "journey", sa.Column("overdue", postgresql.JSONB(astext_type=sa.Text()), nullable=True)
    )
    op.add_column("journey", sa.Column("resumed_at", sa.DateTime(timezone=True), nullable=True))
    for name in ("moves", "moves_taken"):
        op.add_column(
            "run", sa.Column(name, sa.Integer(), server_default=sa.text("0"), nullable=False)
        )
    op.add_column("run", sa.Column("moved_at", sa.DateTime(timezone=True), nullable=True))
    op.add_column("run", sa.Column("skip_after", sa.Integer(), nullable=True))
    op.create_table(
        "job",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("journey", sa.Text(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=True),
        sa.Column("state", sa.Text(), server_default=sa.text("'running'"), nullable=False),
        sa.Column(
            "plan",
            postgresql.JSONB(astext_type=sa.Text()),
            server_default=sa.text("'{}'"),
            nullable=False,
        ),
        sa.Column("total", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("done", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("moved", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("kept", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("after", sa.Uuid(), nullable=True),
        sa.Column("reached", sa.DateTime(timezone=True), nullable=True),
        sa.Column("spreading", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column(
            "started_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("parcours.clock()"),
            nullable=False,
        ),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("workflow_started_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint("kind in ('move', 'resume')", name="job_kind_is"),
        sa.CheckConstraint(
            "state in ('running', 'done', 'superseded', 'stopped')", name="job_state_is"
        ),
        sa.ForeignKeyConstraint(["journey"], ["journey.key"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("job_by_journey", "job", ["journey", "started_at"], unique=False)
    op.create_index(
        "job_running",
        "job",
        ["started_at"],
        unique=False,
        postgresql_where=sa.text("state = 'running'"),
    )
    op.create_table(
        "straggler",
        sa.Column("job_id", sa.Uuid(), nullable=False),
        sa.Column("run_id", sa.Uuid(), nullable=False),
        sa.Column(
            "tried_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("parcours.clock()"),
            nullable=False,
        ),
        sa.ForeignKeyConstraint(["job_id"], ["job.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("job_id", "run_id"),
    )
    op.create_index(
        "run_moved",
        "run",
        ["moved_at"],
        unique=False,
        postgresql_where=sa.text("state = 'active' and moves_taken <> moves"),
    )
    op.create_index(
        "visit_spread",
        "visit",
        ["due_at"],
        unique=False,
        postgresql_where=sa.text("held = 'paused' and outcome is null and due_at is not null"),
    )


def downgrade() -> None:
    op.drop_index("visit_spread", "visit")
    op.drop_index("run_moved", "run")
    op.drop_table("straggler")
    op.drop_table("job")
    for name in ("skip_after", "moved_at", "moves_taken", "moves"):
        op.drop_column("run", name)
    for name in ("resumed_at", "overdue"):
        op.drop_column("journey", name)
