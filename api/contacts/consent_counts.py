"""The route of how many contacts are subscribed to each topic."""

from __future__ import annotations

from typing import Literal

from fastapi import APIRouter, Depends
from pydantic import BaseModel

from api.http.bodies import StrictRoute
from api.http.keys import requires
from api.http.times import Instant
from api.services import UsedServices

router = APIRouter(
    prefix="/v1/consents",
    tags=["contacts"],
    route_class=StrictRoute,
    dependencies=[Depends(requires("operate", reading="read"))],
)


class TopicConsentsBody(BaseModel):
    """The contacts of a topic, by the state that is recorded of each."""

    topic: str
    default: Literal["opt_in", "opt_out", "double"]
    subscribed: int
    pending: int
    """Subscribed, and not yet confirmed."""
    unsubscribed: int
    unrecorded: int
    """Contacts without a record: under `opt_out` they count as subscribed, else as not."""


class ConsentCountsBody(BaseModel):
    """How many contacts are subscribed to each topic."""

    at: Instant | None
    """When they were counted, at most a minute ago; null: counting takes too long."""
    items: list[TopicConsentsBody]
    """Topics by key."""


@router.get("", summary="Count the contacts of each topic")
async def get_consent_counts(services: UsedServices) -> ConsentCountsBody:
    """The contacts of each topic by the state that is recorded of them.

    A send looks at more: at channels, at suppressed addresses, and whether the address that a
    contact confirmed is still its own.
    """
    async with services.pool.connection() as conn:
        counts = await services.consents.read(conn)
    if counts is None:
        return ConsentCountsBody(at=None, items=[])
    items = [TopicConsentsBody.model_validate(each, from_attributes=True) for each in counts.topics]
    return ConsentCountsBody(at=counts.at, items=items)
