"""Code systems and codes that Bundles are read by, and those of this service that answers are written in.

What the answer names by a code of this service, a request may name by it too.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from labgloss.v1 import panel_pb2


def these(codes: str) -> frozenset[str]:
    """The codes or words of a text."""
    return frozenset(codes.split())


# The code systems of this service: each ends in the list of the release that its codes are ids of.
OWN = "urn:labgloss:"
ANALYTE, SYMPTOM, CONDITION, MEDICATION = (f"{OWN}{name}" for name in ("analyte", "symptom", "condition", "medication"))
HAEMOLYSIS = f"{OWN}haemolysis"
# Of the resources that this service makes.
CATEGORY = f"{OWN}category"
# Of an Observation's identifier: Result.id.
RESULT = f"{OWN}result"
# What no resource of R4 has an element for: extensions of Patient, Specimen, and of what a symptom is told by.
AGE, PREGNANT, TRIMESTER, PRETERM = (f"{OWN}{name}" for name in ("age", "pregnant", "trimester", "preterm"))
TRANSPORT, DURATION, ONSET = (f"{OWN}{name}" for name in ("transport", "duration", "onset"))
# In the place of a system that was not sent: without one, a code of a result would be read as LOINC.
NO_SYSTEM = f"{OWN}without-system"
# Of a result that is named by a text alone, which identifies nothing.
TEXT_ONLY = f"{OWN}text"

# The one modifierExtension that is known, of Germany's core data set: what spoils the reading of a result.
SPOILED_BY = frozenset(
    f"https://www.medizininformatik-initiative.de/fhir/core/modul-labor/StructureDefinition/{name}"
    for name in (
        "InterpretationsbeeinflussendeEigenschaft",
        "mii-ex-labor-interpretationsbeeinflussende-eigenschaft",
    )
)
# SNOMED CT's "specimen hemolyzed" as HL7 table 0493 has it.
HAEMOLYSED_SNOMED, HAEMOLYSED = "118128002", "HEM"

LOINC = "http://loinc.org"
SNOMED = "http://snomed.info/sct"
UCUM = "http://unitsofmeasure.org"
# Other names of systems, as they are sent.
SYSTEMS: Mapping[str, str] = MappingProxyType(
    {
        "urn:oid:2.16.840.1.113883.6.1": LOINC,
        "https://loinc.org": LOINC,
        "http://loinc.org/": LOINC,
        "urn:oid:2.16.840.1.113883.6.96": SNOMED,
        "http://snomed.info/sct/": SNOMED,
        "urn:oid:2.16.840.1.113883.6.90": "http://hl7.org/fhir/sid/icd-10-cm",
        "http://hl7.org/fhir/sid/icd-10-cm/": "http://hl7.org/fhir/sid/icd-10-cm",
    }
)
# As the canonical request names the systems that symptoms are coded in.
SYMPTOM_SYSTEMS: Mapping[str, str] = MappingProxyType(
    {SNOMED: "snomed", "http://hl7.org/fhir/sid/icd-10-cm": "icd10cm", "snomed": "snomed", "icd10cm": "icd10cm"}
)

STATUS: Mapping[str, panel_pb2.ResultStatus.ValueType] = MappingProxyType(
    {
        "registered": panel_pb2.RESULT_STATUS_REGISTERED,
        "preliminary": panel_pb2.RESULT_STATUS_PRELIMINARY,
        "final": panel_pb2.RESULT_STATUS_FINAL,
        "corrected": panel_pb2.RESULT_STATUS_CORRECTED,
        "amended": panel_pb2.RESULT_STATUS_AMENDED,
        "cancelled": panel_pb2.RESULT_STATUS_CANCELLED,
        "entered-in-error": panel_pb2.RESULT_STATUS_ENTERED_IN_ERROR,
    }
)
COMPARATOR: Mapping[str, panel_pb2.Comparator.ValueType] = MappingProxyType(
    {
        "": panel_pb2.COMPARATOR_UNSPECIFIED,
        "<": panel_pb2.COMPARATOR_LESS,
        "<=": panel_pb2.COMPARATOR_LESS_OR_EQUAL,
        ">=": panel_pb2.COMPARATOR_GREATER_OR_EQUAL,
        ">": panel_pb2.COMPARATOR_GREATER,
    }
)
SEX: Mapping[str, panel_pb2.Sex.ValueType] = MappingProxyType(
    {"female": panel_pb2.SEX_FEMALE, "male": panel_pb2.SEX_MALE}
)

HAEMOLYSIS_CODES: Mapping[str, panel_pb2.Haemolysis.ValueType] = MappingProxyType(
    {
        "none": panel_pb2.HAEMOLYSIS_NONE,
        "slight": panel_pb2.HAEMOLYSIS_SLIGHT,
        "moderate": panel_pb2.HAEMOLYSIS_MODERATE,
        "gross": panel_pb2.HAEMOLYSIS_GROSS,
    }
)

# Answers to whether something is present: SNOMED CT, LOINC answers, HL7 table 0136, and whole texts.
PRESENT = these(
    "52101004 10828004 373066001 LA33-6 LA9633-4 Y POS present positive yes true 255604002 6736007 24484000 "
    "mild moderate severe"
)
ABSENT = these("2667000 260385009 373067005 LA32-8 LA9634-2 N NEG absent negative no false none")

# Observations that carry a symptom as their value: LOINC.
SYMPTOM_CARRIERS = frozenset({"75325-1", "8661-1", "10154-3"})
PREGNANCY_STATUS = frozenset({"82810-3", "11449-6"})
AGE_CODES = frozenset({"30525-0", "21612-7"})
IS_PREGNANT = frozenset({"77386006", "LA15173-0"})
IS_NOT_PREGNANT = frozenset({"60001007", "LA26683-5"})
# Conditions that say that the patient is pregnant: SNOMED CT, ICD-10-CM.
PREGNANCY_CONDITIONS = frozenset({"77386006", "72892002", "47200007", "Z33.1"})
PREGNANCY_PREFIXES = ("Z34.", "Z3A.", "O09.")

# Categories of Observations that are no laboratory results.
OTHER_CATEGORIES = these("vital-signs social-history survey exam imaging procedure therapy activity")
LABORATORY = frozenset({"laboratory", "LAB"})

# What stands for "there are none" and for "it is not known" in the place of an item: IPS, SNOMED CT.
NONE_KNOWN = these("no-known-problems no-known-medications 160245001 787481004")
NO_INFORMATION = these("no-problem-info no-medication-info")
# Codes of lists and sections: LOINC, and FHIR's list-example-use-codes.
PROBLEM_LISTS = frozenset({"11450-4", "problems"})
MEDICATION_LISTS = frozenset({"10160-0", "29549-3", "medications"})
