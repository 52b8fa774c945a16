"""Journeys with a schedule: up to when their occurrences were begun, and their versions."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from store.sql import Connection, execute, fetch_all, sql

_READ = sql("select journey, begun_until from schedule_state order by journey")
_RECORD = sql("""
insert into schedule_state as s (journey, begun_until) values (%(journey)s, %(until)s)
on conflict (journey) do update set begun_until = greatest(s.begun_until, excluded.begun_until)
""")
_REMOVE = sql("delete from schedule_state where journey = %(journey)s")
_FORGET = sql("""
delete from zone_change where contact_id = any(array(
    select contact_id from zone_change
    where changed_at < (select parcours.clock()) - %(kept)s limit 1000
))
""")
# A journey that was written without an activation has been live since it was made.
_ACTIVATIONS = sql("""
select version, activated_at from (
    select a.id, a.version, a.activated_at from activation a where a.journey = %(journey)s
    union all
    select 0, j.active_version, j.created_at from journey j
    where j.key = %(journey)s and not exists (select from activation where journey = j.key)
) known order by id
""")


@dataclass(frozen=True, slots=True)
class LiveVersion:
    """A version of a journey, and from when to when it was live."""

    version: int
    since: datetime
    until: datetime | None
    """None: it is live now."""


async def read_schedule_states(conn: Connection) -> dict[str, datetime]:
    """Up to when the occurrences of journeys were begun, by journey."""
    return dict(await fetch_all(conn, _READ))


async def record_begun(conn: Connection, journey: str, until: datetime) -> None:
    """Record that the occurrences of a journey up to an instant were begun."""
    await execute(conn, _RECORD, {"journey": journey, "until": until})


async def remove_schedule_state(conn: Connection, journey: str) -> None:
    """Forget a journey that has no schedule any more."""
    await execute(conn, _REMOVE, {"journey": journey})


async def forget_zone_changes(conn: Connection, kept: timedelta) -> None:
    """Remove a page of the changes of zones that are older than `kept`."""
    await execute(conn, _FORGET, {"kept": kept})


async def live_versions(conn: Connection, journey: str) -> list[LiveVersion]:
    """The versions of a journey that were live, in order."""
    rows = await fetch_all(conn, _ACTIVATIONS, {"journey": journey})
    ends: list[datetime | None] = [at for _, at in rows[1:]]
    return [
        LiveVersion(version, since, until)
        for (version, since), until in zip(rows, [*ends, None], strict=True)
        if version is not None
    ]
