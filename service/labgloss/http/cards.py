"""A report as cards of CDS Hooks 2.0: what a clinician reads beside the record, with its basis and proposed orders."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from types import MappingProxyType
from uuid import UUID, uuid5

from labgloss.http.hook_call import HookCall
from labgloss.http.hooks import Hook
from labgloss.http.markdown import escaped, section, table
from labgloss.v1 import fhir_pb2
from labgloss.v1 import report_pb2 as pb
from labgloss.v1.panel_pb2 import Comparator, ResultStatus

SUMMARY_CHARACTERS = 139
_LABEL_CHARACTERS = 80
_NAMESPACE = UUID("5d1f7f0c-3f0a-5c57-9f0e-0d6f6f2f4b6e")

OVERRIDE_SYSTEM = "urn:labgloss:override-reason"
OVERRIDES: Mapping[str, str] = MappingProxyType(
    {
        "known": "Known, and being dealt with",
        "repeat-pending": "A repeat or another result is awaited",
        "sample-problem": "The specimen is doubted",
        "not-applicable": "Does not apply to this patient",
        "not-agreed": "Not agreed with",
    }
)

_WHEN = MappingProxyType(
    {
        pb.URGENCY_EMERGENCY: "At once",
        pb.URGENCY_SAME_DAY: "Same day",
        pb.URGENCY_PROMPT: "Within 7 days",
        pb.URGENCY_ROUTINE: "At the next review",
    }
)
_PRIORITY = MappingProxyType({pb.URGENCY_EMERGENCY: "stat", pb.URGENCY_SAME_DAY: "asap", pb.URGENCY_PROMPT: "urgent"})
_LOINC = "http://loinc.org"
_RECOMMENDATION = "urn:labgloss:recommendation"
# What can be asked for by a request.
_REQUESTED = (
    pb.RECOMMENDATION_KIND_SAMPLE,
    pb.RECOMMENDATION_KIND_TEST,
    pb.RECOMMENDATION_KIND_ECG,
    pb.RECOMMENDATION_KIND_REFER,
)
# The laboratory itself has not given, or has withdrawn, what has these.
_NOT_GIVEN = (
    ResultStatus.RESULT_STATUS_REGISTERED,
    ResultStatus.RESULT_STATUS_CANCELLED,
    ResultStatus.RESULT_STATUS_ENTERED_IN_ERROR,
)
_SIGNS = MappingProxyType(
    {
        Comparator.COMPARATOR_LESS: "<",
        Comparator.COMPARATOR_LESS_OR_EQUAL: "≤",
        Comparator.COMPARATOR_GREATER_OR_EQUAL: "≥",
        Comparator.COMPARATOR_GREATER: ">",
    }
)
_LOST = (fhir_pb2.ISSUE_SEVERITY_ERROR, fhir_pb2.ISSUE_SEVERITY_WARNING)

Card = Mapping[str, object]


def cards_of(hook: Hook, call: HookCall, answer: fhir_pb2.InterpretBundleResponse, source_url: str) -> list[Card]:
    """One card; none where nothing was found and everything could be judged, which says nothing of the patient."""
    report = answer.report
    lost = [issue for issue in answer.issues if issue.severity == fhir_pb2.ISSUE_SEVERITY_ERROR]
    if not _has_something(report) and not lost:
        return []
    ident = uuid5(_NAMESPACE, f"{hook.id}\n{call.instance}")
    requested = [step for step in report.recommendations if step.kind in _REQUESTED]
    ordered = [step for step in requested if _is_ordered(step, call)]
    suggestions = [_suggestion(step, call, ident) for step in requested if step not in ordered]
    card: dict[str, object] = {
        "uuid": str(ident),
        "summary": summary_of(report, len(lost)),
        "indicator": indicator_of(report),
        "detail": detail_of(hook, call, answer, ordered),
        "source": {"label": _label_of(report.release), **({"url": source_url} if source_url else {})},
        "overrideReasons": _overrides(),
    }
    if suggestions:
        card |= {"suggestions": suggestions, "selectionBehavior": "any"}
    return [card]


def unread_card(hook: Hook, call: HookCall, unread: Sequence[str], source_url: str) -> Card:
    """The card of a call of which no result could be read: nothing was interpreted, and somebody must know."""
    count = f"{len(unread)} {'thing' if len(unread) == 1 else 'things'} that came"
    return {
        "uuid": str(uuid5(_NAMESPACE, f"{hook.id}\n{call.instance}")),
        "summary": f"{count} could not be read, and no result was interpreted; look at the results themselves.",
        "indicator": "warning",
        "detail": section("Not read of what was sent", map(escaped, unread)),
        "source": {"label": "labgloss", **({"url": source_url} if source_url else {})},
        "overrideReasons": _overrides(),
    }


def _overrides() -> list[Card]:
    return [{"system": OVERRIDE_SYSTEM, "code": code, "display": display} for code, display in OVERRIDES.items()]


def indicator_of(report: pb.Report) -> str:
    """critical: somebody must be told now. warning: within days, or perhaps now. info: the rest."""
    criticals = {entry.critical for entry in report.results if not entry.earlier}
    if report.urgency == pb.URGENCY_EMERGENCY or pb.CRITICAL_YES in criticals:
        return "critical"
    return "warning" if report.urgency >= pb.URGENCY_PROMPT or pb.CRITICAL_POSSIBLE in criticals else "info"


def summary_of(report: pb.Report, lost: int = 0) -> str:
    """One sentence of fewer than 140 characters, which holds what is most urgent: a detail may be folded away.

    Words are the release's own, and numbers such as could be read; nothing else that was sent stands in it.
    """
    urgent = sorted(_noted(report), key=lambda entry: (-entry.critical, -entry.urgency))
    said = [_in_short(entry) for entry in urgent]
    said += [f"red flag {_words(flag.id)}" for flag in report.red_flags if not flag.held]
    said += [pattern.title for pattern in report.patterns if pattern.state == pb.PATTERN_STATE_MATCHED]
    if lost:
        said.insert(0, f"{lost} {'result' if lost == 1 else 'results'} could not be read")
    steps = len(report.recommendations)
    tail = f"; {steps} {'step' if steps == 1 else 'steps'} to consider." if steps else "."
    text = f"{_WHEN.get(report.urgency, 'For information')}: "
    for position, item in enumerate(said):
        left = len(said) - position
        more = f", +{left - 1} more" if left > 1 else ""
        glue = ", " if position else ""
        if len(text) + len(glue) + len(item) + len(more) + len(tail) > SUMMARY_CHARACTERS:
            return f"{text}{f' +{left} more' if position else f'{left} findings'}{tail}"
        text += glue + item
    return f"{text}{tail}" if said else f"{text}{steps} {'step' if steps == 1 else 'steps'} to consider."


def detail_of(
    hook: Hook, call: HookCall, answer: fhir_pb2.InterpretBundleResponse, ordered: Sequence[pb.Recommendation]
) -> str:
    """What the card rests on, so that a clinician can review it independently; in Markdown."""
    report = answer.report
    parts = [
        escaped(report.summary),
        section("Red flags", map(_red_flag, report.red_flags)),
        table(("result", "as read", "flag", "band", "critical", "interval"), map(_row, report.results)),
        section("Readings", (escaped(entry.explanation) for entry in _noted(report))),
        section("Not judged, or only on a condition", _open(report)),
        section("Not read of what was sent", _unread(call, answer)),
        section("Patterns", _patterns(report)),
        section("To consider", map(_step, report.recommendations)),
        section("Withheld", (f"{_words(each.id)}: {escaped(each.reason)}" for each in report.withheld_recommendations)),
        section("Orders being signed", _orders(hook, call, ordered)),
        section("Symptoms", (escaped(each.text) for each in report.symptoms)),
        section("Data quality", (escaped(each.text) for each in report.issues)),
        section("Basis", _basis(report)),
    ]
    return "\n\n".join(part for part in parts if part)


# ------------------------------------------------------------------------------------------------ what there is to say


def _has_something(report: pb.Report) -> bool:
    return bool(
        report.urgency > pb.URGENCY_NONE
        or any(entry.as_sent.status not in _NOT_GIVEN for entry in _noted(report))
        or report.red_flags
        or report.recommendations
        or report.withheld_recommendations
        or any(pattern.state == pb.PATTERN_STATE_MATCHED for pattern in report.patterns)
    )


def _noted(report: pb.Report) -> Iterator[pb.ResultInterpretation]:
    """The current results that are not simply inside their interval."""
    for entry in report.results:
        inside = entry.state == pb.RESULT_STATE_INTERPRETED and entry.flag == "N" and entry.critical == pb.CRITICAL_NO
        if not entry.earlier and not inside:
            yield entry


def _is_ordered(step: pb.Recommendation, call: HookCall) -> bool:
    return any((coding["system"], coding["code"]) in call.ordered for coding in _codings(step))


def _words(ident: str) -> str:
    return ident.replace("_", " ").lower()


def _name_of(entry: pb.ResultInterpretation) -> str:
    return _words(entry.analyte) or "a result that is not recognised"


def _in_short(entry: pb.ResultInterpretation) -> str:
    name = _name_of(entry)
    critical = {pb.CRITICAL_YES: "critical", pb.CRITICAL_POSSIBLE: "possibly critical"}.get(entry.critical, "")
    if entry.state in (pb.RESULT_STATE_REFUSED, pb.RESULT_STATE_NOT_RECOGNISED):
        return ", ".join(filter(None, [f"{name} not judged", critical]))
    marks = ", ".join(filter(None, [entry.flag, critical]))
    return f"{name} {_read(entry)} ({marks})" if marks else f"{name} {_read(entry)}"


def _read(entry: pb.ResultInterpretation) -> str:
    """Value and unit as read: a number and a unit of UCUM."""
    reading = entry.reading
    return f"{_SIGNS.get(reading.comparator, '')}{reading.value} {reading.unit}".strip() or "without a value"


# ------------------------------------------------------------------------------------------------ the detail


def _row(entry: pb.ResultInterpretation) -> tuple[str, ...]:
    name = f"{_name_of(entry)}, earlier" if entry.earlier else _name_of(entry)
    intervals = [
        f"{interval.low or ''}–{interval.high or ''} {interval.unit} ({_of(pb.IntervalOrigin, interval.origin)})"
        for interval in entry.intervals[:2]
    ]
    if len(entry.intervals) > len(intervals):
        intervals.append(f"{len(entry.intervals) - len(intervals)} more")
    critical = _of(pb.Critical, entry.critical)
    band = entry.band or " or ".join(entry.bands)
    return (name, escaped(_read(entry)), entry.flag, _words(band), critical, escaped("; ".join(intervals)))


def _of(enumeration: object, number: int) -> str:
    """The word of an enumeration's value, without the prefix that all its values have."""
    names: Mapping[int, str] = {value: name for name, value in enumeration.items()}  # type: ignore[attr-defined]
    prefix = names[0].removesuffix("UNSPECIFIED")
    return "" if number == 0 else names[number].removeprefix(prefix).replace("_", " ").lower()


