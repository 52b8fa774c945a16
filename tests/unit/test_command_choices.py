"""Choices of commands, against the values that they offer."""

from enum import Enum
from typing import get_args

import pytest

from cli.document_versions import UsedKind as UsedKindChoice
from cli.key import Scope as ScopeChoice
from cli.plan_output import REASONS
from cli.run import State as StateChoice
from journeys.checks.uses import UsedKind
from journeys.versions.mapping import StayReason
from store.tables.operations import Scope
from store.tables.runs import RunState


@pytest.mark.parametrize(
    ("choices", "values"),
    [
        (ScopeChoice, get_args(Scope)),
        (StateChoice, get_args(RunState)),
        (UsedKindChoice, get_args(UsedKind)),
    ],
)
def test_a_command_offers_every_value(choices: type[Enum], values: tuple[str, ...]) -> None:
    assert tuple(choice.value for choice in choices) == values


def test_every_reason_of_runs_that_stay_has_words() -> None:
    assert set(REASONS) == {"pinned", *get_args(StayReason)}
