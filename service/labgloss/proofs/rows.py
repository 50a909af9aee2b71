"""A release with one row changed: in memory, indexed again as far as the row reaches; no file is written."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Set
from dataclasses import replace
from types import MappingProxyType
from typing import Any

from labgloss.knowledge import analyte_checks, checks, schema
from labgloss.knowledge.references import Formed
from labgloss.knowledge.release import Analyte, DerivedFinding, Release, Rule, compile_analyte

# Where the release keeps the rows of a form that is looked up by id.
_BY_ID: Mapping[type[schema.Form], tuple[str, ...]] = MappingProxyType(
    {
        schema.PatternRow: ("patterns",),
        schema.RedFlagRow: ("red_flags",),
        schema.RecommendationRow: ("recommendations",),
        schema.GroupRow: ("groups",),
        schema.WordingRow: ("cautions", "issues"),
        schema.RefusalRow: ("refusals",),
    }
)
_CHANGEABLE: tuple[type[schema.Form], ...] = (
    schema.AnalyteFile,
    schema.ComputationsFile,
    schema.FindingRow,
    schema.ContradictionRow,
    schema.ChoiceRow,
    schema.ReleaseFile,
    *_BY_ID,
)


def known_here(row: Formed) -> bool:
    """Whether `with_row` can change a row of this form."""
    return isinstance(row.form, _CHANGEABLE)


def with_row(release: Release, old: object, new: object) -> Release:
    """The release with another row in the place of one of its own; None: without it.

    Raises ValueError when the row is not the release's own, as one of another load is not.
    """
    if not _holds(release, old):
        raise ValueError(f"{type(old).__name__} is no row of this release; take release and rows of one load")
    changed: dict[str, Any] = {}
    if isinstance(old, schema.AnalyteFile):
        assert isinstance(new, schema.AnalyteFile)
        changed["analytes"] = MappingProxyType({**release.analytes, old.id: _compiled(release, new)})
    elif isinstance(old, schema.ComputationsFile):
        changed["computations"] = new
    elif isinstance(old, schema.ReleaseFile):
        changed["file"] = new
    elif isinstance(old, schema.ContradictionRow):
        changed["contradictions"] = tuple(row for row in _swapped(release.contradictions, old, new) if row is not None)
    elif isinstance(old, schema.ChoiceRow):
        changed["choices"] = MappingProxyType(
            {name: MappingProxyType(_swapped_values(rows, old, new)) for name, rows in release.choices.items()}
        )
    elif isinstance(old, schema.FindingRow):
        rows = _swapped(release.findings[old.id], old, new)
        changed["findings"] = MappingProxyType({**release.findings, old.id: rows})
        changed["rule_order"] = tuple(
            DerivedFinding(rule.id, rows) if isinstance(rule, DerivedFinding) and rule.id == old.id else rule
            for rule in release.rule_order
        )
    else:
        for name in _BY_ID[type(old)]:  # type: ignore[index]
            changed[name] = MappingProxyType(_swapped_values(getattr(release, name), old, new))
        order: tuple[Rule, ...] = _swapped(release.rule_order, old, new)
        changed["rule_order"] = order
    made = replace(release, **changed)
    _keep_indexes(made, release, changed.keys(), old)
    if isinstance(old, schema.ComputationsFile | schema.ChoiceRow):
        # The kinds of patient that an analyte tells apart rest on these as well.
        analytes = {ident: _compiled(made, analyte.form) for ident, analyte in made.analytes.items()}
        made = replace(made, analytes=MappingProxyType(analytes))
    return made


def _keep_indexes(made: Release, release: Release, changed: Set[str], old: object) -> None:
    """Hands over what is indexed the same; indexing it again costs more than a report."""
    of_specimen = isinstance(old, schema.PatternRow) and old.scope == "specimen"
    if not changed & {"rule_order", "groups", "patterns", "red_flags"}:
        vars(made).update(rule_index=release.rule_index)
    if "findings" not in changed and "rule_order" not in changed:
        vars(made).update(finding_index=release.finding_index)
    if not of_specimen and "groups" not in changed:
        vars(made).update(specimen_rules=release.specimen_rules, specimen_index=release.specimen_index)
    if not changed & {"patterns", "red_flags"}:
        vars(made).update(rule_expressions=release.rule_expressions)


def _holds(release: Release, row: object) -> bool:
    if isinstance(row, schema.AnalyteFile):
        return release.analytes[row.id].form is row
    if isinstance(row, schema.ComputationsFile | schema.ReleaseFile):
        return row is release.computations or row is release.file
    rows: Iterable[object]
    if isinstance(row, schema.ContradictionRow):
        rows = release.contradictions
    elif isinstance(row, schema.ChoiceRow):
        rows = (one for choices in release.choices.values() for one in choices.values())
    elif isinstance(row, schema.FindingRow):
        rows = release.findings[row.id]
    else:
        rows = (one for name in _BY_ID[type(row)] for one in getattr(release, name).values())  # type: ignore[index]
    return any(one is row for one in rows)


def _compiled(release: Release, form: schema.AnalyteFile) -> Analyte:
    policies = release.choices["vitamin_d_policy"].values()
    return compile_analyte(form, release.unit_table, release.computations.pregnancy, policies)


def _swapped(rows: tuple[Any, ...], old: object, new: object) -> tuple[Any, ...]:
    return tuple(new if row is old else row for row in rows)


def _swapped_values(rows: Mapping[str, Any], old: object, new: object) -> dict[str, Any]:
    return {ident: new if row is old else row for ident, row in rows.items()}


def refused(release: Release, row: object) -> str:
    """Why a release that holds such a row would not be served: the first fault of its checks; else empty."""
    if isinstance(row, schema.AnalyteFile):
        key, reason, witness = next(analyte_checks.problems(release, release.analytes[row.id]), ("", "", ""))
        return f"{key}: {reason}{f' (witness: {witness})' if witness else ''}" if key else ""
    if isinstance(row, schema.ComputationsFile | schema.ChoiceRow):
        return next((str(fault) for fault in checks.faults(release, ())), "")
    return ""
