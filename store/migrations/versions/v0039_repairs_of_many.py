"""Repairs of many runs, approvals, and entries that are kept while a journey is paused."""

revision = "0039"
down_revision = "0038"


def upgrade() -> None:
    """Nothing yet."""


def downgrade() -> None:
    """Nothing yet."""
