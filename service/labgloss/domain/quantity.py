"""Values as intervals: a measurement is a point, a comparator is a half-line, a limit is a span."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence
from decimal import ROUND_HALF_UP, Context, Decimal
from fractions import Fraction
from typing import Final

from labgloss.domain.closed import Closed
from labgloss.frozen import dataclass

# A value of more digits is no measurement, and is not read as a number.
MAX_DIGITS = 30
# Enough digits that no such value is rounded by a product with a conversion factor, and that two different quotients
# never compare equal.
ARITHMETIC = Context(prec=80)
# Of the 28 digits that `decimal` has by itself, so many stand before and behind the point, with some to spare.
_HALVED_BELOW, _HALVED_PLACES = 10**7, 15


class Comparator(Closed):
    """How a value bounds the measurement; EQUAL is a measurement."""

    EQUAL = ""
    LESS = "<"
    LESS_OR_EQUAL = "<="
    GREATER_OR_EQUAL = ">="
    GREATER = ">"


# As a name it is found sooner: every result is asked.
_EQUAL: Final = Comparator.EQUAL


@dataclass(frozen=True, slots=True)
class Span:
    """A connected set of numbers; an end that is None is unbounded."""

    low: Decimal | None = None
    low_inclusive: bool = True
    high: Decimal | None = None
    high_inclusive: bool = True

    def __contains__(self, value: Decimal) -> bool:
        if self.low is not None and (value < self.low or (value == self.low and not self.low_inclusive)):
            return False
        return not (self.high is not None and (value > self.high or (value == self.high and not self.high_inclusive)))

    @property
    def empty(self) -> bool:
        """Whether no number lies in it."""
        if self.low is None or self.high is None:
            return False
        return self.low > self.high or (self.low == self.high and not (self.low_inclusive and self.high_inclusive))

    def intersection(self, other: Span) -> Span:
        """What lies in both; possibly empty."""
        low, low_inclusive = self.low, self.low_inclusive
        if other.low is not None and (low is None or other.low > low):
            low, low_inclusive = other.low, other.low_inclusive
        elif other.low is not None and other.low == low:
            low_inclusive = low_inclusive and other.low_inclusive
        high, high_inclusive = self.high, self.high_inclusive
        if other.high is not None and (high is None or other.high < high):
            high, high_inclusive = other.high, other.high_inclusive
        elif other.high is not None and other.high == high:
            high_inclusive = high_inclusive and other.high_inclusive
        return Span(low, low_inclusive, high, high_inclusive)

    def overlaps(self, other: Span) -> bool:
        """Whether any number lies in both."""
        return not self.intersection(other).empty

    def inside(self, other: Span) -> bool:
        """Whether every number of this span lies in the other."""
        return self.intersection(other) == self

    @property
    def ends(self) -> tuple[Decimal, ...]:
        """Its ends, but for one that is unbounded."""
        return tuple(end for end in (self.low, self.high) if end is not None)

    @property
    def below(self) -> Span:
        """All numbers below it; empty when its lower end is unbounded."""
        if self.low is None:
            return NOTHING
        return Span(high=self.low, high_inclusive=not self.low_inclusive)

    @property
    def above(self) -> Span:
        """All numbers above it; empty when its upper end is unbounded."""
        if self.high is None:
            return NOTHING
        return Span(low=self.high, low_inclusive=not self.high_inclusive)


NOTHING = Span(Decimal(0), False, Decimal(0), False)
EVERYTHING = Span()


@dataclass(frozen=True, slots=True)
class Quantity:
    """A number with its comparator and UCUM unit, as read."""

    value: Decimal
    unit: str
    comparator: Comparator = Comparator.EQUAL

    @property
    def measured(self) -> bool:
        """Whether it is a measurement rather than a bound."""
        return self.comparator is _EQUAL

    @property
    def span(self) -> Span:
        """Every measurement that the value allows."""
        match self.comparator:
            case Comparator.EQUAL:
                return Span(self.value, True, self.value, True)
            case Comparator.LESS:
                return Span(high=self.value, high_inclusive=False)
            case Comparator.LESS_OR_EQUAL:
                return Span(high=self.value)
            case Comparator.GREATER_OR_EQUAL:
                return Span(low=self.value)
            case Comparator.GREATER:
                return Span(low=self.value, low_inclusive=False)

    def converted(self, factor: Fraction, unit: str) -> Quantity:
        """The same quantity in another unit; exact to the digits of `ARITHMETIC`, never rounded for display."""
        if factor == 1:
            return Quantity(self.value, unit, self.comparator)
        return Quantity(scaled(self.value, factor), unit, self.comparator)


def scaled(value: Decimal, factor: Fraction) -> Decimal:
    """The value times an exact factor."""
    product = ARITHMETIC.multiply(value, Decimal(factor.numerator))
    return ARITHMETIC.divide(product, Decimal(factor.denominator))


def place_among(ends: Sequence[Decimal], value: Decimal) -> int:
    """Where a value lies among numbers from low to high: odd for one of them, even for what lies between two."""
    place = bisect_left(ends, value)
    return 2 * place + (place < len(ends) and ends[place] == value)


def exactly_halved(value: Decimal) -> bool:
    """Whether the way from a value to any limit of a release is halved without rounding, by the digits of `decimal`."""
    exponent = value.as_tuple().exponent
    return 0 <= value < _HALVED_BELOW and isinstance(exponent, int) and exponent >= -_HALVED_PLACES


def scaled_span(span: Span, factor: Fraction) -> Span:
    """The span times an exact factor above zero."""
    return Span(
        None if span.low is None else scaled(span.low, factor),
        span.low_inclusive,
        None if span.high is None else scaled(span.high, factor),
        span.high_inclusive,
    )


def with_digits(value: Decimal, digits: int) -> Decimal:
    """A value with no more digits than so many, and none that nobody measured."""
    rounded = round_half_up(value, digits)
    return value if value == rounded else rounded


def round_half_up(value: Decimal, digits: int) -> Decimal:
    """The value rounded half-up to so many decimal places."""
    return value.quantize(Decimal(1).scaleb(-digits), rounding=ROUND_HALF_UP, context=ARITHMETIC)


def plain(value: Decimal) -> str:
    """The decimal in plain digits, never in exponent form, with the digits it has."""
    return format(value, "f")
