from __future__ import annotations

from decimal import Decimal

import pytest

from labgloss.domain.position import position, shown
from labgloss.domain.quantity import Comparator, Quantity, Span


def of(value: str, low: str | None = "0.70", high: str | None = "1.00", digits: int | None = None) -> str:
    """The position of "0.41" or "<0.41" in an interval."""
    number = value.lstrip("<>=")
    quantity = Quantity(Decimal(number), "mmol/L", Comparator(value.removesuffix(number)))
    return position(quantity, Span(Decimal(low) if low else None, True, Decimal(high) if high else None, True), digits)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("0.41", "0.29 below the lower limit 0.70"),
        ("0.70", "inside, at the lower limit 0.70"),
        ("0.7", "inside, at the lower limit 0.70"),
        ("0.79", "inside, 30 % of the way from 0.70 to 1.00"),
        ("1.00", "inside, at the upper limit 1.00"),
        ("1.01", "0.01 above the upper limit 1.00"),
    ],
)
def test_a_measurement_is_placed_by_its_distance_or_share(value: str, text: str) -> None:
    assert of(value) == text


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("<0.41", "at least 0.29 below the lower limit 0.70"),
        ("<0.70", "below the lower limit 0.70"),
        ("<=0.70", "cannot be placed: <=0.70 is a bound, not a measurement"),
        ("<0.80", "cannot be placed: <0.80 is a bound, not a measurement"),
        (">1.20", "at least 0.20 above the upper limit 1.00"),
        (">=1.00", "cannot be placed: >=1.00 is a bound, not a measurement"),
    ],
)
def test_a_bound_is_placed_only_where_every_value_it_allows_lies_on_one_side(value: str, text: str) -> None:
    assert of(value) == text


def test_one_end_is_named_alone() -> None:
    assert of("75", "60", None) == "inside, 15 above the lower limit 60"
    assert of("3", None, "5") == "inside, 2 below the upper limit 5"
    assert of("59", "60", None) == "1 below the lower limit 60"
    assert of(">70", "60", None) == "inside"


def test_without_an_end_there_is_nothing_to_compare_with() -> None:
    assert of("3", None, None) == "no limit to compare with"


def test_an_exclusive_limit_is_outside_itself() -> None:
    interval = Span(high=Decimal(5), high_inclusive=False)
    assert position(Quantity(Decimal(5), "mg/L"), interval) == "at the upper limit 5, which is itself outside"


def test_a_converted_value_is_rounded_and_a_distance_never_to_nothing() -> None:
    assert of("0.6999999", digits=2) == "less than 0.01 below the lower limit 0.70"
    assert of("0.411437", digits=2) == "0.29 below the lower limit 0.70"


@pytest.mark.parametrize(("value", "digits", "text"), [("2.500", None, "2.500"), ("2.505", 2, "2.51"), ("2", 2, "2")])
def test_a_number_is_rounded_only_where_it_has_more_digits(value: str, digits: int | None, text: str) -> None:
    assert shown(Decimal(value), digits) == text
