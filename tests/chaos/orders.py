"""The journey under fire, and what its customers are going to do."""

from __future__ import annotations

from dataclasses import dataclass
from random import Random
from typing import Literal

JOURNEY = "orders"

DOCUMENT = """
journey: orders
name: Orders, from placed to rated
entry: {event: Order Placed, key: order_id}
exit: {event: Order Cancelled, where: {order_id: {entry: order_id}}}
defaults: {transactional: true}
steps:
  - {id: confirm, email: {template: confirm}}
  - {id: paid, wait: {event: Order Paid, where: {order_id: {entry: order_id}}, up_to: 6s}}
  - id: how
    branch:
      - name: in-time
        if: {step: paid, is: happened}
        then:
          - {id: thanks, sms: {text: "Thanks for paying {{ entry.order_id }}."}}
          - {id: count, update: {add: {paid_orders: 1}}}
          - {id: delivered, wait: {event: Order Delivered, where: {order_id: {entry: order_id}}}}
          - {id: rate, email: {subject: "How was {{ entry.order_id }}?", text: Tell us.}}
      - else:
          - {id: remind, email: {subject: "{{ entry.order_id }} is unpaid", text: Pay.}}
---
template: confirm
layout: frame
subject: "Order {{ entry.order_id }}"
html: |
  <h1>We have your order</h1>
  <p><a href="https://shop.example/orders/{{ entry.order_id }}">Look at it</a></p>
---
template: frame
html: |
  <html><head><style>h1 {color: #0b6e4f}</style></head><body>{{ content }}
  <p><a href="{{ view_url }}">View in browser</a></p></body></html>
"""
"""An entry with a key, sends on two channels, a wait for an event with and without a bound, a
branch on how it ended, a change that must happen once, and an exit from anywhere. The first mail is
of a template with a layout, and its link is followed."""

CHANNELS = {"confirm": "email", "thanks": "sms", "rate": "email", "remind": "email"}

CONTACTS = 100
ORDERS_EACH = 2
ARRIVING = 14.0
"""Seconds over which orders are placed."""

Fortune = Literal["delivered", "waiting", "prepaid", "silent", "hesitant", "hasty", "leaving"]

SHARES: dict[Fortune, int] = {
    "delivered": 60,  # paid and delivered at once
    "waiting": 20,  # paid at once; delivered only when everything else is over
    "prepaid": 20,  # the same, paid in the call that places it: in time, however slow all is
    "silent": 40,  # never paid
    "hesitant": 25,  # paid about when the wait for it ends
    "hasty": 20,  # cancelled at once, half of them paid before
    "leaving": 15,  # cancelled about when the wait ends
}
"""How many orders of each fortune; together, one for each run."""


@dataclass(frozen=True, slots=True)
class Customer:
    """A contact."""

    number: int

    @property
    def id(self) -> str:
        return f"customer-{self.number}"

    @property
    def email(self) -> str:
        return f"{self.id}@example.com"

    @property
    def phone(self) -> str:
        return f"+336120000{self.number:02}"


@dataclass(frozen=True, slots=True)
class Order:
    """An order, and so a run."""

    id: str
    customer: Customer
    fortune: Fortune
    placed_after: float
    """Seconds after the first."""
    offset: float
    """Seconds from the end of the wait for its payment to a late deed; may be negative."""
    pays_first: bool
    """A hasty one is paid before it is cancelled."""

    @property
    def late_deed(self) -> str | None:
        """What comes about when the wait for the payment ends."""
        return {"hesitant": "Order Paid", "leaving": "Order Cancelled"}.get(self.fortune)

    @property
    def may_be_cancelled(self) -> bool:
        """Whether `Order Cancelled` is posted."""
        return self.fortune in ("hasty", "leaving")

    def message_id(self, event: str) -> str:
        """The `messageId` under which an event of the order is posted, however often."""
        return f"{self.id} {event}"


def make_orders(random: Random) -> list[Order]:
    """All orders, by the time they are placed."""
    fortunes = [fortune for fortune, count in SHARES.items() for _ in range(count)]
    customers = [Customer(number) for number in range(CONTACTS)] * ORDERS_EACH
    assert len(fortunes) == len(customers)
    random.shuffle(fortunes)
    orders = [
        Order(
            id=f"order-{number}",
            customer=customer,
            fortune=fortune,
            placed_after=random.uniform(0, ARRIVING),
            offset=random.uniform(-4, 1) if fortune == "leaving" else random.uniform(-1, 1),
            pays_first=random.random() < 0.5,
        )
        for number, (customer, fortune) in enumerate(zip(customers, fortunes, strict=True))
    ]
    return sorted(orders, key=lambda order: order.placed_after)
