"""What must hold of a release before it may serve; each fault with a concrete patient who meets it.

The exhaustive proofs over combinations of findings are `knowledge lint`'s; these run at every start.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from decimal import Decimal
from itertools import pairwise

from labgloss.domain.quantity import Span, plain
from labgloss.domain.report import RefusalReason, Urgency
from labgloss.errors import Fault
from labgloss.knowledge import schema
from labgloss.knowledge.expression import Expression, Limit, Name, names
from labgloss.knowledge.loinc import valid
from labgloss.knowledge.partition import NOTHING_KNOWN, Cell, admissible_cells, covers
from labgloss.knowledge.release import Analyte, Release, expressions_of
from labgloss.knowledge.units import factor_between

# Findings that the engine computes from several results, and facts of the request.
COMPUTED_FINDINGS = frozenset({"AKI"})
PATIENT_FACTS = frozenset({"symptoms_unknown", "pregnant"})

Origin = Mapping[tuple[str, str], str]


def faults(release: Release, origin: Origin) -> list[Fault]:
    """Every fault of a release, in the order of its files. `origin` says which file an id stands in."""
    found: list[Fault] = []
    for analyte in release.analytes.values():
        file = origin.get(("analyte", analyte.id), analyte.id)
        for key, reason, witness in _of_analyte(release, analyte):
            found.append(Fault(file, key, reason, witness))
    for file, key, reason in _of_rules(release, origin):
        found.append(Fault(file, key, reason))
    return found


# ---------------------------------------------------------------------------------------------- one analyte

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
        limit.needs_interval for table in analyte.form.band_tables for row in table.bands for limit in row.limits.values()
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
                yield " and ".join(table.id for table in covering), "two band tables are for the same patient", str(cell)
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
            yield table.id, f"{', '.join(missing)} has no limits in {unit}, a unit that is compared without conversion", ""
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


# ---------------------------------------------------------------------------------------------- all rules


def _of_rules(release: Release, origin: Origin) -> Iterator[tuple[str, str, str]]:
    known = _known_names(release)
    for file, key, expression in _expressions(release, origin):
        for name in names(expression):
            if name.id not in known[name.kind]:
                yield file, key, f"{name} is not known; add it, or mend the name"
    for file, key, ids in _sources_named(release, origin):
        for source in ids:
            if source not in release.sources:
                yield file, key, f"source {source!r} is not in sources.toml; add it there with its citation"
    for file, key, ids in _recommendations_named(release, origin):
        for recommendation in ids:
            if recommendation not in release.recommendations:
                yield file, key, f"recommendation {recommendation!r} is not in recommendations.toml"
    for reason in RefusalReason:
        if reason.value not in release.refusals:
            yield "wording.toml", "refusal", f"{reason.value!r} has no row; every refusal needs its words"
    for urgency in Urgency:
        if urgency.name not in release.urgencies:
            yield "wording.toml", "urgency", f"{urgency.name!r} has no row; every urgency needs its words"
    for name, choices in release.choices.items():
        for row in choices.values():
            if row.caution and row.caution not in release.cautions:
                yield "choices.toml", f"{name}.{row.id}", f"caution {row.caution!r} is not in wording.toml"


def _known_names(release: Release) -> dict[str, frozenset[str]]:
    forms = [analyte.form for analyte in release.analytes.values()]
    of_class = {ident for form in forms for ident in (form.findings.low, form.findings.high, form.findings.indeterminate)}
    return {
        "finding": frozenset(of_class | set(release.findings) | COMPUTED_FINDINGS),
        "band": frozenset(f"{analyte.id}.{band}" for analyte in release.analytes.values() for band in analyte.band_ids),
        "symptom": frozenset(release.symptoms),
        "condition": frozenset(release.conditions),
        "medication": frozenset(release.medications),
        "group": frozenset(release.groups),
        "pattern": frozenset(release.patterns),
        "red_flag": frozenset(release.red_flags),
        "patient": PATIENT_FACTS,
    }


def _file(origin: Origin, kind: str, ident: str) -> str:
    return origin.get((kind, ident), ident)


def _expressions(release: Release, origin: Origin) -> Iterator[tuple[str, str, Expression]]:
    for analyte in release.analytes.values():
        file = _file(origin, "analyte", analyte.id)
        for key, expression in _expressions_of_analyte(analyte.form):
            yield file, key, expression
    for rows in release.findings.values():
        for row in rows:
            for expression in (row.when, row.unless):
                if expression is not None:
                    yield _file(origin, "finding", row.id), row.id, expression
    for group in release.groups.values():
        for member in group.members:
            yield _file(origin, "group", group.id), group.id, member
    for rule in (*release.patterns.values(), *release.red_flags.values()):
        kind = "pattern" if isinstance(rule, schema.PatternRow) else "red_flag"
        for part in expressions_of(rule):
            yield _file(origin, kind, rule.id), rule.id, part
    for recommendation in release.recommendations.values():
        for expression in (recommendation.needs, recommendation.withheld_when):
            if expression is not None:
                yield "recommendations.toml", recommendation.id, expression
    yield "release.toml", "outside_validated_scope", release.file.outside_validated_scope
    yield "computations.toml", "vitamin_d.acute_phase_unless", release.computations.vitamin_d.acute_phase_unless
    adjustment = release.computations.albumin_adjustment
    for validity in (*adjustment.not_valid, *adjustment.low_confidence):
        if validity.when is not None:
            yield "computations.toml", validity.id, validity.when
    for context in (*release.conditions.values(), *release.medications.values()):
        kind = "condition" if context.id in release.conditions else "medication"
        for implied in context.implies:
            yield _file(origin, kind, context.id), context.id, Name(kind, implied)


def _expressions_of_analyte(form: schema.AnalyteFile) -> Iterator[tuple[str, Expression]]:
    for number, plausible in enumerate(form.plausibility):
        if plausible.unless is not None:
            yield f"plausibility[{number}]", plausible.unless
    for critical in form.critical:
        for expression in (critical.when, critical.unless):
            if expression is not None:
                yield critical.id, expression
    for table in form.band_tables:
        if table.when is not None:
            yield table.id, table.when
        for band in table.bands:
            for row in band.raises:
                if row.when is not None:
                    yield f"{table.id}.{band.band}", row.when
            for also in band.also:
                yield f"{table.id}.{band.band}", also.when


def _sources_named(release: Release, origin: Origin) -> Iterator[tuple[str, str, tuple[str, ...]]]:
    for analyte in release.analytes.values():
        file, form = _file(origin, "analyte", analyte.id), analyte.form
        yield from ((file, row.loinc, row.source) for row in form.codes)
        yield from ((file, f"plausibility[{number}]", row.source) for number, row in enumerate(form.plausibility))
        yield from ((file, row.id, row.source) for row in (*form.intervals, *form.critical))
        yield from ((file, row.term, row.source) for row in form.ctcae)
        yield from ((file, f"{table.id}.{row.band}", row.source) for table in form.band_tables for row in table.bands)
    sections: tuple[tuple[str, Iterable[schema.Form]], ...] = (
        ("finding", (row for rows in release.findings.values() for row in rows)),
        ("symptom", release.symptoms.values()),
        ("condition", release.conditions.values()),
        ("medication", release.medications.values()),
        ("group", release.groups.values()),
        ("pattern", release.patterns.values()),
        ("red_flag", release.red_flags.values()),
        ("recommendation", release.recommendations.values()),
        ("caution", release.cautions.values()),
        ("issue", release.issues.values()),
        ("refusal", release.refusals.values()),
    )
    for kind, rows in sections:
        for row in rows:
            ident = str(getattr(row, "id", ""))
            yield _file(origin, kind, ident), ident, getattr(row, "source", ())
    for association in release.associations.values():
        yield "associations.toml", association.symptom, association.source
    for contradiction in release.contradictions:
        yield "recommendations.toml", f"contradiction {contradiction.loser}", contradiction.source
    for name, choices in release.choices.items():
        yield from (("choices.toml", f"{name}.{row.id}", row.source) for row in choices.values())
    computations = release.computations
    for form in (
        computations.albumin_adjustment,
        *computations.albumin_adjustment.not_valid,
        *computations.albumin_adjustment.low_confidence,
        computations.haemolysis,
        computations.aki,
        computations.pregnancy,
        computations.vitamin_d,
        computations.specimen,
    ):
        yield "computations.toml", getattr(form, "id", "vitamin_d"), form.source


def _recommendations_named(release: Release, origin: Origin) -> Iterator[tuple[str, str, tuple[str, ...]]]:
    for analyte in release.analytes.values():
        file = _file(origin, "analyte", analyte.id)
        yield file, "recommend_when_refused", analyte.form.recommend_when_refused
        for table in analyte.form.band_tables:
            for band in table.bands:
                brought = (*band.recommend, *(ident for also in band.also for ident in also.recommend))
                yield file, f"{table.id}.{band.band}", brought
    for rule in (*release.patterns.values(), *release.red_flags.values()):
        kind = "pattern" if isinstance(rule, schema.PatternRow) else "red_flag"
        brought = tuple(ident for bring in rule.recommend for ident in bring.recommend)
        yield _file(origin, kind, rule.id), rule.id, brought
        if isinstance(rule, schema.PatternRow):
            yield _file(origin, kind, rule.id), rule.id, rule.withholds
    for refusal in release.refusals.values():
        yield "wording.toml", refusal.id, refusal.recommend
    for wording in (*release.cautions.values(), *release.issues.values()):
        yield "wording.toml", wording.id, wording.recommend
    for row in release.recommendations.values():
        yield "recommendations.toml", row.id, tuple(ident for ident in (row.when_same_day, row.when_later, row.instead) if ident)
    for urgency in release.urgencies.values():
        yield "wording.toml", urgency.id.name, (urgency.contact,) if urgency.contact else ()
    for contradiction in release.contradictions:
        yield "recommendations.toml", "contradiction", (contradiction.winner, contradiction.loser)
