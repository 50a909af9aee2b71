"""A report of the domain as a report of the wire: lists in the order given, numbers in plain digits."""

from __future__ import annotations

from collections.abc import Iterator

from labgloss.domain import report as domain
from labgloss.domain.position import shown
from labgloss.domain.quantity import plain
from labgloss.knowledge.release import Release
from labgloss.v1 import panel_pb2, report_pb2
from labgloss.wire import enums, figures

# The codes of recommendations: vocabulary.md 13.1, "LOINC to order".
CODE_SYSTEM = "http://loinc.org"


def encode_report(report: domain.Report, panel: panel_pb2.Panel, release: Release) -> report_pb2.Report:
    """The report as it is sent. `panel` gives what was sent, verbatim; `release` the reference and the citations."""
    return report_pb2.Report(
        panel_id=report.panel_id,
        release=reference_of(release),
        urgency=enums.URGENCY.numbers[report.urgency],
        summary=report.summary,
        intended_use=release.intended_use,
        results=[_result(result, panel) for result in report.results],
        findings=[_finding(finding) for finding in report.findings],
        patterns=[_pattern(pattern) for pattern in report.patterns],
        symptoms=[_symptom(symptom, panel) for symptom in report.symptoms],
        conditions=[_recognised(item) for item in report.conditions],
        medications=[_recognised(item) for item in report.medications],
        red_flags=[_red_flag(flag) for flag in report.red_flags],
        recommendations=[_recommendation(recommendation) for recommendation in report.recommendations],
        withheld_recommendations=[_withheld(withheld) for withheld in report.withheld_recommendations],
        issues=[_issue(issue) for issue in report.issues],
        choices=[_choice(choice) for choice in report.choices],
        sources=[
            report_pb2.SourceReference(id=source_id, citation=release.source(source_id).citation)
            for source_id in sorted(set(_source_ids(report)))
        ],
        trace=[_trace_step(traced.result, step) for traced in report.trace for step in traced.steps],
    )


def reference_of(release: Release) -> report_pb2.ReleaseReference:
    """What a report says of the release that gave it."""
    reference = release.reference
    return report_pb2.ReleaseReference(
        version=reference.version,
        digest=reference.digest,
        engine=reference.engine,
        overlay=reference.overlay,
        overlay_digest=reference.overlay_digest,
    )


def _source_ids(report: domain.Report) -> Iterator[str]:
    for result in report.results:
        yield from result.source_ids
        for interval in result.intervals:
            yield from interval.source_ids
    for symptom in report.symptoms:
        for association in symptom.associations:
            yield from association.source_ids
    sourced: tuple[domain.Pattern | domain.RedFlag | domain.Recommendation | domain.TraceStep, ...] = (
        *report.patterns,
        *report.red_flags,
        *report.recommendations,
        *report.steps,
    )
    for item in sourced:
        yield from item.source_ids


def _result(result: domain.ResultInterpretation, panel: panel_pb2.Panel) -> report_pb2.ResultInterpretation:
    refused = result.refusal_reason
    return report_pb2.ResultInterpretation(
        id=result.id,
        analyte=result.analyte,
        index=result.index,
        computed_from=result.computed_from,
        earlier=result.earlier,
        as_sent=None if result.index is None else panel.results[result.index],
        state=enums.RESULT_STATE.numbers[result.state],
        refusal_reason=enums.REFUSAL_REASON.numbers[refused] if refused else report_pb2.REFUSAL_REASON_UNSPECIFIED,
        reading=_reading(result.reading),
        intervals=[_interval(interval, result.reading) for interval in result.intervals],
        **{"class": enums.RESULT_CLASS.numbers[result.result_class]},
        possible_classes=[enums.RESULT_CLASS.numbers[each] for each in result.possible_classes],
        flag=result.flag,
        band=result.band,
        bands=result.bands,
        critical=enums.CRITICAL.numbers[result.critical],
        ctcae_grade=result.ctcae_grade,
        urgency=enums.URGENCY.numbers[result.urgency],
        cautions=[report_pb2.Caution(id=caution.id, text=caution.text) for caution in result.cautions],
        conflicts=[_conflict(conflict) for conflict in result.conflicts],
        trend=_trend(result.trend, result.reading),
        missing=result.missing,
        explanation=result.explanation,
        rule_ids=result.rule_ids,
        source_ids=result.source_ids,
    )


def _reading(reading: domain.Reading | None) -> report_pb2.Reading | None:
    if reading is None:
        return None
    return report_pb2.Reading(
        value=plain(reading.quantity.value),
        comparator=enums.COMPARATOR.numbers[reading.quantity.comparator],
        unit=reading.quantity.unit,
        compared_unit=reading.compared.unit,
        compared_value=figures.compared(reading),
        factor=figures.factor(reading),
        other_value=figures.other(reading),
        other_unit="" if reading.other is None else reading.other.unit,
    )


def _interval(interval: domain.IntervalInForce, reading: domain.Reading | None) -> report_pb2.IntervalInForce:
    span = interval.span
    return report_pb2.IntervalInForce(
        low=figures.limit(span.low),
        low_inclusive=span.low is not None and span.low_inclusive,
        high=figures.limit(span.high),
        high_inclusive=span.high is not None and span.high_inclusive,
        unit=interval.unit,
        origin=enums.INTERVAL_ORIGIN.numbers[interval.origin],
        applies_to=interval.applies_to,
        rule_id=interval.rule_id,
        position=figures.place(interval, reading),
        status=interval.status,
    )


