"""The definitions of channels, against what they name."""

from typing import get_args

import pytest

from journeys.model.contact_fields import FIELD_NAMES
from journeys.model.sends import MessageContent, SendSettings
from journeys.model.steps import BaseMessage, SendStep
from journeys.protocol.channels import CHANNELS, MESSAGE_KINDS, AddressField
from journeys.protocol.program import KINDS

MESSAGES = [step for step in get_args(SendStep) if step.kind in MESSAGE_KINDS]


def test_each_channel_is_a_kind_of_step() -> None:
    assert tuple(CHANNELS) == KINDS[: len(CHANNELS)]


def test_each_address_is_a_field_of_the_contact() -> None:
    assert set(get_args(AddressField)) <= set(FIELD_NAMES)


def test_each_channel_has_a_step_that_sends_it() -> None:
    assert [step.kind for step in get_args(SendStep)] == [*CHANNELS]
    assert all(issubclass(step, BaseMessage) for step in MESSAGES)


@pytest.mark.parametrize("step", MESSAGES)
def test_every_text_of_a_message_is_a_template(step: type[BaseMessage]) -> None:
    content = step.model_fields[step.kind].annotation
    assert isinstance(content, type)
    assert issubclass(content, MessageContent)
    own = content.model_fields.keys() - SendSettings.model_fields.keys() - {"template"}
    assert set(content.template_fields) == own
