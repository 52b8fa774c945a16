"""Erasures page by page: their reports, and runs and refusals that outlive the contact's row."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import ARRAY, JSONB

revision = "0033"
down_revision = "0032"

_OUTLIVING = ("run", "refusal")
_DELETE = (
    "delete from run t where not exists (select from contact c where c.id = t.contact_id)",
    "delete from refusal t where not exists (select from contact c where c.id = t.contact_id)",
)


def upgrade() -> None:
    clock = sa.text("parcours.clock()")
    op.create_table(
        "erasure",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("job_id", sa.Uuid(), nullable=True),
        sa.Column("contact_id", sa.Uuid(), nullable=True),
        sa.Column("subjects", ARRAY(sa.Text()), nullable=False),
        sa.Column("requested_at", sa.DateTime(timezone=True), server_default=clock, nullable=False),
        sa.Column("finished_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("key_id", sa.Uuid(), nullable=True),
        sa.Column("requested_by", sa.Text(), nullable=False),
        sa.Column("suppressed", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("removed", JSONB(), server_default=sa.text("'{}'"), nullable=False),
        sa.Column("words", ARRAY(sa.Text()), nullable=True),
        sa.Column("workflows", JSONB(), server_default=sa.text("'{}'"), nullable=False),
        sa.Column("searching", sa.Text(), nullable=True),
        sa.Column("searched", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("erasure_by_time", "erasure", ["requested_at", "id"])
    op.create_index("erasure_by_subject", "erasure", ["subjects"], postgresql_using="gin")
    op.create_index(
        "erasure_unfinished",
        "erasure",
        ["requested_at"],
        postgresql_where=sa.text("finished_at is null"),
    )
    for table in _OUTLIVING:
        op.drop_constraint(f"{table}_contact_id_fkey", table, type_="foreignkey")


def downgrade() -> None:
    for statement in _DELETE:
        op.execute(sa.text(statement))
    for table in _OUTLIVING:
        op.create_foreign_key(
            f"{table}_contact_id_fkey",
            table,
            "contact",
            ["contact_id"],
            ["id"],
            ondelete="CASCADE",
        )
    op.drop_table("erasure")
