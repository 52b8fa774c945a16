"""Pace."""

revision = "0025"
down_revision = "0024"


def upgrade() -> None:
    """Nothing yet."""


def downgrade() -> None:
    """Nothing yet."""
