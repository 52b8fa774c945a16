"""Credit: shared exactly, and rounded so that sums hold."""

from decimal import Decimal
from fractions import Fraction

from hypothesis import given
from hypothesis import strategies as st

from store.reports.attribution_credit import Counted, Tally, apportion, decimal_text, rounded

AMOUNTS = st.lists(
    st.fractions(min_value=-1000, max_value=1000, max_denominator=60), min_size=1, max_size=30
)


def counted(
    name: list[str] | None, among: int, count: int, value: str, currency: str = "EUR"
) -> Counted:
    return Counted(name, currency, among, count, count, Decimal(value))


@given(AMOUNTS, st.integers(0, 6))
def test_rounding_keeps_the_sum_and_moves_no_amount_by_a_unit(
    amounts: list[Fraction], places: int
) -> None:
    found = apportion(amounts, places)
    unit = Fraction(1, 10**places)
    assert abs(sum(map(Fraction, found), -sum(amounts, Fraction(0)))) <= unit / 2
    assert all(
        abs(Fraction(each) - amount) < unit for each, amount in zip(found, amounts, strict=True)
    )


def test_a_third_of_a_price_each_is_the_price_together() -> None:
    tally = Tally()
    names = (["a", "x"], ["b", "y"], ["c", "z"])
    tally.add([counted(name, 3, 1, "100.00") for name in names])
    tally.add([counted(None, 1, 1, "100.00"), counted(None, 0, 1, "7.5")])
    [found] = rounded(tally)
    assert [(row.name, row.touches, row.credit, row.value) for row in found.rows] == [
        (("a", "x"), 1, Decimal("0.333334"), Decimal("33.34")),
        (("b", "y"), 1, Decimal("0.333333"), Decimal("33.33")),
        (("c", "z"), 1, Decimal("0.333333"), Decimal("33.33")),
    ]
    whole = found.whole
    assert (whole.conversions, whole.attributed) == (2, 1)
    assert (whole.value, whole.attributed_value) == (Decimal("107.50"), Decimal("100.00"))


def test_currencies_are_never_added() -> None:
    tally = Tally()
    tally.add([counted(["a"], 1, 1, "5"), counted(["a"], 1, 1, "7", "USD")])
    tally.add([counted(None, 1, 1, "5"), counted(None, 1, 1, "7", "USD")])
    found = rounded(tally)
    assert [(each.currency, [row.value for row in each.rows]) for each in found] == [
        ("EUR", [Decimal("5.00")]),
        ("USD", [Decimal("7.00")]),
    ]


@given(
    st.lists(
        st.tuples(
            st.sampled_from(["a", "b", "c"]),
            st.integers(1, 7),
            st.integers(1, 50),
            st.decimals(0, 1000, places=3),
        ),
        max_size=20,
    )
)
def test_a_tally_is_kept_as_json_without_a_loss(
    rows: list[tuple[str, int, int, Decimal]],
) -> None:
    tally = Tally()
    tally.add([counted([name], among, count, str(value)) for name, among, count, value in rows])
    tally.add([counted(None, 1, count, str(value)) for _, _, count, value in rows])
    assert Tally.from_json(tally.as_json()) == tally


def test_decimals_are_written_without_an_exponent() -> None:
    written = [decimal_text(Decimal(each)) for each in ("1E+3", "12.500000", "0.000000", "-3.10")]
    assert written == ["1000", "12.5", "0", "-3.1"]
