"""When a journey went live, changed its version and was resumed last."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from journeys.model.journey_state import JourneyState
from store.sql import Connection, fetch_all_as, sql


@dataclass(frozen=True)
class LiveJourney:
    """A journey with the instants before which time begins no runs of it."""

    key: str
    state: JourneyState
    version: int | None
    """The version of new runs."""
    live_since: datetime
    """Its activation, or the first one after it was archived."""
    version_since: datetime
    """The activation of its version."""
    activation: int
    """Its id; 0 if there is none."""
    resumed_at: datetime | None
    """The end of its last pause; None while it is paused, or if it never was."""
    now: datetime

    @property
    def is_live(self) -> bool:
        """Whether it takes entries, or refuses them because of a pause."""
        return self.state in ("active", "paused")


# A journey that was written without an activation has been live since it was made.
_READ = sql("""
select j.key, j.state, j.active_version as version,
       coalesce((
           select min(a.activated_at) from activation a
           where a.journey = j.key and a.version is not null and a.id > coalesce((
               select max(b.id) from activation b where b.journey = j.key and b.version is null
           ), 0)
       ), j.created_at) as live_since,
       coalesce((
           select a.activated_at from activation a
           where a.journey = j.key and a.version is not null order by a.id desc limit 1
       ), j.created_at) as version_since,
       coalesce((
           select a.id from activation a where a.journey = j.key order by a.id desc limit 1
       ), 0) as activation,
       j.resumed_at, parcours.clock() as now
from journey j where j.key = any(%(keys)s)
""")


async def read_live_journeys(conn: Connection, keys: Iterable[str]) -> dict[str, LiveJourney]:
    """Journeys by key; one that does not exist is left out."""
    found = await fetch_all_as(conn, LiveJourney, _READ, {"keys": list(keys)})
    return {each.key: each for each in found}
