"""CodeableConcepts as codes and words, within the limits of the canonical request."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from labgloss.fhir.element import Element
from labgloss.fhir.terms import SNOMED, SYSTEMS
from labgloss.frozen import dataclass
from labgloss.wire.fields import ID_LIMIT

# What SNOMED CT puts behind a fully specified name, and nobody says: "Muscle cramp (finding)".
_SEMANTIC_TAG = re.compile(r" \((?:disorder|finding|situation|morphologic abnormality|product|medicinal product)\)$")


@dataclass(frozen=True, slots=True)
class Code:
    """A code of a system, with its display."""

    system: str
    code: str
    display: str = ""


@dataclass(frozen=True, slots=True)
class Concept:
    """What a CodeableConcept names: by codes, and in words."""

    codes: tuple[Code, ...] = ()
    text: str = ""

    @property
    def words(self) -> tuple[str, ...]:
        """The text and the displays, each once."""
        said = (self.text, *(code.display for code in self.codes))
        return tuple(dict.fromkeys(word for word in said if word.strip()))

    @property
    def plain_words(self) -> tuple[str, ...]:
        """Its words as people say them: without the semantic tags of SNOMED CT."""
        coded = any(code.system == SNOMED for code in self.codes)
        return tuple(dict.fromkeys(_SEMANTIC_TAG.sub("", word) if coded else word for word in self.words))

    def any_of(self, codes: Iterable[str]) -> bool:
        """Whether one of its codes is among those, of whatever system."""
        wanted = frozenset(codes)
        return any(code.code in wanted for code in self.codes)

    def in_system(self, system: str) -> Iterator[Code]:
        """Its codes of a system."""
        return (code for code in self.codes if code.system == system)

    def __bool__(self) -> bool:
        return bool(self.codes or self.text)


def concept_of(element: Element | None) -> Concept:
    """What the element names; nothing where it is absent."""
    if element is None:
        return Concept()
    return Concept(tuple(_codes(element.children("coding"))), element.text("text"))


def coded_of(coding: Element | None) -> Concept:
    """What a Coding names; nothing where it is absent."""
    return Concept() if coding is None else Concept(tuple(_codes((coding,))))


def concepts_of(elements: Iterable[Element]) -> Concept:
    """What several elements name together."""
    found = [concept_of(element) for element in elements]
    return Concept(
        tuple(code for concept in found for code in concept.codes),
        "; ".join(concept.text for concept in found if concept.text),
    )


def _codes(codings: Iterable[Element]) -> Iterator[Code]:
    for coding in codings:
        code, system = coding.text("code").strip(), coding.text("system").strip()
        if len(code) > ID_LIMIT:
            coding.issues.warning("too-long", coding.at("code"), f"a code has at most {ID_LIMIT} characters; not read")
        elif code or coding.has("display"):
            yield Code(SYSTEMS.get(system, system), code, coding.text("display"))
