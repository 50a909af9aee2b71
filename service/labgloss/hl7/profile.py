"""What an ORU^R01 has no field for: statements in OBX of the code system 99LABGLOSS, pregnancy, DG1, drugs.

A statement names a field of the panel in OBX-3.1, such as `symptom` or `patient.pregnant`, and gives its value in
OBX-5. An OBX of this system with any other code is a result of that analyte.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType

from google.protobuf import json_format

from labgloss.hl7 import tables
from labgloss.hl7.message import Components, Segment
from labgloss.hl7.specimens import ID_LIMIT, TEXT_LIMIT, Say
from labgloss.laboratory_words import haemolysis_grade
from labgloss.v1 import panel_pb2 as pb

# "Pregnancy status", and its answers in SNOMED CT and LOINC.
_PREGNANCY = "82810-3"
_PREGNANT: Mapping[str, bool] = MappingProxyType(
    {"77386006": True, "LA15173-0": True, "60001007": False, "LA26683-5": False}
)
_OF_SPECIMEN = frozenset({"specimen.haemolysis", "specimen.transport"})
# Never the name of a condition or a drug: what it says is that there are others that are not known (DEC-88).
_NOT_ALL = "(an HL7 message holds no complete list)"


def is_statement(segment: Segment) -> bool:
    """Whether an OBX states something of the panel that is no result."""
    identifier = segment.components(3)
    code, system = identifier[1].strip(), tables.system(identifier[3])
    return (system == tables.OWN and code in (*_STATEMENTS, *_OF_SPECIMEN)) or (
        system == tables.LOINC and code == _PREGNANCY
    )


def of_specimen(specimen: pb.Specimen, segments: Sequence[Segment], say: Say) -> None:
    """Puts into the specimen of an order group what statements of the group say of it."""
    for segment in segments:
        code, value = segment.components(3)[1].strip(), segment.components(5).text.strip()
        if not is_statement(segment) or code not in _OF_SPECIMEN:
            continue
        if code == "specimen.transport":
            specimen.transport = value[:TEXT_LIMIT]
        elif (grade := haemolysis_grade(value)) is not None:
            specimen.haemolysis = grade
        else:
            say(segment.place(5), f"is no value of {code}, and is not read")


def state(panel: pb.Panel, segment: Segment, say: Say) -> None:
    """Puts into the panel what a statement says; what cannot be read is said."""
    value = segment.components(5)
    code = segment.components(3)[1].strip()
    if code == _PREGNANCY:
        if (pregnant := _PREGNANT.get(value[1].strip())) is None:
            say(segment.place(5), "is no answer that is read here; pregnancy counts as not known")
        else:
            panel.patient.pregnant = pregnant
        return
    if code in _OF_SPECIMEN:
        return
    try:
        _STATEMENTS[code](panel, value)
    except (ValueError, TypeError):
        say(segment.place(5), f"is no value of {code}, and is not read")


def diagnoses(panel: pb.Panel, segments: Sequence[Segment], say: Say) -> None:
    """DG1 as conditions; they are those of a visit, so that one that is not among them is still not known."""
    found = []
    for segment in segments:
        coded = segment.components(3)
        code, text = coded[1].strip(), coded[2].strip() or segment.text(4).strip()
        if not code and not text:
            continue
        condition = pb.Condition(text=text[:TEXT_LIMIT])
        if code:
            condition.coding.CopyFrom(
                pb.Coding(system=tables.system(coded[3])[:TEXT_LIMIT], code=code[:ID_LIMIT], display=text[:TEXT_LIMIT])
            )
        found.append(condition)
    if found:
        say(segments[0].place(), "is a diagnosis of a visit, no problem list: other conditions stay not known")
        panel.conditions.conditions.extend([*found, pb.Condition(text=_NOT_ALL)])


def drugs(panel: pb.Panel, segments: Sequence[tuple[Segment, int]], say: Say) -> None:
    """Drugs of RXA, RXE, RXO, RXD and RXG; they are no medication list, so that others are still not known."""
    found = []
    for segment, field in segments:
        coded = segment.components(field)
        code, text = coded[1].strip(), coded[2].strip()
        if not code and not text:
            continue
        medication = pb.Medication(text=(text or code)[:TEXT_LIMIT])
        if code and text:
            medication.coding.CopyFrom(
                pb.Coding(system=tables.system(coded[3])[:TEXT_LIMIT], code=code[:ID_LIMIT], display=text[:TEXT_LIMIT])
            )
        found.append(medication)
    if found:
        say(segments[0][0].place(), "is one drug, no medication list: other drugs stay not known")
        panel.medications.medications.extend([*found, pb.Medication(text=_NOT_ALL)])


# ---------------------------------------------------------------------------------------------- statements

_Statement = Callable[[pb.Panel, Components], None]


_ANSWERS: Mapping[str, bool] = MappingProxyType({"Y": True, "TRUE": True, "N": False, "FALSE": False})


def _yes(text: str) -> bool:
    try:
        return _ANSWERS[text.strip().upper()]
    except KeyError as error:
        raise ValueError from error


def _whole(text: str) -> int:
    if not text.strip().isdecimal():
        raise ValueError
    return int(text)


def _set_age(name: str) -> _Statement:
    def stated(panel: pb.Panel, value: Components) -> None:
        setattr(panel.patient, name, _whole(value[1]))

    return stated


def _set_flag(name: str) -> _Statement:
    def stated(panel: pb.Panel, value: Components) -> None:
        setattr(panel.patient, name, _yes(value[1]))

    return stated


def _set_option(name: str) -> _Statement:
    def stated(panel: pb.Panel, value: Components) -> None:
        setattr(panel.options, name, value.text.strip())

    return stated


def _item(message: pb.Symptom | pb.Condition | pb.Medication, value: Components) -> None:
    """An item by id (`ID^^99LABGLOSS`), as JSON of the API, by code, or in plain words."""
    text = value.text.strip()
    if text.startswith("{"):
        try:
            json_format.Parse(text, message)
        except json_format.ParseError as error:
            raise ValueError from error
    elif tables.system(value[3]) == tables.OWN:
        message.id = value[1].strip()
    elif value[3].strip():
        message.text = value[2].strip()
        message.coding.CopyFrom(
            pb.Coding(system=tables.system(value[3]), code=value[1].strip(), display=value[2].strip())
        )
    elif text:
        message.text = text
    else:
        raise ValueError


def _symptom(panel: pb.Panel, value: Components) -> None:
    symptom = pb.Symptom()
    _item(symptom, value)
    panel.symptoms.append(symptom)


def _symptom_denied(panel: pb.Panel, value: Components) -> None:
    symptom = pb.Symptom()
    _item(symptom, value)
    symptom.present = False
    panel.symptoms.append(symptom)


def _condition(panel: pb.Panel, value: Components) -> None:
    condition = pb.Condition()
    _item(condition, value)
    panel.conditions.conditions.append(condition)


def _medication(panel: pb.Panel, value: Components) -> None:
    medication = pb.Medication()
    _item(medication, value)
    panel.medications.medications.append(medication)


def _no_conditions(panel: pb.Panel, value: Components) -> None:
    if _yes(value[1]):
        panel.conditions.SetInParent()


def _no_medications(panel: pb.Panel, value: Components) -> None:
    if _yes(value[1]):
        panel.medications.SetInParent()


def _trace(panel: pb.Panel, value: Components) -> None:
    panel.options.trace = _yes(value[1])


def _trimester(panel: pb.Panel, value: Components) -> None:
    panel.patient.trimester = _whole(value[1])


def _as_of(panel: pb.Panel, value: Components) -> None:
    panel.as_of = value.text.strip()


def _source(panel: pb.Panel, value: Components) -> None:
    panel.source = value.text.strip()[:TEXT_LIMIT]


# The list that a condition or medication is stated in is the whole of it: what is not stated is absent, as in the API.
_STATEMENTS: Mapping[str, _Statement] = MappingProxyType(
    {
        "symptom": _symptom,
        "symptom.denied": _symptom_denied,
        "condition": _condition,
        "medication": _medication,
        "conditions.complete": _no_conditions,
        "medications.complete": _no_medications,
        "patient.age_years": _set_age("age_years"),
        "patient.age_months": _set_age("age_months"),
        "patient.age_days": _set_age("age_days"),
        "patient.pregnant": _set_flag("pregnant"),
        "patient.preterm": _set_flag("preterm"),
        "patient.trimester": _trimester,
        "options.vitamin_d_policy": _set_option("vitamin_d_policy"),
        "options.critical_limits": _set_option("critical_limits"),
        "options.intervals": _set_option("intervals"),
        "options.release": _set_option("release"),
        "options.language": _set_option("language"),
        "options.trace": _trace,
        "as_of": _as_of,
        "source": _source,
    }
)
