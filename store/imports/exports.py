"""Exports: contacts and what belongs to them, page by page in the order of ids, as text of a file.

A page reads what is committed by then, so an export is no picture of one instant. Nothing is kept
open between two pages: any worker goes on with an export after a crash.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from typing import Any, Final, Literal
from uuid import UUID

import orjson
from psycopg.types.json import Jsonb
from pydantic import TypeAdapter

from journeys.model.conditions import Condition
from journeys.model.contact_fields import CONTACT_FIELDS, EXTERNAL_ID, FIELD_NAMES
from store.conditions import compile_condition
from store.contacts.rows import FIELD_COLUMNS
from store.imports.files import add_chunk, finish_file
from store.imports.jobs import PageSuperseded
from store.imports.mapping import OWN_ID, What, map_columns
from store.operations.jobs import JobRow
from store.segments.membership import members_page
from store.segments.segment_conditions import read_segments
from store.sql import Connection, execute, fetch_all, fetch_column, fetch_one, fetch_value, sql

ExportFormat = Literal["csv", "jsonl"]
COLUMNS: Final = 500
"""Attributes that have a column of their own in CSV; the rest stand together in one."""
_CONDITION: Final[TypeAdapter[Condition]] = TypeAdapter(Condition)
_FIRST: Final = UUID(int=0)
_SCANNED: Final = 20_000
"""Contacts of one page whose attributes are looked at."""
_CONTACTS: Final = 2_000
_ROWS: Final = 5_000
_FORMULA: Final = ("=", "+", "-", "@", "\t", "\r")
_NUMBER: Final = re.compile(r"[+-]?[0-9][0-9., ()]*", re.ASCII)
"""Numbers, also of telephones, are no formulas."""

_PAGE = sql("select id from contact where id > %(after)s order by id limit %(limit)s")
_OF_GROUP = sql("""
select contact_id from group_member
where group_key = %(group)s and contact_id > %(after)s order by contact_id limit %(limit)s
""")
_KEYS = sql("""
select key, array_agg(distinct case when value = '""' then 'empty' else jsonb_typeof(value) end)
from contact c cross join jsonb_each(c.attributes)
where c.id = any(%(contacts)s)
group by key
""")
_READ_CONTACTS = sql(
    """
select c.id, {fields}, c.attributes, c.derived,
       array(select m.group_key from group_member m where m.contact_id = c.id order by 1)
from contact c where c.id = any(%(contacts)s) order by c.id
""",
    fields=FIELD_COLUMNS,
)
_READ_GROUPS = sql("""
select m.contact_id, c.external_id, m.group_key, m.added_at
from group_member m join contact c on c.id = m.contact_id
where m.contact_id = any(%(contacts)s) order by m.contact_id, m.group_key
""")
_READ_TOPICS = sql("""
select t.contact_id, c.external_id, t.topic,
       case when t.state = 'subscribed' and d.document->>'default' = 'double' then 'confirmed'
            else t.state end,
       coalesce(r.given_at, r.recorded_at, t.changed_at), r.source, r.text
from topic_state t join contact c on c.id = t.contact_id
left join document d on d.kind = 'topic' and d.key = t.topic
left join lateral (
    select given_at, recorded_at, source, text from consent_record r
    where r.contact_id = t.contact_id and r.topic = t.topic order by r.id desc limit 1
) r on true
where t.contact_id = any(%(contacts)s) order by t.contact_id, t.topic
""")
_READ_EVENTS = sql("""
select e.contact_id, c.external_id, e.name, e.occurred_at, e.message_id, e.source, e.properties,
       e.id
