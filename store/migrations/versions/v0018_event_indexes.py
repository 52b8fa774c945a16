"""One index of a contact's events, by name, time and id, instead of two."""

from alembic import op

revision = "0018"
down_revision = "0017"


def upgrade() -> None:
    op.drop_index("event_by_time", table_name="event")
    op.create_index("event_by_time", "event", ["contact_id", "name", "occurred_at", "id"])
    op.drop_index("event_by_contact", table_name="event")


def downgrade() -> None:
    op.create_index("event_by_contact", "event", ["contact_id", "name", "id", "stamped_at"])
    op.drop_index("event_by_time", table_name="event")
    op.create_index("event_by_time", "event", ["contact_id", "name", "occurred_at"])
