"""A report as a FHIR R4 Bundle beside the laboratory's own resources, which stay as they came."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import UTC, datetime

from labgloss.fhir.answering import Answering, coding, concept, date_time, given, own, shown, url_of
from labgloss.fhir.attachment import attachment
from labgloss.fhir.bundle import Resource
from labgloss.fhir.interpretations import interpret_results
from labgloss.fhir.issues import Issue, Severity
from labgloss.fhir.json_text import Json, Object, write
from labgloss.fhir.narrative import narrative
from labgloss.fhir.proposals import detect_issues, propose_requests, tell_missing
from labgloss.fhir.reading import ReadPanel
from labgloss.knowledge.release import Release
from labgloss.v1 import fhir_pb2, panel_pb2, report_pb2

_PARTICIPANT = "http://terminology.hl7.org/CodeSystem/provenance-participant-type"
_SECTION = "http://terminology.hl7.org/CodeSystem/v2-0074"
_OUTCOME = "OperationOutcome"
# What a Provenance says nothing of: who made the answer, and what no server keeps.
_NO_TARGETS = frozenset({"Device", _OUTCOME})


def answer_bundle(
    read: ReadPanel,
    report: report_pb2.Report,
    release: Release,
    recorded: datetime,
    answer_type: fhir_pb2.BundleType.ValueType,
    traced: bool = True,
) -> bytes:
    """The answer's Bundle as JSON; the same content gives the same bytes.

    `traced`: whether the attached report has its trace, which is the larger part of it.
    """
    answering = Answering(read, report, release, recorded.astimezone(UTC).isoformat(timespec="seconds"))
    sent = list(_sent(read))
    _make_all(answering, sent, attachment(report, traced))
    unspecified = answer_type == fhir_pb2.BUNDLE_TYPE_UNSPECIFIED
    if answer_type == fhir_pb2.BUNDLE_TYPE_TRANSACTION or (unspecified and read.bundle.kind == "transaction"):
        return write({"resourceType": "Bundle", "type": "transaction", "entry": list(_transaction(answering, sent))})
    return write({"resourceType": "Bundle", "type": "collection", "entry": list(_collection(answering, sent))})


def _sent(read: ReadPanel) -> Iterator[Resource]:
    """The resources of entries that the answer rests on and refers to, each once: patient, Observations, the rest."""
    patient = () if read.patient is None or read.patient.resource is None else (read.patient.resource,)
    specimens = (each.specimen for each in read.results if each.specimen is not None)
    used = (*patient, *(each.observation for each in read.results), *specimens, *(m.resource for m in read.medicines))
    # Two entries under one URL are two of one resource; an answer may name it once.
    yield from {url_of(each.outermost): each.outermost for each in used}.values()


def _collection(answering: Answering, sent: Iterable[Resource]) -> Iterator[Json]:
    for resource in sent:
        url = url_of(resource)
        named: Object = {} if not resource.full_url and resource.id else {"fullUrl": url}
        yield {**named, "resource": resource.element.body}
    for made in answering.made:
        yield {"fullUrl": made.url, "resource": made.body}


def _transaction(answering: Answering, sent: Iterable[Resource]) -> Iterator[Json]:
    """What was sent as it was asked for; what only this Bundle knows is created; what a server has is left to it."""
    for resource in sent:
        url = url_of(resource)
        if resource.request is not None:
            yield {"fullUrl": url, "resource": resource.element.body, "request": resource.request}
        elif url.startswith("urn:"):
            request: Object = {"method": "POST", "url": resource.kind}
            yield {"fullUrl": url, "resource": resource.element.body, "request": request}
    for made in answering.made:
        # No server keeps outcomes: it is contained in the GuidanceResponse that it belongs to.
        if made.kind != _OUTCOME:
            put: Object = {"method": "PUT", "url": f"{made.kind}/{made.id}"}
            yield {"fullUrl": made.url, "resource": made.body, "request": put}


def _make_all(answering: Answering, sent: Iterable[Resource], attached: Object) -> None:
    device = _device(answering)
    observations = interpret_results(answering)
    report_url = _diagnostic_report(answering, list(dict.fromkeys(observations.values())), attached)
    tell_missing(answering, device)
    detect_issues(answering, observations, device)
    propose_requests(answering, observations, report_url)
    _evaluation(answering, device, report_url)
    _provenance(answering, device, sent)


def _device(answering: Answering) -> str:
    """This service, as what made the answer."""
    reference = answering.report.release
    version = f"engine {reference.engine}, release {reference.version}"
    content: Object = {
        "status": "active",
        "deviceName": [{"name": "labgloss", "type": "model-name"}],
        "type": concept(text="Software that explains laboratory panels"),
        "version": [{"value": version}],
    }
    return answering.make("Device", content)


def _diagnostic_report(answering: Answering, observations: list[str], attached: Object) -> str:
    report, recorded = answering.report, answering.recorded
    times = [text for each in report.results if not each.earlier and (text := date_time(each.as_sent.collected))]
    preliminary = any(each.as_sent.status == panel_pb2.RESULT_STATUS_PRELIMINARY for each in report.results)
    content = given(
        text=narrative(answering),
        status="preliminary" if preliminary else "final",
        category=[concept(coding(_SECTION, "LAB", "Laboratory")), concept(own("category", "interpretation"))],
        code=concept(own("report", "interpretation"), text="Interpretation of a laboratory panel"),
        subject=answering.subject,
        effectiveDateTime=max(times, default=None),
        result=[{"reference": url} for url in observations],
        conclusion=shown(report.summary),
        conclusionCode=list(_conclusions(report)),
        presentedForm=[attached],
    )
    return answering.make("DiagnosticReport", content, issued=recorded)


def _conclusions(report: report_pb2.Report) -> Iterator[Json]:
    """Findings and patterns that are certain, in the codes of this service: the words of no diagnosis."""
    for finding in report.findings:
        if finding.truth == report_pb2.TRUTH_TRUE:
            yield concept(own("finding", finding.id), text=finding.text or finding.id)
    for pattern in report.patterns:
        if pattern.state == report_pb2.PATTERN_STATE_MATCHED:
            yield concept(own("pattern", pattern.id, pattern.title), text=pattern.title)
    for flag in report.red_flags:
        if not flag.held:
            yield concept(own("red-flag", flag.id), text=flag.text)


def _evaluation(answering: Answering, device: str, report_url: str) -> None:
    """The evaluation as a whole, with what could not be read."""
    outcome: Object = {"issue": list(_issues(answering))}
    answering.make(_OUTCOME, outcome)
    content: Object = {
        "contained": [{"resourceType": _OUTCOME, "id": "outcome", **outcome}],
        "moduleUri": f"urn:labgloss:release:{answering.report.release.version}",
        "status": "success",
        "subject": answering.subject,
        "performer": {"reference": device},
        "reasonReference": [{"reference": report_url}],
        "evaluationMessage": [{"reference": "#outcome"}],
    }
    answering.make("GuidanceResponse", content, occurrenceDateTime=answering.recorded)


def _issues(answering: Answering) -> Iterator[Json]:
    report, results = answering.report, answering.read.results
    found = [*answering.read.issues]
    for place, result in enumerate(report.results):
        if result.state == report_pb2.RESULT_STATE_NOT_RECOGNISED:
            path = results[place].element.path
            found.append(Issue(Severity.INFORMATION, "not-supported", path, "the analyte is not known to this release"))
    for issue in report.issues:
        paths = [results[index].element.path for index in issue.results if index < len(results)] or [""]
        found += [Issue(Severity.WARNING, "business-rule", path, f"{issue.id}: {issue.text}") for path in paths]
    if not found:
        found = [Issue(Severity.INFORMATION, "informational", "", "all that concerns the panel was read")]
    for each in found:
        yield given(
            severity=each.severity.value,
            code=each.code,
            details=concept(text=each.text),
            expression=[each.path] if each.path else [],
        )


def _provenance(answering: Answering, device: str, sent: Iterable[Resource]) -> None:
    """Which release and rules made the answer, of what."""
    report = answering.report
    release = report.release
    policies = [f"urn:labgloss:release:{release.version}:{release.digest}"]
    if release.overlay:
        policies.append(f"urn:labgloss:overlay:{release.overlay_digest}")
    policies += [f"urn:labgloss:rule:{rule}" for rule in sorted(set(_rules(report)))]
    entities: list[Json] = [{"role": "source", "what": _as_read(each)} for each in sent if each.kind != "Patient"]
    identifier: Object = {"system": "urn:labgloss:release", "value": release.digest}
    named: Object = {"identifier": identifier, "display": f"labgloss release {release.version}"}
    content: Object = {
        "target": [{"reference": made.url} for made in answering.made if made.kind not in _NO_TARGETS],
        "policy": list(policies),
        "activity": concept(text="Interpretation of a laboratory panel"),
        "agent": [
            {"type": concept(coding(_PARTICIPANT, "assembler", "Assembler")), "who": {"reference": device}},
        ],
        "entity": [*entities, {"role": "source", "what": named}],
    }
    answering.make("Provenance", content, recorded=answering.recorded)


def _rules(report: report_pb2.Report) -> Iterator[str]:
    for result in report.results:
        yield from result.rule_ids
    yield from (finding.rule_id for finding in report.findings if finding.rule_id)
    yield from (pattern.id for pattern in report.patterns)
    yield from (flag.id for flag in report.red_flags)
    for recommendation in report.recommendations:
        yield from recommendation.rule_ids


def _as_read(resource: Resource) -> Object:
    """A reference to the version that was read, where it has one and a server keeps it."""
    url = url_of(resource)
    meta = resource.element.body.get("meta")
    version = meta.get("versionId") if isinstance(meta, dict) else None
    if isinstance(version, str) and version and not url.startswith("urn:"):
        return {"reference": f"{url}/_history/{version}"}
    return {"reference": url}
