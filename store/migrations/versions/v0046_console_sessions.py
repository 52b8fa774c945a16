"""Sessions of the console."""

import sqlalchemy as sa
from alembic import op

revision = "0046"
down_revision = "0045"


def upgrade() -> None:
    now = sa.text("parcours.clock()")
    op.create_table(
        "console_session",
        sa.Column("sha256", sa.Text(), primary_key=True),
        sa.Column(
            "key_id",
            sa.Uuid(),
            sa.ForeignKey("api_key.id", ondelete="CASCADE"),
            nullable=False,
        ),
        sa.Column("began_at", sa.DateTime(timezone=True), nullable=False, server_default=now),
        sa.Column("used_at", sa.DateTime(timezone=True), nullable=False, server_default=now),
    )
    op.create_index("console_session_by_key", "console_session", ["key_id", "used_at"])
    op.create_index("console_session_by_time", "console_session", ["began_at"])


def downgrade() -> None:
    op.drop_table("console_session")
