"""Checks of e-mail addresses and phone numbers, and the form in which they are stored."""

from __future__ import annotations

import re

import email_validator
import phonenumbers
from email_validator import EmailNotValidError, ValidatedEmail, validate_email

# This is the library's way to accept reserved domains (.test, .invalid, .local). Systems use them
# for trials and for people whose data they have erased, and such an address must not cost the rest
# of the item. Only syntax is checked here.
email_validator.SPECIAL_USE_DOMAIN_NAMES.clear()

_SEPARATORS = re.compile(r"[\s.\-\u2010-\u2015\u2212]+")
"""Spaces (also no-break and thin ones, which copied numbers contain), dots, hyphens and dashes."""


_PLAIN_EMAIL = re.compile(
    r"[a-z0-9_+-]+(?:\.[a-z0-9_+-]+)*@(?:[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z]{2,63}",
    re.ASCII,
)
_EMAIL_LIMIT = 254
_LOCAL_LIMIT = 64


def parse_email(text: str) -> ValidatedEmail:
    """The parts of a bare address: `normalized`, `local_part`, `ascii_domain`….

    Only the syntax is checked (RFC 5321, 6531, IDNA 2008), never DNS, so that the result does not
    change from day to day. Raises ValueError that says what is wrong.
    """
    try:
        return validate_email(text, check_deliverability=False)
    except EmailNotValidError as error:
        raise ValueError(f"{text!r} is not an e-mail address: {error}") from None


def check_email(text: str) -> str:
    """The address as it is stored: domain in lower case, Unicode composed (NFC).

    Raises ValueError that says what is wrong.
    """
    bare = text.strip()
    if _is_plain(bare):
        return bare
    return parse_email(bare).normalized


def _is_plain(text: str) -> bool:
    """Whether it is an address, already as it is stored, of the form that nearly all have.

    The library takes twenty times as long to come to the same answer.
    """
    return (
        _PLAIN_EMAIL.fullmatch(text) is not None
        and len(text) <= _EMAIL_LIMIT
        and text.index("@") <= _LOCAL_LIMIT
        and "--" not in text
    )


def normalise_phone(text: str) -> str:
    """The number in E.164, such as `+33612345678`, without spaces, dots and hyphens.

    National forms are refused because the country is not known. Raises ValueError that says what
    would be right.
    """
    number = _SEPARATORS.sub("", text)
    if "(" in number or ")" in number:
        raise ValueError(
            f"{text!r} is not a phone number in E.164: write it without parentheses, and without "
            "the zero that is dialled only inside the country, as in +33612345678"
        )
    if number.startswith("00") and number.isdecimal():
        raise ValueError(
            f"{text!r} is not a phone number in E.164: write + instead of 00, as in +{number[2:]}"
        )
    if number.isdecimal():
        raise ValueError(
            f"{text!r} is not a phone number in E.164: write it with + and the country's code, "
            "as in +33612345678 for 06 12 34 56 78 in France"
        )
    if not re.fullmatch(r"\+[1-9][0-9]{1,14}", number):
        raise ValueError(
            f"{text!r} is not a phone number in E.164: write +, the country's code and the "
            "number, at most 15 digits in all, as in +33612345678"
        )
    try:
        parsed = phonenumbers.parse(number)
    except phonenumbers.NumberParseException as error:
        if error.error_type == phonenumbers.NumberParseException.INVALID_COUNTRY_CODE:
            wrong = "it begins with no country's code"
        else:
            wrong = "it has too few digits"
        raise ValueError(f"{text!r} is not a phone number: {wrong}") from None
    # Only lengths are checked: the ranges of a country change faster than copies of their tables.
    reason = phonenumbers.is_possible_number_with_reason(parsed)
    if reason == phonenumbers.ValidationResult.TOO_LONG:
        raise ValueError(f"{text!r} is not a phone number: it has too many digits for its country")
    if reason != phonenumbers.ValidationResult.IS_POSSIBLE:
        raise ValueError(f"{text!r} is not a phone number: it has too few digits for its country")
    return number


def is_same_address(one: str, other: str | None) -> bool:
    """Whether two e-mail addresses or phone numbers reach the same mailbox or phone."""
    return other is not None and one.casefold() == other.casefold()
