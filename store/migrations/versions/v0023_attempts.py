"""The provider of each attempt at a message."""

import sqlalchemy as sa
from alembic import op

revision = "0023"
down_revision = "0022"


def upgrade() -> None:
    op.add_column("message", sa.Column("provider", sa.Text(), nullable=True))
    op.add_column(
        "message",
        sa.Column("not_taken", sa.Integer(), server_default=sa.text("0"), nullable=False),
    )
    op.add_column(
        "message",
        sa.Column("possibly_taken", sa.Boolean(), server_default=sa.text("false"), nullable=False),
    )
    op.create_index(
        "message_by_provider",
        "message",
        ["provider_id", "provider"],
        postgresql_where=sa.text("provider_id is not null"),
    )
    op.create_table(
        "message_attempt",
        sa.Column("message_id", sa.Uuid(), nullable=False),
        sa.Column("provider", sa.Text(), nullable=False),
        sa.Column("code", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("attempts", sa.Integer(), server_default=sa.text("1"), nullable=False),
        sa.Column("first_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("last_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("message_id", "provider", "code"),
        sa.ForeignKeyConstraint(["message_id"], ["message.id"], ondelete="CASCADE"),
    )


def downgrade() -> None:
    op.drop_table("message_attempt")
    op.drop_index("message_by_provider", "message")
    for column in ("possibly_taken", "not_taken", "provider"):
        op.drop_column("message", column)
