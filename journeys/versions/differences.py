"""Differences between two versions of a document, as sentences."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from difflib import SequenceMatcher, unified_diff
from typing import Any

from journeys.model.documents import AnyDocument
from journeys.model.journey import Journey
from journeys.model.steps import BranchStep, SplitStep, Step

_TEXTS = frozenset({"text", "html", "mjml", "sms"})
"""Keys whose values are texts: their changes are shown line by line."""
_CONTEXT = 1
_LONGEST = 60


@dataclass(frozen=True, slots=True)
class Difference:
    """One sentence; `lines` is a unified diff of a text that has changed."""

    sentence: str
    lines: str | None = None


def differences(before: AnyDocument, now: AnyDocument) -> list[Difference]:
    """The differences of `now` from `before`, in the order of the document."""
    if not (isinstance(before, Journey) and isinstance(now, Journey)):
        return list(_compared("", before.as_document(), now.as_document()))
    found: list[Difference] = []
    old, new = before.as_document(), now.as_document()
    for key in [*new, *(key for key in old if key not in new)]:
        if key in ("steps", "exit", "entry"):
            continue
        found += _part(key, old, new)
    found += _entries(old.get("entry", []), new.get("entry", []))
    found += _exits(old.get("exit", []), new.get("exit", []))
    return found + _steps(before, now)


# ------------------------------------------------------------------------------ rules and entries


def _entries(old: list[Any], new: list[Any]) -> Iterator[Difference]:
    for place, (one, other) in enumerate(zip(old, new, strict=False), 1):
        yield from _compared("entry" if len(old) == len(new) == 1 else f"entry {place}", one, other)
    for place, added in enumerate(new[len(old) :], len(old) + 1):
        yield Difference(f"entry {place} added: {_words(added)}")
    for place, gone in enumerate(old[len(new) :], len(new) + 1):
        yield Difference(f"entry {place} removed: {_words(gone)}")


def _exits(old: list[Any], new: list[Any]) -> Iterator[Difference]:
    """Rules are compared if they name the same event, message or word."""
    unmatched = [(_rule(rule), rule) for rule in old]
    for name, rule in ((_rule(rule), rule) for rule in new):
        same = next((each for each in unmatched if each[0] == name), None)
        if same is None:
            yield Difference(f"exit rule {name} added{_details(rule)}")
            continue
        unmatched.remove(same)
        yield from _compared(f"exit rule {name}:", _trigger(same[1]), _trigger(rule))
    for name, rule in unmatched:
        yield Difference(f"exit rule {name} removed{_details(rule)}")


def _rule(rule: Any) -> str:
    if isinstance(rule, str):
        return rule
    if "event" in rule:
        return str(rule["event"])
    return f"{rule['message']} {rule['is']}" if "message" in rule else "if"


def _trigger(rule: Any) -> Any:
    """A rule without its `then`, whose steps are compared as steps."""
    return {k: v for k, v in rule.items() if k != "then"} if isinstance(rule, dict) else rule


def _details(rule: Any) -> str:
    where = rule.get("where") or rule.get("if") if isinstance(rule, dict) else None
    return f": where {_words(where)}" if where else ""


# ---------------------------------------------------------------------------------------- steps


@dataclass(frozen=True, slots=True)
class _Place:
    step: Step
    line: tuple[str, ...]
    """The line it belongs to: of the journey, of a way of a step, or of an exit."""
    before: str | None
    """The step before it in its line."""


def _steps(before: Journey, now: Journey) -> list[Difference]:
    old, new = _places(before), _places(now)
    found = [
        Difference(f"step {step} added {_where(place)}")
        for step, place in new.items()
        if step not in old
    ]
    found += [Difference(f"step {step} removed") for step in old if step not in new]
    stayed = _in_order([step for step in old if step in new], [step for step in new if step in old])
    for step, place in new.items():
        if step not in old:
            continue
        if old[step].line != place.line or step not in stayed:
            found.append(Difference(f"step {step} moved {_where(place)}"))
        one, other = old[step].step, place.step
        if one.kind != other.kind:
            found.append(Difference(f"step {step}: {one.kind} → {other.kind}"))
        else:
            found += _compared(f"step {step}:", _own(one), _own(other))
    return found


def _places(journey: Journey) -> dict[str, _Place]:
    places: dict[str, _Place] = {}
    last: dict[tuple[str, ...], str] = {}
    names: dict[tuple[str | int, ...], str] = {}
    for path, step in journey.walk():
        line = _line(journey, path, names)
        names[path] = step.id
        places[step.id] = _Place(step, line, last.get(line))
        last[line] = step.id
    return places


def _line(
    journey: Journey, path: tuple[str | int, ...], names: Mapping[tuple[str | int, ...], str]
) -> tuple[str, ...]:
    """The name of a step's line: empty, an exit rule, or the enclosing step and its way."""
    enclosing = next(
        (path[:end] for end in range(len(path) - 1, 0, -1) if path[:end] in names), None
    )
    if enclosing is None:
        if path[0] == "steps":
            return ()
        assert isinstance(path[1], int)
        rule = journey.exit[path[1]]
        written = rule if isinstance(rule, str) else rule.as_document()
        return (f"exit rule {_rule(written)}",)
    step, way = journey.step(names[enclosing]), path[len(enclosing) + 1]
    if isinstance(step, BranchStep) and isinstance(way, int):
        cases = [case.name for case in step.branch]
        return (step.id, cases[way] if way < len(cases) else "else")
    if isinstance(step, SplitStep) and isinstance(way, int):
        return (step.id, step.split[way].name)
    return (step.id,)


