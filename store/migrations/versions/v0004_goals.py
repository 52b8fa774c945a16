"""Goals: what a run is for, and whether it was met."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    op.create_table(
        "goal",
        sa.Column("run_id", sa.Uuid(), nullable=False),
        sa.Column("journey", sa.Text(), nullable=False),
        sa.Column("contact_id", sa.Uuid(), nullable=False),
        sa.Column("event_name", sa.Text(), nullable=False),
        sa.Column(
            "match",
            postgresql.JSONB(astext_type=sa.Text()),
            server_default=sa.text("'{}'"),
            nullable=False,
        ),
        sa.Column("ref", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("until_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("rest", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("met_event_id", sa.BigInteger(), autoincrement=False, nullable=True),
        sa.Column("met_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("value", sa.Numeric(), nullable=True),
        sa.ForeignKeyConstraint(["run_id"], ["run.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("run_id"),
    )
    op.create_index(
        "goal_unmet",
        "goal",
        ["contact_id", "event_name"],
        postgresql_where=sa.text("met_event_id is null"),
    )


def downgrade() -> None:
    op.drop_table("goal")
