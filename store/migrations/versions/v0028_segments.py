"""Members of segments, with what changed, and when time alone may change it."""

from alembic import op

revision = "0028"
down_revision = "0027"


def upgrade() -> None:
    op.execute("""
        create table segment (
            key text primary key,
            generation integer not null,
            version integer not null,
            state text not null default 'filling'
                constraint segment_is check (state in ('filling', 'ready')),
            since timestamptz not null default parcours.clock(),
            dependencies jsonb not null default '{}',
            job_id uuid,
            filled_at timestamptz,
            checked_at timestamptz,
            corrected integer not null default 0
        )
    """)
    op.execute("""
        create table segment_generation (
            segment text not null,
            generation integer not null,
            condition jsonb not null default '{}',
            since timestamptz not null default parcours.clock(),
            primary key (segment, generation)
        )
    """)
    op.execute("""
        create table segment_member (
            segment text not null,
            contact_id uuid not null,
            generation integer not null,
            entered_at timestamptz not null default parcours.clock(),
            primary key (segment, contact_id)
        )
    """)
    op.execute("create index segment_member_by_contact on segment_member (contact_id)")
    op.execute("""
        create table segment_change (
            id bigserial primary key,
            contact_id uuid not null,
            segment text not null,
            entered boolean not null default false,
            at timestamptz not null default parcours.clock(),
            by text not null constraint segment_change_by
                check (by in ('event', 'time', 'fill', 'import', 'merge')),
            event_id bigint,
            recorded_at timestamptz not null default parcours.clock()
        )
    """)
    op.execute("create index segment_change_by_segment on segment_change (segment, id)")
    op.execute("create index segment_change_by_contact on segment_change (contact_id, id)")
    op.execute("create index segment_change_by_time on segment_change (recorded_at)")
    op.execute("""
        create table segment_due (
            contact_id uuid not null,
            segment text not null,
            due_at timestamptz not null default parcours.clock(),
            attempts smallint not null default 0,
            primary key (contact_id, segment)
        )
    """)
    op.execute("create index segment_due_by_time on segment_due (due_at)")
    op.execute("create index segment_due_again on segment_due (due_at) where attempts > 0")
    op.execute("alter table contact add column judged_event_id bigint not null default 0")
    # The members of a group are read in pages.
    op.execute("drop index group_member_by_group")
    op.execute("create index group_member_by_group on group_member (group_key, contact_id)")


def downgrade() -> None:
    op.execute("drop index group_member_by_group")
    op.execute("create index group_member_by_group on group_member (group_key)")
    op.execute("alter table contact drop column judged_event_id")
    for table in (
        "segment_due",
        "segment_change",
        "segment_member",
        "segment_generation",
        "segment",
    ):
        op.execute(f"drop table {table}")
