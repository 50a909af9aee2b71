"""Who was sampled: birth date, sex, pregnancy, from the Patient and from Observations of them."""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import date

from labgloss.fhir.bundle import Resource
from labgloss.fhir.concept import concept_of
from labgloss.fhir.element import Element
from labgloss.fhir.moments import day_of
from labgloss.fhir.specimens import extension_of
from labgloss.fhir.terms import (
    AGE,
    AGE_CODES,
    IS_NOT_PREGNANT,
    IS_PREGNANT,
    PREGNANCY_CONDITIONS,
    PREGNANCY_PREFIXES,
    PREGNANCY_STATUS,
    PREGNANT,
    PRETERM,
    SEX,
    TRIMESTER,
)
from labgloss.v1 import panel_pb2
from labgloss.wire import times

_WHOLE = re.compile(r"[0-9]{1,5}")
_AGE_UNITS = {"a": "age_years", "mo": "age_months", "d": "age_days"}


def read_patient(patient: Element | None, into: panel_pb2.Patient) -> None:
    """Takes what a Patient says; what it leaves open stays unknown."""
    if patient is None:
        return
    born = patient.text("birthDate")
    if times.partial_date(born) is not None:
        into.birth_date = born
    elif born:
        said = f"{times.PARTIAL_DATE_FORM} is needed; the age is unknown"
        patient.issues.warning("value", patient.at("birthDate"), said)
    gender = patient.text("gender")
    if gender in SEX:
        into.sex = SEX[gender]
    elif gender:
        said = "it is neither female nor male; intervals of both are considered"
        patient.issues.information("value", patient.at("gender"), said)
    if patient.boolean("deceasedBoolean") or patient.has("deceasedDateTime"):
        said = "the patient is recorded as dead; what is drawn after death is not to be read as in life"
        patient.issues.warning("business-rule", f"{patient.path}.deceased", said)
    _read_extensions(patient, into)


def _read_extensions(patient: Element, into: panel_pb2.Patient) -> None:
    """What R4 has no element for, in the extensions of this service."""
    age = extension_of(patient, AGE)
    if age is not None and not into.HasField("birth_date") and (quantity := age.child("valueQuantity")) is not None:
        _read_age(quantity, into)
    for url, name in ((PREGNANT, "pregnant"), (PRETERM, "preterm")):
        given = extension_of(patient, url)
        if given is not None and (said := given.boolean("valueBoolean")) is not None:
            setattr(into, name, said)
    trimester = extension_of(patient, TRIMESTER)
    if trimester is not None and (number := trimester.number("valueInteger")) in ("1", "2", "3"):
        into.trimester = int(number)


def _read_age(quantity: Element, into: panel_pb2.Patient) -> None:
    name, number = _AGE_UNITS.get(quantity.text("code")), quantity.number("value")
    if name is not None and _WHOLE.fullmatch(number) and not quantity.has("comparator"):
        setattr(into, name, int(number))
    else:
        said = "an age is read in whole years (a), months (mo) or days (d)"
        quantity.issues.warning("value", quantity.path, said)


def is_of_patient(observation: Resource) -> bool:
    """Whether an Observation tells of age or pregnancy."""
    return concept_of(observation.element.child("code")).any_of(PREGNANCY_STATUS | AGE_CODES)


def read_observed(observations: Iterable[Resource], newest: date | None, into: panel_pb2.Patient) -> None:
    """Takes age and pregnancy from Observations of the day of the newest results, or without a date."""
    said_pregnant: dict[bool, Element] = {}
    for observation in observations:
        element = observation.element
        if element.text("status") not in ("final", "amended", "corrected") or element.has("modifierExtension"):
            continue
        day = times.day(day_of(element.text("effectiveDateTime") or element.text("effectiveInstant")))
        if day is not None and day != newest:
            said = "it is not of the day of the newest results, and may have changed; it was not read"
            element.issues.information("business-rule", element.path, said)
            continue
        if concept_of(element.child("code")).any_of(AGE_CODES):
            quantity = element.child("valueQuantity")
            if quantity is not None and into.WhichOneof("age") is None:
                _read_age(quantity, into)
            continue
        value = concept_of(element.child("valueCodeableConcept"))
        if value.any_of(IS_PREGNANT):
            said_pregnant[True] = element
        elif value.any_of(IS_NOT_PREGNANT) and not into.HasField("trimester"):
            said_pregnant[False] = element
    if len(said_pregnant) == 1:
        (into.pregnant,) = said_pregnant
    for element in said_pregnant.values() if len(said_pregnant) == 2 else ():
        element.issues.warning("conflict", element.path, "another says the opposite, so that pregnancy is not known")


def read_pregnancy(conditions: Iterable[Resource], into: panel_pb2.Patient) -> None:
    """Takes a pregnancy from an active Condition that says so."""
    for condition in conditions:
        element = condition.element
        clinical = {code.code for code in concept_of(element.child("clinicalStatus")).codes}
        verified = {code.code for code in concept_of(element.child("verificationStatus")).codes}
        over = any(element.has(f"abatement{kind}") for kind in ("DateTime", "Age", "Period", "Range", "String"))
        if "active" not in clinical or over or not verified <= {"confirmed"} or element.has("modifierExtension"):
            continue
        codes = concept_of(element.child("code")).codes
        if any(code.code in PREGNANCY_CONDITIONS or code.code.startswith(PREGNANCY_PREFIXES) for code in codes):
            into.pregnant = True
