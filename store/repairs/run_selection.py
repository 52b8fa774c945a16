"""Which runs, or messages of runs, a repair of many is for: counted, shown, and kept for its job.

They are chosen once, by one statement. A run that has gone on since then is left alone later.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from journeys.protocol.deferrals import DeferralReason
from store.sql import Connection, Sql, execute, fetch_all_as, fetch_value, join, sql
from store.tables.repairs import RepairAction

MOST_RUNS: Final = 100_000
"""Runs that one job repairs, at most."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RunFilter:
    """What the runs of a repair have in common. They meet all that is not None."""

    action: RepairAction
    journey: str | None = None
    runs: Sequence[UUID] | None = None
    contacts: Sequence[UUID] | None = None
    step: str | None = None
    """The step at which they are; of messages, their step."""
    held: DeferralReason | None = None
    """Why their send is deferred."""
    code: str | None = None
    """Why the last attempt at their send did not succeed."""
    since: datetime | None = None
    """They came to their step at this time or later; messages failed then or later."""
    unknown: bool = False
    """Of a retry: also messages that may have arrived."""

    @property
    def at_one_place(self) -> bool:
        """Whether the runs are meant where they are, and no longer once they have gone on."""
        return (
            self.action in ("skip", "goto", "retry")
            or self.step is not None
            or self.held is not None
            or self.code is not None
            or self.since is not None
        )


@dataclass(frozen=True, slots=True)
class ChosenRun:
    """A run that would be repaired, as a preview shows it."""

    run_id: UUID
    journey: str
    contact: str
    """The external id, or our id if there is none."""
    step: str | None
    visit: int
    held: str | None
    """Why its send is deferred."""
    code: str | None
    """Why the last attempt at its message did not succeed."""


_JOURNEY = sql("r.journey = %(journey)s")
_BY_RUN = sql("r.id = any(%(runs)s)")
_BY_CONTACT = sql("r.contact_id = any(%(contacts)s)")
_STEP_OF_RUN = sql("r.step = %(step)s")
_STEP_OF_VISIT = sql("v.step = %(step)s")
_STEP_OF_MESSAGE = sql("m.step = %(step)s")
_HELD = sql("v.held = %(held)s")
_TRIED_AGAIN = sql("v.held = 'retry'")
_CODE_OF_VISIT = sql("coalesce(m.code, v.facts ->> 'fault') = %(code)s")
_CODE_OF_MESSAGE = sql("m.code = %(code)s")
_BEGUN_SINCE = sql("v.started_at >= %(since)s")
_FAILED_SINCE = sql("m.settled_at >= %(since)s")
_KNOWN = sql("m.state <> 'unknown'")
_UNKNOWN = sql("m.state = 'unknown'")


async def choose_runs(
    conn: Connection, job_id: UUID, chosen: RunFilter, limit: int = MOST_RUNS
) -> int:
    """Keep the first runs that meet the filter as those of a job; how many there are."""
    query = sql(
        """
        insert into repair_item (job_id, run_id, visit)
        select %(job)s, run_id, visit from (
            {chosen} order by run_id, visit limit %(limit)s
        ) chosen
        on conflict do nothing
        """,
        chosen=_chosen(chosen),
    )
    return await execute(conn, query, _parameters(chosen) | {"job": job_id, "limit": limit})


async def count_runs(conn: Connection, chosen: RunFilter, limit: int = MOST_RUNS + 1) -> int:
    """How many runs meet the filter; `limit` if there are as many or more."""
    return await _count(conn, chosen, _chosen(chosen), limit)


async def count_unknown(conn: Connection, chosen: RunFilter, limit: int = MOST_RUNS + 1) -> int:
    """How many messages meet the filter and may have arrived; `limit` if as many or more."""
    return await _count(conn, chosen, _messages(chosen, _UNKNOWN), limit)


