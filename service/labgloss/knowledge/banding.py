"""The band of one value for one kind of patient: the engine answers by it, and a site's intervals are checked by it."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from fractions import Fraction
from typing import Literal

from labgloss.domain.quantity import Span, scaled
from labgloss.knowledge.expression import LLN, ULN, Limit
from labgloss.knowledge.schema import AnalyteFile, BandRow, BandTable, CriticalRow, IntervalRow
from labgloss.knowledge.units import UnitTable, factor_between


def band_of(
    table: BandTable, critical: Sequence[CriticalRow], ends: Span | None, value: Decimal, unit: str
) -> BandRow | None:
    """The band of a value against the interval in force (`ends`); None where no band holds it.

    Moderate and severe bands never move; inside the interval in force a value is normal unless it is critical;
    outside, the mild bands begin where the interval ends (DEC-49, DEC-87).
    """
    fixed = (
        row for row in table.bands if not row.yields_to_interval and row.side != "normal" and _holds(row, value, unit)
    )
    if (band := next(fixed, None)) is not None:
        return band
    beyond = critical_side(critical, value, unit)
    if beyond is None and ends is not None and value in ends:
        return next(row for row in table.bands if row.side == "normal")
    side = beyond or (None if ends is None else "low" if value in ends.below else "high")
    for row in table.bands:
        if side in (None, row.side) and value in row.limits[unit].span(ends):
            return row
    # Beyond a critical limit, yet inside the interval in force: the mild band of that side, whatever the interval.
    for row in table.bands:
        if row.yields_to_interval and row.side == side and value in _fixed_part(row.limits[unit]):
            return row
    return None


def critical_side(critical: Sequence[CriticalRow], value: Decimal, unit: str) -> Literal["low", "high"] | None:
    """The side of the first critical limit that a value lies beyond."""
    return next((row.side for row in critical if _beyond(row.limits.get(unit), value)), None)


def interval_in(table: UnitTable, form: AnalyteFile, row: IntervalRow, unit: str) -> Span | None:
    """A row's interval in a native unit: as its source prints it, else converted exactly; None where nothing joins the
    two units."""
    if unit in row.limits:
        return row.limits[unit].span()
    printed, limit = next(iter(row.limits.items()))
    try:
        factor = factor_between(table, form, printed, unit)
    except ValueError:
        return None
    span = limit.span()
    return Span(_times(span.low, factor), span.low_inclusive, _times(span.high, factor), span.high_inclusive)


def _times(value: Decimal | None, factor: Fraction) -> Decimal | None:
    return None if value is None else scaled(value, factor)


def _holds(row: BandRow, value: Decimal, unit: str) -> bool:
    limit = row.limits[unit]
    return not limit.needs_interval and value in limit.span()


def _beyond(limit: Limit | None, value: Decimal) -> bool:
    return limit is not None and value in limit.span()


def _fixed_part(limit: Limit) -> Span:
    """The limit with LLN and ULN left open."""
    low = None if limit.low in (LLN, ULN) else limit.low
    high = None if limit.high in (LLN, ULN) else limit.high
    return Span(
        low if isinstance(low, Decimal) else None,
        limit.low_inclusive,
        high if isinstance(high, Decimal) else None,
        limit.high_inclusive,
    )
