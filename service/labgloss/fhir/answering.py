"""What all resources of one answer share: whom they concern, how they refer to what was sent, their ids."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import field
from uuid import UUID, uuid5

from labgloss.fhir.bundle import Resource
from labgloss.fhir.json_text import Json, Object, Written, text_of, write
from labgloss.fhir.reading import ReadPanel
from labgloss.fhir.results import ReadResult
from labgloss.fhir.terms import LOINC, OWN
from labgloss.frozen import dataclass
from labgloss.knowledge.release import Release
from labgloss.v1 import report_pb2

# Of the ids of this service's resources, which are made of their content and of nothing else.
_NAMESPACE = UUID("5f0c8d7e-6a1b-5c3d-9e2f-1a7b4c8d9e0f")
# dateTime of R4 is narrower than RFC 3339.
_DATE_TIME = re.compile(
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}"
    r"(T([01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9](\.[0-9]+)?(Z|[+-]((0[0-9]|1[0-3]):[0-5][0-9]|14:00)))?"
)
_NOT_HERE: Object = {"display": "a patient who did not come with the Bundle"}
_UNFIT = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff]")


@dataclass(frozen=True, slots=True)
class Made:
    """A resource of an answer, as it was written."""

    kind: str
    id: str
    body: Written

    @property
    def url(self) -> str:
        """Under which the Bundle holds it."""
        return f"urn:uuid:{self.id}"


@dataclass(frozen=True, slots=True)
class Answering:
    """One answer: what was read, the report on it, the release, and when it is recorded (RFC 3339)."""

    read: ReadPanel
    report: report_pb2.Report
    release: Release
    recorded: str
    _made: dict[str, Made] = field(default_factory=dict)

    @property
    def made(self) -> Iterable[Made]:
        """The resources made so far, in their order."""
        return self._made.values()

    def make(self, kind: str, content: Object, **timed: Json) -> str:
        """Adds a resource and gives its URL. `timed` depends on the time of recording, and so is no part of its id."""
        # Written once, for the id and for the Bundle: the rest stands alike behind the type.
        head = f'{{"resourceType":"{kind}"'
        rest = text_of({"resourceType": kind, **content}).removeprefix(head)
        ident = str(uuid5(_NAMESPACE, f"{head}{rest}"))
        added = f",{text_of(timed)[1:-1]}" if timed else ""
        made = Made(kind, ident, Written(f'{head},"id":"{ident}"{rest[:-1]}{added}}}'))
        return self._made.setdefault(ident, made).url

    @property
    def subject(self) -> Object:
        """The patient, as the resources that were sent refer to them, as far as that can be repeated."""
        target = self.read.patient
        if target is None:
            return {"display": "the patient of the laboratory's results"}
        if target.resource is None:
            return _elsewhere(target.url)
        return self.reference(target.resource)

    def reference(self, resource: Resource) -> Object:
        """A reference to a resource that was sent."""
        if resource.container is None:
            return {"reference": url_of(resource)}
        found: Object = {"type": resource.kind}
        for system, value in sorted(resource.identifiers)[:1]:
            found["identifier"] = {**({"system": system} if system else {}), "value": value}
        # From outside nothing can refer to what is contained.
        return {**found, "display": f"{resource.kind} contained in {resource.outermost.kind}"}

    def result(self, index: int) -> ReadResult:
        """Where a result of the report was read."""
        return self.read.results[index]


def url_of(resource: Resource) -> str:
    """The URL of a resource of an entry: its fullUrl, its relative one, or one made of its content."""
    if resource.full_url:
        return resource.full_url
    if resource.id:
        return f"{resource.kind}/{resource.id}"
    return f"urn:uuid:{uuid5(_NAMESPACE, write(resource.element.body).decode())}"


def _elsewhere(url: str) -> Object:
    """A reference to what did not come with the Bundle."""
    kind, asked, query = url.partition("?identifier=")
    if asked:
        system, _, value = query.rpartition("|")
        if not value:
            return _NOT_HERE
        identifier: Object = {**({"system": system} if system else {}), "value": value}
        return {**({"type": kind} if kind else {}), "identifier": identifier}
    return _NOT_HERE if url.startswith("#") else {"reference": url}


def own(name: str, code: str, display: str = "") -> Object:
    """A Coding of a code system of this service."""
    return {"system": f"{OWN}{name}", "code": code, **({"display": display} if display else {})}


def coding(system: str, code: str, display: str = "") -> Object:
    """A Coding."""
    return {"system": system, "code": code, **({"display": display} if display else {})}


def concept(*codings: Json, text: str = "") -> Object:
    """A CodeableConcept."""
    return {**({"coding": list(codings)} if codings else {}), **({"text": shown(text)} if text else {})}


def shown(text: str) -> str:
    """A text without what strings of FHIR and XML may not hold, and never empty."""
    return _UNFIT.sub("\ufffd", text).strip() or "-"


def given(**members: Json) -> Object:
    """The members that hold something: FHIR has no empty lists, objects or strings."""
    return {name: value for name, value in members.items() if value not in (None, "", [], {})}


def date_time(text: str) -> str | None:
    """The text as a dateTime of R4; None where it is none."""
    upper = text.upper()
    return upper if _DATE_TIME.fullmatch(upper) else None


def loinc_of(release: Release, analyte: str) -> Iterator[Object]:
    """The LOINC codes of an analyte, those of serum or plasma first."""
    form = release.analytes.get(analyte)
    rows = () if form is None else form.form.codes
    for row in sorted(rows, key=lambda row: row.specimen != "serum_or_plasma"):
        yield coding(LOINC, row.loinc, row.name)
