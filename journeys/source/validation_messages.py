"""Messages for authors, made of pydantic's validation errors.

An error of a model becomes a problem at the line of its key or value, with the most similar key or
form that would be right.
"""

from __future__ import annotations

import types
from collections.abc import Iterator
from typing import Annotated, Any, Union, get_args, get_origin

from pydantic import Tag, ValidationError
from pydantic_core import ErrorDetails

from journeys.model.conditions import OPERATORS
from journeys.model.problems import Path, Problem
from journeys.model.unions import closest_match
from journeys.model.values import DocumentModel
from journeys.source.yaml_reader import Lines, Position

_NOUNS = {
    "string_type": "text",
    "bool_type": "true or false",
    "int_type": "a whole number",
    "int_from_float": "a whole number",
    "float_type": "a number",
    "finite_number": "a finite number",
    "list_type": "a list",
    "dict_type": "a mapping",
    "model_type": "a mapping",
    "model_attributes_type": "a mapping",
}


def validation_messages(
    error: ValidationError, root: Any, content: Any, lines: Lines, file: str
) -> list[Problem]:
    """The problems of `content`, for which validation as the type `root` raised `error`."""
    details = error.errors(include_url=False, include_input=True)
    missing = {item["loc"] for item in details if item["type"] == "missing"}
    renamed: set[tuple[int | str, ...]] = set()
    found: list[tuple[ErrorDetails, Problem]] = []
    for item in details:
        problem, meant = _problem(item, root, content, lines, file, missing)
        renamed |= meant
        found.append((item, problem))
    kept = [
        problem
        for item, problem in found
        if not (item["type"] == "missing" and item["loc"] in renamed)
    ]
    return list(dict.fromkeys(kept))


def _problem(
    item: ErrorDetails,
    root: Any,
    content: Any,
    lines: Lines,
    file: str,
    missing: set[tuple[int | str, ...]],
) -> tuple[Problem, set[tuple[int | str, ...]]]:
    path = source_path(item["loc"], content)
    kind = item["type"]
    meant: set[tuple[int | str, ...]] = set()
    hint = None
    name = _last_key(path)
    position = lines.value(path)
    code = "wrong_type" if kind in _NOUNS else "wrong_value"
    if kind == "missing":
        code = "missing_key"
        message = f"`{item['loc'][-1]}` is missing"
        if name is not None and not _is_item(path):
            message += f" in `{name}`"
    elif kind == "extra_forbidden":
        code, position = "unknown_key", lines.key(path)
        key = str(item["loc"][-1])
        known = _keys_at(root, item["loc"][:-1])
        around = _around(item["loc"])
        absent = {str(loc[-1]): loc for loc in missing if loc[:-1] in around}
        near = closest_match(key, list(absent)) or closest_match(key, known)
        if near in absent:
            meant.add(absent[near])
        if near == "else":
            # The author meant no case, so the missing keys of a case are no problems.
            meant |= set(absent.values())
        message = f"unknown key `{key}`"
        other = _form_of(root, item["loc"])
        if key == "else":
            message, known = "`else` stands alone, as the last case", []
        elif other is not None:
            message, known = f"`{key}` does not go with `{other}`; keep one of them", []
        elif near is not None:
            hint = f"did you mean `{near}`?"
        elif known:
            hint = "known here: " + ", ".join(known)
    elif kind == "no_form":
        code, message, position, hint = _missing_form(item, root, path, content, lines)
    elif kind == "literal_error":
        options = _options(item)
        message = f"{_shown(item['input'])} is not one of {', '.join(options)}"
        if name is not None:
            message = f"`{name}`: {message}"
        near = closest_match(str(item["input"]), options)
        hint = f"did you mean `{near}`?" if near else None
    elif kind in _NOUNS:
        message, hint = _wrong_type(item, name)
    elif kind == "value_error":
        message = str(item.get("ctx", {}).get("error", item["msg"]))
        if name is not None and not _is_item(path):
            message = f"`{name}`: {message}" if f"`{name}`" not in message else message
    elif kind == "too_short":
        message = f"`{name}` needs at least {item.get('ctx', {}).get('min_length', 1)}"
    else:
        message = item["msg"].removeprefix("Input ").replace("should be", "must be")
        message = message[0].lower() + message[1:]
        if name is not None:
            message = f"`{name}` {message}"
    problem = Problem(
        code,
        message,
        hint,
        path=path,
        step=_step_around(path, content),
        file=file,
        line=position.line,
        column=position.column,
    )
    return problem, meant


