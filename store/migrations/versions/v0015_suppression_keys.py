"""Suppressions under a key of the installation."""

import sqlalchemy as sa
from alembic import op

revision = "0015"
down_revision = "0014"

# HMAC (RFC 2104) with SHA-256 and a key of 32 bytes: the key, filled up with zeros to the block of
# 64 bytes, is combined with two constants. These two blocks are kept in place of the key.
_PADS = """
create function parcours.hmac_pad(key bytea, filler integer) returns bytea
language plpgsql immutable as $$
declare
    pad bytea := decode(repeat(lpad(to_hex(filler), 2, '0'), 64), 'hex');
begin
    for place in 0 .. length(key) - 1 loop
        pad := set_byte(pad, place, get_byte(key, place) # filler);
    end loop;
    return pad;
end
$$
"""

# The keys of the setting, newest first, then the one of the installation. A connection has those of
# the setting as `IPAD:OPAD,…` in hexadecimal.
_HASHES = """
create function parcours.suppression_hashes(digest text) returns text[]
language sql stable as $$
    select array_agg(
        encode(sha256(k.opad || sha256(k.ipad || convert_to(digest, 'UTF8'))), 'hex')
        order by k.place
    )
    from (
        select place, decode(split_part(pads, ':', 1), 'hex') as ipad,
               decode(split_part(pads, ':', 2), 'hex') as opad
        from regexp_split_to_table(
            nullif(current_setting('parcours.suppression_pads', true), ''), ','
        ) with ordinality s(pads, place)
        union all
        select 1000000, i.ipad, i.opad from installation i
    ) k
$$
"""


def upgrade() -> None:
    op.create_table(
        "installation",
        sa.Column("id", sa.SmallInteger(), autoincrement=False, nullable=False),
        sa.Column("ipad", sa.LargeBinary(), nullable=False),
        sa.Column("opad", sa.LargeBinary(), nullable=False),
        sa.CheckConstraint("id = 1", name="installation_is_one_row"),
        sa.PrimaryKeyConstraint("id"),
    )
    bind = op.get_bind()
    bind.exec_driver_sql(_PADS)
    # Two random UUIDs have 244 random bits.
    bind.exec_driver_sql(
        "insert into installation (id, ipad, opad)"
        " select 1, parcours.hmac_pad(key, 54), parcours.hmac_pad(key, 92) from ("
        " select decode(replace(gen_random_uuid()::text || gen_random_uuid()::text, '-', ''),"
        " 'hex') as key) drawn"
    )
    bind.exec_driver_sql("drop function parcours.hmac_pad")
    bind.exec_driver_sql(_HASHES)
    op.alter_column("suppression", "address_sha256", new_column_name="address_hash")
    bind.exec_driver_sql(
        "update suppression set address_hash = (parcours.suppression_hashes(address_hash))[1]"
    )


def downgrade() -> None:
    raise RuntimeError("addresses cannot be found again from their hashes under a key")
