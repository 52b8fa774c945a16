"""What a new key may be given: the routes and the command check it alike."""

from __future__ import annotations

import re
from typing import Annotated, Any

from pydantic import AfterValidator, BeforeValidator, Field, field_validator

from api.http.strict_models import LARGEST_INTEGER, StrictBody
from api.http.times import Instant, parse_time
from store.events.effect_events import ENGINE
from store.operations.api_keys import KeyOptions, Scope

_ORIGIN = re.compile(r"https?://[a-z0-9.-]{1,253}(:[0-9]{1,5})?|https?://\[[0-9a-f:]+\](:[0-9]+)?")


def _check_origin(text: str) -> str:
    origin = text.lower()
    if _ORIGIN.fullmatch(origin) is None:
        raise ValueError("must be an origin such as https://shop.example, without a path")
    return origin


def _instant(value: Any) -> Any:
    return parse_time(value) if value is not None else None


Origin = Annotated[str, Field(max_length=300), AfterValidator(_check_origin)]


class NewKey(StrictBody):
    """The scope of a new key, and its options."""

    scope: Scope
    name: str | None = Field(default=None, min_length=1, max_length=200)
    source: str | None = Field(default=None, min_length=1, max_length=64)
    """The keys of one source share the ids of their messages. By default, those of one scope do."""

    @field_validator("source")
    @classmethod
    def _check_source(cls, source: str | None) -> str | None:
        if source == ENGINE:
            raise ValueError(f"{ENGINE} is the engine's own source: choose another")
        return source

    may_change_addresses: bool | None = None
    """Whether it may change an address of a contact that has one. By default, unless `ingest`."""
    user_hash_secret: str | None = Field(default=None, min_length=16, max_length=200)
    """The secret of the HMAC-SHA256 of a user id, `userHash`, by which a client proves that id."""
    origins: list[Origin] | None = Field(default=None, max_length=100)
    """The origins whose pages may use it. By default all."""
    events_per_minute: int | None = Field(default=None, ge=1, le=LARGEST_INTEGER)
    """The most tracking calls a minute, for all contacts together. By default without a limit."""
    address_events_per_minute: int | None = Field(default=None, ge=1, le=LARGEST_INTEGER)
    """The most of them from one network address. By default 1,000 if the key has origins."""
    expires: Annotated[Instant | None, BeforeValidator(_instant)] = None
    """When it stops working. By default never."""

    def options(self) -> KeyOptions:
        """The options as the store takes them."""
        return KeyOptions(
            source=self.source,
            may_change_addresses=self.may_change_addresses,
            user_hash_secret=self.user_hash_secret,
            origins=None if self.origins is None else tuple(self.origins),
            events_per_minute=self.events_per_minute,
            address_events_per_minute=self.address_events_per_minute,
            expires_at=self.expires,
        )
