"""A panel of the wire as a panel of the domain, or every bad field of it at once.

What is wrong with a value (its number, its unit, its code) is no error here: it passes verbatim, and the engine
refuses it inside the report.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

from labgloss.domain.panel import (
    Coding,
    Collected,
    ContextItem,
    LaboratoryInterval,
    Options,
    Panel,
    Result,
    ResultStatus,
    Specimen,
    Symptom,
)
from labgloss.domain.quantity import Comparator
from labgloss.domain.subject import AgeUnit, BirthDate, Patient, StatedAge
from labgloss.errors import ReleaseNotLoadedError
from labgloss.knowledge.release import Release
from labgloss.v1 import panel_pb2 as pb
from labgloss.wire import enums, times
from labgloss.wire.fields import Fields

# Limits of the age fields, and the oldest that a birth date may make a patient.
_AGES = {
    "age_years": (AgeUnit.YEARS, 150, "completed years"),
    "age_months": (AgeUnit.MONTHS, 1_800, "completed months"),
    "age_days": (AgeUnit.DAYS, 54_787, "completed days"),
}
_OLDEST_YEARS = 150
# What a part of a panel that was not sent is read as.
_NO_PATIENT, _NO_SPECIMEN, _NO_OPTIONS = Patient(), Specimen(), Options()


def decode_panel(panel: pb.Panel, path: str, release: Release) -> Panel:
    """The panel that was sent under `path`, such as "panel" or "panels[3]".

    Raises RequestError with every violation, and ReleaseNotLoadedError when another release was pinned.
    """
    fields = Fields()
    if not panel.results and not panel.symptoms:
        fields.wrong(f"{path}.results", "REQUIRED", "at least one result or one symptom is needed")
    decoded = Panel(
        id=fields.ident(path, ".id", panel.id),
        patient=_patient(panel.patient, f"{path}.patient", fields) if panel.HasField("patient") else _NO_PATIENT,
        results=_results(panel.results, f"{path}.results", fields),
        symptoms=tuple([_symptom(item, at, fields) for at, item in fields.items(path, ".symptoms", panel.symptoms)]),
        conditions=_conditions(panel, f"{path}.conditions", fields),
        medications=_medications(panel, f"{path}.medications", fields),
        source=fields.text(path, ".source", panel.source),
        options=_options(panel.options, f"{path}.options", release, fields)
        if panel.HasField("options")
        else _NO_OPTIONS,
        as_of=fields.parsed(path, ".as_of", panel.as_of, times.day, times.DAY_FORM),
    )
    _check_birth_date(decoded, path, fields)
    fields.stop_on_violations()
    if panel.HasField("options"):
        reference = release.reference
        if panel.options.release not in ("", reference.version, reference.digest):
            raise ReleaseNotLoadedError(reference.version, reference.digest)
    return decoded


def _patient(patient: pb.Patient, path: str, fields: Fields) -> Patient:
    pregnant = patient.pregnant if patient.HasField("pregnant") else None
    trimester = patient.trimester if patient.HasField("trimester") else None
    if trimester is not None:
        fields.within(path, ".trimester", trimester, 1, 3, "trimesters")
        if pregnant is False:
            description = "a patient who is not pregnant has none; leave it out, or correct pregnant"
            fields.wrong(f"{path}.trimester", "CONTRADICTION", description)
    return Patient(
        age=_age(patient, path, fields),
        sex=fields.member(path, ".sex", patient.sex, enums.SEX),
        pregnant=pregnant,
        trimester=trimester,
        preterm=patient.preterm if patient.HasField("preterm") else None,
    )


def _age(patient: pb.Patient, path: str, fields: Fields) -> StatedAge | BirthDate | None:
    form = patient.WhichOneof("age")
    if form is None:
        return None
    if form == "birth_date":
        born = times.partial_date(patient.birth_date)
        if born is None:
            fields.wrong(f"{path}.birth_date", "BAD_FORM", f"{times.PARTIAL_DATE_FORM} is needed")
        return born
    unit, limit, what = _AGES[form]
    return StatedAge(fields.within(path, f".{form}", getattr(patient, form), 0, limit, what), unit)


def _check_birth_date(panel: Panel, path: str, fields: Fields) -> None:
    """Notes a birth date that lies after a date it is read against, or further before it than anybody lives."""
    born = panel.patient.age
    if not isinstance(born, BirthDate):
        return
    dated: list[tuple[date, str]] = [
        (result.collected.day, f"{path}.results[{result.index}].collected")
        for result in panel.results
        if result.collected is not None
    ]
    if panel.as_of is not None:
        dated.append((panel.as_of, f"{path}.as_of"))
    if not dated:
        return
    field, (earliest, where) = f"{path}.patient.birth_date", min(dated)
    if earliest < born.first:
        fields.wrong(field, "CONTRADICTION", f"it lies after {where}; correct one of the two")
    latest, where = max(dated)
    if latest.year - born.last.year > _OLDEST_YEARS:
        fields.wrong(field, "OUT_OF_RANGE", f"it lies more than {_OLDEST_YEARS} years before {where}")


def _results(results: Sequence[pb.Result], path: str, fields: Fields) -> tuple[Result, ...]:
    decoded: list[Result] = []
    first_with: dict[str, int] = {}
    collections = _Collections()
    for index, (at, result) in enumerate(fields.items(path, "", results)):
        one = _result(index, result, at, collections, fields)
        decoded.append(one)
        if one.id and first_with.setdefault(one.id, index) != index:
            description = f"it is also the id of {path}[{first_with[one.id]}]; give each result its own"
            fields.wrong(f"{at}.id", "DUPLICATE", description)
    return tuple(decoded)


class _Collections(dict[str, Collected | None]):
    """What the times of a panel's results are, each read once: results of one draw have one."""

    def __missing__(self, text: str) -> Collected | None:
        found = self[text] = times.collected(text)
        return found