def _where(place: _Place) -> str:
    if place.before is not None:
        return f"after {place.before}"
    return f"first in {' '.join(place.line)}" if place.line else "as the first"


def _in_order(old: list[str], new: list[str]) -> set[str]:
    """The largest set of steps whose order has not changed."""
    matcher = SequenceMatcher(None, old, new, autojunk=False)
    return {
        step
        for block in matcher.get_matching_blocks()
        for step in old[block.a : block.a + block.size]
    }


def _own(step: Step) -> dict[str, Any]:
    """The document of a step, without its id and the steps inside it."""
    written = {key: part for key, part in step.as_document().items() if key != "id"}
    for key in ("branch", "split"):
        if isinstance(written.get(key), list):
            written[key] = [
                {name: part for name, part in way.items() if name not in ("then", "else")}
                for way in written[key]
                if "else" not in way
            ]
    return written


# -------------------------------------------------------------------------------------- values


def _part(
    key: str, old: Mapping[str, Any], new: Mapping[str, Any], path: str = ""
) -> Iterator[Difference]:
    place = f"{path} {key}".strip()
    if key not in old:
        yield Difference(f"{place} added: {_words(new[key])}")
    elif key not in new:
        yield Difference(f"{place} removed: {_words(old[key])}")
    else:
        yield from _compared(place, old[key], new[key], text=key in _TEXTS)


def _compared(path: str, old: Any, new: Any, *, text: bool = False) -> Iterator[Difference]:
    old, new = _plain(old), _plain(new)
    if old == new and type(old) is type(new):
        return
    if isinstance(old, dict) and isinstance(new, dict):
        for key in [*new, *(key for key in old if key not in new)]:
            yield from _part(key, old, new, path)
    elif _named(old) and _named(new):
        # Ways and triggers are compared by their names, in any order.
        yield from _compared(
            path, {each["name"]: each for each in old}, {each["name"]: each for each in new}
        )
        common = [[way["name"] for way in ways] for ways in (old, new)]
        if common[0] != common[1] and sorted(common[0]) == sorted(common[1]):
            yield Difference(f"{path} order {', '.join(common[0])} → {', '.join(common[1])}")
    elif isinstance(old, str) and isinstance(new, str) and (text or _long(old) or _long(new)):
        yield Difference(f"{path} changed", _lines(old, new))
    else:
        before, now = _words(old), _words(new)
        if before == now:
            # A text and a number that look alike.
            before, now = (json.dumps(value, ensure_ascii=False) for value in (old, new))
        yield Difference(f"{path} {before} → {now}")


def _plain(value: Any) -> Any:
    """`{for: 2d}` is the long form of `2d`."""
    return value["for"] if isinstance(value, dict) and set(value) == {"for"} else value


def _named(value: Any) -> bool:
    return (
        isinstance(value, list)
        and bool(value)
        and all(isinstance(each, dict) and "name" in each for each in value)
        and len({each["name"] for each in value}) == len(value)
    )


def _long(text: str) -> bool:
    return "\n" in text or len(text) > _LONGEST


def _lines(old: str, new: str) -> str:
    # Without the two lines that would name files.
    lines = list(unified_diff(old.splitlines(), new.splitlines(), lineterm="", n=_CONTEXT))[2:]
    return "\n".join(lines)


def _words(value: Any) -> str:
    value = _plain(value)
    if isinstance(value, str):
        return value if len(value) <= _LONGEST else value[: _LONGEST - 1] + "…"
    if isinstance(value, list):
        return ", ".join(map(_words, value)) or "nothing"
    if isinstance(value, dict):
        return ", ".join(f"{key}: {_words(part)}" for key, part in value.items()) or "nothing"
    return json.dumps(value, ensure_ascii=False)
