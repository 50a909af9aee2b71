"""Builders of panels: short to write, and exact about what is not known.

Nothing is judged here: what a panel may hold is decided by the service, which names every bad field at once. A builder
refuses only what would reach the service as something other than what was meant: a float for a value, two ages, a word
that no enumeration has, a text where a list belongs.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import date, datetime
from decimal import Decimal
from typing import TypeVar

from labgloss.v1.panel_pb2 import (
    Coding,
    Condition,
    ConditionList,
    LaboratoryInterval,
    Medication,
    MedicationList,
    Options,
    Panel,
    Patient,
    Result,
    Specimen,
    Symptom,
)
from labgloss_client._words import COMPARATOR, HAEMOLYSIS, RESULT_STATUS, SEX, SPECIMEN_KIND

ItemT = TypeVar("ItemT")

_LOINC = re.compile(r"[0-9]+-[0-9]")
# People write no underscores, and ids of two words and more always have one. A single word is text even where an id is
# spelled so: FALLS from a system that shouts is recognised as text, but CRAMPS, taken for an id, would not be.
_SYMPTOM_ID = re.compile(r"[A-Z0-9]+(_[A-Z0-9]+)+")
_CONTEXT_ID = re.compile(r"[a-z0-9]+(_[a-z0-9]+)+")


def panel(
    *results: Result,
    id: str = "",
    patient: Patient | None = None,
    symptoms: Iterable[str | Symptom] = (),
    conditions: Iterable[str | Condition] | None = None,
    medications: Iterable[str | Medication] | None = None,
    as_of: str | date = "",
    source: str = "",
    vitamin_d_policy: str = "",
    critical_limits: str = "",
    intervals: str = "",
    release: str = "",
    language: str = "",
    trace: bool | None = None,
) -> Panel:
    """One patient's results and context.

    Args:
        id: your id of the panel, which comes back in the report. Never one that names a person.
        patient: who was sampled. None: unknown, and every admissible interval is tried.
        symptoms: texts, ids, or `symptom(...)`. One that is not there is unknown, never denied.
        conditions, medications: None, the list is not known; `[]`, it is known and empty, so that what it does not hold
            is false.
        as_of: the date that a birth date is read against where a result has no collection time.
        source: the sending system.
        vitamin_d_policy, critical_limits, intervals, release, language, trace: how to interpret; left out, as the
            release does by default. `release()` of the client lists the choices.

    *Texts and ids:* a string that joins words with underscores, in capitals for symptoms ("MUSCLE_CRAMP") and in small
    letters for conditions and medications ("heart_failure"), is sent as an id. Every other string is sent as plain
    words, a single word too: "FALLS", "dialysis". To send a single word as an id, write `symptom(id="FALLS")`.

    Raises:
        TypeError: a text stands where a list belongs.
    """
    options = Options(
        vitamin_d_policy=vitamin_d_policy,
        critical_limits=critical_limits,
        intervals=intervals,
        release=release,
        language=language,
        trace=trace,
    )
    return Panel(
        id=id,
        patient=patient,
        results=results,
        symptoms=[_symptom(item) for item in _list("symptoms", symptoms)],
        conditions=None
        if conditions is None
        else ConditionList(conditions=[_condition(item) for item in _list("conditions", conditions)]),
        medications=None
        if medications is None
        else MedicationList(medications=[_medication(item) for item in _list("medications", medications)]),
        source=source,
        options=options if options.ListFields() else None,
        as_of=_date(as_of),
    )


def result(
    what: str,
    value: str | Decimal | int | None,
    unit: str = "",
    *,
    id: str = "",
    codings: Iterable[Coding] = (),
    comparator: str = "",
    status: str = "",
    collected: str | date | datetime = "",
    specimen: Specimen | None = None,
    interval: LaboratoryInterval | None = None,
    flags: Iterable[str] = (),
) -> Result:
    """One measured analyte.

    Args:
        what: an analyte id ("magnesium"), or a LOINC code ("2601-3"); "" where only `codings` tell.
        value: what the laboratory sent, digit for digit, also "<4.0". None: no result yet.
        unit: as sent ("mmol/L"). Without it the result is refused, but for analytes that have none.
        codings: further codes, such as the laboratory's own.
        comparator: "<", "<=", ">=" or ">", where it comes apart from the value.
        status: "registered", "preliminary", "final", "corrected", "amended", "cancelled" or "entered_in_error".
        collected: when the specimen was drawn; a time carries its offset from UTC.
        specimen, interval: see the functions of these names.
        flags: the laboratory's own ("L", "HH").

    Raises:
        TypeError: the value is a float, whose digits are not those that the laboratory sent, or is no number at all.
        ValueError: a word is not known, or a time has no offset.
    """
    code = [Coding(code=what)] if _LOINC.fullmatch(what) else []
    return Result(
        id=id,
        analyte="" if code else what,
        codings=[*code, *codings],
        value=_decimal("value", value) or "",
        comparator=COMPARATOR.number(comparator),
        unit=unit,
        status=RESULT_STATUS.number(status),
        collected=_time(collected),
        specimen=specimen,
        interval=interval,
        flags=_list("flags", flags),
    )


def patient(
    *,
    age_years: int | None = None,
    age_months: int | None = None,
    age_days: int | None = None,
    birth_date: str | date | None = None,
    sex: str = "",
    pregnant: bool | None = None,
    trimester: int | None = None,
    preterm: bool | None = None,
) -> Patient:
    """Who was sampled; what is left out is unknown.

    Args:
        age_years, age_months, age_days: completed years, months or days.
        birth_date: "YYYY-MM-DD", or "YYYY-MM" or "YYYY" where no more is known; the age is that at collection.
        sex: "female" or "male".
        trimester: 1 to 3.
        preterm: born before 37 weeks.

    Raises:
        ValueError: the age is given twice, or the sex is another word.
    """
    if sum(age is not None for age in (age_years, age_months, age_days, birth_date)) > 1:
        raise ValueError("give one of age_years, age_months, age_days and birth_date: the service takes one age")
    sent = Patient(sex=SEX.number(sex), pregnant=pregnant, trimester=trimester, preterm=preterm)
    if age_years is not None:
        sent.age_years = age_years
    if age_months is not None:
        sent.age_months = age_months
    if age_days is not None:
        sent.age_days = age_days
    if birth_date is not None:
        sent.birth_date = _date(birth_date)
    return sent


def specimen(
    kind: str = "",
    *,
    id: str = "",
    additive: str = "",
    haemolysis: str = "",
    conditions: Iterable[str] = (),
    transport: str = "",
    site: str = "",
    comments: Iterable[str] = (),
) -> Specimen:
    """The specimen of a result; what is left out is unknown.

    Args:
        kind: "serum", "plasma", "whole_blood", "capillary", "venous", "arterial" or "urine".
        id: results of the same id come from one draw.
        additive: HL7 table 0371, such as "HEPL".
        haemolysis: "none", "slight", "moderate" or "gross", as the laboratory graded it.
        conditions: HL7 tables 0493 ("HEM") and 0490 ("RH").
    """
    return Specimen(
        id=id,
        kind=SPECIMEN_KIND.number(kind),
        additive=additive,
        haemolysis=HAEMOLYSIS.number(haemolysis),
        conditions=_list("conditions", conditions),
        transport=transport,
        site=site,
        comments=_list("comments", comments),
    )


def interval(
    low: str | Decimal | int | None = None, high: str | Decimal | int | None = None, *, text: str = ""
) -> LaboratoryInterval:
    """The laboratory's own reference interval, both limits inside it, in the unit of the result.

    Args:
        low, high: None, the laboratory gives no such limit.
        text: the interval as text ("0.70-1.00"), read only where neither limit is given.
    """
    return LaboratoryInterval(low=_decimal("low", low), high=_decimal("high", high), text=text)


def coding(code: str, *, system: str = "", display: str = "") -> Coding:
    """A code; the system of a result's code is LOINC where it is left out."""
    return Coding(system=system, code=code, display=display)


