"""Observations as results of the canonical request: each value, unit, interval and flag as it was sent."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime

from labgloss.fhir.bundle import Bundle, Resource
from labgloss.fhir.concept import Concept, coded_of, concept_of, concepts_of
from labgloss.fhir.element import Element
from labgloss.fhir.moments import moment_of
from labgloss.fhir.specimens import comments_of, conditions_of, specimen_of
from labgloss.fhir.terms import (
    ANALYTE,
    CATEGORY,
    COMPARATOR,
    LABORATORY,
    LOINC,
    NO_SYSTEM,
    OTHER_CATEGORIES,
    RESULT,
    SPOILED_BY,
    STATUS,
    TEXT_ONLY,
    UCUM,
)
from labgloss.fhir.whose import Whose
from labgloss.frozen import dataclass
from labgloss.knowledge.release import Release
from labgloss.v1 import panel_pb2
from labgloss.wire.fields import ID_LIMIT, LIST_LIMIT

OBSERVATION, REPORT, SPECIMEN = "Observation", "DiagnosticReport", "Specimen"
_WITHDRAWN = {
    "entered-in-error": panel_pb2.RESULT_STATUS_ENTERED_IN_ERROR,
    "cancelled": panel_pb2.RESULT_STATUS_CANCELLED,
}
# The types of a value.
_VALUES = tuple(
    f"value{kind}"
    for kind in (
        "Quantity",
        "CodeableConcept",
        "String",
        "Boolean",
        "Integer",
        "Range",
        "Ratio",
        "SampledData",
        "Time",
        "DateTime",
        "Period",
    )
)
_NORMAL = "normal"


@dataclass(frozen=True, eq=False)
class ReadResult:
    """A result, the Observation that it stands in, and the element that holds its value: that or a component of it."""

    result: panel_pb2.Result
    observation: Resource
    element: Element
    # The specimen that it names, or that the only report listing it names.
    specimen: Resource | None = None

    @property
    def is_component(self) -> bool:
        """Whether it is a component of its Observation."""
        return self.element is not self.observation.element


class Laboratory:
    """The Observations of a Bundle that are laboratory results, with the reports that list them."""

    def __init__(self, bundle: Bundle, release: Release) -> None:
        self._bundle = bundle
        self._release = release
        self._reports: dict[int, list[Resource]] = {}
        self._grouped: set[int] = set()
        for report in bundle.of_kind(REPORT):
            self._list(report, "result")
        for group in bundle.of_kind(OBSERVATION):
            self._list(group, "hasMember")

    def _list(self, parent: Resource, name: str) -> None:
        for reference in parent.element.children(name) if parent.element.has(name) else ():
            target = self._bundle.target(reference, parent)
            if target is None or target.resource is None:
                said = "what it refers to did not come with the Bundle, so that it is not in the report"
                reference.issues.warning("not-found", reference.path, said)
            elif parent.kind == REPORT:
                self._reports.setdefault(id(target.resource), []).append(parent)
            else:
                self._grouped.add(id(target.resource))

    @property
    def observations(self) -> Iterator[Resource]:
        """Every Observation but this service's own, contained ones after what contains them."""
        for resource in self._bundle.resources:
            for each in (resource, *resource.contained.values()):
                if each.kind == OBSERVATION and not _is_ours(each):
                    yield each

    def is_result(self, observation: Resource) -> bool:
        """Whether an Observation is a laboratory's, by category, code, or the report that lists it."""
        element = observation.element
        categories = concepts_of(element.children("category"))
        if categories.any_of(LABORATORY) or id(observation) in self._reports or self._known(element):
            return True
        if categories.any_of(OTHER_CATEGORIES):
            return False
        return id(observation) in self._grouped or any(element.has(name) for name in ("component", *_VALUES))

    def _known(self, element: Element) -> bool:
        """Whether a code of an Observation or of its components names an analyte of the release or of the site."""
        concepts = [concept_of(each.child("code")) for each in (element, *element.children("component"))]
        return any(
            code.system == ANALYTE
            or (code.system == LOINC and code.code in self._release.codes)
            or (code.system, code.code) in self._release.site.codes
            for concept in concepts
            for code in concept.codes
        )

    def results(self, observations: Iterable[Resource], owner: Whose, latest: datetime) -> list[ReadResult]:
        """The results that Observations of the owner hold, without what is told of haemolysis beside them."""
        return [read for each in observations for read in self._read(each, owner, latest)]

    def _read(self, observation: Resource, owner: Whose, latest: datetime) -> Iterator[ReadResult]:
        element = observation.element
        if (why := _not_to_be_read(element)) is not None:
            element.issues.error("not-supported", element.path, why)
            return
        shared = self._shared(observation, owner, latest)
        components = element.children("component")
        has_value = any(element.has(name) for name in (*_VALUES, "dataAbsentReason"))
        if has_value or not (components or element.has("hasMember")):
            yield self._result(observation, element, shared, _own_id(observation))
        for component in components:
            if _is_modified(component):
                component.issues.error("not-supported", component.path, _MODIFIED)
            else:
                yield self._result(observation, component, shared, "")

    def _shared(self, observation: Resource, owner: Whose, latest: datetime) -> ReadResult:
        """What an Observation says of all that it holds: status, time, specimen."""
        element = observation.element
        # A report on another patient that lists it says nothing of it.
        reports = [each for each in self._reports.get(id(observation), []) if owner.may_hold(each)]
        result = panel_pb2.Result(status=_status(element, reports))
        specimen = self._specimen(observation, reports)
        if specimen is not None and not owner.may_hold(specimen):
            said = "the Specimen is that of another patient; nothing of it was read"
            element.issues.error("security", element.at("specimen"), said)
            specimen = None
        if specimen is not None:
            result.specimen.CopyFrom(specimen_of(specimen))
        result.collected = moment_of(element, "effective", latest)
        collection = None if specimen is None else specimen.element.child("collection")
        if not result.collected and collection is not None and not _has_time(element):
            result.collected = moment_of(collection, "collected", latest)
        if not result.collected and len(reports) == 1 and not _has_time(element):
            result.collected = moment_of(reports[0].element, "effective", latest)
        result.specimen.conditions.extend(_spoiled_by(element))
        comments = list(comments_of(element))
        if comments:
            result.specimen.comments.extend(comments)
        return ReadResult(result, observation, element, specimen)

    def _specimen(self, observation: Resource, reports: Sequence[Resource]) -> Resource | None:
        reference = observation.element.child("specimen")
        if reference is not None:
            target = self._bundle.target(reference, observation)
            if target is not None and target.resource is not None and target.resource.kind == SPECIMEN:
                return target.resource
            said = "the Specimen did not come with the Bundle; its kind and condition are unknown"
            reference.issues.warning("not-found", reference.path, said)
            return None
        found: dict[int, Resource] = {}
        for report in reports:
            for named in report.element.children("specimen") if report.element.has("specimen") else ():
                target = self._bundle.target(named, report)
                if target is not None and target.resource is not None and target.resource.kind == SPECIMEN:
                    found[id(target.resource)] = target.resource
        return next(iter(found.values())) if len(found) == 1 else None

    def _result(self, observation: Resource, element: Element, shared: ReadResult, name: str) -> ReadResult:
        result = panel_pb2.Result()
        result.CopyFrom(shared.result)
        result.id = name if len(name) <= ID_LIMIT else ""
        _set_codes(result, concept_of(element.child("code")), element)
        self._set_value(result, element)
        result.flags.extend(_flags(element))
        self._set_interval(result, element)
        return ReadResult(result, observation, element, shared.specimen)

    def _set_value(self, result: panel_pb2.Result, element: Element) -> None:
        present = [name for name in _VALUES if element.has(name)]
        if len(present) > 1:
            element.issues.error(
                "structure", element.path, "it has several values, and which counts is open; none does"
            )
            return
        if not present:
            return
        if element.has("dataAbsentReason"):
            said = "it has a value and a reason why there is none; its value was not read"
            element.issues.error("invariant", element.at("dataAbsentReason"), said)
            return
        if present[0] == "valueQuantity":
            quantity = element.child("valueQuantity")
            if quantity is not None:
                self._set_quantity(result, quantity)
        else:
            result.value = _in_words(element, present[0])

    def _set_quantity(self, result: panel_pb2.Result, quantity: Element) -> None:
        sign = quantity.text("comparator")
        if sign not in COMPARATOR:
            # Without it a bound would be read as a measurement.
            quantity.issues.error(
                "value", quantity.at("comparator"), "one of <, <=, >=, > is needed; the value was not read"
            )
            return
        result.value, result.comparator = quantity.number("value"), COMPARATOR[sign]
        result.unit = self._unit(quantity)[:ID_LIMIT]

    def _unit(self, quantity: Element) -> str:
        """The unit as it was sent: by code where that is one of UCUM, both where they are different units."""
        code, unit, system = (quantity.text(name).strip() for name in ("code", "unit", "system"))
        if not code or (unit and system not in ("", UCUM)):
            return unit
        if unit and self._differ(code, unit):
            said = "unit and code are different units, so that the unit is open; send the one that is meant"
            quantity.issues.error("conflict", quantity.path, said)
            return f"{unit} (code {code})"
        return code

    def _differ(self, one: str, other: str) -> bool:
        table = self._release.unit_table
        units = [table.units[ucum] for text in (one, other) if (ucum := table.resolve(text)) is not None]
        return len(units) == 2 and (units[0].dimension, units[0].scale) != (units[1].dimension, units[1].scale)

    def _set_interval(self, result: panel_pb2.Result, element: Element) -> None:
        """The reference range, where it is one: of several for different people nobody here says which is meant."""
        ranges = [
            each
            for each in element.children("referenceRange")
            if not each.has("modifierExtension") and _is_normal(each)
        ]
        general = [each for each in ranges if not (each.has("appliesTo") or each.has("age"))]
        chosen = ranges if len(ranges) == 1 else general
        if len(chosen) != 1:
            if ranges:
                said = "several reference ranges came, and which one is the patient's is open; none was read"
                element.issues.warning("multiple-matches", element.at("referenceRange"), said)
            return
        (given,) = chosen
        interval = panel_pb2.LaboratoryInterval(text=given.text("text"))
        for name in ("low", "high"):
            limit = given.child(name)
            if limit is None:
                continue
            unit = self._unit(limit)
            if limit.has("comparator") or (
                unit and result.unit and unit != result.unit and self._differ(unit, result.unit)
            ):
                said = "the limit is in another unit than the value, or no plain number; the range was not read"
                limit.issues.warning("value", limit.path, said)
                return
            setattr(interval, name, limit.number("value"))
        if interval != panel_pb2.LaboratoryInterval():
            result.interval.CopyFrom(interval)


