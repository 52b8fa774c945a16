"""Documents as models: what is normalised, inherited, kept and loaded again."""

import json
from typing import Any

import pytest
from pydantic import ValidationError

from journeys.model.documents import load
from journeys.model.journey import Journey
from journeys.model.steps import BranchStep, EmailStep, SmsStep, WaitStep
from journeys.model.triggers import ConditionTrigger, EventTrigger, MessageTrigger
from journeys.model.waits import AnyWait, ForWait, TriggerWait, UntilWait
from journeys.source.parsing import Parsed
from journeys.time.durations import Duration
from tests.unit.journeys.examples import journey, programmes

EMAIL = {"subject": "s", "text": "t"}


@pytest.mark.parametrize(
    "parsed", programmes(), ids=lambda p: f"{p.document.kind}-{p.document.key}"
)
def test_a_document_reads_back_from_what_is_kept(parsed: Parsed) -> None:
    kept = json.loads(json.dumps(parsed.document.as_document()))
    again = load(kept)
    assert again == parsed.document
    assert again.as_document() == kept


def wait(form: Any) -> ForWait | UntilWait | TriggerWait | AnyWait:
    step = journey(steps=[{"id": "w", "wait": form}]).step("w")
    assert isinstance(step, WaitStep)
    return step.wait


def test_a_plain_wait_is_a_duration() -> None:
    assert wait("1h") == ForWait(for_="1h") == wait({"for": "1h"})


def test_a_wait_for_a_trigger_keeps_the_trigger_apart() -> None:
    event = wait({"event": "Paid", "where": {"a": 1}, "up_to": "1d"})
    assert isinstance(event, TriggerWait)
    assert event.trigger == EventTrigger(event="Paid", where={"a": 1})
    assert event.up_to == "1d"
    message = wait({"message": "m", "is": "clicked"})
    assert isinstance(message, TriggerWait)
    assert isinstance(message.trigger, MessageTrigger)
    condition = wait({"if": {"group": "vip"}})
    assert isinstance(condition, TriggerWait)
    assert isinstance(condition.trigger, ConditionTrigger)


def test_a_wait_for_any_trigger_names_each() -> None:
    some = wait({"any": [{"name": "a", "event": "A"}, {"name": "b", "if": {"group": "g"}}]})
    assert isinstance(some, AnyWait)
    assert [(each.name, type(each.trigger)) for each in some.any] == [
        ("a", EventTrigger),
        ("b", ConditionTrigger),
    ]


def test_cases_without_a_name_are_called_by_their_place() -> None:
    case = {"if": {"group": "g"}, "then": []}
    step = journey(
        steps=[{"id": "b", "branch": [case, {"name": "x", **case}, case, {"else": []}]}]
    ).step("b")
    assert isinstance(step, BranchStep)
    assert [each.name for each in step.branch] == ["1", "x", "3"]
    assert step.else_ == []


def test_steps_are_found_at_any_depth_and_in_exits() -> None:
    found = journey(
        exit={"event": "Y", "then": [{"id": "e", "exit": "no"}]},
        steps=[
            {
                "id": "b",
                "branch": [
                    {"if": {"group": "g"}, "then": [{"id": "c", "wait": "1d"}]},
                    {"else": [{"id": "d", "wait": "1d"}]},
                ],
            }
        ],
    )
    assert [step.id for step in found.all_steps()] == ["b", "c", "d", "e"]
    assert found.step("d").kind == "wait"
    with pytest.raises(KeyError):
        found.step("nope")


@pytest.mark.parametrize(
    ("parts", "expected"),
    [
        ({}, "never"),
        ({"re_entry": "always"}, "always"),
        ({"re_entry": {"after": "7d"}}, Duration(days=7)),
        ({"entry": {"date": {"attribute": "birthday", "every": "year"}}}, "always"),
        ({"entry": {"schedule": {"cron": "0 9 * * *"}}}, "always"),
        ({"entry": [{"event": "A"}, {"schedule": {"cron": "0 9 * * *"}}]}, "never"),
    ],
)
def test_re_entry_is_normalised(parts: dict[str, Any], expected: object) -> None:
    assert journey(steps=[{"id": "w", "wait": "1d"}], **parts).re_entry == expected


def effective(send: dict[str, Any], **parts: Any) -> dict[str, Any]:
    found: Journey = journey(steps=[{"id": "m", "email": {**EMAIL, **send}}], **parts)
    step = found.step("m")
    assert isinstance(step, EmailStep)
    return found.effective(step).as_document()


WINDOW = {"days": "mon-fri", "from": "09:00", "to": "18:00"}


def test_a_send_inherits_key_by_key() -> None:
    defaults = {"topic": "a", "from": "x@y.example", "on_unknown": "resend", "up_to": "2h"}
    assert effective({"topic": "b"}, defaults=defaults) == {**defaults, "topic": "b"}


def test_an_unknown_send_is_held_unless_said_otherwise() -> None:
    step = journey(steps=[{"id": "m", "sms": {"text": "t", "topic": "a"}}])
    sms = step.step("m")
    assert isinstance(sms, SmsStep)
    assert step.effective(sms).on_unknown == "hold"


def test_a_transactional_send_ignores_inherited_holds_and_keeps_its_own() -> None:
    above = {"window": WINDOW, "cap": {"max": 1, "per": "1d"}, "apart": "4h"}
    service = {"transactional": True, "class": "service"}
    assert effective({"topic": "a"}, defaults=above) == {"topic": "a", **above}
    assert effective({"transactional": True}, defaults=above) == service
    own = {"transactional": True, "window": WINDOW}
    assert effective(own, defaults=above) == {**own, "class": "service"}
    inherited = {"transactional": True, **above}
    assert effective({}, defaults=inherited) == service
    assert effective({"class": "marketing"}, defaults=inherited) == service
    assert effective({"transactional": False, "topic": "a"}, defaults=inherited) == {
        "topic": "a",
        "transactional": False,
        **above,
    }


def test_holds_of_the_journey_stand_behind_those_of_defaults() -> None:
    quiet = {"from": "22:00", "to": "07:00"}
    found = effective(
        {"topic": "a"},
        cap={"max": 9, "per": "1d"},
        quiet_hours=quiet,
        defaults={"cap": {"max": 1, "per": "1d"}},
    )
    assert found == {"topic": "a", "cap": {"max": 1, "per": "1d"}, "quiet_hours": quiet}


@pytest.mark.parametrize(
    "more", [{}, {"emails": []}, {"emails": ["me"]}, {"phones": ["12"]}, {"to": ["me@example.com"]}]
)
def test_recipients_of_tests_are_addresses(more: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        load({"test_recipients": "team", **more})
    assert load({"test_recipients": "team", "phones": ["+33 612345678"]}).key == "team"
