"""The report: entries, findings, rules and recommendations in their order, and the paragraph that sums them up."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace

from labgloss.domain.panel import Panel
from labgloss.domain.report import (
    Association,
    Critical,
    DataQualityIssue,
    Finding,
    IntervalInForce,
    IntervalOrigin,
    PatternState,
    RecognisedItem,
    Report,
    ResultClass,
    ResultInterpretation,
    Statement,
    Strength,
    SymptomInterpretation,
    SymptomOutcome,
    Urgency,
)
from labgloss.domain.subject import Sex
from labgloss.domain.truth import Truth
from labgloss.engine import choices, explain, findings, summary
from labgloss.engine.bench import Bench
from labgloss.engine.comments import unread_comments
from labgloss.engine.complaints import Part, Said
from labgloss.engine.judged import Judged, unique
from labgloss.engine.kept import by_release
from labgloss.engine.recognise import Recognised
from labgloss.engine.recommend import Recommended
from labgloss.engine.rules import Evaluated
from labgloss.engine.select import VITAMIN_D, policy_for
from labgloss.engine.trace import trace
from labgloss.engine.words import name_in_words
from labgloss.knowledge.expression import Name
from labgloss.knowledge.release import Release
from labgloss.knowledge.schema import AssociationRow

_FLAGS = {ResultClass.LOW: "L", ResultClass.NORMAL: "N", ResultClass.HIGH: "H", ResultClass.INDETERMINATE: "IND"}
_ACCOUNTING = (Strength.CHARACTERISTIC, Strength.SUPPORTIVE)
# What a cell of the association matrix writes before a pattern's id.
_PATTERN = "pattern."


def report(
    bench: Bench,
    recognised: Recognised,
    entries: Sequence[Judged],
    evaluated: Evaluated,
    recommended: Recommended,
    overall: Urgency,
) -> Report:
    """The report on a panel whose entries, rules and recommendations are settled."""
    release, panel = bench.release, bench.panel
    found = _explained(findings.listed(release, evaluated.facts.known, entries), evaluated)
    matched = [pattern.id for pattern in evaluated.patterns if pattern.state is PatternState.MATCHED]
    issues = _issues(release, panel, recognised, entries, evaluated)
    holding = {finding.id for finding in found} | {f"{_PATTERN}{ident}" for ident in matched}
    symptoms = tuple(
        [
            _symptom(release, place, part, recognised, holding)
            for place, item in enumerate(recognised.symptoms)
            for part in item.parts
        ]
    )
    return Report(
        panel_id=panel.id,
        urgency=overall,
        summary=summary.paragraph(
            release, recognised, entries, evaluated, recommended, overall, _unexplained(release, symptoms)
        ),
        results=tuple([_interpretation(release, bench, entry) for entry in entries]),
        findings=found,
        patterns=evaluated.patterns,
        symptoms=symptoms,
        conditions=_items(panel.conditions or (), recognised.conditions, recognised.unread_words["condition"]),
        medications=_items(panel.medications or (), recognised.medications, recognised.unread_words["medication"]),
        red_flags=evaluated.red_flags,
        recommendations=recommended.given,
        withheld_recommendations=recommended.withheld,
        issues=issues,
        choices=choices.in_force(bench, recognised, entries, evaluated, recommended),
        trace=trace(release, entries, evaluated, recommended, issues, overall) if panel.options.trace else (),
    )


# ---------------------------------------------------------------------------------------------- results


def _interpretation(release: Release, bench: Bench, entry: Judged) -> ResultInterpretation:
    verdict = entry.verdict
    found = verdict.certain_class if verdict else ResultClass.INDETERMINATE
    bands = tuple([band.band for band in verdict.bands]) if verdict else ()
    cautions = _cautions(release)
    return ResultInterpretation(
        id=entry.id,
        analyte=entry.analyte.id if entry.analyte else "",
        index=entry.index,
        state=entry.state,
        result_class=found,
        possible_classes=verdict.classes if verdict else (ResultClass.INDETERMINATE,),
        flag=_flag(found, entry.critical),
        critical=entry.critical,
        urgency=entry.urgency,
        computed_from=entry.computed_from,
        earlier=entry.earlier,
        refusal_reason=entry.refusal,
        reading=entry.reading,
        intervals=(_policy_intervals(bench, entry) or verdict.intervals) if verdict else (),
        band=bands[0] if len(bands) == 1 and _shown(entry, found) else "",
        bands=bands,
        ctcae_grade=verdict.ctcae_grade if verdict else None,
        cautions=tuple([cautions[ident] for ident in entry.cautions]),
        conflicts=entry.conflicts,
        trend=entry.trend,
        missing=entry.missing,
        explanation=explain.explanation(release, entry),
        rule_ids=verdict.rule_ids if verdict else _refusal_rule(entry),
        source_ids=verdict.source_ids if verdict else _refusal_sources(release, entry),
    )


@by_release(maxsize=64)
def _cautions(release: Release) -> Mapping[str, Statement]:
    """Every caution of a release as a report says it."""
    return {ident: Statement(ident, row.text) for ident, row in release.cautions.items()}


def _refusal_rule(entry: Judged) -> tuple[str, ...]:
    return (f"refusal.{entry.refusal.value}",) if entry.refusal else ()


def _refusal_sources(release: Release, entry: Judged) -> tuple[str, ...]:
    return release.refusals[entry.refusal.value].source if entry.refusal else ()


def _shown(entry: Judged, found: ResultClass) -> bool:
    """Whether the one band that remains is the entry's band: not where the class is open (acute phase)."""
    return found is not ResultClass.INDETERMINATE or entry.measured is None


