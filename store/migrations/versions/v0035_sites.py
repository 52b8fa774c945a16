"""Browsers that are known by a link of a message, and the sites that may know them."""

revision = "0035"
down_revision = "0034"


def upgrade() -> None:
    """Nothing yet."""


def downgrade() -> None:
    """Nothing yet."""
