"""Files of imports and exports, refused lines, and what an import has changed."""

from alembic import op

revision = "0032"
down_revision = "0031"


def upgrade() -> None:
    op.execute("alter table consent_record add column given_at timestamptz")
    op.execute("""
    create table job_file (
        job_id uuid primary key,
        name text not null,
        media_type text not null,
        bytes bigint not null default 0,
        lines bigint not null default 0,
        received_at timestamptz not null default parcours.clock()
    )""")
    op.execute("create index job_file_by_time on job_file (received_at)")
    op.execute("""
    create table job_chunk (
        job_id uuid not null references job_file (job_id) on delete cascade,
        number integer not null,
        data bytea not null,
        primary key (job_id, number)
    )""")
    # It is packed already.
    op.execute("alter table job_chunk alter column data set storage external")
    op.execute("""
    create table import_line (
        job_id uuid not null references job (id) on delete cascade,
        line bigint not null,
        number integer not null,
        kind text not null,
        code text not null,
        message text not null,
        reference text,
        content jsonb,
        primary key (job_id, line, number)
    )""")
    op.execute("create index import_line_by_reference on import_line (reference)")
    op.execute("""
    create table import_change (
        job_id uuid not null,
        contact_id uuid not null,
        created boolean not null default false,
        last_event_id bigint not null,
        before jsonb,
        after jsonb,
        names jsonb,
        groups jsonb,
        consents integer not null default 0,
        primary key (job_id, contact_id)
    )""")
    op.execute("create index import_change_by_contact on import_change (contact_id)")
    op.execute("""
    create table imported_event (
        job_id uuid not null,
        event_id bigint not null,
        primary key (job_id, event_id)
    )""")
    op.execute("""
    create table imported_suppression (
        job_id uuid not null,
        channel text not null,
        address_hash text not null,
        reason text not null,
        primary key (job_id, channel, address_hash)
    )""")


def downgrade() -> None:
    for table in (
        "imported_suppression",
        "imported_event",
        "import_change",
        "import_line",
        "job_chunk",
        "job_file",
    ):
        op.execute(f"drop table {table}")
    op.execute("alter table consent_record drop column given_at")
    op.execute("delete from job where kind in ('import', 'export', 'undo')")
