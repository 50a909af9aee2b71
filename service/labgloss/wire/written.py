"""A report as the bytes that are sent, without a message in between.

The bytes are those of `encode_report(...).SerializeToString(deterministic=True)`, which is the reference: fields stand
in the order of their numbers in report.proto. What a release says again and again (a rule in the trace, a clause, a
recommendation) is written once and kept; what names a caller's result, or repeats a caller's words, never is.
"""

from __future__ import annotations

from collections.abc import Iterable
from operator import attrgetter
from typing import Final, NamedTuple

from labgloss.domain import report as domain
from labgloss.domain.position import shown
from labgloss.domain.quantity import plain
from labgloss.engine.kept import Kept
from labgloss.knowledge.release import Release
from labgloss.v1 import panel_pb2
from labgloss.wire import enums, figures
from labgloss.wire.encode import CODE_SYSTEM, reference_of
from labgloss.wire.frames import frame, number, numbers, optional_number, optional_text, text, texts
from labgloss.wire.kept import KEPT, Once
from labgloss.wire.named_sources import NamedSources

# Patterns are larger, with their clauses; the engine keeps as many, each in one form or two.
_PATTERNS: Final = 2_048

# Steps that say what a release says although they are made anew, but for the laboratory's own interval.
_OF_RULES: Final = frozenset(("plausibility", "interval", "band", "critical"))
_LABORATORY: Final = "laboratory"
# One of which the expression is what brings the recommendation, and may name results.
_ADVICE: Final = "recommendation"


def answer_of(report: bytes) -> bytes:
    """An InterpretPanelResponse."""
    return frame(1, report)


def outcome_of(panel_id: str, report: bytes) -> bytes:
    """A PanelOutcome that is a report."""
    return text(1, panel_id) + frame(2, report)


def answer_of_outcomes(outcomes: Iterable[bytes]) -> bytes:
    """A BatchInterpretPanelsResponse, or a StreamInterpretPanelsResponse that answers for panels."""
    return b"".join([frame(1, outcome) for outcome in outcomes])


class _OwnStep(NamedTuple):
    """A step that its release makes once: all of it but the result that it is about, the same as it stands in a report
    where it is about none, if it was met as such, and the sources that it names.
    """

    step: domain.TraceStep
    content: bytes
    framed: bytes
    sources: int


