"""Panels written as ORU^R01 messages, as another system might; what HL7 v2 lacks a field for as statements."""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import groupby

from google.protobuf.json_format import MessageToJson
from google.protobuf.message import Message

from labgloss.v1 import panel_pb2 as pb

_STATUSES = {
    pb.RESULT_STATUS_UNSPECIFIED: "F",
    pb.RESULT_STATUS_REGISTERED: "I",
    pb.RESULT_STATUS_PRELIMINARY: "P",
    pb.RESULT_STATUS_FINAL: "F",
    pb.RESULT_STATUS_CORRECTED: "C",
    pb.RESULT_STATUS_AMENDED: "A",
    pb.RESULT_STATUS_CANCELLED: "X",
    pb.RESULT_STATUS_ENTERED_IN_ERROR: "D",
}
# Table 0487.
_KINDS = {
    pb.SPECIMEN_KIND_UNSPECIFIED: "",
    pb.SPECIMEN_KIND_SERUM: "SER",
    pb.SPECIMEN_KIND_PLASMA: "PLAS",
    pb.SPECIMEN_KIND_WHOLE_BLOOD: "BLD",
    pb.SPECIMEN_KIND_CAPILLARY: "BLDC",
    pb.SPECIMEN_KIND_VENOUS: "BLDV",
    pb.SPECIMEN_KIND_ARTERIAL: "BLDA",
    pb.SPECIMEN_KIND_URINE: "UR",
}
_COMPARATORS = {
    pb.COMPARATOR_LESS: "<",
    pb.COMPARATOR_LESS_OR_EQUAL: "<=",
    pb.COMPARATOR_GREATER_OR_EQUAL: ">=",
    pb.COMPARATOR_GREATER: ">",
}
_SYSTEMS = {"": "LN", "loinc": "LN", "http://loinc.org": "LN", "snomed": "SCT", "icd10cm": "I10C"}
_ESCAPES = {"\\": "\\E\\", "|": "\\F\\", "^": "\\S\\", "&": "\\T\\", "~": "\\R\\", "\r": "\\X0D\\", "\n": "\\X0A\\"}
_TIME = re.compile(r"(\d{4})-(\d\d)-(\d\d)(?:T(\d\d):(\d\d)(?::(\d\d)(\.\d+)?)?(Z|[+-]\d\d:\d\d))?")


def escaped(text: str) -> str:
    """Text as it stands in a field."""
    return "".join(_ESCAPES.get(one, one) for one in text)


def can_carry(panel: pb.Panel) -> bool:
    """Whether a message says all of a panel: transport has no field, and a grade of haemolysis is an OBX more."""
    specimens = [result.specimen for result in panel.results]
    return not any(specimen.transport or specimen.haemolysis for specimen in specimens) and all(
        _TIME.fullmatch(result.collected) for result in panel.results if result.collected
    )


def message_of(panel: pb.Panel) -> bytes:
    """The panel as a message, in UTF-8; its results in their order, an order group for each run of one draw."""
    return "".join(f"{segment}\r" for segment in _segments(panel)).encode()


def _segments(panel: pb.Panel) -> Iterator[str]:
    yield f"MSH|^~\\&|||||||ORU^R01^ORU_R01|{escaped(panel.id)}|P|2.5.1||||||UNICODE UTF-8"
    patient = panel.patient
    born = patient.birth_date.replace("-", "") if patient.WhichOneof("age") == "birth_date" else ""
    sex = {pb.SEX_FEMALE: "F", pb.SEX_MALE: "M"}.get(patient.sex, "")
    yield f"PID|1||1||DOE^J||{born}|{sex}"
    numbered = enumerate(panel.results)
    for (collected, specimen), group in groupby(numbered, key=lambda item: _draw(item[1])):
        yield f"OBR|1|P|F|CHEM^Chemistry^L|||{_time(collected)}"
        yield from (_result(result) for _, result in group)
        if specimen:
            yield _specimen(pb.Specimen.FromString(specimen))
    yield "OBR|1|P|F|STATEMENTS^Statements^L"
    yield from (f"OBX||ST|{name}^^99LABGLOSS||{escaped(value)}||||||F" for name, value in _statements(panel))


def _draw(result: pb.Result) -> tuple[str, bytes]:
    return result.collected, result.specimen.SerializeToString(deterministic=True)


def _time(collected: str) -> str:
    match = _TIME.fullmatch(collected)
    if match is None:
        return ""
    year, month, day, hour, minute, second, part, zone = match.groups()
    if hour is None:
        return f"{year}{month}{day}"
    return f"{year}{month}{day}{hour}{minute}{second or '00'}{part or ''}{zone.replace('Z', '+00:00').replace(':', '')}"


def _result(result: pb.Result) -> str:
    codes = [(code.code, code.display, _SYSTEMS.get(code.system.lower(), code.system)) for code in result.codings]
    if result.analyte:
        codes.append((result.analyte, "", "99LABGLOSS"))
    pairs = [codes[place : place + 2] for place in range(0, len(codes), 2)]
    names = "~".join("^".join("^".join(map(escaped, code)) for code in pair) for pair in pairs)
    value = f"{_COMPARATORS.get(result.comparator, '')}{result.value}"
    flags = "~".join(escaped(flag) for flag in result.flags)
    fields = ["", "ST", names, "", escaped(value), escaped(result.unit), _interval(result.interval), flags, "", ""]
    own = f"{escaped(result.id)}^99LABGLOSS" if result.id else ""
    return "|".join(["OBX", *fields, _STATUSES[result.status], *[""] * 9, own])


def _interval(interval: pb.LaboratoryInterval) -> str:
    low, high = (getattr(interval, end) if interval.HasField(end) else None for end in ("low", "high"))
    if low is not None and high is not None:
        return f"{low}-{high}"
    if low is None and high is None:
        return escaped(interval.text)
    return f">={low}" if high is None else f"<={high}"


def _specimen(specimen: pb.Specimen) -> str:
    fields = [""] * 27
    fields[1] = f"^{escaped(specimen.id)}" if specimen.id else ""
    fields[3] = _KINDS[specimen.kind]
    fields[5] = escaped(specimen.additive)
    fields[7] = f"^{escaped(specimen.site)}" if specimen.site else ""
    fields[23] = "~".join(map(escaped, specimen.conditions))
    notes = "".join(f"\rNTE|1||{escaped(text)}" for text in specimen.comments)
    return f"SPM|{'|'.join(fields)}{notes}"


def _statements(panel: pb.Panel) -> Iterator[tuple[str, str]]:
    patient, options = panel.patient, panel.options
    form = patient.WhichOneof("age")
    if form not in (None, "birth_date"):
        yield f"patient.{form}", str(getattr(patient, str(form)))
    for name in ("pregnant", "preterm"):
        if patient.HasField(name):
            yield f"patient.{name}", "Y" if getattr(patient, name) else "N"
    if patient.HasField("trimester"):
        yield "patient.trimester", str(patient.trimester)
    yield from (("symptom", _json(symptom)) for symptom in panel.symptoms)
    for name, listed in (("condition", panel.conditions.conditions), ("medication", panel.medications.medications)):
        yield from ((name, _json(item)) for item in listed)
        if panel.HasField(f"{name}s") and not listed:
            yield f"{name}s.complete", "Y"
    for name in ("vitamin_d_policy", "critical_limits", "intervals", "release"):
        if getattr(options, name):
            yield f"options.{name}", getattr(options, name)
    for name in ("as_of", "source"):
        if getattr(panel, name):
            yield name, getattr(panel, name)


def _json(message: Message) -> str:
    return MessageToJson(message, indent=None, ensure_ascii=False)
