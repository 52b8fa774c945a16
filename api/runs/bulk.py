"""Start of runs of many contacts: a job enters them, or a preview says how many would enter."""

from __future__ import annotations

from time import monotonic
from typing import Annotated, Any, Final, Self
from uuid import UUID

import orjson
from fastapi import APIRouter, Depends, Query
from fastapi.responses import JSONResponse
from pydantic import BaseModel, Field, model_validator

from api.definitions import saving
from api.definitions.documents import Key
from api.events.refusal_words import reason_of
from api.http.audit import UsedActor
from api.http.bodies import StrictRoute
from api.http.keys import requires
from api.http.problems import Problem, responses
from api.http.strict_models import StrictBody
from api.operations.jobs import JobBody, job_body
from api.services import Services, UsedServices
from dispatch.jobs import start_job
from journeys.model.entry_rules import key_of_start
from journeys.model.reasons import REFUSAL_REASONS
from store.contacts.rows import external_ids, find_contacts
from store.definitions.catalog import BrokenDocument, Catalog, Definition
from store.definitions.journeys import read_live
from store.entries.admission import start_condition
from store.entries.bulk_entry import SHOWN, BulkCounts, Entering, preview_entries
from store.entries.bulk_selection import read_selection
from store.operations.audit import record_audit
from store.operations.jobs import create_job, read_job
from store.sql import Connection

router = APIRouter(
    prefix="/v1",
    tags=["runs"],
    route_class=StrictRoute,
    dependencies=[Depends(requires("operate"))],
)

LIST_LIMIT: Final = 10_000
"""Contacts of a list, at most."""
_PAGE: Final = 1_000
_LONGEST: Final = 1.5
"""Seconds after which a preview says what it has found so far."""


class BulkStart(StrictBody):
    """The contacts that enter: a list, or those of a segment, a group or a condition."""

    contacts: list[Annotated[str, Field(min_length=1, max_length=500)]] | None = Field(
        default=None, min_length=1, max_length=LIST_LIMIT
    )
    """External ids, or ids of ours. For more contacts import them into a group first."""
    segment: str | None = Field(default=None, min_length=1, max_length=64)
    group: str | None = Field(default=None, min_length=1, max_length=200)
    if_: dict[str, Any] | None = Field(default=None, alias="if")
    """A condition, as a segment has it."""
    properties: dict[str, Any] = Field(default_factory=dict)
    """What `entry` is in the runs."""
    rate: float | None = Field(default=None, gt=0, le=10_000)
    """Contacts that enter per second; by default 200."""

    @model_validator(mode="after")
    def _one_choice(self) -> Self:
        given = [self.contacts, self.segment, self.group, self.if_]
        if sum(each is not None for each in given) != 1:
            raise ValueError("say one of `contacts`, `segment`, `group` and `if`")
        return self


class BulkPreview(BaseModel):
    """What a start would do now; it does so if nothing changes meanwhile."""

    enter: int
    """Contacts that would enter."""
    refused: dict[str, int]
    """Contacts that would be refused, by code."""
    reasons: dict[str, str]
    """These codes in words."""
    unknown: int
    """Contacts of the list that do not exist."""
    sample: list[str]
    """The first 100 of those that would enter."""


