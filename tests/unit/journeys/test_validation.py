"""Validation: whether documents make sense, alone and beside others."""

from pathlib import Path

import pytest

from journeys.checks.references import KnownKeys
from journeys.checks.validation import check, validate
from journeys.source.parsing import parse
from tests.unit.journeys.examples import SMALL, errors, problems, programmes


def test_the_real_programmes_have_no_error() -> None:
    found = check(programmes(), KnownKeys(pools=frozenset({"cart10", "minus25", "birthday"})))
    assert [str(problem) for problem in found if problem.severity == "error"] == []


def test_an_unknown_pool_is_a_warning() -> None:
    pools = [each.hint for each in check(programmes()) if each.code == "unknown_pool"]
    assert len(pools) == 5


def small(more: str) -> str:
    return SMALL + more


HEAD = "topic: offers\ndefault: opt_in\n---\njourney: j\nentry: {event: X}\n"
"""Five lines."""


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (
            "steps: [{id: a, email: {subject: s, text: t, topic: ofers}}]",
            "6: [a] there is no topic `ofers`; did you mean `offers`?",
        ),
        (
            "steps: [{id: a, email: {subject: s, text: t}}]",
            (
                "6: [a] nobody can say whether the contact agreed to `a`; "
                "give it a `topic`, or transactional: true"
            ),
        ),
        (
            "steps:\n- {id: aa, wait: 1d}\n- {id: b, goto: aaa}",
            "8: [b] there is no step `aaa`; did you mean `aa`?",
        ),
        (
            (
                "steps:\n- {id: mail, sms: {text: t, topic: offers}}\n"
                "- {id: b, wait: {message: mial, is: clicked}}"
            ),
            "8: [b] there is no step `mial`; did you mean `mail`?",
        ),
        (
            "steps:\n- {id: a, wait: 1d}\n- {id: b, wait: {message: a, is: clicked}}",
            "8: [b] the step `a` is a wait and sends no message",
        ),
        (
            "steps:\n- {id: a, wait: {event: Y}}\n- {id: b, if: {step: a, is: hapened}, exit: x}",
            "8: [b] `a` never ends `hapened`; did you mean `happened`?",
        ),
        (
            (
                "steps:\n- {id: a, wait: {event: Y}}\n"
                "- {id: b, if: {step: a, property: evnt.x, gt: 1}, exit: x}"
            ),
            "8: [b] `a` leaves no `evnt`; did you mean `event`?",
        ),
        (
            "steps:\n- {id: a, wait: 1d}\n- {id: a, wait: 1d}",
            "8: [a] the id `a` is taken by another step",
        ),
        (
            "steps:\n- {id: a, exit: x}\n- {id: b, wait: 1d}",
            (
                "8: [b] the step `b` can't be reached: no run comes past `a`; remove it, "
                "or give `a` "
                "an `if`"
            ),
        ),
        (
            "steps:\n- {id: a, goto: c}\n- {id: b, exit: x}\n- {id: c, exit: y}",
            (
                "8: [b] the step `b` can't be reached: no run comes past `a`; remove it, "
                "or give `a` "
                "an `if`"
            ),
        ),
        (
            (
                "steps:\n- {id: a, branch: [{if: {group: g}, then: [{id: x, exit: x}]}, "
                "{else: [{id: "
                "y, exit: y}]}]}\n"
                "- {id: b, wait: 1d}"
            ),
            (
                "8: [b] the step `b` can't be reached: no run comes past `a`; remove it, "
                "or give `a` "
                "an `if`"
            ),
        ),
        (
            "steps:\n- {id: a, update: {unset: [x]}}\n- {id: b, goto: a}",
            "8: [b] the loop a → b → a has no wait; put a `wait` into it",
        ),
        (
            (
                "steps:\n- {id: a, branch: [{if: {group: g}, then: [{id: w, wait: 1d}]}]}\n"
                "- {id: b, goto: a}"
            ),
            "8: [b] the loop a → b → a has no wait; put a `wait` into it",
        ),
        (
            "timezone: Europe/Pari\nsteps: [{id: a, wait: 1d}]",
            "6: there is no time zone `Europe/Pari`; did you mean `Europe/Paris`?",
        ),
        ("exit: [goal]\nsteps: [{id: a, wait: 1d}]", "6: `exit: [goal]` needs a `goal`"),
        (
            "steps: [{id: a, wait: {until: +3d, days: mon}}]",
            '6: [a] `wait`: `days` goes with a time of day; write {until: "09:00", days: mon-fri}',
        ),
        (
            "exit: {event: Y, then: [{id: b, wait: 1d}]}\nsteps: [{id: a, wait: 1d}]",
            "6: [b] the steps of an exit's `then` can't wait: the run is ending",
        ),
        (
            "exit: {event: Y, then: [{id: b, goto: a}]}\nsteps: [{id: a, wait: 1d}]",
            (
                "6: [b] `a` is out of reach: it is not in the same list of steps, the "
                "journey's or an "
                "exit's "
                "`then`"
            ),
        ),
        (
            "steps: [{id: a, sms: {text: '{{ contcat.x }}', topic: offers}}]",
            "6: [a] there is no variable `contcat.x`; did you mean `contact`?",
        ),
        (
            (
                "steps:\n- id: a\n  sms:\n    topic: offers\n    text: |\n      one\n"
                "      {{ contact.x | upcas }}"
            ),
            "12: [a] there is no filter `upcas`; did you mean `upcase`?",
        ),
        (
            (
                "steps:\n- {id: mail, wait: 1d}\n"
                "- {id: b, sms: {text: '{{ steps.mial.at }}', topic: offers}}"
            ),
            "8: [b] there is no step `mial`; did you mean `mail`?",
        ),
        (
            "steps: [{id: a, sms: {text: '{{ secret.X }}', topic: offers}}]",
            "6: [a] `secret` is for webhooks only: nobody else may read it",
        ),
        (
            "steps: [{id: a, webhook: {url: 'crm.example/x'}}]",
            "6: [a] `crm.example/x` is no address to call; begin with https:// or http://",
        ),
        (
            "defaults: {from: Shop}\nsteps: [{id: a, wait: 1d}]",
            "6: `Shop` is no e-mail address; write shop@example.com or Shop <shop@example.com>",
        ),
        (
            "steps: [{id: a, update: {set: {external_id: x}}}]",
            "6: [a] `external_id` can't be changed",
        ),
    ],
)
def test_what_makes_no_sense_is_an_error_at_its_line(text: str, expected: str) -> None:
    assert f"f.yaml:{expected}" in [str(problem) for problem in errors(HEAD + text + "\n")]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (
            (
                "steps:\n- {id: a, sms: {text: t, topic: offers}}\n"
                "- {id: b, branch: [{if: {message: a, is: opened}, then: []}]}"
            ),
            (
                "8: warning: [b] many mail programs open messages by themselves, and "
                "others never tell; "
                "ask for clicked, or for an event of your own"
            ),
        ),
        (
            (
                "steps:\n- {id: a, wait: {until: {entry: at}}}\n"
                "- {id: b, sms: {text: t, topic: offers}}"
            ),
            (
                "7: warning: [a] the moment may be past, and `b` is sent all the same; "
                "give `b` if: {step: a, is: elapsed}"
            ),
        ),
        (
            (
                "steps:\n- {id: a, wait: {message: b, is: clicked, up_to: 1d}}\n"
                "- {id: b, sms: {text: t, topic: offers}}"
            ),
            "7: warning: [a] no run has come to `b` when it is at `a`",
        ),
        (
            "steps: [{id: a, coupon: {pool: x}}]",
            "6: warning: [a] there is no pool `x`",
        ),
    ],
)
def test_what_is_doubtful_is_a_warning(text: str, expected: str) -> None:
    found = problems(HEAD + text + "\n")
    assert f"f.yaml:{expected}" in [str(problem) for problem in found]
    assert all(problem.severity == "warning" for problem in found)


