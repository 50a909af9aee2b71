"""What can decide about a finding, pattern, red flag or recommendation: the names and analytes that it reads, and what
those read in their turn.

Wider than what decides, never narrower: what is not here cannot change it. Of an analyte without a result in the panel
nothing is known, whatever else changes, so that it leads no further.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import lru_cache

from labgloss.engine.calcium import ALBUMIN, FAMILY
from labgloss.engine.select import VITAMIN_D, VITAMIN_D_COMPONENTS
from labgloss.engine.vitamin_d import CRP
from labgloss.knowledge.expression import AgeClause, Combination, Name, names
from labgloss.knowledge.release import Release, deciding
from labgloss.knowledge.schema import BringRow, Form, PatternRow, RecommendationRow, items_of

# Kinds of nodes beside those of expressions.
ANALYTE, RECOMMENDATION = "analyte", "recommendation"
WORDS = ("symptom", "condition", "medication")
# Red cells and their contents, which spoil these.
_SPOILT = frozenset({"potassium", "magnesium"})
_SPOILING = ("haemolysis_index", "free_haemoglobin")


@dataclass(frozen=True, slots=True)
class Influence:
    """What can decide about something, nearest first."""

    # Symptoms, conditions and medications.
    words: tuple[Name, ...]
    analytes: frozenset[str]


@lru_cache(maxsize=1024)
def influence_on(release: Release, target: Name, present: frozenset[str]) -> Influence:
    """Everything that can decide about a target, a name or a recommendation, where results of these analytes are."""
    found: dict[Name, None] = {target: None}
    waiting = [target]
    for node in waiting:
        for further in _read_by(release, node):
            if further not in found and (further.kind != ANALYTE or further.id in present):
                found[further] = None
                waiting.append(further)
    words = tuple(name for name in found if name.kind in WORDS)
    return Influence(words, frozenset(name.id for name in found if name.kind == ANALYTE))


def _read_by(release: Release, node: Name) -> Iterator[Name]:
    """What a node reads at first hand."""
    match node.kind:
        case "group":
            for member in release.groups[node.id].members:
                yield from names(member)
        case "pattern":
            yield from _of_pattern(release, release.patterns[node.id])
        case "red_flag" | "emergency":
            yield from _of_red_flag(release, node.id)
        case "finding" | "specimen":
            yield from _of_finding(release, node.id)
        case "band" | "class" | "final":
            yield Name(ANALYTE, node.id.partition(".")[0])
        case "caution" | "issue":
            yield from _of_wording(release)
        case "timing":
            row = next(row for row in release.computations.timing if row.id == node.id)
            yield from (Name("symptom", ident) for ident in row.symptoms)
            yield from (Name("medication", ident) for ident in row.medications)
        case "condition" | "medication":
            rows = release.conditions if node.kind == "condition" else release.medications
            yield from (Name(node.kind, row.id) for row in rows.values() if node.id in row.implies)
        case "patient":
            yield from _of_patient(release, node.id)
        case "analyte":
            yield from _of_analyte(release, node.id)
        case "recommendation":
            yield from _of_recommendation(release, release.recommendations[node.id])


def _of_pattern(release: Release, rule: PatternRow) -> Iterator[Name]:
    for part in deciding(rule):
        yield from names(part)
    # A pattern that another stands for is not shown.
    for other in release.patterns.values():
        if rule.id in (*other.replaces, *other.absorbs):
            yield Name("pattern", other.id)


def _of_red_flag(release: Release, ident: str) -> Iterator[Name]:
    rule = release.red_flags[ident]
    for part in deciding(rule):
        yield from names(part)
    analytes = [
        analyte
        for analyte in release.analytes.values()
        # The laboratory's own critical flag counts for any analyte, and no change moves it.
        if (rule.value_only and any(row.value_alone for table in analyte.form.band_tables for row in table.bands))
        or {analyte.id, analyte.family} & set(rule.held_by)
    ]
    yield from (Name(ANALYTE, analyte.id) for analyte in analytes)


def _of_finding(release: Release, ident: str) -> Iterator[Name]:
    analyte, dot, _ = ident.partition(".")
    if dot:
        yield Name(ANALYTE, analyte)
        return
    for row in release.findings.get(ident, ()):
        if row.analyte:
            yield Name(ANALYTE, row.analyte)
        for part in (row.when, row.unless):
            yield from names(part) if part is not None else ()
        if row.computed:
            yield from _of_computed(release)
    for other in release.analytes.values():
        if ident in (made for _, made in items_of(other.form.findings)):
            yield Name(ANALYTE, other.id)
    if ident in ("haemolysed", "haemolysed_again", "settled_by_pair"):
        yield from (Name(ANALYTE, spoiling) for spoiling in (*_SPOILING, "potassium"))
    if ident.startswith("CA_TOTAL_"):
        yield Name(ANALYTE, "calcium_total")
    if ident == "AKI":
        yield Name("condition", "aki")


def _of_computed(release: Release) -> Iterator[Name]:
    """Findings over several results: any result that the computations read, and what they ask of the patient."""
    for form in (release.computations.refeeding, release.computations.albumin_adjustment):
        yield from _names_in(form)
    for ident in ("creatinine", "urea", "potassium", "pth", "ph", *release.computations.refeeding.analytes):
        yield Name(ANALYTE, ident)
    yield from _family(release, FAMILY)


def _of_wording(release: Release) -> Iterator[Name]:
    """A caution or an issue may be said of any result, and brought by any pattern that brings cautions."""
    yield from (Name(ANALYTE, ident) for ident in release.analytes)
    yield from (Name("pattern", row.id) for row in release.patterns.values() if row.cautions or row.possible)
    yield from names(release.file.outside_validated_scope)


def _of_patient(release: Release, ident: str) -> Iterator[Name]:
    if ident == "red_flag_symptom":
        yield from (Name("red_flag", flag) for flag in release.red_flags)
    elif ident not in ("female", "pregnant"):
        yield from (Name("symptom", symptom) for symptom in release.symptoms)
        yield Name("condition", "recorded_well")


def _of_analyte(release: Release, ident: str) -> Iterator[Name]:
    """What chooses the limits of an analyte, what may refuse its results, and the results that its own stand beside."""
    analyte = release.analytes.get(ident)
    if analyte is None:
        return
    form = analyte.form
    for part in (
        *(table.when for table in form.band_tables),
        *(part for row in form.critical for part in (row.when, row.unless)),
        *(row.unless for row in form.plausibility),
    ):
        yield from names(part) if part is not None else ()
    for rule in release.patterns.values():
        if rule.scope == "specimen" and _spoils(rule, {analyte.id, analyte.family}):
            yield Name("pattern", rule.id)
    if analyte.family == FAMILY:
        adjustment = release.computations.albumin_adjustment
        yield from _family(release, FAMILY)
        yield Name(ANALYTE, ALBUMIN)
        rows = (*adjustment.not_valid, *adjustment.low_confidence)
        yield from (Name(ANALYTE, row.analyte) for row in rows if row.analyte)
        yield from _names_in(adjustment)
    if ident in _SPOILT:
        yield from (Name(ANALYTE, other) for other in _SPOILING)
        # No pair of specimens settles a potassium while the ECG is changed.
        yield Name("condition", "ecg_change")
    if ident == VITAMIN_D:
        yield from (Name(ANALYTE, other) for other in (*sorted(VITAMIN_D_COMPONENTS), CRP))
        yield from _names_in(release.computations.vitamin_d)
        for choice in release.choices["vitamin_d_policy"].values():
            yield from _names_in(choice)


def _spoils(rule: PatternRow, idents: set[str]) -> bool:
    refused = rule.refuses is not None and (not rule.refuses.analytes or bool(idents & set(rule.refuses.analytes)))
    return refused or bool(idents & set(rule.unreliable_high))


def _family(release: Release, family: str) -> Iterator[Name]:
    yield from (Name(ANALYTE, analyte.id) for analyte in release.analytes.values() if analyte.family == family)


# ---------------------------------------------------------------------------------------------- recommendations


def _of_recommendation(release: Release, row: RecommendationRow) -> Iterator[Name]:
    """Whatever brings a recommendation, leaves it out, withholds it or stands in its place."""
    ids = _also_as(release, row)
    if ids & {urgency.contact for urgency in release.urgencies.values()} or len(ids) > 1:
        # By the overall urgency, which everything may raise.
        yield from _everything(release)
        return
    yield from bringing(release, row.id)
    for part in (row.when, row.needs, row.withheld_when):
        yield from names(part) if part is not None else ()
    yield from (Name(ANALYTE, ident) for ident in row.satisfied_by)
    yield from (Name("pattern", rule.id) for rule in release.withheld_by.get(row.id, ()))
    yield from (Name(RECOMMENDATION, pair.winner) for pair in release.contradictions if pair.loser == row.id)
    yield from (Name(RECOMMENDATION, other.id) for other in release.recommendations.values() if other.instead == row.id)


def _also_as(release: Release, row: RecommendationRow) -> set[str]:
    """The recommendation, and what the overall urgency turns into it or it into."""
    turned = {
        other.id for other in release.recommendations.values() if row.id in (other.when_same_day, other.when_later)
    }
    return {row.id, *turned, *filter(None, (row.when_same_day, row.when_later))}


def bringing(release: Release, ident: str) -> Iterator[Name]:
    """The patterns, red flags and analytes that bring a recommendation."""
    for kind, rules in (("pattern", release.patterns), ("red_flag", release.red_flags)):
        for rule in rules.values():
            rows: Iterable[BringRow] = rule.recommend
            if any(ident in row.recommend for row in rows):
                yield Name(kind, rule.id)
                for row in rows:
                    yield from names(row.when) if row.when is not None and ident in row.recommend else ()
    for pattern in release.patterns.values():
        for possible in pattern.possible:
            if ident in possible.recommend:
                yield Name("pattern", pattern.id)
                yield from names(possible.when)
    said = [*release.cautions.values(), *release.issues.values()]
    brought = {brought for row in said for brought in row.recommend}
    brought |= {brought for row in release.refusals.values() for brought in row.recommend}
    if ident in brought | _BY_THE_ENGINE:
        yield from _of_wording(release)
    if ident in release.computations.vitamin_d.acute_phase_recommend:
        yield Name(ANALYTE, VITAMIN_D)
    for analyte in release.analytes.values():
        bands = [band for table in analyte.form.band_tables for band in table.bands]
        also = [row for band in bands for row in band.also if ident in row.recommend]
        if also or any(ident in band.recommend for band in bands) or ident in analyte.form.recommend_when_refused:
            yield Name(ANALYTE, analyte.id)
        yield from (name for row in also for name in names(row.when))


# Of a critical or possibly critical result, and of a bound that leaves a verdict open.
_BY_THE_ENGINE = frozenset({"PHONE_CRITICAL_RESULT", "REQUEST_NUMERIC_RESULT"})


def _everything(release: Release) -> Iterator[Name]:
    """Whatever makes the overall urgency: also what only raises or lowers it."""
    forms = [*(analyte.form for analyte in release.analytes.values()), *release.patterns.values()]
    for form in (*forms, *release.red_flags.values()):
        yield from _names_in(form)
    yield from (Name("red_flag", ident) for ident in release.red_flags)
    yield from (Name("pattern", ident) for ident in release.patterns)
    yield from _of_wording(release)
    # A patient recorded well lowers what an artefact raises.
    yield Name("condition", "recorded_well")


def _names_in(form: Form) -> Iterator[Name]:
    """Every name in an expression of a form or of its parts."""
    for _, value in items_of(form):
        for part in value if isinstance(value, tuple) else (value,):
            if isinstance(part, Form):
                yield from _names_in(part)
            elif isinstance(part, Name | AgeClause | Combination):
                yield from names(part)
