"""The log of everything that was tracked and done."""

revision = "0042"
down_revision = "0041"


def upgrade() -> None:
    """Nothing yet."""


def downgrade() -> None:
    """Nothing yet."""
