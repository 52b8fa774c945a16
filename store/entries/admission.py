"""Entries: whether an event, or a start by API, begins a run. Postgres decides, under the lock of
the contact's row; one active run per journey, contact and key is a unique index besides.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, cast
from uuid import UUID

from psycopg import AsyncConnection
from psycopg.types.json import Jsonb

from journeys.model.conditions import AnyCondition
from journeys.model.paths import first
from journeys.model.reasons import RefusalReason
from journeys.model.triggers import ApiEntry, EventEntry
from journeys.time.durations import Duration
from journeys.time.zones import zone_of
from store.conditions import compile_condition, evaluate_start
from store.contacts.rows import lock_contacts
from store.definitions.catalog import Catalog, Definition
from store.goals.goal_rows import NewGoal, set_goals
from store.runs.lifecycle import end_run, record_fired_exit
from store.runs.rows import RunRow, lock_run
from store.tables.identifiers import new_id
from store.waits.listeners import add_listeners, first_fired

CHAIN_LIMIT = 10
"""Enters and emits, one from another, that an event from outside may begin."""


@dataclass(frozen=True)
class AdmittedEntry:
    """A run row; `stopped` are the runs that ended for it, whose workflows are to be told."""

    run_id: UUID
    stopped: tuple[UUID, ...] = ()


@dataclass(frozen=True)
class RefusedEntry:
    """No run, and why."""

    code: RefusalReason


@dataclass(frozen=True)
class EntryRequest:
    """What asks for a run. `event_id` is None for a start by API."""

    contact_id: UUID
    key: str | None
    """None: the entry has a key, and the event lacks it."""
    properties: dict[str, Any]
    event_id: int | None
    depth: int = 0
    start_workflow: bool = False
    """Nobody who asks starts the workflow: a dispatcher is to."""


async def enter(
    conn: AsyncConnection[Any], catalog: Catalog, definition: Definition, request: EntryRequest
) -> AdmittedEntry | RefusedEntry:
    """Begin a run, or refuse it, within the caller's transaction; locks the contact's row.

    Asking again for the same event gives the same answer and changes nothing.
    """
    return (await enter_all(conn, catalog, [(definition, request)]))[0]


async def enter_all(
    conn: AsyncConnection[Any],
    catalog: Catalog,
    requests: Sequence[tuple[Definition, EntryRequest]],
) -> list[AdmittedEntry | RefusedEntry]:
    """`enter` for many in one transaction, a statement a step whatever their number.

    At most one request for each contact and journey: what comes first decides about the next.
    """
    await lock_contacts(conn, [request.contact_id for _, request in requests])
    seen = await _see(conn, requests)
    answers: list[AdmittedEntry | RefusedEntry] = []
    fresh: list[_Fresh] = []
    refused: list[tuple[Definition, EntryRequest, str]] = []
    for (definition, request), each in zip(requests, seen, strict=True):
        if each is None:
            answers.append(RefusedEntry("merged"))
            continue
        if each.run_before is not None:
            answers.append(AdmittedEntry(each.run_before))
            continue
        if each.refused_before is not None:
            answers.append(RefusedEntry(each.refused_before))
            continue
        stopped = await _judge(conn, catalog, definition, request, each)
        if isinstance(stopped, RefusedEntry):
            refused.append((definition, request, stopped.code))
            answers.append(stopped)
        else:
            run_id = new_id()
            fresh.append(_Fresh(definition, request, run_id, each))
            answers.append(AdmittedEntry(run_id, stopped))
    await _insert(conn, fresh)
    await _log_refusals(conn, refused)
    return answers


@dataclass(frozen=True)
class _Seen:
    """What decides about an entry, read under the contact's lock."""

    state: str
    timezone: str | None
    last_event_id: int
    now: datetime
    active: UUID | None
    last_started: datetime | None
    run_before: UUID | None
    refused_before: RefusalReason | None


