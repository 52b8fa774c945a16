"""What can never hold, and what always does, is found by validation wherever it stands."""

# ruff: noqa: E501 - a message stands on one line, as its reader sees it.

import pytest

from tests.unit.journeys.examples import problems

BESIDE = """\
journey: j
entry: {event: X}
steps:
  - {id: rest, wait: 1d}
  - {id: heard, wait: {event: Y}}
  - {id: ask, webhook: {url: "https://crm.example/x"}}
  - {id: way, branch: [{if: {group: g}, then: []}]}
"""


def said(condition: str) -> list[str]:
    """What validation says of a condition, without its place."""
    found = problems(f"{BESIDE}  - {{id: it, if: {condition}, exit: x}}\n")
    assert {(each.line, each.step) for each in found} <= {(8, "it")}
    return [str(each).removeprefix("f.yaml:8: ").replace("[it] ", "") for each in found]


@pytest.mark.parametrize(
    ("condition", "expected"),
    [
        # null
        ("{attribute: x, is: null}", "nothing equals null; say exists: false"),
        ("{attribute: x, in: [a, null]}", "nothing equals null; say exists: false"),
        ("{attribute: x, gt: null}", "`gt` has no value, so it never holds"),
        ("{entry: x, contains: null}", "`contains` has no value, so it never holds"),
        ("{attribute: x, in: []}", "an empty list has no value, so this never holds"),
        # orders
        ("{attribute: x, gt: eighteen}", "`gt` compares numbers, and the text `eighteen` is none"),
        (
            "{attribute: x, lte: '18'}",
            "`lte` compares numbers, and the text `18` is none; write lte: 18 without quotes",
        ),
        (
            "{attribute: x, gte: 2026-01-01}",
            ("`gte` compares numbers, and the text `2026-01-01` is none; "
            "for times say after: 2026-01-01"),
        ),
        ("{attribute: x, gt: true}", "`gt` compares numbers, and true is none"),
        ("{attribute: country, gt: 5}", "`gt` compares numbers, and `country` is text"),
        # fields of a contact
        ("{attribute: country, is: fr}", "`country` is never stored as `fr`; write FR"),
        ("{attribute: country, in: [BE, lu]}", "`country` is never stored as `lu`; write LU"),
        (
            "{attribute: country, is: France}",
            ("`country` is never `France`: 'France' is not a country's two letters (ISO 3166-1), "
            "such as FR"),
        ),
        (
            "{attribute: country, starts_with: f}",
            "`country` never starts with `f`; write starts_with: F",
        ),
        (
            "{attribute: timezone, is: Mars/Base}",
            ("`timezone` is never `Mars/Base`: 'Mars/Base' is not a zone of the IANA database, "
            "such as Europe/Paris"),
        ),
        (
            "{attribute: timezone, is: Europe/Pari}",
            ("`timezone` is never `Europe/Pari`: 'Europe/Pari' is not a zone of the IANA database, "
            "such as Europe/Paris; did you mean `Europe/Paris`?"),
        ),
        ("{attribute: timezone, contains: Mars}", "`timezone` never contains `Mars`"),
        (
            "{attribute: locale, is: french}",
            "`locale` is never `french`: 'french' is not a locale such as fr or fr-FR",
        ),
        ("{attribute: locale, starts_with: '-'}", "`locale` never starts with `-`"),
        (
            "{attribute: phone, is: '+33 6 12 34 56 78'}",
            "`phone` is never stored as `+33 6 12 34 56 78`; write +33612345678",
        ),
        ("{attribute: phone, starts_with: '06'}", "`phone` never starts with `06`"),
        (
            "{attribute: email, is: ada@EXAMPLE.com}",
            "`email` is never stored as `ada@EXAMPLE.com`; write ada@example.com",
        ),
        (
            "{attribute: email, ends_with: '@Example.com'}",
            "`email` never ends with `@Example.com`; write ends_with: @example.com",
        ),
        ("{attribute: email, is: 5}", '`email` is text, and 5 equals none; quote it: "5"'),
        (
            "{attribute: external_id, is: 42}",
            '`external_id` is text, and 42 equals none; quote it: "42"',
        ),
        (
            "{attribute: score, is: '5'}",
            "`score` is a number, and the text `5` equals none; write 5 without quotes",
        ),
        ("{attribute: score, is: true}", "`score` is a number, and true is none"),
        ("{attribute: score, exists: false}", "there is always a score, so it never is missing; say is: 0"),
        ("{attribute: score, contains: a}", "`contains` compares texts, and `score` is a number"),
        ("{attribute: country, before: 2026-01-01}", "`country` is never a time"),
        ("{attribute: lifecycle, is: ' '}", "`lifecycle` is never ` `: must not be empty; null removes it"),
        # texts
        (
            "{attribute: x, starts_with: 5}",
            '`starts_with` compares texts, and 5 is none; quote it: starts_with: "5"',
        ),
        # several operators
        ("{attribute: x, gt: 5, lt: 3}", "no value meets gt: 5 and lt: 3 at once"),
        ("{attribute: x, gt: 5, lte: 5}", "no value meets gt: 5 and lte: 5 at once"),
        ("{attribute: x, is: a, is_not: a}", "no value meets is: a and is_not: a at once"),
        ("{attribute: x, in: [1, 2], gt: 2}", "no value meets in: [1, 2] and gt: 2 at once"),
        ("{attribute: x, is: a, gt: 1}", "no value meets is: a and gt: 1 at once"),
        ("{attribute: x, gte: 1, contains: a}", "no value meets gte: 1 and contains: a at once"),
        ("{attribute: x, is: abc, starts_with: b}", "no value meets is: abc and starts_with: b at once"),
        (
            "{attribute: country, starts_with: F, not_in: [FI, FJ, FK, FM, FO, FR]}",
            "no `country` meets not_in: [FI, FJ, FK, FM, FO, FR] and starts_with: F at once",
        ),
        (
            "{attribute: x, exists: false, is: a}",
            "what is missing never meets is: a; leave one of them out",
        ),
        (
            "{attribute: x, after: 2026-02-01, before: 2026-01-01}",
            "no time meets before: 2026-01-01 and after: 2026-02-01",
        ),
        (
            "{attribute: x, after: +3d, before: -3d}",
            "no time meets before: -3d and after: +3d",
        ),
        ("{attribute: country, any: {a: 1}}", "`country` is no list"),
        ("{attribute: x, any: {a: 1}, is: b}", "no value meets is: b and any: … at once"),
        ("{attribute: x, any: {a: {gt: 5, lt: 3}}}", "no value meets gt: 5 and lt: 3 at once"),
        ("{attribute: x, is: true, gt: {entry: y}}",
         "no value meets is: true and gt: … at once"),
        ("{step: rest, gt: {entry: y}}",
         "`gt` compares numbers, and `the outcome of rest` is text"),
        # in `where`, and through references
        ("{event: Y, where: {a: null}}", "nothing equals null; say exists: false"),
        ("{event: Y, where: {a: []}}", "an empty list has no value, so this never holds"),
        ("{event: Y, where: {a.b: {gt: x}}}", "`gt` compares numbers, and the text `x` is none"),
        ("{event: Y, where: {a: {gt: 5, lt: 3}}}", "no value meets gt: 5 and lt: 3 at once"),
        (
            "{attribute: x, gt: 5, lt: 3, is: {entry: y}}",
            "no value meets gt: 5 and lt: 3 at once",
        ),
        # counts and aggregates
        ("{event: Y, count: {lt: 0}}", "`count` is never below 0, so this never holds"),
        ("{event: Y, count: {is: 1.5}}", "`count` is a whole number and not below 0, never 1.5"),
        ("{event: Y, count: {is: '1'}}",
         "`count` is a number, and the text `1` equals none; write 1 without quotes"),
        ("{event: Y, count: {gt: 1, lt: 2}}", "no `count` meets gt: 1 and lt: 2 at once"),
        ("{event: Y, count: {exists: false}}",
         "there is always a count, so it never is missing; say count: 0"),
        ("{event: Y, sum: {a: {is: x}}}", "`sum` is a number, and the text `x` equals none"),
        ("{event: Y, max: {a: {contains: x}}}",
         "`contains` compares texts, and `max` is a number"),
        # periods
        ("{event: Y, within: 0d}", "no event happens within no time at all"),
        ("{event: Y, since: +1d}", "no event has happened in the future"),
        ("{event: Y, within: 7d, before: -30d}", "nothing is within 7d and before -30d at once"),
        ("{event: Y, since: -7d, before: -30d}", "nothing is since -7d and before -30d at once"),
        ("{event: Y, since: 2026-02-01, before: 2026-01-01}",
         "nothing is since 2026-02-01 and before 2026-01-01 at once"),
        ("{event: Y, since: entry, before: entry}",
         "nothing is since entry and before entry at once"),
        # steps
        ("{step: heard, is: timed_out}", "`heard` never ends `timed_out`: it has no `up_to`"),
        ("{step: rest, is: skipped}", "`rest` never ends `skipped`: it has no `if`"),
        ("{step: way, is: 1}", '`the outcome of way` is text, and 1 equals none; quote it: "1"'),
        ("{step: rest, gt: 1}", "`gt` compares numbers, and `the outcome of rest` is text"),
        ("{step: heard, property: visits, lt: 1}", "`visits` is never below 1, so this never holds"),
        ("{step: heard, property: visits, is: a}",
         "`visits` is a number, and the text `a` equals none"),
        ("{step: ask, property: status, is: '200'}",
         "`status` is a number, and the text `200` equals none; write 200 without quotes"),
        # parts of nothing
        ("{any: []}", "none of no conditions holds, so this never does"),
        ("{not: {all: [{any: []}]}}", "none of no conditions holds, so this never does"),
    ],
)  # fmt: skip
def test_what_can_never_hold_is_an_error(condition: str, expected: str) -> None:
    assert said(condition) == [expected]


