"""What the rows of a release refer to by name: sources, recommendations, cautions, and the leaves of expressions.

Found by walking the rows, so that a new kind of row cannot escape.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from pydantic import BaseModel

from labgloss.domain.report import RefusalReason, Urgency
from labgloss.errors import Fault
from labgloss.knowledge.expression import AgeClause, Combination, Name, names
from labgloss.knowledge.release import Release

# Findings that the engine computes from several results, and facts of the request.
COMPUTED_FINDINGS = frozenset({"AKI"})
PATIENT_FACTS = frozenset({"symptoms_unknown", "pregnant"})

# Fields that name recommendations, wherever they stand.
_RECOMMENDING = frozenset(
    {
        "recommend",
        "recommend_when_refused",
        "acute_phase_recommend",
        "withholds",
        "contact",
        "winner",
        "loser",
        "instead",
        "when_same_day",
        "when_later",
    }
)


@dataclass(frozen=True, slots=True)
class Formed:
    """A row or file as formed, and where it stands."""

    file: str
    key: str
    form: BaseModel


def faults(release: Release, formed: Iterable[Formed]) -> list[Fault]:
    """Every name that does not exist, and every reason and urgency without its words."""
    known = _known_names(release)
    found = [fault for row in formed for fault in _of_row(release, known, row)]
    for reason in RefusalReason:
        if reason.value not in release.refusals:
            found.append(
                Fault("wording.toml", "refusal", f"{reason.value!r} has no row; every refusal needs its words")
            )
    for urgency in Urgency:
        if urgency.name not in release.urgencies:
            found.append(
                Fault("wording.toml", "urgency", f"{urgency.name!r} has no row; every urgency needs its words")
            )
    return found


def _of_row(release: Release, known: Mapping[str, frozenset[str]], row: Formed) -> Iterator[Fault]:
    for key, field, value in _leaves(row.form, row.key, ""):
        if isinstance(value, Name | AgeClause | Combination):
            for name in names(value):
                if name.id not in known[name.kind]:
                    yield Fault(row.file, key, f"{name} is not known; add it, or mend the name")
        elif not isinstance(value, str) or not value:
            continue
        elif field == "source" and value not in release.sources:
            yield Fault(row.file, key, f"source {value!r} is not in sources.toml; add it there with its citation")
        elif field in _RECOMMENDING and value not in release.recommendations:
            yield Fault(
                row.file, key, f"recommendation {value!r} is not in recommendations.toml; add it, or mend the name"
            )
        elif field == "caution" and value not in release.cautions:
            yield Fault(row.file, key, f"caution {value!r} is not in wording.toml; add its words there")
        elif field == "issue" and value not in release.issues:
            yield Fault(row.file, key, f"issue {value!r} is not in wording.toml; add its words there")
        elif field in ("explains", "replaces", "satisfied_by", "implies", "symptom") and not _exists(
            release, known, field, value
        ):
            yield Fault(row.file, key, f"{value!r} is not known; add it, or mend the name")


def _exists(release: Release, known: Mapping[str, frozenset[str]], field: str, ident: str) -> bool:
    match field:
        case "explains":
            return ident in known["finding"]
        case "replaces":
            return ident in known["pattern"]
        case "satisfied_by":
            return ident in release.analytes
        case "symptom":
            return ident in known["symptom"]
        case _:
            return ident in known["condition"] or ident in known["medication"]


def _leaves(value: object, path: str, field: str) -> Iterator[tuple[str, str, object]]:
    """Path, field and value of everything in a form that is not itself a form or a collection."""
    if isinstance(value, BaseModel):
        label = getattr(value, "id", None) or getattr(value, "band", None)
        here = f"{path} ({label})" if isinstance(label, str) and label else path
        for name in type(value).model_fields:
            yield from _leaves(getattr(value, name), f"{here}.{name}".lstrip("."), name)
    elif isinstance(value, tuple | list):
        for item in value:
            yield from _leaves(item, path, field)
    elif isinstance(value, dict):
        for item in value.values():
            yield from _leaves(item, path, field)
    else:
        yield path, field, value


def _known_names(release: Release) -> dict[str, frozenset[str]]:
    forms = [analyte.form for analyte in release.analytes.values()]
    of_class = {
        ident for form in forms for ident in (form.findings.low, form.findings.high, form.findings.indeterminate)
    }
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