def _is_ours(observation: Resource) -> bool:
    """Whether an Observation is a reading that this service made, and a record system kept: it measures nothing."""
    categories = concepts_of(observation.element.children("category"))
    return any(code.system == CATEGORY for code in categories.codes)


def _own_id(observation: Resource) -> str:
    """The id that the caller gives a result in terms of the API; a logical id of FHIR names it to nobody who reads."""
    return next((value for system, value in sorted(observation.identifiers) if system == RESULT), "")


_MODIFIED = "it has a modifierExtension, whose meaning is not known here; it was not read"


def _not_to_be_read(element: Element) -> str | None:
    """Why an Observation must not be read: what changes its meaning is not known here."""
    if _is_modified(element):
        return _MODIFIED
    if element.has("implicitRules"):
        return "it has implicitRules, which are not known here; it was not read"
    if element.has("focus"):
        return "its focus is another than its subject, such as a fetus or donor; it was not read"
    return None


def _is_modified(element: Element) -> bool:
    """Whether a modifierExtension stands there that is not known: it could turn the meaning round."""
    given = element.children("modifierExtension")
    return element.has("modifierExtension") and not all(each.body.get("url") in SPOILED_BY for each in given)


def _spoiled_by(element: Element) -> Iterator[str]:
    """What an Observation says of itself that spoils its reading: "HEM", "Specimen hemolyzed"."""
    for each in element.children("modifierExtension") if element.has("modifierExtension") else ():
        yield from conditions_of(coded_of(each.child("valueCoding")))


