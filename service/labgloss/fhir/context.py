"""Conditions, medications and complaints of the patient, as far as they hold now.

A list of the canonical request says that what is not on it is false. So it is made where at least one item came, or
where the Bundle says that there are none; and where an item may hold or not, the list has an entry that nobody
recognises, so that nothing follows from what is missing.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import field
from datetime import date, timedelta

from labgloss.engine.recognise import how_far
from labgloss.fhir.bundle import Bundle, Resource
from labgloss.fhir.concept import Code, Concept, concept_of, concepts_of
from labgloss.fhir.element import Element
from labgloss.fhir.moments import day_of
from labgloss.fhir.specimens import extension_text
from labgloss.fhir.terms import (
    ABSENT,
    CONDITION,
    DURATION,
    LABORATORY,
    MEDICATION,
    MEDICATION_LISTS,
    NO_INFORMATION,
    NONE_KNOWN,
    ONSET,
    PRESENT,
    PROBLEM_LISTS,
    SYMPTOM,
    SYMPTOM_CARRIERS,
    SYMPTOM_SYSTEMS,
    these,
)
from labgloss.fhir.whose import Whose
from labgloss.frozen import dataclass
from labgloss.knowledge.release import Release
from labgloss.knowledge.schema import TextKind
from labgloss.v1 import panel_pb2
from labgloss.wire import times
from labgloss.wire.fields import ID_LIMIT, LIST_LIMIT

# An Observation of a complaint says nothing of a draw that is further from it.
_NEAR = timedelta(days=30)
# Of a list of the canonical request: one place is kept for the entry that leaves it open.
_ROOM = LIST_LIMIT - 1

# Verification and clinical status of a Condition that does not hold, and of one that may.
_NOT_SO = frozenset({"refuted"})
_OPEN = frozenset({"unconfirmed", "provisional", "differential"})
_OVER = frozenset({"inactive", "remission", "resolved"})
_VERIFIED = _NOT_SO | _OPEN | {"confirmed", "entered-in-error"}
_CLINICAL = _OVER | {"active", "recurrence", "relapse"}
# A status that was sent and is none of R4's: a code of another system alone, or two that contradict each other.
_NOT_READ = "?"
# Status of MedicationStatement and MedicationRequest.
_TAKEN = "active"
_NOT_TAKEN = these("completed entered-in-error intended stopped on-hold not-taken cancelled draft")
_ORDERED = these("order original-order reflex-order filler-order instance-order") | {""}

# Status of a ServiceRequest that was made, and of an Encounter that takes or took place.
_ASKED = these("active completed arrived triaged in-progress onleave finished")

OPEN_CONDITION = "an entry that may or may not be a condition of this patient"
OPEN_MEDICATION = "an entry that may or may not be a medicine of this patient"


@dataclass(frozen=True, slots=True)
class Medicine:
    """A medication of the list, and the statement or request that it came from."""

    medication: panel_pb2.Medication
    resource: Resource


@dataclass(slots=True)
class Context:
    """What a Bundle says of the patient beside the results."""

    symptoms: list[panel_pb2.Symptom] = field(default_factory=list)
    conditions: list[panel_pb2.Condition] | None = None
    medicines: list[Medicine] | None = None
    # Whether there may be more than the lists hold.
    conditions_open: bool = False
    medicines_open: bool = False


class SymptomCodes:
    """The codes of the symptoms of a release, by their systems' names in FHIR."""

    def __init__(self, release: Release) -> None:
        self._release = release
        self._codes = {(code.system, code.code.upper()) for row in release.symptoms.values() for code in row.codes}

    def of(self, concept: Concept) -> Code | None:
        """The first code that names a symptom, with its system as the canonical request names it."""
        for code in concept.codes:
            if code.system == SYMPTOM:
                return code
            system = SYMPTOM_SYSTEMS.get(code.system)
            if system is not None and (system, code.code.upper()) in self._codes:
                return Code(system, code.code, code.display)
        return None

    def told_by(self, observation: Resource) -> bool:
        """Whether an Observation tells of a complaint."""
        element = observation.element
        code = concept_of(element.child("code"))
        if code.any_of(SYMPTOM_CARRIERS) or self.of(code) is not None:
            return True
        # In words alone, where nothing else makes it a result.
        if code.codes or element.has("valueQuantity") or concepts_of(element.children("category")).any_of(LABORATORY):
            return False
        # What is longer is a text, and no name of an Observation.
        names = (words for words in code.words if len(words) <= ID_LIMIT)
        return any(how_far(self._release, "symptom", words) == 2 for words in names)


