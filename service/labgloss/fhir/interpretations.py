"""Our reading of each result: a new Observation that derives from the laboratory's, and never changes it."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from types import MappingProxyType

from labgloss.fhir.answering import Answering, coding, concept, date_time, given, loinc_of, own, shown
from labgloss.fhir.concept import Code, concept_of
from labgloss.fhir.json_text import Json, Number, Object
from labgloss.fhir.terms import UCUM
from labgloss.v1 import panel_pb2, report_pb2

_CODE = re.compile(r"\S+( \S+)*")
_URI = re.compile(r"\S+")
OBSERVATION_INTERPRETATION = "http://terminology.hl7.org/CodeSystem/v3-ObservationInterpretation"
_DATA_ABSENT = "http://terminology.hl7.org/CodeSystem/data-absent-reason"
_RANGE_MEANING = "http://terminology.hl7.org/CodeSystem/referencerange-meaning"
FLAGS: Mapping[str, str] = MappingProxyType(
    {
        "N": "Normal",
        "L": "Low",
        "H": "High",
        "LL": "Critical low",
        "HH": "Critical high",
        "IND": "Indeterminate",
    }
)
_STATUS: Mapping[int, str] = MappingProxyType(
    {
        panel_pb2.RESULT_STATUS_REGISTERED: "preliminary",
        panel_pb2.RESULT_STATUS_PRELIMINARY: "preliminary",
        panel_pb2.RESULT_STATUS_CORRECTED: "corrected",
        panel_pb2.RESULT_STATUS_AMENDED: "amended",
    }
)
_NO_VALUE: Mapping[int, str] = MappingProxyType(
    {
        panel_pb2.RESULT_STATUS_REGISTERED: "temp-unknown",
        panel_pb2.RESULT_STATUS_CANCELLED: "not-performed",
        panel_pb2.RESULT_STATUS_ENTERED_IN_ERROR: "error",
    }
)
# What a refusal says of the value: it cannot be read, or it can and must not be used.
_UNREADABLE = frozenset(
    {
        report_pb2.REFUSAL_REASON_CODE_INVALID,
        report_pb2.REFUSAL_REASON_WRONG_ANALYTE,
        report_pb2.REFUSAL_REASON_UNIT_MISSING,
        report_pb2.REFUSAL_REASON_UNIT_NOT_ACCEPTED,
        report_pb2.REFUSAL_REASON_UNIT_CONFLICT,
    }
)


def interpret_results(answering: Answering) -> dict[int, str]:
    """Makes an Observation of each entry of the report that has something to say; their URLs by place."""
    made: dict[int, str] = {}
    for place, result in enumerate(answering.report.results):
        if result.state != report_pb2.RESULT_STATE_NOT_RECOGNISED:
            made[place] = _observation(answering, result)
    return made


def _observation(answering: Answering, result: report_pb2.ResultInterpretation) -> str:
    computed = not result.HasField("index")
    sources = list(result.computed_from) if computed else [result.index]
    status = panel_pb2.RESULT_STATUS_FINAL if computed else result.as_sent.status
    content = given(
        status=_STATUS.get(status, "final"),
        category=[concept(own("category", "interpretation", "Interpretation of a laboratory result"))],
        code=_code(answering, result),
        subject=answering.subject,
        effectiveDateTime=date_time(answering.result(sources[0]).result.collected) if sources else None,
        valueQuantity=_computed(result) if computed else None,
        valueCodeableConcept=None if computed else _band(result),
        dataAbsentReason=_absent(result),
        interpretation=_flag(result),
        note=[{"text": text} for text in _notes(result)],
        method=concept(*(own("rule", rule) for rule in result.rule_ids), text="Interpreted by labgloss"),
        specimen=_specimen(answering, sources),
        referenceRange=[_range(interval) for interval in result.intervals],
        derivedFrom=_derived(answering, sources),
    )
    return answering.make("Observation", content, issued=answering.recorded)


def _code(answering: Answering, result: report_pb2.ResultInterpretation) -> Json:
    """The code of the laboratory's Observation; of what was computed, those of its analyte."""
    analyte = answering.release.analytes.get(result.analyte)
    name = result.analyte if analyte is None else analyte.name
    if result.HasField("index"):
        sent = concept_of(answering.result(result.index).element.child("code"))
        codings = [_repeated(code) for code in sent.codes if _CODE.fullmatch(code.code)]
        if codings or sent.text:
            return concept(*codings, text=sent.text)
    codes = list(loinc_of(answering.release, result.analyte))[:1]
    return concept(*codes, own("analyte", result.analyte, name), text=name)


