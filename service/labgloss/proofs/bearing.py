"""What of a release bears on one result: every limit that its value is held against, with what hangs on it.

Two releases that hold a value within the same limits, with the same things hanging on these, answer it alike, so that
neither need be asked. Limits that turn out to decide nothing are kept: they cost a question, and hide no difference.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from fractions import Fraction
from functools import cached_property

from labgloss.domain.panel import Options
from labgloss.domain.quantity import EVERYTHING, Span, scaled
from labgloss.engine.select import VITAMIN_D, chosen_for
from labgloss.knowledge import banding, schema
from labgloss.knowledge.expression import Limit
from labgloss.knowledge.partition import Cell, admissible_cells, covers, in_range
from labgloss.knowledge.release import Analyte, Release, UnitReading
from labgloss.knowledge.units import factor_between
from labgloss.proofs.places import parts
from labgloss.proofs.whom import Whom

# What a row is called, whom it is for and who says so: no answer differs for it, once it is chosen.
_SILENT = frozenset(
    {"id", "source", "status", "note", "variant", "set", "text", *schema.field_names(schema.Population)}
)
# The fields that hold limits, by unit.
_OF_LIMITS = ("limits", "value_alone_within", "without_interval", "without_band", "grades")
# Of an analyte, what a single result is answered by beside its rows.
_EVERYWHERE = ("role", "family", "findings", "implausible_may_be_critical", "recommend_when_refused")


@dataclass(frozen=True, slots=True)
class Held:
    """A limit in a unit that a value in the compared unit is brought to, and what hangs on it."""

    meaning: str
    span: Span
    # None: it is held against the value as compared.
    factor: Fraction | None = None

    def holds(self, value: Decimal) -> bool:
        """Whether a value in the compared unit lies within it."""
        return (value if self.factor is None else scaled(value, self.factor)) in self.span


@dataclass(frozen=True, slots=True)
class Speaking:
    """The rows that may judge a result of one kind of patient, and by which vitamin D policy."""

    interval: schema.IntervalRow | None
    # Band tables and critical limits.
    rows: tuple[schema.Form, ...]
    policy: str
    # All of it in words: equal where the same is said.
    text: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Bearing:
    """Every limit that bears on a result in a unit, for one kind of patient."""

    reading: UnitReading | None
    held: tuple[Held, ...]

    def on(self, value: Decimal) -> frozenset[str]:
        """What hangs on a value in the unit as sent."""
        if self.reading is None:
            return frozenset({"not read"})
        compared = scaled(value, self.reading.factor)
        return frozenset(held.meaning for held in self.held if held.holds(compared))

    @property
    def numbers(self) -> Iterator[Decimal]:
        """Every end of a limit, in the unit as sent."""
        if self.reading is not None:
            for held in self.held:
                for end in (held.span.low, held.span.high):
                    if end is not None:
                        factor = (held.factor or 1) * self.reading.factor
                        yield end if factor == 1 else scaled(end, 1 / factor).normalize()


# Limits of a row: where they stand, then by unit and by the name of a grade (of others, none).
_Limits = tuple[tuple[str, Mapping[str, Mapping[str, Limit]]], ...]


@dataclass(frozen=True, slots=True)
class _Row:
    """A row as it bears on a value."""

    meaning: str
    limits: _Limits
    text: str


@dataclass(eq=False)
class Side:
    """One release, and what it holds of an analyte."""

    release: Release
    analyte: Analyte
    # By identity: a row is read once for all kinds of patient.
    _read: dict[int, _Row] = field(default_factory=dict)

    def reading(self, unit: str) -> UnitReading | None:
        """How a result in a unit is read, one without a unit included; None: it is refused."""
        if not unit:
            unit, _ = self.release.site.feed.default_units.get(self.analyte.id, ("", None))
        return self.analyte.units.get(unit)

    def judges_as(self, other: Side) -> bool:
        """Whether no row, choice or reading differs that a result of the analyte is judged by."""
        return self._judged_by() == other._judged_by()

    def _judged_by(self) -> tuple[object, ...]:
        site, form = self.release.site, self.analyte.form
        return (
            chosen_for(site, Options(), form.id),
            self.release.choices["vitamin_d_policy"] if form.id == VITAMIN_D else None,
            self.release.computations.pregnancy,
            site.feed.default_units.get(form.id, ("",))[0],
            [row for _, row in self._findings],
            form,
            self.analyte.units,
        )

    # ------------------------------------------------------------------------------------------ rows

    def speaking(self, whom: Whom) -> tuple[Speaking, ...]:
        """The rows that may speak for a kind of patient, whatever they ask for; alike ones are one."""
        found = (
            self._for(cell, whom)
            for cell in admissible_cells(self.analyte.axes, whom.known, self.release.computations.pregnancy.age)
        )
        return tuple({speaking.text: speaking for speaking in found}.values())

    def _for(self, cell: Cell, whom: Whom) -> Speaking:
        analyte, form = self.analyte, self.analyte.form
        chosen = chosen_for(self.release.site, whom.options, analyte.id)
        policies = self._policies(cell, chosen.policy) if analyte.id == VITAMIN_D else ()
        named = {row.id for row in policies} or {""}
        offered = (row for name in chosen.intervals for row in analyte.intervals.get(name, ()))
        critical = (row for name in chosen.critical_limits for row in analyte.critical.get(name, ()))
        interval = next((row for row in offered if covers(row, cell)), None)
        rows = (
            *(table for table in form.band_tables if table.policy in named and covers(table, cell)),
            *(row for row in critical if covers(row, cell)),
        )
        policy = f"{chosen.policy}: {policies!r}" if policies else ""
        said = (self._row(row).text for row in (interval, *rows) if row is not None)
        return Speaking(interval, rows, policy, (policy, *said))

    def _policies(self, cell: Cell, chosen: str) -> tuple[schema.ChoiceRow, ...]:
        """The policy chosen, and the default of the age, which stands in where that one does not speak."""
        return tuple(
            row
            for row in self.release.choices["vitamin_d_policy"].values()
            if row.id == chosen or (row.default_for is not None and in_range(cell.age, row.default_for) is not False)
        )

    def everywhere(self) -> str:
        """What bears on every patient alike, as text."""
        form = self.analyte.form
        rows = (*form.plausibility, *form.ctcae)
        findings = (f"{name} {self._row(row).text}" for name, row in self._findings)
        units = sorted(map(str, self.analyte.units.values()))
        feed = str(self.release.site.feed.default_units.get(self.analyte.id, ("",))[0])
        return "\n".join((self._always, feed, *units, *(self._row(row).text for row in rows), *findings))

    def _row(self, row: schema.Form) -> _Row:
        if id(row) not in self._read:
            meaning, limits = _meaning(row), tuple(_limits(row))
            self._read[id(row)] = _Row(meaning, limits, f"{meaning} {limits}")
        return self._read[id(row)]

    @cached_property
    def _always(self) -> str:
        form = self.analyte.form
        return " ".join(f"{name} {getattr(form, name)!r}" for name in _EVERYWHERE)

    @cached_property
    def _findings(self) -> tuple[tuple[str, schema.FindingRow], ...]:
        return tuple(
            (f"finding {ident} {number}", row)
            for ident, rows in self.release.findings.items()
            for number, row in enumerate(rows)
            if row.analyte == self.analyte.id
        )

    # ------------------------------------------------------------------------------------------ limits

    def bearing(self, speaking: Sequence[Speaking], unit: str) -> Bearing:
        """The limits that bear on a result in a unit."""
        reading = self.reading(unit)
        return Bearing(reading, () if reading is None else tuple(self._held(speaking, reading)))

    def _held(self, speaking: Sequence[Speaking], reading: UnitReading) -> Iterator[Held]:
        form = self.analyte.form
        yield Held(f"{self._always}, a code is {'' if reading.needs_code else 'not '}needed", EVERYTHING)
        for window in form.plausibility:
            yield from self._of(window, "", reading, None)
        for name, finding in self._findings:
            # Where its limits are not met it is FALSE, and not unknown.
            yield Held(name, EVERYTHING)
            if not self._row(finding).limits:
                yield Held(f"{name} {self._row(finding).meaning}", EVERYTHING)
        for place, one in enumerate(speaking):
            who = f"{place} " if len(speaking) > 1 else ""
            yield Held(f"{who}{one.policy}", EVERYTHING)
            ends = self._ends(one.interval, reading.compared_in)
            if ends is not None:
                yield Held(f"{who}below", ends.below)
                yield Held(f"{who}within", ends)
                yield Held(f"{who}above", ends.above)
            for row in one.rows:
                if isinstance(row, schema.BandTable):
                    for band in row.bands:
                        yield from self._of(band, f"{who}{row.policy} {row.when} ", reading, ends)
                else:
                    yield from self._of(row, who, reading, ends)
            for term in form.ctcae:
                yield from self._of(term, who, reading, ends)
            for name, finding in self._findings:
                yield from self._of(finding, f"{who}{name} ", reading, ends)

    def _ends(self, row: schema.IntervalRow | None, unit: str) -> Span | None:
        return None if row is None else banding.interval_in(self.release.unit_table, self.analyte.form, row, unit)

    def _of(self, row: schema.Form, who: str, reading: UnitReading, ends: Span | None) -> Iterator[Held]:
        """The limits of a row in the unit as sent or compared, else in one that it converts to."""
        read = self._row(row)
        for way, by_unit in read.limits:
            unit = next((name for name in (reading.ucum, reading.compared_in) if name in by_unit), next(iter(by_unit)))
            try:
                factor = self._factor(reading, unit)
            except ValueError:
                # Nothing joins the two units: the limit is not held against the value.
                continue
            for name, limit in by_unit[unit].items():
                yield Held(f"{who}{read.meaning} {way} {name}", limit.span(ends), factor)

    def _factor(self, reading: UnitReading, unit: str) -> Fraction | None:
        """From the unit compared to another. Raises ValueError."""
        if unit == reading.compared_in:
            return None
        if unit == reading.ucum:
            return 1 / reading.factor
        return factor_between(self.release.unit_table, self.analyte.form, reading.compared_in, unit)


def _meaning(row: schema.Form) -> str:
    """All that a row says beside its limits, as far as an answer shows it."""
    said = (
        f"{'.'.join(map(str, way))} {part!r}"
        for way, part in parts(row)
        if way
        and not _SILENT.intersection(way)
        and not isinstance(part, Limit | schema.Form | tuple | Mapping)
        and part not in (None, "")
    )
    return " ".join((type(row).__name__, *said))


def _limits(row: schema.Form) -> Iterator[tuple[str, Mapping[str, Mapping[str, Limit]]]]:
    for way, part in parts(row):
        if not isinstance(part, Mapping) or not part or way[-1] not in _OF_LIMITS:
            continue
        yield (
            ".".join(map(str, way)),
            {unit: limit if isinstance(limit, Mapping) else {"": limit} for unit, limit in part.items()},
        )
