"""The trace of a report: every limit compared, every rule that decided, what each came to, and its sources."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from labgloss.domain.quantity import plain
from labgloss.domain.report import DataQualityIssue, Reading, RefusalReason, Traced, TraceStep, Urgency
from labgloss.domain.truth import FALSE, TRUE
from labgloss.engine.judged import Judged
from labgloss.engine.recommend import Recommended
from labgloss.engine.rules import Evaluated
from labgloss.engine.steps import Steps, of_classes
from labgloss.knowledge.release import Release


def trace(
    release: Release,
    entries: Sequence[Judged],
    evaluated: Evaluated,
    recommended: Recommended,
    issues: Sequence[DataQualityIssue],
    overall: Urgency,
) -> tuple[Traced, ...]:
    """What was compared of each result, then findings, patterns and red flags, recommendations, and the urgency."""
    made = Steps.of(release)
    analytes = {entry.analyte.id for entry in entries if entry.analyte is not None}
    return (
        *[Traced(entry.index, _of_entry(made, entry)) for entry in entries],
        *_of_issues(release, made, issues),
        Traced(
            None,
            (
                *made.known_findings(analytes, evaluated.facts.known),
                *evaluated.trace,
                *_of_recommendations(release, recommended),
                _of_urgency(entries, evaluated, overall),
            ),
        ),
    )


# ---------------------------------------------------------------------------------------------- one result


def _of_entry(made: Steps, entry: Judged) -> tuple[TraceStep, ...]:
    converted = () if entry.reading is None or entry.reading.factor == 1 else (_conversion(entry.reading),)
    refused = () if entry.refusal is None else (made.refusal(entry.refusal, entry.urgency),)
    if entry.settled_by_pair and entry.refusal is not RefusalReason.SUPERSEDED_BY_PAIRED_SPECIMEN:
        # A pair may settle what contamination refused first: both are reasons.
        refused = (*refused, made.refusal(RefusalReason.SUPERSEDED_BY_PAIRED_SPECIMEN, entry.urgency))
    cautions = [made.cautions[ident] for ident in entry.cautions]
    return (*converted, *entry.trace, *of_classes(entry), *refused, *cautions)


def _conversion(reading: Reading) -> TraceStep:
    quantity, compared = reading.quantity, reading.compared
    return TraceStep(
        "convert",
        "",
        f"{plain(quantity.value)} {quantity.unit} x {reading.factor}",
        TRUE,
        f"{plain(compared.value)} {compared.unit}",
    )


# ---------------------------------------------------------------------------------------------- the panel


def _of_issues(release: Release, made: Steps, issues: Sequence[DataQualityIssue]) -> Iterator[Traced]:
    """What is wrong with the data, by result where it is about one; a refusal stands with its result already."""
    for issue in issues:
        row = release.issues.get(issue.id)
        if row is None:
            continue
        step = made.issues[row.id]
        if issue.field:
            step = TraceStep(step.step, step.rule_id, issue.field, step.truth, step.outcome, step.source_ids)
        yield Traced(issue.results[0] if len(issue.results) == 1 else None, (step,))


_GIVEN = {urgency: f"given, {urgency.name}" for urgency in Urgency}


def _of_recommendations(release: Release, recommended: Recommended) -> Iterator[TraceStep]:
    for item in recommended.given:
        because, outcome = f"because of {', '.join(item.because)}", _GIVEN[item.urgency]
        # Of the rules that bring it the first is its own.
        rule = item.rule_ids[0]
        yield TraceStep("recommendation", rule, because, TRUE, outcome, item.source_ids, item.status)
    for held in recommended.withheld:
        row = release.recommendations[held.id]
        rule, expression = f"recommendation.{row.id}", f"withheld by {held.withheld_by}"
        yield TraceStep("recommendation", rule, expression, FALSE, "withheld", row.source, row.status)


def _of_urgency(entries: Sequence[Judged], evaluated: Evaluated, overall: Urgency) -> TraceStep:
    highest = [entry.key for entry in entries if entry.urgency is overall]
    highest += [pattern.id for pattern in evaluated.patterns if pattern.urgency is overall]
    highest += [flag.id for flag in evaluated.red_flags if flag.urgency is overall and not flag.held]
    outcome = f"{overall.name}: {', '.join(highest) or 'nothing raises it'}"
    return TraceStep("urgency", "", "maximum of all that counts", TRUE, outcome, ("VO-14",))
