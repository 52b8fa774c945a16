"""Links: the requests for those of messages, and the short ones of text messages."""

from alembic import op

revision = "0021"
down_revision = "0020"


def upgrade() -> None:
    op.execute("""
    create table link_hit (
        id uuid primary key,
        message_id uuid not null,
        kind text not null,
        url text,
        client text not null,
        signs text[] not null,
        happened_at timestamptz not null default parcours.clock(),
        received_at timestamptz not null default parcours.clock(),
        judged_at timestamptz,
        by text,
        reasons text[]
    )
    """)
    op.execute("create index link_hit_by_message on link_hit (message_id)")
    op.execute("create index link_hit_by_time on link_hit (received_at)")
    op.execute("""
    create index link_hit_unjudged on link_hit (message_id, received_at) where judged_at is null
    """)
    op.execute("""
    create table short_link (
        code text primary key,
        message_id uuid not null,
        target text not null,
        made_at timestamptz not null default parcours.clock()
    )
    """)
    op.execute("create index short_link_by_message on short_link (message_id)")


def downgrade() -> None:
    op.execute("drop table short_link")
    op.execute("drop table link_hit")
