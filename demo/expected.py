"""The expected result of the demo, worked out by hand from the two journeys and the cast.

No contact confirms twice and nothing is random, so every number is exact. Dora never answers: her
run still waits for her when the demo ends.
"""

from __future__ import annotations

from dataclasses import dataclass, field

CONFIRM = "Is this you? One click and you are in"
STILL = "Still interested? Your newsletter is waiting"
SHELF = "Shall we put it all back on the shelf?"


@dataclass(frozen=True, slots=True)
class ContactResult:
    """The runs and mails that one contact has in the end.

    `runs` are (outcome, reason), oldest first. An outcome of None is an active run, and `reason` is
    then the step where it stands. `mails` are subjects, oldest first.
    """

    runs: tuple[tuple[str | None, str | None], ...]
    mails: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class StepCount:
    """The counts of a step; `left` follows from the others."""

    reached: int
    waiting: int = 0
    sent: int = 0
    skipped: dict[str, int] = field(default_factory=dict)
    opened: int = 0
    clicked: int = 0


@dataclass(frozen=True, slots=True)
class Counts:
    """The counts of a journey."""

    entered: int
    active: int
    ends: dict[str, int]
    steps: dict[str, StepCount]


_COMPLETED = ("completed", None)

CONTACT_RESULTS: dict[str, ContactResult] = {
    "ada": ContactResult((_COMPLETED,), (CONFIRM, "Welcome, Ada")),
    "ben": ContactResult((_COMPLETED,), (CONFIRM, STILL, "Welcome, Ben")),
    "chloe": ContactResult((_COMPLETED,), (CONFIRM, "Welcome, Chloe")),
    "dora": ContactResult(((None, "late"),), (CONFIRM, STILL)),
    "emil": ContactResult((("exited", "not confirmed"),)),
    "farah": ContactResult((_COMPLETED,), (CONFIRM, "Welcome, Farah")),
    "gita": ContactResult((("exited", "Order Completed"),), ("Gita, you left something behind",)),
    "hugo": ContactResult(
        (("restarted", None), _COMPLETED), ("Hugo, you left something behind", SHELF)
    ),
    "iris": ContactResult((("exited", "Order Completed"),)),
    "jan": ContactResult((("exited", "Cart Updated"),), ("Jan, you left something behind",)),
    "kim": ContactResult((_COMPLETED,), ("Kim, you left something behind",)),
    "lena": ContactResult(()),
}

COUNTS: dict[str, Counts] = {
    "welcome": Counts(
        entered=6,
        active=1,
        ends={"completed": 4, "exited": 1},
        steps={
            "confirm": StepCount(6, sent=5, skipped={"no_address": 1}, opened=1, clicked=1),
            "confirmed": StepCount(6),
            "remind": StepCount(6, sent=2, skipped={"no_address": 1, "if": 3}, opened=1, clicked=1),
            "late": StepCount(6, waiting=1, skipped={"if": 4}),
            "gone": StepCount(5, skipped={"if": 4}),
            "hello": StepCount(4, sent=4, opened=1),
        },
    ),
    "abandoned-cart": Counts(
        entered=5,
        active=0,
        ends={"completed": 2, "exited": 3, "restarted": 1},
        steps={
            "quiet": StepCount(5),
            "reminder": StepCount(4, sent=4, opened=3, clicked=1),
            "clicked": StepCount(4),
            "interest": StepCount(3),
            "warm-lead": StepCount(1),
            "decide": StepCount(1),
            "last-call": StepCount(2, sent=1, skipped={"consent": 1}),
        },
    ),
}
