"""A report against what a panel file expects of it (vocabulary.md 16)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation

from labgloss.forbidden import FORBIDDEN_OUTPUTS, phrase_of
from labgloss.panels.names import COMPARATOR_SIGNS, name_of, word_of
from labgloss.panels.schema import Expect, ExpectedResult
from labgloss.panels.wording import texts_of
from labgloss.v1 import report_pb2 as pb

_COMPARATORS = ("<=", ">=", "<", ">")
_NOTHING = "none"
# Lists of which an expectation may say that something is not in them.
_ABSENT = ("patterns", "patterns_possible", "findings", "red_flags", "cautions", "issues")


@dataclass(frozen=True, slots=True)
class Difference:
    """One thing that a report says otherwise than its panel expects."""

    panel: str
    what: str
    expected: str
    got: str

    def __str__(self) -> str:
        return f"{self.what}: expected {self.expected}, got {self.got}"


def compare(panel: str, report: pb.Report, expect: Expect, only_results: bool = False) -> list[Difference]:
    """What differs, in the order of the panel file's keys; only what is expected is compared.

    With `only_results` only `expect.results` and `expect.refused` are.
    """
    found = [*_results(report, expect), *_refused(report, expect)]
    if not only_results:
        found = [
            *_urgency(report, expect),
            *_lists(report, expect),
            *_absent(report, expect),
            *_urgencies(report, expect),
            *_brought(report, expect),
            *_evidence(report, expect),
            *found,
        ]
    return [Difference(panel, *difference) for difference in found]


def result_key(entry: pb.ResultInterpretation) -> str:
    """What a panel file calls the entry: the result's id if it has one, else its analyte, else what was sent."""
    codes = [coding.code for coding in entry.as_sent.codings]
    return entry.id or entry.analyte or entry.as_sent.analyte or next(iter(codes), "")


_Found = tuple[str, str, str]


def _urgency(report: pb.Report, expect: Expect) -> Iterator[_Found]:
    got = name_of(pb.Urgency, report.urgency)
    if expect.urgency is not None and expect.urgency != got:
        yield "urgency", expect.urgency, got


def _lists(report: pb.Report, expect: Expect) -> Iterator[_Found]:
    for what, got in _ids(report).items():
        yield from _contained(what, getattr(expect, what), got)


def _ids(report: pb.Report) -> dict[str, list[str]]:
    """What a report lists, by the key of the panel file."""
    return {
        "patterns": _patterns(report, pb.PATTERN_STATE_MATCHED),
        "patterns_possible": _patterns(report, pb.PATTERN_STATE_POSSIBLE),
        "findings": [item.id for item in report.findings if item.truth == pb.TRUTH_TRUE or item.unreliable_because],
        "red_flags": [flag.id for flag in report.red_flags if not flag.held],
        "red_flags_held": [flag.id for flag in report.red_flags if flag.held],
        "recognised_symptoms": _present_symptoms(report),
        "not_recognised": _not_recognised(report),
        "cautions": [caution.id for entry in report.results for caution in entry.cautions],
        "issues": [issue.id for issue in report.issues],
        "recommend": [step.id for step in report.recommendations],
    }


def _contained(what: str, expected: Iterable[str] | None, got: Iterable[str]) -> Iterator[_Found]:
    """A difference when the expected ids are not all there, or when none is expected and there is one."""
    if expected is None:
        return
    wanted, present = list(expected), list(dict.fromkeys(got))
    absent = [item for item in wanted if item not in present]
    if absent:
        yield what, ", ".join(wanted), f"{_listed(present)} (without {', '.join(absent)})"
    elif not wanted and present:
        yield what, _NOTHING, _listed(present)


def _listed(items: list[str]) -> str:
    return ", ".join(items) or _NOTHING


def _patterns(report: pb.Report, state: pb.PatternState.ValueType) -> list[str]:
    return [pattern.id for pattern in report.patterns if pattern.state == state]


def _present_symptoms(report: pb.Report) -> list[str]:
    absent = (pb.SYMPTOM_OUTCOME_DENIED, pb.SYMPTOM_OUTCOME_UNRECOGNISED)
    return [name for symptom in report.symptoms if symptom.outcome not in absent for name in symptom.symptom_ids]


def _not_recognised(report: pb.Report) -> list[str]:
    """The words of symptoms, conditions and medications that were not recognised, as they were sent."""
    unread = [symptom for symptom in report.symptoms if symptom.outcome == pb.SYMPTOM_OUTCOME_UNRECOGNISED]
    of_items = [words for item in (*report.conditions, *report.medications) for words in item.not_recognised]
    return [*(symptom.part or symptom.as_sent.text or symptom.as_sent.id for symptom in unread), *of_items]


def _absent(report: pb.Report, expect: Expect) -> Iterator[_Found]:
    ids = _ids(report)
    for what in _ABSENT:
        for ident in getattr(expect, f"not_{what}"):
            if ident in ids[what]:
                words = ("not matched", "matched") if what == "patterns" else ("not there", "there")
                yield f"not_{what}", f"{ident} {words[0]}", words[1]
    recommended = {step.id for step in report.recommendations}
    for output in expect.not_recommend:
        if output in recommended:
            yield "not_recommend", f"no {output}", "recommended"
        if output in FORBIDDEN_OUTPUTS:
            for path, text in texts_of(report):
                if (phrase := phrase_of(output, text)) is not None:
                    yield "not_recommend", f"no {output}", f'{path} says "{phrase}"'


