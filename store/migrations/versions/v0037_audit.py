"""The audit log, which only grows, and the last use of keys."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0037"
down_revision = "0036"

# A transaction that may do more than add rows says so in `parcours.audit`: a merge gives rows about
# a contact the id of the other one, an erasure takes away what names a person, and the retention
# deletes. Nothing else of a row ever changes.
_KEEP = """
create function parcours.keep_audit() returns trigger language plpgsql as $$
declare
    allowed text := coalesce(current_setting('parcours.audit', true), '');
begin
    if tg_op = 'DELETE' and allowed = 'retention' then
        return old;
    end if;
    if tg_op = 'UPDATE' and allowed in ('erasure', 'merge')
       and to_jsonb(new) - array['subject', 'reason'] = to_jsonb(old) - array['subject', 'reason']
       and (new.subject = old.subject or old.subject_kind = 'contact')
       and (new.reason is not distinct from old.reason
            or (allowed = 'erasure' and new.reason = '(erased)')) then
        return new;
    end if;
    raise exception 'the audit log only grows: its rows are neither changed nor deleted'
        using errcode = 'insufficient_privilege';
end
$$
"""
_TRIGGERS = (
    """
    create trigger audit_only_grows before update or delete on audit for each row
        execute function parcours.keep_audit()
    """,
    """
    create trigger audit_is_not_emptied before truncate on audit for each statement
        execute function parcours.keep_audit()
    """,
)


def upgrade() -> None:
    op.create_table(
        "audit",
        sa.Column("id", sa.BigInteger(), autoincrement=True, nullable=False),
        sa.Column(
            "at",
            sa.DateTime(timezone=True),
            server_default=sa.text("parcours.clock()"),
            nullable=False,
        ),
        sa.Column("actor", sa.Text(), nullable=False),
        sa.Column("key_id", sa.Uuid(), nullable=True),
        sa.Column("scope", sa.Text(), nullable=True),
        sa.Column("via", sa.Text(), nullable=False),
        sa.Column("action", sa.Text(), nullable=False),
        sa.Column("subject_kind", sa.Text(), nullable=False),
        sa.Column("subject", sa.Text(), nullable=False),
        sa.Column("journey", sa.Text(), nullable=True),
        sa.Column("before", JSONB(), nullable=True),
        sa.Column("after", JSONB(), nullable=True),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.Column("request_id", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("id"),
        sa.CheckConstraint(
            "via in ('api', 'cli', 'console', 'command', 'engine')", name="audit_via_is"
        ),
    )
    op.create_index("audit_by_time", "audit", ["at", "id"])
    op.create_index("audit_by_subject", "audit", ["subject_kind", "subject", "at", "id"])
    op.create_index("audit_by_action", "audit", ["action", "at", "id"])
    op.create_index("audit_by_actor", "audit", ["actor", "at", "id"])
    op.create_index(
        "audit_with_reason",
        "audit",
        ["id"],
        postgresql_where=sa.text("reason is not null"),
    )
    for column, name in (("journey", "audit_by_journey"), ("key_id", "audit_by_key")):
        op.create_index(
            name,
            "audit",
            [column, "at", "id"],
            postgresql_where=sa.text(f"{column} is not null"),
        )
    bind = op.get_bind()
    for text in (_KEEP, *_TRIGGERS):
        bind.exec_driver_sql(text)
    op.create_table(
        "document_version",
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("document", JSONB(), server_default=sa.text("'{}'"), nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column(
            "created_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("parcours.clock()"),
            nullable=False,
        ),
        sa.Column("saved_by", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("kind", "key", "version"),
    )
    # Of the versions before only the newest was kept.
    op.execute(
        "insert into document_version (kind, key, version, document, source, created_at)"
        " select kind, key, version, document, source, updated_at from document"
    )
    op.add_column("journey_version", sa.Column("saved_by", sa.Text(), nullable=True))
    op.add_column("activation", sa.Column("made_by", sa.Text(), nullable=True))
    op.add_column("api_key", sa.Column("last_used_at", sa.DateTime(timezone=True), nullable=True))


def downgrade() -> None:
    op.drop_column("api_key", "last_used_at")
    op.drop_column("activation", "made_by")
    op.drop_column("journey_version", "saved_by")
    op.drop_table("document_version")
    op.drop_table("audit")
    op.execute("drop function parcours.keep_audit()")
