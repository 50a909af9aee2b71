"""What the rows of a release refer to by name: sources, recommendations, cautions, and the leaves of expressions.

Found by walking the rows, so that a new kind of row cannot escape.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping

from labgloss.domain.report import RefusalReason, Urgency
from labgloss.errors import Fault
from labgloss.frozen import dataclass
from labgloss.knowledge import needed
from labgloss.knowledge.expression import AgeClause, Combination, Name, names
from labgloss.knowledge.release import Release
from labgloss.knowledge.schema import Form, items_of

# Fields that hold ids, wherever they stand, and what they name.
_KINDS = {
    "recommend": "recommendation",
    "recommend_when_refused": "recommendation",
    "acute_phase_recommend": "recommendation",
    "withholds": "recommendation",
    "contact": "recommendation",
    "winner": "recommendation",
    "recommendation": "recommendation",
    "loser": "recommendation",
    "instead": "recommendation",
    "when_same_day": "recommendation",
    "when_later": "recommendation",
    "caution": "caution",
    "issue": "issue",
    "satisfied_by": "analyte",
    "analyte": "analyte",
    "symptom": "symptom",
    "explains": "finding",
    "characteristic": "cell",
    "supportive": "cell",
    "non_specific": "cell",
    "argues_against": "cell",
    "replaces": "pattern",
    "absorbs": "pattern",
    "analytes": "family",
    "unreliable_high": "family",
    "urgency_of": "family",
    "held_by": "family",
    "refusal": "refusal",
    "symptoms": "symptom",
    "medications": "medication",
    "implies": "context",
    "condition": "condition",
}


# What a row is called in the path of a fault, the first that it has.
_LABELS = ("id", "band", "symptom")


@dataclass(frozen=True, slots=True)
class Formed:
    """A row or file as formed, and where it stands."""

    file: str
    key: str
    form: Form


def faults(release: Release, formed: Iterable[Formed]) -> list[Fault]:
    """Every name that does not exist, and everything that the engine needs and the release lacks."""
    known = _known_names(release)
    return [*(fault for row in formed for fault in _of_row(release, known, row)), *_lacking(release)]


def _lacking(release: Release) -> Iterator[Fault]:
    for file, key, ids, present in (
        ("analytes", "id", needed.ANALYTES, release.analytes),
        ("wording.toml", "caution", needed.CAUTIONS, release.cautions),
        ("wording.toml", "issue", needed.ISSUES, release.issues),
        ("wording.toml", "refusal", {reason.value for reason in RefusalReason}, release.refusals),
        ("wording.toml", "urgency", {urgency.name for urgency in Urgency}, release.urgencies),
        ("recommendations.toml", "recommendation", needed.RECOMMENDATIONS, release.recommendations),
        ("red_flags.toml", "red_flag", needed.RED_FLAGS, release.red_flags),
        ("conditions.toml", "condition", needed.CONDITIONS, release.conditions),
        ("findings.toml", "finding", needed.FINDINGS, release.findings),
    ):
        for ident in sorted(set(ids) - set(present)):
            yield Fault(file, key, f"{ident!r} is missing; the engine brings it, so the release must hold it")
    for urgency in release.urgencies.values():
        if urgency.id is not Urgency.NONE and not urgency.contact:
            yield Fault("wording.toml", f"urgency.{urgency.id.name}", "has no contact line; name its recommendation")


def _of_row(release: Release, known: Mapping[str, Collection[str]], row: Formed) -> Iterator[Fault]:
    for key, field, value in _leaves(row.form, row.key, ""):
        if isinstance(value, Name | AgeClause | Combination):
            for name in names(value):
                if name.id not in known[name.kind]:
                    yield Fault(row.file, key, f"{name} is not known; add it, or mend the name")
        elif isinstance(value, str) and value and field == "source":
            if value not in release.sources:
                yield Fault(row.file, key, f"source {value!r} is not in sources.toml; add it there with its citation")
        elif field == "status" and value == "signed":
            yield Fault(row.file, key, "'signed' is for a site's overlay, whose entries carry their signature")
        elif isinstance(value, str) and value and field in _KINDS:
            kind, ident = _named(_KINDS[field], value)
            if ident not in known[kind]:
                yield Fault(row.file, key, f"{kind}.{ident} is not known; add it, or mend the name")


def _named(kind: str, value: str) -> tuple[str, str]:
    """The kind and id that a value names: a cell of the association matrix names a finding, or says "pattern.ID"."""
    if kind != "cell":
        return kind, value
    prefix, _, ident = value.partition(".")
    return ("pattern", ident) if prefix == "pattern" and ident else ("finding", value)


def _leaves(value: object, path: str, field: str) -> Iterator[tuple[str, str, object]]:
    """Path, field and value of everything in a form that is not itself a form or a collection."""
    if isinstance(value, Form):
        label = next((found for name in _LABELS if isinstance(found := getattr(value, name, None), str)), "")
        here = f"{path} ({label})" if path and label else path
        for name, part in items_of(value):
            yield from _leaves(part, f"{here}.{name}".lstrip("."), name)
    elif isinstance(value, tuple | list):
        for item in value:
            yield from _leaves(item, path, field)
    elif isinstance(value, dict):
        for item in value.values():
            yield from _leaves(item, path, field)
    else:
        yield path, field, value


def _known_names(release: Release) -> Mapping[str, Collection[str]]:
    forms = [analyte.form for analyte in release.analytes.values()]
    of_class = {
        ident for form in forms for ident in (form.findings.low, form.findings.high, form.findings.indeterminate)
    }
    findings = frozenset(of_class | set(release.findings) | needed.COMPUTED_FINDINGS)
    classes = frozenset(f"{analyte}.{side}" for analyte in release.analytes for side in needed.CLASSES)
    families = {analyte.family for analyte in release.analytes.values()}
    return {
        "finding": findings,
        "class": classes,
        "specimen": findings | classes | needed.SPECIMEN_FACTS,
        "final": frozenset(release.analytes),
        "emergency": frozenset(release.red_flags),
        "timing": frozenset(row.id for row in release.computations.timing),
        "family": frozenset(release.analytes) | families,
        "band": frozenset(f"{analyte.id}.{band}" for analyte in release.analytes.values() for band in analyte.band_ids),
        "symptom": frozenset(release.symptoms),
        "condition": frozenset(release.conditions),
        "medication": frozenset(release.medications),
        "group": frozenset(release.groups),
        "pattern": frozenset(release.patterns),
        "red_flag": frozenset(release.red_flags),
        "patient": needed.PATIENT_FACTS,
        "analyte": frozenset(release.analytes),
        "recommendation": frozenset(release.recommendations),
        "caution": frozenset(release.cautions),
        # What the engine refuses with; a row of wording.toml makes no reason of its own.
        "refusal": frozenset(reason.value for reason in RefusalReason),
        "issue": frozenset((*release.issues, *release.refusals)),
        "context": frozenset((*release.conditions, *release.medications)),
    }
