"""Routes of drafts: the console's working copies of documents, and who edits them now."""

from __future__ import annotations

import re
from typing import Annotated, Any, Final, get_args

from fastapi import APIRouter, Depends, Header, Path, Response
from pydantic import BaseModel, Field

from api.http.audit import UsedActor
from api.http.bodies import LargeRoute
from api.http.keys import UsedKey, requires
from api.http.paging import Limit, page_of, unknown_cursor
from api.http.problems import Problem, responses
from api.http.strict_models import LARGEST_INTEGER, StrictBody
from api.http.times import Instant
from api.services import UsedServices
from journeys.model.documents import DocumentKind
from journeys.model.values import KEY_PATTERN
from journeys.source.yaml_reader import LONGEST_TEXT
from store.definitions.drafts import (
    MOST_DRAFTS,
    NO_REVISION,
    Draft,
    DraftChanged,
    DraftRow,
    TooManyDrafts,
    delete_draft,
    editors_of,
    forget_editor,
    list_drafts,
    note_editor,
    read_draft,
    save_draft,
    saved_version,
)
from store.sql import Connection

router = APIRouter(
    prefix="/v1/drafts",
    tags=["console"],
    route_class=LargeRoute,
    dependencies=[Depends(requires("edit", reading="read"))],
)

Key = Annotated[str, Path(min_length=1, max_length=64, pattern=KEY_PATTERN, examples=["welcome"])]
IfMatch = Annotated[
    str | None,
    Header(
        max_length=40,
        description='the `revision` that is replaced, as `"17"`; `"0"` if there is no draft',
    ),
]
_REVISION: Final = re.compile(r'(?:W/)?"?(\d{1,18})"?', re.ASCII)
_KINDS: Final[tuple[DocumentKind, ...]] = get_args(DocumentKind)


class DraftText(StrictBody):
    """A working copy."""

    text: str = Field(max_length=LONGEST_TEXT)
    """It may be unfinished."""
    base_version: int | None = Field(default=None, ge=1, le=LARGEST_INTEGER)
    """The version that it was begun from; null if the document was never saved."""


class DraftSummary(BaseModel):
    """A draft without its text."""

    kind: DocumentKind
    key: str
    base_version: int | None
    revision: int
    """Of this text: no other text of a draft has it. It is the ETag as well."""
    saved_by: str
    """The name of the key that saved it last."""
    saved_at: Instant
    newest_version: int | None
    """Of the document; another one than `base_version` if it was saved since."""


class DraftBody(DraftSummary):
    """A draft."""

    text: str


class DraftPage(BaseModel):
    """Drafts by kind and key."""

    items: list[DraftSummary]
    next: str | None


class Presence(StrictBody):
    """A page that edits a document."""

    editor: str = Field(pattern=r"^[A-Za-z0-9_-]{8,64}$")
    """An id that the page has chosen."""
    leaving: bool = False
    """Whether it no longer edits it."""


class EditorBody(BaseModel):
    """A page in which a document is edited now."""

    editor: str
    name: str
    """The name of its key."""
    since: Instant


class EditedDocument(BaseModel):
    """Who edits a document, and what there is of it."""

    editors: list[EditorBody]
    """The pages that said so in the last 30 seconds, the first one first; 50 at most."""
    draft: DraftSummary | None
    version: int | None
    """The newest one; null if the document was never saved."""


@router.get("", summary="List drafts", responses=responses())
async def get_drafts(
    services: UsedServices,
    kind: DocumentKind | None = None,
    cursor: str = "",
    limit: Limit = 100,
) -> DraftPage:
    """The working copies of documents, of all kinds or of one, without their texts."""
    after = ("", "")
    if cursor:
        before, slash, key = cursor.partition("/")
        if before not in _KINDS or not slash:
            raise unknown_cursor(cursor)
        after = (before, key)
    async with services.pool.connection() as conn:
        rows = await list_drafts(conn, kind, after, limit + 1)
    page, following = page_of(rows, limit, lambda row: f"{row.kind}/{row.key}")
    return DraftPage(items=[_summary(row) for row in page], next=following)


@router.get("/{kind}/{key}", summary="Read a draft", responses=responses(404))
async def get_draft(
    kind: DocumentKind, key: Key, response: Response, services: UsedServices
) -> DraftBody:
    """The working copy of a document."""
    async with services.pool.connection() as conn:
        draft = await read_draft(conn, kind, key)
    if draft is None:
        raise _unknown(kind, key)
    response.headers["ETag"] = f'"{draft.revision}"'
    return _body(draft)


