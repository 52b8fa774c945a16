"""The turns of calls of a provider whose rate is set."""

import sqlalchemy as sa
from alembic import op

revision = "0034"
down_revision = "0033"


def upgrade() -> None:
    op.create_table(
        "provider_turn",
        sa.Column("provider", sa.Text(), nullable=False),
        *(
            sa.Column(
                name,
                sa.DateTime(timezone=True),
                server_default=sa.text("parcours.clock()"),
                nullable=False,
            )
            for name in ("next_at", "back_at")
        ),
        sa.PrimaryKeyConstraint("provider"),
        # It changes with each call.
        postgresql_with={"fillfactor": "50"},
    )


def downgrade() -> None:
    op.drop_table("provider_turn")
