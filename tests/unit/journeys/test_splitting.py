"""Splits: arms by weight, the same in every process, and the best of them."""

import json
import random
import subprocess
import sys
from collections import Counter
from functools import cache
from uuid import UUID

import pytest

from journeys.model.arms import Score, arm_at, bucket, contenders, winner_of
from journeys.model.steps import Arm, SplitStep

_DRAWN = random.Random(3)
CONTACTS = [UUID(int=_DRAWN.getrandbits(128)) for _ in range(100_000)]
ONE = "00000000-0000-0000-0000-000000000001"
ANN = "6f1b7c52-3a1e-4d5c-9a0b-2f4f5d0c9b7e"


def arms(**weights: float) -> list[Arm]:
    return [Arm(name=name, weight=weight) for name, weight in weights.items()]


@cache
def places(journey: str, step: str) -> list[float]:
    """The bucket of each contact."""
    return [bucket(contact, journey, step) for contact in CONTACTS]


def taken(journey: str, step: str, weights: dict[str, float]) -> list[str]:
    """The arm of each contact."""
    line = arms(**weights)
    return [arm_at(line, place).name for place in places(journey, step)]


# By `printf %s TEXT | openssl dgst -sha256`, and bc for the first 64 bits as a fraction of 2^64.
@pytest.mark.parametrize(
    ("contact", "journey", "step", "place"),
    [
        (ONE, "launch", "subject", 0.99585299591086530273),
        (ONE, "launch", "again", 0.42649408066742326961),
        (ANN, "launch", "subject", 0.31566396951701572053),
        (ANN, "drip", "subject", 0.98232953611943482760),
    ],
)
def test_a_bucket_is_the_beginning_of_a_sha_256(
    contact: str, journey: str, step: str, place: float
) -> None:
    assert bucket(UUID(contact), journey, step) == pytest.approx(place, abs=2**-53)


@pytest.mark.parametrize(
    ("place", "arm"),
    [(0.0, "a"), (0.0999, "a"), (0.1, "b"), (0.1999, "b"), (0.2, "rest"), (1 - 2**-53, "rest")],
)
def test_an_arm_has_the_part_of_the_line_that_its_weight_says(place: float, arm: str) -> None:
    assert arm_at(arms(a=10, b=10, rest=80), place).name == arm
    assert arm_at(arms(a=0.5, b=0.5, rest=4), place).name == arm


def test_weights_that_do_not_add_up_exactly_leave_no_contact_out() -> None:
    tenths = arms(**{f"arm{number}": 0.1 for number in range(10)})
    assert arm_at(tenths, 1 - 2**-53).name == "arm9"


@pytest.mark.parametrize(
    "weights",
    [{"a": 1, "b": 1}, {"a": 10, "b": 10, "rest": 80}, {"a": 0.5, "b": 2.5, "c": 1, "d": 6}],
)
def test_100_000_contacts_are_within_a_point_of_the_weights(weights: dict[str, float]) -> None:
    counted = Counter(taken("launch", "subject", weights))
    for name, weight in weights.items():
        assert abs(counted[name] / 100_000 - weight / sum(weights.values())) < 0.01


def test_another_process_gives_the_same_arms() -> None:
    script = (
        "import json, sys\n"
        "from uuid import UUID\n"
        "from journeys.model.arms import bucket\n"
        "given = json.load(sys.stdin)\n"
        "print(json.dumps([bucket(UUID(each), 'launch', 'subject') for each in given]))\n"
    )
    some = CONTACTS[:1_000]
    answer = subprocess.run(
        [sys.executable, "-c", script],
        input=json.dumps([str(each) for each in some]),
        env={"PYTHONPATH": ":".join(sys.path), "PYTHONHASHSEED": "4711"},
        capture_output=True,
        text=True,
        check=True,
    )
    assert json.loads(answer.stdout) == [bucket(each, "launch", "subject") for each in some]


def chi_squared(pairs: list[tuple[str, str]]) -> float:
    """Pearson's statistic of a joint table, against independence with the same margins."""
    joint = Counter(pairs)
    rows, columns = Counter(row for row, _ in pairs), Counter(column for _, column in pairs)
    expected = {(r, c): rows[r] * columns[c] / len(pairs) for r in rows for c in columns}
    return sum((joint[cell] - each) ** 2 / each for cell, each in expected.items())


# Critical values of the chi-squared distribution at p = 0.001: NIST/SEMATECH e-Handbook of
# Statistical Methods, section 1.3.6.7.4.
@pytest.mark.parametrize(
    ("other", "weights", "critical"),
    [
        (("launch", "text"), {"a": 1, "b": 1}, 13.816),
        (("launch", "subject-2"), {"a": 1, "b": 2, "c": 3}, 18.467),
        (("drip", "subject"), {"a": 10, "b": 10, "rest": 80}, 18.467),
    ],
)
def test_two_splits_have_nothing_to_do_with_each_other(
    other: tuple[str, str], weights: dict[str, float], critical: float
) -> None:
    first = taken("launch", "subject", {"a": 10, "b": 10, "rest": 80})
    second = taken(*other, weights)
    assert chi_squared(list(zip(first, second, strict=True))) < critical


def test_the_test_of_independence_tells_dependence() -> None:
    same = taken("launch", "subject", {"a": 1, "b": 1})
    # Of 52 in a hundred the second arm is the first one: hardly to be seen, and no chance.
    drawn = random.Random(7)
    nearly = [arm if drawn.random() < 0.52 else "ab"[arm == "a"] for arm in same]
    assert chi_squared(list(zip(same, nearly, strict=True))) > 10.828


@pytest.mark.parametrize(
    ("scores", "winner"),
    [
        ([("a", 100, 9), ("b", 50, 5)], "b"),
        ([("a", 3, 1), ("b", 6, 2)], "a"),
        ([("a", 0, 0), ("b", 0, 0)], "a"),
        ([("a", 0, 0), ("b", 1, 0)], "a"),
        ([("a", 0, 0), ("b", 900, 1)], "b"),
    ],
)
def test_the_highest_share_wins_and_of_equal_ones_the_first(
    scores: list[tuple[str, int, int]], winner: str
) -> None:
    assert winner_of([Score(*each) for each in scores]).arm == winner


def test_what_counts_for_an_arm_are_its_messages_at_any_depth() -> None:
    inner = {"id": "m3", "sms": {"text": "t", "transactional": True}}
    split = {
        "id": "s",
        "split": [
            {"name": "a", "weight": 1, "then": [
                {"id": "m1", "email": {"subject": "s", "text": "t", "transactional": True}},
                {"id": "q", "branch": [{"if": {"group": "g"}, "then": [
                    {"id": "deep", "split": [
                        {"name": "x", "weight": 1, "then": [inner]},
                        {"name": "y", "weight": 1},
                    ]},
                ]}]},
                {"id": "w", "wait": "1d"},
            ]},
            {"name": "b", "weight": 1, "then": []},
            {"name": "c", "weight": 1},
            {"name": "h", "weight": 1, "holdout": True},
            {"name": "best", "weight": 1, "winner": {"by": "clicked", "after": "4h"}},
        ],
    }  # fmt: skip
    assert contenders(SplitStep.model_validate(split)) == {"a": ["m1", "m3"], "b": []}
