"""A Bundle as the canonical request: whose it is, the results, the context; and what of it could not be read."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, datetime

from labgloss.errors import RequestError, Violation
from labgloss.fhir.bundle import Bundle, Resource, Target, read_bundle
from labgloss.fhir.context import OPEN_CONDITION, OPEN_MEDICATION, Context, ContextReader, Medicine, SymptomCodes
from labgloss.fhir.haemolysis import tell_haemolysis
from labgloss.fhir.issues import Issue, Issues, Severity
from labgloss.fhir.patients import is_of_patient, read_observed, read_patient, read_pregnancy
from labgloss.fhir.results import Laboratory, ReadResult, fit
from labgloss.fhir.terms import LOINC, these
from labgloss.fhir.whose import whose
from labgloss.frozen import dataclass
from labgloss.knowledge.release import Release
from labgloss.v1 import fhir_pb2, panel_pb2
from labgloss.wire import times
from labgloss.wire.fields import ID_LIMIT, LIST_LIMIT

# What a Bundle may hold that this reads, or that needs no reading.
_READ = these(
    "Patient Observation DiagnosticReport Specimen Condition MedicationStatement MedicationRequest Medication List "
    "Composition ServiceRequest Encounter"
)
# What says nothing of the patient's state.
_SILENT = these(
    "Practitioner PractitionerRole Organization Location Device Provenance OperationOutcome MessageHeader AuditEvent "
    "Endpoint HealthcareService"
)

_SUPERSEDING = frozenset(
    {
        panel_pb2.RESULT_STATUS_CORRECTED,
        panel_pb2.RESULT_STATUS_AMENDED,
        panel_pb2.RESULT_STATUS_CANCELLED,
        panel_pb2.RESULT_STATUS_ENTERED_IN_ERROR,
    }
)


@dataclass(frozen=True, slots=True)
class ReadPanel:
    """The canonical request, and where each of its items came from."""

    panel: panel_pb2.Panel
    bundle: Bundle
    issues: Issues
    patient: Target | None
    # Of each result, in its order.
    results: tuple[ReadResult, ...]
    # Of each medication, in its order, but for the last where it leaves the list open.
    medicines: tuple[Medicine, ...]

    def in_terms_of_the_bundle(self, error: RequestError) -> RequestError:
        """The violations of the canonical request, each with the path of what it was read from."""
        return RequestError(tuple(replace(each, field=self._place(each.field)) for each in error.violations))

    def _place(self, path: str) -> str:
        for place, read in enumerate(self.results):
            if path.startswith(f"panel.results[{place}]"):
                return f"bundle: {read.element.path}"
        if path.startswith("panel.patient") and self.patient is not None and self.patient.resource is not None:
            return f"bundle: {self.patient.resource.path}"
        return path.removeprefix("panel.")


def read_panel(request: fhir_pb2.InterpretBundleRequest, release: Release, recorded: datetime) -> ReadPanel:
    """The panel of one patient of the Bundle. Raises RequestError where there is none, with what was not read."""
    issues = Issues()
    bundle = read_bundle(request.bundle, issues)
    panel = panel_pb2.Panel(id=_panel_id(request, bundle), source=request.source, as_of=request.as_of)
    if request.HasField("options"):
        panel.options.CopyFrom(request.options)
    laboratory = Laboratory(bundle, release)
    observations = list(laboratory.observations)
    symptoms = SymptomCodes(release)
    of_patient = [each for each in observations if is_of_patient(each)]
    others = [each for each in observations if not is_of_patient(each)]
    tells = {id(each): symptoms.told_by(each) for each in others}
    told = [each for each in others if tells[id(each)]]
    results = [each for each in others if not tells[id(each)] and laboratory.is_result(each)]
    owner = whose(bundle, results, request.subject)
    read = laboratory.results([each for each in results if owner.holds(each)], owner, recorded)
    # Before any is left out: what is told of a specimen is of no analyte.
    _supersede(read)
    tell_haemolysis(read)
    read = _newest(read, release, issues)
    fit(read)
    newest = max((day for each in read if (day := _day(each)) is not None), default=None)
    patient = owner.patient
    read_patient(None if patient is None or patient.resource is None else patient.resource.element, panel.patient)
    read_observed([each for each in of_patient if owner.holds(each)], newest, panel.patient)
    read_pregnancy([each for each in bundle.of_kind("Condition") if owner.holds(each)], panel.patient)
    context = ContextReader(bundle, release, owner, newest).read([each for each in told if owner.holds(each)])
    _say_what_was_left(bundle, observations, (*of_patient, *told, *results), patient)
    panel.results.extend(each.result for each in read)
    _set_context(panel, context)
    if panel.patient == panel_pb2.Patient():
        panel.ClearField("patient")
    if not panel.results and not panel.symptoms:
        raise _nothing(issues)
    return ReadPanel(panel, bundle, issues, patient, tuple(read), tuple(context.medicines or ()))


def _panel_id(request: fhir_pb2.InterpretBundleRequest, bundle: Bundle) -> str:
    identifier = bundle.element.child("identifier")
    named = "" if identifier is None else identifier.text("value")
    ident = request.panel_id or named or bundle.element.text("id")
    return ident if request.panel_id or len(ident) <= ID_LIMIT else ""


def _day(read: ReadResult) -> date | None:
    found = times.collected(read.result.collected)
    return None if found is None else found.day


def _supersede(read: list[ReadResult]) -> None:
    """Withdraws what another resource under the laboratory's own number of the result corrects or withdraws."""
    alike: dict[tuple[object, ...], list[ReadResult]] = {}
    for each in read:
        codes = frozenset((coding.system, coding.code) for coding in each.result.codings)
        for name in each.observation.identifiers if not each.is_component else ():
            if name[0]:
                alike.setdefault((name, codes, each.result.collected), []).append(each)
    for several in alike.values():
        if any(each.result.status in _SUPERSEDING for each in several):
            for each in several:
                if each.result.status not in _SUPERSEDING:
                    each.result.status = panel_pb2.RESULT_STATUS_ENTERED_IN_ERROR
                    said = "another resource under its identifier corrects or withdraws it; it is shown, and not judged"
                    each.element.issues.warning("business-rule", each.element.path, said)


