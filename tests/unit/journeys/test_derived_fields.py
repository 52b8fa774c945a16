"""What phone numbers say about where their owners are."""

from __future__ import annotations

import pytest
from phonenumbers import COUNTRY_CODE_TO_REGION_CODE, example_number, format_number
from phonenumbers import PhoneNumberFormat as Format

from journeys.model.addresses import normalise_phone
from journeys.model.contact_fields import CONTACT_FIELDS
from journeys.model.derived_fields import from_phone


@pytest.mark.parametrize(
    ("phone", "country", "timezone"),
    [
        ("+33612345678", "FR", "Europe/Paris"),
        ("+40721234567", "RO", "Europe/Bucharest"),
        ("+4930123456", "DE", "Europe/Berlin"),
        ("+393331234567", "IT", "Europe/Rome"),  # The Vatican has the same code.
        ("+14155550100", "US", "America/Los_Angeles"),
        ("+442079460000", "GB", "Europe/London"),
        ("+34612345678", "ES", None),  # The Canaries have another zone.
        ("+61412345678", "AU", None),
        ("+79161234567", "RU", None),
        ("+18005551234", None, None),  # Free of charge, from all of North America.
        ("+88213300000", None, None),  # A satellite's.
        ("+12", None, None),
    ],
)
def test_a_number_says_its_country_and_the_zone_that_is_the_only_one(
    phone: str, country: str | None, timezone: str | None
) -> None:
    found = from_phone(phone)
    assert (found.get("country"), found.get("timezone")) == (country, timezone)


def test_the_numbers_of_all_countries_say_what_a_contact_may_have() -> None:
    regions = {each for regions in COUNTRY_CODE_TO_REGION_CODE.values() for each in regions}
    known = 0
    for region in sorted(regions):
        number = example_number(region)
        if number is None:
            continue
        phone = normalise_phone(format_number(number, Format.E164))
        found = from_phone(phone)
        known += found.get("country") == region
        for name, value in found.items():
            assert CONTACT_FIELDS[name].check(value) == value
    assert known > 220
