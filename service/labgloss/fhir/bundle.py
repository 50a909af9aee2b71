"""A Bundle's resources, and what their references mean: by fullUrl, relative, contained, by identifier."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from labgloss.errors import RequestError, Violation
from labgloss.fhir.element import Element
from labgloss.fhir.issues import Issues
from labgloss.fhir.json_text import Json, JsonError, Object, parse

ENTRIES_LIMIT = 5_000
BUNDLE = "Bundle"

_RESTFUL = re.compile(r"(?P<base>https?://.+/)?(?P<kind>[A-Z][A-Za-z]+)/(?P<id>[A-Za-z0-9.-]{1,64})(?:/_history/.+)?")


@dataclass(frozen=True, eq=False)
class Resource:
    """One resource of the Bundle. A contained one has the resource that contains it, and no fullUrl."""

    kind: str
    element: Element
    full_url: str = ""
    # What a transaction asks a server to do with it.
    request: Object | None = None
    container: Resource | None = None
    contained: dict[str, Resource] = field(default_factory=dict)

    @property
    def id(self) -> str:
        """Its logical id; empty when it has none."""
        value = self.element.body.get("id")
        return value if isinstance(value, str) else ""

    @property
    def path(self) -> str:
        """Its path."""
        return self.element.path

    @property
    def outermost(self) -> Resource:
        """The resource of an entry that it is or stands in."""
        return self if self.container is None else self.container


@dataclass(frozen=True, slots=True)
class Target:
    """What a reference leads to: a resource of the Bundle, or, where there is none, the absolute or relative URL."""

    url: str
    resource: Resource | None = None


class Bundle:
    """The resources of a Bundle in their order."""

    def __init__(self, element: Element, resources: list[Resource]) -> None:
        self.element = element
        self.kind = element.text("type")
        self.resources = resources
        self._by_url: dict[str, list[Resource]] = {}
        self._by_id: dict[tuple[str, str], list[Resource]] = {}
        self._by_identifier: dict[tuple[str, str], list[Resource]] = {}
        for resource in resources:
            if resource.full_url:
                self._by_url.setdefault(resource.full_url, []).append(resource)
            if resource.id:
                self._by_id.setdefault((resource.kind, resource.id), []).append(resource)
            for name in identifiers_of(resource):
                self._by_identifier.setdefault(name, []).append(resource)

    def of_kind(self, *kinds: str) -> Iterator[Resource]:
        """The resources of these kinds that stand in entries, in the order of the Bundle."""
        return (resource for resource in self.resources if resource.kind in kinds)

    def target(self, reference: Element | None, source: Resource) -> Target | None:
        """What a Reference of `source` leads to; None when it says nothing that could be followed."""
        if reference is None:
            return None
        text = reference.text("reference").strip()
        if text:
            return self._followed(text, source)
        identifier = reference.child("identifier")
        if identifier is not None and identifier.text("value"):
            return self._identified(reference.text("type"), identifier.text("system"), identifier.text("value"))
        return None

    def _followed(self, text: str, source: Resource) -> Target:
        if text.startswith("#"):
            inside = source.outermost
            return Target(text, inside if text == "#" else inside.contained.get(text[1:]))
        kind, asked, query = text.partition("?identifier=")
        if asked:
            system, _, value = query.rpartition("|")
            return self._identified(kind, system, value)
        match = _RESTFUL.fullmatch(text)
        if match is None:
            return Target(text, _only(self._by_url.get(text, [])))
        kind, ident = match["kind"], match["id"]
        own = _RESTFUL.fullmatch(source.outermost.full_url)
        base = match["base"] or (own["base"] if own else None) or ""
        url = f"{base}{kind}/{ident}"
        named = self._by_id.get((kind, ident), [])
        # An entry of another server, under the same id, is another resource.
        fitting = [each for each in named if not base or _base(each) in (base, None)]
        exact = self._by_url.get(url, [])
        return Target(url, _only(exact or fitting))

    def _identified(self, kind: str, system: str, value: str) -> Target:
        found = [each for each in self._by_identifier.get((system, value), []) if kind in ("", each.kind)]
        return Target(f"{kind}?identifier={system}|{value}", _only(found))


def _only(found: list[Resource]) -> Resource | None:
    """The resource where there is one: of two under one name it is open which is meant."""
    return found[0] if len(found) == 1 else None


def _base(resource: Resource) -> str | None:
    """The server that the fullUrl of a resource names; None where it names none."""
    match = _RESTFUL.fullmatch(resource.full_url)
    return match["base"] if match else None


def identifiers_of(resource: Resource) -> set[tuple[str, str]]:
    """System and value of its identifiers."""
    value = resource.element.body.get("identifier")
    items = value if isinstance(value, list) else [value]
    quiet = Issues()
    elements = [Element(resource.path, item, quiet) for item in items if isinstance(item, dict)]
    return {(each.text("system"), each.text("value")) for each in elements if each.text("value")}


def read_bundle(body: bytes, issues: Issues) -> Bundle:
    """The Bundle that the bytes hold. Raises RequestError where they hold none."""
    try:
        found = parse(body)
    except JsonError as error:
        raise _refused(error.reason, error.description) from None
    if not isinstance(found, dict) or found.get("resourceType") != BUNDLE:
        raise _refused("BAD_FORM", 'a Bundle of FHIR R4 is needed: an object with "resourceType": "Bundle"')
    if found.get("implicitRules"):
        raise _refused("UNKNOWN_VALUE", "a Bundle with implicitRules is not read: what they change is not known here")
    entries = found.get("entry", [])
    if not isinstance(entries, list):
        raise _refused("BAD_FORM", "Bundle.entry needs to be a list")
    if len(entries) > ENTRIES_LIMIT:
        description = f"at most {ENTRIES_LIMIT:,} entries are allowed; send those of one patient and the last draws"
        raise _refused("TOO_MANY", description)
    if found.get("type") == "history":
        raise _refused(
            "UNKNOWN_VALUE", "a history holds what is not valid any more; send the resources as they are now"
        )
    element = Element(BUNDLE, found, issues)
    return Bundle(element, _without_copies(_resources(element)))


def _refused(reason: str, description: str) -> RequestError:
    return RequestError((Violation("bundle", reason, description),))


def _resources(bundle: Element) -> Iterator[Resource]:
    """The resources of the entries, in their order, each with those that it contains."""
    for entry in bundle.children("entry"):
        element = entry.child("resource")
        request = entry.body.get("request")
        asked = request if isinstance(request, dict) else None
        # What is to be deleted holds for nothing.
        if element is None or (asked and asked.get("method") == "DELETE"):
            continue
        resource = Resource(_kind(element), element, entry.text("fullUrl"), asked)
        for inner in element.children("contained"):
            ident = inner.body.get("id")
            if isinstance(ident, str):
                resource.contained[ident] = Resource(_kind(inner), inner, container=resource)
        yield resource


def _without_copies(resources: Iterable[Resource]) -> list[Resource]:
    """The resources, each once: a search brings one that it found in two ways twice."""
    kept: list[Resource] = []
    first: dict[tuple[str, str, str], Resource] = {}
    for resource in resources:
        name = (resource.kind, resource.full_url, resource.id)
        earlier = first.setdefault(name, resource) if resource.full_url or resource.id else resource
        if earlier is resource or earlier.element.body != resource.element.body:
            kept.append(resource)
    return kept


def _kind(element: Element) -> str:
    value: Json = element.body.get("resourceType")
    if isinstance(value, str) and value:
        return value
    element.issues.error("structure", element.path, "resourceType is missing; the resource was not read")
    return ""
