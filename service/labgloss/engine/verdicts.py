"""Verdicts at hand, by the place of a value among the limits in force; each is what `grade` gives.

Between two neighbouring limits nothing changes, so that a verdict rests on the place of its value alone. Each place is
graded once for a release, for all patients whom the same rows speak for; no value and no age of a patient is kept.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import field, replace
from decimal import Decimal
from weakref import WeakKeyDictionary

from labgloss.domain.altered import altered
from labgloss.domain.panel import Options
from labgloss.domain.quantity import Span, exactly_halved, place_among
from labgloss.domain.report import Reading, TraceStep
from labgloss.domain.subject import AgeLimit, AgeScale
from labgloss.engine import grade
from labgloss.engine.facts import Facts
from labgloss.engine.judged import Verdict
from labgloss.engine.kept import Kept
from labgloss.engine.select import VITAMIN_D, VITAMIN_D_POLICY, LaboratoryEnds, Rows, chosen_for, rows_for
from labgloss.frozen import dataclass
from labgloss.knowledge.expression import Expression
from labgloss.knowledge.partition import Known
from labgloss.knowledge.release import Analyte, Release, Site

_ZERO = Decimal(0)

Place = tuple[int, bool, int, bool]


@dataclass(frozen=True, eq=False)
class Scale:
    """The ends of all limits that speak for some kinds of patient, from low to high, beginning with zero."""

    ends: tuple[Decimal, ...]
    _steps: dict[TraceStep, TraceStep] = field(default_factory=dict)

    def step(self, step: TraceStep) -> TraceStep:
        """A step of a trace as its verdicts share it."""
        return self._steps.get(step) or self._steps.setdefault(step, replace(step, of_release=True))

    def place(self, span: Span) -> Place | None:
        """Where a span lies among the ends; None where its place does not say all that `grade` asks."""
        low, high = span.low, span.high
        if low is not None and low < 0:
            return None
        if low == high:
            if low is None or not (span.low_inclusive and span.high_inclusive):
                return None
            place = place_among(self.ends, low)
            return place, True, place, True
        if (low is not None and high is not None and low > high) or not all(
            end is None or exactly_halved(end) for end in (low, high)
        ):
            return None
        # From below the first end, or to beyond the last one.
        begin = -1 if low is None else place_among(self.ends, low)
        end = -1 if high is None else place_among(self.ends, high)
        return begin, span.low_inclusive, end, span.high_inclusive


class Verdicts:
    """The verdicts of one release."""

    def __init__(self, release: Release) -> None:
        self._release = release
        self._ages = AgeScale(_age_limits(release))
        self._conditions = {ident: _conditions(release, analyte) for ident, analyte in release.analytes.items()}
        self._scales: Kept[tuple[object, ...], Scale] = Kept(maxsize=4096)
        # Kinds of patient with the same rows share a scale.
        self._same: Kept[tuple[object, ...], Scale] = Kept(maxsize=4096)
        self._verdicts: Kept[tuple[Scale, Place], Verdict] = Kept(maxsize=4096)

    def verdict(
        self, analyte: Analyte, known: Known, reading: Reading, span: Span, facts: Facts, site: Site, options: Options
    ) -> Verdict:
        """The verdict on a span of values in the compared unit of a reading, by no interval of the laboratory's."""
        unit = reading.compared.unit
        kind = (
            analyte.id,
            unit,
            self._ages.place(known.age),
            known.sex and known.sex.value,
            known.pregnant,
            known.trimester,
            known.preterm,
            known.specimen,
            site,
            options.vitamin_d_policy,
            options.critical_limits,
            options.intervals,
            tuple([facts.holds(condition) for condition in self._conditions[analyte.id]]),
        )
        rows: tuple[Rows, ...] | None = None
        if (scale := self._scales.get(kind)) is None:
            rows = self._rows(analyte, known, reading, facts, site, options)
            scale = self._scales.put(kind, self._scale(analyte, unit, rows))
        place = scale.place(span)
        found = None if place is None else self._verdicts.get((scale, place))
        if found is None:
            rows = rows or self._rows(analyte, known, reading, facts, site, options)
            found = grade.grade(analyte, unit, span, rows)
            if place is not None:
                found = altered(found, trace=tuple([scale.step(step) for step in found.trace]))
                self._verdicts.put((scale, place), found)
        return altered(found, span=span)

    def _rows(
        self, analyte: Analyte, known: Known, reading: Reading, facts: Facts, site: Site, options: Options
    ) -> tuple[Rows, ...]:
        chosen = chosen_for(site, options, analyte.id)
        return rows_for(self._release, analyte, known, reading, LaboratoryEnds(), facts, chosen)

    def _scale(self, analyte: Analyte, unit: str, rows: Sequence[Rows]) -> Scale:
        spoken = tuple((row.ends, row.table and row.table.id, tuple(one.id for one in row.critical)) for row in rows)
        key = (analyte.id, unit, spoken, grade.open_facts(rows))
        if (scale := self._same.get(key)) is not None:
            return scale
        return self._same.put(key, Scale(tuple(sorted({_ZERO, *_ends(analyte, unit, rows)}))))


_OF_RELEASES: WeakKeyDictionary[Release, Verdicts] = WeakKeyDictionary()


def of_release(release: Release) -> Verdicts:
    """The verdicts of a release, which go with it."""
    if (found := _OF_RELEASES.get(release)) is None:
        found = _OF_RELEASES[release] = Verdicts(release)
    return found


def _age_limits(release: Release) -> Iterator[AgeLimit]:
    """Every age at which another row may begin to speak for a patient."""
    for analyte in release.analytes.values():
        yield from analyte.axes.age_limits
    ranges = [release.computations.pregnancy.age]
    for row in release.choices[VITAMIN_D_POLICY].values():
        ranges += [ages for ages in (row.age, row.default_for) if ages is not None]
    for ages in ranges:
        yield from (limit for limit in (ages.begin, ages.end) if limit is not None)


def _conditions(release: Release, analyte: Analyte) -> tuple[Expression, ...]:
    """What the choice of rows asks of the facts of a patient."""
    asked = [table.when for table in analyte.form.band_tables]
    asked += [condition for row in analyte.form.critical for condition in (row.when, row.unless)]
    if analyte.id == VITAMIN_D:
        asked += [row.when for row in release.choices[VITAMIN_D_POLICY].values()]
    return tuple(dict.fromkeys(condition for condition in asked if condition is not None))


def _ends(analyte: Analyte, unit: str, rows: Sequence[Rows]) -> Iterator[Decimal]:
    """The ends of every limit that `grade` compares a value with."""
    for row in rows:
        interval = row.ends.span if row.ends else None
        limits = [critical.limits[unit] for critical in row.critical if unit in critical.limits]
        limits += [band.limits[unit] for band in row.table.bands] if row.table else []
        limits += [limit for term in analyte.form.ctcae if unit in term.grades for limit in term.grades[unit].values()]
        for span in (*([interval] if interval else []), *(limit.span(interval) for limit in limits)):
            yield from span.ends
