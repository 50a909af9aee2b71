"""A Bundle as the canonical request: whose it is, the results, the context; and what of it could not be read."""

from __future__ import annotations

from dataclasses import dataclass, field

from labgloss.errors import RequestError, Violation
from labgloss.fhir.bundle import Bundle, Resource, Target, read_bundle
from labgloss.fhir.issues import Issues
from labgloss.fhir.results import results_of
from labgloss.v1 import fhir_pb2, panel_pb2

_SEX = {"female": panel_pb2.SEX_FEMALE, "male": panel_pb2.SEX_MALE}


@dataclass(frozen=True, slots=True)
class ReadPanel:
    """The canonical request, and where each of its items came from."""

    panel: panel_pb2.Panel
    bundle: Bundle
    issues: Issues
    patient: Target | None
    # Of each result, in its order: the Observation of an entry.
    observations: tuple[Resource, ...] = field(default=())


def read_panel(request: fhir_pb2.InterpretBundleRequest) -> ReadPanel:
    """The panel of one patient of the Bundle. Raises RequestError where there is none."""
    issues = Issues()
    bundle = read_bundle(request.bundle, issues)
    panel = panel_pb2.Panel(source=request.source, as_of=request.as_of)
    if request.HasField("options"):
        panel.options.CopyFrom(request.options)
    patient = next((Target(each.full_url, each) for each in bundle.of_kind("Patient")), None)
    if patient is not None and patient.resource is not None:
        panel.patient.birth_date = patient.resource.element.text("birthDate")
        panel.patient.sex = _SEX.get(patient.resource.element.text("gender"), panel_pb2.SEX_UNSPECIFIED)
    read = results_of(bundle)
    if not read:
        raise RequestError((Violation("bundle", "REQUIRED", "a Bundle with a laboratory's Observation is needed"),))
    panel.results.extend(result for result, _ in read)
    return ReadPanel(panel, bundle, issues, patient, tuple(observation for _, observation in read))