async def _see(
    conn: AsyncConnection[Any], requests: Sequence[tuple[Definition, EntryRequest]]
) -> list[_Seen | None]:
    cursor = await conn.execute(
        """
        select g.n, j.state, c.timezone, c.last_event_id, parcours.clock(),
               (select r.id from run r where r.journey = g.journey and r.contact_id = c.id
                and r.key = g.key and r.state = 'active'),
               (select max(r.started_at) from run r where r.journey = g.journey
                and r.contact_id = c.id and r.key = g.key),
               (select r.id from run r
                where r.entry_event_id = g.event_id and r.journey = g.journey),
               (select f.code from refusal f
                where f.event_id = g.event_id and f.journey = g.journey)
        from unnest(%(journeys)s::text[], %(contacts)s::uuid[], %(keys)s::text[],
                    %(events)s::bigint[]) with ordinality g(journey, contact_id, key, event_id, n)
        join journey j on j.key = g.journey
        join contact c on c.id = g.contact_id
        """,
        {
            "journeys": [definition.key for definition, _ in requests],
            "contacts": [request.contact_id for _, request in requests],
            "keys": [request.key or "" for _, request in requests],
            "events": [request.event_id for _, request in requests],
        },
    )
    seen: list[_Seen | None] = [None] * len(requests)
    for place, *values in await cursor.fetchall():
        seen[place - 1] = _Seen(*values)
    return seen


async def _judge(
    conn: AsyncConnection[Any],
    catalog: Catalog,
    definition: Definition,
    request: EntryRequest,
    seen: _Seen,
) -> tuple[UUID, ...] | RefusedEntry:
    """The runs that end for this entry, or why there is none."""
    if seen.state != "active":
        return RefusedEntry(cast("RefusalReason", seen.state))
    if request.depth > CHAIN_LIMIT:
        return RefusedEntry("chain")
    period = definition.journey.active
    if period is not None and not period.holds(
        seen.now, zone_of(None, definition.journey.timezone)
    ):
        return RefusedEntry("inactive")
    if request.key is None:
        return RefusedEntry("no_key")
    if request.event_id is None and not await _may_start(conn, definition, request):
        return RefusedEntry("if")
    active = seen.active
    restarted = False
    if active is not None and not await _exited_first(conn, catalog, active, request.event_id):
        if not await _gives_way(conn, definition, active):
            return RefusedEntry("active")
        restarted = await end_run(conn, active, "restarted", None, stop_workflow=True)
    if not restarted and seen.last_started is not None:
        re_entry = definition.journey.re_entry
        if re_entry == "never":
            return RefusedEntry("re_entry")
        if isinstance(re_entry, Duration):
            zone = zone_of(seen.timezone, definition.journey.timezone)
            if re_entry.add_to(seen.last_started, zone) > seen.now:
                return RefusedEntry("re_entry")
    return () if active is None else (active,)


async def _may_start(
    conn: AsyncConnection[Any], definition: Definition, request: EntryRequest
) -> bool:
    """Whether a start by API is let in: by an `{api: true}` whose `if` holds, where one has any."""
    conditions = [entry.if_ for entry in definition.journey.entry if isinstance(entry, ApiEntry)]
    asked = [condition for condition in conditions if condition is not None]
    if len(asked) < len(conditions) or not asked:
        return True
    holds = compile_condition(
        AnyCondition(any=asked),
        prefix="i_",
        default_zone=definition.journey.timezone or "UTC",
        segments=definition.segments.conditions,
    )
    return await evaluate_start(conn, request.contact_id, request.properties, holds)


async def _exited_first(
    conn: AsyncConnection[Any], catalog: Catalog, active: UUID, event_id: int | None
) -> bool:
    """For one event, exits act before entries: an exit without `then` ends the run here."""
    run = await lock_run(conn, active)
    if run is None or run.exit_rule is not None or event_id is None:
        return False
    definition = await catalog.definition(conn, run.journey, run.version)
    exits = definition.exits
    if exits is None:
        return False
    fired = await first_fired(conn, exits, run_id=active, visit=0)
    if fired is None or fired.event_id > event_id:
        return False
    if definition.program.exits[fired.slot.number] is not None:
        return False
    await record_fired_exit(conn, active, run.visit, fired.slot.number, fired.slot.name)
    return await end_run(conn, active, fired.slot.outcome, fired.slot.name, stop_workflow=True)


