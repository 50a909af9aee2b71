"""Verdicts at hand, by the place of a value among the limits in force; each is what `grade` gives.

Between two neighbouring limits nothing changes, so that a verdict rests on the place of its value alone. Each place is
graded once for a release, for all patients whom the same rows speak for. Of a laboratory's own interval it is the place
among the other limits too. No value, no age and no interval that was sent is kept.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from decimal import Decimal
from weakref import WeakKeyDictionary

from labgloss.domain.altered import altered
from labgloss.domain.panel import Options
from labgloss.domain.quantity import ARITHMETIC, EVERYTHING, Span, exactly_halved, place_among, scaled_span
from labgloss.domain.report import Reading, TraceStep
from labgloss.domain.subject import AgeLimit, AgeScale
from labgloss.engine import grade
from labgloss.engine.facts import Facts
from labgloss.engine.judged import Verdict
from labgloss.engine.kept import Kept
from labgloss.engine.select import (
    LABORATORY,
    VITAMIN_D,
    VITAMIN_D_POLICY,
    Bounds,
    Ends,
    LaboratoryEnds,
    Rows,
    bounds_of,
    chosen_for,
    rows_for,
    shown_of_laboratory,
)
from labgloss.frozen import dataclass
from labgloss.knowledge.expression import Expression, Limit
from labgloss.knowledge.partition import Known
from labgloss.knowledge.release import NO_SITE, Analyte, Release, Site

_ZERO = Decimal(0)


@dataclass(frozen=True, slots=True)
class Asked:
    """Whom and what a verdict is asked on: a reading of an analyte, with a laboratory's interval or without."""

    release: Release
    analyte: Analyte
    known: Known
    reading: Reading
    own: LaboratoryEnds
    facts: Facts
    site: Site
    options: Options

    def rows(self) -> tuple[Rows, ...]:
        """The rows that speak for it."""
        chosen = chosen_for(self.site, self.options, self.analyte.id)
        return rows_for(self.release, self.analyte, self.known, self.reading, self.own, self.facts, chosen)


@dataclass(frozen=True, eq=False)
class Scale:
    """The limits that speak for some kinds of patient; those of a laboratory's own interval come with each result."""

    # The ends that do not move, from low to high, beginning with zero.
    ends: tuple[Decimal, ...]
    # Multiples of the upper end of the interval that are limits.
    multiples: tuple[Decimal, ...] = ()
    # Of each kind of patient, the interval in force; where a laboratory sent its own, none is kept.
    intervals: tuple[Ends | None, ...] = ()
    # What a laboratory's interval can be for each of them; none where it is known already that it sent one.
    bounds: tuple[Bounds, ...] = ()

    def place(self, span: Span, own: Span | None = None) -> tuple[int, ...] | None:
        """Where a span lies among the limits, with a laboratory's interval in the same unit (`own`).

        None where its place does not say all that `grade` asks.
        """
        place = self._place(span)
        if place is None or own is None:
            return place
        moving = list(own.ends)
        if own.high is not None:
            moving += [ARITHMETIC.multiply(times, own.high) for times in self.multiples]
        measured = span.low == span.high
        values = span.ends[:1] if measured else span.ends
        beside = [(end > value) - (end < value) for value in values for end in moving]
        if measured:
            # One number is compared with each end, whichever way those lie to each other.
            return *place, own.low_inclusive, own.high_inclusive, *beside
        if not all(map(exactly_halved, moving)):
            return None
        # A laboratory's interval is not empty, so that its own ends lie in their order.
        among = [place_among(self.ends, end) for end in moving]
        return *place, own.low_inclusive, own.high_inclusive, own.low == own.high, *among, *beside

    def _place(self, span: Span) -> tuple[int, ...] | None:
        low, high = span.low, span.high
        if low is not None and low < 0:
            return None
        if low == high:
            if low is None or not (span.low_inclusive and span.high_inclusive):
                return None
            place = place_among(self.ends, low)
            return place, True, place, True
        if (low is not None and high is not None and low > high) or not all(map(exactly_halved, span.ends)):
            return None
        # From below the first end, or to beyond the last one.
        begin = -1 if low is None else place_among(self.ends, low)
        end = -1 if high is None else place_among(self.ends, high)
        return begin, span.low_inclusive, end, span.high_inclusive


