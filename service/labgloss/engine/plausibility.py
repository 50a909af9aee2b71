"""Values that no patient has, and values that look like another unit: refused, or said; never corrected (R-UNIT-2)."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from weakref import WeakKeyDictionary

from labgloss.domain.quantity import Span, place_among
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
    return _windows(analyte, reading).outcome(reading).possible


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
    issues = tuple(
        [
            _ISSUES[row.kind]
            for row in _windows(entry.analyte, entry.reading).outcome(entry.reading).raised
            if not (row.measured_only and not measured) and not (row.unless is not None and facts.holds(row.unless))
        ]
    )
    return entry.noting(issues=issues)


def trace_of(analyte: Analyte, reading: Reading) -> tuple[TraceStep, ...]:
    """Every plausibility limit compared."""
    return _windows(analyte, reading).outcome(reading).trace


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


@dataclass(frozen=True, eq=False)
class _Outcome:
    """What the windows say of a reading."""

    possible: bool
    raised: tuple[PlausibilityRow, ...]
    trace: tuple[TraceStep, ...]


class _Windows:
    """The rows that speak of readings in one unit that are compared in one."""

    def __init__(self, analyte: Analyte, sent: str, compared: str) -> None:
        self._windows = tuple(_made(analyte, sent, compared))
        self._ends, self._compared_ends = (
            sorted({end for one in self._windows if one.as_sent is as_sent for end in one.span.ends})
            for as_sent in (True, False)
        )
        # Of measurements, by their place among the ends; no value is kept.
        self._outcomes: dict[tuple[int, int], _Outcome] = {}

    def outcome(self, reading: Reading) -> _Outcome:
        """What they say of a reading."""
        if not reading.quantity.measured:
            return self._outcome(reading)
        places = place_among(self._ends, reading.quantity.value), 0
        if self._compared_ends:
            places = places[0], place_among(self._compared_ends, reading.compared.value)
        if (found := self._outcomes.get(places)) is None:
            found = self._outcomes[places] = self._outcome(reading)
        return found

    def _outcome(self, reading: Reading) -> _Outcome:
        met = [(window, window.met_by(reading)) for window in self._windows]
        return _Outcome(
            not any(holds and window.row.kind == "hard" for window, holds in met),
            tuple(window.row for window, holds in met if holds and window.row.kind != "hard"),
            tuple(window.met if holds else window.not_met for window, holds in met),
        )


# By the unit sent and the unit compared, of which an analyte has a few.
_OF_ANALYTES: WeakKeyDictionary[Analyte, dict[tuple[str, str], _Windows]] = WeakKeyDictionary()


def _windows(analyte: Analyte, reading: Reading) -> _Windows:
    units = reading.quantity.unit, reading.compared.unit
    if (of_analyte := _OF_ANALYTES.get(analyte)) is None:
        of_analyte = _OF_ANALYTES[analyte] = {}
    if (found := of_analyte.get(units)) is None:
        found = of_analyte[units] = _Windows(analyte, *units)
    return found


def _made(analyte: Analyte, sent: str, compared: str) -> Iterator[_Window]:
    """The rows that speak of such readings, as sent, else as compared.

    A unit that is suspected is the unit that was sent, so that row speaks of no converted value.
    """
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
