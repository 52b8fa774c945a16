"""The definitions of channels, against what they name."""

from typing import get_args

from journeys.model.contact_fields import FIELD_NAMES
from journeys.protocol.channels import CHANNELS, AddressField
from journeys.protocol.program import KINDS


def test_each_channel_is_a_kind_of_step() -> None:
    assert tuple(CHANNELS) == KINDS[: len(CHANNELS)]


def test_each_address_is_a_field_of_the_contact() -> None:
    assert set(get_args(AddressField)) <= set(FIELD_NAMES)
