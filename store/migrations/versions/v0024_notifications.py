"""What providers report of messages: complaints, soft bounces, and the addresses they went to."""

import sqlalchemy as sa
from alembic import op

revision = "0024"
down_revision = "0023"


def upgrade() -> None:
    for name in ("complained_at", "soft_bounced_at"):
        op.add_column("message", sa.Column(name, sa.DateTime(timezone=True), nullable=True))
    op.add_column("message", sa.Column("address", sa.Text(), nullable=True))
    op.create_index(
        "message_soft_bounced",
        "message",
        ["channel", sa.text("lower(address)"), "first_attempt_at"],
        postgresql_where=sa.text("soft_bounced_at is not null"),
    )
    op.create_table(
        "text_answer",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("phone", sa.Text(), nullable=False),
        sa.Column("keyword", sa.Text(), nullable=False),
        sa.Column(
            "asked_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("parcours.clock()"),
            nullable=False,
        ),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index(
        "contact_by_phone", "contact", ["phone"], postgresql_where=sa.text("phone is not null")
    )


def downgrade() -> None:
    op.drop_index("contact_by_phone", "contact")
    op.drop_table("text_answer")
    op.drop_index("message_soft_bounced", "message")
    for name in ("address", "soft_bounced_at", "complained_at"):
        op.drop_column("message", name)
