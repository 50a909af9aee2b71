"""A panel of a file as the message that is sent."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from labgloss.panels import schema
from labgloss.v1 import panel_pb2 as pb

_COMPARATORS: Mapping[str | None, pb.Comparator.ValueType] = MappingProxyType(
    {
        None: pb.COMPARATOR_UNSPECIFIED,
        "<": pb.COMPARATOR_LESS,
        "<=": pb.COMPARATOR_LESS_OR_EQUAL,
        ">=": pb.COMPARATOR_GREATER_OR_EQUAL,
        ">": pb.COMPARATOR_GREATER,
    }
)


def panel_message(form: schema.PanelForm) -> pb.Panel:
    """The panel as it is sent, with every text as it was written; what is absent in the file stays absent."""
    panel = pb.Panel(
        id=form.id,
        results=[_result(result) for result in form.results],
        symptoms=[_symptom(symptom) for symptom in form.symptoms],
        source=form.source or "",
        as_of=form.as_of or "",
    )
    if form.patient is not None:
        panel.patient.CopyFrom(_patient(form.patient))
    if form.conditions is not None:
        panel.conditions.CopyFrom(pb.ConditionList(conditions=[_condition(item) for item in form.conditions]))
    if form.medications is not None:
        panel.medications.CopyFrom(pb.MedicationList(medications=[_medication(item) for item in form.medications]))
    if form.options is not None:
        panel.options.CopyFrom(options_message(form.options))
    return panel


def _patient(form: schema.PatientForm) -> pb.Patient:
    patient = pb.Patient(
        sex={"female": pb.SEX_FEMALE, "male": pb.SEX_MALE}.get(form.sex or "", pb.SEX_UNSPECIFIED),
        pregnant=form.pregnant,
        trimester=form.trimester,
        preterm=form.preterm,
    )
    # An age of 0 is an age: only None is left out, so that the oneof stays unset.
    if form.age_years is not None:
        patient.age_years = form.age_years
    if form.age_months is not None:
        patient.age_months = form.age_months
    if form.age_days is not None:
        patient.age_days = form.age_days
    if form.birth_date is not None:
        patient.birth_date = form.birth_date
    return patient


def _result(form: schema.ResultForm) -> pb.Result:
    result = pb.Result(
        id=form.id or "",
        analyte=form.analyte or "",
        codings=[] if form.code is None else [pb.Coding(system="loinc", code=form.code)],
        value=form.value or "",
        comparator=_COMPARATORS[form.comparator],
        unit=form.unit or "",
        status=pb.ResultStatus.Value(f"RESULT_STATUS_{(form.status or 'unspecified').upper()}"),
        collected=form.collected or "",
        flags=form.flags,
    )
    if form.specimen is not None:
        result.specimen.CopyFrom(_specimen(form.specimen))
    if form.interval is not None:
        result.interval.CopyFrom(
            pb.LaboratoryInterval(low=form.interval.low, high=form.interval.high, text=form.interval.text or "")
        )
    return result


def _specimen(form: schema.SpecimenForm) -> pb.Specimen:
    return pb.Specimen(
        id=form.id or "",
        kind=pb.SpecimenKind.Value(f"SPECIMEN_KIND_{(form.kind or 'unspecified').upper()}"),
        additive=form.additive or "",
        haemolysis=pb.Haemolysis.Value(f"HAEMOLYSIS_{(form.haemolysis or 'unspecified').upper()}"),
        conditions=form.conditions,
        transport=form.transport or "",
        site=form.site or "",
        comments=form.comments,
    )


def _symptom(form: schema.SymptomForm) -> pb.Symptom:
    return pb.Symptom(
        id=form.id or "",
        coding=_coding(form),
        text=form.text or "",
        present=form.present,
        onset=form.onset or "",
        duration=form.duration or "",
    )


def _condition(form: schema.ConditionForm) -> pb.Condition:
    return pb.Condition(id=form.id or "", coding=_coding(form), text=form.text or "")


def _medication(form: schema.MedicationForm) -> pb.Medication:
    coding = _coding(form)
    if coding is not None:
        coding.display = form.text or ""
    return pb.Medication(id=form.id or "", coding=coding, text=form.text or "", since=form.since or "")


def _coding(form: schema.CodedForm) -> pb.Coding | None:
    return None if form.code is None else pb.Coding(system=form.system or "", code=form.code)


def options_message(form: schema.OptionsForm) -> pb.Options:
    """The options as they are sent."""
    return pb.Options(
        vitamin_d_policy=form.vitamin_d_policy or "",
        critical_limits=form.critical_limits or "",
        intervals=form.intervals or "",
        release=form.release or "",
        language=form.language or "",
        trace=form.trace,
    )
