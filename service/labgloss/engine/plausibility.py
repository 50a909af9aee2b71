"""Values that no patient has, and values that look like another unit: refused, or said; never corrected (R-UNIT-2)."""

from __future__ import annotations

from decimal import Decimal

from labgloss.domain.quantity import Quantity
from labgloss.domain.report import Reading, RefusalReason, TraceStep
from labgloss.domain.truth import Truth
from labgloss.engine.facts import Facts
from labgloss.engine.judged import Judged
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
    return not any(_meets(row, reading) for row in analyte.form.plausibility if row.kind == "hard")


def lowest_measurable(analyte: Analyte, reading: Reading) -> Decimal:
    """The lowest value inside the hard limits, in the compared unit of a reading."""
    unit = reading.compared.unit
    spans = [row.limits[unit].span() for row in analyte.form.plausibility if row.kind == "hard" and unit in row.limits]
    return max((span.high for span in spans if span.low is None and span.high is not None), default=Decimal(0))


def with_windows(entry: Judged, facts: Facts) -> Judged:
    """The entry with what its value raises: to be verified, or suspect of another unit."""
    if entry.reading is None or entry.analyte is None or entry.refusal is not None:
        return entry
    issues = []
    for row in entry.analyte.form.plausibility:
        if row.kind == "hard" or (row.measured_only and not entry.reading.quantity.measured):
            continue
        if _meets(row, entry.reading) and not (row.unless is not None and facts.holds(row.unless)):
            issues.append(_ISSUES[row.kind])
    return entry.noting(issues=tuple(issues))


def _meets(row: PlausibilityRow, reading: Reading) -> bool:
    quantity = _for(row, reading)
    return quantity is not None and quantity.span.inside(row.limits[quantity.unit].span())


def _for(row: PlausibilityRow, reading: Reading) -> Quantity | None:
    """The quantity that a row speaks of: as sent, else as compared.

    A unit that is suspected is the unit that was sent, so that row speaks of no converted value.
    """
    if reading.quantity.unit in row.limits:
        return reading.quantity
    if row.kind == "unit_suspect":
        return None
    return reading.compared if reading.compared.unit in row.limits else None


def trace_of(analyte: Analyte, reading: Reading) -> tuple[TraceStep, ...]:
    """Every plausibility limit compared."""
    steps = []
    for number, row in enumerate(analyte.form.plausibility):
        if (quantity := _for(row, reading)) is not None:
            truth = Truth.of(_meets(row, reading))
            expression = f"{row.limits[quantity.unit].text} {quantity.unit}"
            rule = f"{analyte.id}.plausibility.{number}"
            steps.append(TraceStep("plausibility", rule, expression, truth, row.kind, row.source, row.status))
    return tuple(steps)
