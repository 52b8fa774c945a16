"""Results of holdouts: what journeys change, by those whom they let in and those kept out."""

from __future__ import annotations

import math
from typing import Annotated, Literal

from fastapi import APIRouter, Depends, Query
from pydantic import BaseModel

from api.definitions.documents import Key
from api.http.bodies import StrictRoute
from api.http.keys import requires
from api.http.problems import Problem, responses
from api.http.strict_models import LARGEST_INTEGER
from api.http.times import Instant
from api.reports.experiment_bodies import Bounds
from api.runs.bodies import Number
from api.services import UsedServices
from journeys.statistics.sequential_counts import METHOD, SOURCE
from journeys.statistics.verdicts import Rule, Verdict
from store.reports.goal_counts import number
from store.reports.holdout_results import (
    ENTERED,
    ArmFigures,
    HoldoutComparison,
    HoldoutState,
    holdout_results,
)

router = APIRouter(
    prefix="/v1/holdouts",
    tags=["documents"],
    route_class=StrictRoute,
    dependencies=[Depends(requires("operate", reading="read"))],
)


class Arm(BaseModel):
    """Contacts that entered, or that were held out."""

    contacts: int
    """Each once, from its first entry or its first refusal on."""
    goals: int
    """Of them, those who met the goal."""
    rate: float | None
    interval: Bounds
    """Of the rate, by Wilson."""
    open: int
    """Contacts whose goal can still be met: their time for it is not over."""
    value: Number
    """The sum of the goals' values."""
    value_per_contact: float | None
    not_measured: int
    """Contacts of journeys without a goal that both could meet; they are in no other figure."""
    first_at: Instant | None
    last_at: Instant | None


class OneLook(BaseModel):
    """As seen once, at an end that was planned before: daily looks make it wrong."""

    method: Literal["fixed_horizon"] = "fixed_horizon"
    difference: float
    """The rate of those who entered minus that of those who were held out."""
    interval: Bounds
    p_value: float
    test: str


class AnyTime(BaseModel):
    """As it may be looked at on any day."""

    method: Literal["sequential"] = "sequential"
    name: str = METHOD
    source: str = SOURCE
    p_value: float
    ratio: Bounds
    """Between which the rate of those who entered lies, as a multiple of the other one. Null:
    nothing is known of that end."""


class Comparison(BaseModel):
    """Those who entered against those who were held out."""

    journey: str | None
    """Null: all journeys together, with each contact once, by the first that it was observed in."""
    entered: Arm
    held_out: Arm
    lift: float | None
    """By how much the rate of those who entered is higher: 0.25 is a quarter."""
    added_goals: float | None
    """Goals that those who entered met beyond what they would have met without the journeys."""
    fixed_horizon: OneLook | None
    sequential: AnyTime | None
    verdict: Verdict
    """By the sequential method. `winner`: a difference is shown."""
    better: Literal["entered", "held_out"] | None
    """With a `winner`: who met the goal more often."""
    more_contacts: int | None
    """About how many more contacts it takes, in all, to find the difference that is asked for."""
    sample_ratio_p_value: float | None
    words: str


class Results(BaseModel):
    """The results of a holdout."""

    holdout: str
    version: int
    share: str
    state: HoldoutState
    level: float
    """The probability of a difference that is none, at most."""
    detect: float
    whole: Comparison
    journeys: list[Comparison]


@router.get("/{key}/results", summary="Show what a holdout shows", responses=responses(404, 422))
async def results(
    key: Key,
    services: UsedServices,
    version: Annotated[
        int | None,
        Query(ge=1, le=LARGEST_INTEGER, description="As this version designed it."),
    ] = None,
    level: Annotated[float, Query(ge=0.0001, le=0.5, description="0.05: intervals of 95 %.")] = (
        0.05
    ),
    detect: Annotated[
        float, Query(ge=0.001, le=10, description="The relative difference to be found.")
    ] = 0.1,
) -> Results:
    """Goals of those who entered, and of those who would have entered if they had been let in."""
    rule = Rule(level=level, detect=detect)
    async with services.pool.connection() as conn:
        try:
            found = await holdout_results(conn, key, version, rule)
        except ValueError as error:
            raise Problem(
                422, "broken_document", f"holdout {key!r} no longer validates: {error}"
            ) from None
    if found is None:
        what = f"holdout {key!r}" if version is None else f"version {version} of holdout {key!r}"
        raise Problem(404, "unknown_holdout", f"there is no {what}")
    return Results(
        holdout=key,
        version=found.version,
        share=found.document.share,
        state=found.state,
        level=level,
        detect=detect,
        whole=_comparison(found.whole, level),
        journeys=[_comparison(each, level) for each in found.journeys],
    )


def _comparison(found: HoldoutComparison, level: float) -> Comparison:
    judgement = found.judgement
    compared = found.compared
    one_look = any_time = None
    if compared is not None and compared.fixed is not None:
        fixed = compared.fixed
        one_look = OneLook(
            difference=fixed.difference,
            interval=Bounds(low=fixed.interval.low, high=fixed.interval.high),
            p_value=fixed.p_value,
            test=getattr(fixed, "test", "t"),
        )
    if compared is not None and compared.sequential is not None:
        ratio = compared.sequential.interval
        any_time = AnyTime(
            p_value=compared.sequential.p_value,
            ratio=Bounds(low=ratio.low, high=None if ratio.high == math.inf else ratio.high),
        )
    better: Literal["entered", "held_out"] | None = None
    if judgement.verdict == "winner":
        better = "entered" if judgement.winner == ENTERED else "held_out"
    return Comparison(
        journey=found.journey,
        entered=_arm(found.entered, level),
        held_out=_arm(found.held_out, level),
        lift=found.lift,
        added_goals=found.added_goals,
        fixed_horizon=one_look,
        sequential=any_time,
        verdict=judgement.verdict,
        better=better,
        more_contacts=judgement.more_contacts,
        sample_ratio_p_value=judgement.ratio_p_value,
        words=_words(found, better),
    )


def _arm(arm: ArmFigures, level: float) -> Arm:
    interval = arm.interval(level)
    return Arm(
        contacts=arm.contacts,
        goals=arm.met,
        rate=arm.share.rate,
        interval=Bounds(low=interval.low, high=interval.high),
        open=arm.open,
        value=number(arm.value),
        value_per_contact=float(arm.value) / arm.contacts if arm.contacts else None,
        not_measured=arm.unmeasured,
        first_at=arm.first_at,
        last_at=arm.last_at,
    )


def _words(found: HoldoutComparison, better: str | None) -> str:
    """What may be said, in a sentence."""
    judgement, what = found.judgement, found.journey or "the journeys"
    if not found.entered.contacts or not found.held_out.contacts:
        return "there is nothing to compare yet: it takes contacts that entered and others held out"
    if judgement.verdict == "sample_ratio_mismatch":
        return "the contacts are not in the ratio of the share, so nothing may be concluded"
    if better == "entered":
        return f"those who entered {what} met the goal more often than those who were held out"
    if better == "held_out":
        return f"those who entered {what} met the goal less often than those who were held out"
    if judgement.verdict == "too_early":
        more = judgement.more_contacts
        rest = f": it takes about {more} more contacts" if more else ""
        return f"it is too early to say{rest}"
    return "no difference is shown yet"
