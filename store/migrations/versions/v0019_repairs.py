"""Repairs of runs, jobs that are paused, instants of activations, and budgets of keys."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import UUID

revision = "0019"
down_revision = "0018"

_NOW = sa.text("parcours.clock()")


def upgrade() -> None:
    op.create_table(
        "run_repair",
        sa.Column("id", sa.BigInteger, primary_key=True, autoincrement=True),
        sa.Column("run_id", UUID, sa.ForeignKey("run.id", ondelete="CASCADE"), nullable=False),
        sa.Column("action", sa.Text, nullable=False),
        sa.Column("visit", sa.Integer, nullable=False),
        sa.Column("step", sa.Text, nullable=True),
        sa.Column("target", sa.Text, nullable=True),
        sa.Column("reason", sa.Text, nullable=False),
        sa.Column("key_id", UUID, nullable=True),
        sa.Column("made_by", sa.Text, nullable=False),
        sa.Column("made_at", sa.DateTime(timezone=True), nullable=False, server_default=_NOW),
        sa.CheckConstraint(
            "action in ('retry', 'skip', 'goto', 'exit', 'cancel')", name="run_repair_action_is"
        ),
    )
    op.create_index("run_repair_by_run", "run_repair", ["run_id", "id"])
    op.create_index("run_repair_by_time", "run_repair", ["made_at"])
    op.add_column("job", sa.Column("paused_at", sa.DateTime(timezone=True), nullable=True))
    op.create_table(
        "activation",
        sa.Column("id", sa.BigInteger, primary_key=True, autoincrement=True),
        sa.Column(
            "journey", sa.Text, sa.ForeignKey("journey.key", ondelete="CASCADE"), nullable=False
        ),
        sa.Column("version", sa.Integer, nullable=True),
        sa.Column("activated_at", sa.DateTime(timezone=True), nullable=False, server_default=_NOW),
    )
    op.create_index("activation_by_journey", "activation", ["journey", "id"])
    op.create_table(
        "key_use",
        sa.Column("key_id", UUID, sa.ForeignKey("api_key.id", ondelete="CASCADE"), nullable=False),
        sa.Column("process", UUID, nullable=False),
        sa.Column("minute", sa.DateTime(timezone=True), nullable=False, server_default=_NOW),
        sa.Column("calls", sa.Integer, nullable=False, server_default="0"),
        sa.PrimaryKeyConstraint("key_id", "process"),
    )
    # The best that is known: a version was not activated before it was saved.
    op.execute("""
        insert into activation (journey, version, activated_at)
        select v.journey, v.version, v.created_at
        from journey j
        join journey_version v on v.journey = j.key and v.version = j.active_version
    """)


def downgrade() -> None:
    op.drop_table("key_use")
    op.drop_table("activation")
    op.drop_column("job", "paused_at")
    op.drop_table("run_repair")
