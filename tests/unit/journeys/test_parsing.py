"""From text to documents: scalars, lines, and one clear problem for each mistake."""

import json
import re
from typing import Any

import pytest

from journeys.model.documents import Topic
from journeys.model.problems import InvalidDocuments, Problem
from journeys.source.parsing import parse
from tests.unit.journeys.examples import PROGRAMMES, SMALL


def refused(text: str | bytes) -> list[Problem]:
    with pytest.raises(InvalidDocuments) as failure:
        parse(text, "f.yaml")
    return failure.value.problems


def condition(scalar: str) -> Any:
    text = f"segment: s\nif: {{attribute: x, is: {scalar}}}\n"
    return parse(text, "f.yaml")[0].document.as_document()["if"]["is"]


def name(scalar: str) -> Any:
    text = f"topic: t\ndefault: opt_in\nname: {scalar}\n"
    document = parse(text, "f.yaml")[0].document
    assert isinstance(document, Topic)
    return document.name


@pytest.mark.parametrize(
    "source",
    [
        "01000",
        "+33612345678",
        "NO",
        "2024",
        "1.50",
        "1.5",
        "true",
        "yes",
        "0x1F",
        "1e3",
        "08:00",
        "2026-12-01",
        "-0",
        "1_000",
        "12345678901234567890",
    ],
)
def test_where_text_is_expected_the_source_text_is_taken(source: str) -> None:
    assert name(source) == source


@pytest.mark.parametrize(
    ("source", "value"),
    [
        ("3", 3),
        ("-3", -3),
        ("1.5", 1.5),
        ("20.0", 20.0),
        ("true", True),
        ("false", False),
        ("null", None),
        ("01000", "01000"),
        ("1.50", "1.50"),
        ("+3", "+3"),
        ("0x1F", "0x1F"),
        ("1_000", "1_000"),
        ("1e3", "1e3"),
        ("NO", "NO"),
        ("08:00", "08:00"),
        ("'3'", "3"),
        ('"yes"', "yes"),
        (".5", ".5"),
        (".inf", ".inf"),
        ("12345678901234567890",) * 2,
    ],
)
def test_elsewhere_only_what_prints_back_unchanged_is_a_number(source: str, value: object) -> None:
    found = condition(source)
    assert found == value
    assert type(found) is type(value)


@pytest.mark.parametrize("word", ["yes", "no", "on", "off", "True", "FALSE"])
def test_a_plain_word_that_may_be_a_truth_value_is_to_be_quoted(word: str) -> None:
    (problem,) = refused(f"segment: s\nif: {{attribute: x, is: {word}}}\n")
    assert problem.line == 2
    assert f'quote it: "{word}"' in str(problem)


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("name: Offer #1 for you", "`#1 for you` after it is a comment"),
        ("name: {{ contact.x }}", "without quotes"),
        ("name: Hello {{ contact.x }}", "without quotes"),
        ('name: Hello"', "ends with a quote but does not begin with one"),
        ('name: "Hello', "is never closed"),
        ("name: a: b", "a `:` can't stand here"),
        ("name: !!str x", "tags"),
        ("name: *other", "there is no anchor"),
        ("name: [a", "is missing"),
        ("name: @x", "can't begin with `@`"),
        ("\tname: x", "a tab can't indent"),
        ("name: a\x07b", "control character (U+0007)"),
        ('name: "a\\0b"', "NUL"),
        ('name: "\\ud800"', "surrogate"),
        ("default: opt_in", "stands here twice, first on line 2"),
        ("{a: b}: c", "a key is one word"),
    ],
)
def test_a_broken_line_is_named_with_what_would_be_right(line: str, expected: str) -> None:
    found = refused(f"topic: t\ndefault: opt_in\n{line}\n")
    assert {problem.line for problem in found} == {3}
    assert any(expected in str(problem) for problem in found), found


def test_a_comment_is_no_mistake() -> None:
    assert name("Offers   # what we sell") == "Offers"


def test_json_is_read_as_well() -> None:
    source = {"topic": "t", "default": "opt_in", "name": '😀 "quoted" / tab\t'}
    for text in (json.dumps(source), json.dumps(source, indent="\t")):
        (parsed,) = parse(text, "f.json")
        assert parsed.document.as_document() == source


@pytest.mark.parametrize("text", ["", "\n\n", "# nothing\n", "---\n---\n", "null\n", "%YAML 1.2\n"])
def test_a_file_without_a_document_is_said_to_be_empty(text: str) -> None:
    assert [problem.code for problem in refused(text)] == ["empty"]


def test_a_byte_order_mark_and_carriage_returns_do_no_harm() -> None:
    content = b"\xef\xbb\xbf" + SMALL.replace("\n", "\r\n").encode()
    assert len(parse(content, "f.yaml")) == 2


@pytest.mark.parametrize(
    ("content", "line", "expected"),
    [
        (b"topic: t\nname: \xe9t\xe9\n", 2, "not UTF-8"),
        ("topic: t\n".encode("utf-16"), 1, "UTF-16"),
    ],
)
def test_what_is_not_utf_8_is_refused(content: bytes, line: int, expected: str) -> None:
    (problem,) = refused(content)
    assert problem.line == line
    assert expected in problem.message


BOMB = "a: &a [1,1,1,1,1,1,1,1,1,1]\n" + "".join(
    f"{chr(98 + n)}: &{chr(98 + n)} [{','.join(['*' + chr(97 + n)] * 10)}]\n" for n in range(9)
)


