"""Where a value lies in an interval, in words that are read at a glance."""

from __future__ import annotations

from decimal import Decimal

from labgloss.domain.quantity import ARITHMETIC, Quantity, Span, plain, round_half_up
from labgloss.frozen import dataclass

_HUNDRED = Decimal(100)


def position(value: Quantity, interval: Span, digits: int | None = None) -> str:
    """Where a value lies in an interval of the same unit: "0.29 below the lower limit 0.70".

    `digits` is given for a converted value: it and its distances are rounded half-up to so many decimal places. A bound
    (a value with a comparator) is placed only where every value that it allows lies on one side.
    """
    if interval.low is not None and _is_below(value, interval):
        return _outside(value, _lower(interval.low), digits)
    if interval.high is not None and _is_above(value, interval):
        return _outside(value, _upper(interval.high), digits)
    if not value.measured and not value.span.inside(interval):
        return f"cannot be placed: {value.comparator.value}{shown(value.value, digits)} is a bound, not a measurement"
    if interval.low is None and interval.high is None:
        return "no limit to compare with"
    return f"inside, {_within(value.value, interval, digits)}" if value.measured else "inside"


def _is_below(value: Quantity, interval: Span) -> bool:
    if not value.measured:
        return value.span.inside(interval.below)
    # A number, as most values are, is compared without a span around it.
    low = interval.low
    return low is not None and (value.value < low or (value.value == low and not interval.low_inclusive))


def _is_above(value: Quantity, interval: Span) -> bool:
    if not value.measured:
        return value.span.inside(interval.above)
    high = interval.high
    return high is not None and (value.value > high or (value.value == high and not interval.high_inclusive))


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


def _lower(limit: Decimal) -> _End:
    return _End(limit, "lower", "below", "above")


def _upper(limit: Decimal) -> _End:
    return _End(limit, "upper", "above", "below")


def _outside(value: Quantity, end: _End, digits: int | None) -> str:
    distance = end.distance(value.value)
    if distance == 0:
        return f"at {end}, which is itself outside" if value.measured else f"{end.outside} {end}"
    return f"{'' if value.measured else 'at least '}{_distance(distance, digits)} {end.outside} {end}"


def _within(value: Decimal, interval: Span, digits: int | None) -> str:
    low, high = interval.low, interval.high
    if low is not None and value == low:
        return f"at {_lower(low)}"
    if high is not None and value == high:
        return f"at {_upper(high)}"
    if low is not None and high is not None:
        share = ARITHMETIC.multiply(ARITHMETIC.subtract(value, low), _HUNDRED)
        share = ARITHMETIC.divide(share, ARITHMETIC.subtract(high, low))
        return f"{plain(round_half_up(share, 0))} % of the way from {plain(low)} to {plain(high)}"
    end = _lower(low) if low is not None else _upper(high) if high is not None else None
    return "" if end is None else f"{_distance(end.distance(value), digits)} {end.inside} {end}"


def _distance(distance: Decimal, digits: int | None) -> str:
    text = shown(distance, digits)
    # A distance that rounds to nothing is still a distance.
    return text if Decimal(text) else f"less than {plain(Decimal(1).scaleb(-(digits or 0)))}"
