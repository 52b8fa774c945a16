"""The contacts of the demo, and what each does when.

A contact acts some time after the stack is ready, or after a mail has arrived. Times are in real
seconds.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class Looks:
    """A page view of an anonymous visitor."""

    page: str


@dataclass(frozen=True, slots=True)
class Introduces:
    """An identify call. The events of the anonymous visitor become the contact's."""


@dataclass(frozen=True, slots=True)
class Does:
    """An event that the shop's site may post."""

    event: str
    properties: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Confirms:
    """A confirmation by the link in the mail, posted by the shop's backend."""

    topic: str


@dataclass(frozen=True, slots=True)
class Reads:
    """A report of the mail provider on the newest mail: `what` is Opened or Clicked."""

    what: str
    by: str = "human"


Deed = Looks | Introduces | Does | Confirms | Reads


@dataclass(frozen=True, slots=True)
class Act:
    """Deeds done together, once `mails` have arrived and `pause` seconds later."""

    says: str
    deeds: tuple[Deed, ...]
    mails: int = 0
    pause: float = 0.0


@dataclass(frozen=True, slots=True)
class Contact:
    """One of the cast."""

    name: str
    journey: str
    """The journey that the contact is expected to enter."""
    acts: tuple[Act, ...]
    reachable: bool = True

    @property
    def id(self) -> str:
        """What the shop calls them."""
        return self.name.lower()

    @property
    def email(self) -> str | None:
        """Where their mail goes; None if the shop does not know."""
        return f"{self.id}@example.com" if self.reachable else None


_OPENED, _CLICKED = Reads("Opened"), Reads("Clicked")
_SCANNED = Reads("Opened", by="machine")
_NEWS = Confirms("news")


def _signs_up(pause: float) -> Act:
    return Act("signs up", (Introduces(), Does("Topic Subscribed", {"topic": "news"})), pause=pause)


def _fills(says: str, pause: float, *deeds: Deed) -> Act:
    offers = Does("Topic Subscribed", {"topic": "offers"})
    return Act(says, (Introduces(), offers, *deeds), pause=pause)


def _cart(number: str, total: float) -> Does:
    items = [{"name": "Oak tray", "price": total}] if total else []
    return Does("Cart Updated", {"cart_id": number, "total": total, "items": items})


def _order(number: str, total: float) -> Does:
    return Does("Order Completed", {"order_id": f"o-{number}", "cart_id": number, "total": total})


CAST: tuple[Contact, ...] = (
    Contact(
        "Ada",
        "welcome",
        (
            _signs_up(0.0),
            Act("clicks and confirms", (_OPENED, _CLICKED, _NEWS), mails=1, pause=0.5),
            Act("opens the welcome", (_OPENED,), mails=2, pause=0.5),
        ),
    ),
    Contact(
        "Ben",
        "welcome",
        (
            _signs_up(0.2),
            Act("confirms when reminded", (_OPENED, _CLICKED, _NEWS), mails=2, pause=0.5),
        ),
    ),
    Contact(
        "Chloe",
        "welcome",
        (
            Act("looks around", (Looks("Spring catalogue"),), pause=0.1),
            _signs_up(0.6),
            Act("confirms", (_NEWS,), mails=1, pause=2.0),
        ),
    ),
    Contact("Dora", "welcome", (_signs_up(0.4),)),
    Contact("Emil", "welcome", (_signs_up(0.6),), reachable=False),
    Contact(
        "Farah",
        "welcome",
        (
            _signs_up(0.8),
            Act("a scanner opens; confirms", (_SCANNED, _NEWS), mails=1, pause=1.0),
        ),
    ),
    Contact(
        "Gita",
        "abandoned-cart",
        (
            _fills("fills a cart", 0.1, _cart("c-1", 80)),
            Act("clicks", (_OPENED, _CLICKED), mails=1, pause=1.0),
            Act("buys", (_order("c-1", 80),), mails=1, pause=1.0),
        ),
    ),
    Contact(
        "Hugo",
        "abandoned-cart",
        (_fills("fills a cart, adds more", 0.3, _cart("c-2", 35), _cart("c-2", 59)),),
    ),
    Contact(
        "Iris",
        "abandoned-cart",
        (_fills("fills a cart and buys", 0.5, _cart("c-3", 42), _order("c-3", 42)),),
    ),
    Contact(
        "Jan",
        "abandoned-cart",
        (
            _fills("fills a cart", 0.7, _cart("c-4", 27.5)),
            Act("empties the cart", (_OPENED, _cart("c-4", 0)), mails=1, pause=2.0),
        ),
    ),
    Contact(
        "Kim",
        "abandoned-cart",
        (
            _fills("fills a cart", 0.9, _cart("c-5", 120)),
            Act(
                "unsubscribes",
                (_OPENED, Does("Topic Unsubscribed", {"topic": "offers"})),
                mails=1,
                pause=1.0,
            ),
        ),
    ),
    Contact(
        "Lena",
        "abandoned-cart",
        (_fills("fills a small cart", 1.1, _cart("c-6", 12)),),
    ),
)
"""Twelve: enough for every way that the two journeys can go."""
