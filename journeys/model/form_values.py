"""What a visitor filled in: checked field by field, as the attributes of a contact are."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any, Final, Literal, assert_never, cast, get_args

from journeys.model.addresses import check_email, normalise_phone
from journeys.model.contact_fields import CONTACT_FIELDS, FieldName
from journeys.model.forms import Form, FormField

Mistake = Literal["required", "tick", "email", "phone", "date", "choice", "long", "links", "value"]
"""What is wrong with a field; its words are the page text `form_error_…`."""
MISTAKES: Final[tuple[Mistake, ...]] = get_args(Mistake)

_TICKED: Final = frozenset({"on", "true", "1", "yes"})
_WEB_ADDRESS: Final = re.compile(r"://|\bwww\.|<[a-z/]", re.IGNORECASE)
_CONTROLS: Final = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\u2028\u2029\ud800-\udfff]")
_EARLIEST: Final = date(1000, 1, 1)


@dataclass(frozen=True, slots=True)
class JudgedForm:
    """The values of a form as they are recorded, and the fields that are to be corrected."""

    values: dict[str, Any] = field(default_factory=dict)
    """By field; one that was left empty is missing."""
    mistakes: dict[str, Mistake] = field(default_factory=dict)


def judge_form(form: Form, given: Mapping[str, Sequence[str]]) -> JudgedForm:
    """Check the texts that were filled in. Those of unknown names are left out."""
    judged = JudgedForm()
    for each in form.fields:
        text = next(iter(given.get(each.name, ())), "")
        try:
            value = _checked(each, text)
        except _Wrong as wrong:
            judged.mistakes[each.name] = wrong.mistake
            continue
        if value is not None:
            judged.values[each.name] = value
    return judged


class _Wrong(Exception):
    def __init__(self, mistake: Mistake) -> None:
        super().__init__(mistake)
        self.mistake: Mistake = mistake


def _checked(definition: FormField, text: str) -> Any:
    """The value of a field, None if it was left empty. Raises _Wrong."""
    if definition.type == "checkbox":
        ticked = text.strip().lower() in _TICKED
        if definition.required and not ticked:
            raise _Wrong("tick")
        return ticked
    text = text.replace("\r\n", "\n").replace("\r", "\n").strip()
    if not text:
        if definition.required:
            raise _Wrong("required")
        return None
    if len(text) > definition.limit:
        raise _Wrong("long")
    if _CONTROLS.search(text):
        raise _Wrong("value")
    match definition.type:
        case "text":
            return _text(definition, text)
        case "email":
            return _as(check_email, text, "email")
        case "phone":
            return _as(normalise_phone, text, "phone")
        case "date":
            return _as(_date, text, "date")
        case "choice":
            if text not in definition.options:
                raise _Wrong("choice")
            return _of_contact(definition, text)
        case _:
            assert_never(definition.type)


def _text(definition: FormField, text: str) -> Any:
    if definition.lines is None and "\n" in text:
        raise _Wrong("value")
    if not definition.links and _WEB_ADDRESS.search(text):
        raise _Wrong("links")
    return _of_contact(definition, text)


def _of_contact(definition: FormField, text: str) -> Any:
    """The value as the contact's field of this name has it."""
    known = CONTACT_FIELDS.get(cast("FieldName", definition.name))
    if known is None or definition.keep == "event":
        return text
    return _as(known.check, text, "value")


def _as(check: Callable[[Any], Any], text: str, mistake: Mistake) -> Any:
    try:
        return check(text)
    except ValueError:
        raise _Wrong(mistake) from None


def _date(text: str) -> str:
    if re.fullmatch(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", text, re.ASCII) is None:
        raise ValueError(text)
    found = date.fromisoformat(text)
    if found < _EARLIEST:
        raise ValueError(text)
    return found.isoformat()
