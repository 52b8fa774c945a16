"""Holdouts: whom journeys let in or would have let in, and whether they met the goal."""

from alembic import op

revision = "0043"
down_revision = "0042"


def upgrade() -> None:
    op.execute("""
        create table holdout_observation (
            id bigserial primary key,
            holdout text not null,
            design text not null,
            journey text not null,
            version integer not null,
            contact_id uuid not null,
            held boolean not null,
            is_first boolean not null default false,
            observed_at timestamptz not null default parcours.clock(),
            entry_event_id bigint,
            entry jsonb not null default '{}',
            ref bigint not null,
            event_name text,
            match jsonb not null default '{}',
            rest boolean not null default false,
            until_at timestamptz not null,
            met_event_id bigint,
            met_at timestamptz,
            value numeric,
            look_at timestamptz,
            attempts smallint not null default 0,
            constraint holdout_observation_of_contact
                unique (contact_id, holdout, design, journey)
        )
    """)
    op.execute("""
        create index holdout_observation_unmet on holdout_observation (contact_id, event_name)
        where met_event_id is null and event_name is not null
    """)
    op.execute("""
        create index holdout_observation_by_design
        on holdout_observation (holdout, design, journey)
    """)
    op.execute("create index holdout_observation_by_time on holdout_observation (observed_at)")
    op.execute("""
        create index holdout_observation_to_look_at on holdout_observation (look_at)
        where look_at is not null
    """)


def downgrade() -> None:
    op.execute("drop table holdout_observation")
