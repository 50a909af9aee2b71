"""What follows, for a clinician to decide: proposed requests, therapies implicated, what is missing for a pattern."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from functools import lru_cache
from types import MappingProxyType

from labgloss.fhir.answering import Answering, coding, concept, given, loinc_of, own, shown
from labgloss.fhir.json_text import Json, Object
from labgloss.fhir.terms import LOINC
from labgloss.knowledge.expression import Combination, Expression, Name, names
from labgloss.knowledge.release import Release, deciding
from labgloss.knowledge.schema import PatternRow, RedFlagRow
from labgloss.v1 import report_pb2

_ACT_CODE = "http://terminology.hl7.org/CodeSystem/v3-ActCode"
_PRIORITY: Mapping[int, str] = MappingProxyType(
    {
        report_pb2.URGENCY_EMERGENCY: "stat",
        report_pb2.URGENCY_SAME_DAY: "asap",
        report_pb2.URGENCY_PROMPT: "urgent",
    }
)
_SEVERITY: Mapping[int, str] = MappingProxyType(
    {
        report_pb2.URGENCY_EMERGENCY: "high",
        report_pb2.URGENCY_SAME_DAY: "high",
        report_pb2.URGENCY_PROMPT: "moderate",
    }
)
# What can be asked for. Whom to tell, what to review and to consider stands in the report alone: it is no request.
_REQUESTED = frozenset(
    {
        report_pb2.RECOMMENDATION_KIND_SAMPLE,
        report_pb2.RECOMMENDATION_KIND_TEST,
        report_pb2.RECOMMENDATION_KIND_ECG,
        report_pb2.RECOMMENDATION_KIND_REFER,
    }
)
_NAME = re.compile(r"\b(finding|band|group|symptom|condition|medication|specimen|patient)\.([A-Za-z0-9_]+)")
# By the kind of a name, the resource that would tell.
_TOLD_BY: Mapping[str, str] = MappingProxyType(
    {
        "finding": "Observation",
        "band": "Observation",
        "symptom": "Observation",
        "condition": "Condition",
        "medication": "MedicationStatement",
        "specimen": "Specimen",
        "patient": "Patient",
    }
)
_CODES_LIMIT = 12


def propose_requests(answering: Answering, observations: Mapping[int, str], report_url: str) -> None:
    """Makes a ServiceRequest, draft and proposal, of each recommendation that can be asked for."""
    for each in answering.report.recommendations:
        if each.kind not in _REQUESTED:
            continue
        codes = [coding(LOINC, code.code) for code in each.codes]
        content = given(
            status="draft",
            intent="proposal",
            priority=_PRIORITY.get(each.urgency, "routine"),
            code=concept(*codes, own("recommendation", each.id), text=each.text),
            subject=answering.subject,
            reasonCode=[concept(text=because) for because in each.because],
            reasonReference=[_link(observations[place]) for place in _places(answering, each) if place in observations],
            supportingInfo=[_link(report_url)],
            note=[{"text": shown(text)} for text in (each.time_frame, *each.safety_conditions) if text],
        )
        answering.make("ServiceRequest", content, authoredOn=answering.recorded)


def _places(answering: Answering, each: report_pb2.Recommendation) -> list[int]:
    """Places of the results that a recommendation is because of: those of its findings and analytes."""
    analytes = {because.partition(":")[0] for because in each.because}
    indices = {
        index for finding in answering.report.findings if finding.id in each.because for index in finding.results
    }
    return [
        place
        for place, result in enumerate(answering.report.results)
        if (result.HasField("index") and result.index in indices) or (result.analyte in analytes and not result.earlier)
    ]


def tell_missing(answering: Answering, device: str) -> None:
    """Makes a GuidanceResponse of each pattern that is only possible, with what would decide it."""
    for pattern in answering.report.patterns:
        if pattern.state != report_pb2.PATTERN_STATE_POSSIBLE:
            continue
        texts = [pattern.text, *(f"Missing: {clause.text or clause.expression}" for clause in pattern.missing)]
        if pattern.open_since:
            texts.append(f"Not excluded, since {pattern.open_since}")
        content = given(
            moduleUri=f"urn:labgloss:pattern:{pattern.id}",
            status="data-requested",
            subject=answering.subject,
            performer=_link(device),
            reasonCode=[concept(own("pattern", pattern.id, pattern.title), text=pattern.title)],
            note=[{"text": shown(text)} for text in texts if text],
            dataRequirement=list(_requirements(answering.release, pattern)),
        )
        answering.make("GuidanceResponse", content, occurrenceDateTime=answering.recorded)


def _requirements(release: Release, pattern: report_pb2.Pattern) -> Iterator[Json]:
    """By type of resource, the codes of which one would tell."""
    wanted: dict[str, dict[str, Object]] = {}
    for clause in pattern.missing:
        for told_by, codes in _told_by(release, clause.expression):
            wanted.setdefault(told_by, {}).update(codes)
    for kind, by_code in wanted.items():
        shown_codes: list[Json] = [*by_code.values()]
        filters: list[Json] = [{"path": "code", "code": shown_codes[:_CODES_LIMIT]}] if by_code else []
        yield given(type=kind, codeFilter=filters)


# Of clauses of a release, which has some hundreds.
@lru_cache(maxsize=2048)
def _told_by(release: Release, expression: str) -> tuple[tuple[str, Mapping[str, Object]], ...]:
    """By what the names of a clause are told: a type of resource, with the codes of each name."""
    return tuple(
        (told_by, {f"{code['system']}|{code['code']}": code for code in _codes(release, name)})
        for kind, ident in _NAME.findall(expression)
        for name in _members(release, Name(kind, ident))
        if (told_by := _TOLD_BY.get(name.kind)) is not None
    )


def _members(release: Release, name: Name) -> Iterator[Name]:
    """The name, or the names in a group."""
    if name.kind != "group" or name.id not in release.groups:
        yield name
        return
    for member in release.groups[name.id].members:
        for inner in names(member):
            yield from _members(release, inner)


def _codes(release: Release, name: Name) -> list[Object]:
    if name.kind in ("symptom", "condition", "medication"):
        return [own(name.kind, name.id)]
    if name.kind not in ("finding", "band"):
        return []
    analytes = [name.id] if name.kind == "band" else list(_analytes_of(release, name.id))
    known = [analyte for analyte in dict.fromkeys(analytes) if analyte in release.analytes]
    return [code for analyte in known for code in (own("analyte", analyte), *list(loinc_of(release, analyte))[:2])]


def _analytes_of(release: Release, finding: str) -> Iterator[str]:
    """The analytes that a finding is about: by its own rows, and by those that name it for a class."""
    yield from (row.analyte for row in release.findings.get(finding, ()))
    for ident, analyte in release.analytes.items():
        made = analyte.form.findings
        if finding in (made.low, made.high, made.indeterminate):
            yield ident


def detect_issues(answering: Answering, observations: Mapping[int, str], device: str) -> None:
    """Makes a DetectedIssue where a pattern or red flag rests on a therapy that the patient takes."""
    taken = {item.index: frozenset(item.ids) for item in answering.report.medications}
    report = answering.report
    met = [
        (answering.release.patterns.get(each.id), each.id, each.title, each.text, each.urgency)
        for each in report.patterns
        if each.state == report_pb2.PATTERN_STATE_MATCHED
    ]
    flags = [
        (answering.release.red_flags.get(each.id), each.id, each.id, each.text, each.urgency)
        for each in report.red_flags
        if not each.held
    ]
    for rule, ident, title, text, urgency in (*met, *flags):
        therapies = frozenset[str]() if rule is None else _therapies(answering.release, rule)
        medicines = [
            medicine
            for index, medicine in enumerate(answering.read.medicines)
            if taken.get(index, frozenset()) & therapies
        ]
        if not medicines:
            continue
        evidence: list[Json] = [
            {"detail": [_link(url)]} for place, url in observations.items() if _is_evidence(report.results[place])
        ]
        sent = {id(medicine.resource): medicine.resource for medicine in medicines}
        content = given(
            status="final",
            code=concept(coding(_ACT_CODE, "LAB", "Lab Alert"), own("rule", ident, title), text=title),
            severity=_SEVERITY.get(urgency, "low"),
            patient=answering.subject,
            author=_link(device),
            implicated=[answering.reference(each) for each in sent.values()],
            evidence=evidence,
            detail=shown(text),
        )
        answering.make("DetectedIssue", content, identifiedDateTime=answering.recorded)


def _is_evidence(result: report_pb2.ResultInterpretation) -> bool:
    """Whether a result counts now and is out of what is normal."""
    return not result.earlier and result.flag not in ("", "N")


def _therapies(release: Release, rule: PatternRow | RedFlagRow) -> frozenset[str]:
    """The medication classes that a rule asks for; what must not be taken is none of them."""
    roots: Iterable[Expression] = (*rule.core, *rule.required) if isinstance(rule, PatternRow) else deciding(rule)
    return frozenset(name.id for root in roots for name in _wanted(release, root) if name.kind == "medication")


def _wanted(release: Release, expression: Expression) -> Iterator[Name]:
    if isinstance(expression, Combination):
        if expression.operator not in ("none", "possible", "unknown"):
            for part in expression.parts:
                yield from _wanted(release, part)
    elif isinstance(expression, Name):
        if expression.kind == "group" and expression.id in release.groups:
            for member in release.groups[expression.id].members:
                yield from _wanted(release, member)
        else:
            yield expression


def _link(url: str) -> Object:
    return {"reference": url}