@pytest.mark.parametrize(
    ("condition", "expected"),
    [
        ("{attribute: x, is_not: null}", "nothing equals null, so this always holds; say exists: true"),
        ("{attribute: x, not_in: []}", "an empty list excludes no value; leave it out"),
        ("{attribute: country, is_not: fr}", "`country` is never stored as `fr`; write FR"),
        ("{attribute: country, not_in: [FR, be]}", "`country` is never stored as `be`; write BE"),
        ("{attribute: score, exists: true}", "there is always a score, so this always holds"),
        ("{event: Y, count: {gte: 0}}", "`count` is never below 0, so this always holds"),
        ("{step: heard, is_not: timed_out}", "`heard` never ends `timed_out`: it has no `up_to`"),
        ("{all: []}", "all of no conditions hold, so this always does; leave it out"),
    ],
)  # fmt: skip
def test_what_always_holds_is_a_warning(condition: str, expected: str) -> None:
    assert said(condition) == [f"warning: {expected}"]


@pytest.mark.parametrize(
    ("condition", "word"),
    [
        ("{attribute: x, any: {is: a}}", "is"),
        ("{entry: x, any: {gt: 5, lt: 7}}", "gt"),
        ("{event: Y, where: {items: {any: {in: [a, b]}}}}", "in"),
    ],
)
def test_an_operator_right_inside_of_any_is_read_as_a_property(condition: str, word: str) -> None:
    [warning] = said(condition)
    assert warning == (
        f"warning: inside of `any` stand properties of an element, and `{word}` is read as one; "
        f"write any: {{NAME: {{{word}: …}}}}, or `contains` for a list of plain values"
    )


