"""Attribution: what led to conversions, by last, first or linear touch."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Annotated, Final
from uuid import UUID
from zoneinfo import ZoneInfo

from fastapi import APIRouter, Depends, Query
from pydantic import BaseModel, Field

from api.http.bodies import StrictRoute
from api.http.keys import UsedKey, requires
from api.http.problems import Problem, responses
from api.http.strict_models import StrictBody
from api.http.times import Instant
from api.operations.jobs import JobBody, job_body
from api.reports.periods import From, To, read_end
from api.services import Services, UsedServices
from api.versions.in_flight import start_jobs
from journeys.time.durations import Duration
from store.operations.jobs import read_job, read_result
from store.reports.attribution import (
    MOST_AT_ONCE,
    AttributionQuestion,
    attribute_page,
    pages_of,
    range_of,
)
from store.reports.attribution_credit import (
    COUPON_TOUCHES,
    AttributionBy,
    AttributionModel,
    CurrencyCredit,
    Row,
    Tally,
    Touch,
    decimal_text,
    rounded,
)
from store.reports.attribution_jobs import create_attribution_job

router = APIRouter(
    prefix="/v1/attribution",
    tags=["journeys"],
    route_class=StrictRoute,
    dependencies=[Depends(requires("operate", reading="read"))],
)

_LONGEST: Final = timedelta(days=92)
_LONGEST_WINDOW: Final = timedelta(days=90)
_USUAL: Final = timedelta(days=30)
_BASE: Final = datetime(2001, 1, 1, tzinfo=UTC)


class Credit(BaseModel):
    """What a message, a journey, a channel or a pool of coupons gets."""

    journey: str | None = None
    step: str | None = None
    channel: str | None = None
    coupon: str | None = None
    touches: int
    """That got credit."""
    credit: str
    """Conversions, an exact decimal; the credits of a currency add up to `attributed`."""
    value: str
    """An exact decimal; the values add up to `attributed_value`."""


class OfCurrency(BaseModel):
    """The conversions that name one currency."""

    currency: str | None
    """The property `currency`, in capitals; null for conversions that name none."""
    conversions: int
    attributed: int
    """Conversions with a touch within the window."""
    unattributed: int
    """Conversions without one."""
    value: str
    attributed_value: str
    unattributed_value: str
    without_value: int
    """Conversions that have no number for a value."""
    rows: list[Credit]
    """Those with most value and credit first."""


class Attribution(BaseModel):
    """What led to conversions."""

    event: str | None
    """Null: events that met goals of journeys."""
    value: str | None
    model: AttributionModel
    by: AttributionBy
    touch: Touch
    window_seconds: float
    complete: bool
    """Whether all of the period was counted; a job shows what it has so far."""
    begins_at: Instant
    ends_at: Instant
    currencies: list[OfCurrency]
    """Amounts of different currencies are never added."""


class AskedAttribution(StrictBody):
    """What is asked: the parameters of the GET."""

    event: str | None = Field(default=None, min_length=1, max_length=200)
    value: str | None = Field(default=None, min_length=1, max_length=200)
    model: AttributionModel = "last"
    window: str = Field(default="7d", max_length=20)
    by: AttributionBy = "message"
    touch: Touch | None = None
    from_: str | None = Field(default=None, alias="from", max_length=40)
    to: str | None = Field(default=None, max_length=40)


@router.get("", summary="Show what led to conversions", responses=responses(409, 422))
async def attribution(
    services: UsedServices,
    event: Annotated[
        str | None,
        Query(min_length=1, max_length=200, description="By default events that met goals."),
    ] = None,
    value: Annotated[
        str | None,
        Query(min_length=1, max_length=200, description="The path of the value, such as `total`."),
    ] = None,
    model: Annotated[AttributionModel, Query(description="Which touches get credit.")] = "last",
    window: Annotated[
        str, Query(max_length=20, description="How long before a conversion touches count.")
    ] = "7d",
    by: Annotated[AttributionBy, Query(description="What gets credit.")] = "message",
    touch: Annotated[
        Touch | None, Query(description="By default `clicked`, and `drawn` of coupons.")
    ] = None,
    begins: From = None,
    ends: To = None,
) -> Attribution:
    """Share conversions among the messages or coupons that touched their contacts before.

    A period with too many events for a request is refused with 409 `too_many_events`: POST the same
    question, which begins a job.
    """
    question = _question(services, event, value, model, window, by, touch, begins, ends)
    tally = Tally()
    async with services.pool.connection() as conn:
        part = await range_of(conn, question)
        if part.size > MOST_AT_ONCE:
            raise Problem(
                409,
                "too_many_events",
                f"the period has about {part.size} events, and a request goes through"
                f" {MOST_AT_ONCE} at most: ask for a shorter one, or begin a job by POST",
            )
        for page in pages_of(part):
            await attribute_page(conn, question, tally, page)
    return _answer(question, tally, complete=True)


@router.post(
    "",
    status_code=202,
    summary="Begin to show what led to conversions, of many events",
    responses=responses(400, 413, 415, 422),
)
async def begin_attribution(
    body: AskedAttribution, services: UsedServices, key: UsedKey
) -> JobBody:
    """Go through the events of the period as a job, whose result `GET /v1/attribution/{job}` shows.

    It changes nothing.
    """
    question = _question(
        services, body.event, body.value, body.model, body.window, body.by, body.touch,
        body.from_, body.to,
    )  # fmt: skip
    async with services.pool.connection() as conn:
        async with conn.transaction():
            part = await range_of(conn, question)
            job_id = await create_attribution_job(conn, question, part, key_id=key.id)
        await start_jobs(conn, services.temporal, [job_id])
        job = await read_job(conn, job_id)
    assert job is not None
    return job_body(job)


@router.get("/{job_id}", summary="Show the result of a job", responses=responses(404, 422))
async def attribution_of_job(job_id: UUID, services: UsedServices) -> Attribution:
    """What a job has found so far; `complete` once it is done."""
    async with services.pool.connection() as conn:
        job = await read_job(conn, job_id)
        kept = await read_result(conn, job_id)
    if job is None or job.kind != "attribution" or kept is None:
        raise Problem(404, "unknown_job", f"there is no attribution of the id {job_id}")
    question = AttributionQuestion.from_json(job.plan)
    return _answer(question, Tally.from_json(kept), complete=job.state == "done")


def _question(
    services: Services,
    event: str | None,
    value: str | None,
    model: AttributionModel,
    window: str,
    by: AttributionBy,
    touch: Touch | None,
    begins: str | None,
    ends: str | None,
) -> AttributionQuestion:
    """What is asked. Raises Problem 422."""
    if value is not None and event is None:
        raise _refused("value: goals name their value themselves; leave it out, or name an `event`")
    chosen = touch or ("drawn" if by == "coupon" else "clicked")
    if (chosen in COUPON_TOUCHES) != (by == "coupon"):
        right = "drawn or redeemed" if by == "coupon" else "sent, delivered, opened or clicked"
        raise _refused(f"touch: `by={by}` takes {right}, not {chosen}")
    now = datetime.now(UTC)
    end = read_end(ends, "to", services.timezone) or now
    begin = read_end(begins, "from", services.timezone) or end - _USUAL
    if begin >= end:
        raise _refused("from: must come before `to`, and before now")
    if end - begin > _LONGEST:
        raise _refused(f"from: at most {_LONGEST.days} days before `to`, which is now by default")
    return AttributionQuestion(
        event=event,
        value=value,
        model=model,
        by=by,
        touch=chosen,
        window=_window(window),
        begins_at=begin,
        ends_at=end,
    )


def _window(text: str) -> timedelta:
    """A window, in which a day has 24 hours. Raises Problem 422."""
    try:
        length = Duration.parse(text).add_to(_BASE, ZoneInfo("UTC")) - _BASE
    except (ValueError, OverflowError) as error:
        raise _refused(f"window: {error}") from None
    if not timedelta(0) < length <= _LONGEST_WINDOW:
        raise _refused(f"window: must be longer than 0 and at most {_LONGEST_WINDOW.days}d")
    return length


def _answer(question: AttributionQuestion, tally: Tally, *, complete: bool) -> Attribution:
    return Attribution(
        event=question.event,
        value=question.value,
        model=question.model,
        by=question.by,
        touch=question.touch,
        window_seconds=question.window.total_seconds(),
        complete=complete,
        begins_at=question.begins_at,
        ends_at=question.ends_at,
        currencies=[_of_currency(question.by, each) for each in rounded(tally)],
    )


def _of_currency(by: AttributionBy, found: CurrencyCredit) -> OfCurrency:
    whole = found.whole
    return OfCurrency(
        currency=found.currency or None,
        conversions=whole.conversions,
        attributed=whole.attributed,
        unattributed=whole.conversions - whole.attributed,
        value=decimal_text(whole.value),
        attributed_value=decimal_text(whole.attributed_value),
        unattributed_value=decimal_text(whole.value - whole.attributed_value),
        without_value=whole.conversions - whole.valued,
        rows=[_credit(by, row) for row in found.rows],
    )


def _credit(by: AttributionBy, row: Row) -> Credit:
    fields: tuple[str, ...] = ("journey", "step") if by == "message" else (by,)
    return Credit(
        **dict(zip(fields, row.name, strict=True)),
        touches=row.touches,
        credit=decimal_text(row.credit),
        value=decimal_text(row.value),
    )


def _refused(message: str) -> Problem:
    return Problem(422, "invalid_request", message)
