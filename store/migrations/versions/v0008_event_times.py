"""When events happened, beside when they were recorded."""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"


def upgrade() -> None:
    op.alter_column("event", "occurred_at", new_column_name="client_at")
    op.add_column(
        "event",
        sa.Column(
            "occurred_at",
            sa.DateTime(timezone=True),
            sa.Computed("least(coalesce(client_at, stamped_at), stamped_at)", persisted=True),
            nullable=False,
        ),
    )
    op.create_index("event_by_time", "event", ["contact_id", "name", "occurred_at"])


def downgrade() -> None:
    op.drop_index("event_by_time", table_name="event")
    op.drop_column("event", "occurred_at")
    op.alter_column("event", "client_at", new_column_name="occurred_at")
