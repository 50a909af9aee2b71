"""What a Specimen says of its results: kind, tube, condition, haemolysis, comments, time."""

from __future__ import annotations

from collections.abc import Iterator

from labgloss.fhir.bundle import Resource
from labgloss.fhir.concept import Concept, concept_of, concepts_of
from labgloss.fhir.element import Element
from labgloss.fhir.terms import HAEMOLYSED, HAEMOLYSED_SNOMED, HAEMOLYSIS, HAEMOLYSIS_CODES, TRANSPORT
from labgloss.laboratory_words import specimen_kind
from labgloss.v1 import panel_pb2
from labgloss.wire.fields import ID_LIMIT


def specimen_of(resource: Resource) -> panel_pb2.Specimen:
    """The specimen as the canonical request has it; what was written of it in words stays in words."""
    element = resource.element
    specimen = panel_pb2.Specimen(id=_draw(resource))
    kind = concept_of(element.child("type"))
    found = specimen_kind(*(code.code for code in kind.codes if code.code), *kind.words)
    specimen.kind = found or panel_pb2.SPECIMEN_KIND_UNSPECIFIED
    tube = _tube(element)
    if found is None and not tube:
        # "Plasma specimen with EDTA": no kind that is told apart, and words that name the tube.
        tube = next(iter(kind.words), "")
    specimen.additive = tube
    condition = concepts_of(element.children("condition"))
    graded = [code.code for code in condition.in_system(HAEMOLYSIS) if code.code in HAEMOLYSIS_CODES]
    if graded:
        specimen.haemolysis = HAEMOLYSIS_CODES[graded[0]]
    specimen.conditions.extend(conditions_of(condition))
    status = element.text("status")
    if status in ("unsatisfactory", "entered-in-error"):
        specimen.conditions.append(status)
        said = f"the specimen is {status}; what was measured in it is shown, and not judged"
        element.issues.warning("business-rule", element.at("status"), said)
    if (collection := element.child("collection")) is not None:
        specimen.site = next(iter(concept_of(collection.child("bodySite")).words), "")
    specimen.transport = extension_text(element, TRANSPORT)
    specimen.comments.extend(comments_of(element))
    return specimen


def _draw(resource: Resource) -> str:
    """The id of the draw: of the accession, else of the specimen; empty where the time has to stand for it."""
    accession = resource.element.child("accessionIdentifier")
    named = "" if accession is None else accession.text("value")
    identified = next((value for _, value in sorted(resource.identifiers)), "")
    found = named or identified or resource.id
    return found if len(found) <= ID_LIMIT else ""


def comments_of(element: Element) -> Iterator[str]:
    """The texts of its notes."""
    for note in element.children("note"):
        yield from note.pieces("text")


def extension_of(element: Element, url: str) -> Element | None:
    """An extension of an element; None when it has none of that URL."""
    if not element.has("extension"):
        return None
    return next((each for each in element.children("extension") if each.body.get("url") == url), None)


def extension_text(element: Element, url: str) -> str:
    """The string of an extension; empty when there is none."""
    found = extension_of(element, url)
    return "" if found is None else found.text("valueString")


def _tube(element: Element) -> str:
    """The additive of the tube by code, else in words; the kind of tube where no additive was sent."""
    containers = element.children("container")
    additives = [concept_of(each.child("additiveCodeableConcept")) for each in containers]
    tubes = [concept_of(each.child("type")) for each in containers]
    for concepts in (additives, tubes):
        named = [next((code.code for code in each.codes if code.code), each.text) for each in concepts if each]
        if concepts is tubes:
            named = [next(iter(each.words), "") for each in concepts if each]
        if any(named):
            return ", ".join(dict.fromkeys(name for name in named if name))
    return ""


def conditions_of(condition: Concept) -> Iterator[str]:
    """Codes, and what is written beside them: "HEM", "grossly haemolysed"."""
    for code in condition.codes:
        if code.system != HAEMOLYSIS:
            named = HAEMOLYSED if code.code == HAEMOLYSED_SNOMED else code.code
            yield from filter(None, (named, code.display))
    if condition.text:
        yield condition.text