async def sample_runs(conn: Connection, chosen: RunFilter, limit: int) -> list[ChosenRun]:
    """The first runs that meet the filter."""
    query = sql(
        """
        select chosen.run_id, r.journey, coalesce(c.external_id, c.id::text) as contact,
               coalesce(v.step, r.step) as step, coalesce(v.visit, r.visit) as visit,
               case when v.outcome is null then v.held end as held,
               coalesce(m.code, v.facts ->> 'fault', v.facts ->> 'reason') as code
        from ({chosen} order by run_id, visit limit %(limit)s) chosen
        join run r on r.id = chosen.run_id
        join contact c on c.id = r.contact_id
        left join visit v on v.run_id = r.id
            and v.visit = case when chosen.visit = 0 then r.visit else chosen.visit end
        left join message m on m.run_id = v.run_id and m.visit = v.visit
        order by chosen.run_id, chosen.visit
        """,
        chosen=_chosen(chosen),
    )
    return await fetch_all_as(conn, ChosenRun, query, _parameters(chosen) | {"limit": limit})


async def _count(conn: Connection, chosen: RunFilter, query: Sql, limit: int) -> int:
    counted = sql("select count(*) from ({chosen} limit %(limit)s) chosen", chosen=query)
    return int(await fetch_value(conn, counted, _parameters(chosen) | {"limit": limit}))


def _chosen(chosen: RunFilter) -> Sql:
    """A query of `run_id` and `visit`, 0 where the run is meant wherever it is."""
    if chosen.action != "retry":
        return _standing(chosen)
    held = _standing(chosen, _TRIED_AGAIN)
    if chosen.held is not None:
        return held
    messages = _messages(chosen, *([] if chosen.unknown else [_KNOWN]))
    return sql("{held} union all {messages}", held=held, messages=messages)


def _standing(chosen: RunFilter, *more: Sql) -> Sql:
    """The active runs; their visits are read only where the filter asks about them."""
    of_visit = [*more]
    if chosen.held is not None:
        of_visit.append(_HELD)
    if chosen.code is not None:
        of_visit.append(_CODE_OF_VISIT)
    if chosen.since is not None:
        of_visit.append(_BEGUN_SINCE)
    conditions = _of_run(chosen)
    if chosen.step is not None:
        conditions.append(_STEP_OF_RUN)
    if not of_visit:
        return sql(
            """
            select r.id as run_id, case when %(fixed)s then r.visit else 0 end as visit
            from run r
            where r.state = 'active' and (not %(fixed)s or r.visit > 0) and {conditions}
            """,
            conditions=join(" and ", conditions),
        )
    if chosen.step is not None:
        of_visit.append(_STEP_OF_VISIT)
    return sql(
        """
        select r.id as run_id, r.visit
        from run r
        join visit v on v.run_id = r.id and v.visit = r.visit and v.outcome is null
        left join message m on m.run_id = r.id and m.visit = r.visit
        where r.state = 'active' and {conditions}
        """,
        conditions=join(" and ", [*conditions, *of_visit]),
    )


def _messages(chosen: RunFilter, *more: Sql) -> Sql:
    """The messages whose step has ended without one, of runs in any state."""
    conditions = [*_of_run(chosen), *more]
    if chosen.step is not None:
        conditions.append(_STEP_OF_MESSAGE)
    if chosen.code is not None:
        conditions.append(_CODE_OF_MESSAGE)
    if chosen.since is not None:
        conditions.append(_FAILED_SINCE)
    # The states are written out, so that the partial index `message_trouble` serves.
    return sql(
        """
        select m.run_id, m.visit
        from message m
        join run r on r.id = m.run_id
        join visit v on v.run_id = m.run_id and v.visit = m.visit
            and v.outcome in ('failed', 'unknown')
        where m.state in ('refused', 'released', 'unknown') and {conditions}
        """,
        conditions=join(" and ", conditions),
    )


def _of_run(chosen: RunFilter) -> list[Sql]:
    conditions = []
    if chosen.journey is not None:
        conditions.append(_JOURNEY)
    if chosen.runs is not None:
        conditions.append(_BY_RUN)
    if chosen.contacts is not None:
        conditions.append(_BY_CONTACT)
    assert conditions, "a repair names a journey, runs or contacts"
    return conditions


def _parameters(chosen: RunFilter) -> dict[str, Any]:
    return {
        "fixed": chosen.at_one_place,
        "journey": chosen.journey,
        "runs": None if chosen.runs is None else list(chosen.runs),
        "contacts": None if chosen.contacts is None else list(chosen.contacts),
        "step": chosen.step,
        "held": chosen.held,
        "code": chosen.code,
        "since": chosen.since,
    }
