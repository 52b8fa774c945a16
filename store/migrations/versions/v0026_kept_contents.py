"""What was sent, packed, for a set time."""

from alembic import op

revision = "0026"
down_revision = "0025"


def upgrade() -> None:
    op.execute("""
    create table kept_content (
        message_id uuid not null,
        kept_at timestamptz not null default parcours.clock(),
        content bytea not null,
        primary key (message_id, kept_at)
    )
    """)
    # It is packed already: TOAST need not try.
    op.execute("alter table kept_content alter column content set storage external")
    op.execute("create index kept_content_by_time on kept_content (kept_at)")


def downgrade() -> None:
    op.execute("drop table kept_content")
