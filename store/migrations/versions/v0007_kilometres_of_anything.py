"""Distances between things that may be no places: planned only once they are known to be."""

from alembic import op

revision = "0007"
down_revision = "0006"

# Within one statement, CASE would not do: with values that are known when it is planned, PostgreSQL
# works out the casts beforehand, and fails on a latitude that is text.
_KILOMETRES = """
create or replace function parcours.kilometres(a jsonb, b jsonb) returns double precision
language plpgsql immutable parallel safe as $$
begin
    if not coalesce((
        select bool_and(
            jsonb_typeof(p -> 'lat') = 'number' and jsonb_typeof(p -> 'lon') = 'number'
            and p -> 'lat' between '-90' and '90' and p -> 'lon' between '-180' and '180'
        ) from (values (a), (b)) as points(p)
    ), false) then
        return null;
    end if;
    return 2 * 6371.0088 * asin(least(1, sqrt(
        power(sind(((b -> 'lat')::float8 - (a -> 'lat')::float8) / 2), 2)
        + cosd((a -> 'lat')::float8) * cosd((b -> 'lat')::float8)
        * power(sind(((b -> 'lon')::float8 - (a -> 'lon')::float8) / 2), 2)
    )));
end
$$
"""


def upgrade() -> None:
    op.get_bind().exec_driver_sql(_KILOMETRES)


def downgrade() -> None:
    """The version before reads the same values, where they are places."""
