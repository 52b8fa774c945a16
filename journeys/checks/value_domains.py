"""The values that something can have: a field of a contact, a count, an outcome, or any JSON."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from typing import Any, Final, Literal, cast
from zoneinfo import available_timezones

from journeys.model.contact_fields import CONTACT_FIELDS, EXTERNAL_ID, ContactField, FieldName
from journeys.model.countries import country_codes
from journeys.model.json_values import is_number

Kind = Literal["text", "number", "truth", "list", "object"]
ANY_KIND: Final[frozenset[Kind]] = frozenset(("text", "number", "truth", "list", "object"))
_ANY_TEXT: Final = ("", "-x-", "-y")


@dataclass(frozen=True, slots=True, kw_only=True)
class Domain:
    """The values that something can have."""

    name: str | None = None
    """How documents name it; None for a value of any kind."""
    kinds: frozenset[Kind] = ANY_KIND
    absent: bool = True
    """Whether it may be missing."""
    stored: Callable[[object], Any] | None = None
    """Returns the form in which a value is stored. Raises ValueError if it never is."""
    choices: Callable[[], Collection[str]] | None = None
    """All of its values, if they are few."""
    fillers: Sequence[str] = _ANY_TEXT
    """Texts around a part of a value that make it one that is stored."""
    whole: bool = False
    """Whether its numbers are whole and not below `least`."""
    least: int = 0
    time: bool = False
    """Whether it may be a time."""
    reasons: Mapping[str, str] = field(default_factory=dict)
    """Why it never has some values that others of its kind have."""

    def allows(self, value: Any) -> bool:
        """Whether it can have the value."""
        if kind_of(value) not in self.kinds:
            return False
        if self.whole and not (value >= self.least and value == int(value)):
            return False
        if self.choices is not None:
            return value in self.choices()
        if self.stored is None:
            return True
        try:
            return bool(self.stored(value) == value)
        except ValueError:
            return False


def kind_of(value: object) -> Kind:
    """The kind of a JSON value that is not null."""
    if isinstance(value, bool):
        return "truth"
    if is_number(value):
        return "number"
    if isinstance(value, str):
        return "text"
    return "list" if isinstance(value, list) else "object"


@cache
def _zones() -> frozenset[str]:
    found = set()
    for zone in available_timezones():
        try:
            found.add(CONTACT_FIELDS["timezone"].check(zone))
        except ValueError:
            continue
    return frozenset(found)


_CHOICES: Final[dict[str, Callable[[], Collection[str]]]] = {
    "country": country_codes,
    "timezone": _zones,
}
_DIGITS: Final = "1" * 13
_FILLERS: Final[dict[str, Sequence[str]]] = {
    "email": (
        "", "a", "a@", "a@a", "a@a.", "a@a.com", "@", "@a", "@a.com", "a.com", ".com", "com",
        "x@y-", "b", "b@a.com",
    ),
    "phone": (
        "", "+", *("+49" + _DIGITS[:count] for count in range(13)),
        *(_DIGITS[:count] for count in range(1, 14)),
    ),
    "locale": ("", "f", "fr", "fr-", "fr_", "fr-F", "-", "-FR", "R", "FR", "FRA", "de"),
}  # fmt: skip
"""For each field whose texts have a form: what makes a part of one into a whole one."""


def _field(name: str, field: ContactField) -> Domain:
    return Domain(
        name=name,
        kinds=frozenset((field.type,)),
        # A contact without a score has the score 0, and without a restriction it is not restricted.
        absent=field.absent is None,
        stored=field.check,
        choices=_CHOICES.get(name),
        fillers=_FILLERS.get(name, _ANY_TEXT),
        time=name == "lifecycle",
    )


ANYTHING: Final = Domain(time=True)
COUNT: Final = Domain(name="count", kinds=frozenset(("number",)), absent=False, whole=True)
_FIELDS: Final = {name: _field(name, field) for name, field in CONTACT_FIELDS.items()}
_EXTERNAL_ID: Final = Domain(name=EXTERNAL_ID, kinds=frozenset(("text",)), time=True)


def of_attribute(path: str) -> Domain:
    """The domain of an attribute of the contact."""
    if path == EXTERNAL_ID:
        return _EXTERNAL_ID
    return _FIELDS.get(cast("FieldName", path), ANYTHING)


def of_aggregate(word: str) -> Domain:
    """The domain of a `sum`, `avg`, `min` or `max`: a sum of nothing is 0, the others are missing.

    Only numbers are aggregated.
    """
    kinds: frozenset[Kind] = frozenset(("number",))
    return Domain(name=word, kinds=kinds, absent=word != "sum", time=word != "sum")


def of_outcome(step: str, possible: Sequence[str], never: Mapping[str, str]) -> Domain:
    """The domain of a step's outcome: the possible ones, without those that it never has."""
    return Domain(
        name=f"the outcome of {step}",
        kinds=frozenset(("text",)),
        choices=lambda: [outcome for outcome in possible if outcome not in never],
        reasons={
            outcome: f"`{step}` never ends `{outcome}`: {why}" for outcome, why in never.items()
        },
    )


_OUTPUTS: Final[dict[str, Domain]] = {
    "at": Domain(name="at", kinds=frozenset(("text",)), time=True),
    "visits": Domain(name="visits", kinds=frozenset(("number",)), whole=True, least=1),
    "status": Domain(name="status", kinds=frozenset(("number",)), whole=True, least=100),
    "code": Domain(name="code", kinds=frozenset(("text",)), time=True),
}


def of_output(path: str) -> Domain:
    """The domain of what a step leaves."""
    return _OUTPUTS.get(path, ANYTHING)
