"""The class of messages, caps of all channels, freezes and daily counts."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0025"
down_revision = "0024"

_COUNTED = "not transactional and state in ('claimed', 'sent', 'unknown')"


def upgrade() -> None:
    op.add_column(
        "message",
        sa.Column("class", sa.Text(), server_default=sa.text("'marketing'"), nullable=False),
    )
    _index_by("claimed_at")
    op.create_index(
        "message_of_marketing",
        "message",
        ["channel", "claimed_at"],
        postgresql_where=sa.text("class = 'marketing' and state = 'sent'"),
    )
    op.create_index(
        "visit_frozen",
        "visit",
        ["started_at"],
        postgresql_where=sa.text("held in ('frozen', 'turn', 'ceiling') and outcome is null"),
    )
    op.create_table(
        "marketing_freeze",
        sa.Column("id", sa.BigInteger(), autoincrement=True, nullable=False),
        sa.Column("channel", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("automatic", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("by", sa.Text(), nullable=True),
        sa.Column("figures", JSONB(), server_default=sa.text("'{}'"), nullable=False),
        sa.Column(
            "frozen_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("parcours.clock()"),
            nullable=False,
        ),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("ended_by", sa.Text(), nullable=True),
        sa.Column("end_reason", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index(
        "freeze_now",
        "marketing_freeze",
        ["channel"],
        unique=True,
        postgresql_where=sa.text("ended_at is null"),
    )
    op.create_index("freeze_ended", "marketing_freeze", ["channel", "ended_at"])
    op.create_table(
        "daily_count",
        sa.Column("channel", sa.Text(), nullable=False),
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("shard", sa.SmallInteger(), nullable=False),
        sa.Column("messages", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("channel", "day", "shard"),
    )


def _index_by(*columns: str) -> None:
    op.drop_index("message_counted", table_name="message")
    op.create_index(
        "message_counted",
        "message",
        ["contact_id", *columns],
        postgresql_where=sa.text(_COUNTED),
    )


def downgrade() -> None:
    op.drop_table("daily_count")
    op.drop_table("marketing_freeze")
    op.drop_index("visit_frozen", "visit")
    op.drop_index("message_of_marketing", "message")
    _index_by("channel", "claimed_at")
    op.drop_column("message", "class")
