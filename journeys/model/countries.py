"""Country codes of two letters (ISO 3166-1), as the time zone database lists them."""

from __future__ import annotations

from functools import cache
from importlib.resources import files


def country_code(text: str) -> str:
    """The code in capitals. Raises ValueError if no country has it."""
    code = text.upper()
    if code not in country_codes():
        raise ValueError(f"{text!r} is not a country's two letters (ISO 3166-1), such as FR")
    return code


@cache
def country_codes() -> frozenset[str]:
    """Every code, in capitals."""
    table = files("tzdata.zoneinfo").joinpath("iso3166.tab").read_text(encoding="utf-8")
    return frozenset(
        line.split("\t")[0] for line in table.splitlines() if line and not line.startswith("#")
    )
