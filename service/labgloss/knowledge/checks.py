"""What must hold of a release before it may serve; each fault with a concrete patient who meets it.

The exhaustive proofs over combinations of findings are `knowledge lint`'s; these run at every start.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from decimal import Decimal
from itertools import pairwise

from labgloss.domain.quantity import Span, plain
from labgloss.errors import Fault
from labgloss.knowledge import references, schema
from labgloss.knowledge.expression import Limit
from labgloss.knowledge.loinc import valid
from labgloss.knowledge.partition import NOTHING_KNOWN, Cell, admissible_cells, covers
from labgloss.knowledge.references import Formed
from labgloss.knowledge.release import Analyte, Release
from labgloss.knowledge.units import factor_between


def faults(release: Release, formed: Iterable[Formed]) -> list[Fault]:
    """Every fault of a release: analyte by analyte, then what its rows (`formed`, with their files) refer to."""
    found = [
        Fault(f"analytes/{analyte.id}.toml", key, reason, witness)
        for analyte in release.analytes.values()
        for key, reason, witness in _of_analyte(release, analyte)
    ]
    return found + references.faults(release, formed)


_Problem = tuple[str, str, str]


def _of_analyte(release: Release, analyte: Analyte) -> Iterator[_Problem]:
    yield from _codes(analyte)
    yield from _units(release, analyte)
    yield from _intervals(release, analyte)
    yield from _band_tables(release, analyte)
    yield from _choices(release, analyte)


def _codes(analyte: Analyte) -> Iterator[_Problem]:
    for row in analyte.form.codes:
        if not valid(row.loinc):
            yield "codes", f"LOINC {row.loinc} has a wrong check digit; copy the code again", ""


def _limits_of(form: schema.AnalyteFile) -> Iterator[tuple[str, str, Limit]]:
    """Key, unit and limit of everything that an analyte compares a value with."""
    for number, plausible in enumerate(form.plausibility):
        yield from ((f"plausibility[{number}]", unit, limit) for unit, limit in plausible.limits.items())
    for interval in form.intervals:
        yield from ((interval.id, unit, limit) for unit, limit in interval.limits.items())
    for critical in form.critical:
        yield from ((critical.id, unit, limit) for unit, limit in critical.limits.items())
    for grades in form.ctcae:
        for unit, by_grade in grades.grades.items():
            yield from ((f"ctcae.{grades.term}", unit, limit) for limit in by_grade.values())
    for table in form.band_tables:
        for band in table.bands:
            yield from ((f"{table.id}.{band.band}", unit, limit) for unit, limit in band.limits.items())
            for row in band.raises:
                yield from ((f"{table.id}.{band.band}.raises", unit, limit) for unit, limit in row.limits.items())


def _units(release: Release, analyte: Analyte) -> Iterator[_Problem]:
    accepted = {unit.ucum for unit in analyte.form.units}
    for key, unit, _ in _limits_of(analyte.form):
        if unit not in accepted:
            allowed = ", ".join(sorted(accepted))
            yield key, f"a limit is written in {unit!r}, which is not a unit of {analyte.id}; allowed: {allowed}", ""
    for reading in analyte.units.values():
        try:
            factor_between(release.unit_table, analyte.form, reading.ucum, reading.compared_in)
        except ValueError as error:
            yield "units", str(error), ""


def _all_cells(release: Release, analyte: Analyte) -> tuple[Cell, ...]:
    return admissible_cells(analyte.axes, NOTHING_KNOWN, release.computations.pregnancy.age)


def _intervals(release: Release, analyte: Analyte) -> Iterator[_Problem]:
    cells = _all_cells(release, analyte)
    for variant, rows in analyte.intervals.items():
        for cell in cells:
            covering = [row.id for row in rows if covers(row, cell)]
            if len(covering) > 1:
                yield " and ".join(covering), "two intervals of one variant are for the same patient", str(cell)
            # An analyte whose default interval is for adults only says so by leaving children out (VO-1.2).
            if variant == "default" and not covering and _must_cover(analyte):
                yield "intervals", "no default interval is for this patient", str(cell)
    for row in analyte.form.intervals:
        for unit, limit in row.limits.items():
            if limit.needs_interval:
                yield row.id, f"the interval in {unit} names LLN or ULN; an interval gives them", ""


def _must_cover(analyte: Analyte) -> bool:
    """Whether the default interval must reach every age: where bands need it."""
    return any(
        limit.needs_interval
        for table in analyte.form.band_tables
        for row in table.bands
        for limit in row.limits.values()
    )


def _band_tables(release: Release, analyte: Analyte) -> Iterator[_Problem]:
    tables = analyte.form.band_tables
    if not tables:
        return
    reached: set[tuple[str, str]] = set()
    for cell in _all_cells(release, analyte):
        for policy, when in dict.fromkeys((table.policy, str(table.when or "")) for table in tables):
            peers = [table for table in tables if (table.policy, str(table.when or "")) == (policy, when)]
            covering = [table for table in peers if covers(table, cell)]
            if len(covering) > 1:
                yield (
                    " and ".join(table.id for table in covering),
                    "two band tables are for the same patient",
                    str(cell),
                )
            if not covering and not when:
                yield "band_tables", "no band table is for this patient", str(cell)
            for table in covering:
                yield from _bands(analyte, table, cell, reached)
    for table in tables:
        for row in table.bands:
            if (table.id, row.band) not in reached:
                yield f"{table.id}.{row.band}", "no value of any patient reaches this band", ""


def _bands(analyte: Analyte, table: schema.BandTable, cell: Cell, reached: set[tuple[str, str]]) -> Iterator[_Problem]:
    for unit in analyte.native_units:
        if missing := [row.band for row in table.bands if unit not in row.limits]:
            yield (
                table.id,
                f"{', '.join(missing)} has no limits in {unit}, a unit that is compared without conversion",
                "",
            )
            continue
        interval = _default_span(analyte, cell, unit)
        spans = {row.band: row.limits[unit].span(interval) for row in table.bands}
        for value in _probes(spans.values()):
            here = [band for band, span in spans.items() if value in span]
            reached.update((table.id, band) for band in here)
            inside = interval is not None and value in interval
            fixed = [row.band for row in table.bands if row.band in here and not row.yields_to_interval]
            # Where the interval reaches into a yielding band, the value is normal (DEC-49): not an overlap.
            if len(fixed if inside else here) > 1:
                yield f"{table.id}", f"{' and '.join(here)} hold the same value", f"{cell}: {plain(value)} {unit}"
            if not here:
                yield f"{table.id}", "no band holds this value", f"{cell}: {plain(value)} {unit}"


def _default_span(analyte: Analyte, cell: Cell, unit: str) -> Span | None:
    for row in analyte.intervals.get("default", ()):
        if covers(row, cell) and unit in row.limits:
            return row.limits[unit].span()
    return None


def _probes(spans: Iterable[Span]) -> list[Decimal]:
    """Numbers that between them meet every stretch that the ends of some spans cut the line into."""
    ends = sorted({end for span in spans for end in (span.low, span.high) if end is not None})
    if not ends:
        return [Decimal(0)]
    between = [(low + high) / 2 for low, high in pairwise(ends)]
    return sorted({ends[0] / 2 if ends[0] > 0 else ends[0] - 1, *ends, *between, ends[-1] + 1})


def _choices(release: Release, analyte: Analyte) -> Iterator[_Problem]:
    form = analyte.form
    named = [("intervals", row.variant, row.id) for row in form.intervals]
    named += [("critical_limits", row.set, row.id) for row in form.critical]
    named += [("vitamin_d_policy", table.policy, table.id) for table in form.band_tables if table.policy]
    for choice, ident, key in named:
        if ident not in release.choices[choice]:
            yield key, f"{ident!r} is not in choices.toml under {choice}; add it there with its source", ""
