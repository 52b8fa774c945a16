"""Changes of attributes that can never be made as they are written."""

from __future__ import annotations

from collections.abc import Iterator
from typing import cast

from journeys.checks.value_domains import kind_of, of_attribute
from journeys.model.actions import Update
from journeys.model.contact_fields import CONTACT_FIELDS, EXTERNAL_ID, FieldName
from journeys.model.document_parts import Part
from journeys.model.json_values import find_flaw
from journeys.model.problems import Problem
from journeys.model.values import Reference, references_in

_FLAWS = {
    "out_of_range": "a number is out of range",
    "not_storable": "it holds a character that is never stored",
    "too_deep": "it is nested too deeply",
}
_WORDS = {"text": "text", "number": "a number", "truth": "true or false"}


def update_problems(part: Part, update: Update) -> Iterator[Problem]:
    """Names that no attribute has, and values that their attribute cannot have."""
    for key in ("set", "unset", "add"):
        for name in getattr(update, key):
            yield from _name(part, key, name)
    for name in update.set:
        yield from _value(part, name, update.set[name])
    for name in update.add:
        if name in CONTACT_FIELDS and CONTACT_FIELDS[cast("FieldName", name)].type != "number":
            kind = _WORDS[CONTACT_FIELDS[cast("FieldName", name)].type]
            message = f"`{name}` is {kind}, and `add` takes numbers"
            yield _problem(part, "value", message, "add", name)
    for name in update.set.keys() & update.add.keys():
        message = f"`{name}` is set and added to in one step, and only one of them would count"
        yield part.problem("twice", message, "make two steps of it", "add")
    for name in update.unset:
        for key in ("set", "add"):
            if name in getattr(update, key):
                message = f"`{name}` is removed and changed in one step"
                yield part.problem("twice", message, "keep one of them", "unset")


def _name(part: Part, key: str, name: str) -> Iterator[Problem]:
    if name == EXTERNAL_ID:
        yield part.problem("fixed", f"`{EXTERNAL_ID}` can't be changed", None, key)
    elif name in CONTACT_FIELDS and not CONTACT_FIELDS[cast("FieldName", name)].by_steps:
        message = f"`{name}` is set by operators, and not by journeys"
        yield part.problem("fixed", message, None, key)
    elif "." in name:
        first, _, rest = name.partition(".")
        message = f"`{name}` has a dot, which reaches into an attribute: a step changes whole ones"
        hint = f"set {first}: {{{rest.replace('.', ': {')}: …}}" + "}" * rest.count(".")
        yield _problem(part, "dotted", message, key, name, hint if key == "set" else None)


def _value(part: Part, name: str, value: object) -> Iterator[Problem]:
    if flaw := find_flaw(None if references_in(value) else value):
        yield _problem(part, "value", f"`{name}`: {_FLAWS[flaw]}", "set", name)
        return
    field = CONTACT_FIELDS.get(cast("FieldName", name))
    # A reference is checked when its value is known. Null and an empty text remove the field.
    if field is None or value is None or value == "" or isinstance(value, Reference):
        return
    if kind_of(value) not in of_attribute(name).kinds:
        message = f"`{name}` is {_WORDS[field.type]}, not {kind_of(value)}"
        yield _problem(part, "value", message, "set", name)
        return
    try:
        field.check(value)
    except ValueError as error:
        yield _problem(part, "value", f"`{name}`: {error}", "set", name)


def _problem(
    part: Part, code: str, message: str, key: str, name: str, hint: str | None = None
) -> Problem:
    inside = (key, name) if key != "unset" else (key,)
    return Problem(code, message, hint, path=(*part.path, *inside), step=part.step)
