"""The provider of each attempt at a message, and the files of e-mails."""

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
    op.create_table(
        "file_content",
        sa.Column("sha256", sa.Text(), nullable=False),
        sa.Column("content", sa.LargeBinary(), nullable=False),
        sa.Column("size", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("sha256"),
    )
    _files("uploaded_file", "name", "updated_at")
    _files("fetched_file", "url", "fetched_at")


def _files(table: str, key: str, time: str) -> None:
    op.create_table(
        table,
        sa.Column(key, sa.Text(), nullable=False),
        sa.Column("sha256", sa.Text(), nullable=False),
        sa.Column("content_type", sa.Text(), nullable=False),
        sa.Column(
            time,
            sa.DateTime(timezone=True),
            server_default=sa.text("parcours.clock()"),
            nullable=False,
        ),
        sa.PrimaryKeyConstraint(key),
        sa.ForeignKeyConstraint(["sha256"], ["file_content.sha256"]),
    )
    op.create_index(f"ix_{table}_sha256", table, ["sha256"])


def downgrade() -> None:
    for table in ("fetched_file", "uploaded_file", "file_content", "message_attempt"):
        op.drop_table(table)
    op.drop_index("message_by_provider", "message")
    for column in ("possibly_taken", "not_taken", "provider"):
        op.drop_column("message", column)