def _urgencies(report: pb.Report, expect: Expect) -> Iterator[_Found]:
    got = {
        **{step.id: step.urgency for step in report.recommendations},
        **{flag.id: flag.urgency for flag in report.red_flags},
        **{pattern.id: pattern.urgency for pattern in report.patterns},
    }
    for ident, urgency in expect.urgencies.items():
        found = name_of(pb.Urgency, got[ident]) if ident in got else "not in the report"
        if found != urgency:
            yield f"urgencies.{ident}", urgency, found


def _brought(report: pb.Report, expect: Expect) -> Iterator[_Found]:
    rules = {step.id: list(step.rule_ids) for step in report.recommendations}
    for ident, wanted in expect.recommended_by.items():
        yield from _contained(f"recommended_by.{ident}", wanted, rules.get(ident, []))
    for ident, unwanted in expect.not_recommended_by.items():
        for rule in set(unwanted) & set(rules.get(ident, [])):
            yield f"not_recommended_by.{ident}", f"not {rule}", _listed(rules[ident])


def _evidence(report: pb.Report, expect: Expect) -> Iterator[_Found]:
    patterns = {pattern.id: pattern for pattern in report.patterns}
    for name, expected in (("evidence_for", expect.evidence_for), ("evidence_against", expect.evidence_against)):
        for ident, clauses in expected.items():
            got = [clause.expression for clause in getattr(patterns.get(ident), name, ())]
            yield from _contained(f"{name}.{ident}", clauses, got)


def _refused(report: pb.Report, expect: Expect) -> Iterator[_Found]:
    if expect.refused is None:
        return
    refused = {
        result_key(entry): word_of(pb.RefusalReason, entry.refusal_reason)
        for entry in report.results
        if entry.state == pb.RESULT_STATE_REFUSED
    }
    if not expect.refused and refused:
        yield "refused", _NOTHING, _listed([f"{key} ({reason})" for key, reason in refused.items()])
    for key, reason in expect.refused.items():
        if refused.get(key) != reason:
            yield f"refused.{key}", reason, refused.get(key, "not refused")


def _results(report: pb.Report, expect: Expect) -> Iterator[_Found]:
    for key, expected in expect.results.items():
        entries = _entries(report, key)
        if len(entries) == 1:
            for what, wanted, got in _result(entries[0], expected):
                yield f"results.{key}.{what}", wanted, got
        elif entries:
            yield f"results.{key}", "one entry", f"{len(entries)} entries; give the results ids to tell them apart"
        else:
            yield f"results.{key}", "one entry", f"none; the report has {_listed([*map(result_key, report.results)])}"


def _entries(report: pb.Report, key: str) -> list[pb.ResultInterpretation]:
    """The entries of the key; of a series without ids, the current one."""
    entries = [entry for entry in report.results if result_key(entry) == key]
    return [entry for entry in entries if not entry.earlier] or entries


def _result(entry: pb.ResultInterpretation, expected: ExpectedResult) -> Iterator[_Found]:
    grade = str(entry.ctcae_grade) if entry.HasField("ctcae_grade") else _NOTHING
    got = {
        "state": (expected.state, word_of(pb.ResultState, entry.state)),
        "class": (expected.class_, word_of(pb.ResultClass, getattr(entry, "class"))),
        "flag": (expected.flag, entry.flag),
        "band": (None if expected.band is None else expected.band or _NOTHING, entry.band or _NOTHING),
        "critical": (expected.critical, word_of(pb.Critical, entry.critical)),
        "urgency": (expected.urgency, name_of(pb.Urgency, entry.urgency)),
        "ctcae_grade": (None if expected.ctcae_grade is None else str(expected.ctcae_grade), grade),
    }
    for what, (wanted, found) in got.items():
        if wanted is not None and wanted != found:
            yield what, wanted, found or _NOTHING
    yield from _contained("bands", expected.bands, entry.bands)
    yield from _contained("rules", expected.rules, entry.rule_ids)
    for rule in expected.not_rules:
        if rule in entry.rule_ids:
            yield "not_rules", f"{rule} not deciding", "deciding"
    if expected.exceeds_reference_change is not None:
        exceeds = entry.HasField("trend") and entry.trend.exceeds_reference_change
        if expected.exceeds_reference_change is not exceeds:
            yield "exceeds_reference_change", str(expected.exceeds_reference_change).lower(), str(exceeds).lower()
    yield from _quantity(entry, expected)


def _quantity(entry: pb.ResultInterpretation, expected: ExpectedResult) -> Iterator[_Found]:
    """A difference unless value and unit agree together, as read or as compared."""
    if expected.value is None and expected.unit is None:
        return
    reading = entry.reading
    sign = COMPARATOR_SIGNS.get(reading.comparator, "")
    as_read, as_compared = (reading.value, reading.unit), (reading.compared_value, reading.compared_unit)
    for value, unit in (as_read, as_compared):
        if expected.unit in (None, unit) and (expected.value is None or _same_value(expected.value, sign, value)):
            return
    wanted = " ".join(part for part in (expected.value, expected.unit) if part is not None)
    got = " or ".join(dict.fromkeys(f"{sign}{value} {unit}".strip() for value, unit in (as_read, as_compared) if value))
    yield "value" if expected.value is not None else "unit", wanted, got or _NOTHING


def _same_value(expected: str, sign: str, value: str) -> bool:
    """Whether the numbers are equal, and the comparator too where the expectation writes one."""
    written = next((mark for mark in _COMPARATORS if expected.startswith(mark)), "")
    try:
        same = Decimal(expected.removeprefix(written).strip()) == Decimal(value)
    except InvalidOperation:
        return False
    return same and written in ("", sign)
