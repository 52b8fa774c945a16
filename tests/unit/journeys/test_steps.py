"""Each way to write a step wrong, and the message for it."""

import pytest

from journeys.checks.references import KnownKeys
from tests.unit.journeys.examples import problems

HEAD = "topic: offers\ndefault: opt_in\n---\njourney: j\nentry: {event: X}\nsteps:\n"
"""Six lines."""

MAIL = "{id: m, email: {subject: s, text: '{{ unsubscribe_url }}', topic: offers}}"
OTHER = "{id: n, sms: {text: t, topic: offers}}"
X = "{name: x, weight: 1}"
WITH_MAIL = f"{{name: x, weight: 1, then: [{MAIL}]}}"
WITH_OTHER = f"{{name: z, weight: 1, then: [{OTHER}]}}"


def messages(steps: str, known: KnownKeys | None = None) -> list[str]:
    """The problems of a journey with these lines of steps, from the number of the line on."""
    return [str(each).removeprefix("f.yaml:") for each in problems(f"{HEAD}{steps}\n", known)]


def split(*arms: str) -> str:
    return f"- {{id: a, split: [{', '.join(arms)}]}}"


def winner(inside: str) -> str:
    return f"{{name: y, weight: 1, winner: {inside}}}"


BEST = winner("{by: clicked, after: 4h}")


@pytest.mark.parametrize(
    ("steps", "problem"),
    [
        (
            "- {id: a, split: {name: x, weight: 1}}",
            "`split` needs a list, not a mapping; write [a, b], or a line with - for each",
        ),
        (split(), "`split` needs at least 2"),
        (split(X), "`split` needs at least 2"),
        (split(X, X), "two arms are called `x`"),
        (
            split(X, "{name: skipped, weight: 1}"),
            "`skipped` is an outcome of its own; choose another name",
        ),
        (split(X, "{weight: 1}"), "`name` is missing"),
        (split(X, "{name: y}"), "`weight` is missing"),
        (split(X, "{name: y, weight: 0}"), "`weight` must be greater than 0"),
        (split(X, "{name: y, weight: -1}"), "`weight` must be greater than 0"),
        (
            split(X, "{name: y, weight: 10%}"),
            (
                "`weight` needs a number, not the text `10%`; "
                "write it without quotes and other signs"
            ),
        ),
        (split(X, "{name: y, wieght: 1}"), "unknown key `wieght`; did you mean `weight`?"),
        (
            split(X, "{name: y, weight: 1, if: {group: g}}"),
            "unknown key `if`; known here: name, weight, then, holdout, winner",
        ),
        (
            split(X, "{name: y, weight: 1, holdout: yes}"),
            "`holdout` needs true or false, not the text `yes`; write true",
        ),
        (
            split(X, "{name: y, weight: 1, holdout: true, then: []}"),
            "an arm has one of `then`, `holdout: true` and `winner`",
        ),
        (split(WITH_MAIL, winner("clicked")), "`winner` needs a mapping, not the text `clicked`"),
        (split(WITH_MAIL, winner("{by: clicked}")), "`after` is missing in `winner`"),
        (split(WITH_MAIL, winner("{after: 4h}")), "`by` is missing in `winner`"),
        (
            split(WITH_MAIL, winner("{by: sent, after: 4h}")),
            "`by`: `sent` is not one of delivered, opened, clicked, bounced, replied",
        ),
        (
            split(WITH_MAIL, winner("{by: clicked, after: soon}")),
            ("`after`: `soon` is not a duration; write 30m, 2h, 1h30m, 3d, 1w, 1mo, 1y or PT2H"),
        ),
        (
            split(WITH_MAIL, winner("{by: clicked, after: 4h, then: []}")),
            "unknown key `then`; known here: by, after",
        ),
        (
            split(X, BEST),
            (
                "`y` has nothing to choose from: no other arm sends a message; "
                "give two arms a `then` with an email or an sms"
            ),
        ),
        (
            split("{name: x, weight: 1, then: [{id: g, group: {add: [g]}}]}", BEST),
            (
                "`y` has nothing to choose from: no other arm sends a message; "
                "give two arms a `then` with an email or an sms"
            ),
        ),
        (
            split("{name: x, weight: 1, then: [{id: a, exit: x}]}", X.replace("x", "y")),
            "the id `a` is taken by another step",
        ),
    ],
)
def test_a_split_written_wrong(steps: str, problem: str) -> None:
    assert messages(steps) == [f"7: [a] {problem}"]