class ReportWriter:
    """Writes the reports that one release gives."""

    def __init__(self, release: Release) -> None:
        self._reference = frame(2, reference_of(release).SerializeToString(deterministic=True))
        self._intended_use = text(5, release.intended_use)
        self._sources = NamedSources(release.sources)
        self._grades = Once(_GRADE, _grade)
        self._bases = Once(_BASIS, _basis)
        self._cautions = Once(_STATEMENT, _statement)
        self._intervals = Once(_INTERVAL, _of_interval)
        self._clauses = Once(_CLAUSE, _clause)
        self._patterns = Once(_PATTERN, _of_pattern)
        self._effects = Once(_EFFECTS, _effects)
        self._recommendations = Once(_RECOMMENDATION, _of_recommendation)
        self._grounds = Once(_GROUNDS, _grounds)
        self._choices = Once(_CHOICE, _choice)
        self._steps = Once(_STEP, _step)
        self._advice = Once(_RULE, _rule)
        self._came_to = Once(_CAME_TO, _came_to)
        # What is made once is found by its identity, and stands beside its bytes, so that nothing else ever has it.
        self._own_patterns: Kept[int, tuple[domain.Pattern, bytes]] = Kept(maxsize=_PATTERNS)
        self._own_steps: Kept[int, _OwnStep] = Kept(maxsize=KEPT)

    def written(self, report: domain.Report, panel: panel_pb2.Panel) -> bytes:
        """The report as it is sent; `panel` gives what was sent, verbatim."""
        trace, of_trace = self._trace(report)
        return b"".join(
            (
                text(1, report.panel_id),
                self._reference,
                number(3, enums.URGENCY.numbers[report.urgency]),
                text(4, report.summary),
                self._intended_use,
                *[frame(6, self._result(result, panel)) for result in report.results],
                *[frame(7, _finding(finding)) for finding in report.findings],
                *[self._pattern(pattern) for pattern in report.patterns],
                *[frame(9, _symptom(symptom, panel)) for symptom in report.symptoms],
                *[frame(10, _recognised(item)) for item in report.conditions],
                *[frame(11, _recognised(item)) for item in report.medications],
                *[frame(12, self._red_flag(flag)) for flag in report.red_flags],
                *[frame(13, self._recommendation(item)) for item in report.recommendations],
                *[frame(14, _withheld(item)) for item in report.withheld_recommendations],
                *[frame(15, _issue(issue)) for issue in report.issues],
                *[frame(16, self._choices(choice)) for choice in report.choices],
                *self._sources.written(of_trace | self._named_before(report)),
                *trace,
            )
        )

    def _result(self, result: domain.ResultInterpretation, panel: panel_pb2.Panel) -> bytes:
        refused, reading = result.refusal_reason, result.reading
        return b"".join(
            (
                text(1, result.id),
                text(2, result.analyte),
                optional_number(3, result.index),
                numbers(4, result.computed_from),
                number(5, result.earlier),
                b"" if result.index is None else frame(6, _as_sent(panel.results[result.index])),
                number(7, enums.RESULT_STATE.numbers[result.state]),
                number(8, enums.REFUSAL_REASON.numbers[refused]) if refused else b"",
                b"" if reading is None else frame(9, _reading(reading)),
                *[frame(10, self._interval(interval, reading)) for interval in result.intervals],
                self._grades(result),
                *[frame(19, self._cautions(caution)) for caution in result.cautions],
                *[frame(20, _conflict(conflict)) for conflict in result.conflicts],
                b"" if result.trend is None else frame(21, _trend(result.trend, reading)),
                texts(22, result.missing),
                text(23, result.explanation),
                self._bases(result),
            )
        )

    def _interval(self, interval: domain.IntervalInForce, reading: domain.Reading | None) -> bytes:
        span = interval.span
        return b"".join(
            (
                optional_text(1, figures.limit(span.low)),
                number(2, span.low is not None and span.low_inclusive),
                optional_text(3, figures.limit(span.high)),
                number(4, span.high is not None and span.high_inclusive),
                self._intervals(interval),
                text(9, figures.place(interval, reading)),
                text(10, interval.status),
            )
        )

    def _pattern(self, pattern: domain.Pattern) -> bytes:
        """A pattern, as it stands in a report."""
        if (found := self._own_patterns.get(id(pattern))) is not None:
            return found[1]
        made = frame(8, self._pattern_made_anew(pattern))
        if pattern.of_release:
            self._own_patterns.put(id(pattern), (pattern, made))
        return made

    def _pattern_made_anew(self, pattern: domain.Pattern) -> bytes:
        clauses = self._clauses
        return b"".join(
            (
                self._patterns(pattern),
                *[frame(7, clauses(clause)) for clause in pattern.evidence_for],
                *[frame(8, clauses(clause)) for clause in pattern.evidence_against],
                *[frame(9, clauses(clause)) for clause in pattern.missing],
                self._effects(pattern),
            )
        )

    def _red_flag(self, flag: domain.RedFlag) -> bytes:
        return b"".join(
            (
                text(1, flag.id),
                text(2, flag.number),
                number(3, enums.URGENCY.numbers[flag.urgency]),
                number(4, flag.held),
                text(5, flag.text),
                *[frame(6, self._clauses(clause)) for clause in flag.evidence],
                texts(7, flag.source_ids),
                text(8, flag.status),
            )
        )

    def _recommendation(self, item: domain.Recommendation) -> bytes:
        return self._recommendations(item) + texts(7, item.because) + self._grounds(item)

    def _trace(self, report: domain.Report) -> tuple[list[bytes], int]:
        """The steps, and the sources that they name."""
        known = self._own_steps.get
        made: list[bytes] = []
        sources = 0
        for traced in report.trace:
            result = optional_number(1, traced.result)
            for step in traced.steps:
                found = known(id(step))
                if found is None and step.of_release:
                    found = self._own_steps.put(id(step), self._own_step(step, of_none=not result))
                if found is None:
                    sources |= self._sources.named(step.source_ids)
                    made.append(frame(18, result + self._step(step)))
                else:
                    sources |= found.sources
                    made.append((not result and found.framed) or frame(18, result + found.content))
        return made, sources

    def _own_step(self, step: domain.TraceStep, of_none: bool) -> _OwnStep:
        content = _step(step)
        # Few steps are of a result here and of none there, so that one of the two is all that is kept of most.
        framed = frame(18, content) if of_none else b""
        return _OwnStep(step, content, framed, self._sources.named(step.source_ids))

    def _step(self, step: domain.TraceStep) -> bytes:
        """A step that was made anew, all of it but the result that it is about."""
        if step.step == _ADVICE:
            return self._advice(step) + text(4, step.expression) + self._came_to(step)
        of_rule = step.step in _OF_RULES and step.rule_id != _LABORATORY
        return self._steps(step) if of_rule else _step(step)

    def _named_before(self, report: domain.Report) -> int:
        """The sources that a report names before its trace."""
        named = self._sources.named
        found = 0
        for result in report.results:
            found |= named(result.source_ids)
            for interval in result.intervals:
                found |= named(interval.source_ids)
        for symptom in report.symptoms:
            for association in symptom.associations:
                found |= named(association.source_ids)
        for pattern in report.patterns:
            found |= named(pattern.source_ids)
        for flag in report.red_flags:
            found |= named(flag.source_ids)
        for recommendation in report.recommendations:
            found |= named(recommendation.source_ids)
        return found


