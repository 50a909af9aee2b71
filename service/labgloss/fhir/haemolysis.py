"""Haemolysis that is told beside the results it concerns: by an Observation of its own, or in a comment."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from labgloss.fhir.concept import concept_of
from labgloss.fhir.results import ReadResult
from labgloss.fhir.terms import HAEMOLYSED, HAEMOLYSED_SNOMED, LOINC
from labgloss.laboratory_words import (
    HAEMOLYSIS_CODES,
    german_haemolysis,
    haemolysis_grade,
    names_haemolysis,
    speaks_of_haemolysis,
)
from labgloss.v1 import panel_pb2

_INDEX = "haemolysis_index"
# What is said in more than so many ways is said often enough; each result keeps what stands with it.
SAYINGS_LIMIT = 20


def tell_haemolysis(found: Sequence[ReadResult]) -> None:
    """Tells every result of a draw what is said of haemolysis with any of them."""
    told = [(read, said) for read in found for said in _said(read)]
    first = {(id(read.specimen), read.result.collected, said): (read, said) for read, said in reversed(told)}
    for read, said in list(reversed(first.values()))[:SAYINGS_LIMIT]:
        for other in found:
            if _same_draw(read, other):
                _tell(other.result.specimen, said)


def _said(read: ReadResult) -> Iterator[str]:
    """What a result, its name or its comments say of haemolysis."""
    result = read.result
    if result.status == panel_pb2.RESULT_STATUS_ENTERED_IN_ERROR:
        return
    written = (*result.specimen.comments, *result.specimen.conditions)
    yield from [text for text in written if speaks_of_haemolysis(text)]
    if concept_of(read.element.child("valueCodeableConcept")).any_of((HAEMOLYSED, HAEMOLYSED_SNOMED)):
        # Of an Observation of the specimen's condition (93047-7), by code.
        yield "haemolysed"
    elif read.element.has("valueString") or read.element.has("valueCodeableConcept"):
        if speaks_of_haemolysis(result.value):
            yield result.value
        elif result.value and _is_haemolysis(read):
            yield result.value if haemolysis_grade(result.value) is not None else f"haemolysis: {result.value}"
    elif result.value and _is_haemolysis(read) and not result.analyte:
        # Laboratories send the index under codes of their own, and LOINC codes of it are not in the release.
        kept = [each for each in result.codings if each.system != LOINC]
        del result.codings[:]
        result.codings.extend(kept)
        result.analyte = _INDEX
        said = f"it is read as {_INDEX}, by its name or code"
        read.element.issues.information("informational", read.element.path, said)


def _is_haemolysis(read: ReadResult) -> bool:
    code = concept_of(read.element.child("code"))
    coded = any(each.system == LOINC and each.code in HAEMOLYSIS_CODES for each in code.codes)
    named = (*code.words, *(each.code for each in code.codes))
    return coded or any(names_haemolysis(name) for name in named)


def _tell(specimen: panel_pb2.Specimen, said: str) -> None:
    """Adds what is said to a specimen: one word is its grade; a comment stays one, and gives its grade in German."""
    grade = haemolysis_grade(said) or german_haemolysis(said)
    if grade is not None:
        specimen.haemolysis = max(specimen.haemolysis, grade)
    if haemolysis_grade(said) is None and said not in (*specimen.comments, *specimen.conditions):
        specimen.comments.append(said)


def _same_draw(one: ReadResult, other: ReadResult) -> bool:
    """Whether two results come from one draw: the same Specimen, else the same Observation or time."""
    if one.specimen is not None and other.specimen is not None:
        return one.specimen is other.specimen
    return one.observation is other.observation or one.result.collected == other.result.collected
