"""Routes of experiments: the splits of a journey, and their arms compared."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Path, Query

from api.definitions.documents import Key
from api.http.bodies import StrictRoute
from api.http.keys import requires
from api.http.paging import Cursor, Limit, page_of, unknown_cursor
from api.http.problems import Problem, responses
from api.http.strict_models import LARGEST_INTEGER
from api.reports.experiment_answers import experiment_body
from api.reports.experiment_bodies import ExperimentBody, ListedArm, ListedSplit, SplitPage
from api.services import UsedServices
from journeys.statistics.verdicts import DETECT, LEVEL
from store.reports.experiment_metrics import MetricName
from store.reports.experiment_splits import read_splits
from store.reports.experiments import Unknown, read_experiment

router = APIRouter(
    prefix="/v1/journeys",
    tags=["journeys"],
    route_class=StrictRoute,
    dependencies=[Depends(requires("operate", reading="read"))],
)

Version = Annotated[
    int | None,
    Query(
        ge=1,
        le=LARGEST_INTEGER,
        description="The split as this version has it; by default the active or newest one.",
    ),
]


@router.get("/{key}/experiments", summary="List the splits of a journey",
            responses=responses(400, 404, 422))  # fmt: skip
async def get_experiments(
    key: Key, services: UsedServices, version: Version = None, cursor: Cursor = "",
    limit: Limit = 100,
) -> SplitPage:  # fmt: skip
    """The splits of a version, in the order of the document."""
    async with services.pool.connection() as conn:
        found = await read_splits(conn, key, version)
    if found is None:
        raise _unknown_journey(key, version)
    splits = list(found.splits)
    if cursor:
        places = [place for place, (step, _) in enumerate(splits) if step == cursor]
        if not places:
            raise unknown_cursor(cursor)
        splits = splits[places[0] + 1 :]
    page, following = page_of(splits[: limit + 1], limit, lambda split: split[0])
    return SplitPage(
        items=[
            ListedSplit(
                step=step,
                version=found.version,
                arms=[ListedArm(name=arm.name, weight=arm.weight, role=arm.role) for arm in arms],
            )
            for step, arms in page
        ],
        next=following,
    )


@router.get("/{key}/experiments/{step}", summary="Compare the arms of a split",
            responses=responses(404, 422))  # fmt: skip
async def get_experiment(
    key: Key,
    step: Annotated[str, Path(min_length=1, max_length=64, examples=["fork"])],
    services: UsedServices,
    metric: Annotated[
        MetricName | None,
        Query(description="By default `goal`, or `clicked` if the journey has no goal."),
    ] = None,
    version: Version = None,
    control: Annotated[
        str | None,
        Query(max_length=64, description="By default the holdout, else the first arm."),
    ] = None,
    level: Annotated[
        float, Query(ge=0.0001, le=0.5, description="The probability of a false winner, at most.")
    ] = LEVEL,
    detect: Annotated[
        float, Query(ge=0.001, lt=1, description="The relative difference to be found.")
    ] = DETECT,
) -> ExperimentBody:
    """Arms with their figures, compared with the control, and whether there is a winner."""
    async with services.pool.connection() as conn:
        found = await read_experiment(
            conn, key, step, version=version, metric=metric, control=control, level=level,
            detect=detect,
        )  # fmt: skip
    if isinstance(found, Unknown):
        choices = ", ".join(found.choices) or "none"
        if found.what == "journey":
            raise _unknown_journey(key, version)
        if found.what == "step":
            message = f"{step!r} is no split of journey {key!r}; its splits: {choices}"
            raise Problem(404, "unknown_step", message)
        if found.what == "metric":
            message = f"metric: journey {key!r} has no goal; choose one of {choices}"
            raise Problem(422, "no_goal", message)
        message = f"control: {control!r} is no arm that is compared; these are: {choices}"
        raise Problem(422, "unknown_arm", message)
    return experiment_body(found)


def _unknown_journey(key: str, version: int | None) -> Problem:
    what = f"journey {key!r}" if version is None else f"version {version} of journey {key!r}"
    return Problem(404, "unknown_journey", f"there is no {what}")
