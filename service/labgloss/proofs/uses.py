"""Which rules read a name of the knowledge, in which part, in which direction, and which urgency they can bring.

A use is direct: a finding that a group holds is read by the group. `Uses.reaching` follows findings, groups, context
and facts of time to the patterns, red flags, recommendations and limits that read them in their turn, and stops there:
what a pattern brings is the pattern's.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace

from labgloss.domain.report import Urgency
from labgloss.engine.recommend import PHONE_CRITICAL
from labgloss.knowledge import schema
from labgloss.knowledge.expression import Combination, Expression, Name, names
from labgloss.knowledge.release import Analyte, Release

# Kinds of rules that only hand a fact on.
PASSING = frozenset({"finding", "group", "timing", "condition", "medication", "patient"})
# Parts of a pattern that make it more or less likely in words, and decide nothing.
UNDECIDED = frozenset({"supporting", "against"})
LOWERED = "lowered"
# What the engine joins by itself: a recorded kidney injury is one, and a patient recorded well lowers an artefact.
RECORDED_INJURY, INJURY, WELL = "aki", "AKI", "recorded_well"


@dataclass(frozen=True, slots=True)
class Use:
    """A part of a rule that reads a name. `sign`: 1 where the part then holds more often, -1 less, 0 either way."""

    kind: str
    id: str
    part: str
    sign: int = 1
    # Urgencies that the rule can bring through this part.
    urgencies: frozenset[Urgency] = frozenset()

    @property
    def decides(self) -> bool:
        """Whether the part decides something."""
        return self.part not in UNDECIDED


class Uses:
    """What reads each name of a release."""

    def __init__(self, release: Release) -> None:
        self._release = release
        self._by_name: dict[tuple[str, str], list[Use]] = {}
        for name, use in _uses(release):
            self._by_name.setdefault((name.kind, name.id), []).append(use)

    def of(self, name: Name) -> tuple[Use, ...]:
        """What reads the name itself."""
        return tuple(self._by_name.get((name.kind, name.id), ()))

    def reaching(self, made: Iterable[Name]) -> tuple[Use, ...]:
        """What reads the names, through findings, groups and facts of time; what only hands on is among them.

        *Shape:* in the order of the search, each rule once for each part and direction.
        """
        found: dict[Use, None] = {}
        waiting = [(name, 1) for name in dict.fromkeys(made)]
        seen = set(waiting)
        while waiting:
            name, sign = waiting.pop(0)
            for use in self.of(name):
                reached = replace(use, sign=use.sign * sign)
                found.setdefault(reached)
                if use.kind in PASSING and use.decides:
                    for other in names_of(use.kind, use.id):
                        if (step := (other, reached.sign)) not in seen:
                            seen.add(step)
                            waiting.append(step)
        return tuple(found)


def names_of(kind: str, ident: str) -> tuple[Name, ...]:
    """The names by which expressions read what a rule of this kind makes."""
    match kind:
        case "finding":
            return Name("finding", ident), Name("specimen", ident)
        case "red_flag":
            return Name("red_flag", ident), Name("emergency", ident)
        case _:
            return (Name(kind, ident),)


def names_of_class(analyte: Analyte, *sides: str) -> tuple[Name, ...]:
    """The names that the class of an analyte makes on these sides (all: low, normal, high)."""
    found: list[Name] = []
    for side in sides or ("low", "normal", "high"):
        ident = getattr(analyte.form.findings, side, "")
        found += names_of("finding", ident) if ident else ()
        found += (Name("class", f"{analyte.id}.{side}"), Name("specimen", f"{analyte.id}.{side}"))
    found += names_of("finding", analyte.form.findings.indeterminate) if analyte.form.findings.indeterminate else ()
    return tuple(found)


# ---------------------------------------------------------------------------------------------- every use


def _uses(release: Release) -> Iterator[tuple[Name, Use]]:
    for analyte in release.analytes.values():
        yield from _of_analyte(analyte)
    for ident, rows in release.findings.items():
        for row in rows:
            yield from _of_finding(release, ident, row)
    for group in release.groups.values():
        for member in group.members:
            yield from _read(member, Use("group", group.id, "member"))
    for pattern in release.patterns.values():
        yield from _of_pattern(pattern)
        yield from _urgency_of(release, pattern)
    for flag in release.red_flags.values():
        yield from _of_red_flag(release, flag)
    for step in release.recommendations.values():
        yield from _of_recommendation(release, step)
    for pair in release.contradictions:
        yield Name("recommendation", pair.winner), Use("recommendation", pair.loser, "withheld beside it", -1)
    yield from _of_words(release)
    yield from _of_context(release)
    yield from _of_computations(release)


def _of_analyte(analyte: Analyte) -> Iterator[tuple[Name, Use]]:
    form = analyte.form
    for table in form.band_tables:
        for band in table.bands:
            yield from _of_band(table, band)
    for limit in form.critical:
        yield from _conditions(Use("critical_limit", limit.id, "applies"), limit.when, limit.unless)
        call = Use("recommendation", PHONE_CRITICAL, "given", 1, frozenset((Urgency.SAME_DAY,)))
        yield Name("critical_limit", limit.id), call
    for number, row in enumerate(form.plausibility):
        yield from _conditions(Use("plausibility", f"{form.id}.plausibility.{number}", "applies"), None, row.unless)
    for code in form.codes:
        if code.condition:
            yield Name("code", code.loinc), Use("condition", code.condition, "stated by the code")
    for ident in form.recommend_when_refused:
        yield Name("recommendation", ident), Use("analyte", form.id, "asked for when it is refused")


def _of_band(table: schema.BandTable, band: schema.BandRow) -> Iterator[tuple[Name, Use]]:
    ident = f"{table.id}.{band.band}"
    urgencies = frozenset((band.urgency,))
    if table.when is not None:
        yield from _read(table.when, Use("band", ident, "table applies", 0, urgencies))
    for raised in band.raises:
        if raised.when is not None:
            yield from _read(raised.when, Use("band", ident, "raised", 1, frozenset((raised.urgency,))))
    for row in band.lowers:
        yield from _read(row.when, Use("band", ident, LOWERED, 1, frozenset((row.urgency,))))
        if row.caution:
            yield Name("caution", row.caution), Use("band", ident, LOWERED)
    for ident_of_step in band.recommend:
        yield Name("recommendation", ident_of_step), Use("band", ident, "brings", 1, urgencies)
    for also in band.also:
        yield from _read(also.when, Use("band", ident, f"also brings {', '.join(also.recommend)}"))
        for ident_of_step in also.recommend:
            yield Name("recommendation", ident_of_step), Use("band", ident, "brings", 1, urgencies)


def _of_finding(release: Release, ident: str, row: schema.FindingRow) -> Iterator[tuple[Name, Use]]:
    use = Use("finding", ident, "condition")
    yield from _conditions(use, row.when, row.unless)
    if row.analyte in release.analytes:
        for band in row.bands:
            yield Name("band", f"{row.analyte}.{band}"), replace(use, part="band")
        for side in row.classes:
            yield Name("class", f"{row.analyte}.{side}"), replace(use, part="class")


def _of_pattern(row: schema.PatternRow) -> Iterator[tuple[Name, Use]]:
    every = urgencies_of_pattern(row)
    use = Use("pattern", row.id, "", 1, every)
    for part, sign, expressions in (
        ("core", 1, row.core),
        ("required", 1, row.required),
        ("excluding", -1, row.excluding),
        ("supporting", 1, row.supporting),
        ("against", -1, row.against),
        ("possible when", 1, () if row.possible_when is None else (row.possible_when,)),
    ):
        for expression in expressions:
            yield from _read(expression, replace(use, part=part, sign=sign))
    for level in row.levels:
        yield from _read(level.when, replace(use, part="level", urgencies=frozenset((level.urgency,))))
    for lower in row.lowers:
        yield from _read(lower.when, replace(use, part=LOWERED, urgencies=frozenset((lower.urgency,))))
    for brought in row.recommend:
        if brought.when is not None:
            yield from _read(brought.when, replace(use, part=f"brings {', '.join(brought.recommend)}"))
        for ident in brought.recommend:
            yield Name("recommendation", ident), replace(use, part="brings")
    for possible in row.possible:
        found = frozenset((possible.urgency,))
        yield from _read(possible.when, replace(use, part="urgency while possible", urgencies=found))
        for ident in possible.recommend:
            yield Name("recommendation", ident), replace(use, part="brings while possible", urgencies=found)
    for caution in (*row.cautions, *(item for possible in row.possible for item in possible.cautions)):
        yield Name("caution", caution.caution), replace(use, part="puts on results")
        if caution.when is not None:
            yield from _read(caution.when, replace(use, part=f"caution {caution.caution}"))
    if row.refuses is not None:
        yield Name("refusal", row.refuses.refusal), replace(use, part="refuses")
    for ident in row.withholds:
        yield Name("recommendation", ident), replace(use, part="withholds", sign=-1)
    for ident in (*row.replaces, *row.absorbs):
        yield Name("pattern", row.id), Use("pattern", ident, "not shown beside it", -1)


def _urgency_of(release: Release, row: schema.PatternRow) -> Iterator[tuple[Name, Use]]:
    """The bands that lend a pattern at least their own urgency."""
    for analyte in release.analytes.values():
        if {analyte.id, analyte.family} & set(row.urgency_of):
            for band in (band for table in analyte.form.band_tables for band in table.bands):
                use = Use("pattern", row.id, "takes its urgency", 1, frozenset((band.urgency,)))
                yield Name("band", f"{analyte.id}.{band.band}"), use


def _of_red_flag(release: Release, row: schema.RedFlagRow) -> Iterator[tuple[Name, Use]]:
    every = frozenset(level.urgency for level in row.levels)
    for level in row.levels:
        use = Use("red_flag", row.id, f"level {level.urgency.name}", 1, frozenset((level.urgency,)))
        yield from _read(level.when, use)
    for brought in row.recommend:
        for ident in brought.recommend:
            yield Name("recommendation", ident), Use("red_flag", row.id, "brings", 1, every)
        if brought.when is not None:
            yield from _read(brought.when, Use("red_flag", row.id, f"brings {', '.join(brought.recommend)}", 1))
    if row.value_only:
        for analyte in release.analytes.values():
            for table in analyte.form.band_tables:
                for band in table.bands:
                    if band.value_alone:
                        name = Name("band", f"{analyte.id}.{band.band}")
                        yield name, Use("red_flag", row.id, "value alone", 1, frozenset((band.urgency,)))


def _of_recommendation(release: Release, row: schema.RecommendationRow) -> Iterator[tuple[Name, Use]]:
    use = Use("recommendation", row.id, "")
    if row.when is not None:
        yield from _read(row.when, replace(use, part="given while"))
    if row.needs is not None:
        yield from _read(row.needs, replace(use, part="needs"))
    if row.withheld_when is not None:
        yield from _read(row.withheld_when, replace(use, part="withheld while", sign=-1))
    if row.instead:
        yield Name("recommendation", row.instead), replace(use, part="given instead of")
    for other in filter(None, (row.when_same_day, row.when_later)):
        yield Name("recommendation", other), replace(use, part="becomes it by the overall urgency")
    for urgency in release.urgencies.values():
        if urgency.contact == row.id:
            name = Name("recommendation", row.id)
            yield name, Use("urgency", urgency.id.name, "contact line", 1, frozenset((urgency.id,)))


def _of_words(release: Release) -> Iterator[tuple[Name, Use]]:
    wordings = (("caution", release.cautions.values()), ("issue", release.issues.values()))
    for kind, rows in wordings:
        for row in rows:
            yield from _step(kind, row.id, row.recommend, frozenset((row.urgency,)))
    for refusal in release.refusals.values():
        urgencies = frozenset((refusal.urgency, refusal.urgency_if_possible_critical))
        yield from _step("refusal", refusal.id, refusal.recommend, urgencies)
    for name, choices in release.choices.items():
        for choice in choices.values():
            ident = f"{name}.{choice.id}"
            if choice.caution:
                yield Name("caution", choice.caution), Use("choice", ident, "comes with it")
            if choice.when is not None:
                yield from _read(choice.when, Use("choice", ident, "applicable"))
    yield from _read(release.file.outside_validated_scope, Use("caution", "outside_validated_scope", "given while"))


def _step(kind: str, ident: str, steps: Iterable[str], urgencies: frozenset[Urgency]) -> Iterator[tuple[Name, Use]]:
    """What a wording brings, from either end."""
    for step in steps:
        yield Name("recommendation", step), Use(kind, ident, "brings", 1, urgencies)
        yield Name(kind, ident), Use("recommendation", step, "given", 1, urgencies)


def _of_context(release: Release) -> Iterator[tuple[Name, Use]]:
    for association in release.associations.values():
        use = Use("association", association.symptom, "accounts for it")
        for ident in (*association.characteristic, *association.supportive, *association.non_specific):
            yield _cell(ident), use
        for ident in association.argues_against:
            yield _cell(ident), replace(use, part="argues against it", sign=-1)
        yield Name("symptom", association.symptom), replace(use, part="is accounted for")
    for kind, rows in (("condition", release.conditions), ("medication", release.medications)):
        for row in rows.values():
            for ident in row.implies:
                yield Name(kind, row.id), Use(kind, ident, "implied")
    yield Name("condition", RECORDED_INJURY), Use("finding", INJURY, "recorded")
    for pattern in release.patterns.values():
        if pattern.lowered_when_well:
            yield Name("condition", WELL), Use("pattern", pattern.id, LOWERED)
    for symptom in release.symptoms:
        yield Name("symptom", symptom), Use("patient", "any_symptom", "any symptom")
        for absent in ("no_symptoms", "symptoms_unknown"):
            yield Name("symptom", symptom), Use("patient", absent, "any symptom", -1)
    for flag in release.red_flags.values():
        if any(name.kind == "symptom" for level in flag.levels for name in names(level.when)):
            yield Name("red_flag", flag.id), Use("patient", "red_flag_symptom", "a symptom makes it")
    for timing in release.computations.timing:
        for kind, idents in (("symptom", timing.symptoms), ("medication", timing.medications)):
            for ident in idents:
                yield Name(kind, ident), Use("timing", timing.id, "time")


def _cell(ident: str) -> Name:
    """What a cell of the association matrix names: a finding, or a pattern as "pattern.ID"."""
    kind, dot, rest = ident.partition(".")
    return Name(kind, rest) if dot else Name("finding", ident)


def _of_computations(release: Release) -> Iterator[tuple[Name, Use]]:
    file = release.computations
    for state in (*file.albumin_adjustment.not_valid, *file.albumin_adjustment.low_confidence):
        yield from _conditions(Use("computation", state.id, "holds"), state.when, None)
    refeeding = file.refeeding
    for fall in refeeding.falls:
        yield from _read(refeeding.when, Use("finding", fall.finding, "condition"))
    unless = Use("computation", file.vitamin_d.id, "a low result stands beside an acute phase", 0)
    yield from _read(file.vitamin_d.acute_phase_unless, unless)
    for ident in file.vitamin_d.acute_phase_recommend:
        yield Name("recommendation", ident), Use("computation", file.vitamin_d.id, "brings in an acute phase")


def _conditions(use: Use, when: Expression | None, unless: Expression | None) -> Iterator[tuple[Name, Use]]:
    if when is not None:
        yield from _read(when, use)
    if unless is not None:
        yield from _read(unless, replace(use, part="exception", sign=-use.sign))


def _read(expression: Expression, use: Use) -> Iterator[tuple[Name, Use]]:
    """Every name in an expression, with the direction in which it moves the rule."""
    if isinstance(expression, Name):
        yield expression, use
    elif isinstance(expression, Combination):
        turned = {"none": -1, "unknown": 0}.get(expression.operator, 1)
        for part in expression.parts:
            yield from _read(part, replace(use, sign=use.sign * turned))


def urgencies_of_pattern(row: schema.PatternRow) -> frozenset[Urgency]:
    """The urgencies that a pattern states; those of the results that it speaks of come besides."""
    found = {row.urgency, *(level.urgency for level in row.levels)}
    return frozenset(found | {possible.urgency for possible in row.possible})


def by_kind(uses: Iterable[Use], *, deciding: bool) -> Mapping[str, tuple[Use, ...]]:
    """The uses of rules that decide something, or of those that do not, by the kind of the rule."""
    found: dict[str, list[Use]] = {}
    for use in uses:
        if use.decides is deciding:
            found.setdefault(use.kind, []).append(use)
    return {kind: tuple(of_kind) for kind, of_kind in found.items()}
