"""What must hold of one analyte's file: no gap, no overlap, nothing unreachable, nothing on the wrong side."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from decimal import Decimal
from itertools import pairwise

from labgloss.domain.quantity import NOTHING, Span, plain
from labgloss.knowledge import schema
from labgloss.knowledge.expression import Limit
from labgloss.knowledge.loinc import valid
from labgloss.knowledge.partition import NOTHING_KNOWN, Cell, admissible_cells, covers
from labgloss.knowledge.release import Analyte, Release

# Key, reason, and a patient or value that meets it.
Problem = tuple[str, str, str]

MEASURABLE = Span(low=Decimal(0))
_SIDES = {"low": 0, "normal": 1, "indeterminate": 1, "high": 2}


def problems(release: Release, analyte: Analyte) -> Iterator[Problem]:
    """Every problem of an analyte's file."""
    cells = admissible_cells(analyte.axes, NOTHING_KNOWN, release.computations.pregnancy.age)
    yield from _codes(analyte.form)
    yield from _limits(analyte)
    yield from _populations(analyte.form)
    yield from _plausibility(analyte, cells)
    yield from _intervals(analyte, cells)
    yield from _band_tables(analyte, cells)
    yield from _critical(analyte, cells)
    yield from _ctcae(analyte, cells)
    yield from _choices(release, analyte.form)


def _codes(form: schema.AnalyteFile) -> Iterator[Problem]:
    for row in form.codes:
        if not valid(row.loinc):
            yield "codes", f"LOINC {row.loinc} has a wrong check digit; copy the code again", ""


# ---------------------------------------------------------------------------------------------- limits, populations


def _limits_of(form: schema.AnalyteFile) -> Iterator[tuple[str, str, Limit, bool]]:
    """Key, unit and limit of everything that a value is compared with, and whether it may name LLN and ULN."""
    for number, plausible in enumerate(form.plausibility):
        yield from ((f"plausibility[{number}]", unit, limit, False) for unit, limit in plausible.limits.items())
    for interval in form.intervals:
        yield from ((interval.id, unit, limit, False) for unit, limit in interval.limits.items())
    for critical in form.critical:
        yield from ((critical.id, unit, limit, False) for unit, limit in critical.limits.items())
    for term in form.ctcae:
        for unit, by_grade in term.grades.items():
            yield from ((f"ctcae.{term.term}", unit, limit, True) for limit in by_grade.values())
    for table in form.band_tables:
        for band in table.bands:
            key = f"{table.id}.{band.band}"
            yield from ((key, unit, limit, True) for unit, limit in band.limits.items())
            for row in band.raises:
                yield from ((f"{key}.raises", unit, limit, False) for unit, limit in row.limits.items())


def _limits(analyte: Analyte) -> Iterator[Problem]:
    accepted = {unit.ucum for unit in analyte.form.units}
    allowed = ", ".join(sorted(accepted))
    for key, unit, limit, may_name_interval in _limits_of(analyte.form):
        if unit not in accepted:
            yield key, f"a limit is written in {unit!r}, which is not a unit of {analyte.id}; allowed: {allowed}", ""
        if limit.needs_interval and not may_name_interval:
            yield key, f"{limit.text!r} in {unit} names LLN or ULN; write the number here", ""
        elif limit.span(Span()).empty and not limit.needs_interval:
            yield key, f"{limit.text!r} in {unit} is met by no value", ""


def _populations(form: schema.AnalyteFile) -> Iterator[Problem]:
    rows: list[schema.IntervalRow | schema.BandTable | schema.CriticalRow] = [
        *form.intervals,
        *form.band_tables,
        *form.critical,
    ]
    seen: set[str] = set()
    for row in rows:
        if row.id in seen:
            yield row.id, "stands twice; an id names one row", ""
        seen.add(row.id)
        if row.age.begin and row.age.end and row.age.begin.days >= row.age.end.days:
            yield row.id, f"is for nobody: from {row.age.begin} to under {row.age.end}", ""


