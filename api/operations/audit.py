"""Routes of the audit log: who changed what, as pages and as a file."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from difflib import get_close_matches
from typing import Annotated, Any, Final, Literal, get_args
from uuid import UUID

from fastapi import APIRouter, Depends, Query
from fastapi.responses import StreamingResponse
from pydantic import BaseModel

from api.http.bodies import StrictRoute
from api.http.keys import requires
from api.http.paging import Cursor, Limit, page_of, unknown_cursor
from api.http.problems import Problem, responses
from api.http.times import Instant
from api.operations.audit_sentences import sentence
from api.services import Services, UsedServices
from store.contacts.audit_subjects import KIND as CONTACT
from store.contacts.audit_subjects import audit_subjects_of
from store.contacts.erasure import digest_of_id
from store.imports.exports import csv_text
from store.operations.api_keys import Scope
from store.operations.audit import Via
from store.operations.audit_actions import ACTIONS, SubjectKind
from store.operations.audit_listing import AuditEntry, Place, WantedAudit, list_audit
from store.sql import Connection

router = APIRouter(
    prefix="/v1/audit",
    tags=["operations"],
    route_class=StrictRoute,
    dependencies=[Depends(requires("read"))],
)

ExportFormat = Literal["csv", "jsonl"]
_PAGE: Final = 1_000
"""Rows of one statement of an export."""
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_KINDS: Final[tuple[str, ...]] = get_args(SubjectKind)
_TYPES: Final[dict[ExportFormat, str]] = {"csv": "text/csv", "jsonl": "application/x-ndjson"}
_LONGEST: Final = 500


class AuditBody(BaseModel):
    """A change: who made it, by which way, and what it was."""

    id: int
    at: Instant
    actor: str
    """The name of the key; of a command the account of the system; `engine`."""
    key: UUID | None
    """The id of the key; null of a command and of the engine."""
    scope: Scope | None
    via: Via
    action: str
    """`noun.verb`."""
    subject: str
    """`kind:key`. Of a contact our own id, and once it is erased a hash of it."""
    journey: str | None
    """The journey that the change is about, if there is one."""
    sentence: str
    """The change in words."""
    before: dict[str, Any] | None
    """Versions, states and names of fields; no value of a contact."""
    after: dict[str, Any] | None
    reason: str | None
    """What the caller gave as the reason."""
    request_id: str | None
    """The `X-Request-Id` of the answer."""


class AuditPage(BaseModel):
    """Changes, the newest first."""

    items: list[AuditBody]
    next: str | None


class AuditFilter:
    """Which changes are asked for, as the query says it."""

    def __init__(
        self,
        from_: Annotated[Instant | None, Query(alias="from")] = None,
        to: Annotated[Instant | None, Query()] = None,
        actor: Annotated[
            str | None,
            Query(min_length=1, max_length=200, description="the name of a key, or its id"),
        ] = None,
        action: Annotated[
            str | None,
            Query(max_length=100, description="an action, or the noun of several: `journey`"),
        ] = None,
        subject: Annotated[
            str | None,
            Query(max_length=_LONGEST, description="`kind:key`, or the kind alone"),
        ] = None,
        journey: Annotated[str | None, Query(max_length=64)] = None,
    ) -> None:
        self.since = from_
        self.until = to
        self.actor = actor
        self.action = action
        self.journey = journey
        self.kind, _, self.subject = (subject or "").partition(":")
        self._check()

    def _check(self) -> None:
        nouns = {name.partition(".")[0] for name in ACTIONS}
        if self.action is not None and self.action not in ACTIONS and self.action not in nouns:
            near = get_close_matches(self.action, [*ACTIONS, *nouns], 1)
            right = f"did you mean {near[0]!r}?" if near else f"of {', '.join(sorted(nouns))}"
            raise Problem(422, "unknown_action", f"action: there is no {self.action!r}: {right}")
        if self.kind and self.kind not in _KINDS:
            raise Problem(
                422,
                "unknown_subject",
                f"subject: is `kind:key`, and the kind is one of {', '.join(_KINDS)}",
            )

    async def wanted(self, conn: Connection) -> WantedAudit:
        """The filter as the store takes it."""
        subjects = [self.subject] if self.subject else None
        if self.kind == CONTACT and self.subject:
            subjects = await audit_subjects_of(conn, self.subject, digest_of_id(self.subject))
        key_id = None
        if self.actor is not None:
            try:
                key_id = UUID(self.actor)
            except ValueError:
                key_id = None
        exact = self.action if self.action in ACTIONS else None
        several = None
        if self.action is not None and exact is None:
            several = [name for name in ACTIONS if name.partition(".")[0] == self.action]
        return WantedAudit(
            since=self.since,
            until=self.until,
            actor=self.actor if key_id is None else None,
            key_id=key_id,
            action=exact,
            actions=several,
            subject_kind=self.kind or None,
            subjects=subjects,
            journey=self.journey,
        )


UsedFilter = Annotated[AuditFilter, Depends()]


@router.get("", summary="List changes, the newest first", responses=responses(400, 422))
async def get_audit(
    services: UsedServices, wanted: UsedFilter, cursor: Cursor = "", limit: Limit = 50
) -> AuditPage:
    """Who changed what: each change that was made by the API, by a command or by the engine."""
    before = _place(cursor) if cursor else None
    async with services.pool.connection() as conn:
        found = await list_audit(conn, await wanted.wanted(conn), before, limit + 1)
    page, following = page_of(found, limit, _cursor)
    return AuditPage(items=[audit_body(each) for each in page], next=following)


_FILES: Final[dict[int | str, dict[str, Any]]] = {
    200: {
        "content": {
            "text/csv": {"schema": {"type": "string"}},
            "application/x-ndjson": {"schema": {"type": "string"}},
        },
        "description": "The file",
    }
}


@router.get(
    "/export",
    summary="Export changes, the newest first",
    response_class=StreamingResponse,
    responses={**_FILES, **responses(422)},
)
async def export_audit(
    services: UsedServices,
    wanted: UsedFilter,
    format_: Annotated[ExportFormat, Query(alias="format")] = "csv",
) -> StreamingResponse:
    """All changes that the filter finds, as CSV or JSON Lines, sent while they are read."""
    async with services.pool.connection() as conn:
        asked = await wanted.wanted(conn)
    headers = {
        "Content-Disposition": f'attachment; filename="audit.{format_}"',
        "Cache-Control": "no-store",
    }
    return StreamingResponse(
        _export(services, asked, format_),
        media_type=f"{_TYPES[format_]}; charset=utf-8",
        headers=headers,
    )


async def _export(
    services: Services, wanted: WantedAudit, format_: ExportFormat
) -> AsyncIterator[str]:
    names = list(AuditBody.model_fields)
    if format_ == "csv":
        yield csv_text([names], spreadsheet=True)
    before: Place | None = None
    while True:
        # A connection for each page: a slow reader must not keep one.
        async with services.pool.connection() as conn:
            found = await list_audit(conn, wanted, before, _PAGE)
        rows = [audit_body(each).model_dump(mode="json") for each in found]
        if format_ == "csv":
            # No cell is a formula to a spreadsheet: names and reasons are free texts.
            yield csv_text(([_cell(row[name]) for name in names] for row in rows), spreadsheet=True)
        else:
            yield "".join(f"{json.dumps(row, ensure_ascii=False)}\n" for row in rows)
        if len(found) < _PAGE:
            return
        before = found[-1].at, found[-1].id


def _cell(value: Any) -> str:
    if value is None:
        return ""
    return json.dumps(value, ensure_ascii=False) if isinstance(value, dict) else str(value)


def audit_body(entry: AuditEntry) -> AuditBody:
    """The body for a change of the store."""
    return AuditBody(
        id=entry.id,
        at=entry.at,
        actor=entry.actor,
        key=entry.key_id,
        scope=entry.scope,
        via=entry.via,
        action=entry.action,
        subject=f"{entry.subject_kind}:{entry.subject}",
        journey=entry.journey,
        sentence=sentence(entry),
        before=entry.before,
        after=entry.after,
        reason=entry.reason,
        request_id=entry.request_id,
    )


def _cursor(entry: AuditEntry) -> str:
    return f"{(entry.at - _EPOCH) // timedelta(microseconds=1)}.{entry.id}"


def _place(cursor: str) -> Place:
    """The place that a cursor names. Raises Problem 400."""
    at, dot, id_ = cursor.partition(".")
    if not dot or not (at + id_).isascii() or not at.isdecimal() or not id_.isdecimal():
        raise unknown_cursor(cursor)
    try:
        place = _EPOCH + timedelta(microseconds=int(at)), int(id_)
    except OverflowError:
        raise unknown_cursor(cursor) from None
    if place[1] >= 2**63:
        raise unknown_cursor(cursor)
    return place
