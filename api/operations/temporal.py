"""Route of the link to Temporal's UI: runs by what operators know of them."""

from __future__ import annotations

import json
from typing import Annotated, Final
from urllib.parse import quote
from uuid import UUID

from fastapi import APIRouter, Depends, Query
from pydantic import BaseModel

from api.http.bodies import StrictRoute
from api.http.keys import requires
from api.http.problems import responses, unknown
from api.services import UsedServices
from journeys.protocol.names import WORKFLOW, workflow_id
from store.contacts.rows import find_contact
from store.runs.rows import read_run

router = APIRouter(
    prefix="/v1",
    tags=["operations"],
    route_class=StrictRoute,
    dependencies=[Depends(requires("operate", reading="read"))],
)

COLUMNS: Final = (
    "Status", "JourneyKey", "JourneyVersion", "JourneyStep", "ContactId", "Start", "End",
    "Workflow ID",
)  # fmt: skip
"""The columns of runs, in Temporal's own names for those that are not ours."""

_KEPT_AS: Final = "namespace-workflow-table-columns"
"""The name under which the UI keeps its columns in a browser, by namespace."""

Key = Annotated[str | None, Query(max_length=64, pattern="^[A-Za-z0-9][A-Za-z0-9_-]*$")]


class TemporalBody(BaseModel):
    """A query of Temporal's UI."""

    query: str
    url: str | None
    """The UI with this query; null without `PARCOURS_TEMPORAL_UI`."""
    columns: list[str]
    columns_script: str
    """Sets these columns in the browser, if it is run once in the console of its developer tools on
    a page of the UI: the UI keeps its columns there, and takes none from its address."""


@router.get("/temporal", summary="Find runs in Temporal's UI", responses=responses(404, 422))
async def get_temporal(
    services: UsedServices,
    contact: Annotated[str | None, Query(min_length=1, max_length=500)] = None,
    run: UUID | None = None,
    journey: Key = None,
    version: Annotated[int | None, Query(ge=1, le=2**31 - 1)] = None,
    step: Key = None,
    ended: bool = False,
) -> TemporalBody:
    """The query and the link that find runs: open ones, and with `ended` those that have ended.

    A run that was moved, or has gone on in another execution, is found once.
    """
    parts = [f"WorkflowType = '{WORKFLOW}'"]
    if contact is not None:
        async with services.pool.connection() as conn:
            contact_id = await find_contact(conn, contact)
        if contact_id is None:
            raise unknown("contact", contact)
        parts.append(f"ContactId = '{contact_id}'")
    if journey is not None:
        parts.append(f"JourneyKey = '{journey}'")
    if version is not None:
        parts.append(f"JourneyVersion = '{version}'")
    if step is not None:
        parts.append(f"JourneyStep = '{step}'")
    if run is not None:
        async with services.pool.connection() as conn:
            found = await read_run(conn, run)
        if found is None:
            raise unknown("run", str(run))
        parts.append(f"WorkflowId = '{workflow_id(found.journey, run)}'")
    parts.append("ExecutionStatus != 'ContinuedAsNew'" if ended else "ExecutionStatus = 'Running'")
    query = " AND ".join(parts)
    namespace = services.temporal.namespace
    url = None
    if services.temporal_ui is not None:
        url = (
            f"{services.temporal_ui}/namespaces/{quote(namespace, safe='')}/workflows"
            f"?query={quote(query, safe='')}"
        )
    return TemporalBody(
        query=query, url=url, columns=list(COLUMNS), columns_script=script_of_columns(namespace)
    )


def script_of_columns(namespace: str) -> str:
    """JavaScript that gives the UI these columns in the browser that runs it."""
    columns = json.dumps({namespace: [{"label": each} for each in COLUMNS]})
    return (
        f"localStorage.setItem('{_KEPT_AS}', JSON.stringify(Object.assign("
        f"JSON.parse(localStorage.getItem('{_KEPT_AS}') || '{{}}'), {columns}))); location.reload()"
    )