def _red_flag(flag: pb.RedFlag) -> str:
    held = " (held until the repeat)" if flag.held else ""
    return f"{_of(pb.Urgency, flag.urgency)}{held}: {escaped(flag.text)}"


def _open(report: pb.Report) -> Iterator[str]:
    for entry in report.results:
        if entry.state != pb.RESULT_STATE_INTERPRETED:
            reason = _of(pb.RefusalReason, entry.refusal_reason)
            state = _of(pb.ResultState, entry.state) + (f" ({reason})" if reason else "")
            needs = f"; needs {escaped('; '.join(entry.missing))}" if entry.missing else ""
            yield f"{_name_of(entry)}: {state}{needs}"
    for item in (*report.conditions, *report.medications):
        for words in item.not_recognised:
            yield f"not recognised: {escaped(words)}"


def _unread(call: HookCall, answer: fhir_pb2.InterpretBundleResponse) -> Iterator[str]:
    for issue in answer.issues:
        if issue.severity in _LOST:
            yield escaped(issue.text)
    for key in call.cut_off:
        yield f"{key}: only the first page was sent, so that it was not read"


def _patterns(report: pb.Report) -> Iterator[str]:
    waiting: dict[str, list[str]] = {}
    for pattern in report.patterns:
        if pattern.open_since and pattern.urgency == pb.URGENCY_NONE:
            waiting.setdefault(pattern.open_since, []).append(pattern.title)
            continue
        clauses = (("for", pattern.evidence_for), ("against", pattern.evidence_against), ("missing", pattern.missing))
        told = [
            f"{name}: {escaped('; '.join(dict.fromkeys(clause.text or clause.expression for clause in found)))}"
            for name, found in clauses
            if found
        ]
        state = _of(pb.PatternState, pattern.state)
        yield " ".join([f"{state}: {escaped(pattern.title)}.", escaped(pattern.text), *told])
    for since, titles in waiting.items():
        yield f"not excluded, since {escaped(since)}: {escaped('; '.join(titles))}"


