"""Valid documents with one mistake: always an error, on the line of the mistake, and a way out."""

import difflib
import json
from typing import Any

from hypothesis import HealthCheck, assume, example, given, settings
from hypothesis import strategies as st

from journeys.checks.references import KnownKeys
from journeys.checks.validation import check
from journeys.library import names, source
from journeys.model.problems import InvalidDocuments, Path, Problem
from journeys.source.parsing import Parsed, parse
from tests.unit.journeys.examples import PROGRAMMES, errors, problems

TEXTS = [PROGRAMMES.read_text(encoding="utf-8"), *map(source, names())]
FREE = {"where", "body", "headers", "properties", "set", "add", "sum", "locales"}
"""Keys whose own keys are the author's."""
SLOW = settings(
    max_examples=150, deadline=None, suppress_health_check=[HealthCheck.filter_too_much]
)


def documents() -> list[Parsed]:
    return [parsed for text in TEXTS for parsed in parse(text, "f.yaml")]


DOCUMENTS = documents()
KNOWN = KnownKeys.of([parsed.document for parsed in DOCUMENTS])


def found(text: str) -> list[Problem]:
    """The errors of a single document beside all the others."""
    return [problem for problem in problems_beside(text) if problem.severity == "error"]


def problems_beside(text: str) -> list[Problem]:
    try:
        return check(parse(text, "f.yaml"), KNOWN)
    except InvalidDocuments as invalid:
        return invalid.problems


def is_free(path: Path) -> bool:
    return any(part in FREE for part in path[:-1])


def fixed_keys() -> list[tuple[int, Path]]:
    return [
        (place, path)
        for place, parsed in enumerate(DOCUMENTS)
        for path in parsed.lines.keys
        if not is_free(path)
    ]


def at(parsed: Parsed, line: int, column: int) -> int:
    """The index in a document's text; lines count from 1 in the file it is parsed from alone."""
    lines = parsed.source.split("\n")
    return sum(len(each) + 1 for each in lines[: line - 1]) + column - 1


KEYS = sorted({str(path[-1]) for _, path in fixed_keys()})
ALONE = [parse(parsed.source, "f.yaml")[0] for parsed in DOCUMENTS]


@SLOW
@given(st.sampled_from(fixed_keys()), st.data())
def test_a_misspelt_key_is_named_with_the_right_one(
    target: tuple[int, Path], data: st.DataObject
) -> None:
    place, path = target
    parsed = ALONE[place]
    key = str(path[-1])
    position = parsed.lines.keys[path]
    slip = data.draw(st.integers(0, len(key) - 1))
    kind = data.draw(st.sampled_from(["double", "drop", "swap"] if len(key) > 3 else ["double"]))
    wrong = {
        "double": key[:slip] + key[slip] + key[slip:],
        "drop": key[:slip] + key[slip + 1 :],
        "swap": key[:slip] + key[slip : slip + 2][::-1] + key[slip + 2 :],
    }[kind]
    assume(wrong != key)
    assume(difflib.get_close_matches(wrong, [key], cutoff=0.7))
    # `meit` is as near to `exit` as to `emit`: there is no right one.
    assume(difflib.get_close_matches(wrong, KEYS, n=1) == [key])
    index = at(parsed, position.line, position.column)
    text = parsed.source[:index] + wrong + parsed.source[index + len(key) :]
    reported = [each for each in found(text) if each.line == position.line]
    assert any(
        f"`{wrong}`" in each.message and f"`{key}`" in (each.hint or "") for each in reported
    ), (
        wrong,
        list(map(str, found(text))),
    )


def block(value: Any, depth: int = 0) -> list[str]:
    """YAML with a line for each key, so that a line is a place."""
    pad = "  " * depth
    if isinstance(value, dict) and value:
        lines = []
        for key, part in value.items():
            if isinstance(part, dict | list) and part:
                lines += [f"{pad}{json.dumps(key)}:", *block(part, depth + 1)]
            else:
                lines.append(f"{pad}{json.dumps(key)}: {json.dumps(part)}")
        return lines
    lines = []
    for part in value:
        if isinstance(part, dict | list) and part:
            first, *rest = block(part, depth + 1)
            lines += [f"{pad}- {first.lstrip()}", *rest]
        else:
            lines.append(f"{pad}- {json.dumps(part)}")
    return lines


BLOCKS = ["\n".join(block(parsed.document.as_document())) + "\n" for parsed in DOCUMENTS]
BLOCK_LINES = [parse(text, "f.yaml")[0].lines for text in BLOCKS]


def block_keys() -> list[tuple[int, Path]]:
    return [
        (place, path)
        for place, lines in enumerate(BLOCK_LINES)
        for path in lines.keys
        if not is_free(path)
    ]


def extent(place: int, path: Path) -> tuple[int, int]:
    """The first and last line of a key with all of its value."""
    lines = BLOCK_LINES[place]
    first = lines.keys[path].line
    inside = [
        position.line
        for known, position in (lines.values | lines.keys).items()
        if known[: len(path)] == path
    ]
    return first, max([first, *inside])


def around(place: int, path: Path) -> tuple[int, int]:
    """The lines of the mapping that holds a key, from the line of the key that holds it."""
    lines = BLOCK_LINES[place]
    outer = path[:-1]
    while outer and outer not in lines.keys:
        outer = outer[:-1]
    if not outer:
        return 1, BLOCKS[place].count("\n")
    return extent(place, outer)