@pytest.mark.parametrize(
    "condition",
    [
        "{attribute: country, in: [FR, BE]}",
        "{attribute: country, starts_with: F, is_not: FR}",
        "{attribute: country, is: {entry: country}}",
        "{attribute: timezone, starts_with: Europe/}",
        "{attribute: locale, starts_with: fr}",
        "{attribute: locale, ends_with: -CA}",
        "{attribute: locale, is: fr_CA}",
        "{attribute: phone, starts_with: '+33'}",
        "{attribute: phone, starts_with: '+33', ends_with: '78'}",
        "{attribute: phone, contains: '612'}",
        "{attribute: email, ends_with: '@example.com'}",
        "{attribute: email, ends_with: .fr, contains: +}",
        "{attribute: email, starts_with: Ada@}",
        "{attribute: email, contains: gmail}",
        "{attribute: score, gte: 5, lt: 5.5}",
        "{attribute: lifecycle, in: [lead, customer]}",
        "{attribute: external_id, starts_with: shop-}",
        "{attribute: x, gt: 1, lt: 2, not_in: [1.5, 1.25, 1.75]}",
        "{attribute: x, gt: 1, lt: 1.0000000000000002}",
        "{attribute: x, starts_with: ab, ends_with: ba, is_not: aba}",
        "{attribute: x, contains: 5}",
        "{attribute: x, contains: a, exists: true}",
        "{attribute: x, exists: false, is_not: a}",
        "{attribute: x, after: 2026-01-01, before: 2026-02-01}",
        "{attribute: x, after: 2026-01-01T00:00Z, before: 2026-01-01T05:00}",
        "{attribute: x, is: 'true'}",
        "{attribute: trial_ends, after: now, before: +3d}",
        "{attribute: x, in: {attribute: list}}",
        "{event: Y, where: {items: {any: {sku: A, price: {gt: 50}}}}}",
        "{event: Y, where: {items: {any: {before: A, price: {gt: 50}}}}}",
        "{event: Y, count: {gt: 1, lt: 3, is_not: 3}}",
        "{event: Y, count: {gt: 1, lt: 6, not_in: [2, 3, 4]}}",
        "{event: Y, count: 0, before: entry}",
        "{event: Y, sum: {a: {gte: 500}}, within: 1y}",
        "{event: Y, avg: {a: {exists: false}}}",
        "{event: Y, within: 30d, before: -7d}",
        "{event: Y, since: -30d, before: -7d}",
        "{event: Y, since: -1mo, before: -30d}",
        "{event: Y, within: 1y, before: -365d}",
        "{event: Y, where: {a: 1, b: [x, 2], c: {entry: c}, d: {exists: false}}}",
        "{step: way, is: '1'}",
        "{step: heard, in: [happened]}",
        "{step: heard, property: event.score, gte: 9}",
        "{step: rest, property: at, after: 2026-01-01}",
        "{step: ask, property: body.sku, is: a}",
    ],
)
def test_what_may_hold_has_no_problem(condition: str) -> None:
    assert said(condition) == []