def _status(element: Element, reports: Sequence[Resource]) -> panel_pb2.ResultStatus.ValueType:
    """The status; that of the reports where all of them were withdrawn."""
    text = element.text("status")
    status = STATUS.get(text)
    if status is None:
        said = "a status of R4 is needed, other than unknown; the result was read as preliminary"
        element.issues.warning("code-invalid", element.at("status"), said)
        status = panel_pb2.RESULT_STATUS_PRELIMINARY
    withdrawn = [_WITHDRAWN.get(report.element.text("status")) for report in reports]
    if withdrawn and None not in withdrawn and text not in _WITHDRAWN:
        said = "the report that lists it was withdrawn or cancelled, and the result with it"
        element.issues.warning("business-rule", element.path, said)
        return withdrawn[0] or status
    return status


def _has_time(element: Element) -> bool:
    """Whether a time was sent, be it one that was not read."""
    return any(element.has(f"effective{kind}") for kind in ("DateTime", "Instant", "Period", "Timing"))


def _set_codes(result: panel_pb2.Result, code: Concept, element: Element) -> None:
    own = [each.code for each in code.in_system(ANALYTE)]
    if len(set(own)) == 1:
        result.analyte = own[0]
    sent = [each for each in code.codes if each.code and each.system != ANALYTE]
    if len(sent) > LIST_LIMIT:
        element.issues.warning("too-long", element.at("code"), f"more than {LIST_LIMIT} codes; the rest was not read")
    for each in sent[:LIST_LIMIT]:
        if not each.system:
            element.issues.warning("code-invalid", element.at("code"), "a code without a system identifies nothing")
        result.codings.add(system=each.system or NO_SYSTEM, code=each.code, display=each.display)
    if not result.analyte and not result.codings:
        words = next(iter(code.words), "") or "without code"
        element.issues.warning("required", element.at("code"), "a result is identified by a code, not by its text")
        result.codings.add(system=TEXT_ONLY, code=words[:ID_LIMIT], display=words)


