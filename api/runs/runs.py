"""Routes of runs: start, send an event to one, list and show."""

from __future__ import annotations

from typing import Annotated, Any, Literal
from uuid import UUID

from fastapi import APIRouter, Depends, Path, Query, Response
from fastapi.responses import JSONResponse
from pydantic import BaseModel, Field

from api.definitions.documents import Key
from api.http.audit import UsedActor
from api.http.bodies import StrictRoute
from api.http.keys import UsedKey, requires
from api.http.paging import Limit
from api.http.problems import RETRY_AFTER, Problem, responses
from api.http.strict_models import StrictBody
from api.runs.bodies import RunDetail, RunPage, run_detail, run_page
from api.runs.start import start_by_api
from api.services import UsedServices
from dispatch.temporal import TemporalAway
from journeys.protocol.deferrals import DeferralReason
from store.contacts.rows import parse_reference
from store.events.run_events import RunEnded, record_run_event
from store.reports.run_listing import BadCursor, list_runs, show_run
from store.tables.runs import RunState

router = APIRouter(
    prefix="/v1",
    tags=["runs"],
    route_class=StrictRoute,
    dependencies=[Depends(requires("operate", reading="read"))],
)

RunId = Annotated[str, Path(max_length=64)]
Properties = Annotated[dict[str, Any], Field(default_factory=dict)]


class RunStart(StrictBody):
    """The contact that enters, and the properties of the entry."""

    contact: str = Field(min_length=1, max_length=500)
    properties: Properties
    idempotency_key: str | None = Field(default=None, min_length=1, max_length=200)
    """A repeated key gives the first answer."""


class RunStarted(BaseModel):
    """The run, and its workflow in Temporal."""

    id: UUID
    workflow_id: str


class RunEvent(StrictBody):
    """An event of the run's contact that this run alone sees."""

    event: str = Field(min_length=1, max_length=200)
    properties: Properties
    messageId: str | None = Field(default=None, min_length=1, max_length=100)  # noqa: N815


class RunEventTaken(BaseModel):
    """The event is stored."""

    success: bool = True


@router.get("/runs", summary="List runs", response_model=RunPage, responses=responses(422))
async def get_runs(
    services: UsedServices,
    contact: Annotated[str | None, Query(max_length=500)] = None,
    journey: Annotated[str | None, Query(max_length=64)] = None,
    state: RunState | None = None,
    step: Annotated[str | None, Query(max_length=64)] = None,
    prefix: Annotated[
        str | None,
        Query(
            min_length=4,
            max_length=36,
            pattern="^[0-9a-fA-F-]+$",
            description="How the id of the run begins.",
        ),
    ] = None,
    held: Annotated[
        DeferralReason | None,
        Query(description="Why the send is deferred at which they stand."),
    ] = None,
    code: Annotated[
        str | None,
        Query(
            min_length=1,
            max_length=100,
            description="Why the last attempt at their deferred send did not succeed.",
        ),
    ] = None,
    goal: Annotated[
        Literal["met"] | None,
        Query(
            description="Those that met their goal; needs `journey`. `step` is then the step at"
            " which they stood, or had ended."
        ),
    ] = None,
    reached: Annotated[
        str | None,
        Query(max_length=64, description="A step that they have come to; needs `journey`."),
    ] = None,
    took: Annotated[
        str | None,
        Query(
            max_length=64,
            description="The outcome of a visit at `reached`, such as the way that was taken.",
        ),
    ] = None,
    cursor: Annotated[str | None, Query(max_length=64)] = None,
    limit: Limit = 100,
) -> Response:
    """The runs that meet all filters, the newest first.

    With `step` or `reached`, a page may have fewer runs than `limit` although there is another one:
    go on while `next` is not null.
    """
    if goal is not None and journey is None:
        raise Problem(422, "missing_journey", "goal: name the `journey` as well")
    if reached is not None and journey is None:
        raise Problem(422, "missing_journey", "reached: name the `journey` as well")
    if took is not None and reached is None:
        raise Problem(422, "missing_step", "took: name the step at which, as `reached`")
    try:
        async with services.pool.connection() as conn:
            listing = await list_runs(
                conn,
                contact=contact,
                journey=journey,
                state=state,
                step=step,
                prefix=prefix,
                held=held,
                code=code,
                goal_met=goal is not None,
                reached=reached,
                took=took,
                cursor=cursor or None,
                limit=limit,
            )
    except BadCursor as error:
        raise Problem(400, "invalid_cursor", f"cursor: {error}") from None
    return JSONResponse(run_page(listing))


@router.get("/runs/{run}", summary="Show a run", response_model=RunDetail, responses=responses(404))
async def get_run(run: RunId, services: UsedServices) -> Response:
    """A run with every visit, its outcome and its facts."""
    run_id = parse_run(run)
    async with services.pool.connection() as conn:
        shown = await show_run(conn, run_id)
    if shown is None:
        raise unknown_run(run)
    return JSONResponse(run_detail(shown))


@router.post(
    "/journeys/{key}/runs",
    status_code=201,
    summary="Start a run",
    response_model=RunStarted,
    responses=responses(404, 409, 422),
)
async def start_run(
    key: Key, start: RunStart, services: UsedServices, actor: UsedActor
) -> Response:
    """Start a run of the active version. A refused entry is answered with 409 and the reason."""
    try:
        answer = await start_by_api(
            services.pool,
            services.temporal,
            services.catalog,
            key,
            start.contact,
            start.properties,
            start.idempotency_key,
            public_url=services.links.public_url if services.links else None,
            actor=actor,
        )
    except TemporalAway:
        raise Problem(
            503,
            "temporal_away",
            "Temporal is away for the moment: try again with the same idempotency key",
            headers={"Retry-After": str(RETRY_AFTER)},
        ) from None
    if answer.status >= 400:
        raise Problem(answer.status, answer.body["code"], answer.body["message"])
    return JSONResponse(answer.body, answer.status)


@router.post(
    "/runs/{run}/events",
    summary="Send an event to a run",
    responses=responses(404, 409, 422),
)
async def tell_run(
    run: RunId, event: RunEvent, services: UsedServices, key: UsedKey
) -> RunEventTaken:
    """Store an event that no other run sees, and that starts no run."""
    run_id = parse_run(run)
    try:
        async with services.pool.connection() as conn, conn.transaction():
            await record_run_event(
                conn, run_id, event.event, event.properties, event.messageId, source=key.source
            )
    except LookupError:
        raise unknown_run(run) from None
    except RunEnded:
        raise Problem(
            409, "run_ended", f"run {run} has ended: no run would see the event"
        ) from None
    services.notifier.wake()
    return RunEventTaken()


def parse_run(run: str) -> UUID:
    """The id of a run. Raises Problem 404 if the text is none."""
    parsed = parse_reference(run)
    if parsed is None:
        raise unknown_run(run)
    return parsed


def unknown_run(run: str) -> Problem:
    """Problem 404."""
    return Problem(404, "unknown_run", f"there is no run {run!r}")
