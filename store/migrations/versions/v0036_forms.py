"""Forms: they need no table of their own.

A form is a document, and a submission an event of its contact.
"""

revision = "0036"
down_revision = "0035"


def upgrade() -> None:
    """Change nothing."""


def downgrade() -> None:
    """Change nothing."""