@pytest.mark.parametrize(
    "steps",
    [
        "- {id: a, wait: 1d}\n- {id: b, goto: a}\n- {id: c, exit: x}",
        "- {id: a, if: {group: g}, goto: c}\n- {id: b, exit: x}\n- {id: c, exit: y}",
        "- {id: a, if: {group: g}, exit: x}\n- {id: b, wait: 1d}",
        "- {id: a, branch: [{if: {group: g}, then: [{id: x, exit: x}]}]}\n- {id: b, wait: 1d}",
        "- {id: a, wait: {until: '09:00'}}\n- {id: b, sms: {text: t, topic: offers}}",
    ],
)
def test_what_makes_sense_has_no_error(steps: str) -> None:
    assert [str(each) for each in problems(f"{HEAD}steps:\n{steps}\n")] == []


def test_references_may_point_to_the_server() -> None:
    (parsed,) = parse(SMALL.split("---\n")[1], "f.yaml")
    assert [each.code for each in validate(parsed.document, KnownKeys())] == ["unknown_topic"]
    assert validate(parsed.document, KnownKeys(topics=frozenset({"offers"}))) == []


def test_a_segment_may_not_contain_itself() -> None:
    text = "segment: a\nif: {segment: b}\n---\nsegment: b\nif: {not: {segment: a}}\n"
    assert [each.message for each in errors(text)] == [
        "the segment `a` contains itself",
        "the segment `b` contains itself",
    ]


