"""Entries by date and by schedule."""

import sqlalchemy as sa
from alembic import op

revision = "0030"
down_revision = "0029"

_NOTE_ZONE = """
create function parcours.note_zone_change() returns trigger
language plpgsql as $$
begin
    insert into zone_change (contact_id, changed_at) values (new.id, parcours.clock())
    on conflict (contact_id) do update set changed_at = excluded.changed_at;
    return null;
end
$$
"""
_ZONE_TRIGGER = """
create trigger contact_zone_changed after update of timezone on contact
for each row when (old.timezone is distinct from new.timezone)
execute function parcours.note_zone_change()
"""


def _time(name: str) -> sa.Column[object]:
    return sa.Column(
        name,
        sa.DateTime(timezone=True),
        server_default=sa.text("parcours.clock()"),
        nullable=False,
    )


def _contact() -> sa.Column[object]:
    return sa.Column(
        "contact_id", sa.Uuid(), sa.ForeignKey("contact.id", ondelete="CASCADE"), nullable=False
    )


def upgrade() -> None:
    op.add_column("run", sa.Column("occurrence", sa.DateTime(timezone=True), nullable=True))
    op.create_table(
        "date_entry",
        _contact(),
        sa.Column("journey", sa.Text(), nullable=False),
        sa.Column("slot", sa.SmallInteger(), nullable=False),
        _time("due_at"),
        _time("since"),
        sa.Column("value", sa.Text(), nullable=False),
        _time("look_at"),
        sa.Column("attempts", sa.SmallInteger(), server_default="0", nullable=False),
        sa.PrimaryKeyConstraint("contact_id", "journey", "slot"),
        postgresql_with={"fillfactor": "80"},
    )
    for name, attempts in (
        ("date_entry_due", "attempts = 0"),
        ("date_entry_due_again", "attempts > 0"),
    ):
        op.create_index(name, "date_entry", ["look_at"], postgresql_where=sa.text(attempts))
    op.create_table(
        "schedule_state",
        sa.Column(
            "journey", sa.Text(), sa.ForeignKey("journey.key", ondelete="CASCADE"), nullable=False
        ),
        _time("begun_until"),
        sa.PrimaryKeyConstraint("journey"),
    )
    op.create_table(
        "zone_change", _contact(), _time("changed_at"), sa.PrimaryKeyConstraint("contact_id")
    )
    op.create_index("zone_change_by_time", "zone_change", ["changed_at"])
    op.create_table(
        "occurrence_address",
        sa.Column("journey", sa.Text(), nullable=False),
        _time("occurrence"),
        sa.Column("channel", sa.Text(), nullable=False),
        sa.Column("address_hash", sa.Text(), nullable=False),
        sa.Column("run_id", sa.Uuid(), sa.ForeignKey("run.id", ondelete="CASCADE"), nullable=False),
        sa.PrimaryKeyConstraint("journey", "occurrence", "channel", "address_hash"),
    )
    op.create_index("occurrence_address_by_run", "occurrence_address", ["run_id"])
    bind = op.get_bind()
    bind.exec_driver_sql(_NOTE_ZONE)
    bind.exec_driver_sql(_ZONE_TRIGGER)


def downgrade() -> None:
    op.execute("drop trigger contact_zone_changed on contact")
    op.execute("drop function parcours.note_zone_change")
    for table in ("occurrence_address", "zone_change", "schedule_state", "date_entry"):
        op.drop_table(table)
    op.drop_column("run", "occurrence")
