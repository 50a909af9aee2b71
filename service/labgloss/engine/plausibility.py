"""Values that no patient has, and values that look like another unit: refused, or said; never corrected (R-UNIT-2)."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from weakref import WeakKeyDictionary

from labgloss.domain.quantity import Span
from labgloss.domain.report import Reading, RefusalReason, TraceStep
from labgloss.domain.truth import Truth
from labgloss.engine.facts import Facts
from labgloss.engine.judged import Judged
from labgloss.frozen import dataclass
from labgloss.knowledge.release import Analyte
from labgloss.knowledge.schema import PlausibilityRow

_ISSUES = {"verify": "value_to_verify", "unit_suspect": "unit_suspect"}


def refuse_implausible(entry: Judged) -> Judged:
    """The entry, refused when every value that it allows lies beyond a hard limit (DEC-77)."""
    if entry.reading is None or entry.analyte is None or entry.refusal is not None:
        return entry
    # Code and unit that contradict each other are looked at first (vocabulary.md 2).
    if entry.conflicting is not None or inside_hard_limits(entry.analyte, entry.reading):
        return entry
    issues = ("albumin_implausible",) if entry.analyte.id == "albumin" else ()
    return entry.refused(RefusalReason.VALUE_IMPLAUSIBLE, *issues)


def inside_hard_limits(analyte: Analyte, reading: Reading) -> bool:
    """Whether some value that a reading allows can be measured in a patient."""
    return not any(window.row.kind == "hard" and window.met_by(reading) for window in _windows(analyte, reading))


def lowest_measurable(analyte: Analyte, reading: Reading) -> Decimal:
    """The lowest value inside the hard limits, in the compared unit of a reading."""
    unit = reading.compared.unit
    spans = [row.limits[unit].span() for row in analyte.form.plausibility if row.kind == "hard" and unit in row.limits]
    return max((span.high for span in spans if span.low is None and span.high is not None), default=Decimal(0))


def with_windows(entry: Judged, facts: Facts) -> Judged:
    """The entry with what its value raises: to be verified, or suspect of another unit."""
    if entry.reading is None or entry.analyte is None or entry.refusal is not None:
        return entry
    measured = entry.reading.quantity.measured
    issues = []
    for window in _windows(entry.analyte, entry.reading):
        row = window.row
        if row.kind == "hard" or (row.measured_only and not measured):
            continue
        if window.met_by(entry.reading) and not (row.unless is not None and facts.holds(row.unless)):
            issues.append(_ISSUES[row.kind])
    return entry.noting(issues=tuple(issues)) if issues else entry


def trace_of(analyte: Analyte, reading: Reading) -> tuple[TraceStep, ...]:
    """Every plausibility limit compared."""
    return tuple([window.met if window.met_by(reading) else window.not_met for window in _windows(analyte, reading)])


@dataclass(frozen=True, eq=False)
class _Window:
    """A row for readings of one unit: its limit, and the steps of a trace that it makes."""

    row: PlausibilityRow
    # Whether it speaks of the quantity as sent, else as compared.
    as_sent: bool
    span: Span
    met: TraceStep
    not_met: TraceStep

    def met_by(self, reading: Reading) -> bool:
        """Whether every value that a reading allows meets it."""
        quantity = reading.quantity if self.as_sent else reading.compared
        return quantity.value in self.span if quantity.measured else quantity.span.inside(self.span)


# By the unit sent and the unit compared, of which an analyte has a few.
_OF_ANALYTES: WeakKeyDictionary[Analyte, dict[tuple[str, str], tuple[_Window, ...]]] = WeakKeyDictionary()


def _windows(analyte: Analyte, reading: Reading) -> tuple[_Window, ...]:
    """The rows that speak of a reading, as sent, else as compared.

    A unit that is suspected is the unit that was sent, so that row speaks of no converted value.
    """
    units = reading.quantity.unit, reading.compared.unit
    if (of_analyte := _OF_ANALYTES.get(analyte)) is None:
        of_analyte = _OF_ANALYTES[analyte] = {}
    if (found := of_analyte.get(units)) is None:
        found = of_analyte[units] = tuple(_made(analyte, *units))
    return found


def _made(analyte: Analyte, sent: str, compared: str) -> Iterator[_Window]:
    for number, row in enumerate(analyte.form.plausibility):
        as_sent = sent in row.limits
        unit = sent if as_sent else compared
        if unit not in row.limits or (row.kind == "unit_suspect" and not as_sent):
            continue
        limit = row.limits[unit]
        rule, text = f"{analyte.id}.plausibility.{number}", f"{limit.text} {unit}"
        met, not_met = (
            TraceStep("plausibility", rule, text, truth, row.kind, row.source, row.status, of_release=True)
            for truth in (Truth.TRUE, Truth.FALSE)
        )
        yield _Window(row, as_sent, limit.span(), met, not_met)