@pytest.mark.parametrize(
    "text",
    [
        "entry: {event: X, where: {a: {gt: 5, lt: 3}}}\nsteps: [{id: w, wait: 1d}]",
        "entry: {event: X, if: {attribute: a, gt: 5, lt: 3}}\nsteps: [{id: w, wait: 1d}]",
        "entry: {event: X}\nexit: {event: Y, where: {a: {gt: 5, lt: 3}}}\nsteps: [{id: w, wait: 1d}]",
        "entry: {event: X}\nexit: {if: {entry: a, gt: 5, lt: 3}}\nsteps: [{id: w, wait: 1d}]",
        "entry: {event: X}\ngoal: {event: Y, where: {a: {gt: 5, lt: 3}}}\nsteps: [{id: w, wait: 1d}]",
        "entry: {event: X}\nsteps: [{id: w, wait: {event: Y, where: {a: {gt: 5, lt: 3}}}}]",
        "entry: {event: X}\nsteps: [{id: w, wait: {if: {attribute: a, gt: 5, lt: 3}}}]",
        "entry: {event: X}\nsteps: [{id: w, wait: {any: [{name: n, event: Y, where: {a: {gt: 5, lt: 3}}}]}}]",
        "entry: {event: X}\nsteps: [{id: b, branch: [{if: {entry: a, gt: 5, lt: 3}, then: []}]}]",
        "entry: {event: X}\nsteps: [{id: w, wait: 1d, if: {not: {any: [{attribute: a, gt: 5, lt: 3}]}}}]",
    ],
)  # fmt: skip
def test_it_is_found_wherever_conditions_stand(text: str) -> None:
    [found] = problems(f"journey: j\n{text}\n")
    assert (found.code, found.severity) == ("never", "error")
    assert found.message == "no value meets gt: 5 and lt: 3 at once"
    [found] = problems("segment: s\nif: {all: [{attribute: a, gt: 5, lt: 3}]}\n")
    assert (found.code, found.line) == ("never", 2)


