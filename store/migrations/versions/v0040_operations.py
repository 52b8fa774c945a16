"""What operators read of workers and Temporal."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0040"
down_revision = "0039"

_NOW = sa.text("parcours.clock()")


def upgrade() -> None:
    op.create_table(
        "worker_process",
        sa.Column("id", sa.Uuid(), primary_key=True),
        sa.Column("build", sa.Text(), nullable=False),
        sa.Column("started_at", sa.DateTime(timezone=True), server_default=_NOW, nullable=False),
        sa.Column("seen_at", sa.DateTime(timezone=True), server_default=_NOW, nullable=False),
        sa.Column("lag", sa.Double(), server_default=sa.text("0"), nullable=False),
    )
    op.create_table(
        "replay_check",
        sa.Column("build", sa.Text(), primary_key=True),
        sa.Column("checked_at", sa.DateTime(timezone=True), server_default=_NOW, nullable=False),
        sa.Column("replayed", sa.Integer(), nullable=False),
        sa.Column("unread", sa.Integer(), nullable=False),
        sa.Column("broken", JSONB(), server_default=sa.text("'{}'"), nullable=False),
    )
    # A connection of a process that follows traces knows the one for which it works.
    op.add_column(
        "outbox",
        sa.Column(
            "trace",
            sa.Text(),
            server_default=sa.text("nullif(current_setting('parcours.trace', true), '')"),
            nullable=True,
        ),
    )


def downgrade() -> None:
    op.drop_column("outbox", "trace")
    op.drop_table("replay_check")
    op.drop_table("worker_process")
