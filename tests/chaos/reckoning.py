"""What must have come of every order, worked out from what was posted and when it was stamped.

The rules are written down here a second time, by hand, and compared with what the product did.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from tests.chaos.orders import CHANNELS, Customer, Order
from tests.chaos.records import Message, Records, Run, Visit

SENT = frozenset({"sent", "unknown"})

ATTEMPT = timedelta(seconds=30)
"""How long one attempt to send lasts at most."""
RECORDING = timedelta(seconds=10)
"""How long the record of a send that was taken may take, with a database that comes and goes."""
SLACK = timedelta(seconds=1)
"""How long after a kill the database may still be at what it was asked before."""


@dataclass(frozen=True)
class Picture:
    """The records of one moment."""

    runs: Mapping[str, Run]
    """By order."""
    visits: Mapping[UUID, Sequence[Visit]]
    messages: Sequence[Message]
    stamps: Mapping[str, datetime]
    """By `messageId`."""

    def stamp(self, order: Order, event: str) -> datetime | None:
        """When an event of an order was stamped, if it was posted."""
        return self.stamps.get(order.message_id(event))

    def path(self, order: Order) -> Sequence[Visit]:
        """The visits of an order's run."""
        return self.visits[self.runs[order.id].id]

    def paid_in_time(self, order: Order) -> bool:
        """Whether the payment was stamped before the wait for it was over."""
        paid = self.stamp(order, "Order Paid")
        dues = [visit.due_at for visit in self.path(order) if visit.step == "paid"]
        return paid is not None and (not dues or dues[0] is None or paid <= dues[0])

    def waits_for_delivery(self, order: Order) -> bool:
        """Whether the order's run has nothing to do until it is delivered."""
        over = self.stamp(order, "Order Delivered") or self.stamp(order, "Order Cancelled")
        return over is None and self.paid_in_time(order)


async def take_picture(records: Records) -> Picture:
    """The records as they are."""
    runs = await records.runs()
    by_order = {run.order: run for run in runs}
    assert len(by_order) == len(runs), "an order has two runs"
    return Picture(
        by_order, await records.visits(), await records.messages(), await records.stamps()
    )


def wrong_events(picture: Picture, accepted: Mapping[str, object]) -> Iterator[str]:
    """What was acknowledged is on record, once, and nothing else is."""
    for message_id in accepted.keys() - picture.stamps.keys():
        yield f"{message_id}: acknowledged and not on record"
    for message_id in picture.stamps.keys() - accepted.keys():
        yield f"{message_id}: on record and never acknowledged"


def wrong_runs(picture: Picture, orders: Sequence[Order]) -> Iterator[str]:
    """Each order has its own run, which went where the order's events led it."""
    for extra in picture.runs.keys() - {order.id for order in orders}:
        yield f"{extra}: a run without an order"
    for order in orders:
        run = picture.runs.get(order.id)
        if run is None:
            yield f"{order.id}: no run"
            continue
        if run.customer != order.customer.id:
            yield f"{order.id}: the run is of {run.customer}"
        if run.entry_message_id != order.message_id("Order Placed"):
            yield f"{order.id}: entered by {run.entry_message_id}"
        for wrong in _wrong_path(picture, order, run):
            path = [(visit.step, visit.outcome) for visit in picture.path(order)]
            yield f"{order.id} ({order.fortune}): {wrong}; {run.state} {run.outcome}, {path}"


def _wrong_path(picture: Picture, order: Order, run: Run) -> Iterator[str]:
    path = picture.path(order)
    if [visit.visit for visit in path] != list(range(1, len(path) + 1)):
        yield "its visits are not numbered in a row"
    if picture.waits_for_delivery(order):
        if run.state != "active" or run.step != "delivered":
            yield "it should wait to be delivered"
        yield from _unlike(path, [*_line(picture, order)[:5], ("delivered", frozenset({None}))])
        return
    if run.state != "ended":
        yield "it should have ended"
        return
    cancelled = picture.stamp(order, "Order Cancelled")
    if cancelled is None or run.outcome == "completed":
        if run.outcome != "completed":
            yield "it should have completed"
        if cancelled is not None and run.ended_at is not None and run.ended_at > cancelled:
            yield "it completed although it had been cancelled"
        yield from _unlike(path, _line(picture, order))
        return
    if (run.outcome, run.reason) != ("exited", "Order Cancelled"):
        yield "it should have been left"
    yield from _unlike(path, _left(_line(picture, order)[: len(path)], path))
    for message in picture.messages:
        if message.run_id == run.id and message.claimed_at > cancelled:
            yield f"{message.step} was sent although it had been cancelled"


Line = list[tuple[str, frozenset[str | None]]]
"""Steps, and the outcomes that each may have."""


def _line(picture: Picture, order: Order) -> Line:
    """The expected steps of a run whose order is not cancelled."""
    in_time = picture.paid_in_time(order)
    line: Line = [
        ("confirm", SENT),
        ("paid", frozenset({"happened" if in_time else "timed_out"})),
        ("how", frozenset({"in-time" if in_time else "else"})),
    ]
    if not in_time:
        return [*line, ("remind", SENT)]
    delivered = picture.stamp(order, "Order Delivered") is not None
    return [
        *line,
        ("thanks", SENT),
        ("count", frozenset({"done"})),
        ("delivered", frozenset({"happened"} if delivered else ())),
        ("rate", SENT),
    ]


