"""Contents of messages by their hash, those of templates and steps, and test messages."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0020"
down_revision = "0019"

_TIME = sa.DateTime(timezone=True)
_CLOCK = sa.text("parcours.clock()")


def upgrade() -> None:
    op.create_table(
        "message_content",
        sa.Column("hash", sa.Text, primary_key=True),
        sa.Column("content", JSONB, nullable=False),
        sa.Column("created_at", _TIME, nullable=False, server_default=_CLOCK),
    )
    op.create_table(
        "template_content",
        sa.Column("template", sa.Text, nullable=False),
        sa.Column("locale", sa.Text, nullable=False),
        sa.Column("hash", sa.Text, nullable=False),
        sa.PrimaryKeyConstraint("template", "locale"),
    )
    op.create_table(
        "template_use",
        sa.Column("template", sa.Text, nullable=False),
        sa.Column("used", sa.Text, nullable=False),
        sa.PrimaryKeyConstraint("template", "used"),
    )
    op.create_table(
        "test_message",
        sa.Column("id", sa.Uuid, primary_key=True),
        sa.Column("template", sa.Text, nullable=False),
        sa.Column("channel", sa.Text, nullable=False),
        sa.Column("recipient", sa.Text, nullable=True),
        sa.Column(
            "contact_id",
            sa.Uuid,
            sa.ForeignKey("contact.id", ondelete="CASCADE"),
            nullable=True,
        ),
        sa.Column("variables", JSONB, nullable=True),
        sa.Column("locale", sa.Text, nullable=True),
        sa.Column("content", sa.Text, nullable=True),
        sa.Column("state", sa.Text, nullable=False, server_default="queued"),
        sa.Column("code", sa.Text, nullable=True),
        sa.Column("detail", sa.Text, nullable=True),
        sa.Column("provider_id", sa.Text, nullable=True),
        sa.Column("created_at", _TIME, nullable=False, server_default=_CLOCK),
        sa.Column("settled_at", _TIME, nullable=True),
        sa.CheckConstraint(
            "state in ('queued', 'claimed', 'sent', 'failed', 'unknown')",
            name="test_message_state_is",
        ),
    )
    op.create_index("test_message_by_contact", "test_message", ["contact_id"])
    op.add_column("journey_version", sa.Column("contents", JSONB, nullable=True))
    op.add_column("message", sa.Column("content", sa.Text, nullable=True))
    op.add_column("message", sa.Column("locale", sa.Text, nullable=True))


def downgrade() -> None:
    op.drop_column("message", "locale")
    op.drop_column("message", "content")
    op.drop_column("journey_version", "contents")
    for table in ("test_message", "template_use", "template_content", "message_content"):
        op.drop_table(table)
