"""Routes of the versions of documents that are no journeys: history, differences, and return.

Such a document counts as soon as it is saved. So it returns to an earlier version by saving the
text of that as a new one.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from fastapi import APIRouter, Depends
from pydantic import BaseModel, Field

from api.definitions import saving
from api.definitions.documents import PLURALS, Key, SavedBody, save_text
from api.definitions.edition_changes import (
    BeforeVersion,
    VersionInPath,
    WithChanges,
    changes_of,
    check_limit,
)
from api.http.audit import UsedActor
from api.http.bodies import StrictRoute
from api.http.keys import requires
from api.http.paging import Limit, page_of
from api.http.problems import Problem, responses
from api.http.strict_models import LARGEST_INTEGER, StrictBody
from api.http.times import Instant
from api.services import UsedServices
from store.definitions.editions import (
    StoredEdition,
    list_document_editions,
    read_document_edition,
)

router = APIRouter(
    prefix="/v1",
    tags=["documents"],
    route_class=StrictRoute,
    dependencies=[Depends(requires("edit", reading="read"))],
)


class DocumentEditionBody(BaseModel):
    """A version of a document."""

    version: int
    created_at: Instant
    saved_by: str | None
    """The name of the key that saved it; null if it is not known."""
    live: bool
    """Whether it is the newest, which counts."""
    changes: list[str] | None
    """What it changed, in words, if that was asked for; the first twenty."""


class DocumentEditionPage(BaseModel):
    """Versions, newest first."""

    items: list[DocumentEditionBody]
    next: str | None


class DocumentDifference(BaseModel):
    """The changes between two versions of a document."""

    kind: str
    key: str
    before: int
    after: int
    changes: list[saving.Change]


class Restoration(StrictBody):
    """The version to which a document returns."""

    version: int = Field(ge=1, le=LARGEST_INTEGER)


def _add(plural: str, kind: str) -> None:
    async def versions(
        key: Key,
        services: UsedServices,
        cursor: BeforeVersion = LARGEST_INTEGER,
        limit: Limit = 100,
        changes: WithChanges = False,
    ) -> DocumentEditionPage:
        """Versions, newest first, and who saved them."""
        check_limit(limit, changes)
        contents: dict[int, Mapping[str, Any]] = {}
        async with services.pool.connection() as conn:
            newest = await list_document_editions(conn, kind, key, LARGEST_INTEGER, 1)
            if not newest:
                raise _unknown(kind, key)
            found = await list_document_editions(conn, kind, key, cursor, limit + 1)
            for each in found if changes else []:
                stored = await _edition(conn, kind, key, each.version)
                contents[each.version] = stored.document
        words = await changes_of(services, contents)
        page, following = page_of(found, limit, lambda each: str(each.version))
        return DocumentEditionPage(
            items=[
                DocumentEditionBody(
                    version=each.version,
                    created_at=each.created_at,
                    saved_by=each.saved_by,
                    live=each.version == newest[0].version,
                    changes=words.get(each.version, []) if changes else None,
                )
                for each in page
            ],
            next=following,
        )

    async def diff(
        key: Key, before: VersionInPath, after: VersionInPath, services: UsedServices
    ) -> DocumentDifference:
        """The changes from one version to another, which may be an earlier one."""
        async with services.pool.connection() as conn:
            old = await _edition(conn, kind, key, before)
            new = await _edition(conn, kind, key, after)
        size = max(len(old.source), len(new.source))
        changes = await saving.compare(services, old.document, new.document, size)
        return DocumentDifference(kind=kind, key=key, before=before, after=after, changes=changes)

    async def restore(
        key: Key, restoration: Restoration, services: UsedServices, actor: UsedActor
    ) -> SavedBody:
        """Save the text of an earlier version as a new one, which counts at once.

        It is checked as any other text: what it refers to may be gone.
        """
        async with services.pool.connection() as conn:
            stored = await _edition(conn, kind, key, restoration.version)
        saved, warnings = await save_text(services, actor, kind, key, stored.source)
        return SavedBody(key=key, version=saved.version, state="active", warnings=warnings)

    routes: list[tuple[str, str, Callable[..., Awaitable[Any]], Any, str]] = [
        ("GET", "versions", versions, DocumentEditionPage, f"List the versions of a {kind}"),
        (
            "GET",
            "versions/{before}/diff/{after}",
            diff,
            DocumentDifference,
            f"Compare any two versions of a {kind}",
        ),
        ("POST", "restore", restore, SavedBody, f"Return to an earlier version of a {kind}"),
    ]
    for method, path, endpoint, model, summary in routes:
        router.add_api_route(
            f"/{plural}/{{key}}/{path}",
            endpoint,
            methods=[method],
            summary=summary,
            operation_id=f"{endpoint.__name__}_{plural}",
            response_model=model,
            responses=responses(404, 422),
        )


for _plural, _kind in PLURALS.items():
    _add(_plural, _kind)


async def _edition(conn: saving.Conn, kind: str, key: str, version: int) -> StoredEdition:
    found = await read_document_edition(conn, kind, key, version)
    if found is None:
        raise _unknown(kind, key, version)
    return found


def _unknown(kind: str, key: str, version: int | None = None) -> Problem:
    what = f"{kind} {key!r}" if version is None else f"version {version} of {kind} {key!r}"
    return Problem(404, f"unknown_{kind}", f"there is no {what}")