def _flags(element: Element) -> Iterator[str]:
    for concept in map(concept_of, element.children("interpretation")):
        codes = [code.code for code in concept.codes if code.code]
        yield from codes or ([concept.text] if concept.text else ())


def _is_normal(given: Element) -> bool:
    kind = given.child("type")
    return kind is None or concept_of(kind).any_of((_NORMAL,))


def _in_words(element: Element, name: str) -> str:
    """A value that is no Quantity, as text; no number is made of it."""
    match name:
        case "valueString":
            return " ".join(element.pieces(name)[:1])
        case "valueBoolean":
            return str(element.boolean(name)).lower()
        case "valueInteger":
            return element.number(name)
        case "valueTime" | "valueDateTime":
            return element.text(name)
    child = element.child(name)
    if child is None:
        return ""
    match name:
        case "valueCodeableConcept":
            concept = concept_of(child)
            return next(iter(concept.words), "") or next((code.code for code in concept.codes), "")
        case "valueRange":
            return " - ".join(_amount(child.child(limit)) for limit in ("low", "high"))
        case "valueRatio":
            return ":".join(_amount(child.child(part)) for part in ("numerator", "denominator"))
    return f"a {name.removeprefix('value')}"


def _amount(quantity: Element | None) -> str:
    if quantity is None:
        return "?"
    words = (quantity.text("comparator"), quantity.number("value"), quantity.text("unit") or quantity.text("code"))
    return " ".join(word for word in words if word)[:ID_LIMIT]


def fit(found: Iterable[ReadResult]) -> None:
    """Makes the results such as the canonical request takes them: an id once, lists within their limits."""
    seen: set[str] = set()
    for read in found:
        result, specimen = read.result, read.result.specimen
        if result.id in seen:
            result.ClearField("id")
        seen.add(result.id)
        for texts in (result.flags, specimen.conditions, specimen.comments):
            if len(texts) > LIST_LIMIT:
                said = f"more than {LIST_LIMIT} flags, conditions or comments came with it; the rest was not read"
                read.element.issues.warning("too-costly", read.element.path, said)
                del texts[LIST_LIMIT:]
        if specimen == panel_pb2.Specimen():
            result.ClearField("specimen")
