"""Budgets of keys for each network address."""

import sqlalchemy as sa
from alembic import op

revision = "0035"
down_revision = "0034"


def upgrade() -> None:
    """Add the budget of each address that uses a key."""
    op.add_column("api_key", sa.Column("address_events_per_minute", sa.Integer, nullable=True))


def downgrade() -> None:
    """Remove it."""
    op.drop_column("api_key", "address_events_per_minute")