class ContextReader:
    """Reads the context of one patient out of a Bundle."""

    def __init__(self, bundle: Bundle, release: Release, whose: Whose, newest: date | None) -> None:
        self._bundle = bundle
        self._release = release
        self._whose = whose
        self._newest = newest
        self._symptoms = SymptomCodes(release)
        self._context = Context()
        self._listed = False
        self._asked: dict[tuple[str, str], int] = {}

    def read(self, observations: list[Resource]) -> Context:
        """The context; `observations` are those that tell of complaints."""
        context = self._context
        for observation in observations:
            if len(context.symptoms) <= _ROOM:
                self._complaint(observation)
        for resource in self._bundle.of_kind("Condition"):
            if len(context.conditions or ()) <= _ROOM and self._whose.holds(resource):
                self._condition(resource)
        for resource in self._bundle.of_kind("MedicationStatement", "MedicationRequest"):
            if len(context.medicines or ()) <= _ROOM and self._whose.holds(resource):
                self._medicine(resource)
        if self._context.conditions and not self._listed:
            self._context.conditions_open = True
        self._none_known()
        self._reasons()
        self._fit()
        return self._context

    # ------------------------------------------------------------------------------------------------ complaints

    def _complaint(self, observation: Resource) -> None:
        element = observation.element
        if element.text("status") in ("entered-in-error", "cancelled", "registered", "unknown", ""):
            element.issues.information("business-rule", element.path, "by its status it says nothing; it was not read")
            return
        if element.has("modifierExtension") or element.has("implicitRules") or element.has("focus"):
            element.issues.warning(
                "not-supported", element.path, "what changes its meaning is not known here; not read"
            )
            return
        day = times.day(day_of(element.text("effectiveDateTime") or element.text("effectiveInstant")))
        if day is not None and self._newest is not None and abs(day - self._newest) > _NEAR:
            said = f"it is more than {_NEAR.days} days from the newest results; it was not read"
            element.issues.information("business-rule", element.path, said)
            return
        code = concept_of(element.child("code"))
        if code.any_of(SYMPTOM_CARRIERS):
            self._carried(element)
            return
        present = _answer(element)
        if present is None:
            said = "its value says neither that it is present nor that it is absent; it was not read"
            element.issues.warning("value", element.path, said)
            return
        self._add_symptom(code, element, present=present)

    def _carried(self, element: Element) -> None:
        if element.has("dataAbsentReason") or not (element.has("valueString") or element.has("valueCodeableConcept")):
            element.issues.warning("value", element.path, "it holds no complaint that can be read")
            return
        for text in element.pieces("valueString"):
            self._add_symptom(Concept(text=text), element)
        if value := concept_of(element.child("valueCodeableConcept")):
            self._add_symptom(value, element)

    def _add_symptom(self, concept: Concept, element: Element, *, present: bool = True) -> None:
        symptom = panel_pb2.Symptom(duration=_duration(element))
        code = self._symptoms.of(concept)
        if code is not None and code.system == SYMPTOM:
            symptom.id = code.code
        elif code is not None:
            symptom.coding.CopyFrom(panel_pb2.Coding(system=code.system, code=code.code, display=code.display))
        symptom.text = self._words("symptom", concept)
        if not (symptom.id or symptom.text or symptom.coding.code):
            return
        if not present:
            symptom.present = False
        onset = extension_text(element, ONSET) or day_of(element.text("onsetDateTime"))
        if times.is_onset(onset):
            symptom.onset = onset
        self._context.symptoms.append(symptom)

    def _words(self, kind: TextKind, concept: Concept) -> str:
        """Of its words those that are recognised furthest: a text of another language stands beside its display."""
        said = concept.plain_words
        return max(said, key=lambda words: self._how_far(kind, words), default="")

    def _how_far(self, kind: TextKind, words: str) -> int:
        known = self._asked.get((kind, words))
        if known is None:
            known = self._asked[kind, words] = how_far(self._release, kind, words)
        return known

    # ------------------------------------------------------------------------------------------------ conditions

    def _condition(self, resource: Resource) -> None:
        element = resource.element
        verified = _status_of(element, "verificationStatus", _VERIFIED)
        clinical = _status_of(element, "clinicalStatus", _CLINICAL)
        concept = concept_of(element.child("code"))
        if element.has("modifierExtension") or element.has("implicitRules"):
            element.issues.warning(
                "not-supported", element.path, "what changes its meaning is not known here; not read"
            )
            self._context.conditions_open = True
        elif verified == "entered-in-error":
            element.issues.information("business-rule", element.path, "it was entered in error; it was not read")
        elif concept.any_of(NO_INFORMATION) or not concept:
            element.issues.information("business-rule", element.path, "it names no condition; it was not read")
        elif concept.any_of(NONE_KNOWN):
            self._context.conditions = self._context.conditions or []
        elif clinical in _OVER or (not clinical and _is_over(element)):
            element.issues.information("business-rule", element.path, "it is not active any more; it was not read")
        elif _NOT_READ in (verified, clinical):
            said = "its status is none of R4, so that it is open whether it is so; it is not on the list"
            element.issues.warning("code-invalid", element.path, said)
            self._context.conditions_open = True
        elif self._is_symptom(concept):
            if verified in _OPEN:
                element.issues.information("business-rule", element.path, "it is not confirmed; it was not read")
            else:
                self._add_symptom(concept, element, present=verified not in _NOT_SO)
        elif verified in _NOT_SO:
            element.issues.information("business-rule", element.path, "it was refuted; it is not on the list")
        elif verified in _OPEN:
            element.issues.information(
                "business-rule", element.path, "it is not confirmed; it is open whether it is so"
            )
            self._context.conditions_open = True
        else:
            self._context.conditions = [*(self._context.conditions or ()), self._named_condition(concept)]
            # Of an encounter alone, a diagnosis is no list of what the patient has.
            self._listed |= not concepts_of(element.children("category")).any_of(("encounter-diagnosis",))

    def _is_symptom(self, concept: Concept) -> bool:
        """Whether a Condition is a complaint: by its code, else where its words name a symptom and no condition."""
        if any(code.system == CONDITION for code in concept.codes):
            return False
        if self._symptoms.of(concept) is not None:
            return True
        return not any(self._far("condition", concept)) and any(far == 2 for far in self._far("symptom", concept))

    def _far(self, kind: TextKind, concept: Concept) -> Iterator[int]:
        return (self._how_far(kind, words) for words in concept.plain_words)

    def _named_condition(self, concept: Concept) -> panel_pb2.Condition:
        own = next(concept.in_system(CONDITION), None)
        condition = panel_pb2.Condition(id="" if own is None else own.code, text=self._words("condition", concept))
        if own is None and (code := self._site_code(concept)) is not None:
            condition.coding.CopyFrom(panel_pb2.Coding(system=code.system, code=code.code, display=code.display))
        return condition

    def _site_code(self, concept: Concept) -> Code | None:
        """The code by which the site knows it, else the first."""
        coded = [code for code in concept.codes if code.code]
        known = [code for code in coded if (code.system, code.code) in self._release.site.codes]
        return next(iter(known or coded), None)

    # ------------------------------------------------------------------------------------------------ medications

    def _medicine(self, resource: Resource) -> None:
        element = resource.element
        status = element.text("status")
        concept = self._medication_of(resource)
        if concept.any_of(NO_INFORMATION):
            return
        if element.has("modifierExtension") or element.has("implicitRules"):
            element.issues.warning(
                "not-supported", element.path, "what changes its meaning is not known here; not read"
            )
            self._context.medicines_open = True
        elif concept.any_of(NONE_KNOWN):
            self._context.medicines = self._context.medicines or []
        elif element.boolean("doNotPerform") or element.text("intent") not in _ORDERED or status in _NOT_TAKEN:
            said = "by its status or intent it is not being taken; it is not on the list"
            element.issues.information("business-rule", element.path, said)
        elif status != _TAKEN:
            said = "by its status it is open whether it is being taken; it is not on the list"
            element.issues.warning("business-rule", element.at("status"), said)
            self._context.medicines_open = True
        elif not concept:
            element.issues.warning(
                "required", element.path, "it names no medication that came with the Bundle; not read"
            )
            self._context.medicines_open = True
        elif self._has_ended(element):
            element.issues.information("business-rule", element.path, "it has ended; it is not on the list")
        else:
            self._list_medicine(resource, concept)

    def _has_ended(self, element: Element) -> bool:
        period = element.child("effectivePeriod")
        # Of a month or year alone, its last day.
        text = "" if period is None else period.text("end")
        end = times.partial_date(text.partition("T")[0])
        return end is not None and self._newest is not None and end.last < self._newest

    def _medication_of(self, resource: Resource) -> Concept:
        """What is taken: by code, or by the Medication that is referred to, with its ingredients."""
        element = resource.element
        named = concept_of(element.child("medicationCodeableConcept"))
        target = self._bundle.target(element.child("medicationReference"), resource)
        if named or target is None or target.resource is None:
            return named
        medication = target.resource.element
        code = concept_of(medication.child("code"))
        ingredients = concepts_of(
            each
            for item in medication.children("ingredient")
            if (each := item.child("itemCodeableConcept")) is not None
        )
        return Concept((*code.codes, *ingredients.codes), code.text or ingredients.text)

    def _list_medicine(self, resource: Resource, concept: Concept) -> None:
        own = next(concept.in_system(MEDICATION), None)
        medication = panel_pb2.Medication(id="" if own is None else own.code, text=self._words("medication", concept))
        if own is None and (code := self._site_code(concept)) is not None:
            # A coded one is matched by its display.
            medication.coding.CopyFrom(panel_pb2.Coding(system=code.system, code=code.code, display=code.display))
        period = resource.element.child("effectivePeriod")
        since = (period.text("start") if period is not None else "")[:10]
        if times.partial_date(since) is not None:
            medication.since = since
        self._context.medicines = [*(self._context.medicines or ()), Medicine(medication, resource)]

    # ------------------------------------------------------------------------------------------------ lists, reasons

    def _none_known(self) -> None:
        """Empty lists, where a List or a section of a document says that there is nothing to be on it."""
        for resource in self._bundle.of_kind("List"):
            if resource.element.text("status") in ("current", "") and self._whose.holds(resource):
                self._empty(resource.element)
        for resource in self._bundle.of_kind("Composition"):
            if resource.element.has("section") and self._whose.holds(resource):
                for section in resource.element.children("section"):
                    self._empty(section)

    def _empty(self, element: Element) -> None:
        if not concept_of(element.child("emptyReason")).any_of(("nilknown",)) or element.has("entry"):
            return
        code = concept_of(element.child("code"))
        if code.any_of(PROBLEM_LISTS):
            if self._context.conditions:
                element.issues.warning("conflict", element.path, "it says that there are none, and Conditions came")
            self._context.conditions = self._context.conditions or []
        if code.any_of(MEDICATION_LISTS):
            if self._context.medicines:
                element.issues.warning("conflict", element.path, "it says that there are none, and medications came")
            self._context.medicines = self._context.medicines or []

    def _reasons(self) -> None:
        """Why the results were asked for, where that names a complaint."""
        for resource in self._bundle.of_kind("ServiceRequest", "Encounter"):
            element = resource.element
            if not element.has("reasonCode") or element.text("status") not in _ASKED:
                continue
            if self._is_long_past(element) or not self._whose.holds(resource):
                continue
            for reason in element.children("reasonCode"):
                concept = concept_of(reason)
                if self._is_symptom(concept):
                    self._add_symptom(concept, reason)

    def _is_long_past(self, element: Element) -> bool:
        period = element.child("period")
        text = element.text("authoredOn") if period is None else period.text("end") or period.text("start")
        day = times.day(day_of(text))
        return day is not None and self._newest is not None and abs(day - self._newest) > _NEAR

    def _fit(self) -> None:
        """Keeps the lists within the limits of the canonical request, and says what did not fit."""
        context, issues = self._context, self._bundle.element.issues
        said = "the rest was not read, and nothing follows from what is not on the list"
        if len(context.symptoms) > _ROOM:
            issues.warning("too-costly", "Bundle.entry", f"more than {_ROOM} complaints came; the rest was not read")
            del context.symptoms[_ROOM:]
        if context.conditions is not None and len(context.conditions) > _ROOM:
            issues.warning("too-costly", "Bundle.entry", f"more than {_ROOM} conditions came; {said}")
            context.conditions, context.conditions_open = context.conditions[:_ROOM], True
        if context.medicines is not None and len(context.medicines) > _ROOM:
            issues.warning("too-costly", "Bundle.entry", f"more than {_ROOM} medications came; {said}")
            context.medicines, context.medicines_open = context.medicines[:_ROOM], True