def test_a_change_of_an_attribute_to_what_it_never_is() -> None:
    def errors(entry: str) -> list[str]:
        found = problems(f"journey: j\nentry: {entry}\nsteps: [{{id: w, wait: 1d}}]\n")
        return [str(each) for each in found if each.severity == "error"]

    assert errors("{attribute: country, from: BE, to: fr}") == [
        "f.yaml:2: `country` is never stored as `fr`; write FR"
    ]
    assert errors("{attribute: plan, from: a, to: a}") == [
        "f.yaml:2: `from` and `to` are the same value, which is no change"
    ]
    assert errors("{attribute: plan, from: a, to: b}") == []


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        (
            "{set: {a.b: 1}}",
            ("`a.b` has a dot, which reaches into an attribute: a step changes whole ones; "
            "set a: {b: …}"),
        ),
        (
            "{unset: [a.b.c]}",
            "`a.b.c` has a dot, which reaches into an attribute: a step changes whole ones",
        ),
        (
            "{add: {a.b: 1}}",
            "`a.b` has a dot, which reaches into an attribute: a step changes whole ones",
        ),
        ("{set: {country: France}}", "`country`: 'France' is not a country's two letters (ISO 3166-1), such as FR"),
        ("{set: {score: '5'}}", "`score` is a number, not text"),
        ("{set: {email: 5}}", "`email` is text, not number"),
        ("{set: {timezone: Mars/Base}}", "`timezone`: 'Mars/Base' is not a zone of the IANA database, such as Europe/Paris"),
        ("{add: {email: 1}}", "`email` is text, and `add` takes numbers"),
        ("{set: {n: 1}, add: {n: 1}}", "`n` is set and added to in one step, and only one of them would count; make two steps of it"),
        ("{set: {n: 1}, unset: [n]}", "`n` is removed and changed in one step; keep one of them"),
        ("{set: {external_id: x}}", "`external_id` can't be changed"),
        ("{set: {restricted: true}}", "`restricted` is set by operators, and not by journeys"),
        ("{unset: [restricted]}", "`restricted` is set by operators, and not by journeys"),
    ],
)  # fmt: skip
def test_a_change_that_can_never_be_made_is_an_error(change: str, expected: str) -> None:
    found = problems(f"journey: j\nentry: {{api: true}}\nsteps:\n- {{id: it, update: {change}}}\n")
    assert [str(each) for each in found] == [f"f.yaml:4: [it] {expected}"]


@pytest.mark.parametrize(
    "change",
    [
        "{set: {country: fr, phone: '+33 6 12 34 56 78', score: 5, email: ''}}",
        "{set: {country: {entry: country}, plan: {a: [1, {entry: x}]}}, unset: [email, x]}",
        "{set: {locale: null}, add: {n: 1.5, score: {entry: points}}}",
    ],
)
def test_a_change_that_can_be_made_has_no_problem(change: str) -> None:
    text = f"journey: j\nentry: {{api: true}}\nsteps:\n- {{id: it, update: {change}}}\n"
    assert problems(text) == []


@pytest.mark.parametrize(
    ("condition", "expected"),
    [
        ("{attribute: x, is: [a, b]}", "`is` takes one value, not a list; for one of several say in: [a, b]"),
        ("{attribute: x, is_not: [a]}", "`is_not` takes one value, not a list; for one of several say not_in: [a, b]"),
        ("{attribute: x, gt: [1]}", "`gt` takes one value, not a list"),
        ("{event: Y, where: {a: {is: [a]}}}", "`is` takes one value, not a list; for one of several say in: [a, b]"),
    ],
)  # fmt: skip
def test_a_list_where_one_value_is_expected(condition: str, expected: str) -> None:
    assert said(condition) == [expected]


def test_a_form_of_dates_that_is_never_read_is_an_error() -> None:
    [error] = said("{attribute: x, before: 31/12/2026}")
    assert error.startswith("`before`: `31/12/2026` is not a moment; write 2026-12-31, ")
