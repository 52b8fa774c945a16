"""Documents of requests: prepared with the server's documents, and saved."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Final, Literal, TypeVar
from uuid import UUID

from psycopg import AsyncConnection
from pydantic import BaseModel

from api.definitions.attachments import fetch_files, keep_files
from api.definitions.preparation import Preparation, Prepared, Source, prepared
from api.http import problems
from api.services import Services
from api.versions.in_flight import start_jobs
from journeys.checks.references import KnownKeys, segments_in
from journeys.checks.template_set import TemplateSet
from journeys.model.documents import Template
from journeys.model.problems import Problem
from journeys.model.segment_dependencies import LargeSegment
from journeys.source.parsing import Parsed
from store.definitions.catalog import Definition
from store.definitions.contents import (
    read_related_templates,
    save_template_contents,
    save_template_uses,
)
from store.definitions.documents import (
    Saved,
    forms_and_topics,
    hash_content,
    known_keys,
    lock_catalog,
    read_document,
    save_document,
)
from store.definitions.drafts import delete_saved_draft
from store.definitions.journeys import save_version
from store.operations.audit import Actor, record_audit
from store.operations.audit_actions import ACTIONS, ActionName
from store.segments.generations import begin_generations
from store.segments.segment_conditions import read_segments

Conn = AsyncConnection[Any]
Written = TypeVar("Written")

_SHOWN = 200
"""The most errors of one answer."""
_ATTEMPTS = 3

_MAY_HOLD_SEGMENT = re.compile(rb"segment|\\[ux]")
"""An escape may be a letter of the word."""
_MAY_BE_ESCAPED = re.compile(r"\\[ux]")
"""An escape may be a letter of a key."""

_SAVES: Final[Mapping[str, ActionName]] = {
    ACTIONS[action].subject: action for action in ACTIONS if action.endswith(".save")
}
"""The action of the audit log that saves a document, by its kind."""

DocumentChange = Literal["created", "updated", "unchanged"]
"""What applying a document does to the stored one."""


class DocumentProblem(BaseModel):
    """A problem of a document: its place, its message, and a hint."""

    file: str
    line: int
    column: int
    step: str | None
    path: list[str | int]
    code: str
    severity: str
    message: str
    hint: str | None
    text: str
    """The whole problem in one line."""

    @classmethod
    def of(cls, problem: Problem) -> DocumentProblem:
        """The body of a problem of the language."""
        return cls(
            file=problem.file,
            line=problem.line,
            column=problem.column,
            step=problem.step,
            path=list(problem.path),
            code=problem.code,
            severity=problem.severity,
            message=problem.message,
            hint=problem.hint,
            text=str(problem),
        )


class Change(BaseModel):
    """A change, as a sentence."""

    sentence: str
    lines: str | None
    """A unified diff of a text that changes; null for other changes."""


async def changes(services: Services, before: Mapping[str, Any], now: Prepared) -> list[Change]:
    """The changes from a content of a document to its new one, in the order of the document."""
    if before == now.content:
        return []
    return await compare(services, before, now.content, len(now.source))


async def compare(
    services: Services, before: Mapping[str, Any], now: Mapping[str, Any], size: int
) -> list[Change]:
    """The changes between two contents; `size` is about that of the larger one, in characters."""
    found = await services.checker.changes(before, now, size)
    return [Change(sentence=sentence, lines=lines) for sentence, lines in found]


def refuse(found: Sequence[Problem], code: str = "invalid_document") -> problems.Problem:
    """A Problem 422 that lists the errors, the first 200 of them."""
    shown = found[:_SHOWN]
    lines = [*map(str, shown)]
    if len(found) > _SHOWN:
        lines.append(f"and {len(found) - _SHOWN} more")
    return problems.Problem(
        422,
        code,
        "\n".join(lines),
        errors=[DocumentProblem.of(problem).model_dump() for problem in shown],
    )


async def write_documents(
    services: Services,
    sources: Sequence[Source],
    write: Callable[[Conn, list[Prepared]], Awaitable[Written]],
    *,
    only: tuple[str, str] | None = None,
) -> Written:
    """Prepare documents, and write them in a transaction in which the catalog is locked.

    `only` is the kind and key of the one document that is expected.

    They are prepared before the lock, as that may take seconds. If the keys that they may refer to
    change meanwhile, they are prepared again. Raises Problem 422 with all errors, or 503.
    """
    for _ in range(_ATTEMPTS):
        preparation, known = await prepare_documents(services, sources, only)
        contents = [document.content for document in preparation.documents]
        fetched = await fetch_files(services, contents)
        async with services.pool.connection() as conn:
            async with conn.transaction():
                await lock_catalog(conn)
                if await known_on_server(services, conn, sources) != known:
                    continue
                await keep_files(conn, fetched)
                for key, compiled in preparation.recompiled.items():
                    await save_template_contents(conn, key, compiled)
                refilled = await _of_segments(conn, preparation.documents)
                written = await write(conn, preparation.documents)
                jobs = await refilled.begin(conn)
            await start_jobs(conn, services.temporal, jobs)
        return written
    raise problems.Problem(
        503,
        "contended",
        "other documents change at this moment: try again",
        headers={"Retry-After": "1"},
    )


@dataclass(frozen=True)
class _OfSegments:
    """What saving documents changes for segments."""

    concerned: bool
    """Whether there are documents that segments may depend on."""
    topics: frozenset[str]
    """Topics with another default."""
    places: frozenset[str]
    """Lists of places that are no longer the same."""

    segments: frozenset[str]
    """The segments that are saved."""

    async def begin(self, conn: Conn) -> list[UUID]:
        """Begin the generations of segments, once the documents are saved; the jobs.

        Raises Problem 422 if one is too large now, with those inside it.
        """
        if not self.concerned:
            return []
        try:
            return await begin_generations(
                conn, topics=self.topics, places=self.places, saved=self.segments
            )
        except LargeSegment as error:
            raise problems.Problem(422, "invalid_document", str(error)) from None


async def _of_segments(conn: Conn, documents: Sequence[Prepared]) -> _OfSegments:
    concerned = [each for each in documents if each.kind in ("segment", "topic", "places")]
    changed: dict[str, set[str]] = {"topic": set(), "places": set()}
    for document in concerned:
        field = {"topic": "default", "places": "list"}.get(document.kind)
        if field is not None:
            stored = await read_document(conn, document.kind, document.key)
            before = None if stored is None else stored.document.get(field)
            if before != document.content.get(field):
                changed[document.kind].add(document.key)
    return _OfSegments(
        bool(concerned),
        frozenset(changed["topic"]),
        frozenset(changed["places"]),
        frozenset(each.key for each in concerned if each.kind == "segment"),
    )


async def prepare_documents(
    services: Services,
    sources: Sequence[Source],
    only: tuple[str, str] | None = None,
) -> tuple[Preparation, KnownKeys]:
    """Documents that have no errors, and the keys with which they were checked.

    Raises Problem 422 with all errors of all texts.
    """
    async with services.pool.connection() as conn:
        known = await known_on_server(services, conn, sources)
    preparation = await services.checker.prepare(sources, known, only)
    if preparation.refusal is not None:
        raise problems.Problem(422, "invalid_document", preparation.refusal)
    if preparation.errors:
        raise refuse(preparation.errors)
    return preparation, known


async def known_on_server(services: Services, conn: Conn, sources: Sequence[Source]) -> KnownKeys:
    """The keys of the server's documents."""
    keys = {kind: frozenset(found) for kind, found in (await known_keys(conn)).items()}
    none: frozenset[str] = frozenset()
    forms, topics = await forms_and_topics(conn)
    return KnownKeys(
        topics=keys.get("topic", none),
        segments=keys.get("segment", none),
        templates=keys.get("template", none),
        places=keys.get("places", none),
        journeys=keys.get("journey", none),
        pools=keys.get("pool", none),
        files=keys.get("file", none),
        attachment_sources=services.remote_files.sources,
        providers=services.providers,
        brands=keys.get("brand", none),
        topic_defaults=topics,
        form_topics=forms,
        within_segments=await _within_segments(conn, sources),
        template_documents=await _templates(conn, sources, keys.get("template", none)),
        keep_events=services.keep.get("events"),
        replies=services.replies,
    )


