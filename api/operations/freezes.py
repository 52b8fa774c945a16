"""Routes of freezes: stop the marketing of a channel or of all, or everything, and let it go on."""

from __future__ import annotations

from typing import Annotated, Any, Self

from fastapi import APIRouter, Depends, Response
from pydantic import BaseModel, StringConstraints, model_validator

from api.http.audit import UsedActor
from api.http.bodies import StrictRoute
from api.http.keys import requires
from api.http.paging import Cursor, Limit, cursor_number, page_of
from api.http.problems import Problem, responses
from api.http.strict_models import StrictBody
from api.http.times import Instant
from api.services import UsedServices
from journeys.protocol.channels import ChannelName
from store.messages.freezes import FreezeRow, freeze, freeze_of, list_freezes, unfreeze
from store.operations.audit import record_audit
from store.tables.freezes import EVERY_CHANNEL, FreezeExtent

router = APIRouter(
    prefix="/v1",
    tags=["operations"],
    route_class=StrictRoute,
    dependencies=[Depends(requires("operate", reading="read"))],
)

_REASON = StringConstraints(min_length=1, max_length=500, pattern=r"\S")


class FreezeOrder(StrictBody):
    """What is frozen, or goes on, and why."""

    reason: Annotated[str, _REASON]
    channel: ChannelName | None = None
    """None: all channels together, which is a freeze of its own."""
    stops: FreezeExtent = "marketing"
    """What is held. `everything` holds service and transactional messages and webhooks, too, and is
    a freeze of its own beside one of marketing."""

    @model_validator(mode="after")
    def _has_marketing(self) -> Self:
        if self.stops == "marketing" and self.channel == "webhook":
            raise ValueError("webhooks are no marketing: say `stops: everything`")
        return self


class FreezeBody(BaseModel):
    """A time in which no marketing goes out, or nothing."""

    id: int
    channel: str
    """A channel, or `all`."""
    stops: FreezeExtent
    reason: str
    automatic: bool
    by: str | None
    """The id of the key that asked for it; null if it was automatic."""
    by_name: str | None
    """The name of that key, if it has one."""
    figures: dict[str, Any]
    """Of an automatic one: the latest `sends`, and the `bounces` and `complaints` among them."""
    frozen_at: Instant
    ended_at: Instant | None
    ended_by: str | None
    ended_by_name: str | None
    end_reason: str | None


class FreezePage(BaseModel):
    """A page of freezes."""

    items: list[FreezeBody]
    next: str | None


def _body(row: FreezeRow) -> FreezeBody:
    return FreezeBody.model_validate(row, from_attributes=True)


@router.get("/freezes", summary="List freezes, the newest first", responses=responses(400, 422))
async def get_freezes(services: UsedServices, limit: Limit = 50, cursor: Cursor = "") -> FreezePage:
    """The freezes that hold, and those that are over."""
    before = cursor_number(cursor) if cursor else None
    async with services.pool.connection() as conn:
        found = await list_freezes(conn, before, limit + 1)
    page, following = page_of(found, limit, lambda row: str(row.id))
    return FreezePage(items=[_body(row) for row in page], next=following)


@router.post(
    "/freeze",
    status_code=201,
    summary="Let no marketing go out, or nothing",
    responses={200: {"model": FreezeBody}, **responses(409, 422)},
)
async def post_freeze(
    order: FreezeOrder, services: UsedServices, actor: UsedActor, response: Response
) -> FreezeBody:
    """Hold the marketing of a channel or of all, or everything. One that holds keeps its reason."""
    channel = order.channel or EVERY_CHANNEL
    async with services.pool.connection() as conn, conn.transaction():
        found = await freeze(
            conn, channel, order.reason.strip(), by=str(actor.key_id), stops=order.stops
        )
        if found is not None:
            await record_audit(
                conn,
                actor,
                "channel.freeze",
                f"channel:{channel}",
                after={"stops": order.stops},
                reason=found.reason,
            )
        else:
            response.status_code = 200
            found = await freeze_of(conn, channel, order.stops)
    if found is None:
        raise Problem(409, "unfrozen", "it was unfrozen in the same moment; ask again")
    return _body(found)


@router.post(
    "/unfreeze",
    summary="End a freeze",
    dependencies=[Depends(requires("admin"))],
    responses=responses(409, 422),
)
async def post_unfreeze(order: FreezeOrder, services: UsedServices, actor: UsedActor) -> FreezeBody:
    """End the freeze of a channel, or that of all. What was held goes out within its rate."""
    channel = order.channel or EVERY_CHANNEL
    async with services.pool.connection() as conn, conn.transaction():
        found = await unfreeze(
            conn, channel, order.reason.strip(), by=str(actor.key_id), stops=order.stops
        )
        if found is None:
            where = "all channels together are" if order.channel is None else f"{channel} is"
            raise Problem(
                409,
                "not_frozen",
                f"{where} not frozen ({order.stops}); GET /v1/freezes says what is",
            )
        await record_audit(
            conn,
            actor,
            "channel.unfreeze",
            f"channel:{channel}",
            before={"stops": order.stops},
            reason=found.end_reason,
        )
    return _body(found)