def _newest(read: list[ReadResult], release: Release, issues: Issues) -> list[ReadResult]:
    """The results that the canonical request has room for: those that are known, the newest first of them."""
    if len(read) <= LIST_LIMIT:
        return read
    known = [each for each in read if _is_known(each, release)]
    by_age = sorted(known, key=lambda each: _day(each) or date.max, reverse=True)
    newest = max(filter(None, map(_day, known)), default=None)
    if any(_day(each) in (None, newest) for each in by_age[LIST_LIMIT:]):
        description = f"at most {LIST_LIMIT} results of the newest day, or without a day, are allowed; send fewer"
        raise RequestError((Violation("bundle", "TOO_MANY", description),))
    kept = {id(each) for each in by_age[:LIST_LIMIT]}
    others = [each for each in read if not _is_known(each, release)]
    kept |= {id(each) for each in others[: LIST_LIMIT - len(kept)]}
    said = f"more than {LIST_LIMIT} results came; this one, earlier or of no known analyte, was not read"
    for each in read:
        if id(each) not in kept:
            issues.warning("too-costly", each.element.path, said)
    return [each for each in read if id(each) in kept]


def _is_known(read: ReadResult, release: Release) -> bool:
    codes = [(coding.system, coding.code) for coding in read.result.codings]
    named = any(
        (system == LOINC and code in release.codes) or (system, code) in release.site.codes for system, code in codes
    )
    return bool(read.result.analyte) or named


def _set_context(panel: panel_pb2.Panel, context: Context) -> None:
    panel.symptoms.extend(context.symptoms)
    if context.conditions is not None:
        panel.conditions.CopyFrom(panel_pb2.ConditionList(conditions=context.conditions))
        if context.conditions_open:
            panel.conditions.conditions.add(text=OPEN_CONDITION)
    if context.medicines is not None:
        medications = [each.medication for each in context.medicines]
        panel.medications.CopyFrom(panel_pb2.MedicationList(medications=medications))
        if context.medicines_open:
            panel.medications.medications.add(text=OPEN_MEDICATION)


def _say_what_was_left(
    bundle: Bundle, observations: list[Resource], read: tuple[Resource, ...], patient: Target | None
) -> None:
    """Names, once for each type, resources that were not read, and Observations that are no laboratory results."""
    issues = bundle.element.issues
    taken = {id(each) for each in read}
    for observation in observations:
        if id(observation) not in taken:
            said = "it is no laboratory result by its category and code, and no complaint; it was not read"
            issues.information("informational", observation.path, said)
    kinds: dict[str, Resource] = {}
    for resource in bundle.resources:
        if resource.kind and resource.kind not in _READ and resource.kind not in _SILENT:
            kinds.setdefault(resource.kind, resource)
    for kind, first in kinds.items():
        issues.information("not-supported", first.path, f"resources of the type {kind} are not read")
    if patient is not None and patient.resource is None:
        said = "the Patient did not come with the Bundle; age and sex are unknown"
        issues.warning("not-found", "Bundle.entry", said)


def _nothing(issues: Issues) -> RequestError:
    """What is said where a Bundle holds nothing to interpret, with every error that explains it."""
    description = "a laboratory result or a complaint of the patient is needed; none could be read"
    explained = [_violation(issue) for issue in issues if issue.severity is Severity.ERROR]
    return RequestError((Violation("bundle", "REQUIRED", description), *explained))


def _violation(issue: Issue) -> Violation:
    return Violation(f"bundle: {issue.path}", "BAD_FORM", issue.text)
