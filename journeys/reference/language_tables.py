"""Tables of all keys and words of the language: the page `docs/language-reference.md`.

`python -m journeys.reference.language_tables > docs/language-reference.md` writes it.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator, Sequence
from typing import Final

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
from journeys.model.entry_kinds import ENTRY_KINDS
from journeys.model.exits import ConditionExit, EventExit, MessageExit
from journeys.model.forms import FieldWords, Form, FormField, FormLocale, Thanks
from journeys.model.holdouts import Holdout
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
from journeys.model.outcome_names import RESERVED_OUTCOMES
from journeys.model.reasons import SKIP_REASONS
from journeys.model.sends import Channel, Country, SendSettings
from journeys.model.step_kinds import STEP_KINDS
from journeys.model.steps import Arm, Case, Winner
from journeys.model.triggers import AroundTrigger, EventGoal, MessageGoal, Schedule, ScheduleEntry
from journeys.model.values import DocumentModel
from journeys.model.waits import AnyWait, ForWait, TriggerWait, UntilWait
from journeys.protocol.channels import CHANNELS
from journeys.protocol.message_status import STATUSES

_HEAD = """# The words of the language

Generated from the models by
`python -m journeys.reference.language_tables > docs/language-reference.md`.
[language.md](language.md) explains the words, and
[language-examples.md](language-examples.md) shows them in examples. Keys in **bold** are required;
keys that are not listed are errors.
"""


def _entries() -> Iterator[type[DocumentModel]]:
    for kind in ENTRY_KINDS.values():
        yield kind.model
        if kind.model is ScheduleEntry:
            yield Schedule


def _sends() -> Iterator[type[DocumentModel]]:
    for name in CHANNELS:
        content = STEP_KINDS[name].model.model_fields[name].annotation
        assert content is not None
        yield content


_FORMS: Final[Sequence[tuple[str, Sequence[type[DocumentModel]]]]] = (
    ("Documents", (Journey, Topic, Segment, Template, Places, Place, Channel, Country)),
    ("Holdouts", (Holdout,)),
    ("Forms", (Form, FormField, Thanks, FormLocale, FieldWords)),
    ("Entries", tuple(_entries())),
    ("Exits and goals", (EventExit, MessageExit, ConditionExit, EventGoal, MessageGoal)),
    ("Sends", (SendSettings, *_sends())),
    ("Windows, quiet hours, caps and periods", (Window, QuietHours, Cap, ActivePeriod)),
    ("Waits", (ForWait, UntilWait, TriggerWait, AnyWait)),
    ("Cases and arms", (Case, Arm, Winner)),
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
            _table(["", "keys"], [(_sentence(each), _keys(each)) for each in models]),
        ]
    parts += [
        "## Words",
        _table(
            ["", "words"],
            [
                ("operators", _words(OPERATORS)),
                ("statuses of a message", _words(STATUSES)),
                ("days", _words(WEEKDAYS)),
                ("names that no case, arm or trigger may have", _words(sorted(RESERVED_OUTCOMES))),
            ],
        ),
        "## Why a step is skipped",
        _table(["reason", ""], [(f"`{reason}`", words) for reason, words in SKIP_REASONS.items()]),
    ]
    return "\n\n".join(part.strip("\n") for part in parts) + "\n"


def _steps() -> str:
    rows = []
    for kind in STEP_KINDS.values():
        own = [key for key in _keys(kind.model).split() if key not in ("**`id`**", "`if`")]
        outcomes = ", ".join([*kind.outcome_words, "`skipped`"])
        rows.append((" ".join(own), _sentence(kind.model), outcomes))
    intro = "Every step has an `id`, and may have an `if`; without one only sends are `skipped`."
    return f"{intro}\n\n{_table(['step', '', 'outcomes'], rows)}"


def _sentence(model: type[DocumentModel]) -> str:
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


def _words(words: Iterable[str]) -> str:
    return " ".join(f"`{word}`" for word in words)


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    def line(cells: Iterable[str]) -> str:
        return f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in cells)} |"

    return "\n".join([line(head), f"|{'---|' * len(head)}", *map(line, rows)])


if __name__ == "__main__":
    sys.stdout.write(text())
