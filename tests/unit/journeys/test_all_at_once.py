"""All mistakes of files are found in one round, and none that a correction would not leave."""

import copy
import json
import random
from typing import Any

import pytest
from ruamel.yaml import YAML

from journeys.checks.partial_documents import ELSEWHERE, check_readable
from journeys.model.problems import Problem
from journeys.source.parsing import parse_documents
from tests.unit.journeys.examples import PROGRAMMES


def found(text: str, *more: str) -> list[Problem]:
    """All errors of texts: those of reading, then those of validation."""
    texts = [parse_documents(each, f"f{n}.yaml") for n, each in enumerate([text, *more])]
    problems = [problem for each in texts for problem in each.problems] + check_readable(texts)
    return [problem for problem in problems if problem.severity == "error"]


def said(text: str, *more: str) -> list[str]:
    return sorted(f"{each.line}: {each.message}" for each in found(text, *more))


def test_mistakes_in_values_references_and_flow_are_found_at_once() -> None:
    text = """\
journey: j
entry: {event: X}
steps:
  - {id: first, wait: 1 fortnight}
  - {id: second, if: {attribute: country, is: yes}, goto: fourth}
  - {id: third, sms: {text: Hi, topic: offers}, if: {step: frist, is: elapsed}}
  - {id: over, exit: done}
  - {id: never, update: {set: {country: France}}}
  - {id: last, sms: {text: Hi}}
"""
    assert [message.split(";")[0] for message in said(text)] == [
        "4: `wait`: `1 fortnight` is not a duration",
        "5: `is`: `yes` may be text or a truth value",
        "5: there is no step `fourth`",
        "6: there is no step `frist`",
        "6: there is no topic `offers`",
        "8: `country`: 'France' is not a country's two letters (ISO 3166-1), such as FR",
        "9: nobody can say whether the contact agreed to `last`",
    ]


def test_the_flow_of_what_can_be_read_is_found_as_well() -> None:
    text = """\
journey: j
entry: {event: X, where: {a: {gt: [1]}}}
steps:
  - {id: a, update: {unset: [x]}}
  - {id: b, goto: a}
  - {id: c, exit: x}
  - {id: d, wait: 1d}
goal: {evnt: Y}
"""
    assert [message.split(";")[0] for message in said(text)] == [
        "2: `gt` takes one value, not a list",
        "5: the loop a → b → a has no wait",
        "7: the step `d` can't be reached: no run comes past `c`",
        "8: unknown key `evnt`",
    ]


def test_a_wrong_key_of_a_journey_hides_none_of_its_mistakes() -> None:
    steps = "steps:\n  - {id: a, wait: soon}\n  - {id: b, goto: nowhere}\n"
    text = f"journey: Bad_Key\nentry: {{event: X}}\ntimezone: Mars/Base\n{steps}"
    assert [message.split(";")[0] for message in said(text)] == [
        "1: `journey`: `Bad_Key` is not a key",
        "3: there is no time zone `Mars/Base`",
        "5: `wait`: `soon` is not a duration",
        "6: there is no step `nowhere`",
    ]
    # Two of them are no duplicates of each other.
    twice = "journey: Bad_Key\nentry: {event: X}\nsteps: [{id: a, wait: 1d}]\n"
    assert len(said(twice, twice)) == 2


