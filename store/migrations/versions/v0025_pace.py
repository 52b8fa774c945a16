"""The class of messages, and the index by which caps of all channels count them."""

import sqlalchemy as sa
from alembic import op

revision = "0025"
down_revision = "0024"

_COUNTED = "not transactional and state in ('claimed', 'sent', 'unknown')"


def upgrade() -> None:
    op.add_column(
        "message",
        sa.Column("class", sa.Text(), server_default=sa.text("'marketing'"), nullable=False),
    )
    _index_by("claimed_at")


def _index_by(*columns: str) -> None:
    op.drop_index("message_counted", table_name="message")
    op.create_index(
        "message_counted",
        "message",
        ["contact_id", *columns],
        postgresql_where=sa.text(_COUNTED),
    )


def downgrade() -> None:
    _index_by("channel", "claimed_at")
    op.drop_column("message", "class")