def symptom(
    text: str = "",
    *,
    id: str = "",
    coding: Coding | None = None,
    present: bool | None = None,
    onset: str | date = "",
    duration: str = "",
) -> Symptom:
    """A symptom in plain words, by id ("MUSCLE_CRAMP") or by code.

    Args:
        present: False when it was denied.
        onset: a date, or an ISO 8601 duration before the sample ("P1D").
        duration: ISO 8601.
    """
    return Symptom(id=id, coding=coding, text=text, present=present, onset=_date(onset), duration=duration)


def condition(text: str = "", *, id: str = "", coding: Coding | None = None) -> Condition:
    """A condition in plain words, by id ("dialysis") or by code."""
    return Condition(id=id, coding=coding, text=text)


def medication(text: str = "", *, id: str = "", coding: Coding | None = None, since: str | date = "") -> Medication:
    """A medication by name, by class id ("ppi") or by code, which is matched by its display.

    Args:
        since: "YYYY", "YYYY-MM" or "YYYY-MM-DD".
    """
    return Medication(id=id, coding=coding, text=text, since=_date(since))


def _symptom(item: str | Symptom) -> Symptom:
    if isinstance(item, Symptom):
        return item
    return Symptom(id=item) if _SYMPTOM_ID.fullmatch(item) else Symptom(text=item)


def _condition(item: str | Condition) -> Condition:
    if isinstance(item, Condition):
        return item
    return Condition(id=item) if _CONTEXT_ID.fullmatch(item) else Condition(text=item)


def _medication(item: str | Medication) -> Medication:
    if isinstance(item, Medication):
        return item
    return Medication(id=item) if _CONTEXT_ID.fullmatch(item) else Medication(text=item)


def _list(field: str, items: Iterable[ItemT]) -> list[ItemT]:
    # A text is itself iterable: each of its letters would become an item.
    if isinstance(items, str):
        raise TypeError(f"{field} is a list of texts, not one text: put it in brackets")
    return list(items)


def _decimal(field: str, value: str | Decimal | int | None) -> str | None:
    if value is None or isinstance(value, str):
        return value
    if isinstance(value, Decimal):
        return format(value, "f")
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value)
    if isinstance(value, float):
        raise TypeError(
            f"{field} is a float, which has lost the digits that the laboratory sent (0.50 becomes 0.5): give the text "
            'as it was sent, such as "0.50", or a Decimal'
        )
    raise TypeError(f"{field} is a text, a Decimal, a whole number or None, not {type(value).__name__}")


def _date(value: str | date) -> str:
    if isinstance(value, datetime):
        raise TypeError("a date without time is needed here: give a date or a text, not a datetime")
    return value if isinstance(value, str) else value.isoformat()


def _time(value: str | date | datetime) -> str:
    if isinstance(value, datetime) and value.utcoffset() is None:
        raise ValueError(
            "collected has no offset from UTC, so the local date of the draw is not known: give a datetime with a "
            "timezone, or the date alone"
        )
    return value if isinstance(value, str) else value.isoformat()
