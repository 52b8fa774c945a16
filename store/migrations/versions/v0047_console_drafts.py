"""Drafts of documents in the console, who edits them, and saved views."""

import sqlalchemy as sa
from alembic import op

revision = "0047"
down_revision = "0046"


def upgrade() -> None:
    now = sa.text("parcours.clock()")

    def moment(name: str) -> sa.Column[object]:
        return sa.Column(name, sa.DateTime(timezone=True), nullable=False, server_default=now)

    def words(name: str) -> sa.Column[object]:
        return sa.Column(name, sa.Text(), nullable=False)

    op.execute("create sequence console_draft_revision")
    op.create_table(
        "console_draft",
        words("kind"),
        words("key"),
        words("text"),
        sa.Column("base_version", sa.Integer(), nullable=True),
        sa.Column("revision", sa.BigInteger(), nullable=False),
        words("saved_by"),
        moment("saved_at"),
        sa.PrimaryKeyConstraint("kind", "key"),
    )
    op.create_index("console_draft_by_time", "console_draft", ["saved_at"])
    op.create_table(
        "console_editor",
        words("kind"),
        words("key"),
        words("editor"),
        words("name"),
        moment("since"),
        moment("seen_at"),
        sa.PrimaryKeyConstraint("kind", "key", "editor"),
    )
    op.create_table(
        "console_view",
        words("owner"),
        words("name"),
        words("page"),
        words("query"),
        words("saved_by"),
        moment("saved_at"),
        sa.PrimaryKeyConstraint("owner", "name"),
    )


def downgrade() -> None:
    for table in ("console_view", "console_editor", "console_draft"):
        op.drop_table(table)
    op.execute("drop sequence console_draft_revision")
