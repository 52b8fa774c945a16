"""The shop: it posts what customers do, and posts again what was not acknowledged."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from typing import Any

import httpx

from tests.chaos.orders import DOCUMENT, JOURNEY, Order
from tests.support.conditions import eventually

AT_ONCE = 12
"""Requests under way together."""
PATIENCE = 180.0
RETRY_EVERY = 0.5

Dues = Callable[[], Awaitable[Mapping[str, datetime]]]
"""When the waits for payment end, by order, as far as that is known."""


@dataclass
class Shop:
    """A client of the tracking API, and its own record of what was acknowledged."""

    http: httpx.AsyncClient
    accepted: dict[str, tuple[str, str]] = field(default_factory=dict)
    """`messageId` → order, event."""
    repeated: int = 0
    """Requests that had to be made again."""
    _turn: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(AT_ONCE))

    def acknowledged(self) -> int:
        """How many events were."""
        return len(self.accepted)

    async def notify(self, event: str, message_id: str, customer: str) -> None:
        """Post what a provider says of a message."""
        properties = {"message_id": message_id}
        item = {"userId": customer, "event": event, "properties": properties}
        await self._post("/v1/track", {**item, "messageId": f"{event} {message_id}"})

    async def figures(self) -> dict[str, dict[str, Any]]:
        """The figures of the journey's steps."""
        answer = await self.http.get(f"/v1/journeys/{JOURNEY}/stats")
        return {step["id"]: step for step in answer.raise_for_status().json()["steps"]}

    async def dashboard(self, day: date) -> dict[str, Any]:
        """The figures of a day."""
        answer = await self.http.get("/v1/dashboard", params={"day": day.isoformat()})
        found: dict[str, Any] = answer.raise_for_status().json()
        return found

    async def apply(self) -> None:
        """Make the journey active."""
        files = {"documents": [{"filename": f"{JOURNEY}.yaml", "source": DOCUMENT}]}
        await self._post("/v1/apply", files)

    async def serve(self, orders: list[Order], dues: Dues) -> None:
        """Post all that customers do, each deed in its time; `orders` by the time of placing."""
        opened = asyncio.get_running_loop().time()
        async with asyncio.TaskGroup() as deeds:
            deeds.create_task(self._late(orders, dues))
            for order in orders:
                await moment(opened + order.placed_after)
                deeds.create_task(self._early(order))

    async def deliver(self, orders: list[Order]) -> None:
        """Deliver these orders."""
        await asyncio.gather(*(self._track(order, "Order Delivered") for order in orders))

    async def _early(self, order: Order) -> None:
        await self._place(order)
        if order.fortune in ("delivered", "waiting") or (
            order.fortune == "hasty" and order.pays_first
        ):
            await self._track(order, "Order Paid")
        if order.fortune == "delivered":
            await self._track(order, "Order Delivered")
        if order.fortune == "hasty":
            await self._track(order, "Order Cancelled")

    async def _late(self, orders: list[Order], dues: Dues) -> None:
        to_come = {order.id: order for order in orders if order.late_deed}

        async with asyncio.TaskGroup() as deeds:

            async def look() -> bool:
                known = await dues()
                now = datetime.now(UTC)
                for order_id, due in known.items():
                    order = to_come.get(order_id)
                    if order is not None and now >= due + timedelta(seconds=order.offset):
                        assert order.late_deed is not None
                        deeds.create_task(self._track(order, order.late_deed))
                        del to_come[order_id]
                return not to_come

            await eventually(look, 2 * PATIENCE, every=0.1, what="every late deed done")

    async def _place(self, order: Order) -> None:
        customer = order.customer
        events = ["Order Placed", "Order Paid"] if order.fortune == "prepaid" else ["Order Placed"]
        await self._post(
            "/v1/batch",
            {
                "batch": [
                    {
                        "type": "identify",
                        "userId": customer.id,
                        "traits": {"email": customer.email, "phone": customer.phone},
                        "messageId": order.message_id("identify"),
                    },
                    *({"type": "track", **_item(order, event)} for event in events),
                ]
            },
        )
        for event in events:
            self.accepted[order.message_id(event)] = (order.id, event)

    async def _track(self, order: Order, event: str) -> None:
        await self._post("/v1/track", _item(order, event))
        self.accepted[order.message_id(event)] = (order.id, event)

    async def _post(self, path: str, body: dict[str, Any]) -> None:
        """Post, as often as it takes to be answered: a broken connection and a 503 say nothing."""

        async def look() -> httpx.Response | None:
            try:
                async with self._turn:
                    answer = await self.http.post(path, json=body)
            except httpx.TransportError:
                answer = None
            if answer is None or answer.status_code in (429, 503):
                self.repeated += 1
                return None
            return answer

        answer = await eventually(look, PATIENCE, every=RETRY_EVERY, what=f"an answer to {path}")
        assert answer is not None
        said = answer.json()
        assert answer.status_code == httpx.codes.OK, said
        assert not said.get("rejected"), said


async def moment(time: float) -> None:
    """Return at this time of the loop's clock, or at once if it is past."""
    loop = asyncio.get_running_loop()
    await eventually(lambda: loop.time() >= time, time - loop.time() + 60)


@asynccontextmanager
async def open_shop(api: str, key: str) -> AsyncIterator[Shop]:
    """A shop on the API at this URL, with a key of scope `operate`."""
    headers = {"Authorization": f"Bearer {key}"}
    async with httpx.AsyncClient(base_url=api, headers=headers, timeout=15) as http:
        yield Shop(http)


def _item(order: Order, event: str) -> dict[str, Any]:
    return {
        "userId": order.customer.id,
        "event": event,
        "properties": {"order_id": order.id},
        "messageId": order.message_id(event),
    }