from event e join contact c on c.id = e.contact_id
where e.contact_id = any(%(contacts)s) and (e.contact_id, e.id) > (%(contact)s, %(event)s)
order by e.contact_id, e.id limit %(limit)s
""")
_READ_SUPPRESSIONS = sql("""
select channel, address_hash, reason, suppressed_at from suppression
where (channel, address_hash) > (%(channel)s, %(hash)s)
order by channel, address_hash limit %(limit)s
""")
_STATE = sql("select progress, done from job where id = %(job)s")
_RECORD = sql("""
update job set progress = %(after)s, done = done + %(done)s, result = %(result)s
where id = %(job)s and state = 'running' and progress is not distinct from %(before)s
""")
_ESTIMATE = sql(
    "select greatest(reltuples, 0)::bigint from pg_class where oid = 'contact'::regclass"
)
_HEADERS: Final[Mapping[What, tuple[str, ...]]] = {
    "contacts": (OWN_ID, EXTERNAL_ID, *FIELD_NAMES, "derived", "groups:json"),
    "groups": (OWN_ID, EXTERNAL_ID, "group", "added_at"),
    "topics": (OWN_ID, EXTERNAL_ID, "topic", "state", "at", "source", "text"),
    "events": (OWN_ID, EXTERNAL_ID, "event", "timestamp", "message_id", "source",
               "properties:json"),
    "suppressions": ("channel", "address_hash", "reason", "suppressed_at"),
}  # fmt: skip


class ExportRefused(ValueError):
    """An export that cannot be made; the message says why."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ExportPlan:
    """What is exported, as its job keeps it."""

    what: What
    format: ExportFormat = "csv"
    segment: str | None = None
    group: str | None = None
    condition: dict[str, Any] | None = None
    """Only contacts for whom it holds, as a document writes it."""
    spreadsheet: bool = False
    """Cells that a spreadsheet would take for formulas begin with an apostrophe."""

    def as_json(self) -> dict[str, Any]:
        """The plan as its job keeps it."""
        return asdict(self)


@dataclass(slots=True)
class _Progress:
    """How far an export has come."""

    phase: Literal["columns", "rows"] = "columns"
    after: str = str(_FIRST)
    """The contact, or the channel of a suppression, up to which it has come."""
    inner: str = ""
    """Within it: the event, or the hash."""
    number: int = 0
    """Parts of the file."""
    size: int = 0
    rows: int = 0
    types: dict[str, str] = field(default_factory=dict)
    """Of CSV: the attributes with a column, each with its type."""
    rest: bool = False
    """Whether there are attributes without a column."""


async def check_export(conn: Connection, plan: ExportPlan) -> None:
    """Raise LookupError if there is no such segment, ExportRefused if the condition can't be
    compiled."""
    if plan.segment is None and plan.condition is None:
        return
    segments = await read_segments(conn)
    if plan.segment is not None and plan.segment not in segments.conditions:
        raise LookupError(plan.segment)
    if plan.condition is None:
        return
    try:
        _compile(plan, segments.conditions)
    except ValueError as error:
        raise ExportRefused(f"if: {error}") from None


def _compile(plan: ExportPlan, segments: Mapping[str, Condition]) -> Any:
    condition = _CONDITION.validate_python(plan.condition)
    return compile_condition(condition, prefix="x_", segments=segments, timed=False)


async def estimate_contacts(conn: Connection) -> int:
    """About how many contacts there are."""
    counted: int = await fetch_value(conn, _ESTIMATE)
    return counted


async def export_page(conn: Connection, job: JobRow) -> bool:
    """Write the next page in the caller's transaction; whether it was the last.

    Raises PageSuperseded if another attempt has written it.
    """
    plan = ExportPlan(**job.plan)
    row = await fetch_one(conn, _STATE, {"job": job.id})
    assert row is not None
    before = row[0]
    progress = _Progress() if before is None else _Progress(**before)
    page = _Page(conn, job.id, plan, progress)
    done, last = await page.work()
    changed = await execute(
        conn,
        _RECORD,
        {
            "job": job.id,
            "before": None if before is None else Jsonb(before),
            "after": Jsonb(asdict(progress)),
            "done": done,
            "result": Jsonb({"rows": progress.rows, "bytes": progress.size}),
        },
    )
    if not changed:
        raise PageSuperseded
    if last:
        await finish_file(conn, job.id, size=progress.size, lines=progress.rows)
    return last


