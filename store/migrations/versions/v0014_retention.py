"""Retention, and what outlives it."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0014"
down_revision = "0013"


def upgrade() -> None:
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
    op.create_table(
        "last_entry",
        sa.Column("contact_id", sa.Uuid(), nullable=False),
        sa.Column("journey", sa.Text(), nullable=False),
        sa.Column("key", sa.Text(), server_default=sa.text("''"), nullable=False),
        sa.Column("started_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["contact_id"], ["contact.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("contact_id", "journey", "key"),
    )
    op.create_table(
        "retention_report",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column(
            "started_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("parcours.clock()"),
            nullable=False,
        ),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column(
            "removed",
            postgresql.JSONB(astext_type=sa.Text()),
            server_default=sa.text("'{}'"),
            nullable=False,
        ),
        sa.Column(
            "exempt",
            postgresql.JSONB(astext_type=sa.Text()),
            server_default=sa.text("'{}'"),
            nullable=False,
        ),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("run_ended", "run", ["ended_at"], postgresql_where=sa.text("state = 'ended'"))
    op.create_index("refusal_by_time", "refusal", ["refused_at"])
    op.create_index("dead_event_by_time", "dead_event", ["died_at"])
    op.create_index("start_request_by_time", "start_request", ["answered_at"])
    # Merge and erasure find them by their contact.
    op.create_index("goal_by_contact", "goal", ["contact_id"])
    # Answers of starts are removed with their contact, and a run with its goal.
    op.create_index("start_request_by_run", "start_request", [sa.text("(answer ->> 'id')")])


def downgrade() -> None:
    op.drop_index("goal_by_contact", "goal")
    op.drop_index("start_request_by_run", "start_request")
    op.drop_index("start_request_by_time", "start_request")
    op.drop_index("dead_event_by_time", "dead_event")
    op.drop_index("refusal_by_time", "refusal")
    op.drop_index("run_ended", "run")
    op.drop_table("retention_report")
    op.drop_table("last_entry")
    op.drop_table("removed_count")