def _flag(found: ResultClass, critical: Critical) -> str:
    flag = _FLAGS[found]
    return flag * 2 if critical is Critical.YES and flag in ("L", "H") else flag


def _policy_intervals(bench: Bench, entry: Judged) -> tuple[IntervalInForce, ...]:
    """The sufficient range of the vitamin D policy in force, in the place of an interval."""
    if entry.analyte is None or entry.analyte.id != VITAMIN_D or entry.reading is None:
        return ()
    policy = policy_for(bench.release, bench.age(entry), bench.policy, bench.facts).row
    unit = entry.reading.compared.unit
    return tuple(
        IntervalInForce(
            row.limits[unit].span(),
            unit,
            IntervalOrigin.POLICY,
            f"{row.band.replace('_', ' ')} by {policy.title}",
            f"{table.id}.{row.band}",
            row.status,
            row.source,
        )
        for table in entry.analyte.form.band_tables
        if table.policy == policy.id
        for row in table.bands
        if row.side in ("normal", "indeterminate")
    )


# ---------------------------------------------------------------------------------------------- symptoms, context


def _explained(found: Sequence[Finding], evaluated: Evaluated) -> tuple[Finding, ...]:
    """The findings, each with the matched patterns that explain it."""
    explaining = [pattern for pattern in evaluated.patterns if pattern.state is PatternState.MATCHED]
    explained = {ident for pattern in explaining for ident in pattern.explains}
    return tuple(
        [
            replace(finding, explained_by=tuple(pattern.id for pattern in explaining if finding.id in pattern.explains))
            if finding.id in explained
            else finding
            for finding in found
        ]
    )


_OUTCOMES = {
    Said.DENIED: SymptomOutcome.DENIED,
    Said.OTHERS: SymptomOutcome.DENIED,
    Said.WHOLE: SymptomOutcome.DENIED,
    Said.UNREAD: SymptomOutcome.UNRECOGNISED,
    Said.UNREAD_DENIED: SymptomOutcome.UNRECOGNISED,
}
_NOT_RECOGNISED = "Not recognised. It is returned as it was sent, and no rule read it."
_SAID = {
    Said.DENIED: "Denied or past: it counts as absent.",
    Said.OTHERS: "Said of somebody else, or of a risk: it counts neither as present nor as absent.",
    Said.UNREAD: _NOT_RECOGNISED,
    Said.UNREAD_DENIED: f"{_NOT_RECOGNISED} The text seems to deny it.",
}


def _symptom(
    release: Release, place: int, item: Part, recognised: Recognised, holding: Collection[str]
) -> SymptomInterpretation:
    if (outcome := _OUTCOMES.get(item.said)) is not None:
        ids = () if item.said is Said.WHOLE else item.ids
        return SymptomInterpretation(place, ids, outcome, (), _not_stated(release, item, recognised), item.words)
    associations = tuple(
        association
        for ident in item.ids
        if (row := release.associations.get(ident)) is not None
        for association in _associations(row, holding)
    )
    accounting = [item for item in associations if item.strength in _ACCOUNTING]
    name = ", ".join(release.symptoms[ident].display for ident in item.ids)
    if accounting:
        names = ", ".join(unique(tuple(_said_of(release, item.finding_id) for item in accounting)))
        text = f"{name}: these may account for it: {names}. Other causes remain."
        return SymptomInterpretation(place, item.ids, SymptomOutcome.EXPLAINED, associations, text, item.words)
    text = f"{name}: nothing found in this panel accounts for it. That does not exclude a cause."
    return SymptomInterpretation(place, item.ids, SymptomOutcome.NOT_EXPLAINED, associations, text, item.words)


