"""Undoing an import: its contacts go, and values are as before, where nothing has built on them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from typing import Any, Final, cast
from uuid import UUID, uuid4, uuid5

import orjson
from psycopg.types.json import Jsonb
from sqlalchemy import bindparam, delete, func
from sqlmodel import SQLModel, col

from journeys.model.contact_fields import CONTACT_FIELDS, FieldName
from journeys.model.well_known_events import GROUP_LEFT, SEGMENT_ENTERED, SEGMENT_LEFT
from store.contacts.rows import LockedContact, lock_and_read_contacts
from store.events.contact_changes import contact_changed
from store.events.recording import PendingEvent
from store.imports.jobs import PageSuperseded
from store.imports.plans import ImportPlan, ImportResult, Reason
from store.imports.writing import write_contacts
from store.operations.jobs import JobRow, create_job, read_job, read_result
from store.sql import (
    Connection,
    copy_rows,
    execute,
    fetch_all,
    fetch_one,
    fetch_value,
    sql,
    statement,
)
from store.tables.contacts import Contact

_NAMESPACE: Final = UUID("0c7a64ce-1f7f-4b0e-8f0e-3a2c1b6f2d45")
_FOLLOWING: Final = [SEGMENT_ENTERED, SEGMENT_LEFT]
"""Events that follow from the import itself: nothing has built on a contact that has only them."""

_TOTAL = sql("""
select (select count(*) from import_change where job_id = %(job)s)
     + (select count(*) from imported_event where job_id = %(job)s)
     + (select count(*) from imported_suppression where job_id = %(job)s)
""")
_STATE = sql("select progress, result from job where id = %(job)s")
_RECORD = sql("""
update job set progress = %(after)s, result = %(result)s, done = done + %(done)s,
       failed = %(failed)s
where id = %(job)s and state = 'running' and progress is not distinct from %(before)s
""")
_EVENT_PAGE = sql("""
select i.event_id, e.contact_id from imported_event i left join event e on e.id = i.event_id
where i.job_id = %(import)s and i.event_id > %(after)s order by i.event_id limit %(limit)s
""")
_DELETE_EVENTS = sql("""
delete from event where id = any(%(events)s) and contact_id = any(%(contacts)s)
""")
_SUPPRESSION_PAGE = sql("""
select channel, address_hash from imported_suppression
where job_id = %(import)s and (channel, address_hash) > (%(channel)s, %(hash)s)
order by channel, address_hash limit %(limit)s
""")
_DELETE_SUPPRESSIONS = sql("""
delete from suppression s using imported_suppression i
where i.job_id = %(import)s and i.channel = s.channel and i.address_hash = s.address_hash
  and s.reason = i.reason
  and (i.channel, i.address_hash) > (%(channel)s, %(hash)s)
  and (i.channel, i.address_hash) <= (%(last_channel)s, %(last_hash)s)
""")
_CHANGE_PAGE = sql("""
select contact_id, created, last_event_id, before, after, names, groups, consents
from import_change
where job_id = %(import)s and contact_id > %(after)s order by contact_id limit %(limit)s
""")
# What else names a contact, but what an import writes for it.
_BUILT_ON = sql("""
select c.id,
       exists (select from event e where e.contact_id = c.id and e.id > g.last_event_id
               and e.name <> all(%(following)s)),
       exists (select from run r where r.contact_id = c.id)
