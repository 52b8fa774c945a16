"""The fields of a contact: one definition of each, from which everything else is derived.

A field is a column of the table `contact`, an attribute in conditions and templates, and a name in
the API. All other attributes of a contact are keys of its `attributes`. Adding a field is an entry
here, its column in `store.tables.contacts` with a migration, and its place in the dataclass
`store.tables.contact_fields.ContactFields`, which a test compares with this list.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any, Final, Literal, get_args
from zoneinfo import available_timezones

from journeys.model.addresses import check_email, normalise_phone
from journeys.model.countries import country_code
from journeys.model.json_values import find_flaw, is_number

FieldName = Literal[
    "email", "phone", "timezone", "locale", "country", "score", "lifecycle", "restricted"
]
EXTERNAL_ID: Final = "external_id"
"""The id by which other systems know a contact: readable like a field, but never changed."""

TEXT_LIMIT: Final = 500
"""Characters of a field that is text."""

_LOCALE = re.compile(r"[A-Za-z]{2,3}([-_][A-Za-z0-9]{2,8})*", re.ASCII)


@dataclass(frozen=True, slots=True, kw_only=True)
class ContactField:
    """One field."""

    check: Callable[[object], Any]
    """Returns the value as it is stored. Raises ValueError that says what would be right."""
    type: Literal["text", "number", "truth"] = "text"
    absent: Any = None
    """The value of a contact that has none."""
    operate_only: bool = False
    """Only keys of scope `operate` may set it: write keys are public in browsers."""
    by_steps: bool = True
    """Whether a step of a journey may set it."""
    from_context: bool = False
    """The context of a tracking call, or its `location`, fills it in if it is absent."""


def check_text(value: object) -> str:
    """The value, if it is a text and not empty. Raises ValueError."""
    if not isinstance(value, str):
        raise ValueError("must be a text")
    if not value.strip():
        raise ValueError("must not be empty; null removes it")
    if len(value) > TEXT_LIMIT:
        raise ValueError(f"must have at most {TEXT_LIMIT} characters")
    return value


def check_timezone(value: object) -> str:
    """The value, if it is a zone of the IANA database. Raises ValueError."""
    text = check_text(value)
    if text not in _zones():
        raise ValueError(f"{text!r} is not a zone of the IANA database, such as Europe/Paris")
    return text


def check_locale(value: object) -> str:
    """The value, if it is a language tag such as `fr-FR` (BCP 47, also with `_`).

    Raises ValueError.
    """
    text = check_text(value)
    if _LOCALE.fullmatch(text) is None:
        raise ValueError(f"{text!r} is not a locale such as fr or fr-FR")
    return text


def check_score(value: object) -> float:
    """The value as a float, if it is a finite number. Raises ValueError."""
    if not is_number(value):
        raise ValueError("must be a number")
    if find_flaw(value):
        raise ValueError("the number is out of range")
    return float(value)


def check_truth(value: object) -> bool:
    """The value, if it is true or false. Raises ValueError."""
    if not isinstance(value, bool):
        raise ValueError("must be true or false")
    return value


CONTACT_FIELDS: Final[Mapping[FieldName, ContactField]] = {
    "email": ContactField(check=lambda value: check_email(check_text(value))),
    "phone": ContactField(check=lambda value: normalise_phone(check_text(value))),
    "timezone": ContactField(check=check_timezone, from_context=True),
    "locale": ContactField(check=check_locale, from_context=True),
    # ISO 3166-1, in capitals.
    "country": ContactField(check=lambda value: country_code(check_text(value)), from_context=True),
    "score": ContactField(check=check_score, type="number", absent=0.0, operate_only=True),
    "lifecycle": ContactField(check=check_text, operate_only=True),
    # Nothing is sent to a restricted contact, and nothing is begun.
    "restricted": ContactField(
        check=check_truth, type="truth", absent=False, operate_only=True, by_steps=False
    ),
}

FIELD_NAMES: Final[tuple[FieldName, ...]] = get_args(FieldName)
"""The fields in the order of their columns."""
READABLE_NAMES: Final = (EXTERNAL_ID, *FIELD_NAMES)
"""The names that conditions and templates read, in addition to the attributes."""


@cache
def _zones() -> frozenset[str]:
    return frozenset(available_timezones()) - {"localtime", "posixrules", "Factory"}
