"""The route of the catalogue of attributes."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Depends
from pydantic import BaseModel, Field

from api.http.bodies import StrictRoute
from api.http.keys import requires
from api.http.paging import Cursor, Limit, page_of
from api.http.problems import responses
from api.services import UsedServices
from store.contacts.attribute_catalog import read_attribute_catalog

router = APIRouter(
    prefix="/v1/attributes",
    tags=["contacts"],
    route_class=StrictRoute,
    dependencies=[Depends(requires("read"))],
)


class AttributeBody(BaseModel):
    """An attribute that contacts have."""

    name: str
    field: bool
    """Whether it is a field that every contact has, with a meaning of its own."""
    types: list[Literal["text", "number", "truth", "list", "object"]]
    """The types of values that were seen."""
    examples: list[Any]
    """Up to three short values."""
    contacts: Annotated[int, Field(description="how many contacts have it")]


class AttributePage(BaseModel):
    """Attributes by name."""

    items: list[AttributeBody]
    next: str | None
    contacts: int
    """How many contacts there are."""
    read: int
    """How many of them were read for this list."""
    exact: bool
    """False: of many contacts a sample was read, and the counts are estimates. An attribute that
    very few contacts have may be missing then."""


@router.get("", summary="List the attributes of contacts", responses=responses(400))
async def list_attributes(
    services: UsedServices, cursor: Cursor = "", limit: Limit = 100
) -> AttributePage:
    """Names, types seen, examples, and how many contacts have each; at most 2,000 names."""
    # All pages of an hour are of one sample.
    seed = int(datetime.now(UTC).timestamp()) // 3600
    async with services.pool.connection() as conn:
        catalog = await read_attribute_catalog(conn, seed)
    found = [each for each in catalog.entries if each.name > cursor][: limit + 1]
    page, following = page_of(found, limit, lambda each: each.name)
    return AttributePage(
        items=[AttributeBody.model_validate(each, from_attributes=True) for each in page],
        next=following,
        contacts=catalog.contacts,
        read=catalog.read,
        exact=catalog.exact,
    )
