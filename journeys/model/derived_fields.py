"""Fields of a contact that are worked out from something else while nothing is said of them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from typing import Final, Literal, get_args

import phonenumbers
from phonenumbers import COUNTRY_CODE_TO_REGION_CODE, PhoneNumberType
from phonenumbers.timezone import time_zones_for_number

from journeys.model.contact_fields import CONTACT_FIELDS, FieldName

DerivedFrom = Literal["context", "page", "phone"]
"""Where a value comes from, the stronger the earlier. What was given is stronger than all."""

STRENGTH: Final[Mapping[DerivedFrom, int]] = {
    source: place for place, source in enumerate(get_args(DerivedFrom))
}
FROM_PHONE: Final[tuple[FieldName, ...]] = ("timezone", "country")
"""The fields that a phone number says something about."""

_OF_NO_PLACE: Final = frozenset(
    (
        PhoneNumberType.TOLL_FREE,
        PhoneNumberType.PREMIUM_RATE,
        PhoneNumberType.SHARED_COST,
        PhoneNumberType.UAN,
        PhoneNumberType.VOICEMAIL,
    )
)
_UNKNOWN_ZONE: Final = "Etc/Unknown"


def from_phone(phone: str) -> dict[FieldName, str]:
    """The country of a number in E.164, and its time zone if there is only one that it can have."""
    known = _of_calling_code(phone)
    if known is not None:
        return dict(known)
    try:
        number = phonenumbers.parse(phone)
    except phonenumbers.NumberParseException:
        return {}
    regions = COUNTRY_CODE_TO_REGION_CODE.get(number.country_code or 0, ())
    if len(regions) > 1 and phonenumbers.number_type(number) in _OF_NO_PLACE:
        return {}
    found: dict[FieldName, str] = {}
    region = phonenumbers.region_code_for_number(number)
    if region is not None:
        try:
            found["country"] = CONTACT_FIELDS["country"].check(region)
        except ValueError:
            # `001` stands for services of no country.
            region = None
    zones = {*time_zones_for_number(number)} - {_UNKNOWN_ZONE}
    if len(zones) > 1 and region is not None:
        # Neighbours with the same calling code have zones of their own, with the same clocks.
        zones &= _zones_of_countries().get(region, frozenset())
    if len(zones) == 1:
        try:
            found["timezone"] = CONTACT_FIELDS["timezone"].check(zones.pop())
        except ValueError:
            pass
    return found


def _of_calling_code(phone: str) -> Mapping[FieldName, str] | None:
    """What the code of a country with one zone says; None if the whole number is to be asked.

    It is a fraction of the cost, and nearly all numbers of an import are of such countries.
    """
    for digits in (1, 2, 3):
        known = _countries_with_one_zone().get(phone[1 : digits + 1])
        if known is not None:
            return known
    return None


@cache
def _countries_with_one_zone() -> dict[str, Mapping[FieldName, str]]:
    """By calling code: the countries that share theirs with no other and have one time zone."""
    zones = _zones_of_countries()
    return {
        str(code): {"country": regions[0], "timezone": min(zones[regions[0]])}
        for code, regions in COUNTRY_CODE_TO_REGION_CODE.items()
        if len(regions) == 1 and len(zones.get(regions[0], ())) == 1
    }


@cache
def _zones_of_countries() -> dict[str, frozenset[str]]:
    """The time zones of each country, as the time zone database lists them."""
    zones: defaultdict[str, set[str]] = defaultdict(set)
    table = files("tzdata.zoneinfo").joinpath("zone.tab").read_text(encoding="utf-8")
    for line in table.splitlines():
        if line and not line.startswith("#"):
            country, _, zone, *_ = line.split("\t")
            zones[country].add(zone)
    return {country: frozenset(found) for country, found in zones.items()}