# ---------------------------------------------------------------------------------------------- what is kept

_GRADE = attrgetter(
    "result_class", "possible_classes", "flag", "band", "bands", "critical", "ctcae_grade", "urgency"
)  # fmt: skip
_BASIS = attrgetter("rule_ids", "source_ids")
_STATEMENT = attrgetter("id", "text")
_INTERVAL = attrgetter("unit", "origin", "applies_to", "rule_id")
_CLAUSE = attrgetter("expression", "truth", "text")
_PATTERN = attrgetter("id", "number", "state", "urgency", "title", "text")
_EFFECTS = attrgetter("explains", "suppresses", "source_ids", "status", "open_since")
_RECOMMENDATION = attrgetter("id", "kind", "urgency", "time_frame", "text", "codes")
_GROUNDS = attrgetter("safety_conditions", "rule_ids", "source_ids", "status")
_CHOICE = attrgetter("name", "value", "chosen_by", "text")
_RULE = attrgetter("step", "rule_id")
_CAME_TO = attrgetter("truth", "outcome", "source_ids", "status")
_STEP = attrgetter("step", "rule_id", "expression", "truth", "outcome", "source_ids", "status")


def _grade(result: domain.ResultInterpretation) -> bytes:
    return b"".join(
        (
            number(11, enums.RESULT_CLASS.numbers[result.result_class]),
            numbers(12, [enums.RESULT_CLASS.numbers[each] for each in result.possible_classes]),
            text(13, result.flag),
            text(14, result.band),
            texts(15, result.bands),
            number(16, enums.CRITICAL.numbers[result.critical]),
            optional_number(17, result.ctcae_grade),
            number(18, enums.URGENCY.numbers[result.urgency]),
        )
    )


def _basis(result: domain.ResultInterpretation) -> bytes:
    return texts(24, result.rule_ids) + texts(25, result.source_ids)


def _statement(statement: domain.Statement) -> bytes:
    return text(1, statement.id) + text(2, statement.text)


def _of_interval(interval: domain.IntervalInForce) -> bytes:
    """All but its limits, and where the value lies."""
    return b"".join(
        (
            text(5, interval.unit),
            number(6, enums.INTERVAL_ORIGIN.numbers[interval.origin]),
            text(7, interval.applies_to),
            text(8, interval.rule_id),
        )
    )


def _clause(clause: domain.Clause) -> bytes:
    return text(1, clause.expression) + number(2, enums.TRUTH.numbers[clause.truth]) + text(3, clause.text)


def _of_pattern(pattern: domain.Pattern) -> bytes:
    """What stands before its clauses."""
    return b"".join(
        (
            text(1, pattern.id),
            text(2, pattern.number),
            number(3, enums.PATTERN_STATE.numbers[pattern.state]),
            number(4, enums.URGENCY.numbers[pattern.urgency]),
            text(5, pattern.title),
            text(6, pattern.text),
        )
    )


def _effects(pattern: domain.Pattern) -> bytes:
    """What stands behind its clauses."""
    return b"".join(
        (
            texts(10, pattern.explains),
            texts(11, pattern.suppresses),
            texts(12, pattern.source_ids),
            text(13, pattern.status),
            text(14, pattern.open_since),
        )
    )


def _of_recommendation(item: domain.Recommendation) -> bytes:
    """What stands before the reasons, which name results."""
    return b"".join(
        (
            text(1, item.id),
            number(2, enums.RECOMMENDATION_KIND[item.kind]),
            number(3, enums.URGENCY.numbers[item.urgency]),
            text(4, item.time_frame),
            text(5, item.text),
            *[frame(6, text(1, CODE_SYSTEM) + text(2, code)) for code in item.codes],
        )
    )


