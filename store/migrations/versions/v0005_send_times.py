"""What caps count: messages that are not transactional."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    op.add_column(
        "message",
        sa.Column("transactional", sa.Boolean(), server_default=sa.text("false"), nullable=False),
    )
    # Messages of webhooks have no such mark yet; they are of a channel that no cap counts.
    op.create_index(
        "message_counted",
        "message",
        ["contact_id", "channel", "claimed_at"],
        unique=False,
        postgresql_where=sa.text("not transactional and state in ('claimed', 'sent', 'unknown')"),
    )


def downgrade() -> None:
    op.drop_index("message_counted", table_name="message")
    op.drop_column("message", "transactional")
