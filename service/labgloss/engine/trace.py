"""The trace of a report: every limit compared, every rule that decided, what each came to, and its sources."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

from labgloss.domain.quantity import plain
from labgloss.domain.report import DataQualityIssue, Reading, RefusalReason, ResultClass, TraceStep, Urgency
from labgloss.domain.truth import Truth
from labgloss.engine import findings
from labgloss.engine.calcium import TOTAL
from labgloss.engine.facts import Facts
from labgloss.engine.judged import Judged
from labgloss.engine.recommend import Recommended
from labgloss.engine.rules import Evaluated
from labgloss.knowledge.release import Release
from labgloss.knowledge.schema import FindingRow


def trace(
    release: Release,
    entries: Sequence[Judged],
    evaluated: Evaluated,
    recommended: Recommended,
    issues: Sequence[DataQualityIssue],
    overall: Urgency,
) -> tuple[TraceStep, ...]:
    """What was compared of each result, then findings, patterns and red flags, recommendations, and the urgency."""
    return (
        *(replace(step, result=entry.index) for entry in entries for step in _of_entry(release, entry)),
        *_of_issues(release, issues),
        *of_findings(release, entries, evaluated.facts),
        *evaluated.trace,
        *_of_recommendations(release, recommended),
        _of_urgency(entries, evaluated, overall),
    )


# ---------------------------------------------------------------------------------------------- one result


def _of_entry(release: Release, entry: Judged) -> Iterator[TraceStep]:
    if entry.reading is not None and entry.reading.factor != 1:
        yield _conversion(entry.reading)
    yield from entry.trace
    yield from _of_classes(entry)
    # A pair may settle what contamination refused first: both are reasons.
    reasons = (entry.refusal, RefusalReason.SUPERSEDED_BY_PAIRED_SPECIMEN if entry.settled_by_pair else None)
    for reason in dict.fromkeys(reason for reason in reasons if reason is not None):
        refusal = release.refusals[reason.value]
        yield TraceStep(
            None, "refusal", f"refusal.{refusal.id}", refusal.id, Truth.TRUE, entry.urgency.name, refusal.source
        )
    for ident in entry.cautions:
        caution = release.cautions[ident]
        yield TraceStep(None, "caution", f"caution.{ident}", ident, Truth.TRUE, caution.urgency.name, caution.source)


def _conversion(reading: Reading) -> TraceStep:
    quantity, compared = reading.quantity, reading.compared
    return TraceStep(
        None,
        "convert",
        "",
        f"{plain(quantity.value)} {quantity.unit} x {reading.factor}",
        Truth.TRUE,
        f"{plain(compared.value)} {compared.unit}",
    )


def _of_classes(entry: Judged) -> Iterator[TraceStep]:
    """The findings that the class of an entry makes; its sources are those of the interval and band that classed it."""
    verdict = entry.verdict or entry.measured
    if entry.analyte is None or verdict is None or entry.earlier:
        return
    form = entry.analyte.form.findings
    made = {ResultClass.LOW: form.low, ResultClass.HIGH: form.high, ResultClass.INDETERMINATE: form.indeterminate}
    if not entry.primary:
        made = dict(findings.SECONDARY_TOTAL) if entry.analyte.id == TOTAL else {}
    for side, ident in made.items():
        if ident:
            yield TraceStep(
                None,
                "finding",
                f"{entry.analyte.id}.class",
                f"class {side.value}",
                _has_class(entry, side),
                ident,
                verdict.source_ids,
            )


def _has_class(entry: Judged, side: ResultClass) -> Truth:
    if entry.verdict is None or entry.refusal is not None:
        return Truth.UNKNOWN
    if side is ResultClass.INDETERMINATE:
        return Truth.of(entry.verdict.classes == (side,))
    return findings.has_class(entry, side)


# ---------------------------------------------------------------------------------------------- the panel


def _of_issues(release: Release, issues: Sequence[DataQualityIssue]) -> Iterator[TraceStep]:
    """What is wrong with the data, by result where it is about one; a refusal stands with its result already."""
    for issue in issues:
        row = release.issues.get(issue.id)
        if row is not None:
            index = issue.results[0] if len(issue.results) == 1 else None
            yield TraceStep(
                index, "issue", f"issue.{row.id}", issue.field or row.id, Truth.TRUE, row.urgency.name, row.source
            )


def of_findings(release: Release, entries: Sequence[Judged], facts: Facts) -> Iterator[TraceStep]:
    """Every finding of an analyte in the panel, and every other that is known, in the order of findings.toml."""
    analytes = {entry.analyte.id for entry in entries if entry.analyte is not None}
    for ident, rows in release.findings.items():
        truth = facts.known.get(("finding", ident))
        if truth is None or (truth is Truth.UNKNOWN and not any(row.analyte in analytes for row in rows)):
            continue
        yield of_finding(release, ident, truth)


def of_finding(release: Release, ident: str, truth: Truth) -> TraceStep:
    """A finding with its limits and what it came to."""
    rows = release.findings[ident]
    sources = tuple(dict.fromkeys(source for row in rows for source in row.source))
    return TraceStep(
        None,
        "finding",
        f"finding.{ident}",
        " or ".join(dict.fromkeys(stated(row) for row in rows)),
        truth,
        ident,
        sources,
        rows[0].status,
    )


def stated(row: FindingRow) -> str:
    """What a row of a finding asks for."""
    parts = [
        *(f"{limit.text} {unit}" for unit, limit in row.limits.items()),
        f"class {' or '.join(row.classes)}" if row.classes else "",
        f"band {' or '.join(row.bands)}" if row.bands else "",
    ]
    asked = [", ".join(part for part in parts if part)]
    asked += [
        f"while {row.when}" if row.when is not None else "",
        f"unless {row.unless}" if row.unless is not None else "",
    ]
    if row.computed:
        asked = [row.text.rstrip(".").lower()]
    return " ".join(part for part in (row.analyte, *asked) if part)


def _of_recommendations(release: Release, recommended: Recommended) -> Iterator[TraceStep]:
    for item in recommended.given:
        because = f"because of {', '.join(item.because)}"
        rule = f"recommendation.{item.id}"
        outcome = f"given, {item.urgency.name}"
        yield TraceStep(None, "recommendation", rule, because, Truth.TRUE, outcome, item.source_ids, item.status)
    for held in recommended.withheld:
        row = release.recommendations[held.id]
        rule, expression = f"recommendation.{row.id}", f"withheld by {held.withheld_by}"
        yield TraceStep(None, "recommendation", rule, expression, Truth.FALSE, "withheld", row.source, row.status)


def _of_urgency(entries: Sequence[Judged], evaluated: Evaluated, overall: Urgency) -> TraceStep:
    highest = [entry.key for entry in entries if entry.urgency is overall]
    highest += [pattern.id for pattern in evaluated.patterns if pattern.urgency is overall]
    highest += [flag.id for flag in evaluated.red_flags if flag.urgency is overall and not flag.held]
    outcome = f"{overall.name}: {', '.join(highest) or 'nothing raises it'}"
    return TraceStep(None, "urgency", "", "maximum of all that counts", Truth.TRUE, outcome, ("VO-14",))
