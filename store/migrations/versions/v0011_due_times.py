"""Due times of the conditions that runs listen for."""

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"


def upgrade() -> None:
    op.drop_column("listener", "timed")
    for name in ("since", "looked_at", "due_at"):
        op.add_column("listener", sa.Column(name, sa.DateTime(timezone=True), nullable=True))
    op.add_column(
        "listener",
        sa.Column("attempts", sa.SmallInteger(), server_default=sa.text("0"), nullable=False),
    )
    op.add_column(
        "listener",
        sa.Column("catalog_revision", sa.BigInteger(), autoincrement=False, nullable=True),
    )
    # A condition that names a segment can't be recognised here: all count as outdated.
    # Conditions that runs listen for already are looked at from now on.
    op.execute(
        "update listener set since = parcours.clock(), due_at = parcours.clock(),"
        " catalog_revision = -1"
        " where event_name is null and slot >= 0"
    )
    op.create_index(
        "listener_due",
        "listener",
        ["due_at"],
        postgresql_where=sa.text("due_at is not null"),
    )
    op.create_index(
        "listener_on_catalog",
        "listener",
        ["catalog_revision"],
        postgresql_where=sa.text("catalog_revision is not null"),
    )


def downgrade() -> None:
    op.drop_index("listener_on_catalog", table_name="listener")
    op.drop_index("listener_due", table_name="listener")
    op.add_column(
        "listener",
        sa.Column("timed", sa.Boolean(), server_default=sa.text("false"), nullable=False),
    )
    op.execute("update listener set timed = true where due_at is not null")
    for name in ("catalog_revision", "attempts", "due_at", "looked_at", "since"):
        op.drop_column("listener", name)
