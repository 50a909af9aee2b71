"""A clinician reads at a glance where a value lies in its interval."""

from __future__ import annotations

from decimal import Decimal

import pytest

from labgloss.domain.position import position
from labgloss.domain.quantity import Comparator, Quantity, Span

TWO_SIDED = Span(Decimal("0.70"), True, Decimal("1.00"), True)
FROM_50 = Span(Decimal(50), True)
ABOVE_30 = Span(Decimal(30), False)
UP_TO_5 = Span(high=Decimal(5))


def of(value: str, interval: Span, comparator: Comparator = Comparator.EQUAL, digits: int | None = None) -> str:
    return position(Quantity(Decimal(value), "mmol/L", comparator), interval, digits)


@pytest.mark.parametrize(
    ("value", "interval", "words"),
    [
        ("0.41", TWO_SIDED, "0.29 below the lower limit 0.70"),
        ("0.70", TWO_SIDED, "inside, at the lower limit 0.70"),
        ("0.742", TWO_SIDED, "inside, 14 % of the way from 0.70 to 1.00"),
        ("1.00", TWO_SIDED, "inside, at the upper limit 1.00"),
        ("1.3", TWO_SIDED, "0.30 above the upper limit 1.00"),
        ("49", FROM_50, "1 below the lower limit 50"),
        ("51.2", FROM_50, "inside, 1.2 above the lower limit 50"),
        ("30", ABOVE_30, "at the lower limit 30, which is itself outside"),
        ("4.2", UP_TO_5, "inside, 0.8 below the upper limit 5"),
        ("3", Span(), "no limit to compare with"),
    ],
)
def test_a_measurement_is_placed_by_its_distance_to_the_limit(value: str, interval: Span, words: str) -> None:
    assert words == of(value, interval)


@pytest.mark.parametrize(
    ("comparator", "value", "interval", "words"),
    [
        (Comparator.LESS, "0.40", TWO_SIDED, "at least 0.30 below the lower limit 0.70"),
        (Comparator.LESS, "0.70", TWO_SIDED, "below the lower limit 0.70"),
        (Comparator.LESS_OR_EQUAL, "0.70", TWO_SIDED, "cannot be placed: <=0.70 is a bound, not a measurement"),
        (Comparator.LESS, "0.80", TWO_SIDED, "cannot be placed: <0.80 is a bound, not a measurement"),
        (Comparator.GREATER, "2", TWO_SIDED, "at least 1.00 above the upper limit 1.00"),
        (Comparator.GREATER_OR_EQUAL, "60", FROM_50, "inside"),
    ],
)
def test_a_bound_is_placed_only_where_all_that_it_allows_lies_on_one_side(
    comparator: Comparator, value: str, interval: Span, words: str
) -> None:
    assert words == of(value, interval, comparator)


@pytest.mark.parametrize(
    ("value", "words"),
    [
        ("0.41144826", "0.29 below the lower limit 0.70"),
        ("0.69999", "less than 0.01 below the lower limit 0.70"),
        ("1.00001", "less than 0.01 above the upper limit 1.00"),
        ("0.75", "inside, 17 % of the way from 0.70 to 1.00"),
    ],
)
def test_the_distance_of_a_converted_value_is_rounded_but_never_to_nothing(value: str, words: str) -> None:
    assert words == of(value, TWO_SIDED, digits=2)


def test_a_limit_is_never_rounded() -> None:
    assert "0.125 below the lower limit 0.875" == of("0.75", Span(Decimal("0.875")))
    assert "0.13 below the lower limit 0.875" == of("0.75", Span(Decimal("0.875")), digits=2)