def _step(step: pb.Recommendation) -> str:
    because = f" (because of {escaped(', '.join(map(_words, step.because)))})" if step.because else ""
    provided = f"; provided that: {escaped('; '.join(step.safety_conditions))}" if step.safety_conditions else ""
    return f"{_of(pb.Urgency, step.urgency)}: {escaped(step.text)}{because}{provided}"


def _orders(hook: Hook, call: HookCall, ordered: Sequence[pb.Recommendation]) -> Iterator[str]:
    if not hook.orders:
        return
    for step in ordered:
        yield f"already among them, and not proposed again: {escaped(step.text)}"
    if call.has_draft_medication:
        yield "medicines among them were not read as being taken: the reading is of the time before they are"


def _basis(report: pb.Report) -> Iterator[str]:
    rules = sorted(
        {rule for entry in report.results for rule in entry.rule_ids} | {each.id for each in report.patterns}
    )
    yield f"rules: {escaped(', '.join(rules))}" if rules else ""
    for choice in report.choices:
        yield f"{_words(choice.name)}: {escaped(choice.value)} ({escaped(choice.chosen_by)})"
    for source in report.sources:
        yield f"{escaped(source.id)}: {escaped(source.citation)}"
    statuses = {pattern.status for pattern in report.patterns}
    statuses.update(flag.status for flag in report.red_flags)
    statuses.update(step.status for step in report.recommendations)
    unsigned = sorted(statuses - {"signed"})
    yield f"status of the rules: {escaped(', '.join(unsigned))}; only what a site signed is signed" if unsigned else ""
    release = report.release
    overlay = f", overlay {escaped(release.overlay)}" if release.overlay else ""
    yield f"release {escaped(release.version)} ({release.digest[:12]}), engine {escaped(release.engine)}{overlay}"
    yield escaped(report.intended_use)