def _unexplained(release: Release, symptoms: Sequence[SymptomInterpretation]) -> list[str]:
    """The symptoms that nothing accounts for, as they stand within a sentence."""
    return [
        explain.inside_a_sentence(release.symptoms[ident].display)
        for symptom in symptoms
        if symptom.outcome is SymptomOutcome.NOT_EXPLAINED
        for ident in symptom.symptom_ids
    ]


def _said_of(release: Release, ident: str) -> str:
    """A finding or a pattern in words."""
    return name_in_words(Name("finding" if ident not in release.patterns else "pattern", ident), release)


def _not_stated(release: Release, item: Part, recognised: Recognised) -> str:
    """What became of words that state no symptom of the patient now."""
    if item.said is Said.WHOLE:
        names = ", ".join(explain.inside_a_sentence(release.conditions[ident].display) for ident in item.ids)
        absent = recognised.absent["symptom"] is Truth.FALSE
        also = "Symptoms that the panel does not state count as absent." if absent else "It names no symptom."
        return f"Said of the patient as a whole: {names}. {also}"
    if item.said is Said.DENIED and any(recognised.truths["symptom"].get(ident) is Truth.TRUE for ident in item.ids):
        return "Denied or past here, and stated elsewhere in the panel: it counts as present."
    return _SAID[item.said]


def _associations(row: AssociationRow, holding: Collection[str]) -> list[Association]:
    """The cells of a symptom's row whose finding or pattern holds, strongest first."""
    cells = (
        (Strength.CHARACTERISTIC, row.characteristic),
        (Strength.SUPPORTIVE, row.supportive),
        (Strength.NON_SPECIFIC, row.non_specific),
        (Strength.AGAINST, row.argues_against),
    )
    return [
        Association(cell.removeprefix(_PATTERN), strength, row.source)
        for strength, named in cells
        for cell in named
        if cell in holding
    ]


def _items(
    sent: Sequence[object], recognised: Sequence[tuple[str, ...]], unread: Sequence[tuple[str, ...]]
) -> tuple[RecognisedItem, ...]:
    return tuple(
        RecognisedItem(place, _as_sent(item), ids, words)
        for place, (item, ids, words) in enumerate(zip(sent, recognised, unread, strict=True))
    )


def _as_sent(item: object) -> str:
    coding = getattr(item, "coding", None)
    return getattr(item, "id", "") or getattr(item, "text", "") or (coding.display or coding.code if coding else "")


# ---------------------------------------------------------------------------------------------- issues, choices


def _issues(
    release: Release, panel: Panel, recognised: Recognised, entries: Sequence[Judged], evaluated: Evaluated
) -> tuple[DataQualityIssue, ...]:
    """What is wrong with the data: by issue in the order of first sight, then items that were not recognised."""
    results: dict[str, list[int]] = {}
    for entry in entries:
        for ident in entry.issues:
            where = [entry.index] if entry.index is not None else list(entry.computed_from)
            results.setdefault(ident, []).extend(where)
    found = [
        DataQualityIssue(ident, tuple(dict.fromkeys(where)), "", _issue_text(release, ident))
        for ident, where in results.items()
    ]
    if panel.patient.sex is Sex.MALE and (panel.patient.pregnant or panel.patient.trimester):
        found.append(
            DataQualityIssue("context_contradiction", (), "patient", release.issues["context_contradiction"].text)
        )
    if evaluated.lacking or evaluated.unusable:
        lacks = [
            f"{said}: {', '.join(summary.family_name(release, family) for family in families)}."
            for said, families in (("Missing", evaluated.lacking), ("Sent, and not usable", evaluated.unusable))
            if families
        ]
        text = " ".join((release.issues["result_missing"].text, *lacks))
        found.append(DataQualityIssue("result_missing", (), "results", text))
    text = release.issues["text_not_recognised"].text
    found += [DataQualityIssue("text_not_recognised", (), field, text) for field in recognised.unread]
    found += [
        DataQualityIssue("text_not_recognised", comment.results, comment.field, f'{text} It says: "{comment.words}".')
        for comment in unread_comments(release, entries)
    ]
    return tuple(found)


def _issue_text(release: Release, ident: str) -> str:
    return release.issues[ident].text if ident in release.issues else release.refusals[ident].text
