"""Consent records, and consent to whole channels."""

import sqlalchemy as sa
from alembic import op

revision = "0022"
down_revision = "0021"

_ID = sa.Uuid()
_TEXT = sa.Text()
_TIME = sa.DateTime(timezone=True)
_NOW = sa.text("parcours.clock()")


def upgrade() -> None:
    op.create_table(
        "consent_record",
        sa.Column("id", sa.BigInteger(), autoincrement=True, nullable=False),
        sa.Column("contact_id", _ID, nullable=False),
        sa.Column("event_id", sa.BigInteger(), autoincrement=False, nullable=True),
        sa.Column("topic", _TEXT, nullable=True),
        sa.Column("channel", _TEXT, nullable=True),
        sa.Column("address", _TEXT, nullable=True),
        sa.Column("state", _TEXT, nullable=False),
        sa.Column("previous", _TEXT, nullable=True),
        sa.Column("source", _TEXT, nullable=False),
        sa.Column("text", _TEXT, nullable=True),
        sa.Column("request_address", _TEXT, nullable=True),
        sa.Column("message_id", _ID, nullable=True),
        sa.Column("recorded_at", _TIME, server_default=_NOW, nullable=False),
        sa.CheckConstraint(
            "state in ('subscribed', 'pending', 'unsubscribed')",
            name="consent_record_is",
        ),
        sa.ForeignKeyConstraint(["contact_id"], ["contact.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("consent_record_by_contact", "consent_record", ["contact_id", "id"])
    op.create_table(
        "channel_state",
        sa.Column("contact_id", _ID, nullable=False),
        sa.Column("channel", _TEXT, nullable=False),
        sa.Column("state", _TEXT, nullable=False),
        sa.Column("event_id", sa.BigInteger(), autoincrement=False, nullable=True),
        sa.Column("changed_at", _TIME, server_default=_NOW, nullable=False),
        sa.CheckConstraint("state in ('subscribed', 'unsubscribed')", name="channel_state_is"),
        sa.ForeignKeyConstraint(["contact_id"], ["contact.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("contact_id", "channel"),
    )

    op.add_column("message", sa.Column("unsubscribed_at", _TIME, nullable=True))


def downgrade() -> None:
    op.drop_column("message", "unsubscribed_at")
    op.drop_table("channel_state")
    op.drop_table("consent_record")