@router.put("/{kind}/{key}", summary="Save a draft", responses=responses(404, 409, 412, 428))
async def put_draft(
    kind: DocumentKind,
    key: Key,
    draft: DraftText,
    response: Response,
    services: UsedServices,
    actor: UsedActor,
    if_match: IfMatch = None,
) -> DraftBody:
    """Keep a working copy of a document, which need not be valid. It is no version: nothing runs
    by it. It goes when the same text is saved as the document.

    412 `draft_changed` if another page has saved it since: the answer has that draft in `draft`,
    null if it was deleted or published meanwhile, and the newest `version`.
    """
    replaced = _revision(if_match)
    async with services.pool.connection() as conn:
        try:
            async with conn.transaction():
                saved = await save_draft(
                    conn,
                    kind,
                    key,
                    draft.text,
                    base=draft.base_version,
                    replaced=replaced,
                    by=actor.name,
                )
        except DraftChanged as changed:
            raise await _changed(conn, kind, key, changed) from None
        except TooManyDrafts:
            raise Problem(
                409,
                "too_many_drafts",
                f"there are {MOST_DRAFTS:,} drafts: publish or delete some of them",
            ) from None
    response.headers["ETag"] = f'"{saved.revision}"'
    return _body(saved)


@router.delete(
    "/{kind}/{key}",
    status_code=204,
    summary="Delete a draft",
    responses=responses(404, 412, 428),
)
async def remove_draft(
    kind: DocumentKind, key: Key, services: UsedServices, if_match: IfMatch = None
) -> Response:
    """Delete the working copy of a document; the document stays as it is."""
    replaced = _revision(if_match)
    async with services.pool.connection() as conn:
        try:
            async with conn.transaction():
                deleted = await delete_draft(conn, kind, key, replaced=replaced)
        except DraftChanged as changed:
            raise await _changed(conn, kind, key, changed) from None
    if not deleted:
        raise _unknown(kind, key)
    return Response(status_code=204)


@router.post("/{kind}/{key}/presence", summary="Say who edits a document", responses=responses(404))
async def post_presence(
    kind: DocumentKind, key: Key, presence: Presence, services: UsedServices, used: UsedKey
) -> EditedDocument:
    """Say that a page edits a document, and read which others do. It is forgotten after 30 seconds,
    so it is said again before; the document may have no draft, and need not be saved yet."""
    async with services.pool.connection() as conn:
        async with conn.transaction():
            if presence.leaving:
                await forget_editor(conn, kind, key, presence.editor)
            else:
                await note_editor(conn, kind, key, presence.editor, used.name)
        editors = await editors_of(conn, kind, key)
        draft = await read_draft(conn, kind, key)
        version = await saved_version(conn, kind, key)
    return EditedDocument(
        editors=[
            EditorBody(editor=each.editor, name=each.name, since=each.since) for each in editors
        ],
        draft=None if draft is None else _summary(draft),
        version=version,
    )


def _revision(if_match: str | None) -> int:
    if if_match is None:
        raise Problem(
            428,
            "revision_needed",
            'say in If-Match which revision this replaces, as "17"; "0" if there is no draft',
        )
    found = _REVISION.fullmatch(if_match.strip())
    if found is None:
        raise Problem(400, "invalid_revision", 'If-Match is a revision such as "17", or "0"')
    return int(found[1])


async def _changed(conn: Connection, kind: str, key: str, changed: DraftChanged) -> Problem:
    draft = changed.draft
    version = await saved_version(conn, kind, key)
    if draft is None:
        message = 'the draft was deleted or published meanwhile: save it with If-Match "0"'
        shown: Any = None
    else:
        message = f"{draft.saved_by} has saved this draft since: look at both texts"
        shown = _body(draft).model_dump(mode="json")
    headers = {"ETag": f'"{NO_REVISION if draft is None else draft.revision}"'}
    return Problem(412, "draft_changed", message, headers=headers, draft=shown, version=version)


def _unknown(kind: str, key: str) -> Problem:
    return Problem(404, "unknown_draft", f"there is no draft of the {kind} {key!r}")


def _summary(row: DraftRow) -> DraftSummary:
    return DraftSummary(
        kind=_kind(row.kind),
        key=row.key,
        base_version=row.base_version,
        revision=row.revision,
        saved_by=row.saved_by,
        saved_at=row.saved_at,
        newest_version=row.newest_version,
    )


def _body(draft: Draft) -> DraftBody:
    return DraftBody(**_summary(draft).model_dump(), text=draft.text)


def _kind(text: str) -> DocumentKind:
    return next(kind for kind in _KINDS if kind == text)
