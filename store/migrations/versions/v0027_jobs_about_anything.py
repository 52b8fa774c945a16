"""Jobs that are not about one journey."""

from alembic import op

revision = "0027"
down_revision = "0026"


def upgrade() -> None:
    # The code names the kinds; a new one needs no migration.
    op.drop_constraint("job_kind_is", "job", type_="check")
    op.execute("alter table job alter column journey drop not null")
    op.execute("alter table job add column subject text not null default ''")
    op.execute("alter table job add column progress jsonb")
    op.execute("create index job_by_time on job (started_at, id)")


def downgrade() -> None:
    op.execute("drop index job_by_time")
    op.execute("delete from job where journey is null or kind not in ('move', 'resume', 'preview')")
    op.execute("alter table job drop column subject, drop column progress")
    op.execute("alter table job alter column journey set not null")
    op.create_check_constraint("job_kind_is", "job", "kind in ('move', 'resume', 'preview')")
