from __future__ import annotations

from decimal import Decimal
from fractions import Fraction

import pytest

from labgloss.domain.quantity import (
    EVERYTHING,
    NOTHING,
    Comparator,
    Quantity,
    Span,
    plain,
    round_half_up,
    scaled,
)


def span(text: str) -> Span:
    """[0.40,0.50) as mathematicians write it; an empty end is unbounded."""
    low, high = text[1:-1].split(",")
    return Span(Decimal(low) if low else None, text[0] == "[", Decimal(high) if high else None, text[-1] == "]")


@pytest.mark.parametrize(
    ("text", "inside", "outside"),
    [
        ("[0.70,1.00]", ["0.70", "0.7", "1.00", "0.85"], ["0.69", "1.01", "0.6999999999999999999999"]),
        ("(0.40,0.50)", ["0.41", "0.4000000000000000000001"], ["0.40", "0.50", "0.4"]),
        ("[,2.5]", ["2.5", "-1", "0"], ["2.50000001"]),
        ("[6.5,]", ["6.5", "6.50", "1E+3"], ["6.4999999999"]),
        ("(6.5,]", ["6.51"], ["6.5"]),
    ],
)
def test_a_span_holds_its_ends_as_it_says(text: str, inside: list[str], outside: list[str]) -> None:
    for value in inside:
        assert Decimal(value) in span(text)
    for value in outside:
        assert Decimal(value) not in span(text)


@pytest.mark.parametrize(
    ("text", "empty"),
    [("[1,1]", False), ("[1,1)", True), ("(1,1]", True), ("[2,1]", True), ("(1,2)", False), ("[,1)", False)],
)
def test_a_span_of_no_number_is_empty(text: str, empty: bool) -> None:
    assert span(text).empty is empty


@pytest.mark.parametrize(
    ("one", "other", "both"),
    [
        ("[1,3]", "[2,4]", "[2,3]"),
        ("[1,3]", "(1,3)", "(1,3)"),
        ("[1,3)", "[3,4]", "[3,3)"),
        ("[,3]", "[1,]", "[1,3]"),
        ("[,3)", "[,3]", "[,3)"),
        ("[1,2]", "[,]", "[1,2]"),
    ],
)
def test_two_spans_meet_in_the_tighter_ends(one: str, other: str, both: str) -> None:
    assert span(one).intersection(span(other)) == span(both)
    assert span(other).intersection(span(one)) == span(both)


def test_spans_that_touch_at_an_end_that_neither_or_one_holds_do_not_overlap() -> None:
    assert not span("[1,2)").overlaps(span("[2,3]"))
    assert not span("[1,2)").overlaps(span("(2,3]"))
    assert span("[1,2]").overlaps(span("[2,3]"))


@pytest.mark.parametrize(
    ("inner", "outer", "inside"),
    [
        ("[1,2]", "[1,2]", True),
        ("(1,2)", "[1,2]", True),
        ("[1,2]", "(1,2]", False),
        ("[1,]", "[0,9]", False),
        ("[,1)", "[,1]", True),
        ("[,1]", "[,1)", False),
    ],
)
def test_a_span_is_inside_another_when_every_number_of_it_is(inner: str, outer: str, inside: bool) -> None:
    assert span(inner).inside(span(outer)) is inside


def test_below_and_above_take_the_end_that_the_span_leaves() -> None:
    assert span("[1,2)").below == span("[,1)")
    assert span("[1,2)").above == span("[2,]")
    assert span("(1,2]").below == span("[,1]")
    assert span("(1,2]").above == span("(2,]")


def test_nothing_lies_beyond_an_end_that_is_open() -> None:
    assert EVERYTHING.below is NOTHING
    assert EVERYTHING.above is NOTHING
    assert NOTHING.empty
    assert Decimal(0) not in NOTHING


@pytest.mark.parametrize(
    ("comparator", "allowed"),
    [("", "[4.0,4.0]"), ("<", "[,4.0)"), ("<=", "[,4.0]"), (">=", "[4.0,]"), (">", "(4.0,]")],
)
def test_a_comparator_is_a_half_line_and_never_the_number_alone(comparator: str, allowed: str) -> None:
    quantity = Quantity(Decimal("4.0"), "mmol/L", Comparator(comparator))
    assert quantity.span == span(allowed)
    assert quantity.measured is (comparator == "")


def test_a_conversion_is_exact_and_keeps_the_comparator() -> None:
    converted = Quantity(Decimal("20"), "ng/mL", Comparator.LESS).converted(Fraction(1000000, 400647), "nmol/L")
    assert converted.unit == "nmol/L"
    assert converted.comparator is Comparator.LESS
    # 20 / 0.400647, to more digits than any display.
    assert str(converted.value).startswith("49.91925560")


def test_a_factor_of_one_leaves_the_digits_as_they_are() -> None:
    assert str(Quantity(Decimal("4.10"), "meq/L").converted(Fraction(1), "mmol/L").value) == "4.10"


def test_thirty_digits_are_not_rounded_by_a_product() -> None:
    value = Decimal("1.23456789012345678901234567891")
    assert scaled(value, Fraction(1000000000000)) == Decimal("1234567890123.45678901234567891")


def test_two_values_that_differ_in_the_last_digit_stay_different_after_a_division() -> None:
    third = Fraction(1, 3)
    assert scaled(Decimal("1.00000000000000000000000000001"), third) > scaled(Decimal(1), third)


@pytest.mark.parametrize(
    ("value", "digits", "rounded"),
    [
        ("2.275", 2, "2.28"),
        ("2.285", 2, "2.29"),
        ("9.25", 1, "9.3"),
        ("-0.005", 2, "-0.01"),
        ("2.2749999999", 2, "2.27"),
        ("12.5", 0, "13"),
    ],
)
def test_rounding_is_half_up_and_never_to_the_even_digit(value: str, digits: int, rounded: str) -> None:
    assert str(round_half_up(Decimal(value), digits)) == rounded


@pytest.mark.parametrize(
    ("value", "shown"), [("1E+2", "100"), ("1E-7", "0.0000001"), ("0.410", "0.410"), ("0E-3", "0.000")]
)
def test_a_number_is_shown_without_an_exponent(value: str, shown: str) -> None:
    assert plain(Decimal(value)) == shown
