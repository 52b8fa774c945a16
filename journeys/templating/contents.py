"""Compiled contents of messages: texts with Liquid, in one language, ready to be rendered."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, fields
from functools import cached_property
from hashlib import sha256
from typing import Any, Final

import orjson

FIELDS: Final = ("subject", "preheader", "html", "text", "sms")
"""The texts of a content."""


@dataclass(frozen=True, kw_only=True)
class Content:
    """What a message is rendered from."""

    subject: str | None = None
    preheader: str | None = None
    """The line that mail programs show beside the subject. It stands in the HTML as well."""
    html: str | None = None
    text: str | None = None
    sms: str | None = None
    text_made: bool = False
    """Whether the text was made from the HTML."""
    not_inlined: bool = False
    """Whether its style sheets stay in the head, because its HTML is not nested as it must be."""
    track: dict[str, bool] | None = None
    """What the template says about tracking, as its `track`."""
    utm: dict[str, str] | None = None
    """The campaign parameters of the template, as its `utm`."""
    reads: tuple[str, ...] = ()
    """The variables that it reads, by their first names."""
    prints: tuple[str, ...] = ()
    """The attributes that it prints and for which it has no default, as paths."""

    @cached_property
    def hash(self) -> str:
        """The name of the content: the same texts have the same."""
        return sha256(orjson.dumps(self.as_json(), option=orjson.OPT_SORT_KEYS)).hexdigest()[:32]

    def as_json(self) -> dict[str, Any]:
        """The content for PostgreSQL; what it does not have is left out."""
        found = asdict(self)
        return {
            name: list(value) if isinstance(value, tuple) else value
            for name, value in found.items()
            if value not in (None, (), False)
        }

    @classmethod
    def from_json(cls, kept: Mapping[str, Any]) -> Content:
        """The content that `as_json` made."""
        known = {field.name for field in fields(cls)}
        given: dict[str, Any] = {
            name: tuple(value) if isinstance(value, list) else value
            for name, value in kept.items()
            if name in known
        }
        return cls(**given)


def locale_chain(locale: str | None) -> list[str]:
    """A locale and those that it falls back to, in lower case: `fr-CA` gives `fr-ca`, `fr`."""
    parts = (locale or "").lower().replace("_", "-").split("-")
    return ["-".join(parts[:size]) for size in range(len(parts), 0, -1) if parts[0]]


def choose_locale(locale: str | None, available: Iterable[str]) -> str:
    """The nearest of the locales of a template; empty: the template itself."""
    by_name = {each.lower().replace("_", "-"): each for each in available}
    return next((by_name[each] for each in locale_chain(locale) if each in by_name), "")
