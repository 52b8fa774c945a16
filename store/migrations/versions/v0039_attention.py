"""What explanations, the list of what needs attention, and the forecast of sends read."""

import sqlalchemy as sa
from alembic import op

revision = "0039"
down_revision = "0038"

_PROGRESS = """
create function parcours.job_progressed() returns trigger language plpgsql as $$
begin
    new.progressed_at := parcours.clock();
    return new;
end
$$
"""


def upgrade() -> None:
    op.add_column("job", sa.Column("progressed_at", sa.DateTime(timezone=True), nullable=True))
    op.execute(_PROGRESS)
    op.execute(
        "create trigger job_progressed before update on job"
        " for each row execute function parcours.job_progressed()"
    )
    op.create_index(
        "visit_deferred",
        "visit",
        ["held", "started_at"],
        postgresql_where=sa.text("held is not null and outcome is null"),
    )
    op.create_index(
        "visit_due",
        "visit",
        ["due_at"],
        postgresql_where=sa.text("outcome is null and due_at is not null"),
    )
    op.create_index(
        "message_trouble",
        "message",
        ["state", "settled_at"],
        postgresql_where=sa.text("state in ('refused', 'released', 'unknown')"),
    )


def downgrade() -> None:
    op.drop_index("message_trouble", table_name="message")
    op.drop_index("visit_due", table_name="visit")
    op.drop_index("visit_deferred", table_name="visit")
    op.execute("drop trigger job_progressed on job")
    op.execute("drop function parcours.job_progressed()")
    op.drop_column("job", "progressed_at")
