"""The shop of the development stack: its files, and the documents that it needs."""

from __future__ import annotations

from dataclasses import dataclass
from importlib.resources import files
from typing import Final

from journeys.library import source

PATH: Final = "/dev/shop/"
FORM: Final = "newsletter"
"""The form of its sign-up. Where it is there, the shop's documents were applied."""
JOURNEYS: Final = ("welcome", "abandoned-cart")
SPEED: Final = 360.0
"""An hour of a wait takes ten seconds."""

_KINDS: Final = {
    "index.html": "text/html; charset=utf-8",
    "shop.css": "text/css; charset=utf-8",
    "shop.js": "text/javascript; charset=utf-8",
}


@dataclass(frozen=True, slots=True)
class ShopFile:
    """A file of the shop."""

    text: str
    kind: str


def read_file(name: str) -> ShopFile | None:
    """A file by its name; None if the shop has no such file."""
    kind = _KINDS.get(name)
    if kind is None:
        return None
    return ShopFile((files(__name__) / name).read_text(encoding="utf-8"), kind)


def documents(address: str) -> list[dict[str, str]]:
    """The files that the shop at an address needs, as `POST /v1/apply` takes them.

    The two journeys are those of the library; their links lead to the shop.
    """
    own = (files(__name__) / "documents.yaml").read_text(encoding="utf-8")
    found = [{"filename": "shop.yaml", "source": own}]
    for name in JOURNEYS:
        text = source(name)
        for link in ("https://shop.example/cart", "https://www.example.com/letters"):
            text = text.replace(link, address)
        text = text.replace("topic: news\nname:", "topic: news\nbrand: shop\nname:", 1)
        text = text.replace("topic: offers\nname:", "topic: offers\nbrand: shop\nname:", 1)
        found.append({"filename": f"{name}.yaml", "source": text})
    return found