def test_a_segment_and_an_entry_know_no_steps() -> None:
    text = "segment: a\nif: {step: x, is: sent}\n"
    assert [each.code for each in errors(text)] == ["no_run"]
    text = (
        "journey: j\nentry: {event: X, if: {message: w, is: clicked}}\nsteps: [{id: w, wait: 1d}]\n"
    )
    assert "no_run" in [each.code for each in errors(text)]


def test_a_document_is_defined_once() -> None:
    text = "topic: a\ndefault: opt_in\n---\ntopic: a\ndefault: double\n"
    assert [str(each) for each in errors(text)] == [
        "f.yaml:4: the topic `a` is defined twice, first in f.yaml:1"
    ]


def test_files_may_share_what_they_need() -> None:
    topic = "topic: a\nname: Letters\ndefault: opt_in\n"
    same = "# as elsewhere\ntopic: a\ndefault: opt_in\nname: Letters\n"
    assert errors(f"{topic}---\n{same}") == []
    journey = "journey: j\nentry: {api: true}\nsteps: [{id: w, wait: 1d}]\n"
    assert [each.code for each in errors(f"{journey}---\n{journey}")] == ["duplicate_document"]


@pytest.mark.parametrize(
    "line",
    [
        "0 9 * * mon", "*/5 0-6,22 1 jan-mar 0", "0 0 * * *", "0 0 * * fri-sun", "0 0 * * 5-7",
        "0 0 29 feb *",
    ],
)  # fmt: skip
def test_cron_lines_are_taken(line: str) -> None:
    text = f"journey: j\nentry: {{schedule: {{cron: '{line}'}}}}\nsteps: [{{id: w, wait: 1d}}]\n"
    assert errors(text) == []


@pytest.mark.parametrize(
    "line",
    [
        "0 9 * *", "60 * * * *", "* * * * mo", "*/0 * * * *", "@daily", "5-1 * * * *",
        "0 0 * * fri-mon", "0 0 30 2 *", "1,,2 * * * *", "0 0 0 1 1 *",
    ],
)  # fmt: skip
def test_other_cron_lines_are_refused(line: str) -> None:
    text = f"journey: j\nentry: {{schedule: {{cron: '{line}'}}}}\nsteps: [{{id: w, wait: 1d}}]\n"
    (problem,) = errors(text)
    assert problem.code == "cron"
    assert problem.line == 2


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        # goals
        ("goal: {event: Y, whithin: 7d}", "6: unknown key `whithin`; did you mean `within`?"),
        (
            "goal: {event: Y, within: soon}",
            "6: `within`: `soon` is not a duration; write 30m, 2h, 1h30m, 3d, 1w, 1mo, 1y or PT2H",
        ),
        (
            "goal: {event: Y, value: a..b}",
            "6: `value`: `a..b` is not a path; write names with dots between them",
        ),
        ("goal: {event: ''}", "6: `event`: a name is not empty"),
        (
            "goal: {if: {group: vip}}",
            "6: unknown key `if`; a goal needs one of `event` or `message`",
        ),
        (
            "goal: {message: hallo, is: clicked}",
            "6: there is no step `hallo`; did you mean `hello`?",
        ),
        ("goal: {message: rest, is: clicked}", "6: the step `rest` is a wait and sends no message"),
        (
            "goal: {message: hello, is: clickd}",
            (
                "6: `is`: `clickd` is not one of delivered, opened, clicked, bounced, replied;"
                " did you mean `clicked`?"
            ),
        ),
        (
            "goal: {event: Y, where: {a: {step: rst, property: at}}}",
            "6: there is no step `rst`; did you mean `rest`?",
        ),
        ("exit: [{event: Y}, goal]", "6: `exit: [goal]` needs a `goal`"),
        (
            "exit: gaol\ngoal: {event: Y}",
            "6: `exit`: `gaol` is not one of goal; did you mean `goal`?",
        ),
        # active
        ("active: {}", "6: `active` needs `from`, `to` or both"),
        ("active: {form: 2026-12-01}", "6: unknown key `form`; did you mean `from`?"),
        (
            "active: {from: next week}",
            (
                "6: `from`: `next week` is not a date or date-time; write 2026-12-31 or"
                " 2026-12-31T09:00"
            ),
        ),
        (
            "active: {from: 2026-12-31, to: 2026-12-01}",
            "6: `active`: `to` lies before `from`, so no entry would ever be taken",
        ),
        (
            "active: {from: 2026-12-01T10:00, to: 2026-12-01T10:00}",
            "6: `active`: `to` lies before `from`, so no entry would ever be taken",
        ),
        (
            'timezone: Asia/Tokyo\nactive: {from: 2026-12-02, to: "2026-12-01T15:00Z"}',
            "7: `active`: `to` lies before `from`, so no entry would ever be taken",
        ),
    ],
)
def test_a_goal_or_a_period_that_makes_no_sense_is_an_error_at_its_line(
    text: str, expected: str
) -> None:
    steps = "\nsteps:\n- {id: hello, sms: {text: t, topic: offers}}\n- {id: rest, wait: 1d}\n"
    assert f"f.yaml:{expected}" in [str(problem) for problem in errors(HEAD + text + steps)]


