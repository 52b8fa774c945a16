"""More room in the pages of contacts, for versions that no index needs to know."""

from alembic import op

revision = "0049"
down_revision = "0048"


def upgrade() -> None:
    # Only pages that are written from now on have it. Others get it as their rows move.
    op.execute("alter table contact set (fillfactor = 60)")


def downgrade() -> None:
    op.execute("alter table contact set (fillfactor = 80)")
