"""The signed URLs of a message: its pages, its pixel and its links."""

from __future__ import annotations

from base64 import urlsafe_b64decode, urlsafe_b64encode
from dataclasses import dataclass
from functools import lru_cache
from typing import Final
from uuid import UUID

from journeys.links.tokens import LinkKeys, LinkKind

PATHS: Final[dict[LinkKind, str]] = {
    "click": "/l/",
    "open": "/o/",
    "unsubscribe": "/u/",
    "preferences": "/p/",
    "confirm": "/c/",
    "view": "/v/",
    # A robot cannot know it from the others.
    "hidden": "/l/",
}
"""The path before the token of each kind of link."""

SHORT_PATH: Final = "/s/"
"""The path before the code of a link in a text message."""

LINKS: Final = ("unsubscribe_url", "preferences_url", "confirm_url", "view_url")
"""The links that templates read."""

SAMPLE_LINKS: Final = {name: f"https://links.example/{name.split('_')[0]}" for name in LINKS}
"""Links that lead nowhere, for simulations and previews."""

LONGEST_TARGET: Final = 1_400
"""Bytes of a target. With them, a link stays below the 2,000 characters that all readers take."""


@dataclass(frozen=True, slots=True)
class MessageLinks:
    """What the URLs of every message are made of."""

    public_url: str
    """`https://host`, with a path or without, and without a slash at its end."""
    keys: LinkKeys
    tracking: bool = True
    """False: links and opens are not followed, also where a message asks for it."""

    def of(self, message_id: UUID) -> MessageUrls:
        """The URLs of a message."""
        return MessageUrls(self.public_url, self.keys, message_id)


@dataclass(frozen=True, slots=True)
class MessageUrls:
    """The signed URLs of one message."""

    public_url: str
    keys: LinkKeys
    message_id: UUID

    @property
    def unsubscribe(self) -> str:
        """The page on which the reader leaves the topic; POST for one click."""
        return self._url("unsubscribe")

    @property
    def preferences(self) -> str:
        """The page of topics and channels."""
        return self._url("preferences")

    @property
    def confirm(self) -> str:
        """The page on which a subscription is confirmed."""
        return self._url("confirm")

    @property
    def view(self) -> str:
        """The message in the browser."""
        return self._url("view")

    @property
    def open(self) -> str:
        """The image by which an open is seen."""
        return f"{self._url('open')}.gif"

    @property
    def hidden(self) -> str:
        """The link that no reader sees."""
        return self._url("hidden")

    def click(self, index: int, target: str) -> str:
        """The URL that is recorded as a click and leads on to `target`."""
        token = self.keys.token("click", self.message_id, index, target)
        return f"{self.public_url}{PATHS['click']}{token}?u={encode_target(target)}"

    def code(self, target: str) -> str:
        """The code of a link in a text message: the same for the same target."""
        return self.keys.code(self.message_id, target)

    def short(self, code: str) -> str:
        """The URL of a stored link in a text message."""
        return f"{self.public_url}{SHORT_PATH}{code}"

    def _url(self, kind: LinkKind) -> str:
        return f"{self.public_url}{PATHS[kind]}{self.keys.token(kind, self.message_id)}"


def link_variables(urls: MessageUrls) -> dict[str, str]:
    """The links that templates read, by their names."""
    return {
        "unsubscribe_url": urls.unsubscribe,
        "preferences_url": urls.preferences,
        "confirm_url": urls.confirm,
        "view_url": urls.view,
    }


# A message has most links in its HTML and in its text, and shares them with other messages.
@lru_cache(maxsize=2048)
def encode_target(target: str) -> str:
    """A target as it stands in the query.

    Base64url has no character that a mail client, a gateway or a proxy would decode or encode
    again, which would break the signature.
    """
    return urlsafe_b64encode(target.encode()).rstrip(b"=").decode("ascii")


def decode_target(text: str) -> str | None:
    """The target of a query; None if it is not one."""
    if len(text) > LONGEST_TARGET * 4 // 3 + 4:
        return None
    try:
        return urlsafe_b64decode(text + "=" * (-len(text) % 4)).decode()
    except ValueError:
        return None