async def _gives_way(conn: AsyncConnection[Any], definition: Definition, active: UUID) -> bool:
    """Whether `if_active` begins the run anew: always, or until its first message is claimed."""
    if definition.journey.if_active == "restart":
        return True
    if definition.journey.if_active != "debounce":
        return False
    cursor = await conn.execute("select exists (select from message where run_id = %s)", (active,))
    row = await cursor.fetchone()
    return row is not None and not row[0]


@dataclass(frozen=True)
class _Fresh:
    """A run that begins."""

    definition: Definition
    request: EntryRequest
    run_id: UUID
    seen: _Seen

    @property
    def ref(self) -> int:
        """Exits and the goal count events with a higher id."""
        event_id = self.request.event_id
        return event_id if event_id is not None else self.seen.last_event_id


async def _insert(conn: AsyncConnection[Any], runs: Sequence[_Fresh]) -> None:
    if not runs:
        return
    rows = [
        {
            "id": str(run.run_id),
            "journey": run.definition.key,
            "version": run.definition.version,
            "contact_id": str(run.request.contact_id),
            "key": run.request.key or "",
            "entry_event_id": run.request.event_id,
            "entry": run.request.properties,
            "ref": run.ref,
            "depth": run.request.depth,
            "start_workflow": run.request.start_workflow,
        }
        for run in runs
    ]
    cursor = await conn.execute(
        """
        insert into run (id, journey, version, contact_id, key, entry_event_id, entry, entry_ref,
                         ref, depth, start_workflow)
        select id, journey, version, contact_id, key, entry_event_id, entry, ref, ref, depth,
               start_workflow
        from jsonb_to_recordset(%s) g(id uuid, journey text, version int, contact_id uuid,
            key text, entry_event_id bigint, entry jsonb, ref bigint, depth smallint,
            start_workflow boolean)
        returning id, started_at
        """,
        (Jsonb(rows),),
    )
    started = dict(await cursor.fetchall())
    goals = []
    for run in runs:
        definition, request = run.definition, run.request
        if definition.exits is not None:
            await add_listeners(
                conn,
                definition.exits,
                run_id=run.run_id,
                visit=0,
                contact_id=request.contact_id,
                ref=run.ref,
                entry=request.properties,
            )
        if definition.goal is not None:
            goals.append(
                NewGoal(
                    look=definition.goal,
                    run_id=run.run_id,
                    journey=definition.key,
                    contact_id=request.contact_id,
                    entry=request.properties,
                    ref=run.ref,
                    started_at=started[run.run_id],
                    zone=zone_of(run.seen.timezone, definition.journey.timezone),
                )
            )
    if goals:
        await set_goals(conn, goals)


async def _log_refusals(
    conn: AsyncConnection[Any], refused: Sequence[tuple[Definition, EntryRequest, str]]
) -> None:
    if not refused:
        return
    await conn.execute(
        "insert into refusal (journey, contact_id, key, event_id, code)"
        " select * from unnest(%s::text[], %s::uuid[], %s::text[], %s::bigint[], %s::text[])"
        " on conflict do nothing",
        (
            [definition.key for definition, _, _ in refused],
            [request.contact_id for _, request, _ in refused],
            [request.key or "" for _, request, _ in refused],
            [request.event_id for _, request, _ in refused],
            [code for _, _, code in refused],
        ),
    )


def key_of_start(definition: Definition, properties: dict[str, Any]) -> str | None:
    """The key of a run that no event begins: the first entry's key that the properties have.

    "" without one; None if every entry has a key: a run without it could be told from no other.
    """
    keys = [
        entry.key if isinstance(entry, EventEntry) else None for entry in definition.journey.entry
    ]
    for key in keys:
        value = first(properties, key) if key is not None else None
        if value is not None and not isinstance(value, dict | list):
            return str(value)
    return "" if None in keys else None


async def entries_of(conn: AsyncConnection[Any], run: RunRow) -> list[dict[str, Any]]:
    """The properties of the run's entry event, and of those refused meanwhile, in their order."""
    cursor = await conn.execute(
        "select e.properties from refusal f join event e on e.id = f.event_id"
        " where f.contact_id = %s and f.journey = %s and f.key = %s and f.event_id > %s"
        " order by f.event_id",
        (run.contact_id, run.journey, run.key, run.entry_ref),
    )
    return [run.entry, *(row[0] for row in await cursor.fetchall())]
