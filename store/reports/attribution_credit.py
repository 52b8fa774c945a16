"""Credit for conversions, shared exactly among what led to them, and rounded so that sums hold."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from fractions import Fraction
from typing import Any, Final, Literal, NamedTuple, get_args

AttributionModel = Literal["last", "first", "linear"]
AttributionBy = Literal["message", "journey", "channel", "coupon"]
MessageTouch = Literal["sent", "delivered", "opened", "clicked"]
CouponTouch = Literal["drawn", "redeemed"]
Touch = MessageTouch | CouponTouch
MESSAGE_TOUCHES: Final[tuple[MessageTouch, ...]] = get_args(MessageTouch)
COUPON_TOUCHES: Final[tuple[CouponTouch, ...]] = get_args(CouponTouch)

CREDIT_PLACES: Final = 6
"""Decimals of a rounded credit."""
_LEAST_PLACES: Final = 2
"""Decimals of a rounded value, at least: those of most currencies."""


class Credited(NamedTuple):
    """What gets credit, in a currency."""

    name: tuple[str, ...]
    """Such as a journey and a step."""
    currency: str
    """"": the conversions name none."""


@dataclass(slots=True)
class Share:
    """Exact credit."""

    touches: int = 0
    """That got credit."""
    credit: Fraction = Fraction(0)
    value: Fraction = Fraction(0)


@dataclass(slots=True)
class Whole:
    """All conversions of a currency."""

    conversions: int = 0
    valued: int = 0
    """Those with a value."""
    value: Decimal = Decimal(0)
    attributed: int = 0
    """Those with a touch within the window."""
    attributed_value: Decimal = Decimal(0)


@dataclass(frozen=True, slots=True)
class Counted:
    """Conversions of one currency with the same number of touches, and what one of them was of.

    A row without a name is of all conversions, by whether anything led to them.
    """

    name: list[str] | None
    currency: str
    among: int
    """The touches among which each conversion is shared; 0: none."""
    count: int
    valued: int
    value: Decimal


@dataclass(slots=True)
class Tally:
    """Credit so far: tallies of disjoint sets of conversions are added."""

    shares: dict[Credited, Share] = field(default_factory=dict)
    wholes: dict[str, Whole] = field(default_factory=dict)

    def add(self, rows: Sequence[Counted]) -> None:
        """Add counted conversions, exactly."""
        for row in rows:
            if row.name is None:
                whole = self.wholes.setdefault(row.currency, Whole())
                whole.conversions += row.count
                whole.valued += row.valued
                whole.value += row.value
                if row.among:
                    whole.attributed += row.count
                    whole.attributed_value += row.value
            else:
                share = self.shares.setdefault(Credited(tuple(row.name), row.currency), Share())
                share.touches += row.count
                share.credit += Fraction(row.count, row.among)
                share.value += Fraction(row.value) / row.among

    def as_json(self) -> dict[str, Any]:
        """As JSON that `from_json` reads again without a loss."""
        return {
            "shares": [
                [*key, each.touches, str(each.credit), str(each.value)]
                for key, each in self.shares.items()
            ],
            "wholes": [
                [currency, each.conversions, each.valued, str(each.value), each.attributed,
                 str(each.attributed_value)]
                for currency, each in self.wholes.items()
            ],
        }  # fmt: skip

    @classmethod
    def from_json(cls, kept: Mapping[str, Any]) -> Tally:
        """A tally that `as_json` wrote."""
        tally = cls()
        for name, currency, touches, credit, value in kept["shares"]:
            tally.shares[Credited(tuple(name), currency)] = Share(
                touches, Fraction(credit), Fraction(value)
            )
        for currency, conversions, valued, value, attributed, of_value in kept["wholes"]:
            tally.wholes[currency] = Whole(
                conversions, valued, Decimal(value), attributed, Decimal(of_value)
            )
        return tally


@dataclass(frozen=True, slots=True)
class Row:
    """Rounded credit of one thing."""

    name: tuple[str, ...]
    touches: int
    credit: Decimal
    value: Decimal


@dataclass(frozen=True, slots=True)
class CurrencyCredit:
    """The credit of the conversions of one currency. Sums of the rows are those of `whole`."""

    currency: str
    whole: Whole
    rows: list[Row]
    """Those with most value and credit first."""


def rounded(tally: Tally) -> list[CurrencyCredit]:
    """The credit by currency, rounded so that no sum changes."""
    found = []
    for currency in sorted(tally.wholes):
        whole = tally.wholes[currency]
        keys = sorted(key for key in tally.shares if key.currency == currency)
        shares = [tally.shares[key] for key in keys]
        places = max(_LEAST_PLACES, _places_of(whole.attributed_value))
        given = apportion([each.credit for each in shares], CREDIT_PLACES)
        values = apportion([each.value for each in shares], places)
        rows = [
            Row(key.name, share.touches, credit, value)
            for key, share, credit, value in zip(keys, shares, given, values, strict=True)
        ]
        rows.sort(key=lambda row: (-row.value, -row.credit, row.name))
        found.append(CurrencyCredit(currency, whole, rows))
    return found


def apportion(amounts: Sequence[Fraction], places: int) -> list[Decimal]:
    """Amounts rounded to decimals, whose sum is the rounded sum: by the largest remainders.

    No amount is off by a unit of the last decimal or more. If the sum has no more decimals than
    that, it stays as it is.
    """
    unit = 10**places
    scaled = [amount * unit for amount in amounts]
    whole = [amount.numerator // amount.denominator for amount in scaled]
    missing = round(sum(scaled, Fraction(0))) - sum(whole)
    order = sorted(range(len(scaled)), key=lambda place: (whole[place] - scaled[place], place))
    for place in order[:missing]:
        whole[place] += 1
    return [Decimal(each).scaleb(-places) for each in whole]


def _places_of(value: Decimal) -> int:
    exponent = value.normalize().as_tuple().exponent
    return -exponent if isinstance(exponent, int) and exponent < 0 else 0


def decimal_text(amount: Decimal) -> str:
    """A decimal as people write it: all its digits, and no zeros at the end of a fraction."""
    text = f"{amount:f}"
    return text.rstrip("0").rstrip(".") if "." in text else text
