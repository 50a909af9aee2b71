"""A panel as an ORU^R01 that says the same: what HL7 has a field for in that field, the rest as statements."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from google.protobuf import json_format
from google.protobuf.message import Message

from labgloss.hl7.message import Delimiters, escape
from labgloss.v1 import panel_pb2 as pb

OWN = Delimiters()
_SYSTEMS = {"": "LN", "loinc": "LN", "http://loinc.org": "LN", "snomed": "SCT", "icd10cm": "I10C"}
_SEXES = {pb.SEX_FEMALE: "F", pb.SEX_MALE: "M"}
_STATUSES = {
    pb.RESULT_STATUS_REGISTERED: "I",
    pb.RESULT_STATUS_PRELIMINARY: "P",
    pb.RESULT_STATUS_FINAL: "F",
    pb.RESULT_STATUS_CORRECTED: "C",
    pb.RESULT_STATUS_AMENDED: "A",
    pb.RESULT_STATUS_CANCELLED: "X",
    pb.RESULT_STATUS_ENTERED_IN_ERROR: "W",
}
_COMPARATORS = {
    pb.COMPARATOR_LESS: "<",
    pb.COMPARATOR_LESS_OR_EQUAL: "<=",
    pb.COMPARATOR_GREATER_OR_EQUAL: ">=",
    pb.COMPARATOR_GREATER: ">",
}
_KINDS = {
    pb.SPECIMEN_KIND_SERUM: "SER",
    pb.SPECIMEN_KIND_PLASMA: "PLAS",
    pb.SPECIMEN_KIND_WHOLE_BLOOD: "BLD",
    pb.SPECIMEN_KIND_CAPILLARY: "BLDC",
    pb.SPECIMEN_KIND_VENOUS: "BLDV",
    pb.SPECIMEN_KIND_ARTERIAL: "BLDA",
    pb.SPECIMEN_KIND_URINE: "UR",
}


def message_of(panel: pb.Panel) -> bytes:
    """The message, in UTF-8."""
    head = ["MSH", "^~\\&", "", "", "", "", "", "", "ORU^R01^ORU_R01", text(panel.id), "P", "2.5.1", *[""] * 5]
    lines = ["|".join([*head, "UNICODE UTF-8"]), _identity(panel.patient)]
    lines += _context(panel)
    for number, result in enumerate(panel.results, 1):
        lines += _order(number, result)
    return "".join(f"{line}\r" for line in lines).encode()


def text(written: str) -> str:
    """A text as a field holds it; a line break as a hexadecimal escape, which gives it back as it was."""
    return escape(written.replace("\n", "\ue000"), OWN).replace("\ue000", "\\X0A\\")


def segment(name: str, fields: dict[int, str]) -> str:
    return "|".join([name, *(fields.get(number, "") for number in range(1, max(fields, default=0) + 1))])


def _identity(patient: pb.Patient) -> str:
    return segment("PID", {1: "1", 7: patient.birth_date.replace("-", ""), 8: _SEXES.get(patient.sex, "")})


def _context(panel: pb.Panel) -> Iterator[str]:
    """What HL7 has no field for."""
    stated: list[tuple[str, str]] = []
    patient = panel.patient
    for name in ("age_years", "age_months", "age_days"):
        if patient.WhichOneof("age") == name:
            stated.append((f"patient.{name}", str(getattr(patient, name))))
    if patient.HasField("trimester"):
        stated.append(("patient.trimester", str(patient.trimester)))
    for name in ("pregnant", "preterm"):
        if patient.HasField(name):
            stated.append((f"patient.{name}", "Y" if getattr(patient, name) else "N"))
    stated += [("symptom", _json(symptom)) for symptom in panel.symptoms]
    for code, complete, items in (
        ("condition", panel.HasField("conditions"), panel.conditions.conditions),
        ("medication", panel.HasField("medications"), panel.medications.medications),
    ):
        stated += [(code, _json(item)) for item in items]
        if complete:
            stated.append((f"{code}s.complete", "Y"))
    for field, value in panel.options.ListFields():
        stated.append((f"options.{field.name}", value if isinstance(value, str) else "Y" if value else "N"))
    stated += [(name, value) for name, value in (("as_of", panel.as_of), ("source", panel.source)) if value]
    yield from (_statement(code, value) for code, value in stated)


def _json(message: Message) -> str:
    return json_format.MessageToJson(message, preserving_proto_field_name=True, indent=None, ensure_ascii=False)


def _statement(code: str, value: str) -> str:
    return segment("OBX", {2: "ST", 3: f"{code}^^99LABGLOSS", 5: text(value), 11: "F"})


def _order(number: int, result: pb.Result) -> Iterator[str]:
    """A result in an order group of its own, with its specimen."""
    specimen = result.specimen
    yield segment("OBR", {1: str(number), 3: f"F{number}", 4: "C^Chemistry^L", 7: _time(result.collected)})
    for name, value in (
        ("specimen.haemolysis", pb.Haemolysis.Name(specimen.haemolysis).removeprefix("HAEMOLYSIS_").lower()),
        ("specimen.transport", specimen.transport),
    ):
        if value not in ("", "unspecified"):
            yield _statement(name, value)
    comparator = _COMPARATORS.get(result.comparator, "")
    value = f"{comparator}^{text(result.value)}" if comparator else text(result.value)
    fields = {
        1: "1",
        2: "SN" if comparator else "ST",
        3: _identifier(result),
        5: value,
        6: text(result.unit),
        7: text(_interval(result.interval)),
        8: "~".join(map(text, result.flags)),
        11: _STATUSES.get(result.status, ""),
    }
    if result.id:
        fields[21] = f"{text(result.id)}^99LABGLOSS"
    yield segment("OBX", fields)
    if result.HasField("specimen"):
        yield from _specimen(specimen)


def _specimen(specimen: pb.Specimen) -> Iterator[str]:
    yield segment(
        "SPM",
        {
            1: "1",
            2: f"^{text(specimen.id)}" if specimen.id else "",
            4: _KINDS.get(specimen.kind, ""),
            6: text(specimen.additive),
            8: text(specimen.site),
            24: "~".join(map(text, specimen.conditions)),
        },
    )
    yield from (segment("NTE", {1: "1", 3: text(comment)}) for comment in specimen.comments)


def _identifier(result: pb.Result) -> str:
    triplets = [(result.analyte, "", "99LABGLOSS")] if result.analyte else []
    triplets += [
        (coding.code, coding.display, _SYSTEMS.get(coding.system.lower(), coding.system)) for coding in result.codings
    ]
    return "~".join("^".join(map(text, triplet)) for triplet in triplets)


def _interval(interval: pb.LaboratoryInterval) -> str:
    if interval.low and interval.high:
        return f"{interval.low}-{interval.high}"
    if interval.low or interval.high:
        return f">={interval.low}" if interval.low else f"<={interval.high}"
    return interval.text


def _time(collected: str) -> str:
    """RFC 3339 as HL7 writes it."""
    if not collected:
        return ""
    written = re.fullmatch(
        r"(\d{4}-\d{2}-\d{2})(?:[Tt](\d{2}:\d{2}:\d{2}(?:\.\d{1,6})?)\d*([Zz]|[+-]\d{2}:\d{2}))?", collected
    )
    assert written is not None, collected
    day, clock, zone = written[1].replace("-", ""), (written[2] or "").replace(":", ""), written[3] or ""
    return f"{day}{clock}{'+0000' if zone in ('Z', 'z') else zone.replace(':', '')}"


def every(panels: Iterable[pb.Panel]) -> list[bytes]:
    return [message_of(panel) for panel in panels]
