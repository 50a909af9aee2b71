"""Where a value lies in an interval, in words that are read at a glance."""

from __future__ import annotations

from decimal import Decimal

from labgloss.domain.quantity import ARITHMETIC, Quantity, Span, plain, round_half_up
from labgloss.frozen import dataclass


def position(value: Quantity, interval: Span, digits: int | None = None) -> str:
    """Where a value lies in an interval of the same unit: "0.29 below the lower limit 0.70".

    `digits` is given for a converted value: it and its distances are rounded half-up to so many decimal places. A bound
    (a value with a comparator) is placed only where every value that it allows lies on one side.
    """
    low = None if interval.low is None else _End(interval.low, "lower", "below", "above")
    high = None if interval.high is None else _End(interval.high, "upper", "above", "below")
    if low is not None and value.span.inside(interval.below):
        return _outside(value, low, digits)
    if high is not None and value.span.inside(interval.above):
        return _outside(value, high, digits)
    if not value.span.inside(interval):
        return f"cannot be placed: {value.comparator.value}{shown(value.value, digits)} is a bound, not a measurement"
    if low is None and high is None:
        return "no limit to compare with"
    return f"inside, {_within(value.value, low, high, digits)}" if value.measured else "inside"


def shown(value: Decimal, digits: int | None) -> str:
    """The number for display: as it is, or rounded half-up where it has more decimal places than `digits`."""
    exponent = value.as_tuple().exponent
    if digits is None or not isinstance(exponent, int) or -exponent <= digits:
        return plain(value)
    return plain(round_half_up(value, digits))


@dataclass(frozen=True, slots=True)
class _End:
    """An end of an interval, and the words for it."""

    limit: Decimal
    name: str
    outside: str
    inside: str

    def __str__(self) -> str:
        return f"the {self.name} limit {plain(self.limit)}"

    def distance(self, value: Decimal) -> Decimal:
        return abs(ARITHMETIC.subtract(value, self.limit))


def _outside(value: Quantity, end: _End, digits: int | None) -> str:
    distance = end.distance(value.value)
    if distance == 0:
        return f"at {end}, which is itself outside" if value.measured else f"{end.outside} {end}"
    return f"{'' if value.measured else 'at least '}{_distance(distance, digits)} {end.outside} {end}"


def _within(value: Decimal, low: _End | None, high: _End | None, digits: int | None) -> str:
    for end in (low, high):
        if end is not None and value == end.limit:
            return f"at {end}"
    if low is not None and high is not None:
        width = ARITHMETIC.subtract(high.limit, low.limit)
        share = ARITHMETIC.divide(ARITHMETIC.multiply(low.distance(value), Decimal(100)), width)
        ends = f"from {plain(low.limit)} to {plain(high.limit)}"
        return f"{plain(round_half_up(share, 0))} % of the way {ends}"
    return " ".join(f"{_distance(end.distance(value), digits)} {end.inside} {end}" for end in (low, high) if end)


def _distance(distance: Decimal, digits: int | None) -> str:
    text = shown(distance, digits)
    # A distance that rounds to nothing is still a distance.
    return text if Decimal(text) else f"less than {plain(Decimal(1).scaleb(-(digits or 0)))}"