def _is_item(path: Path) -> bool:
    return bool(path) and isinstance(path[-1], int)


def _missing_form(
    item: ErrorDetails, root: Any, path: Path, content: Any, lines: Lines
) -> tuple[str, str, Position, str | None]:
    value = _at(content, path)
    message = item["msg"]
    if not isinstance(value, dict):
        if isinstance(value, list) and (instead := _takes_one(path)):
            return "wrong_type", instead[0], lines.value(path), instead[1]
        words = message.partition(" needs ")[0]
        wrong = f"{words} has no value" if value is None else f"{words} is not {_a(value)}"
        return "wrong_type", wrong, lines.value(path), message
    known = _keys_at(root, item["loc"])
    unknown = next((key for key in value if key not in known), None)
    if unknown is None:
        return "missing_key", message, lines.value(path), None
    near = closest_match(unknown, known)
    hint = f"did you mean `{near}`?" if near else message
    return "unknown_key", f"unknown key `{unknown}`", lines.key((*path, unknown)), hint


def _takes_one(path: Path) -> tuple[str, str | None] | None:
    """What is wrong with a list where an operator takes one value, and what would be right."""
    word = _last_key(path)
    if word not in OPERATORS or _is_item(path):
        return None
    instead = {"is": "in", "is_not": "not_in"}.get(word)
    hint = f"for one of several say {instead}: [a, b]" if instead else None
    return f"`{word}` takes one value, not a list", hint


def _wrong_type(item: ErrorDetails, name: str | None) -> tuple[str, str | None]:
    noun = _NOUNS[item["type"]]
    subject = f"`{name}`" if name is not None else "this"
    value = item["input"]
    if value is None:
        return f"{subject} has no value; it needs {noun}", None
    hint = None
    if item["type"] == "bool_type" and str(value).lower() in ("yes", "on", "true"):
        hint = "write true"
    elif item["type"] == "bool_type" and str(value).lower() in ("no", "off", "false"):
        hint = "write false"
    elif item["type"] == "list_type":
        hint = "write [a, b], or a line with - for each"
    elif noun in ("a number", "a whole number") and isinstance(value, str):
        hint = "write it without quotes and other signs"
    return f"{subject} needs {noun}, not {_a(value)}", hint


def _a(value: object) -> str:
    if value is None:
        return "nothing"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, dict):
        return "a mapping"
    if isinstance(value, list):
        return "a list"
    if isinstance(value, int | float):
        return f"the number {value}"
    if isinstance(value, str):
        return f"the text {_shown(value)}"
    return "this"


def _shown(value: object) -> str:
    if isinstance(value, dict | list):
        return _a(value)
    text = "true" if value is True else "false" if value is False else str(value)
    text = "nothing" if value is None else text
    return f"`{text if len(text) <= 60 else text[:57] + '…'}`"


def _options(item: ErrorDetails) -> list[str]:
    expected = str(item.get("ctx", {}).get("expected", ""))
    return [part.strip(" '") for part in expected.replace(" or ", ", ").split(",") if part.strip()]


# --------------------------------------------------------------------------- where in the source


def _is_tag(part: int | str) -> bool:
    return isinstance(part, str) and part.startswith("<") and part.endswith(">")


def source_path(loc: tuple[int | str, ...], content: Any) -> Path:
    """The path in the source of what pydantic reports at `loc`.

    It is without the tags of forms, and without what the author need not write: the list around a
    single entry, the `for` of a plain wait. A missing key has the path of the mapping around it.
    """
    path: Path = ()
    value = content
    for part in loc:
        listed = isinstance(value, list) and isinstance(part, int) and part < len(value)
        if listed or (isinstance(value, dict) and part in value):
            path, value = (*path, part), value[part]
        elif part == "else" and isinstance(value, dict) and isinstance(value.get("branch"), list):
            cases = value["branch"]
            if cases and isinstance(cases[-1], dict) and "else" in cases[-1]:
                path = (*path, "branch", len(cases) - 1, "else")
                value = cases[-1]["else"]
    return path