def _lacking(analyte: Analyte, limits: Mapping[str, Limit]) -> str:
    """The native units that some limits leave out, as text."""
    return ", ".join(unit for unit in analyte.native_units if unit not in limits)


# ---------------------------------------------------------------------------------------------- intervals


def _plausibility(analyte: Analyte, cells: tuple[Cell, ...]) -> Iterator[Problem]:
    for number, row in enumerate(analyte.form.plausibility):
        if row.kind != "hard":
            continue
        if lacking := _lacking(analyte, row.limits):
            yield f"plausibility[{number}]", f"has no limit in {lacking}; values in it would pass unseen", ""
        for cell, unit, interval in _default_spans(analyte, cells):
            shared = row.limits[unit].span().intersection(interval) if unit in row.limits else NOTHING
            if shared.overlaps(MEASURABLE):
                witness = f"{cell}: {example(shared.intersection(MEASURABLE))} {unit}"
                yield f"plausibility[{number}]", "refuses values inside the default interval", witness
                break


def _intervals(analyte: Analyte, cells: tuple[Cell, ...]) -> Iterator[Problem]:
    for variant, rows in analyte.intervals.items():
        for cell in cells:
            covering = [row.id for row in rows if covers(row, cell)]
            if len(covering) > 1:
                yield " and ".join(covering), "two intervals of one variant are for the same patient", str(cell)
            # An analyte whose default interval is for adults only says so by leaving children out (VO-1.2).
            if variant == "default" and not covering and _needs_interval(analyte):
                yield "intervals", "no default interval is for this patient", str(cell)


def _needs_interval(analyte: Analyte) -> bool:
    """Whether the default interval must reach every patient: where bands begin at its ends."""
    return any(
        limit.needs_interval
        for table in analyte.form.band_tables
        for row in table.bands
        for limit in row.limits.values()
    )


def _default_spans(analyte: Analyte, cells: tuple[Cell, ...]) -> Iterator[tuple[Cell, str, Span]]:
    """The default interval for each kind of patient, in each unit that it is given in."""
    for cell in cells:
        for row in analyte.intervals.get("default", ()):
            if covers(row, cell):
                yield from ((cell, unit, limit.span()) for unit, limit in row.limits.items())


# ---------------------------------------------------------------------------------------------- bands


def _band_tables(analyte: Analyte, cells: tuple[Cell, ...]) -> Iterator[Problem]:
    tables = analyte.form.band_tables
    reached: set[tuple[str, str]] = set()
    for table in tables:
        needs = any(limit.needs_interval for row in table.bands for limit in row.limits.values())
        if needs and not any(row.side == "normal" for row in table.bands):
            yield table.id, "has no band of side normal, and the interval needs one", ""
            return
    for cell in cells if tables else ():
        for group in dict.fromkeys((table.policy, str(table.when or "")) for table in tables):
            peers = [table for table in tables if (table.policy, str(table.when or "")) == group]
            covering = [table for table in peers if covers(table, cell)]
            if len(covering) > 1:
                yield " and ".join(table.id for table in covering), "two tables are for the same patient", str(cell)
            if not covering and not group[1]:
                yield "band_tables", "no band table is for this patient", str(cell)
            for table in covering:
                yield from _bands(analyte, table, cell, reached)
    for table in tables:
        for row in table.bands:
            if (table.id, row.band) not in reached:
                yield f"{table.id}.{row.band}", "no value of any patient reaches this band", ""