async def _within_segments(conn: Conn, sources: Sequence[Source]) -> dict[str, frozenset[str]]:
    """The segments that each segment of the server names.

    Empty if no text may hold a segment: only a new segment can close a circle.
    """
    if not any(
        _MAY_HOLD_SEGMENT.search(
            text if isinstance(text, bytes) else text.encode("utf-8", "replace")
        )
        for _, text in sources
    ):
        return {}
    conditions = (await read_segments(conn)).conditions
    return {key: segments_in(condition) for key, condition in conditions.items()}


async def _templates(
    conn: Conn, sources: Sequence[Source], keys: Iterable[str]
) -> dict[str, Template]:
    """The templates of the server whose keys stand in the texts, with those around them."""
    if not keys:
        return {}
    texts = [
        text if isinstance(text, str) else text.decode("utf-8", "replace") for _, text in sources
    ]
    escaped = any(_MAY_BE_ESCAPED.search(text) for text in texts)
    named = {key for key in keys if escaped or any(key in text for text in texts)}
    found: dict[str, Template] = {}
    for key, document in (await read_related_templates(conn, named)).items():
        with suppress(ValueError):
            found[key] = Template.model_validate(document)
    return found


async def save(conn: Conn, parsed: Parsed, templates: TemplateSet) -> Saved:
    """Save a document that was checked. The caller has locked the catalog."""
    return await _save(conn, prepared(parsed, templates), None)


async def store(conn: Conn, document: Prepared, actor: Actor) -> Saved:
    """Save a document that was prepared, and delete the draft of the same text.

    The caller has locked the catalog.
    """
    saved = await _save(conn, document, actor.name)
    await delete_saved_draft(conn, document.kind, document.key, document.source)
    if saved.rewritten:
        await record_audit(
            conn,
            actor,
            _SAVES[document.kind],
            f"{document.kind}:{document.key}",
            after={"version": saved.version, "text": "comments and layout alone"},
        )
    if saved.changed:
        await record_audit(
            conn,
            actor,
            _SAVES[document.kind],
            f"{document.kind}:{document.key}",
            before=None if saved.version == 1 else {"version": saved.version - 1},
            after={"version": saved.version, "sha256": hash_content(document.content)},
        )
    return saved


async def _save(conn: Conn, document: Prepared, by: str | None) -> Saved:
    if document.program is not None:
        return await save_version(
            conn,
            document.key,
            document.content,
            document.program,
            document.source,
            document.contents,
            by=by,
        )
    saved = await save_document(
        conn, document.kind, document.key, document.content, document.source, by=by
    )
    if document.kind == "template":
        await save_template_contents(conn, document.key, document.contents)
        await save_template_uses(conn, Template.model_validate(document.content))
    return saved


async def definition_of(journey: Prepared, version: int) -> Definition:
    """A version that may never be committed, so the catalog must not cache it."""
    assert journey.program is not None
    return await asyncio.to_thread(
        Definition.load, journey.key, version, journey.content, journey.program
    )
