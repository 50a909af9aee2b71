"""What was sent: one patient's results and context, verbatim where it is not yet read."""

from __future__ import annotations

from dataclasses import field
from datetime import date, datetime

from labgloss.domain.closed import Closed
from labgloss.domain.quantity import Comparator
from labgloss.domain.subject import Patient
from labgloss.frozen import dataclass


class ResultStatus(Closed):
    """Status of a result, as in FHIR Observation.status."""

    REGISTERED = "registered"
    PRELIMINARY = "preliminary"
    FINAL = "final"
    CORRECTED = "corrected"
    AMENDED = "amended"
    CANCELLED = "cancelled"
    ENTERED_IN_ERROR = "entered_in_error"


class SpecimenKind(Closed):
    """Kind of specimen."""

    SERUM = "serum"
    PLASMA = "plasma"
    WHOLE_BLOOD = "whole_blood"
    CAPILLARY = "capillary"
    VENOUS = "venous"
    ARTERIAL = "arterial"
    URINE = "urine"


class Haemolysis(Closed):
    """Haemolysis as the laboratory graded it."""

    NONE = "none"
    SLIGHT = "slight"
    MODERATE = "moderate"
    GROSS = "gross"


@dataclass(frozen=True, slots=True)
class Coding:
    """A code of a code system."""

    system: str
    code: str
    display: str = ""


@dataclass(frozen=True, slots=True)
class Collected:
    """When a specimen was collected, to the day or to the second."""

    text: str
    day: date
    instant: datetime | None


@dataclass(frozen=True, slots=True)
class Specimen:
    """The specimen of a result; None and empty are unknown."""

    id: str = ""
    kind: SpecimenKind | None = None
    additive: str = ""
    haemolysis: Haemolysis | None = None
    conditions: tuple[str, ...] = ()
    transport: str = ""
    site: str = ""
    comments: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class LaboratoryInterval:
    """The laboratory's own interval, as text in the unit of the result."""

    low: str | None = None
    high: str | None = None
    text: str = ""


@dataclass(frozen=True, slots=True)
class Result:
    """One measured analyte as the laboratory sent it."""

    index: int
    id: str = ""
    analyte: str = ""
    codings: tuple[Coding, ...] = ()
    value: str = ""
    comparator: Comparator = Comparator.EQUAL
    unit: str = ""
    status: ResultStatus = ResultStatus.FINAL
    collected: Collected | None = None
    specimen: Specimen = field(default_factory=Specimen)
    interval: LaboratoryInterval | None = None
    flags: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Symptom:
    """A symptom by id, code or plain words; `present` is False when it was denied."""

    id: str = ""
    coding: Coding | None = None
    text: str = ""
    present: bool = True
    onset: str = ""
    duration: str = ""


@dataclass(frozen=True, slots=True)
class ContextItem:
    """A condition or medication by id, code or plain words."""

    id: str = ""
    coding: Coding | None = None
    text: str = ""
    since: str = ""


@dataclass(frozen=True, slots=True)
class Options:
    """How to interpret; empty is the default."""

    vitamin_d_policy: str = ""
    critical_limits: str = ""
    intervals: str = ""
    trace: bool = True


@dataclass(frozen=True, slots=True)
class Panel:
    """One patient's results and context; a list of conditions or medications that is None was not sent."""

    id: str = ""
    patient: Patient = field(default_factory=Patient)
    results: tuple[Result, ...] = ()
    symptoms: tuple[Symptom, ...] = ()
    conditions: tuple[ContextItem, ...] | None = None
    medications: tuple[ContextItem, ...] | None = None
    source: str = ""
    options: Options = field(default_factory=Options)
    as_of: date | None = None