def _grounds(item: domain.Recommendation) -> bytes:
    """What stands behind the reasons."""
    return b"".join(
        (
            texts(8, item.safety_conditions),
            texts(9, item.rule_ids),
            texts(10, item.source_ids),
            text(11, item.status),
        )
    )


def _choice(choice: domain.ChoiceInForce) -> bytes:
    return text(1, choice.name) + text(2, choice.value) + text(3, choice.chosen_by) + text(4, choice.text)


def _step(step: domain.TraceStep) -> bytes:
    """All but the result that it is about."""
    return _rule(step) + text(4, step.expression) + _came_to(step)


def _rule(step: domain.TraceStep) -> bytes:
    """What stands before its expression."""
    return text(2, step.step) + text(3, step.rule_id)


def _came_to(step: domain.TraceStep) -> bytes:
    """What stands behind it."""
    truth = number(5, enums.TRUTH.numbers[step.truth])
    return truth + text(6, step.outcome) + texts(7, step.source_ids) + text(8, step.status)


# ---------------------------------------------------------------------------------------------- what is not


def _as_sent(message: panel_pb2.Result | panel_pb2.Symptom) -> bytes:
    return message.SerializeToString(deterministic=True)


def _reading(reading: domain.Reading) -> bytes:
    other = reading.other
    return b"".join(
        (
            text(1, plain(reading.quantity.value)),
            number(2, enums.COMPARATOR.numbers[reading.quantity.comparator]),
            text(3, reading.quantity.unit),
            text(4, reading.compared.unit),
            text(5, figures.compared(reading)),
            text(6, figures.factor(reading)),
            text(7, figures.other(reading)),
            b"" if other is None else text(8, other.unit),
        )
    )


def _conflict(conflict: domain.Conflict) -> bytes:
    return b"".join(
        (
            text(1, conflict.kind),
            text(2, conflict.laboratory),
            text(3, conflict.release),
            number(4, enums.GOVERNED.numbers[conflict.governed]),
            text(5, conflict.text),
        )
    )


def _trend(trend: domain.Trend, reading: domain.Reading | None) -> bytes:
    digits = figures.digits_of_trend(reading)
    return b"".join(
        (
            text(1, trend.previous_id),
            number(2, trend.previous_index),
            text(3, shown(trend.previous_value, digits)),
            text(4, trend.previous_collected),
            text(5, figures.change(trend, digits)),
            text(6, figures.change_percent(trend)),
            text(7, figures.hours(trend)),
            optional_number(8, trend.exceeds_reference_change),
            text(9, trend.text),
        )
    )


def _finding(finding: domain.Finding) -> bytes:
    return b"".join(
        (
            text(1, finding.id),
            text(2, finding.analyte),
            text(3, finding.band),
            number(4, enums.TRUTH.numbers[finding.truth]),
            numbers(5, finding.results),
            text(6, finding.text),
            texts(7, finding.explained_by),
            text(8, finding.unreliable_because),
            text(9, finding.rule_id),
        )
    )


def _symptom(symptom: domain.SymptomInterpretation, panel: panel_pb2.Panel) -> bytes:
    return b"".join(
        (
            number(1, symptom.index),
            frame(2, _as_sent(panel.symptoms[symptom.index])),
            texts(3, symptom.symptom_ids),
            number(4, enums.SYMPTOM_OUTCOME.numbers[symptom.outcome]),
            *[frame(5, _association(association)) for association in symptom.associations],
            text(6, symptom.text),
            text(7, symptom.part),
        )
    )


def _association(association: domain.Association) -> bytes:
    strength = number(2, enums.STRENGTH.numbers[association.strength])
    return text(1, association.finding_id) + strength + texts(3, association.source_ids)


def _recognised(item: domain.RecognisedItem) -> bytes:
    return number(1, item.index) + text(2, item.as_sent) + texts(3, item.ids) + texts(4, item.not_recognised)


def _withheld(withheld: domain.WithheldRecommendation) -> bytes:
    named = text(1, withheld.id) + text(2, withheld.withheld_by)
    return named + text(3, withheld.reason) + texts(4, withheld.because)


def _issue(issue: domain.DataQualityIssue) -> bytes:
    return text(1, issue.id) + numbers(2, issue.results) + text(3, issue.field) + text(4, issue.text)