def _left(line: Line, path: Sequence[Visit]) -> Line:
    """The same way, left at its last step: at a wait, before a send, or right after one."""
    if not line:
        return line
    step, outcomes = line[-1]
    skipped = path[-1].outcome == "skipped" and path[-1].facts.get("reason") == "exited"
    return [*line[:-1], (step, outcomes | {"exited"} | ({"skipped"} if skipped else set()))]


def _unlike(path: Sequence[Visit], line: Line) -> Iterator[str]:
    if [visit.step for visit in path] != [step for step, _ in line]:
        yield f"its steps should be {[step for step, _ in line]}"
        return
    for visit, (step, outcomes) in zip(path, line, strict=True):
        if visit.outcome not in outcomes:
            yield f"{step} should be one of {sorted(map(str, outcomes))}"


def wrong_messages(
    picture: Picture,
    orders: Sequence[Order],
    inbox: Sequence[Mapping[str, object]],
    kills: Sequence[datetime],
) -> Iterator[str]:
    """Sent and unknown are what was to be sent, and unknown is only what a kill cut off.

    Args:
        kills: of processes that send or record.
    """
    states = Counter(message.state for message in picture.messages)
    if states.keys() - SENT:
        yield f"messages are neither sent nor unknown: {dict(states)}"
    if states["unknown"] > len(picture.messages) / 4:
        yield f"{states['unknown']} messages are unknown, more than can have been in flight"
    visits = {
        (run_id, visit.visit): visit for run_id, path in picture.visits.items() for visit in path
    }
    expected = Counter(
        visit.step for visit in visits.values() if visit.step in CHANNELS and visit.outcome in SENT
    )
    found = Counter(message.step for message in picture.messages)
    if found != expected:
        yield f"there are {dict(found)} messages instead of {dict(expected)}"
    letters = _letters(picture, orders)
    taken = {_what(mail): datetime.fromisoformat(str(mail["received_at"])) for mail in inbox}
    for message in picture.messages:
        visit = visits[message.run_id, message.visit]
        if visit.step != message.step or (visit.outcome == "sent" and message.state != "sent"):
            yield f"message {message.id} is {message.state}, its visit {visit}"
        at = taken.get(letters[message.id])
        if "unknown" in (message.state, visit.outcome) and not any(
            _in_flight(message, at, kill) for kill in kills
        ):
            yield f"{message}, taken at {at}, is unknown and no kill cut it off"


def _in_flight(message: Message, taken: datetime | None, kill: datetime) -> bool:
    """Whether a message was claimed at a kill and may not have been recorded yet."""
    begun = message.claimed_at - SLACK <= kill <= message.claimed_at + ATTEMPT
    return begun and (taken is None or kill <= taken + RECORDING)


def wrong_mail(
    picture: Picture, orders: Sequence[Order], inbox: Sequence[Mapping[str, object]]
) -> Iterator[str]:
    """What is sent was taken once, what is unknown at most once, and nothing else was taken."""
    letters = _letters(picture, orders)
    taken = Counter(_what(mail) for mail in inbox)
    headers = Counter(_header(mail) for mail in inbox if mail["channel"] == "email")
    due: Counter[tuple[str, str]] = Counter()
    for message in picture.messages:
        what = letters[message.id]
        due[what] += 1
        count = taken[what]
        if CHANNELS[message.step] == "email" and headers[str(message.id)] != count:
            yield f"{what} carries another message's id"
        if count > 1:
            yield f"{what} was taken {count} times"
        if count == 0 and message.state == "sent":
            yield f"{what} is sent and was never taken"
    for what in taken - due:
        yield f"{what} was taken more often than sent"


def _what(mail: Mapping[str, object]) -> tuple[str, str]:
    text = mail["subject"] if mail["channel"] == "email" else mail["text"]
    return str(mail["to"]), str(text)


def _header(mail: Mapping[str, object]) -> str:
    headers = mail["headers"]
    assert isinstance(headers, dict)
    return str(headers["X-Parcours-Message"])


def _letters(picture: Picture, orders: Sequence[Order]) -> Mapping[UUID, tuple[str, str]]:
    """Whom each message is for, and what it says."""
    customers = {order.id: order.customer for order in orders}
    names = {run.id: order for order, run in picture.runs.items()}
    return {
        message.id: _letter(message.step, order, customers[order])
        for message in picture.messages
        if (order := names[message.run_id])
    }


def _letter(step: str, order: str, customer: Customer) -> tuple[str, str]:
    return {
        "confirm": (customer.email, f"Order {order}"),
        "thanks": (customer.phone, f"Thanks for paying {order}."),
        "rate": (customer.email, f"How was {order}?"),
        "remind": (customer.email, f"{order} is unpaid"),
    }[step]


def wrong_contacts(
    picture: Picture, orders: Sequence[Order], contacts: Mapping[str, Mapping[str, object]]
) -> Iterator[str]:
    """Every contact is known as it was identified, and counted its paid orders once each."""
    customers = {order.customer for order in orders}
    counted = Counter(
        order.customer
        for order in orders
        if any(visit.step == "count" for visit in picture.path(order))
    )
    expected = {
        customer.id: {
            "email": customer.email,
            "phone": customer.phone,
            "attributes": {"paid_orders": counted[customer]} if counted[customer] else {},
        }
        for customer in customers
    }
    for name in expected.keys() | contacts.keys():
        if expected.get(name) != contacts.get(name):
            yield f"{name} is {contacts.get(name)} instead of {expected.get(name)}"