def _bands(analyte: Analyte, table: schema.BandTable, cell: Cell, reached: set[tuple[str, str]]) -> Iterator[Problem]:
    for unit in analyte.native_units:
        if missing := [row.band for row in table.bands if unit not in row.limits]:
            reason = f"{', '.join(missing)} has no limits in {unit}, a unit that is compared without conversion"
            yield table.id, reason, ""
            continue
        interval = _default_span(analyte, cell, unit)
        spans = {row.band: row.limits[unit].span(interval) for row in table.bands}
        rank = 0
        for value in probes(spans.values()):
            here = [row for row in table.bands if value in spans[row.band]]
            reached.update((table.id, row.band) for row in here)
            inside = interval is not None and value in interval
            # Where the interval reaches into a yielding band, the value is normal (DEC-49): not an overlap.
            counting = [row for row in here if not (inside and row.yields_to_interval)]
            names = " and ".join(row.band for row in here)
            witness = f"{cell}: {plain(value)} {unit}"
            if len(counting) > 1:
                yield table.id, f"{names} hold the same value", witness
            if not here:
                yield table.id, "no band holds this value", witness
            for row in counting:
                if _SIDES[row.side] < rank:
                    yield f"{table.id}.{row.band}", f"its side is {row.side}, above values of a higher side", witness
                if row.side == "high" and interval is not None and value in interval.below:
                    yield f"{table.id}.{row.band}", "its side is high, below the interval", witness
                rank = max(rank, _SIDES[row.side])


def _default_span(analyte: Analyte, cell: Cell, unit: str) -> Span | None:
    for row in analyte.intervals.get("default", ()):
        if covers(row, cell) and unit in row.limits:
            return row.limits[unit].span()
    return None


def probes(spans: Iterable[Span]) -> list[Decimal]:
    """Numbers that between them meet every stretch that the ends of some spans cut the line into."""
    ends = sorted({end for span in spans for end in (span.low, span.high) if end is not None})
    if not ends:
        return [Decimal(0)]
    between = [(low + high) / 2 for low, high in pairwise(ends)]
    return sorted({ends[0] / 2 if ends[0] > 0 else ends[0] - 1, *ends, *between, ends[-1] + 1})


def example(span: Span) -> str:
    """A number inside a span, as text."""
    return next((plain(value) for value in probes([span]) if value in span), "")


# ---------------------------------------------------------------------------------------------- critical, CTCAE


def _critical(analyte: Analyte, cells: tuple[Cell, ...]) -> Iterator[Problem]:
    for row in analyte.form.critical:
        if lacking := _lacking(analyte, row.limits):
            yield row.id, f"has no limit in {lacking}; a critical value in it would be missed", ""
        for unit, limit in row.limits.items():
            open_end = limit.low is None if row.side == "low" else limit.high is None
            if not open_end:
                yield row.id, f"{limit.text!r} in {unit} does not reach to the {row.side} end; extend it", ""
        for cell, unit, interval in _default_spans(analyte, cells):
            shared = row.limits[unit].span().intersection(interval) if unit in row.limits else None
            if covers(row, cell) and shared is not None and not shared.empty and not row.overrules_interval:
                witness = f"{cell}: {example(shared)} {unit}"
                yield row.id, "a value inside the default interval would be critical", witness
                break


def _ctcae(analyte: Analyte, cells: tuple[Cell, ...]) -> Iterator[Problem]:
    """Every value beyond the interval has exactly one grade, in each unit that CTCAE gives."""
    for term in analyte.form.ctcae:
        for cell, unit, interval in _default_spans(analyte, cells):
            grades = term.grades.get(unit, {})
            spans = {grade: limit.span(interval) for grade, limit in grades.items()}
            beyond = interval.below if term.side == "low" else interval.above
            for value in probes([*spans.values(), interval]) if grades else ():
                found = [grade for grade, span in spans.items() if value in span]
                if value in beyond and value >= 0 and len(found) != 1:
                    reason = (
                        f"grades {' and '.join(found)} hold the same value" if found else "no grade holds this value"
                    )
                    yield f"ctcae.{term.term}", reason, f"{cell}: {plain(value)} {unit}"


def _choices(release: Release, form: schema.AnalyteFile) -> Iterator[Problem]:
    named = [("intervals", row.variant, row.id) for row in form.intervals]
    named += [("critical_limits", row.set, row.id) for row in form.critical]
    named += [("vitamin_d_policy", table.policy, table.id) for table in form.band_tables if table.policy]
    for choice, ident, key in named:
        if ident not in release.choices[choice]:
            yield key, f"{ident!r} is not in choices.toml under {choice}; add it there with its source", ""