@pytest.mark.parametrize(
    "text",
    [
        "goal: {event: Y, where: {a: {entry: a}, b: {gte: 1}}, within: 1mo, value: b.0.c}",
        "goal: {message: hello, is: clicked, where: {url: {contains: shop}}, within: 7d}",
        "goal: {event: Y}\nexit: goal",
        "goal: {event: Y}\nexit: [{event: Z}, goal, {event: Y, then: []}]",
        "active: {from: 2026-12-01}",
        "active: {to: 9999-12-31}",
        # A day long, for a date as the end is part of the period.
        "active: {from: 2026-12-01, to: 2026-12-01}",
        'timezone: Asia/Tokyo\nactive: {from: 2026-12-02, to: "2026-12-01T15:01Z"}',
    ],
)
def test_a_goal_or_a_period_that_makes_sense_has_no_problem(text: str) -> None:
    steps = "\nsteps: [{id: hello, sms: {text: t, topic: offers}}]\n"
    assert [str(problem) for problem in problems(HEAD + text + steps)] == []


BESIDE = (
    "segment: vips\nif: {group: vip}\n---\nplaces: shops\nlist: [{name: L, lat: 1, lon: 2}]\n---\n"
)


@pytest.mark.parametrize(
    ("condition", "expected"),
    [
        ("{segment: vip}", "there is no segment `vip`; did you mean `vips`?"),
        (
            "{segment: Not A Key}",
            "`segment`: `Not A Key` is not a key; keys are made of a-z, 0-9 and - inside",
        ),
        ("{segment: vips, is: true}", "unknown key `is`; known here: segment"),
        ("{near: {places: shop, km: 1}}", "there is no places `shop`; did you mean `shops`?"),
        ("{near: {places: shops}}", "`km` is missing"),
        ("{near: {places: shops, km: 0}}", "`km` must be greater than 0"),
        ("{near: {places: shops, km: near}}", "`km` needs a number, not the text `near`"),
        ("{near: {km: 1}}", "`near` needs `places`, or both `lat` and `lon`"),
        ("{near: {km: 1, lat: 1}}", "`near` needs `places`, or both `lat` and `lon`"),
        (
            "{near: {km: 1, lat: 1, lon: 1, places: shops}}",
            "`near` needs `places`, or both `lat` and `lon`",
        ),
        ("{near: {km: 1, lat: 91, lon: 1}}", "`lat` must be less than or equal to 90"),
        ("{near: {km: 1, lat: 1, lon: -181}}", "`lon` must be greater than or equal to -180"),
        ("{event: Y, sum: {a: {}}}", "nothing is compared"),
        ("{event: Y, sum: {a: 1}}", "`a` needs a mapping"),
        (
            "{event: Y, sum: {a: {gt: 1}, b: {gt: 1}}}",
            "`sum` takes one property, such as sum: {total: {gte: 500}}",
        ),
        (
            "{event: Y, avg: {}}",
            "`avg` takes one property, such as avg: {total: {gte: 500}}",
        ),
        (
            "{event: Y, min: {a: {gt: 1}}, max: {a: {gt: 1}}}",
            "`min` and `max` do not go together; put two conditions in `all`",
        ),
        (
            "{event: Y, sum: {a: {gt: 1}}, count: 1}",
            "`count` and `sum` do not go together; put two conditions in `all`",
        ),
        ("{event: Y, since: yesterday}", "`yesterday` is not a moment"),
        ("{event: Y, before: {attribute: a, evry: year}}", "did you mean `every`?"),
        ("{event: Y, since: {step: nowhere, property: at}}", "there is no step `nowhere`"),
    ],
)
def test_a_condition_that_makes_no_sense_is_an_error(condition: str, expected: str) -> None:
    text = f"{BESIDE}{HEAD}steps: [{{id: a, if: {condition}, exit: x}}]\n"
    found = [str(problem) for problem in errors(text)]
    assert len(found) == 1
    assert expected in found[0]
    assert found[0].startswith("f.yaml:12: [a] ")


