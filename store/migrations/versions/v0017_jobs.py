"""Jobs that preview a move, and runs that a job sets aside because of a fault."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0017"
down_revision = "0016"


def upgrade() -> None:
    _kinds("'move', 'resume', 'preview'")
    op.add_column("job", sa.Column("planned", JSONB, nullable=True))
    op.add_column("job", sa.Column("result", JSONB, nullable=True))
    op.add_column("job", sa.Column("failed", sa.Integer, nullable=False, server_default="0"))
    op.add_column(
        "straggler", sa.Column("attempts", sa.SmallInteger, nullable=False, server_default="0")
    )
    op.add_column("straggler", sa.Column("code", sa.Text, nullable=True))


def downgrade() -> None:
    op.drop_column("straggler", "code")
    op.drop_column("straggler", "attempts")
    for column in ("failed", "result", "planned"):
        op.drop_column("job", column)
    op.execute("delete from job where kind = 'preview'")
    _kinds("'move', 'resume'")


def _kinds(kinds: str) -> None:
    op.drop_constraint("job_kind_is", "job", type_="check")
    op.create_check_constraint("job_kind_is", "job", f"kind in ({kinds})")