class Verdicts:
    """The verdicts of one release."""

    def __init__(self, release: Release) -> None:
        self._ages = AgeScale(_age_limits(release))
        self._conditions = {ident: _conditions(release, analyte) for ident, analyte in release.analytes.items()}
        self._scales: Kept[tuple[object, ...], Scale] = Kept(maxsize=2048)
        # Kinds of patient with the same rows share a scale.
        self._same: Kept[tuple[object, ...], Scale] = Kept(maxsize=2048)
        self._verdicts: Kept[tuple[Scale, tuple[int, ...]], Verdict] = Kept(maxsize=2048)
        # What verdicts share: as many as the release has rows, in each outcome.
        self._steps: dict[TraceStep, TraceStep] = {}

    def verdict(self, asked: Asked, span: Span) -> Verdict:
        """The verdict on a span of values in the compared unit of a reading."""
        scale, own = self.scale(asked), asked.own.span
        place = scale.place(span, None if own is None else scaled_span(own, asked.reading.factor))
        found = None if place is None else self._verdicts.get((scale, place))
        if found is None:
            graded = grade.grade(asked.analyte, asked.reading.compared.unit, span, asked.rows())
            if place is None:
                return graded
            found = altered(
                graded,
                span=EVERYTHING,
                intervals=graded.intervals if own is None else graded.intervals[1:],
                trace=tuple([self._step(step) for step in graded.trace]),
            )
            self._verdicts.put((scale, place), found)
        return altered(found, span=span) if own is None else _by_laboratory(found, span, own, asked.reading)

    def _step(self, step: TraceStep) -> TraceStep:
        """A step of a trace as verdicts share it; one of a laboratory's interval without its numbers."""
        if step.rule_id == LABORATORY:
            return replace(step, expression="")
        return self._steps.get(step) or self._steps.setdefault(step, replace(step, of_release=True))

    def scale(self, asked: Asked) -> Scale:
        """The limits that speak for what is asked."""
        known, options, own = asked.known, asked.options, asked.own.span
        # Which ends the laboratory gave.
        given = None if own is None else (own.low is None, own.high is None)
        what = (asked.analyte.id, asked.reading.compared.unit, given)
        kind = (
            what,
            self._ages.place(known.age),
            known.sex and known.sex.value,
            known.pregnant,
            known.trimester,
            known.preterm,
            known.specimen,
            asked.site is NO_SITE,
            options.vitamin_d_policy,
            options.critical_limits,
            options.intervals,
            tuple([asked.facts.holds(condition) for condition in self._conditions[asked.analyte.id]]),
        )
        return self._scales.get(kind) or self._scales.put(kind, self._made(asked, what))

    def _made(self, asked: Asked, what: tuple[object, ...]) -> Scale:
        analyte, unit, own, rows = asked.analyte, asked.reading.compared.unit, asked.own.span, asked.rows()
        spoken = tuple(
            (
                row.ends and row.ends.shown[own is not None :],
                row.table and row.table.id,
                tuple(critical.id for critical in row.critical),
            )
            for row in rows
        )
        key = (what, spoken, grade.open_facts(rows))
        if (scale := self._same.get(key)) is not None:
            return scale
        ends = {_ZERO}
        multiples: set[Decimal] = set()
        for row in rows:
            interval = _not_of_laboratory(row.ends, own)
            ends.update(interval.ends if interval else ())
            for limit in _limits(analyte, unit, row):
                ends.update(limit.span(interval).ends)
                multiples.update(_multiples(limit))
        return self._same.put(
            key,
            Scale(
                tuple(sorted(ends)),
                tuple(sorted(multiples)),
                tuple(row.ends for row in rows) if own is None else (),
                bounds_of(unit, rows) if own is None else (),
            ),
        )


def _by_laboratory(found: Verdict, span: Span, own: Span, reading: Reading) -> Verdict:
    """A verdict with what the laboratory's interval says in its place."""
    shown = shown_of_laboratory(own, reading.quantity.unit)
    text = grade.interval_text(shown)
    return altered(
        found,
        span=span,
        intervals=(shown, *found.intervals),
        trace=tuple([replace(step, expression=text) if step.rule_id == LABORATORY else step for step in found.trace]),
    )


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


def _limits(analyte: Analyte, unit: str, row: Rows) -> Iterator[Limit]:
    """Every limit beside the interval that `grade` compares a value with."""
    yield from (critical.limits[unit] for critical in row.critical if unit in critical.limits)
    if row.table is not None:
        yield from (band.limits[unit] for band in row.table.bands)
    for term in analyte.form.ctcae:
        yield from term.grades.get(unit, {}).values()


def _multiples(limit: Limit) -> Iterator[Decimal]:
    """How many times the upper end of the interval its ends are, where they are a multiple of it."""
    for end in (limit.low, limit.high):
        if isinstance(end, str) and (times := end.partition("*"))[1]:
            yield Decimal(times[0])


def _not_of_laboratory(ends: Ends | None, own: Span | None) -> Span | None:
    """The ends of an interval in force that the laboratory did not give."""
    if ends is None:
        return None
    span = ends.span
    if own is None:
        return span
    return Span(
        span.low if own.low is None else None,
        span.low_inclusive,
        span.high if own.high is None else None,
        span.high_inclusive,
    )