from unnest(%(contacts)s::uuid[], %(last)s::bigint[]) as g(id, last_event_id)
join contact c on c.id = g.id
""")
_STAYING: Final = frozenset({"coupon"})
_REMOVE: Final = (
    # The rows of the other tables are deleted with the contact, by their foreign keys.
    *(
        statement(delete(table).where(table.c.contact_id == func.any(bindparam("contacts"))))
        for table in SQLModel.metadata.sorted_tables
        if "contact_id" in table.c
        and not table.c.contact_id.foreign_keys
        and table.name not in _STAYING
    ),
    statement(delete(Contact).where(col(Contact.id) == func.any(bindparam("contacts")))),
)
"""A contact that is removed has no run, and so no message."""
_LEAVE = sql("""
delete from group_member m using unnest(%(contacts)s::uuid[], %(groups)s::text[]) as g(id, key)
where m.contact_id = g.id and m.group_key = g.key
returning m.contact_id, m.group_key
""")
_COPY_KEPT = sql("""
copy import_line (job_id, line, number, kind, code, message, reference, content) from stdin
""")
_KEPT_LIMIT: Final = 100_000


@dataclass(slots=True)
class UndoResult:
    """What undoing an import has done."""

    removed: int = 0
    """Contacts that it had created, and that are gone."""
    restored: int = 0
    """Contacts whose values are as before."""
    kept: int = 0
    """Contacts of which something stays, because something has built on it."""
    events: int = 0
    suppressions: int = 0
    reasons: dict[str, Reason] = field(default_factory=dict)

    @classmethod
    def from_json(cls, result: dict[str, Any] | None) -> UndoResult:
        """The result of a job so far."""
        if result is None:
            return cls()
        reasons = {code: Reason(**each) for code, each in result["reasons"].items()}
        return cls(**{**result, "reasons": reasons})


@dataclass(slots=True)
class _Change:
    contact_id: UUID
    created: bool
    last_event_id: int
    before: dict[str, Any] | None
    after: dict[str, Any] | None
    names: list[str] | None
    groups: list[str] | None
    consents: int


def undo_id(import_id: UUID) -> UUID:
    """The id of the job that undoes an import: there is one."""
    return uuid5(_NAMESPACE, str(import_id))


async def begin_undo(conn: Connection, job: JobRow) -> UUID | None:
    """Insert the job that undoes an import, unless there is one; its id.

    None: what the import has changed is no longer kept.
    """
    total: int = await fetch_value(conn, _TOTAL, {"job": job.id})
    if not total and await read_job(conn, undo_id(job.id)) is None:
        done = ImportResult.from_json(await read_result(conn, job.id))
        if done.created + done.updated + done.events + done.suppressed:
            return None
    return await create_job(
        conn,
        "undo",
        None,
        job_id=undo_id(job.id),
        subject=f"import of {job.plan['what']}",
        plan={"import": str(job.id)},
        total=total,
    )


async def undo_page(conn: Connection, job: JobRow, limit: int) -> tuple[bool, list[UUID]]:
    """Undo the next page in the caller's transaction: whether it was the last, and its contacts.

    Raises PageSuperseded if another attempt has done it.
    """
    row = await fetch_one(conn, _STATE, {"job": job.id})
    assert row is not None
    progress, kept = row
    result = UndoResult.from_json(kept)
    page = _Undo(conn, job, result, limit)
    following, done = await page.work(progress or {"phase": "events", "after": 0})
    changed = await execute(
        conn,
        _RECORD,
        {
            "job": job.id,
            "before": None if progress is None else Jsonb(progress),
            "after": Jsonb(following),
            "result": Jsonb(asdict(result)),
            "done": done,
            "failed": result.kept,
        },
    )
    if not changed:
        raise PageSuperseded
    return following["phase"] == "end", page.contacts


class _Undo:
    """One page of undoing."""

    def __init__(self, conn: Connection, job: JobRow, result: UndoResult, limit: int) -> None:
        self._conn = conn
        self._job = job
        self._import_id = UUID(job.plan["import"])
        self._result = result
        self._limit = limit
        self.contacts: list[UUID] = []
        """Those whose segments are to be judged."""

    async def work(self, progress: dict[str, Any]) -> tuple[dict[str, Any], int]:
        """Work through the next page of a phase; the progress behind it, and how much it was."""
        match progress["phase"]:
            case "events":
                return await self._events(progress["after"])
            case "suppressions":
                return await self._suppressions(*progress["after"])
            case "contacts":
                return await self._contacts(UUID(progress["after"]))
            case phase:
                return {"phase": phase}, 0

    async def _events(self, after: int) -> tuple[dict[str, Any], int]:
        wanted = {"import": self._import_id, "after": after, "limit": self._limit}
        rows = await fetch_all(self._conn, _EVENT_PAGE, wanted)
        contacts = sorted({contact for _, contact in rows if contact is not None})
        if contacts:
            await lock_and_read_contacts(self._conn, ids=contacts)
            self._result.events += await execute(
                self._conn,
                _DELETE_EVENTS,
                {"events": [event for event, _ in rows], "contacts": contacts},
            )
            self.contacts = contacts
        if len(rows) < self._limit:
            return {"phase": "suppressions", "after": ["", ""]}, len(rows)
        return {"phase": "events", "after": rows[-1][0]}, len(rows)

    async def _suppressions(self, channel: str, address_hash: str) -> tuple[dict[str, Any], int]:
        wanted = {
            "import": self._import_id, "channel": channel, "hash": address_hash,
            "limit": self._limit,
        }  # fmt: skip
        rows = await fetch_all(self._conn, _SUPPRESSION_PAGE, wanted)
        if rows:
            last_channel, last_hash = rows[-1]
            lifted = await execute(
                self._conn,
                _DELETE_SUPPRESSIONS,
                {**wanted, "last_channel": last_channel, "last_hash": last_hash},
            )
            self._result.suppressions += lifted
            for _ in range(len(rows) - lifted):
                self._count("suppressed_since")
        if len(rows) < self._limit:
            return {"phase": "contacts", "after": str(UUID(int=0))}, len(rows)
        return {"phase": "suppressions", "after": list(rows[-1])}, len(rows)

    async def _contacts(self, after: UUID) -> tuple[dict[str, Any], int]:
        wanted = {"import": self._import_id, "after": after, "limit": self._limit}
        changes = [_Change(*row) for row in await fetch_all(self._conn, _CHANGE_PAGE, wanted)]
        ids = [change.contact_id for change in changes]
        locked = {each.id: each for each in await lock_and_read_contacts(self._conn, ids=ids)}
        found = [change for change in changes if change.contact_id in locked]
        kept: list[tuple[str, str, str]] = []
        if found:
            built_on = await self._built_on(found)
            gone = [
                change.contact_id
                for change in found
                if change.created and change.contact_id not in built_on
            ]
            if gone:
                for query in _REMOVE:
                    await execute(self._conn, query, {"contacts": gone})
                self._result.removed += len(gone)
            for change in found:
                code = built_on.get(change.contact_id)
                if change.created and code is not None:
                    contact = locked[change.contact_id]
                    kept.append((code, _BUILT[code], contact.external_id or str(contact.id)))
                    self._result.kept += 1
            kept += await self._restore([each for each in found if not each.created], locked)
        await self._list(kept)
        if len(changes) < self._limit:
            return {"phase": "end"}, len(changes)
        return {"phase": "contacts", "after": str(changes[-1].contact_id)}, len(changes)

    async def _built_on(self, changes: Sequence[_Change]) -> dict[UUID, str]:
        created = [change for change in changes if change.created]
        rows = await fetch_all(
            self._conn,
            _BUILT_ON,
            {
                "contacts": [change.contact_id for change in created],
                "last": [change.last_event_id for change in created],
                "following": _FOLLOWING,
            },
        )
        return {
            contact_id: "has_runs" if runs else "has_events"
            for contact_id, events, runs in rows
            if events or runs
        }

    async def _restore(
        self, changes: Sequence[_Change], locked: dict[UUID, LockedContact]
    ) -> list[tuple[str, str, str]]:
        """Set the values back that are still as the import has set them; what stays."""
        kept = []
        events: list[PendingEvent] = []
        for change in changes:
            contact = locked[change.contact_id]
            before, after = change.before or {}, change.after or {}
            names = change.names or []
            same = [name for name in names if _is(_value(contact, name), after.get(name))]
            # What is worked out from a phone number follows it.
            given = [name for name in same if name not in contact.derived]
            restored = contact.set({name: before.get(name) for name in given})
            if restored:
                events.append(contact_changed(contact.id, restored))
            reference = contact.external_id or str(contact.id)
            stays = False
            if len(same) < len(names):
                others = ", ".join(sorted(set(names) - set(same)))[:300]
                kept.append(("changed_since", f"changed since: {others}", reference))
                stays = True
            if change.consents:
                kept.append(("consents_stay", "records of consents stay", reference))
                stays = True
            self._result.kept += stays
            self._result.restored += bool(restored or change.groups) and not stays
        events += await self._leave(changes)
        contacts = [locked[change.contact_id] for change in changes]
        newest = await write_contacts(self._conn, contacts, events, outbox=False)
        self.contacts += list(newest)
        return kept

    async def _leave(self, changes: Sequence[_Change]) -> list[PendingEvent]:
        joined = [(each.contact_id, group) for each in changes for group in each.groups or ()]
        if not joined:
            return []
        left = await fetch_all(
            self._conn,
            _LEAVE,
            {"contacts": [each for each, _ in joined], "groups": [group for _, group in joined]},
        )
        return [
            PendingEvent(
                contact_id,
                GROUP_LEFT,
                orjson.Fragment(orjson.dumps({"group": group})),
                str(uuid4()),
            )
            for contact_id, group in left
        ]

    def _count(self, code: str) -> None:
        self._result.reasons.setdefault(code, Reason()).count += 1

    async def _list(self, kept: Sequence[tuple[str, str, str]]) -> None:
        """Keep what stays, with the reason."""
        listed = sum(reason.count for reason in self._result.reasons.values())
        for code, *_ in kept:
            self._count(code)
        room = max(_KEPT_LIMIT - listed, 0)
        if kept[:room]:
            rows = (
                (self._job.id, listed + n, 0, "kept", code, message, reference, None)
                for n, (code, message, reference) in enumerate(kept[:room], start=1)
            )
            await copy_rows(self._conn, _COPY_KEPT, rows)


_BUILT: Final = {
    "has_runs": "a journey has begun with the contact",
    "has_events": "the contact has done something since",
}


def _value(contact: LockedContact, name: str) -> Any:
    """The value of a field or an attribute; None if there is none."""
    if name not in CONTACT_FIELDS:
        return contact.attributes.get(name)
    value = getattr(contact, name)
    return None if value == CONTACT_FIELDS[cast(FieldName, name)].absent else value


def _is(value: Any, wanted: Any) -> bool:
    return bool(value == wanted and orjson.dumps(value) == orjson.dumps(wanted))


def may_be_undone(job: JobRow) -> str | None:
    """Why an import cannot be undone; None if it can."""
    if job.kind != "import":
        return f"a job of the kind {job.kind} cannot be undone; an import can"
    if job.state == "running":
        return "the import is still at work: cancel it first"
    if ImportPlan.from_json(job.plan).dry_run:
        return "a dry run has changed nothing"
    return None