@router.post(
    "/journeys/{key}/runs/bulk",
    status_code=202,
    summary="Start runs of many contacts",
    response_model=JobBody,
    responses={
        **responses(404, 409, 422),
        200: {"model": BulkPreview, "description": "With `preview=true`: what a start would do"},
        202: {"model": JobBody, "description": "The job, or the one that previews many contacts"},
    },
)
async def start_many(
    key: Key,
    start: BulkStart,
    services: UsedServices,
    actor: UsedActor,
    preview: Annotated[
        bool, Query(description="Begin nothing, and say how many contacts would enter.")
    ] = False,
) -> Any:
    """Start a job that enters the contacts in the order of their ids, each once.

    The rules are those of a start of one run; refused entries are counted by code in the job's
    `result`, where unknown contacts of a list are listed as well. A job rests while the journey is
    paused, and ends when it is archived. A preview of many contacts is a job too, which begins
    nothing: its `result` is the preview.
    """
    async with services.pool.connection() as conn:
        definition = await _definition(conn, services, key)
        if key_of_start(definition.journey, start.properties) is None:
            raise Problem(409, "no_key", REFUSAL_REASONS["no_key"])
        plan, unknown, name = await _plan(conn, services, start)
        if preview:
            found = await _preview(conn, definition, start, plan, len(unknown))
            if found is not None:
                return JSONResponse(found.model_dump(mode="json"))
        async with conn.transaction():
            selection = await read_selection(conn, plan, timezone=definition.journey.timezone)
            counts = {"refused": {}, "unknown": len(unknown)}
            job_id = await create_job(
                conn,
                "enter",
                key,
                subject=f"preview of {name}" if preview else name,
                plan={
                    "contacts": plan,
                    "properties": start.properties,
                    "rate": start.rate,
                    "preview": preview,
                },
                total=await selection.count(conn),
                result={"enter": 0, **counts, "sample": []}
                if preview
                else {"entered": 0, **counts, "unknown_contacts": unknown[:SHOWN]},
            )
            if not preview:
                after = {"job": job_id, "contacts": name}
                await record_audit(conn, actor, "journey.enter", f"journey:{key}", after=after)
        await start_job(conn, services.temporal, job_id)
        job = await read_job(conn, job_id)
    assert job is not None
    return job_body(job)


async def _definition(conn: Connection, services: Services, key: str) -> Definition:
    live = await read_live(conn, key)
    if live is None:
        raise Problem(404, "unknown_journey", f"there is no journey {key!r}")
    if live.state != "active":
        raise Problem(409, live.state, REFUSAL_REASONS[live.state])
    try:
        return await services.catalog.definition(conn, key, live.version)
    except BrokenDocument:
        raise Problem(409, "broken", REFUSAL_REASONS["broken"]) from None


async def _plan(
    conn: Connection, services: Services, start: BulkStart
) -> tuple[dict[str, Any], list[str], str]:
    """Which contacts are meant, those of a list that do not exist, and a name for all."""
    if start.contacts is not None:
        found = await find_contacts(conn, start.contacts)
        unknown = [each for each in dict.fromkeys(start.contacts) if each not in found]
        ids = sorted(set(found.values()))
        return {"contacts": [str(each) for each in ids]}, unknown, f"a list of {len(ids)}"
    if start.segment is not None:
        try:
            await read_selection(conn, {"segment": start.segment}, timezone=None)
        except LookupError:
            raise Problem(
                404, "unknown_segment", f"there is no segment {start.segment!r}"
            ) from None
        return {"segment": start.segment}, [], f"segment {start.segment}"
    if start.group is not None:
        return {"group": start.group}, [], f"group {start.group}"
    condition = {"segment": "of-a-bulk-start", "if": start.if_}
    source = orjson.dumps(condition).decode()
    await saving.prepare_documents(services, [("if", source)])
    return {"if": start.if_}, [], "a condition"


async def _preview(
    conn: Connection,
    definition: Definition,
    start: BulkStart,
    plan: dict[str, Any],
    unknown: int,
) -> BulkPreview | None:
    """The preview; None if it takes longer than a request may."""
    begun = monotonic()
    selection = await read_selection(conn, plan, timezone=definition.journey.timezone)
    entering = Entering(
        Catalog(),
        definition,
        key_of_start(definition.journey, start.properties),
        start.properties,
        start_condition(definition),
        selection.predicate,
    )
    counts = BulkCounts()
    sample: list[UUID] = []
    after: UUID | None = None
    while monotonic() - begun < _LONGEST:
        page = await selection.page(conn, after, _PAGE)
        if page.after is None:
            return BulkPreview(
                enter=counts.entered,
                refused=dict(counts.refused),
                reasons={code: reason_of(code) for code in counts.refused},
                unknown=unknown,
                sample=await external_ids(conn, sample),
            )
        entered, found = await preview_entries(conn, entering, page.contacts)
        counts.add(found)
        sample += entered[: SHOWN - len(sample)]
        after = page.after
    return None