@pytest.mark.parametrize(
    "condition",
    [
        "{all: [{segment: vips}, {not: {segment: vips}}]}",
        "{any: [{near: {places: shops, km: 1.5}}, {near: {lat: -90, lon: 180, km: 0.1}}]}",
        "{event: Y, sum: {a.b: {gte: 1, lt: {entry: most}}}, within: 1y}",
        "{event: Y, avg: {a: {gte: 1}}, since: 2026-01-01, before: {attribute: due, offset: -1d}}",
        "{event: Y, min: {a: {exists: false}}, since: '09:00', before: +1h}",
        "{event: Y, max: {a: {not_in: [1, 2]}}, since: {entry: at}, before: entry}",
    ],
)
def test_a_condition_that_makes_sense_has_no_problem(condition: str) -> None:
    text = f"{BESIDE}{HEAD}steps: [{{id: a, if: {condition}, exit: x}}]\n"
    assert [str(problem) for problem in problems(text)] == []


@pytest.mark.parametrize(
    ("bound", "line"), [("since: entry", 2), ("before: entry", 2), ("since: {entry: at}", 2)]
)
def test_a_segment_knows_no_entry(bound: str, line: int) -> None:
    (problem,) = errors(f"segment: a\nif: {{event: Y, {bound}}}\n")
    assert (problem.code, problem.line) == ("no_run", line)


@pytest.mark.parametrize(
    "condition",
    ["{attribute: born, before: entry}", "{event: Y, where: {at: {after: entry}}}",
     "{attribute: list, any: {at: {before: {entry: at}}}}"],
)  # fmt: skip
def test_a_segment_compares_nothing_with_an_entry(condition: str) -> None:
    assert [each.code for each in errors(f"segment: a\nif: {condition}\n")] == ["no_run"]


def test_a_segment_may_not_contain_itself_by_way_of_the_servers() -> None:
    parsed = parse("segment: a\nif: {segment: b}\n", "f.yaml")
    server = {"b": frozenset({"c"}), "c": frozenset({"a"}), "d": frozenset({"d"})}
    known = KnownKeys(segments=frozenset(server), within_segments=server)
    (problem,) = check(parsed, known)
    assert str(problem) == "f.yaml:2: the segment `a` contains itself"
    # What the file says of a segment counts, not what the server has.
    parsed += parse("segment: c\nif: {group: x}\n", "g.yaml")
    assert check(parsed, known) == []


@pytest.mark.parametrize(
    "name",
    [
        "Contact Created",
        "Contact Changed",
        "Segment Entered",
        "Segment Left",
        "Group Joined",
        "Group Left",
        "Place Reached",
    ],
)
def test_what_the_engine_alone_records_cannot_be_emitted(name: str) -> None:
    text = f"journey: x\nentry: {{event: {name}}}\nsteps: [{{id: e, emit: {{event: {name}}}}}]\n"
    assert [str(each) for each in check(parse(text, "f.yaml"))] == [
        f"f.yaml:3: [e] the engine alone records `{name}`; emit an event of another name"
    ]


def test_the_file_and_line_of_a_problem_are_its_documents(tmp_path: Path) -> None:
    one = parse(SMALL, "one.yaml")
    two = parse(
        "# a comment\njourney: other\nentry: {api: true}\nsteps: [{id: a, goto: b}]\n", "two.yaml"
    )
    errors = [each for each in check([*one, *two]) if each.severity == "error"]
    assert [str(each) for each in errors] == ["two.yaml:4: [a] there is no step `b`"]
