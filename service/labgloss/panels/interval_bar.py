"""An interval drawn on one line, and where a value lies in it."""

from __future__ import annotations

from decimal import Decimal
from typing import NamedTuple

from labgloss.v1 import panel_pb2
from labgloss.v1 import report_pb2 as pb

# From zero to the lower limit, from limit to limit, from the upper limit to twice of it.
_BELOW, _INSIDE, _ABOVE = 5, 10, 5
_CELLS = _BELOW + _INSIDE + _ABOVE
_LESS = (panel_pb2.COMPARATOR_LESS, panel_pb2.COMPARATOR_LESS_OR_EQUAL)
_GREATER = (panel_pb2.COMPARATOR_GREATER, panel_pb2.COMPARATOR_GREATER_OR_EQUAL)


class _Limits(NamedTuple):
    low: Decimal | None
    low_inclusive: bool
    high: Decimal | None
    high_inclusive: bool


def interval_bar(interval: pb.IntervalInForce, reading: pb.Reading) -> str:
    """The interval as a bar such as `··●·· 0.70 [··········] 1.00 ·····`, the value marked in it.

    A bound such as `<4.0` is drawn as the stretch it allows. No value is marked where it is not in the interval's
    unit. The drawing never contradicts a limit's inclusivity; inside a stretch it is to scale.
    """
    try:
        limits = _limits(interval)
        cells = _marked(limits, _value(interval, reading), reading.comparator)
    except ArithmeticError:
        return ""
    below, inside, above = cells[:_BELOW], cells[_BELOW:-_ABOVE], cells[-_ABOVE:]
    left = f"{below} {interval.low} [" if limits.low is not None else " " * (_BELOW + 1)
    right = f"] {interval.high} {above}" if limits.high is not None else ""
    if limits.low is None and limits.high is None:
        return ""
    return (left + inside + right).rstrip()


def _limits(interval: pb.IntervalInForce) -> _Limits:
    return _Limits(
        Decimal(interval.low) if interval.HasField("low") else None,
        interval.low_inclusive,
        Decimal(interval.high) if interval.HasField("high") else None,
        interval.high_inclusive,
    )


def _value(interval: pb.IntervalInForce, reading: pb.Reading) -> Decimal | None:
    """The value in the unit of the interval, or None."""
    if reading.value and interval.unit == reading.unit:
        return Decimal(reading.value)
    if reading.compared_value and interval.unit == reading.compared_unit:
        return Decimal(reading.compared_value)
    return None


def _marked(limits: _Limits, value: Decimal | None, comparator: int) -> str:
    cells = ["·"] * _CELLS
    if value is None:
        return "".join(cells)
    position = _cell(limits, value)
    # The stretch beyond a limit that is absent is not drawn: what lies there is marked at the edge.
    first = 0 if limits.low is not None else _BELOW
    last = _CELLS - 1 if limits.high is not None else _BELOW + _INSIDE - 1
    place = min(max(position, first), last)
    if comparator in _LESS:
        cells[: place + 1] = "━" * (place + 1)
    elif comparator in _GREATER:
        cells[place:] = "━" * (_CELLS - place)
    else:
        cells[place] = "●" if place == position else "►" if position > place else "◄"
    return "".join(cells)


def _cell(limits: _Limits, value: Decimal) -> int:
    """The cell of the value; below 0 or beyond the last one when it lies off the drawing."""
    low, high = limits.low, limits.high
    if low is not None and (value < low or (value == low and not limits.low_inclusive)):
        return _BELOW - 1 if low <= 0 else min(_whole(value / low * _BELOW), _BELOW - 1)
    if high is not None and (value > high or (value == high and not limits.high_inclusive)):
        return _BELOW + _INSIDE + (0 if high <= 0 else _whole((value - high) / high * _ABOVE))
    begin = low if low is not None else Decimal(0)
    end = high if high is not None else 2 * begin
    if end <= begin:
        return _BELOW
    inside = _whole((value - begin) / (end - begin) * _INSIDE)
    # Without an upper limit the value may lie beyond the drawing; with one it lies inside by the comparison above.
    last = _INSIDE - 1 if high is not None else inside
    return _BELOW + max(0, min(inside, last))


def _whole(cells: Decimal) -> int:
    # Bounded first: the integer of a value such as 1e999999 would have a million digits.
    return int(max(min(cells, Decimal(_CELLS)), Decimal(-1)))