STRUCTURE = {"missing_key", "unknown_key", "wrong_type", "wrong_value"}
"""Codes of problems of a place itself, not of other places that refer to it."""


def about_structure(text: str) -> list[Problem]:
    return [problem for problem in found(text) if problem.code in STRUCTURE]


@SLOW
@given(st.sampled_from(block_keys()))
def test_a_removed_key_is_missed_where_it_belongs(target: tuple[int, Path]) -> None:
    place, path = target
    first, last = extent(place, path)
    lines = BLOCKS[place].split("\n")
    line = lines[first - 1]
    rest = lines[last:]
    kept = lines[: first - 1]
    if line.lstrip().startswith("- "):
        # The item's dash stays, before its next key.
        assume(rest and rest[0].startswith(line[: line.index("-")] + "  "))
        rest = [line[: line.index("-")] + "- " + rest[0].lstrip(), *rest[1:]]
    reported = about_structure("\n".join([*kept, *rest]))
    start, end = around(place, path)
    if reported:
        assert any(start <= each.line <= end for each in reported), list(map(str, reported))


WRONG = {"lists": "[[1]]", "mapping": "{zz: {}}", "list": "[]", "number": "3", "nothing": ""}


@SLOW
@given(st.sampled_from(block_keys()), st.sampled_from(sorted(WRONG)))
def test_a_value_of_the_wrong_type_is_named_at_its_line(
    target: tuple[int, Path], kind: str
) -> None:
    place, path = target
    first, last = extent(place, path)
    lines = BLOCKS[place].split("\n")
    line = lines[first - 1]
    head = line[: line.index(":", line.index(json.dumps(path[-1])))]
    text = "\n".join([*lines[: first - 1], f"{head}: {WRONG[kind]}", *lines[last:]])
    reported = about_structure(text)
    assert reported or kind != "lists" or path[-1] == "body"
    if reported:
        start, _ = around(place, path)
        assert any(start <= each.line <= first for each in reported), list(map(str, reported))


def references() -> list[tuple[int, Path]]:
    return [
        (place, path)
        for place, lines in enumerate(BLOCK_LINES)
        for path in lines.keys
        if path[-1] in ("goto", "message", "step") and not any(p in ("where",) for p in path)
    ]


@SLOW
@given(st.sampled_from(references()))
def test_a_dangling_id_is_named_with_the_nearest_step(target: tuple[int, Path]) -> None:
    place, path = target
    line = BLOCK_LINES[place].keys[path].line
    lines = BLOCKS[place].split("\n")
    head, _, value = lines[line - 1].rpartition(": ")
    right = json.loads(value)
    lines[line - 1] = f'{head}: "{right}x"'
    reported = [each for each in found("\n".join(lines)) if each.line == line]
    assert any(f"`{right}x`" in each.message and each.hint for each in reported), list(
        map(str, reported)
    )


def quotes() -> list[tuple[int, int]]:
    return [
        (place, index)
        for place, parsed in enumerate(ALONE)
        for index, letter in enumerate(parsed.source)
        if letter in "\"'"
        and "|" not in parsed.source
        and not in_comment(parsed.source, index)
        and not in_folded_text(parsed.source, index)
    ]


def in_comment(text: str, index: int) -> bool:
    return text[text.rfind("\n", 0, index) + 1 :].lstrip().startswith("#")


def in_folded_text(text: str, index: int) -> bool:
    """Whether this is inside a value after `>`, where a quote is a letter like any other."""
    *above, line = text[:index].split("\n")
    indent = len(line) - len(line.lstrip())
    for each in reversed(above):
        if each.strip() and len(each) - len(each.lstrip()) < indent:
            indent = len(each) - len(each.lstrip())
            if each.endswith((": >", ": >-")):
                return True
    return False


@SLOW
@given(st.sampled_from(quotes()))
def test_a_missing_quote_is_found_on_its_line(target: tuple[int, int]) -> None:
    place, index = target
    text = ALONE[place].source
    line = text.count("\n", 0, index) + 1
    reported = found(text[:index] + text[index + 1 :])
    assert line in {each.line for each in reported}, (
        text.split("\n")[line - 1],
        list(map(str, reported)),
    )


@settings(max_examples=200, deadline=None)
@given(st.integers(0, len(TEXTS) - 1), st.data())
def test_no_damage_ends_in_a_traceback(which: int, data: st.DataObject) -> None:
    text = TEXTS[which]
    start = data.draw(st.integers(0, len(text)))
    end = min(len(text), start + data.draw(st.integers(0, 30)))
    put = data.draw(st.text(alphabet="ab:{}[]-\"'#&*!|>%@`\n\t ,?\\0é", max_size=8))
    for problem in problems(text[:start] + put + text[end:]):
        assert problem.line >= 1
        assert "\n" not in str(problem)


@settings(max_examples=200, deadline=None)
@given(st.text(max_size=60))
@example("\x00")
@example("? ? ?")
@example("{")
@example("!")
@example("&")
@example("*")
@example("%")
@example("- - -")
@example("<<: *a")
def test_no_text_ends_in_a_traceback(text: str) -> None:
    assert errors(text)
