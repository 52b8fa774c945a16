"""Owners of leases, calls that are tried again, progress of events, and faults of anything."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import UUID

revision = "0010"
down_revision = "0009"

_NOW = sa.text("parcours.clock()")


def upgrade() -> None:
    op.add_column("contact", sa.Column("lease_owner", UUID, nullable=True))
    op.add_column("sweep_cursor", sa.Column("lease_owner", UUID, nullable=True))
    op.add_column("outbox", sa.Column("after_visit", sa.Integer, nullable=True))
    op.add_column("outbox", sa.Column("after_run", UUID, nullable=True))
    op.add_column("outbox", sa.Column("after_journey", sa.Text, nullable=True))
    op.create_table(
        "parked_call",
        sa.Column(
            "run_id",
            UUID,
            sa.ForeignKey("run.id", ondelete="CASCADE"),
            nullable=False,
        ),
        sa.Column("kind", sa.Text, nullable=False),
        sa.Column("visit", sa.Integer, nullable=False, server_default="0"),
        sa.Column("attempts", sa.SmallInteger, nullable=False, server_default="0"),
        sa.Column("not_before", sa.DateTime(timezone=True), nullable=False, server_default=_NOW),
        sa.PrimaryKeyConstraint("run_id", "kind", "visit"),
        sa.CheckConstraint("kind in ('start', 'stop', 'wake', 'goal')", name="parked_call_kind_is"),
    )
    op.create_index("parked_call_due", "parked_call", ["not_before"])
    op.create_index("dead_event_by_contact", "dead_event", ["contact_id"])
    op.add_column(
        "fault",
        sa.Column(
            "contact_id",
            UUID,
            sa.ForeignKey("contact.id", ondelete="CASCADE"),
            nullable=True,
        ),
    )
    op.add_column("fault", sa.Column("event_id", sa.BigInteger, nullable=True))
    op.add_column("fault", sa.Column("subject", sa.Text, nullable=False, server_default=""))
    op.create_index("fault_by_subject", "fault", ["subject", "happened_at"])
    op.create_index("fault_by_time", "fault", ["happened_at"])
    op.create_index(
        "fault_by_contact",
        "fault",
        ["contact_id"],
        postgresql_where=sa.text("contact_id is not null"),
    )


def downgrade() -> None:
    op.drop_index("fault_by_contact", table_name="fault")
    op.drop_index("fault_by_time", table_name="fault")
    op.drop_index("fault_by_subject", table_name="fault")
    for column in ("subject", "event_id", "contact_id"):
        op.drop_column("fault", column)
    op.drop_index("dead_event_by_contact", table_name="dead_event")
    op.drop_table("parked_call")
    for column in ("after_journey", "after_run", "after_visit"):
        op.drop_column("outbox", column)
    op.drop_column("sweep_cursor", "lease_owner")
    op.drop_column("contact", "lease_owner")