def _answer(element: Element) -> bool | None:
    """Whether a complaint is present, by the value of its Observation; without a value it is. None: it does not say."""
    if element.has("dataAbsentReason"):
        return None
    if element.has("valueBoolean"):
        return element.boolean("valueBoolean")
    if element.has("valueString"):
        said = {element.text("valueString").strip().lower()}
    elif element.has("valueCodeableConcept"):
        concept = concept_of(element.child("valueCodeableConcept"))
        said = {code.code for code in concept.codes} | {words.strip().lower() for words in concept.words}
    else:
        # "Negative" stands in the interpretation of some.
        return None if any(name.startswith(("value", "interpretation")) for name in element.body) else True
    present, absent = bool(said & PRESENT), bool(said & ABSENT)
    return present if present != absent else None


def _status_of(element: Element, name: str, known: frozenset[str]) -> str:
    """The status by its code, else by its text; empty when none was sent, _NOT_READ for what is none or several."""
    if not element.has(name):
        return ""
    concept = concept_of(element.child(name))
    found = {code.code for code in concept.codes} & known or {concept.text.strip().lower()} & known
    return found.pop() if len(found) == 1 else _NOT_READ


def _is_over(element: Element) -> bool:
    kinds = ("DateTime", "Age", "Period", "Range", "String")
    return any(element.has(f"abatement{kind}") for kind in kinds)


def _duration(element: Element) -> str:
    text = extension_text(element, DURATION)
    return text if times.is_duration(text) else ""
