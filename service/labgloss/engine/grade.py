"""A reading to a verdict: class, bands, critical and CTCAE grade, over every admissible kind of patient.

Between the ends of all limits in force nothing changes, so a bound (a value with a comparator) is judged by one
probe on each end and one in each gap: exact, and plain to check.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from decimal import Decimal
from itertools import pairwise

from labgloss.domain.quantity import Span, plain
from labgloss.domain.report import Critical, IntervalInForce, ResultClass, TraceStep
from labgloss.domain.subject import Pregnancy
from labgloss.domain.truth import Truth
from labgloss.engine.judged import Verdict, unique
from labgloss.engine.select import Rows
from labgloss.knowledge import banding
from labgloss.knowledge.release import Analyte
from labgloss.knowledge.schema import BandRow, BandTable, CriticalRow, CtcaeRow

_ORDER = (ResultClass.LOW, ResultClass.NORMAL, ResultClass.HIGH, ResultClass.INDETERMINATE)


class UncoveredValueError(Exception):
    """A value that no band holds: the checks at start-up let a gap through."""


def grade(analyte: Analyte, unit: str, span: Span, rows: Sequence[Rows]) -> Verdict:
    """The verdict on a span of values in a native unit, over the rows of every kind of patient that this one may be."""
    graded = [_grade_one(analyte, unit, span, row) for row in rows]
    classes = {found for one in graded for found, _ in one}
    bands = _unique_bands(band for one in graded for _, band in one if band is not None)
    by_kind = [_critical(unit, span, row) for row in rows]
    grades = {_ctcae(analyte, unit, span, row, one) for row, one in zip(rows, graded, strict=True)}
    ctcae, needs_symptoms = grades.pop() if len(grades) == 1 else (None, False)
    # What is open for every kind of patient alike (a bound), no fact of the patient settles.
    outcomes = {
        (frozenset((found, band and band.band) for found, band in one), critical)
        for one, critical in zip(graded, by_kind, strict=True)
    }
    intervals = _unique_intervals(rows)
    crossed = _crossed(unit, span, rows)
    return Verdict(
        classes=tuple(found for found in _ORDER if found in classes),
        bands=_from_low_to_high(analyte, bands),
        critical=by_kind[0] if len(set(by_kind)) == 1 else Critical.POSSIBLE,
        span=span,
        critical_rows=crossed,
        intervals=intervals,
        ctcae_grade=ctcae,
        ctcae_needs_symptoms=needs_symptoms,
        default_interval_used=any(row.ends is not None and row.ends.default_used for row in rows),
        open_facts=open_facts(rows) if len(outcomes) > 1 else (),
        rule_ids=unique((*_rule_ids(rows, bands), *(row.id for row in crossed))),
        source_ids=unique((*_source_ids(rows, bands), *(source for row in crossed for source in row.source))),
        trace=tuple(dict.fromkeys(step for row in rows for step in trace_of(unit, span, row))),
    )


def _grade_one(analyte: Analyte, unit: str, span: Span, rows: Rows) -> list[tuple[ResultClass, BandRow | None]]:
    """Class and band of every value in the span, for one kind of patient."""
    ends = rows.ends.span if rows.ends else None
    limits = [row.limits[unit].span() for row in rows.critical if unit in row.limits]
    if rows.table is None:
        probes = _probes(span, [*limits, *([ends] if ends else [])])
        return [(_against(rows, value, unit, ends), None) for value in probes]
    limits += [row.limits[unit].span(ends) for row in rows.table.bands]
    found: list[tuple[ResultClass, BandRow | None]] = []
    for value in _probes(span, [*limits, *([ends] if ends else [])]):
        band = band_of(analyte, rows, value, unit)
        found.append((ResultClass(band.side), band))
    return found


def _against(rows: Rows, value: Decimal, unit: str, ends: Span | None) -> ResultClass:
    """The class of a value that only an interval judges; without an interval low and high are unknown.

    Beyond a critical limit it is low or high, whatever the interval says (DEC-87).
    """
    if (beyond := banding.critical_side(rows.critical, value, unit)) is not None:
        return ResultClass(beyond)
    if ends is None:
        return ResultClass.INDETERMINATE
    if value in ends:
        return ResultClass.NORMAL
    return ResultClass.LOW if value in ends.below else ResultClass.HIGH


def band_of(analyte: Analyte, rows: Rows, value: Decimal, unit: str) -> BandRow:
    """The band of a value (DEC-49, DEC-87). Raises UncoveredValueError."""
    assert rows.table is not None
    ends = rows.ends.span if rows.ends else None
    band = banding.band_of(rows.table, rows.critical, ends, value, unit)
    if band is None:
        raise UncoveredValueError(f"{rows.table.id}: no band holds a value that {analyte.id} can have")
    return band


def _probes(span: Span, limits: Iterable[Span]) -> list[Decimal]:
    """Values inside a span that meet every stretch between the ends of the limits."""
    if span.low is not None and span.low == span.high:
        return [span.low]
    ends = {end for limit in limits for end in (limit.low, limit.high) if end is not None}
    ends |= {end for end in (span.low, span.high) if end is not None}
    ordered = sorted(ends)
    # Nothing that is measured here is negative: below the lowest end lies half of it, and nothing below zero.
    outside = [ordered[0] / 2, ordered[-1] + 1]
    between = [(low + high) / 2 for low, high in pairwise(ordered)]
    return [value for value in sorted({*ordered, *between, *outside}) if value in span and value >= 0]


def _critical(unit: str, span: Span, rows: Rows) -> Critical:
    limits = [row.limits[unit].span() for row in rows.critical if unit in row.limits]
    beyond = [any(value in limit for limit in limits) for value in _probes(span, limits)]
    if limits and all(beyond):
        return Critical.YES
    return Critical.POSSIBLE if any(beyond) else Critical.NO


def _crossed(unit: str, span: Span, rows: Sequence[Rows]) -> tuple[CriticalRow, ...]:
    """The critical limits that some value of the span lies beyond."""
    limits = {row.id: row for one in rows for row in one.critical if unit in row.limits}
    return tuple(
        row
        for row in limits.values()
        if any(value in row.limits[unit].span() for value in _probes(span, [row.limits[unit].span()]))
    )


# ---------------------------------------------------------------------------------------------- CTCAE


def _ctcae(
    analyte: Analyte, unit: str, span: Span, rows: Rows, graded: list[tuple[ResultClass, BandRow | None]]
) -> tuple[int | None, bool]:
    """The CTCAE grade of the number and whether symptoms would decide it; None where no one grade fits."""
    terms = [row for row in analyte.form.ctcae if unit in row.grades]
    classes = {found for found, _ in graded}
    if not terms or len(classes) != 1:
        return None, False
    found = classes.pop()
    if found is ResultClass.NORMAL:
        return 0, False
    ends = rows.ends.span if rows.ends else None
    for term in terms:
        if term.side == found.value:
            return _grade_of_term(term, unit, span, ends)
    return None, False


def _grade_of_term(term: CtcaeRow, unit: str, span: Span, ends: Span | None) -> tuple[int | None, bool]:
    limits = {name: limit.span(ends) for name, limit in term.grades[unit].items()}
    grades = {
        next((name for name, limit in limits.items() if value in limit), "") for value in _probes(span, limits.values())
    }
    name = grades.pop() if len(grades) == 1 else ""
    return (int(name), name in term.needs_symptoms) if name else (None, False)


# ---------------------------------------------------------------------------------------------- basis


def _unique_bands(bands: Iterable[BandRow]) -> tuple[BandRow, ...]:
    """One row for each band name; of several tables, the most urgent."""
    found: dict[str, BandRow] = {}
    for band in bands:
        if band.band not in found or band.urgency > found[band.band].urgency:
            found[band.band] = band
    return tuple(found.values())


def _from_low_to_high(analyte: Analyte, bands: tuple[BandRow, ...]) -> tuple[BandRow, ...]:
    order = {name: place for place, name in enumerate(analyte.band_ids)}
    return tuple(sorted(bands, key=lambda row: order[row.band]))


def _unique_intervals(rows: Sequence[Rows]) -> tuple[IntervalInForce, ...]:
    """The intervals in force, each once."""
    return tuple(dict.fromkeys(shown for row in rows if row.ends is not None for shown in row.ends.shown))


def open_facts(rows: Sequence[Rows]) -> tuple[str, ...]:
    """What distinguishes the kinds of patient that remain."""
    cells = [row.cell for row in rows]
    facts = []
    if len({str(cell.age) for cell in cells}) > 1:
        facts.append("the age at collection")
    if len({cell.sex for cell in cells}) > 1:
        facts.append("the sex")
    if len({cell.pregnancy for cell in cells}) > 1:
        known = all(cell.pregnancy is not Pregnancy.NONE for cell in cells)
        facts.append("the trimester" if known else "whether the patient is pregnant, and the trimester")
    if len({cell.preterm for cell in cells}) > 1:
        facts.append("whether the patient was born preterm")
    if len({cell.specimen for cell in cells}) > 1:
        facts.append("whether the specimen is serum or plasma")
    return tuple(facts)


def _rule_ids(rows: Sequence[Rows], bands: tuple[BandRow, ...]) -> tuple[str, ...]:
    ids = [shown.rule_id for row in rows if row.ends is not None for shown in row.ends.shown]
    for row in rows:
        if row.table is not None:
            ids += [f"{row.table.id}.{band.band}" for band in bands if band in row.table.bands]
    return tuple(ids)


def _source_ids(rows: Sequence[Rows], bands: tuple[BandRow, ...]) -> tuple[str, ...]:
    ids = [source for row in rows if row.ends is not None for shown in row.ends.shown for source in shown.source_ids]
    ids += [source for band in bands for source in band.source]
    return tuple(ids)


def trace_of(unit: str, span: Span, rows: Rows) -> Iterable[TraceStep]:
    """Every limit compared for one kind of patient: interval, bands, critical limits."""
    ends = rows.ends.span if rows.ends else None
    for shown in rows.ends.shown if rows.ends else ():
        expression = interval_text(shown)
        truth = _meets(span, ends) if ends else Truth.UNKNOWN
        yield TraceStep("interval", shown.rule_id, expression, truth, shown.applies_to, shown.source_ids, shown.status)
    table: BandTable | None = rows.table
    for band in table.bands if table else ():
        limit = band.limits[unit]
        yield TraceStep(
            "band",
            f"{table.id}.{band.band}" if table else "",
            f"{limit.text} {unit}",
            _meets(span, limit.span(ends)),
            band.band,
            band.source,
            band.status,
        )
    for critical in rows.critical:
        if unit in critical.limits:
            limit = critical.limits[unit]
            truth = _meets(span, limit.span())
            yield TraceStep(
                "critical",
                critical.id,
                f"{limit.text} {unit}",
                truth,
                f"critical {critical.side}",
                critical.source,
                critical.status,
            )


def _meets(span: Span, limit: Span) -> Truth:
    """Whether every value allowed meets a limit, some, or none."""
    if not span.overlaps(limit):
        return Truth.FALSE
    return Truth.TRUE if span.inside(limit) else Truth.UNKNOWN


def interval_text(interval: IntervalInForce) -> str:
    """An interval as a condition on x, with its unit."""
    return f"{span_text(interval.span)} {interval.unit}"


def span_text(span: Span) -> str:
    """A span as a condition on x."""
    low = "" if span.low is None else f"{plain(span.low)} {'<=' if span.low_inclusive else '<'} "
    high = "" if span.high is None else f" {'<=' if span.high_inclusive else '<'} {plain(span.high)}"
    return f"{low}x{high}"