@pytest.mark.parametrize(
    "text",
    [
        "[" * 100_000,
        "{a: " * 100_000,
        "- " * 50_000,
        "&a [*a]",
        "a: &a {b: *a}",
        BOMB,
        "x: [" + "1," * 60_000 + "]",
        "topic: " + "x" * 1_000_001,
        "steps: " + "[{then: " * 40,
    ],
    ids=["lists", "mappings", "dashes", "self", "self-map", "bomb", "wide", "long", "mixed"],
)
def test_a_text_that_would_cost_too_much_is_one_error(text: str) -> None:
    problems = refused(text)
    assert len(problems) == 1


def test_conditions_inside_each_other_end_in_an_error_and_no_traceback() -> None:
    deep = "{not: " * 60 + "{group: g}" + "}" * 60
    assert len(parse(f"segment: s\nif: {deep}\n", "f.yaml")) == 1
    deeper = "{not: " * 70 + "{group: g}" + "}" * 70
    assert [problem.code for problem in refused(f"segment: s\nif: {deeper}\n")] == ["too_deep"]


def test_aliases_stand_for_what_they_name() -> None:
    text = "segment: s\nif: {all: [&vip {group: vip}, {not: *vip}]}\n"
    assert parse(text, "f.yaml")[0].document.as_document()["if"] == {
        "all": [{"group": "vip"}, {"not": {"group": "vip"}}]
    }


def test_all_mistakes_of_all_documents_are_reported_at_once() -> None:
    text = "topic: A\ndefault: opt\n---\nname: [\n---\nsegment: s\nif: {grp: x}\nextra: 1\n"
    assert [problem.line for problem in refused(text)] == [1, 2, 5, 7, 8]


def test_each_document_keeps_its_own_text() -> None:
    parsed = parse(PROGRAMMES.read_bytes(), "p.yaml")
    assert len(parsed) == 26
    for each in parsed:
        (again,) = parse(each.source, "p.yaml")
        assert again.document == each.document


def step(line: str) -> str:
    return f"journey: j\nentry: {{event: X}}\nsteps:\n  - {line}\n"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (
            "jorney: j\nentry: {api: true}\nsteps: [{id: w, wait: 1d}]",
            "f.yaml:1: unknown key `jorney`; did you mean `journey`?",
        ),
        (
            step("{id: a, emial: {subject: s}}"),
            "f.yaml:4: [a] unknown key `emial`; did you mean `email`?",
        ),
        (
            step("{id: a, email: {sbject: s, text: t}}"),
            "f.yaml:4: [a] unknown key `sbject`; did you mean `subject`?",
        ),
        (
            step("{id: a, wait: {mesage: m, is: clicked, upto: 1d}}"),
            "f.yaml:4: [a] unknown key `mesage`; did you mean `message`?",
        ),
        (
            step("{id: a, wait: {message: m, is: clickd}}"),
            (
                "f.yaml:4: [a] `is`: `clickd` is not one of delivered, opened, clicked, "
                "bounced, replied; "
                "did you mean `clicked`?"
            ),
        ),
        (
            step("{id: a, wait: 1d, exit: x}"),
            "f.yaml:4: [a] `exit` does not go with `wait`; keep one of them",
        ),
        (
            step("{id: a}"),
            (
                "f.yaml:4: [a] a step needs one of `email`, `sms`, `webhook`, `wait`, "
                "`branch`, `split`, "
                "`update`, `group`, `coupon`, `emit`, `enter`, `goto` or `exit`"
            ),
        ),
        (step("{wait: 1d}"), "f.yaml:4: `id` is missing"),
        (
            step("{id: a, wait: 3x}"),
            (
                "f.yaml:4: [a] `wait`: `3x` is not a duration; write 30m, 2h, 1h30m, 3d, "
                "1w, 1mo, 1y "
                "or PT2H"
            ),
        ),
        (
            step("{id: a, branch: [{if: {group: g}, then: []}, {esle: []}]}"),
            "f.yaml:4: [a] unknown key `esle`; did you mean `else`?",
        ),
        (
            step("{id: a, sms: {text: x, transactional: yes}}"),
            "f.yaml:4: [a] `transactional` needs true or false, not the text `yes`; write true",
        ),
        (
            step("{id: a, goto: b, max_visits: many}"),
            (
                "f.yaml:4: [a] `max_visits` needs a whole number, not the text `many`; "
                "write it without quotes and other signs"
            ),
        ),
        (step("{id: a, email: }"), "f.yaml:4: [a] `email` has no value; it needs a mapping"),
        (
            step("{id: a, email: {text: t}}"),
            (
                "f.yaml:4: [a] `email`: an e-mail needs `template`, or `subject` with "
                "`html`, `mjml` or "
                "`text`"
            ),
        ),
        (
            step("{id: a, if: {step: b}, exit: x}"),
            (
                "f.yaml:4: [a] `if`: nothing is compared; add an operator: is, is_not, in, not_in, "
                "gt, gte, "
                "lt, lte, contains, starts_with, ends_with, exists, before, after, any"
            ),
        ),
        (
            "journey: j\nentry: {}\nsteps: [{id: w, wait: 1d}]",
            (
                "f.yaml:2: an entry needs one of `event`, `api`, `attribute`, `date`, "
                "`schedule`, `near`, "
                "`segment` or `group`"
            ),
        ),
        (
            "journey: j\nentry: {event: X}\nre_entry: 7d\nsteps: [{id: w, wait: 1d}]",
            "f.yaml:3: `re_entry` is never, always or {after: 7d}",
        ),
        (
            "journey: j\nentry: {event: X}\nsteps: {id: w, wait: 1d}",
            (
                "f.yaml:3: `steps` needs a list, not a mapping; write [a, b], or a line with - "
                "for each"
            ),
        ),
    ],
)
def test_a_mistake_is_reported_in_one_line(text: str, expected: str) -> None:
    lines = [str(problem) for problem in refused(text)]
    assert expected in lines
    assert all(re.match(r"f\.yaml:\d+: ", line) and "\n" not in line for line in lines)
