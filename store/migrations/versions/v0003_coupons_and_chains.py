"""Coupons, and runs that steps of other runs begin."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    # Runs that are marked are found by `run_not_started`: no index is built on a large table.
    op.add_column(
        "run",
        sa.Column("start_workflow", sa.Boolean(), server_default=sa.text("false"), nullable=False),
    )
    op.create_table(
        "coupon_pool",
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column(
            "imported_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("parcours.clock()"),
            nullable=False,
        ),
        sa.PrimaryKeyConstraint("key"),
    )
    op.create_table(
        "coupon",
        sa.Column("id", sa.BigInteger(), autoincrement=True, nullable=False),
        sa.Column("pool", sa.Text(), nullable=False),
        sa.Column("code", sa.Text(), nullable=False),
        sa.Column("drawn_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("contact_id", sa.Uuid(), nullable=True),
        sa.Column("run_id", sa.Uuid(), nullable=True),
        sa.Column("visit", sa.Integer(), nullable=True),
        sa.Column("redeemed_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["pool"], ["coupon_pool.key"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("pool", "code", name="coupon_code"),
    )
    op.create_index(
        "coupon_left",
        "coupon",
        ["pool", "id"],
        unique=False,
        postgresql_where=sa.text("drawn_at is null"),
    )
    op.create_index(
        "coupon_by_contact",
        "coupon",
        ["contact_id", "code"],
        unique=False,
        postgresql_where=sa.text("contact_id is not null"),
    )


def downgrade() -> None:
    op.drop_table("coupon")
    op.drop_table("coupon_pool")
    op.drop_column("run", "start_workflow")
