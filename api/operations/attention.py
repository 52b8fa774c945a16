"""Routes of attention: what needs a person, and how far the engine is behind."""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated

from fastapi import APIRouter, Depends, Query
from pydantic import BaseModel

from api.http.bodies import StrictRoute
from api.http.keys import requires
from api.http.problems import Problem, responses
from api.http.times import Instant
from api.services import UsedServices
from journeys.time.durations import Duration
from store.operations.health import clock
from store.reports.attention import WITHIN, count_by_kind, read_attention
from store.reports.attention_kinds import AttentionName
from store.reports.lag import LAGS, LagName, read_lag

router = APIRouter(
    prefix="/v1",
    tags=["operations"],
    route_class=StrictRoute,
    dependencies=[Depends(requires("operate", reading="read"))],
)


class AttentionBody(BaseModel):
    """One thing that needs a person."""

    kind: AttentionName
    subject: str
    since: Instant
    count: int
    at_least: bool
    """Whether there may be more: no more than 1,000 are counted."""
    reason: str | None
    words: str
    """What the subjects of this kind are."""
    example: str | None
    """The id of one of them."""
    journey: str | None
    step: str | None
    detail: str | None
    """The newest words of a provider about one of them."""
    command: str
    """The command that helps."""
    link: str
    """Where the API shows them."""


class AttentionList(BaseModel):
    """What needs a person, by kind, the oldest of each first; empty when all is well."""

    at: Instant
    items: list[AttentionBody]
    counts: dict[AttentionName, int]
    """How many subjects there are of each kind."""


class LagBody(BaseModel):
    """One kind of work, and how far it is behind."""

    name: LagName
    words: str
    seconds: float
    """The age of the oldest that is due; 0 if none is."""
    waiting: int
    """How many are due, counted up to 10,000; of `figures` up to a million."""


class LagList(BaseModel):
    """How far the engine is behind."""

    at: Instant
    seconds: float
    """The greatest of all."""
    items: list[LagBody]


def parse_within(text: str | None, default: timedelta, longest: timedelta) -> timedelta:
    """A duration of a query, such as `24h`. Raises Problem 422."""
    if text is None:
        return default
    try:
        within = Duration.parse(text).nominal()
    except (ValueError, OverflowError):
        raise Problem(
            422, "invalid_within", f"within: {text[:40]!r} is no duration: write 1h or 24h"
        ) from None
    if not timedelta() < within <= longest:
        raise Problem(
            422, "invalid_within", f"within: it is above 0 and at most {longest.days} days"
        )
    return within


Within = Annotated[str | None, Query(max_length=40, description="A duration, such as 24h.")]


@router.get("/attention", summary="List what needs a person", responses=responses(422))
async def get_attention(
    services: UsedServices,
    kind: Annotated[AttentionName | None, Query(description="Only what is of this kind.")] = None,
    within: Within = None,
) -> AttentionList:
    """What needs a person, since when, how many, why, and the command that helps.

    `within` says how long ago what failed or was rejected may be: by default 24 hours.
    """
    length = parse_within(within, WITHIN, timedelta(days=7))
    spool = None if services.hits is None else services.hits.spool.used
    async with services.pool.connection() as conn:
        found = await read_attention(
            conn,
            services.catalog,
            kinds=None if kind is None else {kind},
            within=length,
            spool=spool,
        )
        now = await clock(conn)
    return AttentionList(
        at=now,
        items=[
            AttentionBody(
                kind=each.kind,
                subject=each.subject,
                since=each.since,
                count=each.count,
                at_least=each.at_least,
                reason=each.reason,
                words=each.words,
                example=each.example,
                journey=each.journey,
                step=each.step,
                detail=each.detail,
                command=each.command,
                link=each.link,
            )
            for each in found
        ],
        counts=count_by_kind(found),
    )


@router.get("/lag", summary="Read how far the engine is behind")
async def get_lag(services: UsedServices) -> LagList:
    """The age of the oldest thing of each kind that is due, and how many there are."""
    async with services.pool.connection() as conn:
        found = await read_lag(conn)
        now = await clock(conn)
    return LagList(
        at=now,
        seconds=max(each.seconds for each in found),
        items=[
            LagBody(
                name=each.name, words=LAGS[each.name], seconds=each.seconds, waiting=each.waiting
            )
            for each in found
        ],
    )
