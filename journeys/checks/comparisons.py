"""Comparisons that can never hold, or always do: what is wrong, and what would be right.

First each operator is looked at alone, and if nothing is wrong with any, all of them together.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any, Final, NamedTuple

from journeys.checks.meeting_operators import (
    INSTANTS,
    NEGATIVE,
    PARTS,
    Operators,
    can_be_met,
    is_reversed,
    known_operators,
)
from journeys.checks.value_domains import ANY_KIND, Domain, Kind, kind_of
from journeys.model.json_values import find_flaw, is_number
from journeys.model.unions import closest_match
from journeys.model.values import DocumentModel
from journeys.time.instants import read_time

ORDER: Final = ("gt", "gte", "lt", "lte")
_KINDS: Final[dict[str, frozenset[Kind]]] = {
    **{word: frozenset(("number",)) for word in ORDER},
    **{word: frozenset(("text", "number")) for word in INSTANTS},
    "starts_with": frozenset(("text",)),
    "ends_with": frozenset(("text",)),
    "contains": frozenset(("text", "list")),
    "any": frozenset(("list",)),
}
"""The kinds of values of which an operator may hold."""
_SHOWN: Final = 40


class Finding(NamedTuple):
    """What is wrong with an operator."""

    word: str
    """The operator, a key of the comparison."""
    message: str
    hint: str | None
    always: bool = False
    """The comparison always holds for it; otherwise it never does."""


def findings(operators: Operators, domain: Domain) -> list[Finding]:
    """What keeps a comparison with values of the domain from ever holding, or from ever failing."""
    found = [each for word in operators for each in _alone(word, operators[word], domain)]
    if any(not each.always for each in found):
        return found
    together = _together(operators, domain)
    return [*found, together] if together is not None else found


# -------------------------------------------------------------------- each operator by itself


def _alone(word: str, operand: Any, domain: Domain) -> Iterator[Finding]:
    unsuited = _unsuited(word, domain)
    if unsuited is not None:
        yield Finding(word, unsuited, None)
    elif isinstance(operand, DocumentModel):
        return
    elif word == "exists":
        yield from _existence(operand, domain)
    elif word in ("in", "not_in"):
        yield from _listed(word, operand or [], domain)
    elif operand is None:
        yield _null(word)
    elif word in ("is", "is_not"):
        yield from _equality(word, operand, domain)
    elif word in ORDER:
        yield from _order(word, operand, domain)
    elif word in PARTS:
        yield from _part(word, operand, domain)


def _unsuited(word: str, domain: Domain) -> str | None:
    """Why the operator suits no value of the domain, for any operand."""
    if word in ORDER and "number" not in domain.kinds:
        return f"`{word}` compares numbers, and `{domain.name}` is text"
    if word in PARTS and not domain.kinds & {"text", "list"}:
        return f"`{word}` compares texts, and `{domain.name}` is a number"
    if word == "any" and "list" not in domain.kinds:
        return f"`{domain.name}` is no list"
    if word in INSTANTS and not domain.time:
        return f"`{domain.name}` is never a time"
    return None


def _null(word: str) -> Finding:
    if word == "is":
        return Finding(word, "nothing equals null", "say exists: false")
    if word == "is_not":
        return Finding(word, "nothing equals null, so this always holds", "say exists: true", True)
    return Finding(word, f"`{word}` has no value, so it never holds", None)


def _existence(asked: Any, domain: Domain) -> Iterator[Finding]:
    if domain.absent:
        return
    name = domain.name
    hint = f"say {'is' if name == 'score' else name}: 0" if name in ("score", "count") else None
    if asked is False:
        yield Finding("exists", f"there is always a {name}, so it never is missing", hint)
    else:
        yield Finding("exists", f"there is always a {name}, so this always holds", None, True)


def _listed(word: str, operands: Any, domain: Domain) -> Iterator[Finding]:
    if not isinstance(operands, list):
        return
    if not operands:
        if word == "in":
            yield Finding(word, "an empty list has no value, so this never holds", None)
        else:
            yield Finding(word, "an empty list excludes no value", "leave it out", True)
    for operand in operands:
        if isinstance(operand, DocumentModel):
            continue
        if operand is None:
            hint = "say exists: false" if word == "in" else "say exists: true"
            yield Finding(word, "nothing equals null", hint, word == "not_in")
        else:
            yield from _equality(word, operand, domain)


def _equality(word: str, operand: Any, domain: Domain) -> Iterator[Finding]:
    always = word in NEGATIVE
    wrong = _wrong_kind(operand, domain)
    if wrong is not None:
        yield Finding(word, *wrong, always)
    elif find_flaw(operand):
        yield Finding(
            word, f"{_shown(operand)} holds a character that is never stored", None, always
        )
    elif not domain.allows(operand):
        yield Finding(word, *_never_stored(operand, domain), always)


def _wrong_kind(operand: Any, domain: Domain) -> tuple[str, str | None] | None:
    kind = kind_of(operand)
    if kind in domain.kinds:
        return None
    if kind == "text":
        number = _number(operand)
        hint = f"write {operand.strip()} without quotes" if number is not None else None
        return f"`{domain.name}` is a number, and the text {_shown(operand)} equals none", hint
    if "text" in domain.kinds:
        hint = f'quote it: "{_plain(operand)}"'
        return f"`{domain.name}` is text, and {_plain(operand)} equals none", hint
    return f"`{domain.name}` is a number, and {_plain(operand)} is none", None


def _never_stored(operand: Any, domain: Domain) -> tuple[str, str | None]:
    if domain.whole:
        least = f"a whole number and not below {domain.least}"
        return f"`{domain.name}` is {least}, never {_plain(operand)}", None
    if domain.stored is not None:
        try:
            stored = domain.stored(operand)
        except ValueError as error:
            return f"`{domain.name}` is never {_shown(operand)}: {error}", _near(operand, domain)
        return (
            f"`{domain.name}` is never stored as {_shown(operand)}",
            f"write {_plain(stored)}",
        )
    if operand in domain.reasons:
        return domain.reasons[operand], None
    return f"{domain.name} is never {_shown(operand)}", _near(operand, domain)


def _near(operand: Any, domain: Domain) -> str | None:
    if domain.choices is None:
        return None
    choices = sorted(domain.choices())
    near = closest_match(str(operand), choices)
    if near is not None:
        return f"did you mean `{near}`?"
    return f"there are {', '.join(choices)}" if len(choices) <= 12 else None


def _order(word: str, operand: Any, domain: Domain) -> Iterator[Finding]:
    if is_number(operand):
        below = operand < domain.least or (word in ("gte", "lt") and operand == domain.least)
        if not (domain.whole and below):
            return
        message = f"`{domain.name}` is never below {domain.least}"
        if word in ("lt", "lte"):
            yield Finding(word, f"{message}, so this never holds", None)
        elif not domain.absent:
            yield Finding(word, f"{message}, so this always holds", None, True)
    elif isinstance(operand, str):
        message = f"`{word}` compares numbers, and the text {_shown(operand)} is none"
        hint = None
        if _number(operand) is not None:
            hint = f"write {word}: {operand.strip()} without quotes"
        elif read_time(operand) is not None:
            hint = f"for times say {'after' if word in ('gt', 'gte') else 'before'}: {operand}"
        yield Finding(word, message, hint)
    else:
        yield Finding(word, f"`{word}` compares numbers, and {_plain(operand)} is none", None)


def _part(word: str, operand: Any, domain: Domain) -> Iterator[Finding]:
    listed = word == "contains" and "list" in domain.kinds
    if not isinstance(operand, str):
        if not listed:
            hint = f'quote it: {word}: "{_plain(operand)}"'
            yield Finding(word, f"`{word}` compares texts, and {_plain(operand)} is none", hint)
    elif find_flaw(operand):
        yield Finding(word, f"{_shown(operand)} holds a character that is never stored", None)
    elif not listed and _together({word: operand}, domain) is not None:
        verb = {"contains": "contains", "starts_with": "starts with", "ends_with": "ends with"}
        other = operand.upper() if domain.name == "country" else operand.lower()
        fits = other != operand and _together({word: other}, domain) is None
        message = f"`{domain.name}` never {verb[word]} {_shown(operand)}"
        yield Finding(word, message, f"write {word}: {other}" if fits else None)


# ------------------------------------------------------------------------ all of them together


def _together(operators: Operators, domain: Domain) -> Finding | None:
    """That no value meets all operators; None if one does, or if that can't be known."""
    known = known_operators(operators)
    positive = [word for word in known if word not in NEGATIVE and known.get("exists") is not False]
    if known.get("exists") is False:
        if any(word not in (*NEGATIVE, "exists") for word in operators):
            words = _words({word: operators[word] for word in operators if word != "exists"})
            return Finding(
                "exists", f"what is missing never meets {words}", "leave one of them out"
            )
        return None
    if domain.absent and all(word in NEGATIVE for word in operators):
        return None
    timed = [word for word in INSTANTS if word in known]
    if len(timed) == 2 and is_reversed(known["after"], known["before"]):
        return Finding(
            "before", f"no time meets {_words({word: known[word] for word in timed})}", None
        )
    others = [word for word in operators if word not in known and word not in NEGATIVE]
    kinds = frozenset[Kind].intersection(
        domain.kinds, *(_KINDS.get(word, ANY_KIND) for word in others)
    )
    if can_be_met(known | ({"exists": True} if others else {}), replace(domain, kinds=kinds)):
        return None
    shown = {**known, **{word: operators[word] for word in others if word in _KINDS}}
    last = positive[-1] if positive else next(iter(operators))
    what = f"`{domain.name}`" if domain.name else "value"
    return Finding(last, f"no {what} meets {_words(shown)} at once", None)


# ---------------------------------------------------------------------------------------- words


def _number(text: str) -> float | None:
    try:
        return float(text)
    except ValueError:
        return None


def _plain(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return "null" if value is None else str(value)


def _shown(value: Any) -> str:
    text = _plain(value)
    text = text if len(text) <= _SHOWN else text[: _SHOWN - 1] + "…"
    return f"`{text.encode('unicode_escape').decode() if find_flaw(text) else text}`"


def _words(operators: Operators) -> str:
    return " and ".join(f"{word}: {_written(operand)}" for word, operand in operators.items())


def _written(operand: Any) -> str:
    if isinstance(operand, list):
        return f"[{', '.join(map(_written, operand))}]"
    if isinstance(operand, DocumentModel | dict):
        return "…"
    return _plain(operand)
