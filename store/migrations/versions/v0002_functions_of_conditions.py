"""The functions that conditions call: instants, local time and distances. None of them raises."""

from alembic import op

revision = "0002"
down_revision = "0001"

# A contact's zone was checked against another edition of the time zone database than this server's.
_ZONE = """
create function parcours.zone(name text, fallback text) returns text
language plpgsql stable as $$
begin
    perform timezone(name, now());
    return coalesce(name, parcours.zone(fallback, 'UTC'));
exception when invalid_parameter_value then
    return case when fallback = 'UTC' then fallback else parcours.zone(fallback, 'UTC') end;
end
$$
"""

# PostgreSQL reads a doubled local time as the second of the two, and a skipped one with the offset
# before the gap; here it is the first, and the first instant after the gap. The offsets a day
# before and a day after are those on either side of a change.
_AT_LOCAL = """
create function parcours.at_local(wall timestamp, zone text) returns timestamptz
language plpgsql stable as $$
declare
    near timestamptz := wall at time zone zone;
    early timestamptz := near - interval '24 hours';
    late timestamptz := near + interval '24 hours';
    before interval := (early at time zone zone) - (early at time zone 'UTC');
    after interval := (late at time zone zone) - (late at time zone 'UTC');
    one timestamptz := (wall - before) at time zone 'UTC';
    other timestamptz := (wall - after) at time zone 'UTC';
    low bigint;
    high bigint;
    middle timestamptz;
begin
    if one at time zone zone = wall and other at time zone zone = wall then
        return least(one, other);
    elsif one at time zone zone = wall then
        return one;
    elsif other at time zone zone = wall then
        return other;
    end if;
    -- In a gap the change lies between the two readings.
    low := floor(extract(epoch from least(one, other)));
    high := ceil(extract(epoch from greatest(one, other)));
    while high - low > 1 loop
        middle := to_timestamp((low + high) / 2);
        if (middle at time zone zone) - (middle at time zone 'UTC') = before then
            low := (low + high) / 2;
        else
            high := (low + high) / 2;
        end if;
    end loop;
    return to_timestamp(high);
end
$$
"""

# Calendar units first, as the same local time on another date, then the exact part.
_SHIFT = """
create function parcours.shift(
    moment timestamptz, months integer, days integer, exact interval, zone text
) returns timestamptz
language plpgsql stable as $$
begin
    if months = 0 and days = 0 then
        return moment + exact;
    end if;
    return parcours.at_local(
        (moment at time zone zone) + make_interval(months => months) + make_interval(days => days),
        zone
    ) + exact;
exception when datetime_field_overflow then
    return null;
end
$$
"""

# Numbers are seconds since 1970, or milliseconds from 10^11 on (as seconds, the year 5138). The
# bounds are the first instant of the year 1 and the last of 9999.
_INSTANT = """
create function parcours.instant(value jsonb, zone text) returns timestamptz
language plpgsql stable as $$
declare
    seconds numeric;
    said text;
    parts text[];
    wall timestamp;
begin
    if jsonb_typeof(value) = 'number' then
        seconds := value::numeric;
        if abs(seconds) >= 100000000000 then
            seconds := seconds / 1000;
        end if;
        if seconds < -62135596800 or seconds >= 253402300800 then
            return null;
        end if;
        return to_timestamp(trunc(seconds)) + make_interval(secs => seconds - trunc(seconds));
    elsif jsonb_typeof(value) is distinct from 'string' then
        return null;
    end if;
    said := value #>> '{}';
    parts := regexp_match(
        said,
        '^([0-9]{4}-[0-9]{2}-[0-9]{2})'
        '(?:[Tt ]((?:[01][0-9]|2[0-3]):[0-5][0-9](?::[0-5][0-9](?:[.,][0-9]{1,9})?)?)'
        '(?:([Zz])|([+-])([01][0-9]|2[0-3])(?::?([0-5][0-9]))?)?)?$'
    );
    if parts is null then
        return null;
    end if;
    wall := (parts[1] || ' ' || coalesce(replace(parts[2], ',', '.'), '00:00'))::timestamp;
    if parts[3] is not null then
        return wall at time zone 'UTC';
    elsif parts[4] is not null then
        return (wall at time zone 'UTC') - make_interval(
            hours => (parts[4] || parts[5])::integer,
            mins => (parts[4] || coalesce(parts[6], '00'))::integer
        );
    end if;
    return parcours.at_local(wall, zone);
exception when data_exception then
    return null;
end
$$
"""

# The next anniversary, today's included, then the offset, then the time of day. A Feb 29 is Feb 28
# where there is none.
_MOMENT = """
create function parcours.moment(
    base timestamptz, now timestamptz, zone text, every_year boolean,
    months integer, days integer, exact interval, time_of_day time
) returns timestamptz
language plpgsql stable as $$
declare
    wall timestamp := base at time zone zone;
    today date := (now at time zone zone)::date;
    years integer;
    moment timestamptz := base;
begin
    if every_year then
        years := extract(year from today)::integer - extract(year from wall)::integer;
        if (wall + make_interval(years => years))::date < today then
            years := years + 1;
        end if;
        moment := parcours.at_local(wall + make_interval(years => years), zone);
    end if;
    moment := parcours.shift(moment, months, days, exact, zone);
    if time_of_day is not null then
        moment := parcours.at_local((moment at time zone zone)::date + time_of_day, zone);
    end if;
    return moment;
exception when datetime_field_overflow then
    return null;
end
$$
"""

_NEXT_TIME = """
create function parcours.next_time(now timestamptz, time_of_day time, zone text) returns timestamptz
language plpgsql stable as $$
declare
    today date := (now at time zone zone)::date;
    moment timestamptz := parcours.at_local(today + time_of_day, zone);
begin
    if moment >= now then
        return moment;
    end if;
    return parcours.at_local(today + 1 + time_of_day, zone);
end
$$
"""

# The haversine formula on a sphere of the Earth's mean radius (IUGG), 6371.0088 km.
_KILOMETRES = """
create function parcours.kilometres(a jsonb, b jsonb) returns double precision
language sql immutable parallel safe as $$
    select case
        when (
            select bool_and(
                jsonb_typeof(p -> 'lat') = 'number' and jsonb_typeof(p -> 'lon') = 'number'
                and p -> 'lat' between '-90' and '90' and p -> 'lon' between '-180' and '180'
            ) from (values (a), (b)) as points(p)
        ) then 2 * 6371.0088 * asin(least(1, sqrt(
            power(sind(((b -> 'lat')::float8 - (a -> 'lat')::float8) / 2), 2)
            + cosd((a -> 'lat')::float8) * cosd((b -> 'lat')::float8)
            * power(sind(((b -> 'lon')::float8 - (a -> 'lon')::float8) / 2), 2)
        )))
    end
$$
"""


def upgrade() -> None:
    for function in (_ZONE, _AT_LOCAL, _SHIFT, _INSTANT, _MOMENT, _NEXT_TIME, _KILOMETRES):
        # As it stands: in other texts a colon begins a parameter.
        op.get_bind().exec_driver_sql(function)


def downgrade() -> None:
    for function in (
        "kilometres(jsonb, jsonb)",
        "next_time(timestamptz, time, text)",
        "moment(timestamptz, timestamptz, text, boolean, integer, integer, interval, time)",
        "instant(jsonb, text)",
        "shift(timestamptz, integer, integer, interval, text)",
        "at_local(timestamp, text)",
        "zone(text, text)",
    ):
        op.execute(f"drop function parcours.{function}")