def _at(content: Any, path: Path) -> Any:
    for part in path:
        content = content[part]
    return content


def _last_key(path: Path) -> str | None:
    return next((part for part in reversed(path) if isinstance(part, str)), None)


def _step_around(path: Path, content: Any) -> str | None:
    found = None
    value = content
    listed = False
    for part in path:
        value = value[part]
        if listed and isinstance(part, int) and isinstance(value, dict):
            named = value.get("id")
            found = str(named) if isinstance(named, str | int) else found
        listed = part in ("steps", "then", "else")
    return found


# ------------------------------------------------------------------------ what the models allow


def _keys_at(root: Any, loc: tuple[int | str, ...]) -> list[str]:
    """The keys that a mapping at `loc` may have."""
    keys = [key for kind in _kinds_at(root, loc) for m in _models(kind) for key in _aliases(m)]
    inlined = [place for place, part in enumerate(loc) if part == "trigger"]
    if inlined and all(map(_is_tag, loc[inlined[-1] + 1 :])):
        # The keys of a trigger are written beside those of the mapping around it.
        keys += _keys_at(root, loc[: inlined[-1]])
    return list(dict.fromkeys(keys))


def _around(loc: tuple[int | str, ...]) -> list[tuple[int | str, ...]]:
    """The mappings whose keys are written beside the key at `loc`."""
    own = loc[:-1]
    if len(own) >= 2 and own[-2] == "trigger" and _is_tag(own[-1]):
        return [own, own[:-2]]
    return [own]


def _kinds_at(root: Any, loc: tuple[int | str, ...]) -> list[Any]:
    kinds: list[Any] = [root]
    for part in loc:
        kinds = [inner for kind in kinds for inner in _into(kind, part)]
    return kinds


def _aliases(model: type[DocumentModel]) -> list[str]:
    fields = model.model_fields
    names = [field.alias or name for name, field in fields.items() if name not in model.unwritten]
    return [*names, *model.beside]


def _form_of(root: Any, loc: tuple[int | str, ...]) -> str | None:
    """The key that chose the form around an unknown key, if that key chooses another form."""
    if len(loc) < 2 or not _is_tag(loc[-2]):
        return None
    kinds = _kinds_at(root, loc[:-2])
    tags = {tag for kind in kinds for _, tag in _alternatives(kind)}
    return str(loc[-2]).strip("<>") if f"<{loc[-1]}>" in tags else None


def _alternatives(kind: Any) -> Iterator[tuple[Any, str | None]]:
    """The members of a union, each with its tag if it has one; any other type alone."""
    kind = getattr(kind, "__value__", kind)
    origin = get_origin(kind)
    if origin is Annotated:
        inner, *metadata = get_args(kind)
        tag = next((item.tag for item in metadata if isinstance(item, Tag)), None)
        for member, own in _alternatives(inner):
            yield member, own or tag
    elif origin in (Union, types.UnionType):
        for member in get_args(kind):
            yield from _alternatives(member)
    else:
        yield kind, None


def _models(kind: Any) -> list[type[DocumentModel]]:
    return [
        member
        for member, _ in _alternatives(kind)
        if isinstance(member, type) and issubclass(member, DocumentModel)
    ]


def _into(kind: Any, part: int | str) -> list[Any]:
    found: list[Any] = []
    for member, tag in _alternatives(kind):
        origin = get_origin(member)
        if _is_tag(part):
            if tag == part:
                found.append(member)
        elif origin is list and isinstance(part, int):
            found.append(get_args(member)[0])
        elif origin is dict and isinstance(part, str):
            found.append(get_args(member)[1])
        elif isinstance(member, type) and issubclass(member, DocumentModel):
            for name, field in member.model_fields.items():
                if part in (name, field.alias):
                    found.append(field.annotation)
    return found