@pytest.mark.parametrize(
    ("steps", "problem"),
    [
        (split(WITH_MAIL, BEST), "`y` always takes the arm `x`: there is no other"),
        (
            split(WITH_MAIL, "{name: z, weight: 1, then: []}", BEST),
            "the arm `z` sends no message, so it never wins",
        ),
        (
            split(WITH_MAIL, WITH_OTHER, winner("{by: opened, after: 4h}")),
            (
                "many mail programs open messages by themselves, and others never tell; "
                "choose the winner by clicked"
            ),
        ),
    ],
)
def test_a_doubtful_winner_is_warned_about(steps: str, problem: str) -> None:
    assert messages(steps) == [f"7: warning: [a] {problem}"]


def test_a_split_written_right() -> None:
    assert (
        messages(split(WITH_MAIL, WITH_OTHER, BEST, "{name: h, weight: 0.5, holdout: true}")) == []
    )


def test_a_winner_can_not_wait_in_an_exit() -> None:
    text = split(WITH_MAIL, WITH_OTHER, BEST).removeprefix("- ")
    exits = f"- {{id: w, wait: 1d}}\nexit: {{event: Y, then: [{text}]}}"
    assert messages(exits) == [
        "8: [a] a `winner` waits, and an exit's `then` can't: the run is ending"
    ]


def test_no_run_comes_past_a_split_whose_every_arm_ends_the_run() -> None:
    ends = "{name: x, weight: 1, then: [{id: e, exit: x}]}"
    holdout = "{name: h, weight: 1, holdout: true}"
    assert messages(split(ends, holdout) + "\n- {id: b, wait: 1d}") == [
        (
            "8: [b] the step `b` can't be reached: no run comes past `a`; "
            "remove it, or give `a` an `if`"
        )
    ]
    assert messages(split(ends, X.replace("x", "y")) + "\n- {id: b, wait: 1d}") == []


def test_a_loop_through_a_split_needs_a_wait() -> None:
    again = "\n- {id: b, goto: a}"
    assert messages(split(X, X.replace("x", "y")) + again) == [
        "8: [b] the loop a → b → a has no wait; put a `wait` into it"
    ]
    assert messages(split(X, X.replace("x", "y")) + "\n- {id: w, wait: 1d}" + again) == []


def test_an_arm_is_an_outcome_of_its_split() -> None:
    steps = split(X, X.replace("x", "y"))
    assert messages(f"{steps}\n- {{id: b, if: {{step: a, is: y}}, exit: x}}") == []
    assert messages(f"{steps}\n- {{id: b, if: {{step: a, is: z}}, exit: x}}") == [
        "8: [b] `a` never ends `z`; its outcomes: x, y, skipped"
    ]


POOL = KnownKeys(pools=frozenset({"p"}))
DRAW = "- {id: a, coupon: {pool: p}}\n"


@pytest.mark.parametrize(
    ("steps", "problem"),
    [
        ("- {id: a, coupon: p}", "7: [a] `coupon` needs a mapping, not the text `p`"),
        ("- {id: a, coupon: {}}", "7: [a] `pool` is missing in `coupon`"),
        ("- {id: a, coupon: {pool: }}", "7: [a] `pool` has no value; it needs text"),
        ("- {id: a, coupon: {pools: p}}", "7: [a] unknown key `pools`; did you mean `pool`?"),
        ("- {id: a, coupon: {pool: [p]}}", "7: [a] `pool` needs text, not a list"),
        (
            "- {id: a, coupon: {pool: p, count: 2}}",
            "7: [a] unknown key `count`; known here: pool",
        ),
        (
            "- {id: a, coupon: {pool: pp}}",
            "7: warning: [a] there is no pool `pp`; did you mean `p`?",
        ),
        (
            DRAW + "- {id: b, if: {step: a, is: exausted}, exit: x}",
            "8: [b] `a` never ends `exausted`; did you mean `exhausted`?",
        ),
        (
            DRAW + "- {id: b, sms: {text: '{{ steps.a.cod }}', topic: offers}}",
            "8: [b] `a` leaves no `cod`; did you mean `code`?",
        ),
        (
            DRAW + "- {id: b, if: {step: a, property: pool, exists: true}, exit: x}",
            "8: [b] `a` leaves no `pool`; it leaves outcome, at, visits, code",
        ),
    ],
)
def test_a_coupon_written_wrong(steps: str, problem: str) -> None:
    assert messages(steps, POOL) == [problem]