class _Page:
    """One page of an export."""

    def __init__(
        self, conn: Connection, job_id: UUID, plan: ExportPlan, progress: _Progress
    ) -> None:
        self._conn = conn
        self._job_id = job_id
        self._plan = plan
        self._at = progress

    async def work(self) -> tuple[int, bool]:
        """Work through the next page: how many contacts or rows, and whether it was the last."""
        plan, at = self._plan, self._at
        if at.phase == "columns":
            if plan.what == "contacts" and plan.format == "csv":
                return await self._columns(), False
            at.phase = "rows"
            if plan.what == "suppressions":
                at.after = ""
        if at.number == 0 and plan.format == "csv":
            await self._write(csv_text([self._header()], spreadsheet=False), 0)
        if plan.what == "suppressions":
            return await self._suppressions()
        if plan.what == "events":
            return await self._events()
        ids, last = await self._contacts(_CONTACTS)
        rows = await self._rows(ids)
        if rows:
            await self._write(self._text(rows), len(rows))
        return len(ids), last

    async def _contacts(self, limit: int) -> tuple[list[UUID], bool]:
        """The next contacts of the export, and whether they are the last; moves on."""
        at = self._at
        page, last = await self._scan(limit)
        if page:
            at.after = str(page[-1])
        return await self._filter(page), last

    async def _scan(self, limit: int) -> tuple[list[UUID], bool]:
        wanted: dict[str, Any] = {"after": UUID(self._at.after), "limit": limit}
        query = _PAGE
        if self._plan.segment is not None:
            page = await members_page(self._conn, self._plan.segment, wanted["after"], limit)
            return page, len(page) < limit
        if self._plan.group is not None:
            query, wanted["group"] = _OF_GROUP, self._plan.group
        page = await fetch_column(self._conn, query, wanted)
        return page, len(page) < limit

    async def _filter(self, contacts: list[UUID]) -> list[UUID]:
        if not contacts or self._plan.condition is None:
            return contacts
        segments = await read_segments(self._conn)
        predicate = _compile(self._plan, segments.conditions)
        query = sql(
            "select c.id from contact c cross join lateral (select null::uuid as id,"
            " '{}'::jsonb as entry, c.last_event_id as entry_ref, null::bigint as entry_event_id,"
            " 0 as visit) r where c.id = any(%(contacts)s) and {holds} order by c.id",
            holds=predicate.sql,
        )
        params = {**predicate.params, "contacts": contacts}
        return await fetch_column(self._conn, query, params)

    async def _columns(self) -> int:
        """Look at the attributes of the next contacts: their names and types."""
        at = self._at
        ids, last = await self._contacts(_SCANNED)
        for name, kinds in await fetch_all(self._conn, _KEYS, {"contacts": ids}):
            found = _type(kinds)
            known = at.types.get(name)
            if known is None and len(at.types) >= COLUMNS:
                at.rest = True
            else:
                at.types[name] = found if known in (None, found) else "json"
        if last:
            at.phase, at.after = "rows", str(_FIRST)
            at.types = dict(sorted(at.types.items()))
        return 0

    def _header(self) -> list[str]:
        header = list(_HEADERS[self._plan.what])
        if self._plan.what == "contacts":
            header += [_column(name, kind) for name, kind in self._at.types.items()]
            if self._at.rest:
                header.append("attributes:json")
        return header

    async def _rows(self, ids: list[UUID]) -> list[dict[str, Any]]:
        if not ids:
            return []
        wanted = {"contacts": ids}
        match self._plan.what:
            case "groups":
                return _dicts("groups", await fetch_all(self._conn, _READ_GROUPS, wanted))
            case "topics":
                return _dicts("topics", await fetch_all(self._conn, _READ_TOPICS, wanted))
            case _:
                return [
                    {
                        OWN_ID: contact_id,
                        **dict(zip((EXTERNAL_ID, *FIELD_NAMES), values, strict=True)),
                        "derived": derived,
                        "groups": groups,
                        "attributes": attributes,
                    }
                    for contact_id, *values, attributes, derived, groups in await fetch_all(
                        self._conn, _READ_CONTACTS, wanted
                    )
                ]

    async def _events(self) -> tuple[int, bool]:
        at = self._at
        begun = UUID(at.after)
        contact, event = (
            (UUID(at.inner.partition(" ")[0]), int(at.inner.partition(" ")[2]))
            if at.inner
            else (_FIRST, 0)
        )
        page, last = await self._scan(_CONTACTS // 10)
        ids = await self._filter(page)
        rows = await fetch_all(
            self._conn,
            _READ_EVENTS,
            {"contacts": ids, "contact": contact, "event": event, "limit": _ROWS},
        )
        if rows:
            await self._write(self._text(_dicts("events", rows)), len(rows))
        if len(rows) == _ROWS:
            at.after, at.inner = str(begun), f"{rows[-1][0]} {rows[-1][-1]}"
            return 0, False
        if page:
            at.after, at.inner = str(page[-1]), ""
        return len(ids), last

    async def _suppressions(self) -> tuple[int, bool]:
        at = self._at
        wanted = {"channel": at.after, "hash": at.inner, "limit": _ROWS}
        rows = await fetch_all(self._conn, _READ_SUPPRESSIONS, wanted)
        if rows:
            await self._write(self._text(_dicts("suppressions", rows)), len(rows))
            at.after, at.inner = rows[-1][:2]
        return len(rows), len(rows) < _ROWS

    def _text(self, rows: Sequence[Mapping[str, Any]]) -> str:
        if self._plan.format == "jsonl":
            return "".join(f"{orjson.dumps(_without_nulls(row)).decode()}\n" for row in rows)
        if self._plan.what != "contacts":
            cells = ([_cell(value) for value in row.values()] for row in rows)
        else:
            cells = (self._contact_cells(row) for row in rows)
        return csv_text(cells, spreadsheet=self._plan.spreadsheet)

    def _contact_cells(self, row: Mapping[str, Any]) -> list[str]:
        attributes = row["attributes"]
        cells = [_cell(row[OWN_ID]), _cell(row[EXTERNAL_ID])]
        for name in FIELD_NAMES:
            value = row[name]
            cells.append("" if value == CONTACT_FIELDS[name].absent else _cell(value))
        cells += [_json(row[each]) if row[each] else "" for each in ("derived", "groups")]
        for attribute, kind in self._at.types.items():
            if attribute not in attributes:
                cells.append("")
            else:
                value = attributes[attribute]
                cells.append(_json(value) if kind == "json" else _cell(value))
        if self._at.rest:
            rest = {name: each for name, each in attributes.items() if name not in self._at.types}
            cells.append(_json(rest) if rest else "")
        return cells

    async def _write(self, text: str, rows: int) -> None:
        data = text.encode()
        await add_chunk(self._conn, self._job_id, self._at.number, data)
        self._at.number += 1
        self._at.size += len(data)
        self._at.rows += rows


def _dicts(what: What, rows: Iterable[Sequence[Any]]) -> list[dict[str, Any]]:
    names = [name.removesuffix(":json") for name in _HEADERS[what]]
    return [dict(zip(names, row, strict=False)) for row in rows]


def _type(kinds: Sequence[str]) -> str:
    """The type of a column whose values have these types."""
    if len(kinds) == 1:
        return {"string": "text", "number": "number", "boolean": "boolean"}.get(kinds[0], "json")
    return "json"


def _column(name: str, kind: str) -> str:
    """The name of the column of an attribute, which an import takes for this attribute alone."""
    suffix = "" if kind == "text" else f":{kind}"
    for header in (f"{name}{suffix}", f"attributes.{name}{suffix}"):
        [mapped] = map_columns([header], "contacts")
        if mapped.target == f"attributes.{name}" and mapped.type == kind:
            return header
    return f"attributes.{name}:{kind}"


def _cell(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat().replace("+00:00", "Z")
    if isinstance(value, dict | list):
        return _json(value)
    return str(value)


def _json(value: Any) -> str:
    return orjson.dumps(value).decode()


def _without_nulls(row: Mapping[str, Any]) -> dict[str, Any]:
    kept = {name: value for name, value in row.items() if value is not None}
    if "attributes" in kept:
        for field_name in FIELD_NAMES:
            if kept.get(field_name) == CONTACT_FIELDS[field_name].absent:
                kept.pop(field_name, None)
        for name in ("derived", "groups"):
            if not kept[name]:
                del kept[name]
    return kept


def csv_text(rows: Iterable[Sequence[str]], *, spreadsheet: bool) -> str:
    """Rows as CSV. For a spreadsheet, no cell begins as a formula does."""
    out = io.StringIO(newline="")
    writer = csv.writer(out, lineterminator="\r\n" if spreadsheet else "\n")
    for row in rows:
        writer.writerow([_harmless(cell) for cell in row] if spreadsheet else row)
    return out.getvalue()


def _harmless(cell: str) -> str:
    if cell.startswith(_FORMULA) and _NUMBER.fullmatch(cell) is None:
        return f"'{cell}"
    return cell