def _conflict(conflict: domain.Conflict) -> report_pb2.Conflict:
    return report_pb2.Conflict(
        kind=conflict.kind,
        laboratory=conflict.laboratory,
        release=conflict.release,
        governed=enums.GOVERNED.numbers[conflict.governed],
        text=conflict.text,
    )


def _trend(trend: domain.Trend | None, reading: domain.Reading | None) -> report_pb2.Trend | None:
    if trend is None:
        return None
    digits = figures.digits_of_trend(reading)
    return report_pb2.Trend(
        previous_id=trend.previous_id,
        previous_index=trend.previous_index,
        previous_value=shown(trend.previous_value, digits),
        previous_collected=trend.previous_collected,
        change=figures.change(trend, digits),
        change_percent=figures.change_percent(trend),
        hours=figures.hours(trend),
        exceeds_reference_change=trend.exceeds_reference_change,
        text=trend.text,
    )


def _finding(finding: domain.Finding) -> report_pb2.Finding:
    return report_pb2.Finding(
        id=finding.id,
        analyte=finding.analyte,
        band=finding.band,
        truth=enums.TRUTH.numbers[finding.truth],
        results=finding.results,
        text=finding.text,
        explained_by=finding.explained_by,
        unreliable_because=finding.unreliable_because,
        rule_id=finding.rule_id,
    )


def _clause(clause: domain.Clause) -> report_pb2.Clause:
    return report_pb2.Clause(expression=clause.expression, truth=enums.TRUTH.numbers[clause.truth], text=clause.text)


def _pattern(pattern: domain.Pattern) -> report_pb2.Pattern:
    return report_pb2.Pattern(
        id=pattern.id,
        number=pattern.number,
        state=enums.PATTERN_STATE.numbers[pattern.state],
        urgency=enums.URGENCY.numbers[pattern.urgency],
        title=pattern.title,
        text=pattern.text,
        evidence_for=[_clause(clause) for clause in pattern.evidence_for],
        evidence_against=[_clause(clause) for clause in pattern.evidence_against],
        missing=[_clause(clause) for clause in pattern.missing],
        explains=pattern.explains,
        suppresses=pattern.suppresses,
        source_ids=pattern.source_ids,
        status=pattern.status,
        open_since=pattern.open_since,
    )


def _symptom(symptom: domain.SymptomInterpretation, panel: panel_pb2.Panel) -> report_pb2.SymptomInterpretation:
    return report_pb2.SymptomInterpretation(
        index=symptom.index,
        as_sent=panel.symptoms[symptom.index],
        symptom_ids=symptom.symptom_ids,
        outcome=enums.SYMPTOM_OUTCOME.numbers[symptom.outcome],
        associations=[
            report_pb2.Association(
                finding_id=association.finding_id,
                strength=enums.STRENGTH.numbers[association.strength],
                source_ids=association.source_ids,
            )
            for association in symptom.associations
        ],
        text=symptom.text,
        part=symptom.part,
    )


def _recognised(item: domain.RecognisedItem) -> report_pb2.RecognisedItem:
    return report_pb2.RecognisedItem(
        index=item.index, as_sent=item.as_sent, ids=item.ids, not_recognised=item.not_recognised
    )


def _red_flag(flag: domain.RedFlag) -> report_pb2.RedFlag:
    return report_pb2.RedFlag(
        id=flag.id,
        number=flag.number,
        urgency=enums.URGENCY.numbers[flag.urgency],
        held=flag.held,
        text=flag.text,
        evidence=[_clause(clause) for clause in flag.evidence],
        source_ids=flag.source_ids,
        status=flag.status,
    )


def _recommendation(recommendation: domain.Recommendation) -> report_pb2.Recommendation:
    return report_pb2.Recommendation(
        id=recommendation.id,
        kind=enums.RECOMMENDATION_KIND[recommendation.kind],
        urgency=enums.URGENCY.numbers[recommendation.urgency],
        time_frame=recommendation.time_frame,
        text=recommendation.text,
        codes=[panel_pb2.Coding(system=CODE_SYSTEM, code=code) for code in recommendation.codes],
        because=recommendation.because,
        safety_conditions=recommendation.safety_conditions,
        rule_ids=recommendation.rule_ids,
        source_ids=recommendation.source_ids,
        status=recommendation.status,
    )


def _withheld(withheld: domain.WithheldRecommendation) -> report_pb2.WithheldRecommendation:
    return report_pb2.WithheldRecommendation(
        id=withheld.id, withheld_by=withheld.withheld_by, reason=withheld.reason, because=withheld.because
    )


def _issue(issue: domain.DataQualityIssue) -> report_pb2.DataQualityIssue:
    return report_pb2.DataQualityIssue(id=issue.id, results=issue.results, field=issue.field, text=issue.text)


def _choice(choice: domain.ChoiceInForce) -> report_pb2.ChoiceInForce:
    return report_pb2.ChoiceInForce(name=choice.name, value=choice.value, chosen_by=choice.chosen_by, text=choice.text)


def _trace_step(result: int | None, step: domain.TraceStep) -> report_pb2.TraceStep:
    return report_pb2.TraceStep(
        result=result,
        step=step.step,
        rule_id=step.rule_id,
        expression=step.expression,
        truth=enums.TRUTH.numbers[step.truth],
        outcome=step.outcome,
        source_ids=step.source_ids,
        status=step.status,
    )
