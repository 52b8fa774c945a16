"""The functions by which conditions find the instant at which a moment passes a value."""

from alembic import op

revision = "0016"
down_revision = "0015"

_DAY_AFTER = """
create function parcours.day_after(moment timestamptz, zone text) returns timestamptz
language plpgsql stable as $$
begin
    return parcours.at_local(((moment at time zone zone)::date + 1)::timestamp, zone);
exception when datetime_field_overflow then
    return null;
end
$$
"""

# The other direction of parcours.next_time.
_LAST_TIME = """
create function parcours.last_time(moment timestamptz, time_of_day time, zone text)
returns timestamptz
language plpgsql stable as $$
declare
    today date := (moment at time zone zone)::date;
    last timestamptz := parcours.at_local(today + time_of_day, zone);
begin
    if last <= moment then
        return last;
    end if;
    return parcours.at_local(today - 1 + time_of_day, zone);
exception when datetime_field_overflow then
    return null;
end
$$
"""

# The end of the day of the anniversary that parcours.moment takes: it takes the next one from then.
_ANNIVERSARY_OVER = """
create function parcours.anniversary_over(base timestamptz, now timestamptz, zone text)
returns timestamptz
language plpgsql stable as $$
declare
    wall timestamp := base at time zone zone;
    today date := (now at time zone zone)::date;
    years integer := extract(year from today)::integer - extract(year from wall)::integer;
begin
    if (wall + make_interval(years => years))::date < today then
        years := years + 1;
    end if;
    return parcours.at_local(
        ((wall + make_interval(years => years))::date + 1)::timestamp, zone
    );
exception when datetime_field_overflow then
    return null;
end
$$
"""


def upgrade() -> None:
    for function in (_DAY_AFTER, _LAST_TIME, _ANNIVERSARY_OVER):
        op.get_bind().exec_driver_sql(function)


def downgrade() -> None:
    op.execute("drop function parcours.anniversary_over(timestamptz, timestamptz, text)")
    op.execute("drop function parcours.last_time(timestamptz, time, text)")
    op.execute("drop function parcours.day_after(timestamptz, text)")
