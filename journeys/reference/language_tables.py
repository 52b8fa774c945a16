"""The words of the language in tables, read from its models: the page `docs/language-reference.md`.

`python -m journeys.reference.language_tables > docs/language-reference.md` writes it.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable, Sequence
from typing import Final

from journeys.checks.unsupported import WORKS
from journeys.model.conditions import (
    OPERATORS,
    AllCondition,
    AnyCondition,
    AttributeCondition,
    Comparison,
    EntryCondition,
    EventCondition,
    GroupCondition,
    MessageCondition,
    Near,
    NearCondition,
    NotCondition,
    SegmentCondition,
    StepCondition,
    TopicCondition,
)
from journeys.model.documents import Place, Places, Segment, Template, Topic
from journeys.model.journey import Journey
from journeys.model.moments import (
    WEEKDAYS,
    ActivePeriod,
    AttributeMoment,
    Cap,
    EntryMoment,
    QuietHours,
    StepMoment,
    Window,
)
from journeys.model.outcomes import BY_KIND
from journeys.model.reasons import SKIP_REASONS
from journeys.model.sends import Channel, Country, Email, SendSettings, Sms, Webhook
from journeys.model.steps import (
    RESERVED_OUTCOMES,
    AnyWait,
    Arm,
    BaseStep,
    BranchStep,
    Case,
    CouponStep,
    EmailStep,
    EmitStep,
    EnterStep,
    ExitStep,
    ForWait,
    GotoStep,
    GroupStep,
    SmsStep,
    SplitStep,
    TriggerWait,
    UntilWait,
    UpdateStep,
    WaitStep,
    WebhookStep,
    Winner,
)
from journeys.model.triggers import (
    ApiEntry,
    AroundTrigger,
    AttributeEntry,
    ConditionExit,
    DateEntry,
    EventEntry,
    EventExit,
    EventGoal,
    GroupEntry,
    MessageExit,
    MessageGoal,
    NearEntry,
    Schedule,
    ScheduleEntry,
    SegmentEntry,
)
from journeys.model.values import DocumentModel
from journeys.protocol.message_status import STATUSES

_HEAD = """# The words of the language

Made from the models: `python -m journeys.reference.language_tables > docs/language-reference.md`.
[language.md](language.md) says what the words mean, and
[language-examples.md](language-examples.md) shows them at work. Keys in **bold** are required; any
other key is an error.
"""
_WAYS: Final = {
    "branch": "the case, `else`",
    "split": "the arm",
    "wait": "`elapsed`, `past`, `missing`, `happened` or the trigger’s name, `timed_out`",
}
_STEPS: Final[tuple[type[BaseStep], ...]] = (
    EmailStep, SmsStep, WebhookStep, WaitStep, BranchStep, SplitStep, UpdateStep, GroupStep,
    CouponStep, EmitStep, EnterStep, GotoStep, ExitStep,
)  # fmt: skip
_FORMS: Final[Sequence[tuple[str, Sequence[type[DocumentModel]]]]] = (
    ("Documents", (Journey, Topic, Segment, Template, Places, Place, Channel, Country)),
    (
        "Entries",
        (
            EventEntry, ApiEntry, SegmentEntry, GroupEntry, AttributeEntry, DateEntry,
            ScheduleEntry, Schedule, NearEntry,
        ),
    ),
    ("Exits and goals", (EventExit, MessageExit, ConditionExit, EventGoal, MessageGoal)),
    ("What sends say", (SendSettings, Email, Sms, Webhook)),
    ("Holds and periods", (Window, QuietHours, Cap, ActivePeriod)),
    ("Waits", (ForWait, UntilWait, TriggerWait, AnyWait)),
    ("Ways", (Case, Arm, Winner)),
    ("Moments by reference", (EntryMoment, AttributeMoment, StepMoment)),
    (
        "Conditions",
        (
            AttributeCondition, EventCondition, MessageCondition, StepCondition, EntryCondition,
            GroupCondition, TopicCondition, SegmentCondition, NearCondition, Near, AllCondition,
            AnyCondition, NotCondition,
        ),
    ),
)  # fmt: skip


def text() -> str:
    """The page, in Markdown."""
    parts = [_HEAD, "## Steps", _steps()]
    for title, models in _FORMS:
        parts += [
            f"## {title}",
            _table(["", "keys"], [(_said(each), _keys(each)) for each in models]),
        ]
    parts += [
        "## Words",
        _table(
            ["", "words"],
            [
                ("operators", _words(OPERATORS)),
                ("what becomes of a message", _words(STATUSES)),
                ("days", _words(WEEKDAYS)),
                ("names that no case, arm or trigger may have", _words(sorted(RESERVED_OUTCOMES))),
            ],
        ),
        "## Why a step is skipped",
        _table(["reason", ""], [(f"`{reason}`", words) for reason, words in SKIP_REASONS.items()]),
        "## What works",
        _table(
            ["construct", ""],
            [(name, "yes" if works else "◌ not yet") for name, works in WORKS.items()],
        ),
    ]
    return "\n\n".join(part.strip("\n") for part in parts) + "\n"


def _steps() -> str:
    rows = []
    for model in _STEPS:
        kind = model.kind
        outcomes = _WAYS.get(kind) or _words(BY_KIND[kind], ", ")
        own = [key for key in _keys(model).split() if key not in ("**`id`**", "`if`")]
        rows.append((" ".join(own), _said(model), f"{outcomes}, `skipped`"))
    told = "Every step has an `id`, and may have an `if`; without one only sends are `skipped`."
    return f"{told}\n\n{_table(['step', '', 'outcomes'], rows)}"


def _said(model: type[DocumentModel]) -> str:
    """The first sentence of a model's docstring."""
    sentence = " ".join((model.__doc__ or "").split("\n\n")[0].split()).removesuffix(".")
    return sentence.replace("`else_`", "`else`")


def _keys(model: type[DocumentModel]) -> str:
    keys = []
    for name, field in model.model_fields.items():
        if name in model.unwritten:
            continue
        key = f"`{field.alias or name}`"
        if key.strip("`") in OPERATORS and issubclass(model, Comparison):
            continue
        keys.append(f"**{key}**" if field.is_required() else key)
    if issubclass(model, Comparison):
        keys.append("operators")
    if issubclass(model, AroundTrigger):
        keys.insert(0, "those of a trigger")
    return " ".join(keys)


def _words(words: Iterable[str], between: str = " ") -> str:
    return between.join(f"`{word}`" for word in words)


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    def line(cells: Iterable[str]) -> str:
        return f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in cells)} |"

    return "\n".join([line(head), f"|{'---|' * len(head)}", *map(line, rows)])


if __name__ == "__main__":
    sys.stdout.write(text())