def _result(index: int, result: pb.Result, path: str, collections: _Collections, fields: Fields) -> Result:
    codings = result.codings
    if not result.analyte and not any(coding.code for coding in codings):
        fields.wrong(f"{path}.analyte", "REQUIRED", "an analyte id, or a coding with a code, is needed")
    return Result(
        index=index,
        id=fields.ident(path, ".id", result.id),
        analyte=fields.ident(path, ".analyte", result.analyte),
        codings=tuple([_coding(coding, at, fields) for at, coding in fields.items(path, ".codings", codings)]),
        value=fields.text(path, ".value", result.value),
        comparator=fields.member(path, ".comparator", result.comparator, enums.COMPARATOR) or Comparator.EQUAL,
        unit=fields.ident(path, ".unit", result.unit),
        status=fields.member(path, ".status", result.status, enums.RESULT_STATUS) or ResultStatus.FINAL,
        collected=fields.parsed(path, ".collected", result.collected, collections.__getitem__, times.COLLECTED_FORM),
        specimen=_specimen(result, path, fields),
        interval=_interval(result, path, fields),
        flags=fields.texts(path, ".flags", result.flags),
    )


def _coding(coding: pb.Coding, path: str, fields: Fields) -> Coding:
    return Coding(
        fields.text(path, ".system", coding.system),
        fields.ident(path, ".code", coding.code),
        fields.text(path, ".display", coding.display),
    )


def _specimen(result: pb.Result, of_result: str, fields: Fields) -> Specimen:
    if not result.HasField("specimen"):
        return _NO_SPECIMEN
    specimen, path = result.specimen, f"{of_result}.specimen"
    return Specimen(
        id=fields.ident(path, ".id", specimen.id),
        kind=fields.member(path, ".kind", specimen.kind, enums.SPECIMEN_KIND),
        additive=fields.text(path, ".additive", specimen.additive),
        haemolysis=fields.member(path, ".haemolysis", specimen.haemolysis, enums.HAEMOLYSIS),
        conditions=fields.texts(path, ".conditions", specimen.conditions),
        transport=fields.text(path, ".transport", specimen.transport),
        site=fields.text(path, ".site", specimen.site),
        comments=fields.texts(path, ".comments", specimen.comments),
    )