def test_a_coupon_written_right() -> None:
    use = "- {id: b, if: {step: a, is: drawn}, sms: {text: '{{ steps.a.code }}', topic: offers}}"
    again = "- {id: c, if: {step: a, property: code, is: X1}, exit: x}"
    assert messages(f"{DRAW}{use}\n{again}", POOL) == []


@pytest.mark.parametrize(
    ("steps", "problem"),
    [
        ("- {id: a, emit: Scored}", "7: [a] `emit` needs a mapping, not the text `Scored`"),
        ("- {id: a, emit: {}}", "7: [a] `event` is missing in `emit`"),
        ("- {id: a, emit: {evnt: S}}", "7: [a] unknown key `evnt`; did you mean `event`?"),
        ("- {id: a, emit: {event: [S]}}", "7: [a] `event` needs text, not a list"),
        (
            "- {id: a, emit: {event: S, properties: [x]}}",
            "7: [a] `properties` needs a mapping, not a list",
        ),
        (
            "- {id: a, emit: {event: S, property: {x: 1}}}",
            "7: [a] unknown key `property`; did you mean `properties`?",
        ),
        (
            "- {id: a, emit: {event: S, properties: {x: {step: q, property: outcome}}}}",
            "7: [a] there is no step `q`",
        ),
        (
            "- {id: a, emit: {event: Topic Unsubscribed, properties: {topic: ofers}}}",
            "7: [a] there is no topic `ofers`; did you mean `offers`?",
        ),
        (
            "- {id: a, emit: {event: Topic Unsubscribed}}",
            (
                "7: [a] `Topic Unsubscribed` without a `topic` always fails; "
                "give it properties: {topic: …}"
            ),
        ),
        (
            "- {id: a, emit: {event: Coupon Redeemed, properties: {kode: x}}}",
            (
                "7: [a] `Coupon Redeemed` without a `code` always fails; "
                "give it properties: {code: …}"
            ),
        ),
        (
            "- {id: a, emit: {event: S}}\n- {id: b, if: {step: a, is: sent}, exit: x}",
            "8: [b] `a` never ends `sent`; its outcomes: done, failed, refused, skipped",
        ),
    ],
)
def test_an_emit_written_wrong(steps: str, problem: str) -> None:
    assert messages(steps) == [problem]


@pytest.mark.parametrize(
    "emit",
    [
        "{event: Scored}",
        "{event: Scored, properties: {points: {entry: points}, list: [1, {attribute: plan}]}}",
        "{event: Topic Unsubscribed, properties: {topic: offers}}",
        "{event: Topic Unsubscribed, properties: {topic: {entry: topic}}}",
        "{event: Coupon Redeemed, properties: {code: {attribute: code}}}",
    ],
)
def test_an_emit_written_right(emit: str) -> None:
    assert messages(f"- {{id: a, emit: {emit}}}") == []


@pytest.mark.parametrize(
    ("steps", "problem"),
    [
        ("- {id: a, enter: drip}", "7: [a] `enter` needs a mapping, not the text `drip`"),
        ("- {id: a, enter: {}}", "7: [a] `journey` is missing in `enter`"),
        ("- {id: a, enter: {jurney: j}}", "7: [a] unknown key `jurney`; did you mean `journey`?"),
        (
            "- {id: a, enter: {journey: Drip 2}}",
            ("7: [a] `journey`: `Drip 2` is not a key; keys are made of a-z, 0-9 and - inside"),
        ),
        (
            "- {id: a, enter: {journey: jj}}",
            "7: warning: [a] there is no journey `jj`; did you mean `j`?",
        ),
        (
            "- {id: a, enter: {journey: j, properties: 3}}",
            "7: [a] `properties` needs a mapping, not the number 3",
        ),
        (
            "- {id: a, enter: {journey: j, version: 3}}",
            "7: [a] unknown key `version`; known here: journey, properties",
        ),
        (
            "- {id: a, enter: {journey: j, properties: {x: {step: q, property: at}}}}",
            "7: [a] there is no step `q`",
        ),
        (
            "- {id: a, enter: {journey: j}}\n- {id: b, if: {step: a, is: done}, exit: x}",
            "8: [b] `a` never ends `done`; its outcomes: entered, refused, skipped",
        ),
    ],
)
def test_an_enter_written_wrong(steps: str, problem: str) -> None:
    assert messages(steps) == [problem]


def test_an_enter_written_right() -> None:
    steps = "- {id: a, enter: {journey: drip, properties: {x: [{entry: x}]}}}"
    assert messages(steps, KnownKeys(journeys=frozenset({"drip"}))) == []
