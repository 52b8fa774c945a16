"""Entries: whether an event, or a start by API, begins a run. Postgres decides, under the lock of
the contact's row; one active run per journey, contact and key is a unique index besides.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal
from uuid import UUID, uuid4
from zoneinfo import ZoneInfo

from psycopg import AsyncConnection
from psycopg.types.json import Jsonb

from journeys.durations import Duration
from store.catalog import Catalog, Definition
from store.listening import listen, look_at
from store.runs import RunRow, end_run, fire_exit, lock_run

RefusalCode = Literal["paused", "archived", "draft", "active", "re_entry", "no_key", "merged"]


@dataclass(frozen=True)
class Entered:
    """A run row; `stopped` are the runs that ended for it, whose workflows are to be told."""

    run_id: UUID
    stopped: tuple[UUID, ...] = ()


@dataclass(frozen=True)
class Refused:
    """No run, and why."""

    code: RefusalCode


@dataclass(frozen=True)
class EntryRequest:
    """What asks for a run. `event_id` is None for a start by API."""

    contact_id: UUID
    key: str | None
    """None: the entry has a key, and the event lacks it."""
    properties: dict[str, Any]
    event_id: int | None
    depth: int = 0


async def enter(
    conn: AsyncConnection[Any], catalog: Catalog, definition: Definition, request: EntryRequest
) -> Entered | Refused:
    """Begin a run, or refuse it, within the caller's transaction; locks the contact's row.

    Asking again for the same event gives the same answer and changes nothing.
    """
    # In a statement of its own: what comes after sees all that was committed before the lock.
    await conn.execute("select from contact where id = %s for no key update", (request.contact_id,))
    if request.event_id is not None:
        again = await _answered_before(conn, definition.key, request.event_id)
        if again is not None:
            return again
    answer = await _judge(conn, catalog, definition, request)
    if isinstance(answer, Refused):
        await conn.execute(
            "insert into refusal (journey, contact_id, key, event_id, code)"
            " values (%s, %s, %s, %s, %s) on conflict do nothing",
            (definition.key, request.contact_id, request.key or "", request.event_id, answer.code),
        )
    return answer


async def _answered_before(
    conn: AsyncConnection[Any], journey: str, event_id: int
) -> Entered | Refused | None:
    cursor = await conn.execute(
        "select r.id, f.code from (select %(event)s::bigint as id) e"
        " left join run r on r.entry_event_id = e.id and r.journey = %(journey)s"
        " left join refusal f on f.event_id = e.id and f.journey = %(journey)s",
        {"journey": journey, "event": event_id},
    )
    row = await cursor.fetchone()
    if row is None or row == (None, None):
        return None
    return Entered(row[0]) if row[0] else Refused(row[1])


async def _judge(
    conn: AsyncConnection[Any], catalog: Catalog, definition: Definition, request: EntryRequest
) -> Entered | Refused:
    cursor = await conn.execute(
        """
        select j.state, c.timezone, c.last_event_id, parcours.clock(),
               (select r.id from run r where r.journey = j.key and r.contact_id = c.id
                and r.key = %(key)s and r.state = 'active'),
               (select max(r.started_at) from run r where r.journey = j.key
                and r.contact_id = c.id and r.key = %(key)s)
        from journey j, contact c where j.key = %(journey)s and c.id = %(contact)s
        """,
        {
            "journey": definition.key,
            "contact": request.contact_id,
            "key": request.key or "",
        },
    )
    row = await cursor.fetchone()
    if row is None:
        return Refused("merged")
    state, timezone, last_event_id, now, active, last_started = row
    if state != "active":
        return Refused(state)
    if request.key is None:
        return Refused("no_key")
    restarted = False
    if active is not None and not await _exited_first(conn, catalog, active, request.event_id):
        if not await _gives_way(conn, definition, active):
            return Refused("active")
        restarted = await end_run(conn, active, "restarted", None, stop_workflow=True)
    if not restarted and last_started is not None:
        re_entry = definition.journey.re_entry
        if re_entry == "never":
            return Refused("re_entry")
        if isinstance(re_entry, Duration):
            zone = ZoneInfo(timezone or definition.journey.timezone or "UTC")
            if re_entry.add_to(last_started, zone) > now:
                return Refused("re_entry")
    run_id = await _insert(conn, definition, request, last_event_id)
    return Entered(run_id, () if active is None else (active,))


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
    fired = await look_at(conn, exits, run_id=active, visit=0)
    if fired is None or fired.event_id > event_id:
        return False
    if definition.program.exits[fired.slot.number] is not None:
        return False
    await fire_exit(conn, active, run.visit, fired.slot.number, fired.slot.name)
    return await end_run(conn, active, "exited", fired.slot.name, stop_workflow=True)


async def _gives_way(conn: AsyncConnection[Any], definition: Definition, active: UUID) -> bool:
    """Whether `if_active` begins the run anew: always, or until its first message is claimed."""
    if definition.journey.if_active == "restart":
        return True
    if definition.journey.if_active != "debounce":
        return False
    cursor = await conn.execute("select exists (select from message where run_id = %s)", (active,))
    row = await cursor.fetchone()
    return row is not None and not row[0]


async def _insert(
    conn: AsyncConnection[Any],
    definition: Definition,
    request: EntryRequest,
    last_event_id: int,
) -> UUID:
    run_id = uuid4()
    ref = request.event_id if request.event_id is not None else last_event_id
    await conn.execute(
        "insert into run (id, journey, version, contact_id, key, entry_event_id, entry, entry_ref,"
        " ref, depth) values (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s)",
        (
            run_id,
            definition.key,
            definition.version,
            request.contact_id,
            request.key or "",
            request.event_id,
            Jsonb(request.properties),
            ref,
            ref,
            request.depth,
        ),
    )
    if definition.exits is not None:
        await listen(
            conn,
            definition.exits,
            run_id=run_id,
            visit=0,
            contact_id=request.contact_id,
            ref=ref,
            entry=request.properties,
        )
    return run_id


async def entries_of(conn: AsyncConnection[Any], run: RunRow) -> list[dict[str, Any]]:
    """The properties of the run's entry event, and of those refused meanwhile, in their order."""
    cursor = await conn.execute(
        "select e.properties from refusal f join event e on e.id = f.event_id"
        " where f.contact_id = %s and f.journey = %s and f.key = %s and f.event_id > %s"
        " order by f.event_id",
        (run.contact_id, run.journey, run.key, run.entry_ref),
    )
    return [run.entry, *(row[0] for row in await cursor.fetchall())]
