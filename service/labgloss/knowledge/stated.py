"""Every figure and rule of a release once, by the id that it is signed off under, with the status of its source."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping

from labgloss.frozen import dataclass
from labgloss.knowledge import schema
from labgloss.knowledge.release import Analyte, Release

# The status under which a figure or rule was read in its source as it stands.
SEEN = "seen"
# Statuses that ask for no signature; the figures of a site's overlay carry one.
SETTLED = frozenset({SEEN, "signed"})
# What the knowledge files give no status of.
NOT_STATED = "not_stated"

# The kinds, in the order in which they are listed, and what a list of them is called.
KINDS: Mapping[str, str] = {
    "interval": "Reference intervals",
    "band": "Bands",
    "critical_limit": "Critical limits",
    "plausibility": "Plausibility limits",
    "ctcae_grade": "CTCAE grades",
    "finding": "Findings",
    "code": "Codes",
    "analyte": "Figures of analytes",
    "pattern": "Patterns",
    "red_flag": "Red flags",
    "group": "Groups",
    "recommendation": "Recommendations",
    "contradiction": "Recommendations that never stand together",
    "never": "Recommendations that are never given",
    "computation": "Computations",
    "choice": "Policies, sets and variants",
    "scope": "Validated scope",
    "refusal": "Refusals",
    "caution": "Cautions",
    "issue": "Data-quality issues",
    "urgency": "Urgencies",
    "symptom": "Symptoms",
    "association": "Symptoms and what accounts for them",
    "condition": "Conditions",
    "medication": "Medications",
    "qualifier": "Words that only qualify",
}


@dataclass(frozen=True, slots=True)
class Stated:
    """A figure or rule of a release: what is signed as one."""

    kind: str
    id: str
    row: schema.Form
    status: str
    source: tuple[str, ...] = ()
    note: str = ""
    # Analyte id; empty: not about one analyte.
    analyte: str = ""
    # What the row is a part of: the table of a band; the kind of a choice.
    table: schema.BandTable | None = None
    choice: str = ""

    @property
    def unsigned(self) -> bool:
        """Whether a clinical lead has to sign it."""
        return self.status not in SETTLED


def stated(release: Release) -> tuple[Stated, ...]:
    """Every figure and rule, by kind; analytes and rows in the order of the release. No two share kind and id."""
    found = [*_of_analytes(release), *_of_rules(release), *_of_words(release)]
    order = list(KINDS)
    return tuple(sorted(found, key=lambda item: order.index(item.kind)))


def unsigned(release: Release) -> tuple[Stated, ...]:
    """Every figure and rule that a clinical lead has to sign."""
    return tuple(item for item in stated(release) if item.unsigned)


def statuses(release: Release) -> Mapping[str, int]:
    """How many figures and rules have each status, by its name."""
    return dict(sorted(Counter(item.status for item in stated(release)).items()))


def _of_analytes(release: Release) -> Iterator[Stated]:
    for ident, interval in release.intervals():
        yield _sourced("interval", interval.id, interval, ident)
    for analyte in release.analytes.values():
        yield from _of_analyte(analyte)
    for loinc, code in sorted(release.codes.items()):
        row = code.row
        yield Stated("code", f"code.{loinc}", row, row.status, row.source, analyte=code.analyte)


def _of_analyte(analyte: Analyte) -> Iterator[Stated]:
    form = analyte.form
    for table in form.band_tables:
        for band in table.bands:
            yield _sourced("band", f"{table.id}.{band.band}", band, form.id, table)
    for limit in form.critical:
        yield _sourced("critical_limit", limit.id, limit, form.id)
    for number, row in enumerate(form.plausibility):
        yield _sourced("plausibility", f"{form.id}.plausibility.{number}", row, form.id)
    for term in form.ctcae:
        yield _sourced("ctcae_grade", f"{form.id}.ctcae.{term.term.lower().replace(' ', '_')}", term, form.id)
    if _has_figures(form):
        yield Stated("analyte", f"{form.id}.figures", form, NOT_STATED, analyte=form.id)


def _has_figures(form: schema.AnalyteFile) -> bool:
    """Whether the file of an analyte decides something beside its rows: a mass, a tube, a change that counts."""
    return bool(
        form.molar_mass
        or form.charge
        or form.reference_change_percent
        or form.unsuitable_additives
        or form.implausible_may_be_critical
        or form.unit_may_be_blank
    )


def _of_rules(release: Release) -> Iterator[Stated]:
    for ident, rows in release.findings.items():
        for number, row in enumerate(rows, 1):
            name = f"finding.{ident}" if len(rows) == 1 else f"finding.{ident} ({number} of {len(rows)})"
            yield _sourced("finding", name, row, row.analyte)
    for pattern in release.patterns.values():
        yield _sourced("pattern", pattern.id, pattern)
    for flag in release.red_flags.values():
        yield _sourced("red_flag", flag.id, flag)
    for group in release.groups.values():
        yield Stated("group", f"group.{group.id}", group, group.status, group.source)
    for step in release.recommendations.values():
        yield _sourced("recommendation", f"recommendation.{step.id}", step)
    for pair in release.contradictions:
        yield _sourced("contradiction", f"contradiction.{pair.winner}.{pair.loser}", pair)
    for number, never in enumerate(release.never, 1):
        yield _sourced("never", f"never.{number}.{never.recommendation}", never)
    for name, choices in release.choices.items():
        for choice in choices.values():
            ident = f"{name}.{choice.id}"
            yield Stated("choice", ident, choice, choice.status, choice.source, choice=name)
    yield from _computations(release.computations)
    yield Stated("scope", "release.outside_validated_scope", release.file, NOT_STATED)


def _computations(file: schema.ComputationsFile) -> Iterator[Stated]:
    for name in schema.field_names(schema.ComputationsFile):
        if name == "timing":
            continue
        form = getattr(file, name)
        yield _sourced("computation", form.id, form)
    adjustment = file.albumin_adjustment
    for state in (*adjustment.not_valid, *adjustment.low_confidence):
        yield _sourced("computation", state.id, state)
    for row in file.timing:
        yield _sourced("computation", f"timing.{row.id}", row)


def _of_words(release: Release) -> Iterator[Stated]:
    for refusal in release.refusals.values():
        yield Stated("refusal", f"refusal.{refusal.id}", refusal, NOT_STATED, refusal.source)
    for caution in release.cautions.values():
        yield Stated("caution", f"caution.{caution.id}", caution, NOT_STATED, caution.source)
    for issue in release.issues.values():
        yield Stated("issue", f"issue.{issue.id}", issue, NOT_STATED, issue.source)
    for urgency in release.urgencies.values():
        yield Stated("urgency", f"urgency.{urgency.id.name}", urgency, NOT_STATED)
    for symptom in release.symptoms.values():
        yield Stated("symptom", f"symptom.{symptom.id}", symptom, symptom.status, symptom.source)
    for association in release.associations.values():
        ident = f"association.{association.symptom}"
        yield Stated("association", ident, association, association.status, association.source)
    for condition in release.conditions.values():
        yield Stated("condition", f"condition.{condition.id}", condition, condition.status, condition.source)
    for medication in release.medications.values():
        yield Stated("medication", f"medication.{medication.id}", medication, medication.status, medication.source)
    for qualifier in release.qualifiers.values():
        yield Stated("qualifier", f"qualifier.{qualifier.id}", qualifier, qualifier.status, qualifier.source)


def _sourced(
    kind: str, ident: str, row: schema.Sourced, analyte: str = "", table: schema.BandTable | None = None
) -> Stated:
    return Stated(kind, ident, row, row.status, row.source, row.note, analyte, table)