def _repeated(code: Code) -> Json:
    """A code as it was sent, as far as it is one of R4."""
    system = {"system": code.system} if _URI.fullmatch(code.system) else {}
    return {**system, "code": code.code, **({"display": shown(code.display)} if code.display.strip() else {})}


def _computed(result: report_pb2.ResultInterpretation) -> Object | None:
    reading = result.reading
    if not reading.value or result.refusal_reason:
        return None
    comparator = {
        panel_pb2.COMPARATOR_LESS: "<",
        panel_pb2.COMPARATOR_LESS_OR_EQUAL: "<=",
        panel_pb2.COMPARATOR_GREATER_OR_EQUAL: ">=",
        panel_pb2.COMPARATOR_GREATER: ">",
    }.get(reading.comparator)
    return given(value=Number(reading.value), comparator=comparator, unit=reading.unit, system=UCUM, code=reading.unit)


def _band(result: report_pb2.ResultInterpretation) -> Object | None:
    """The band; where several remain, all of them in words."""
    if result.refusal_reason:
        return None
    if result.band:
        return concept(own("band", result.band, result.band.replace("_", " ")))
    return concept(text=" or ".join(band.replace("_", " ") for band in result.bands)) if result.bands else None


def _absent(result: report_pb2.ResultInterpretation) -> Object | None:
    """Why there is no reading: the laboratory's value stands in its own Observation."""
    reason = result.refusal_reason
    if not reason:
        return None
    if reason == report_pb2.REFUSAL_REASON_NO_VALUE:
        code = _NO_VALUE.get(result.as_sent.status, "unknown")
    elif reason == report_pb2.REFUSAL_REASON_VALUE_NOT_NUMERIC:
        code = "as-text"
    else:
        code = "unsupported" if reason in _UNREADABLE else "error"
    name = report_pb2.RefusalReason.Name(reason).removeprefix("REFUSAL_REASON_").lower()
    return concept(coding(_DATA_ABSENT, code), own("refusal", name, name.replace("_", " ")))


def _flag(result: report_pb2.ResultInterpretation) -> list[Json]:
    if result.flag not in FLAGS:
        return []
    return [concept(coding(OBSERVATION_INTERPRETATION, result.flag, FLAGS[result.flag]))]


def _notes(result: report_pb2.ResultInterpretation) -> Iterator[str]:
    """The reading in words, and how far it may be trusted."""
    texts = [result.explanation]
    if result.earlier:
        texts.append("An earlier result: it serves the trend, and adds no urgency.")
    if result.critical == report_pb2.CRITICAL_YES:
        texts.append("Beyond a critical limit: a person must be told now.")
    if result.critical == report_pb2.CRITICAL_POSSIBLE:
        texts.append("It may lie beyond a critical limit: a person must be told now.")
    texts += [caution.text for caution in result.cautions]
    texts += [conflict.text for conflict in result.conflicts]
    texts += [f"Would settle it: {missing}" for missing in result.missing]
    texts.append(result.trend.text)
    return (shown(text) for text in dict.fromkeys(texts) if text)


def _range(interval: report_pb2.IntervalInForce) -> Object:
    policy = interval.origin == report_pb2.INTERVAL_ORIGIN_POLICY
    return given(
        low=_limit(interval.low, interval.unit) if interval.HasField("low") else None,
        high=_limit(interval.high, interval.unit) if interval.HasField("high") else None,
        type=concept(coding(_RANGE_MEANING, "recommended" if policy else "normal")),
        text=shown(_in_words(interval)),
    )


def _limit(number: str, unit: str) -> Object:
    return {"value": Number(number), "unit": unit, "system": UCUM, "code": unit}


def _in_words(interval: report_pb2.IntervalInForce) -> str:
    """Both limits with their inclusivity, whose they are and for whom."""
    origin = report_pb2.IntervalOrigin.Name(interval.origin).removeprefix("INTERVAL_ORIGIN_").lower()
    limits = []
    if interval.HasField("low"):
        limits.append(f"{'from' if interval.low_inclusive else 'above'} {interval.low}")
    if interval.HasField("high"):
        limits.append(f"{'to' if interval.high_inclusive else 'below'} {interval.high}")
    whom = f", {interval.applies_to}" if interval.applies_to else ""
    return f"{' '.join(limits)} {interval.unit} ({origin}{whom})"


def _specimen(answering: Answering, sources: list[int]) -> Object | None:
    found = {id(specimen): specimen for each in sources if (specimen := answering.result(each).specimen) is not None}
    return answering.reference(next(iter(found.values()))) if len(found) == 1 else None


def _derived(answering: Answering, sources: list[int]) -> list[Json]:
    observations = {id(each): each for each in (answering.result(index).observation for index in sources)}
    return [answering.reference(each) for each in observations.values()]
