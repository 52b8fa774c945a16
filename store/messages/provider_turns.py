"""The turns of calls of a provider whose rate is set, one after the other for all workers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from store.sql import Connection, fetch_value, sql

_LATEST: Final = 60.0
"""Seconds within which a message that got no turn comes back; others may have left by then."""

_TAKE = sql("""
insert into provider_turn as p (provider, next_at)
values (%(provider)s, clock_timestamp() + make_interval(secs => %(gap)s))
on conflict (provider) do update
set next_at = greatest(p.next_at, clock_timestamp()) + make_interval(secs => %(gap)s)
where p.next_at <= clock_timestamp() + make_interval(secs => %(patience)s)
returning extract(epoch from next_at - clock_timestamp())::float8 - %(gap)s
""")
# Those that come back are as far apart as the turns are, so that each finds one.
_COME_BACK = sql("""
update provider_turn
set back_at = case
    when back_at > clock_timestamp() + make_interval(secs => %(latest)s)
    then clock_timestamp() + make_interval(secs => %(latest)s / 2)
    else greatest(back_at + make_interval(secs => %(gap)s), next_at) end
where provider = %(provider)s
returning extract(epoch from back_at - clock_timestamp())::float8
""")


@dataclass(frozen=True, slots=True)
class Turn:
    """The turn of a call."""

    granted: bool
    seconds: float
    """Until the turn; if it was not granted, until the message may ask for one again."""


async def take_turn(conn: Connection, provider: str, rate: float, patience: float) -> Turn:
    """Take the next turn of a provider's calls, if it comes within `patience` seconds.

    `rate`: calls per second. The real time counts, as providers count it.
    """
    gap = 1 / rate
    wanted = {"provider": provider, "gap": gap, "patience": patience}
    seconds = await fetch_value(conn, _TAKE, wanted)
    if seconds is not None:
        return Turn(True, max(seconds, 0.0))
    back = await fetch_value(
        conn, _COME_BACK, {"provider": provider, "gap": gap, "latest": _LATEST}
    )
    return Turn(False, max(back, gap))
