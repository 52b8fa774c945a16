"""What explanations and the list of what needs attention read."""

revision = "0040"
down_revision = "0039"


def upgrade() -> None:
    """Nothing yet."""


def downgrade() -> None:
    """Nothing yet."""
