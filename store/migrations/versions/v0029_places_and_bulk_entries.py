"""Entries of many contacts by jobs, and the places that contacts are near."""

from alembic import op

revision = "0029"
down_revision = "0028"


def upgrade() -> None:
    op.execute("""
        create table job_entry (
            job_id uuid not null references job (id) on delete cascade,
            contact_id uuid not null,
            run_id uuid,
            primary key (job_id, contact_id)
        )
    """)
    op.execute("create index job_entry_by_contact on job_entry (contact_id)")
    op.execute("""
        create table near_contact (
            contact_id uuid not null,
            places text not null,
            km double precision not null,
            event_id bigint not null,
            seen_at timestamptz not null default parcours.clock(),
            lat double precision,
            lon double precision,
            primary key (contact_id, places, km)
        )
    """)
    op.execute("create index near_contact_by_time on near_contact (seen_at)")


def downgrade() -> None:
    op.execute("drop table near_contact")
    op.execute("drop table job_entry")
