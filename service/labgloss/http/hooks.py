"""The services of CDS Hooks 2.0 that there are, and what each asks an EHR to send along (prefetch)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

from labgloss.v1.knowledge_pb2 import Analyte

DISCOVERY = "/cds-services"

PATIENT, OBSERVATIONS, SPECIMENS = "patient", "observations", "specimens"
CONDITIONS, MEDICATIONS, STATEMENTS = "conditions", "medicationRequests", "medicationStatements"
_NEVER_READ = "never_read"


@dataclass(frozen=True, slots=True)
class Hook:
    """A service: at which hook it is called, and what must be there for it to answer.

    Attributes:
        id: of the service, in its path.
        name: of the hook.
        title: for whoever configures an EHR.
        description: what it does.
        required: keys of the prefetch without which it cannot answer.
        results: the key of the context that holds the results; empty where only the prefetch does.
        orders: the key of the context that holds the orders that are being signed; empty where there are none.
    """

    id: str
    name: str
    title: str
    description: str
    required: tuple[str, ...]
    results: str = ""
    orders: str = ""

    @property
    def path(self) -> str:
        """Where it is called."""
        return f"{DISCOVERY}/{self.id}"


_WHAT = (
    "Explains magnesium, calcium, 25-OH vitamin D and potassium, with what belongs to them, and proposes next steps "
    "for a clinician to consider. It supports a decision; it never diagnoses, orders or doses. No card does not mean "
    "that results are normal."
)
HOOKS = (
    Hook(
        "labgloss-patient-view",
        "patient-view",
        "Laboratory panel explained",
        _WHAT,
        (PATIENT, OBSERVATIONS),
    ),
    Hook(
        "labgloss-order-sign",
        "order-sign",
        "Laboratory panel explained, beside the orders that are signed",
        f"{_WHAT} What is among the orders already is not proposed again.",
        (PATIENT, OBSERVATIONS),
        orders="draftOrders",
    ),
    # A draft of the community (cds-hooks/docs, docs/hooks/result-review.md), and the only hook about results there is;
    # none of HL7's published hooks fires when a result is looked at.
    Hook(
        "labgloss-result-review",
        "result-review",
        "Laboratory results under review explained",
        _WHAT,
        (PATIENT,),
        results="results",
    ),
)


def discovery(analytes: Iterable[Analyte], most: int) -> Mapping[str, object]:
    """The document that an EHR is configured from, with the codes that the loaded release reads; results at most."""
    codes = {code.loinc for each in analytes if each.role != _NEVER_READ for code in each.codes}
    templates = prefetch(sorted(codes), most)
    return {
        "services": [
            {
                "hook": hook.name,
                "id": hook.id,
                "title": hook.title,
                "description": hook.description,
                "prefetch": dict(templates),
                "usageRequirements": (
                    f"Prefetch is the only way to its data: {' and '.join(hook.required)} must be sent, and no FHIR "
                    "server is asked. What else is not sent is unknown to it, never absent in the patient."
                ),
            }
            for hook in HOOKS
        ]
    }


def prefetch(codes: Sequence[str], most: int) -> Mapping[str, str]:
    """The templates: exactly what is read, the newest first, by what CDS Hooks recommends of FHIR's search."""
    whose = "patient={{context.patientId}}"
    return MappingProxyType(
        {
            PATIENT: "Patient/{{context.patientId}}",
            OBSERVATIONS: f"Observation?{whose}&code={','.join(codes)}&_sort=-date&_count={most}",
            SPECIMENS: f"Specimen?{whose}&_sort=-collected&_count={most}",
            CONDITIONS: f"Condition?{whose}&category=problem-list-item&clinical-status=active",
            MEDICATIONS: f"MedicationRequest?{whose}&status=active",
            STATEMENTS: f"MedicationStatement?{whose}&status=active",
        }
    )
