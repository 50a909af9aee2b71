"""Observations as results of the canonical request, each value and unit as it was sent."""

from __future__ import annotations

from labgloss.fhir.bundle import Bundle, Resource
from labgloss.fhir.element import Element
from labgloss.v1 import panel_pb2

_STATUS = {
    "registered": panel_pb2.RESULT_STATUS_REGISTERED,
    "preliminary": panel_pb2.RESULT_STATUS_PRELIMINARY,
    "final": panel_pb2.RESULT_STATUS_FINAL,
    "corrected": panel_pb2.RESULT_STATUS_CORRECTED,
    "amended": panel_pb2.RESULT_STATUS_AMENDED,
    "cancelled": panel_pb2.RESULT_STATUS_CANCELLED,
    "entered-in-error": panel_pb2.RESULT_STATUS_ENTERED_IN_ERROR,
}
_COMPARATOR = {
    "<": panel_pb2.COMPARATOR_LESS,
    "<=": panel_pb2.COMPARATOR_LESS_OR_EQUAL,
    ">=": panel_pb2.COMPARATOR_GREATER_OR_EQUAL,
    ">": panel_pb2.COMPARATOR_GREATER,
}


def results_of(bundle: Bundle) -> list[tuple[panel_pb2.Result, Resource]]:
    """Each result with the Observation that it came in."""
    return [(_result(each), each) for each in bundle.of_kind("Observation")]


def _result(observation: Resource) -> panel_pb2.Result:
    element = observation.element
    result = panel_pb2.Result(
        id=observation.id, status=_STATUS[element.text("status")], collected=element.text("effectiveDateTime")
    )
    code = element.child("code")
    for coding in code.children("coding") if code else ():
        result.codings.add(system=coding.text("system"), code=coding.text("code"), display=coding.text("display"))
    if (quantity := element.child("valueQuantity")) is not None:
        result.value = quantity.number("value")
        result.comparator = _COMPARATOR.get(quantity.text("comparator"), panel_pb2.COMPARATOR_UNSPECIFIED)
        result.unit = quantity.text("code") or quantity.text("unit")
    for concept in element.children("interpretation"):
        result.flags.extend(coding.text("code") for coding in concept.children("coding"))
    for given in element.children("referenceRange"):
        _set_interval(result.interval, given)
    return result


def _set_interval(interval: panel_pb2.LaboratoryInterval, given: Element) -> None:
    if (low := given.child("low")) is not None:
        interval.low = low.number("value")
    if (high := given.child("high")) is not None:
        interval.high = high.number("value")
    interval.text = given.text("text")
