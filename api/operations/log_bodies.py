"""Items of the log as the API shows them, in its list and in its stream."""

from __future__ import annotations

from datetime import datetime
from difflib import get_close_matches
from typing import Annotated, Any
from uuid import UUID

from fastapi import Query
from pydantic import BaseModel

from api.http.problems import Problem
from api.http.times import Instant
from api.operations.log_sentences import sentence_of
from store.contacts.rows import find_contact
from store.reports.log import WantedLog, keys_named, references_of
from store.reports.log_items import LogItem
from store.reports.log_types import LOG_TYPES, LogType
from store.sql import Connection


class LogBody(BaseModel):
    """One thing that was tracked or done. What does not concern it is null."""

    id: str
    """The same wherever the item is read."""
    at: Instant
    """When it was recorded."""
    type: LogType
    contact: str | None
    """The external id; of a rejected call what it named."""
    journey: str | None
    version: int | None
    run: UUID | None
    visit: int | None
    step: str | None
    message: UUID | None
    event: int | None
    job: UUID | None
    outcome: str | None
    """Of a step or a run that ended."""
    code: str | None
    """Why it was rejected, refused or failed."""
    reason: str | None
    """Of a skip, an end, a repair or an action."""
    key: str | None
    """The name of the key that did it; of a command the account; `engine`, `outside`."""
    rejection: str | None
    """The id by which `POST /v1/events/rejected/{id}/replay` takes it after all."""
    summary: str
    """What happened, in words."""
    details: dict[str, Any]
    """All that is known of it, in the shape of its type."""


class LogFilter:
    """Which items of the log are asked for, as the query says it."""

    def __init__(
        self,
        from_: Annotated[
            Instant | None, Query(alias="from", description="recorded at this time or later")
        ] = None,
        type_: Annotated[
            str | None,
            Query(
                alias="type",
                max_length=300,
                description=f"one, or several with commas: {', '.join(LOG_TYPES)}",
            ),
        ] = None,
        journey: Annotated[str | None, Query(min_length=1, max_length=64)] = None,
        contact: Annotated[str | None, Query(min_length=1, max_length=500)] = None,
        step: Annotated[
            str | None, Query(min_length=1, max_length=64, description="sends and steps of this id")
        ] = None,
        outcome: Annotated[
            str | None,
            Query(
                min_length=1, max_length=64, description="sends and steps that ended so: skipped"
            ),
        ] = None,
        key: Annotated[
            str | None,
            Query(min_length=1, max_length=200, description="a key of the API: its name or its id"),
        ] = None,
    ) -> None:
        self.since = from_
        self.types = frozenset(LOG_TYPES) if type_ is None else _types(type_)
        self.journey = journey
        self.contact = contact
        self.step = step
        self.outcome = outcome
        self.key = key

    async def wanted(self, conn: Connection, until: datetime | None = None) -> WantedLog:
        """The filter as the store takes it, for what was recorded before `until`."""
        contact, references = None, None
        if self.contact is not None:
            contact = await find_contact(conn, self.contact)
            references = {self.contact}
            if contact is not None:
                references |= {str(contact), *await references_of(conn, contact)}
        key_id, keys = None, None
        if self.key is not None:
            try:
                key_id = UUID(self.key)
                keys = [key_id]
            except ValueError:
                keys = await keys_named(conn, self.key)
        return WantedLog(
            types=self.types,
            since=self.since,
            until=until,
            journey=self.journey,
            step=self.step,
            outcome=self.outcome,
            contact=contact,
            references=None if references is None else sorted(references),
            key_id=key_id,
            key_name=self.key if key_id is None else None,
            keys=keys,
        )


def _types(text: str) -> frozenset[LogType]:
    """The types of a query. Raises Problem 422."""
    named = {each.strip() for each in text.split(",")}
    for wrong in sorted(named - set(LOG_TYPES)):
        near = get_close_matches(wrong, LOG_TYPES, 1)
        right = f"did you mean {near[0]!r}?" if near else f"one of {', '.join(LOG_TYPES)}"
        raise Problem(422, "unknown_type", f"type: there is no {wrong[:40]!r}: {right}")
    return frozenset(each for each in LOG_TYPES if each in named)


def log_body(item: LogItem) -> LogBody:
    """The body for an item of the store."""
    about = item.details
    facts = about.get("facts") or {}
    reason = about.get("reason") or facts.get("reason")
    return LogBody(
        id=item.id,
        at=item.at,
        type=item.type,
        contact=item.contact,
        journey=about.get("journey"),
        version=about.get("version"),
        run=about.get("run"),
        visit=about.get("visit"),
        step=about.get("step"),
        message=about.get("message"),
        event=about.get("event"),
        job=about.get("job"),
        outcome=about.get("outcome"),
        code=about.get("code"),
        reason=reason if isinstance(reason, str) else None,
        key=about.get("by"),
        rejection=about.get("rejection"),
        summary=sentence_of(item),
        details={name: value for name, value in about.items() if name not in _SHOWN},
    )


_SHOWN = frozenset(
    {"contact", "journey", "version", "run", "visit", "step", "message", "event", "job", "outcome",
     "code", "rejection", "key_id", "by"}
)  # fmt: skip
