"""How far each value lies from each limit that speaks for it: interval ends, band edges, critical limits, findings."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal

from labgloss.domain.panel import Result
from labgloss.domain.quantity import ARITHMETIC, Quantity, Span
from labgloss.domain.report import IntervalInForce, Reading
from labgloss.engine.interpret import Laid
from labgloss.engine.judged import Judged
from labgloss.engine.select import Ends, Rows
from labgloss.knowledge.expression import Limit
from labgloss.knowledge.release import Release
from labgloss.knowledge.schema import Sourced

INTERVAL, BAND, CRITICAL, FINDING = "interval", "band", "critical", "finding"


@dataclass(frozen=True, slots=True)
class Margin:
    """One end of one limit, and the signed distance of the value from it: below it is negative."""

    kind: str
    rule_id: str
    # What lies on the other side of the end: a band, an interval, a critical value, a finding.
    name: str
    # The limit as its file writes it.
    limit: str
    end: Decimal
    # Whether the end is the lower one, and whether a value at it still meets the limit.
    lower: bool
    inclusive: bool
    distance: Decimal
    source_ids: tuple[str, ...]
    status: str


@dataclass(frozen=True, slots=True)
class Margins:
    """A value as read and as compared, and its distance from every limit in force, from the lowest end to the highest.

    `index` is None for an entry that the service computed. The distance of a bound (a value with a comparator) is that
    of its number.
    """

    index: int | None
    analyte: str
    result: Result | None
    # A later result counts in its place; it was refused.
    earlier: bool
    refused: bool
    reading: Reading
    margins: tuple[Margin, ...]


def margins_of(laid: Laid) -> tuple[Margins, ...]:
    """The margins of every entry that has a reading, refused or not, in the order of the report."""
    return tuple(
        Margins(
            entry.index,
            entry.analyte.id,
            entry.result,
            entry.earlier,
            entry.refusal is not None,
            entry.reading,
            _margins(laid, entry, entry.reading),
        )
        for entry in laid.entries
        if entry.analyte is not None and entry.reading is not None
    )


def _margins(laid: Laid, entry: Judged, reading: Reading) -> tuple[Margin, ...]:
    assert entry.analyte is not None
    unit = reading.compared.unit
    found: list[Margin] = []
    for rows in laid.bench.rows(entry, entry.analyte, reading, laid.bench.laboratory(entry, reading)):
        found += _of_interval(rows.ends, reading)
        found += _of_rows(rows, reading, unit)
        found += _of_findings(laid.bench.release, entry, reading, rows.ends)
    return tuple(sorted(dict.fromkeys(found), key=lambda one: (one.end, one.lower, one.kind, one.rule_id)))


def _of_interval(ends: Ends | None, reading: Reading) -> Iterator[Margin]:
    """Each end of the interval in force, by the interval that it comes from."""
    if ends is None:
        return
    for end, lower, inclusive in _ends(ends.span):
        whose = next((shown for shown in ends.shown if _gives(shown, lower, end, reading)), ends.shown[0])
        yield Margin(
            INTERVAL,
            whose.rule_id,
            f"{whose.origin.value} interval, {whose.applies_to}",
            "LLN <= x <= ULN",
            end,
            lower,
            inclusive,
            _distance(reading.compared, end),
            whose.source_ids,
            whose.status,
        )


def _gives(shown: IntervalInForce, lower: bool, end: Decimal, reading: Reading) -> bool:
    """Whether an interval gives an end: its own in the compared unit, or the laboratory's in the unit that it sent."""
    own = shown.span.low if lower else shown.span.high
    if own is None:
        return False
    return own == end or (shown.unit == reading.quantity.unit != reading.compared.unit)


def _of_rows(rows: Rows, reading: Reading, unit: str) -> Iterator[Margin]:
    ends = rows.ends.span if rows.ends else None
    if rows.table is not None:
        for band in rows.table.bands:
            yield from _of_limit(
                BAND, f"{rows.table.id}.{band.band}", band.band, band.limits, unit, band, reading, ends
            )
    for critical in rows.critical:
        name = f"critical {critical.side}"
        yield from _of_limit(CRITICAL, critical.id, name, critical.limits, unit, critical, reading, ends)


def _of_findings(release: Release, entry: Judged, reading: Reading, ends: Ends | None) -> Iterator[Margin]:
    """The ends of the limits that findings of the analyte have of their own."""
    span = ends.span if ends else None
    for ident, rows in release.findings.items():
        for row in rows:
            if entry.analyte is None or row.analyte != entry.analyte.id:
                continue
            limits = row.limits
            if span is None and any(limit.needs_interval for limit in limits.values()):
                limits = row.without_interval
            unit = reading.compared.unit
            yield from _of_limit(FINDING, f"finding.{ident}", ident, limits, unit, row, reading, span)


def _of_limit(
    kind: str,
    rule: str,
    name: str,
    limits: Mapping[str, Limit],
    unit: str,
    row: Sourced,
    reading: Reading,
    ends: Span | None,
) -> Iterator[Margin]:
    if unit not in limits:
        return
    limit = limits[unit]
    span = limit.span(ends)
    if span.empty:
        return
    for end, lower, inclusive in _ends(span):
        distance = _distance(reading.compared, end)
        yield Margin(kind, rule, name, limit.text, end, lower, inclusive, distance, row.source, row.status)


def _ends(span: Span) -> Iterator[tuple[Decimal, bool, bool]]:
    if span.low is not None:
        yield span.low, True, span.low_inclusive
    if span.high is not None:
        yield span.high, False, span.high_inclusive


def _distance(value: Quantity, end: Decimal) -> Decimal:
    return ARITHMETIC.subtract(value.value, end)