@pytest.mark.parametrize(
    "text",
    [
        # What refers to a part that could not be read may be right.
        "steps:\n- {id: a, wait: soon}\n- {id: b, if: {step: a, is: timed_out}, exit: x}",
        "steps:\n- {id: a, emial: {}}\n- {id: b, wait: {message: a, is: clicked, up_to: 1d}}",
        "steps:\n- {id: a, branch: [{if: {x: y}, then: [{id: c, wait: 1d}]}]}\n- {id: b, goto: c}",
        "steps:\n- {id: a, branhc: [{then: [{id: c, wait: 1d}]}]}\n- {id: b, goto: c}",
        "steps:\n- {id: a, goto: [c]}\n- {id: b, exit: x}\n- {id: c, wait: 1d}",
        "steps:\n- {id: a, exit: x, max: 1}\n- {id: c, wait: 1d, if: {group: g}}",
        "defaults: {topic: [x]}\nsteps:\n- {id: a, sms: {text: t}}",
        "goal: {event: ''}\nexit: [goal]\nsteps:\n- {id: a, wait: 1d}",
        "exit: {event: Y, then: [{id: b, update: {}}]}\nsteps: [{id: a, wait: 1d}]",
        "steps:\n- {id: [a], wait: 1d}\n- {id: b, wait: 1d}",
        "steps:\n- wait: 1d\n- {id: b, wait: 1d}",
        "steps: {id: a, wait: 1d}",
        "steps: []",
        "steps:\n- {id: a, wait: {any: [{name: n, evnt: Y}]}}\n- {id: b, if: {step: a, is: n}, exit: x}",  # noqa: E501
    ],
)  # fmt: skip
def test_no_error_follows_from_a_part_that_could_not_be_read(text: str) -> None:
    problems = found(f"journey: j\nentry: {{event: X}}\n{text}\n")
    reading = parse_documents(f"journey: j\nentry: {{event: X}}\n{text}\n", "f0.yaml").problems
    assert problems == reading != []


def test_other_files_know_the_documents_that_have_mistakes() -> None:
    topic = "topic: offers\ndefault: sometimes\n"
    journey = "journey: j\nentry: {event: X}\nsteps: [{id: a, sms: {text: t, topic: offers}}]\n"
    assert [message.split(":")[0] for message in said(topic, journey)] == ["2"]
    # Of this one not even the key can be read, and it may be any topic.
    assert [message.split(":")[0] for message in said("topic: [x\n", journey)] == ["1"]


def test_of_spoilt_programmes_no_other_errors_are_made() -> None:
    """Wrong values at random places of the real programmes."""
    documents = list(YAML(typ="safe").load_all(PROGRAMMES.read_text(encoding="utf-8")))
    luck = random.Random(7)
    noticed = 0
    for _ in range(60):
        spoilt = copy.deepcopy(luck.choice(documents))
        place, key = luck.choice(list(_places(spoilt)))
        place[key] = {"spoilt": ["x"]}
        text = parse_documents(json.dumps(spoilt), "f.json")
        errors = [
            problem
            for problem in check_readable([text])
            # Documents that stand beside it are left out.
            if problem.severity == "error" and problem.code not in ELSEWHERE
        ]
        noticed += bool(text.problems)
        assert not text.problems or [str(problem) for problem in errors] == []
    assert noticed > 40


def _places(value: Any) -> Any:
    """Every place inside a document."""
    for key, inner in value.items() if isinstance(value, dict) else enumerate(value):
        yield value, key
        if isinstance(inner, dict | list):
            yield from _places(inner)


def test_an_unreadable_step_hides_no_mistake_of_another_document_of_its_file() -> None:
    text = """\
journey: one
entry: {event: X}
steps:
  - {id: same, wait: 1 fortnight}
  - {id: over, exit: done}
---
journey: two
entry: {event: X}
steps:
  - {id: same, wait: {until: {step: later, property: at}}}
  - {id: mail, email: {subject: Hi, text: Hi}}
  - {id: jump, goto: smae}
"""
    assert [message.split(";")[0] for message in said(text)] == [
        "10: there is no step `later`",
        "11: nobody can say whether the contact agreed to `mail`",
        "12: there is no step `smae`",
        "4: `wait`: `1 fortnight` is not a duration",
    ]


def test_two_topics_that_may_be_equal_once_they_are_corrected_are_no_duplicates() -> None:
    text = "topic: news\nname: [News]\ndefault: opt_in\n---\n"
    other = "topic: news\nname: News\ndefault: opt_in\n"
    assert said(text.replace("[News]", "News") + other) == []
    assert [message[:9] for message in said(text + other)] == ["2: `name`"]
    journey = "journey: news\nentry: {event: X}\nsteps: [{id: a, exit: x}]\n"
    twice = journey.replace("exit: x", "exit: [x]") + "---\n" + journey
    assert [message.split(":")[0] for message in said(twice)] == ["1", "3"]
