"""What must hold of the release that a site's overlay makes: nothing lost, no gap, no band out of reach or place."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from decimal import Decimal

from labgloss.domain.quantity import Span, plain
from labgloss.knowledge import analyte_checks, banding, overlay_schema, schema
from labgloss.knowledge.analyte_checks import MEASURABLE, Problem, example, probes
from labgloss.knowledge.overlay_checks import keyed
from labgloss.knowledge.partition import NOTHING_KNOWN, Cell, admissible_cells, covers
from labgloss.knowledge.release import DEFAULT, SITE, Analyte, Release


def problems(release: Release, made: Release, file: overlay_schema.OverlayFile) -> list[Problem]:
    """What is wrong with the release that the overlay makes, and whether anything was lost in it."""
    places = {row.id: key for name in ("interval", "critical") for key, row in keyed(name, getattr(file, name))}
    found: dict[tuple[str, str], str] = {}
    for ident, analyte in made.analytes.items():
        of_analyte = [*_lost(release.analytes[ident], analyte)]
        if analyte is not release.analytes[ident]:
            of_analyte += analyte_checks.problems(made, analyte)
        site = made.site
        if analyte is not release.analytes[ident] or ident in site.variants or "intervals" in site.choices:
            of_analyte += _of_site(release.analytes[ident], made, analyte)
        for rule, reason, witness in of_analyte:
            # Of several patients who meet one fault, the first.
            found.setdefault((_place(places, ident, rule), reason), witness)
    return [(key, reason, witness) for (key, reason), witness in found.items()]


def _place(places: Mapping[str, str], analyte: str, rule: str) -> str:
    named = [places.get(part, "") for part in rule.split(" and ")]
    return " and ".join(named) if all(named) else rule if rule.startswith(analyte) else f"{analyte}: {rule}"


def _lost(before: Analyte, after: Analyte) -> Iterator[Problem]:
    """Critical limits of the release that are gone or changed: promise 5, whatever this code may come to be."""
    for name, rows in before.critical.items():
        for row in rows:
            if row not in after.critical.get(name, ()):
                yield row.id, "is gone; a critical limit of the release is never removed and never loosened", ""


def _of_site(before: Analyte, made: Release, analyte: Analyte) -> Iterator[Problem]:
    """What the intervals and critical limits of the site come to, patient by patient."""
    variants = made.site.variants_of(analyte.id)
    reached: set[tuple[str, str]] = set()
    reached_before: set[tuple[str, str]] = set()
    for cell in admissible_cells(analyte.axes, NOTHING_KNOWN, made.computations.pregnancy.age):
        default = _row_for(analyte, cell, (DEFAULT,))
        row = _row_for(analyte, cell, (*variants, DEFAULT))
        for _ in _banded(made, before, cell, default, reached_before):
            pass
        yield from _banded(made, analyte, cell, row, reached)
        if row is None:
            continue
        for unit, limit in row.limits.items():
            yield from _interval_of_cell(analyte, cell, unit, row, default)
            # Against the default interval every critical limit was looked at already.
            if row.variant != DEFAULT:
                yield from _critical_inside(analyte, cell, unit, limit.span())
    ids = " and ".join(row.id for row in analyte.intervals.get(SITE, ()))
    for table, band in sorted(reached_before - reached):
        reason = f"no value of any patient reaches {band} of {table} any more; an interval this wide takes it away"
        yield ids or analyte.id, reason, ""


def _row_for(analyte: Analyte, cell: Cell, variants: Iterable[str]) -> schema.IntervalRow | None:
    rows = (row for name in variants for row in analyte.intervals.get(name, ()) if covers(row, cell))
    return next(rows, None)


def _interval_of_cell(
    analyte: Analyte, cell: Cell, unit: str, row: schema.IntervalRow, default: schema.IntervalRow | None
) -> Iterator[Problem]:
    if row.variant != SITE:
        return
    span = row.limits[unit].span()
    for plausible in analyte.form.plausibility:
        refused = plausible.limits[unit].span() if plausible.kind == "hard" and unit in plausible.limits else None
        shared = refused.intersection(span).intersection(MEASURABLE) if refused else None
        if shared is not None and not shared.empty:
            yield row.id, "holds values that are refused as implausible", f"{cell}: {example(shared)} {unit}"
    usual = default.limits[unit].span() if default is not None and unit in default.limits else None
    if default is not None and usual is not None and not usual.overlaps(span):
        reason = f"shares no value with the default interval ({default.limits[unit].text} {unit}); look at the unit"
        yield row.id, reason, f"{cell}: {example(usual)} {unit}"


def _critical_inside(analyte: Analyte, cell: Cell, unit: str, span: Span) -> Iterator[Problem]:
    """Limits of the site that reach into the interval in force: critical by the one, normal by the other."""
    for row in analyte.critical.get(SITE, ()):
        if not covers(row, cell) or unit not in row.limits:
            continue
        shared = row.limits[unit].span().intersection(span)
        if not shared.empty:
            yield row.id, "a value inside the interval in force would be critical", f"{cell}: {example(shared)} {unit}"


def _banded(
    made: Release, analyte: Analyte, cell: Cell, interval: schema.IntervalRow | None, reached: set[tuple[str, str]]
) -> Iterator[Problem]:
    """Values of a patient that no band holds, or one on the wrong side; `reached` collects the bands met."""
    critical = [row for rows in analyte.critical.values() for row in rows if covers(row, cell)]
    for table in analyte.form.band_tables:
        if not covers(table, cell):
            continue
        for unit in analyte.native_units:
            ends = banding.interval_in(made.unit_table, analyte.form, interval, unit) if interval is not None else None
            limits = [row.limits[unit].span(ends) for row in table.bands if unit in row.limits]
            limits += [row.limits[unit].span() for row in critical if unit in row.limits]
            for value in probes([*limits, *([ends] if ends else [])]):
                if value not in MEASURABLE:
                    continue
                witness = f"{cell}: {plain(value)} {unit}"
                place = interval.id if interval is not None else table.id
                band = banding.band_of(table, critical, ends, value, unit)
                if band is None:
                    yield place, f"no band of {table.id} holds this value", witness
                    continue
                reached.add((table.id, band.band))
                if ends is not None and _contradicts(band, value, ends):
                    yield place, f"{band.band} of {table.id} lies on the other side of the interval", witness


def _contradicts(band: schema.BandRow, value: Decimal, ends: Span) -> bool:
    return (band.side == "high" and value in ends.below) or (band.side == "low" and value in ends.above)
