"""What experiments read: the visits of splits, and kept counts of those with many contacts.

The index is of the visits of splits alone. While it is built, visits are not written.
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0042"
down_revision = "0041"


def upgrade() -> None:
    op.create_index(
        "visit_of_split",
        "visit",
        ["step", "run_id"],
        postgresql_where=sa.text("kind = 'split'"),
    )
    op.create_table(
        "experiment_count",
        sa.Column("journey", sa.Text(), nullable=False),
        sa.Column("step", sa.Text(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column(
            "counted_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("parcours.clock()"),
            nullable=False,
        ),
        sa.Column("counts", JSONB(), server_default=sa.text("'{}'"), nullable=False),
        sa.ForeignKeyConstraint(["journey"], ["journey.key"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("journey", "step", "version"),
    )


def downgrade() -> None:
    op.drop_table("experiment_count")
    op.drop_index("visit_of_split", table_name="visit")