def _label_of(release: pb.ReleaseReference) -> str:
    overlay = f", overlay {release.overlay}" if release.overlay else ""
    return f"labgloss {release.version} ({release.digest[:12]}){overlay}"


# ------------------------------------------------------------------------------------------------ proposals


def _codings(step: pb.Recommendation) -> list[dict[str, str]]:
    """What a request for a step is coded by, as in the Bundle that FhirService answers."""
    return [
        *({"system": _LOINC, "code": code.code} for code in step.codes),
        {"system": _RECOMMENDATION, "code": step.id},
    ]


def _suggestion(step: pb.Recommendation, call: HookCall, card: UUID) -> Card:
    label = step.text if len(step.text) <= _LABEL_CHARACTERS else f"{step.text[: _LABEL_CHARACTERS - 1]}…"
    return {
        "label": label,
        "uuid": str(uuid5(card, step.id)),
        "actions": [{"type": "create", "description": step.text, "resource": _proposal(step, call)}],
    }


def _proposal(step: pb.Recommendation, call: HookCall) -> Mapping[str, object]:
    """A draft that proposes, as FhirService makes it, without references that only its Bundle could resolve."""
    notes = [text for text in (step.time_frame, *step.safety_conditions) if text]
    return {
        "resourceType": "ServiceRequest",
        "status": "draft",
        "intent": "proposal",
        "priority": _PRIORITY.get(step.urgency, "routine"),
        "code": {"coding": _codings(step), "text": step.text},
        "subject": {"reference": f"Patient/{call.patient_id}"},
        **({"encounter": {"reference": f"Encounter/{call.encounter_id}"}} if call.encounter_id else {}),
        **({"reasonCode": [{"text": each} for each in step.because]} if step.because else {}),
        **({"note": [{"text": text} for text in notes]} if notes else {}),
    }
