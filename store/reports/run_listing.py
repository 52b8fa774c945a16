"""Listing of runs, page by page, and one run with its visits."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any, get_args
from uuid import UUID

from psycopg import AsyncConnection

from journeys.protocol.deferrals import DeferralReason
from store.contacts.rows import find_contact
from store.repairs.run_repairs import RepairRow, repairs_of
from store.reports import run_queries
from store.reports.goal_counts import RunGoal, read_goal
from store.sql import fetch_all, fetch_all_as, fetch_one_as
from store.tables.messages import MessageState
from store.tables.runs import RunState

PAGE = 50
"""Runs of a page by default."""


class BadCursor(ValueError):
    """A cursor that no page has given."""

    def __init__(self, cursor: str) -> None:
        super().__init__(f"{cursor[:50]!r} is no cursor: give the `next` of the page before")


@dataclass(frozen=True, slots=True)
class ListedRun:
    """A run as it is listed."""

    id: UUID
    journey: str
    version: int
    contact: str
    """The external id, or our id if there is none."""
    state: RunState
    step: str | None
    outcome: str | None
    reason: str | None
    started_at: datetime
    ended_at: datetime | None


@dataclass(frozen=True, slots=True)
class ListedVisit:
    """A visit of a run that is shown."""

    step: str
    kind: str
    visit: int
    outcome: str | None
    started_at: datetime
    ended_at: datetime | None
    message_id: UUID | None
    facts: dict[str, Any]
    due_at: datetime | None
    """When a wait or a deferral ends by itself."""
    held: str | None
    """Why a send is deferred."""
    state: MessageState | None
    """That of its message, and so the following; all None without a message."""
    attempts: int | None
    code: str | None
    """Why the last attempt did not succeed."""
    detail: str | None
    """The provider's words, which may name an address."""
    provider: str | None
    """Who took its last attempt, or did not."""
    provider_id: str | None


@dataclass(frozen=True, slots=True)
class ShownRun:
    """A run with its goal, its visits and its repairs by operators, in their order."""

    run: ListedRun
    goal: RunGoal | None
    visits: list[ListedVisit]
    repairs: list[RepairRow]


@dataclass(frozen=True, slots=True)
class RunListing:
    """A page of runs, the newest first."""

    items: list[ListedRun]
    next: UUID | None
    """The cursor of the page after it; None if this is the last one. Of the runs at one step a page
    may have fewer than were asked for, and another after it."""


async def list_runs(
    conn: AsyncConnection[Any],
    *,
    contact: str | None = None,
    journey: str | None = None,
    state: RunState | None = None,
    step: str | None = None,
    prefix: str | None = None,
    held: DeferralReason | None = None,
    code: str | None = None,
    goal_met: bool = False,
    reached: str | None = None,
    took: str | None = None,
    cursor: str | None = None,
    limit: int = PAGE,
) -> RunListing:
    """A page of the runs that meet every filter, the newest first.

    Args:
        contact: an external id, or an id of ours; an unknown one gives an empty page.
        step: the step of the run's newest visit.
        prefix: how the ids begin, in hexadecimal digits and dashes.
        held: why the send is deferred at which an active run stands.
        code: why the last attempt at a deferred send did not succeed.
        goal_met: only runs that met their goal; of a journey, `step` is then the step at which the
            run stood, or had ended, when it did.
        reached: a step that the run has come to, at any time; only with a contact or a journey.
        took: the outcome of a visit there, such as the name of a way.

    Raises BadCursor if the cursor is not a page's `next`.
    """
    contact_id: UUID | None = None
    if contact is not None:
        contact_id = await find_contact(conn, contact)
        if contact_id is None:
            return RunListing([], None)
    parameters = {
        "contact": contact_id,
        "journey": journey,
        "states": [state] if state else list(get_args(RunState)),
        "step": step,
        "before": _parse_cursor(cursor) if cursor else None,
        "held": held,
        "code": code,
        "goal": True if goal_met else None,
        "reached": reached,
        "took": took,
        "lowest": _completed(prefix, "0") if prefix else None,
        "highest": _completed(prefix, "f") if prefix else None,
        # One more than the page has: if it exists, there is a page after this one.
        "limit": limit + 1,
    }
    cut: UUID | None = None
    if held is not None or code is not None:
        if state == "ended":
            return RunListing([], None)
        runs = await fetch_all_as(conn, ListedRun, run_queries.deferred(parameters), parameters)
    elif contact_id is not None or prefix is not None:
        runs = await fetch_all_as(conn, ListedRun, run_queries.BY_ID, parameters)
    elif (
        query := run_queries.looking(journey, step, goal_met=goal_met, reached=reached)
    ) is not None:
        rows = await fetch_all(conn, query, parameters)
        cut = rows[0][0]
        runs = [ListedRun(*row[1:]) for row in rows if row[1] is not None]
    else:
        query = run_queries.BY_ID if journey is None else run_queries.BY_STATE
        runs = await fetch_all_as(conn, ListedRun, query, parameters)
    items = runs[:limit]
    return RunListing(items, items[-1].id if len(runs) > limit else cut)


async def show_run(conn: AsyncConnection[Any], run_id: UUID) -> ShownRun | None:
    """A run with its goal and its visits; None if there is no such run."""
    run = await fetch_one_as(conn, ListedRun, run_queries.ONE, {"run": run_id})
    if run is None:
        return None
    visits = await fetch_all_as(conn, ListedVisit, run_queries.VISITS, {"run": run_id})
    goal = await read_goal(conn, run_id)
    return ShownRun(run, goal, visits, await repairs_of(conn, run_id))


def _parse_cursor(cursor: str) -> UUID:
    try:
        return UUID(cursor)
    except ValueError:
        raise BadCursor(cursor) from None


def _completed(prefix: str, digit: str) -> UUID:
    """The lowest or highest id with the prefix."""
    return UUID(prefix.replace("-", "").ljust(32, digit)[:32])
