"""Every rule of a release by the id that a report names, as messages, ordered by id."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence

from labgloss.engine.select import whom
from labgloss.engine.words import figures_in_words
from labgloss.knowledge import schema
from labgloss.knowledge.expression import Expression, Limit, names
from labgloss.knowledge.release import Analyte, Release, urgencies_of_values
from labgloss.knowledge.stated import SETTLED
from labgloss.v1 import knowledge_pb2 as pb

_REACHED = "reached"
# A report names these things without their kind, and the rule behind them with it.
_PREFIXES = ("finding", "recommendation", "caution", "issue", "refusal")


def rules_of(release: Release) -> tuple[pb.Rule, ...]:
    """Every rule of a release, ordered by id; no two share one."""
    rules: list[pb.Rule] = []
    for analyte in release.analytes.values():
        rules += _of_analyte(analyte)
    rules += [_interval(release.analytes[ident].form, row) for ident, row in release.intervals()]
    rules += [_finding(ident, rows) for ident, rows in release.findings.items()]
    rules += _findings_of_classes(release)
    rules += [_pattern(release, row) for row in release.patterns.values()]
    rules += [_red_flag(release, row) for row in release.red_flags.values()]
    withheld = _withheld(release)
    rules += [_recommendation(row, row.id in withheld) for row in release.recommendations.values()]
    rules += [_wording(row, "caution", pb.RULE_KIND_CAUTION) for row in release.cautions.values()]
    rules += [_wording(row, "issue", pb.RULE_KIND_ISSUE) for row in release.issues.values()]
    rules += [_refusal(row) for row in release.refusals.values()]
    rules += _computations(release.computations)
    return tuple(sorted(rules, key=lambda rule: rule.id))


def ids_of(name: str) -> tuple[str, ...]:
    """The ids that a rule may have which a report, or a person, calls by this name."""
    return name, *(f"{kind}.{name}" for kind in _PREFIXES)


def limits_of(limits: Mapping[str, Limit]) -> list[pb.Limit]:
    """The limits in each unit, in the order of their file."""
    return [pb.Limit(unit=unit, expression=limit.text) for unit, limit in limits.items()]


def _of_analyte(analyte: Analyte) -> Iterator[pb.Rule]:
    form = analyte.form
    yield from _class(form)
    for table in form.band_tables:
        for band in table.bands:
            ident, title = f"{table.id}.{band.band}", f"{form.name}: {band.band}"
            rule = _rule(pb.RULE_KIND_BAND, ident, band, title, _of_band(table, band), form.id, band.limits)
            rule.outcomes.append(_REACHED)
            yield rule
    for critical in form.critical:
        title = f"{form.name}: critical {critical.side}, {critical.set}"
        statement = _sentence(whom(critical), *_conditions(critical.when, critical.unless))
        kind = pb.RULE_KIND_CRITICAL_LIMIT
        rule = _rule(kind, critical.id, critical, title, statement, form.id, critical.limits)
        rule.outcomes.append(_REACHED)
        yield rule
    for term in form.ctcae:
        ident = f"{form.id}.ctcae.{term.term.lower().replace(' ', '_')}"
        rule = _rule(pb.RULE_KIND_CTCAE_GRADE, ident, term, f"CTCAE: {term.term}", f"side {term.side}", form.id)
        for unit, grades in term.grades.items():
            rule.limits.extend(
                pb.Limit(unit=unit, expression=f"grade {name}: {limit.text}") for name, limit in grades.items()
            )
        yield rule
    for number, row in enumerate(form.plausibility):
        statement = _sentence(*_conditions(None, row.unless), "measurements only" if row.measured_only else "")
        ident, title = f"{form.id}.plausibility.{number}", f"{form.name}: plausibility, {row.kind}"
        yield _rule(pb.RULE_KIND_PLAUSIBILITY, ident, row, title, statement, form.id, row.limits)


def _interval(form: schema.AnalyteFile, row: schema.IntervalRow) -> pb.Rule:
    title = f"{form.name}: reference interval, {row.variant}"
    return _rule(pb.RULE_KIND_INTERVAL, row.id, row, title, whom(row), form.id, row.limits)


def _of_band(table: schema.BandTable, band: schema.BandRow) -> str:
    return _sentence(
        f"side {band.side}",
        whom(table),
        f"policy {table.policy}" if table.policy else "",
        *_conditions(table.when, None),
        "a value inside the interval in force is normal instead" if band.yields_to_interval else "",
        f"urgency {band.urgency.name}",
        f"brings {', '.join(band.recommend)}" if band.recommend else "",
    )


def _class(form: schema.AnalyteFile) -> Iterator[pb.Rule]:
    """The rule by which the class of an analyte makes findings, if it makes any."""
    made = [f"{ident} when the class is {side}" for side, ident in schema.items_of(form.findings) if ident]
    if made:
        title = f"{form.name}: findings of its class"
        yield pb.Rule(
            id=f"{form.id}.class",
            kind=pb.RULE_KIND_FINDING,
            analyte=form.id,
            title=title,
            statement=_sentence(*made),
        )


def _findings_of_classes(release: Release) -> Iterator[pb.Rule]:
    """The findings that classes make, each by its own id: several analytes may make the same one, as calcium does."""
    made: dict[str, list[str]] = {}
    for analyte in release.analytes.values():
        for side, ident in schema.items_of(analyte.form.findings):
            if ident:
                made.setdefault(ident, []).append(f"{analyte.id} class {side}")
    for ident, classes in made.items():
        yield pb.Rule(
            id=f"finding.{ident}",
            kind=pb.RULE_KIND_FINDING,
            title=f"{ident}, by class",
            statement=", or ".join(classes),
        )


def _finding(ident: str, rows: Sequence[schema.FindingRow]) -> pb.Rule:
    """One rule for a finding, whose rows are alternatives."""
    first = rows[0]
    rule = _rule(pb.RULE_KIND_FINDING, f"finding.{ident}", first, first.text, "", first.analyte, first.limits)
    rule.statement = ", or ".join(filter(None, map(_of_finding, rows)))
    # A rule of which a part has yet to be signed has yet to be signed.
    rule.status = next((row.status for row in rows if row.status not in SETTLED), rows[0].status)
    for row in rows[1:]:
        rule.limits.extend(limits_of(row.limits))
        rule.source_ids.extend(source for source in row.source if source not in rule.source_ids)
    return rule


def _of_finding(row: schema.FindingRow) -> str:
    classes = f"class {' or '.join(row.classes)}" if row.classes else ""
    bands = f"band {' or '.join(row.bands)}" if row.bands else ""
    beside = "also of a result beside the primary one" if row.beside_primary else ""
    series = "computed from results of several times" if row.over_time else ""
    return _sentence(row.analyte, classes, beside, bands, series, *_conditions(row.when, row.unless))


def _pattern(release: Release, row: schema.PatternRow) -> pb.Rule:
    statement = _sentence(
        *(f"core {part}" for part in row.core),
        *(f"required {part}" for part in row.required),
        *(f"excluding {part}" for part in row.excluding),
        f"possible while {row.possible_when}" if row.possible_when is not None else "",
        _over_time(release, (*row.core, *row.required, *row.excluding)),
        *(f"supporting {part}" for part in row.supporting),
        *(f"against {part}" for part in row.against),
        f"urgency {row.urgency.name}",
        *_levels(row.levels),
        *_lowers(row.lowers),
        f"at least the urgency of {', '.join(row.urgency_of)}" if row.urgency_of else "",
        *_brings(row.recommend),
        *_while_possible(row.possible),
        *(_caution(item) for item in row.cautions),
        _says_missing(row.says_missing),
        _refuses(row.refuses),
        f"makes a high {' or '.join(row.unreliable_high)} unreliable" if row.unreliable_high else "",
        "at most SAME_DAY while recorded well without a symptom of a red flag" if row.lowered_when_well else "",
        f"withholds {', '.join(row.withholds)}: {row.withholds_reason}" if row.withholds else "",
        f"explains {', '.join(row.explains)}" if row.explains else "",
        f"shown in place of {', '.join(row.replaces)}" if row.replaces else "",
        f"shown in place of {', '.join(row.absorbs)} while only possible" if row.absorbs else "",
    )
    rule = _rule(pb.RULE_KIND_PATTERN, row.id, row, row.title, statement, number=row.number)
    rule.outcomes.extend(("matched", "possible"))
    return rule


def _red_flag(release: Release, row: schema.RedFlagRow) -> pb.Rule:
    value_only = "on a value alone" if row.value_only else ""
    held = f"held while only an unreliable {' and '.join(row.held_by)} makes it" if row.held_by else ""
    over_time = _over_time(release, [level.when for level in row.levels])
    statement = _sentence(value_only, *_levels(row.levels), over_time, held, *_brings(row.recommend))
    rule = _rule(pb.RULE_KIND_RED_FLAG, row.id, row, row.text, statement, number=row.number)
    urgencies = urgencies_of_values(release) if row.value_only else {level.urgency for level in row.levels}
    rule.outcomes.extend(urgency.name for urgency in sorted(urgencies, reverse=True))
    if row.value_only or row.held_by:
        rule.outcomes.append("held")
    return rule


def _withheld(release: Release) -> frozenset[str]:
    """The recommendations that something can withhold."""
    own = [row.id for row in release.recommendations.values() if row.withheld_when is not None]
    by_patterns = release.withheld_by
    return frozenset((*own, *by_patterns, *(pair.loser for pair in release.contradictions)))


def _recommendation(row: schema.RecommendationRow, withheld: bool) -> pb.Rule:
    statement = _sentence(
        f"kind {row.kind}",
        f"unnecessary when in the panel: {', '.join(row.satisfied_by)}" if row.satisfied_by else "",
        f"needs {row.needs}" if row.needs else "",
        f"withheld while {row.withheld_when}: {row.withheld_reason}" if row.withheld_when else "",
    )
    rule = _rule(pb.RULE_KIND_RECOMMENDATION, f"recommendation.{row.id}", row, row.text, statement)
    rule.outcomes.extend(("given", "withheld") if withheld else ("given",))
    return rule


def _wording(row: schema.WordingRow, prefix: str, kind: pb.RuleKind.ValueType) -> pb.Rule:
    ident = f"{prefix}.{row.id}"
    return pb.Rule(id=ident, kind=kind, title=row.id, statement=row.text, source_ids=row.source, outcomes=(_REACHED,))


def _refusal(row: schema.RefusalRow) -> pb.Rule:
    statement = _sentence(
        row.text,
        row.mend,
        f"urgency {row.urgency.name}",
        f"urgency {row.urgency_if_possible_critical.name} where the number may be critical",
    )
    ident, kind = f"refusal.{row.id}", pb.RULE_KIND_REFUSAL
    return pb.Rule(id=ident, kind=kind, title=row.id, statement=statement, source_ids=row.source, outcomes=(_REACHED,))


def _computations(file: schema.ComputationsFile) -> Iterator[pb.Rule]:
    for row in file.timing:
        whose = ", ".join((*row.symptoms, *row.medications))
        statement = _sentence(whose, figures_in_words(row, _NO_FIGURES | {"title", "symptoms", "medications"}))
        yield _rule(pb.RULE_KIND_COMPUTATION, f"timing.{row.id}", row, row.title, statement)
    for name in set(schema.field_names(schema.ComputationsFile)) - {"timing"}:
        form = getattr(file, name)
        figures = figures_in_words(form, _NO_FIGURES)
        yield _rule(pb.RULE_KIND_COMPUTATION, form.id, form, name.replace("_", " "), figures)
    adjustment = file.albumin_adjustment
    for state in (*adjustment.not_valid, *adjustment.low_confidence):
        statement = _sentence(state.analyte, *_conditions(state.when, None))
        yield _rule(pb.RULE_KIND_COMPUTATION, state.id, state, state.text, statement, limits=state.limits)


_NO_FIGURES = frozenset({"id", "source", "status", "note", "not_valid", "low_confidence"})


def _over_time(release: Release, parts: Iterable[Expression]) -> str:
    """The findings among these, also through groups, that are computed from results of several times."""
    found = sorted({ident for part in parts for ident in _serial(release, part)})
    return f"reads results over time: {', '.join(found)}" if found else ""


def _serial(release: Release, part: Expression) -> Iterator[str]:
    for name in names(part):
        if name.kind == "group":
            for member in release.groups[name.id].members:
                yield from _serial(release, member)
        elif name.kind == "finding" and any(row.over_time for row in release.findings.get(name.id, ())):
            yield name.id


def _levels(levels: Iterable[schema.LevelRow]) -> Iterator[str]:
    return (f"{level.urgency.name} while {level.when}" for level in levels)


def _lowers(rows: Iterable[schema.LowerRow]) -> Iterator[str]:
    for row in rows:
        caution = f", with caution {row.caution}" if row.caution else ""
        yield f"at most {row.urgency.name} while {row.when}{caution}"


def _while_possible(rows: Iterable[schema.PossibleRow]) -> Iterator[str]:
    """What a pattern brings while it is only possible."""
    for row in rows:
        cautions = [_caution(item) for item in row.cautions]
        brings = [f"brings {', '.join(row.recommend)}"] if row.recommend else []
        yield f"while only possible: {', '.join((f'urgency {row.urgency.name}', *brings, *cautions))} while {row.when}"


def _caution(row: schema.CautionOfPattern) -> str:
    return f"caution {row.caution} on {', '.join(row.analytes)}{f' while {row.when}' if row.when else ''}"


def _refuses(row: schema.RefusesRow | None) -> str:
    return f"refuses {', '.join(row.analytes) or 'every result'} of the specimen: {row.refusal}" if row else ""


def _says_missing(row: schema.SaysMissingRow | None) -> str:
    return f"says which of {', '.join(row.analytes)} is missing or not usable while {row.when}" if row else ""


def _brings(rows: Iterable[schema.BringRow]) -> Iterator[str]:
    for row in rows:
        serial = ", although the test is in the panel, to follow it over time" if row.serial else ""
        yield f"brings {', '.join(row.recommend)}{f' while {row.when}' if row.when else ''}{serial}"


def _conditions(when: object, unless: object) -> Iterator[str]:
    if when:
        yield f"while {when}"
    if unless:
        yield f"unless {unless}"


def _sentence(*parts: str) -> str:
    return "; ".join(part for part in parts if part)


def _rule(
    kind: pb.RuleKind.ValueType,
    ident: str,
    row: schema.Sourced,
    title: str,
    statement: str,
    analyte: str = "",
    limits: Mapping[str, Limit] | None = None,
    number: str = "",
) -> pb.Rule:
    return pb.Rule(
        id=ident,
        kind=kind,
        number=number,
        analyte=analyte,
        title=title,
        statement=statement,
        limits=limits_of(limits or {}),
        source_ids=row.source,
        status=row.status,
        note=row.note,
    )