def _interval(result: pb.Result, of_result: str, fields: Fields) -> LaboratoryInterval | None:
    """The laboratory's interval; None when nothing stands in it, as when it was not sent."""
    if not result.HasField("interval"):
        return None
    interval, path = result.interval, f"{of_result}.interval"
    decoded = LaboratoryInterval(
        low=fields.text(path, ".low", interval.low) or None,
        high=fields.text(path, ".high", interval.high) or None,
        text=fields.text(path, ".text", interval.text),
    )
    return None if decoded == LaboratoryInterval() else decoded


def _symptom(symptom: pb.Symptom, path: str, fields: Fields) -> Symptom:
    _check_identified(symptom, path, fields)
    return Symptom(
        id=fields.ident(path, ".id", symptom.id),
        coding=_coding_sent(symptom, path, fields),
        text=fields.text(path, ".text", symptom.text),
        present=symptom.present if symptom.HasField("present") else True,
        onset=fields.formed(path, ".onset", symptom.onset, times.is_onset, times.ONSET_FORM),
        duration=fields.formed(path, ".duration", symptom.duration, times.is_duration, times.DURATION_FORM),
    )


def _conditions(panel: pb.Panel, path: str, fields: Fields) -> tuple[ContextItem, ...] | None:
    if not panel.HasField("conditions"):
        return None
    items = fields.items(path, ".conditions", panel.conditions.conditions)
    return tuple(_context_item(item, at, fields) for at, item in items)


def _medications(panel: pb.Panel, path: str, fields: Fields) -> tuple[ContextItem, ...] | None:
    if not panel.HasField("medications"):
        return None
    items = fields.items(path, ".medications", panel.medications.medications)
    return tuple(_context_item(item, at, fields) for at, item in items)


def _context_item(item: pb.Condition | pb.Medication, path: str, fields: Fields) -> ContextItem:
    _check_identified(item, path, fields)
    since = item.since if isinstance(item, pb.Medication) else ""
    fields.parsed(path, ".since", since, times.partial_date, times.PARTIAL_DATE_FORM)
    return ContextItem(
        id=fields.ident(path, ".id", item.id),
        coding=_coding_sent(item, path, fields),
        text=fields.text(path, ".text", item.text),
        since=since,
    )


def _check_identified(item: pb.Symptom | pb.Condition | pb.Medication, path: str, fields: Fields) -> None:
    if not item.id and not item.text and not item.coding.code:
        fields.wrong(path, "REQUIRED", "an id, a coding with a code, or a text is needed")


def _coding_sent(item: pb.Symptom | pb.Condition | pb.Medication, path: str, fields: Fields) -> Coding | None:
    return _coding(item.coding, f"{path}.coding", fields) if item.HasField("coding") else None


def _options(options: pb.Options, path: str, release: Release, fields: Fields) -> Options:
    fields.ident(path, ".release", options.release)
    if options.language not in ("", "en"):
        fields.wrong(f"{path}.language", "UNKNOWN_VALUE", '"en" is allowed, or none, which means the same')
    policy, limits, variant = options.vitamin_d_policy, options.critical_limits, options.intervals
    return Options(
        vitamin_d_policy=fields.choice(path, ".vitamin_d_policy", policy, release.vitamin_d_policies),
        critical_limits=fields.choice(path, ".critical_limits", limits, release.critical_limit_sets),
        intervals=fields.choice(path, ".intervals", variant, release.interval_variants),
        trace=options.trace if options.HasField("trace") else True,
    )
