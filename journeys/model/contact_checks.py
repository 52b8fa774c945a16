"""Attributes of a contact as they come in: which have a form of their own, and which it is."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from functools import cache
from typing import Any
from zoneinfo import available_timezones

from journeys.model.addresses import check_email, normalise_phone
from journeys.model.countries import country_code

TEXT_LIMIT = 500
"""Characters of an attribute with a column of its own."""

_LOCALE = re.compile(r"[A-Za-z]{2,3}([-_][A-Za-z0-9]{2,8})*", re.ASCII)


class AttributeRefused(ValueError):
    """A value that its attribute cannot have."""

    def __init__(self, name: str, message: str) -> None:
        super().__init__(message)
        self.name = name


def check_attributes(given: Mapping[str, Any], *, operate: bool) -> dict[str, Any]:
    """The values that a contact may take over, by attribute; None removes one.

    `external_id` is left out, and so are `score` and `lifecycle` unless `operate`: write keys are
    public in browsers. Raises AttributeRefused.
    """
    checked: dict[str, Any] = {}
    for name, value in given.items():
        if name == "external_id" or (name in ("score", "lifecycle") and not operate):
            continue
        check = _CHECKS.get(name)
        if value is None or check is None:
            checked[name] = value
        else:
            try:
                checked[name] = check(value)
            except ValueError as error:
                raise AttributeRefused(name, str(error)) from None
    return checked


def check_context(context: Mapping[str, Any]) -> dict[str, str]:
    """The zone and the locale of a call's context, where they are any.

    Clients gather a context by themselves: what they get wrong is nobody's mistake, and left out.
    """
    found: dict[str, str] = {}
    for name, check in (("timezone", check_timezone), ("locale", check_locale)):
        value = context.get(name)
        if value is not None:
            try:
                found[name] = check(value)
            except ValueError:
                continue
    return found


def check_timezone(value: object) -> str:
    """A zone of the IANA database. Raises ValueError."""
    text = _text(value)
    if text not in _zones():
        raise ValueError(f"{text!r} is not a zone of the IANA database, such as Europe/Paris")
    return text


def check_locale(value: object) -> str:
    """A language tag such as `fr` or `fr-FR` (BCP 47, `_` allowed). Raises ValueError."""
    text = _text(value)
    if _LOCALE.fullmatch(text) is None:
        raise ValueError(f"{text!r} is not a locale such as fr or fr-FR")
    return text


def check_country(value: object) -> str:
    """A country's two letters (ISO 3166-1), in capitals. Raises ValueError."""
    return country_code(_text(value))


def _check_score(value: object) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise ValueError("must be a number")
    if not math.isfinite(value):
        raise ValueError("the number is out of range")
    return float(value)


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise ValueError("must be a text")
    if not value.strip():
        raise ValueError("must not be empty; null removes it")
    if len(value) > TEXT_LIMIT:
        raise ValueError(f"must have at most {TEXT_LIMIT} characters")
    return value


_CHECKS = {
    "email": lambda value: check_email(_text(value)),
    "phone": lambda value: normalise_phone(_text(value)),
    "timezone": check_timezone,
    "locale": check_locale,
    "country": check_country,
    "score": _check_score,
    "lifecycle": _text,
}


@cache
def _zones() -> frozenset[str]:
    return frozenset(available_timezones()) - {"localtime", "posixrules", "Factory"}
