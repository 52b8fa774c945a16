"""Merged contacts, derived and restricted fields of contacts, and indexes to find contacts by."""

from alembic import op

revision = "0031"
down_revision = "0030"

_CHECK = """
create function parcours.check_alias() returns trigger language plpgsql as $$
begin
    if exists (select from contact_alias where external_id = new.external_id) then
        raise unique_violation using constraint = 'contact_alias_pkey', table = 'contact_alias',
            message = 'a merged contact had this external id';
    end if;
    return null;
end
$$
"""


def upgrade() -> None:
    op.execute("""
    alter table contact
        add column restricted boolean not null default false,
        add column derived jsonb not null default '{}'
    """)
    # The field hides an attribute of the same name.
    op.execute("""
    update contact set restricted = true where attributes->'restricted' = 'true'
    """)
    op.execute("""
    create table contact_alias (
        external_id text primary key,
        contact_id uuid not null references contact (id) on delete cascade,
        merged_at timestamptz not null default parcours.clock()
    )
    """)
    op.execute("create index contact_alias_by_contact on contact_alias (contact_id)")
    # After the row is written: while its external id is waited for, a merge may commit that makes
    # an alias of it. The statement that writes does not see that, and this function does.
    op.execute(_CHECK)
    op.execute("""
    create trigger contact_is_no_alias after insert on contact for each row
    when (new.external_id is not null) execute function parcours.check_alias()
    """)
    op.execute("""
    create trigger contact_becomes_no_alias after update of external_id on contact for each row
    when (new.external_id is distinct from old.external_id)
    execute function parcours.check_alias()
    """)
    # An index for prefixes serves equality as well.
    op.execute("alter table contact drop constraint contact_external_id_key")
    op.execute("""
    create unique index contact_external_id_key on contact (external_id text_pattern_ops)
    """)
    op.execute("""
    create index contact_by_email on contact (lower(email) text_pattern_ops)
    where email is not null
    """)
    op.execute("drop index contact_by_phone")
    op.execute("""
    create index contact_by_phone on contact (phone text_pattern_ops) where phone is not null
    """)


def downgrade() -> None:
    op.execute("drop index contact_by_phone")
    op.execute("create index contact_by_phone on contact (phone) where phone is not null")
    op.execute("drop index contact_by_email")
    op.execute("drop index contact_external_id_key")
    op.execute("alter table contact add constraint contact_external_id_key unique (external_id)")
    op.execute("drop trigger contact_becomes_no_alias on contact")
    op.execute("drop trigger contact_is_no_alias on contact")
    op.execute("drop function parcours.check_alias()")
    op.execute("drop table contact_alias")
    op.execute("alter table contact drop column derived, drop column restricted")
