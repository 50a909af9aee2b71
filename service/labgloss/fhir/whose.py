"""Whose a Bundle is: one patient, chosen by the request or by the results; what is another's never comes further."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace

from labgloss.errors import RequestError, Violation
from labgloss.fhir.bundle import Bundle, Resource, Target
from labgloss.fhir.element import Element
from labgloss.fhir.issues import Issues

PATIENT = "Patient"
_OTHERS = "it concerns another than the patient of this report; it was not read"
_NOBODYS = "it names no subject, so that it is open whose it is; name the patient in subject. It was not read"
_ANYBODYS = "its subject may be one or another, so that it is open whose it is; it was not read"
# What people who share an identifier differ in: twins under their mother's number, families under an insurance's.
_TELLING = ("birthDate", "gender")

# A resource of the Bundle stands for who it is, and so does a URL that leads nowhere in it. None: nobody is named.
Person = int | str | None


class Subjects:
    """Who is meant by the references of a Bundle to persons."""

    def __init__(self, bundle: Bundle) -> None:
        self._bundle = bundle
        # Two resources that share an identifier, as copies contained in several Observations do, are one person, where
        # nothing that they say of themselves speaks against it.
        self._first: dict[tuple[str, str], Resource] = {}
        self._parents = dict(_parents(bundle))
        self._targets: dict[int, Target | None] = {}
        self._persons: dict[int, Resource] = {}
        self.patients = [self._one(each) for each in bundle.of_kind(PATIENT)]

    def _one(self, resource: Resource) -> Resource:
        """The first Patient that is the same person."""
        if id(resource) not in self._persons:
            self._persons[id(resource)] = self._known(resource)
        return self._persons[id(resource)]

    def _known(self, resource: Resource) -> Resource:
        # Without its system, a number is one of any hospital.
        names = sorted(name for name in resource.identifiers if name[0])
        sharing = (self._first[name] for name in names if name in self._first)
        known = next((first for first in sharing if _may_be_one(first, resource)), resource)
        for name in names:
            self._first.setdefault(name, known)
        return known

    def target(self, resource: Resource) -> Target | None:
        """Whom a resource concerns, by its own words or by those of a report or group that lists it."""
        if id(resource) not in self._targets:
            # Groups may list each other in a circle.
            self._targets[id(resource)] = None
            self._targets[id(resource)] = self._target(resource)
        return self._targets[id(resource)]

    def _target(self, resource: Resource) -> Target | None:
        own = _subject(resource.element)
        if own is not None:
            found = self._bundle.target(own, resource)
            if found is not None and found.resource is not None:
                return replace(found, resource=self._one(found.resource))
            return found
        parents = {id(parent): self.target(parent) for parent in self._parents.get(id(resource), ())}
        listing = {self.person(target): target for target in parents.values()}
        return next(iter(listing.values())) if len(listing) == 1 else None

    @staticmethod
    def person(target: Target | None) -> Person:
        """Who is meant, comparable with others of this Bundle."""
        if target is None or target.open:
            return None
        return target.url if target.resource is None else id(target.resource)

    def named(self, reference: str, source: Resource | None) -> Target | None:
        """Whom a reference names that a caller wrote: a fullUrl, or "Patient/123"."""
        element = Element("subject", {"reference": reference}, self._bundle.element.issues)
        if source is None:
            return None
        found = self._bundle.target(element, source)
        if found is not None and found.resource is not None:
            return replace(found, resource=self._one(found.resource))
        return found


def _may_be_one(one: Resource, other: Resource) -> bool:
    """Whether two Patients may be one person: what both say is the same."""
    bodies = one.element.body, other.element.body
    return all(len({str(body[name]) for body in bodies if body.get(name)}) < 2 for name in _TELLING) and not (
        _names(one).isdisjoint(_names(other)) and _names(one) and _names(other)
    )


def _names(patient: Resource) -> set[str]:
    """The names that a Patient goes by, for comparison alone."""
    quiet = Element(patient.path, patient.element.body, Issues())
    found = set()
    for name in quiet.children("name"):
        family, given = name.text("family").casefold(), name.texts("given") if name.has("given") else []
        found.add(" ".join([*(part.casefold() for part in given[:1]), family]).strip() or name.text("text").casefold())
    return found - {""}


def _subject(element: Element) -> Element | None:
    """The element that names whom a resource concerns."""
    name = "subject" if element.has("subject") else "patient"
    return element.child(name) if element.has(name) else None


def _parents(bundle: Bundle) -> Iterator[tuple[int, list[Resource]]]:
    """By resource, the reports and groups that list it."""
    found: dict[int, list[Resource]] = {}
    for parent in bundle.of_kind("DiagnosticReport", "Observation"):
        for name in ("result", "hasMember"):
            for reference in parent.element.children(name) if parent.element.has(name) else ():
                target = bundle.target(reference, parent)
                if target is not None and target.resource is not None and target.resource is not parent:
                    found.setdefault(id(target.resource), []).append(parent)
    yield from found.items()


class Whose:
    """The one patient of the report, and whether a resource is theirs."""

    def __init__(self, subjects: Subjects, patient: Target | None) -> None:
        self._subjects = subjects
        self.patient = patient
        self._person = subjects.person(patient)

    def may_hold(self, resource: Resource) -> bool:
        """Whether a resource concerns the patient, or says of nobody that it does."""
        return self._subjects.person(self._subjects.target(resource)) in (self._person, None)

    def holds(self, resource: Resource) -> bool:
        """Whether a resource concerns the patient; what does not is said."""
        target = self._subjects.target(resource)
        person = self._subjects.person(target)
        if person == self._person and not (target is not None and target.open):
            return True
        element = resource.element
        note = element.issues.error if resource.kind == "Observation" else element.issues.warning
        said = _OTHERS if person is not None else _NOBODYS if target is None else _ANYBODYS
        note("security" if person is not None else "required", f"{element.path}.subject", said)
        return False


def whose(bundle: Bundle, results: Iterable[Resource], subject: str) -> Whose:
    """The patient whom the request names, else the one Patient of the Bundle, else the one whose the results are.

    Raises RequestError where that is not one.
    """
    subjects = Subjects(bundle)
    concerned = {subjects.person(target): target for target in map(subjects.target, results)}
    if subject:
        everybody = {subjects.person(target): target for target in map(subjects.target, bundle.resources)}
        everybody |= {id(each): Target(each.full_url, each) for each in subjects.patients}
        return Whose(subjects, _named(subjects, bundle, subject, everybody))
    patients = {id(each): each for each in subjects.patients}
    if len(patients) == 1:
        (one,) = patients.values()
        return Whose(subjects, Target(one.full_url, one))
    named = [target for target in concerned.values() if target and not target.open and _may_be_a_patient(target)]
    if len(named) > 1:
        description = (
            f"it holds results of {len(named)} patients; name one of them in subject, or send a Bundle for each"
        )
        raise RequestError((Violation("bundle", "CONTRADICTION", description),))
    if not named and len(patients) > 1:
        description = f"it holds {len(patients)} patients, and results of none of them; name one in subject"
        raise RequestError((Violation("bundle", "CONTRADICTION", description),))
    return Whose(subjects, named[0] if named else None)


def _may_be_a_patient(target: Target) -> bool:
    """Whether a target is no group, device or place."""
    if target.resource is not None:
        return target.resource.kind == PATIENT
    return not any(f"{kind}/" in target.url for kind in ("Group", "Device", "Location"))


def _named(subjects: Subjects, bundle: Bundle, subject: str, everybody: dict[Person, Target | None]) -> Target:
    asked = subjects.named(subject, bundle.resources[0] if bundle.resources else None)
    found = everybody.get(subjects.person(asked))
    if asked is None or found is None:
        description = "a reference by which the Bundle names a patient is needed, such as a fullUrl or Patient/123"
        raise RequestError((Violation("subject", "UNKNOWN_VALUE", description),))
    return found
