"""A Bundle's resources, and what their references mean: by fullUrl, relative, contained, by identifier."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import field, replace
from functools import cached_property
from operator import itemgetter

from labgloss.errors import RequestError, Violation
from labgloss.fhir.element import Element
from labgloss.fhir.issues import Issues
from labgloss.fhir.json_text import Json, JsonError, Object, parse, write
from labgloss.frozen import dataclass
from labgloss.wire import times
from labgloss.wire.fields import ID_LIMIT

ENTRIES_LIMIT = 5_000
BUNDLE, OBSERVATION = "Bundle", "Observation"

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

    @cached_property
    def identifiers(self) -> frozenset[tuple[str, str]]:
        """System and value of its identifiers."""
        value = self.element.body.get("identifier")
        items = value if isinstance(value, list) else [value]
        quiet = Issues()
        elements = [Element(self.path, item, quiet) for item in items if isinstance(item, dict)]
        return frozenset((each.text("system"), each.text("value")) for each in elements if each.text("value"))

    @property
    def outermost(self) -> Resource:
        """The resource of an entry that it is or stands in."""
        return self if self.container is None else self.container


@dataclass(frozen=True, slots=True)
class Target:
    """What a reference leads to: a resource of the Bundle, or, where there is none, the absolute or relative URL."""

    url: str
    resource: Resource | None = None
    # Whether it may be one or another, so that nothing can be said to be whom it names.
    open: bool = False


class Bundle:
    """The resources of a Bundle in their order."""

    def __init__(self, element: Element, resources: list[Resource]) -> None:
        self.element = element
        self.kind = element.text("type")
        self.resources = resources
        self._by_url: dict[str, list[Resource]] = {}
        self._by_id: dict[tuple[str, str], list[Resource]] = {}
        self._by_identifier: dict[tuple[str, str], list[Resource]] = {}
        # The server under which a resource that names none itself was first referred to: it is of no second one.
        self._server: dict[int, str] = {}
        for resource in resources:
            if resource.full_url:
                self._by_url.setdefault(resource.full_url, []).append(resource)
            if resource.id:
                self._by_id.setdefault((resource.kind, resource.id), []).append(resource)
            for name in resource.identifiers:
                self._by_identifier.setdefault(name, []).append(resource)

    def of_kind(self, *kinds: str) -> Iterator[Resource]:
        """The resources of these kinds that stand in entries, in the order of the Bundle."""
        return (resource for resource in self.resources if resource.kind in kinds)

    def target(self, reference: Element | None, source: Resource) -> Target | None:
        """What a Reference of `source` leads to; None when it says nothing that could be followed."""
        if reference is None:
            return None
        text = reference.text("reference").strip()
        identifier = reference.child("identifier")
        named = ("", "") if identifier is None else (identifier.text("system"), identifier.text("value"))
        if text:
            found = self._followed(text, source)
            return replace(found, open=True) if _contradicts(found, named) else found
        return self._identified(reference.text("type"), *named) if named[1] else None

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
            return _target(text, self._by_url.get(text, []))
        kind, ident = match["kind"], match["id"]
        own = _RESTFUL.fullmatch(source.outermost.full_url)
        base = match["base"] or (own["base"] if own else None) or ""
        url = f"{base}{kind}/{ident}"
        named = self._by_id.get((kind, ident), [])
        # An entry of another server, under the same id, is another resource.
        fitting = [each for each in named if not base or self._is_of(each, base)]
        exact = self._by_url.get(url, [])
        return _target(url, exact or fitting)

    def _is_of(self, resource: Resource, base: str) -> bool:
        """Whether a resource is one of that server."""
        own = _base(resource)
        return base == (own if own is not None else self._server.setdefault(id(resource), base))

    def _identified(self, kind: str, system: str, value: str) -> Target:
        found = [each for each in self._by_identifier.get((system, value), []) if kind in ("", each.kind)]
        return _target(f"{kind}?identifier={system}|{value}", found)


def _target(url: str, found: list[Resource]) -> Target:
    """The resource where there is one: of two under one name it is open which is meant."""
    return Target(url, found[0] if len(found) == 1 else None, len(found) > 1)


def _contradicts(target: Target, named: tuple[str, str]) -> bool:
    """Whether a reference leads to a resource that has another identifier of the system than the reference names."""
    system, value = named
    if target.resource is None or not (system and value):
        return False
    own = {each for each in target.resource.identifiers if each[0] == system}
    return bool(own) and named not in own


def _base(resource: Resource) -> str | None:
    """The server that the fullUrl of a resource names; None where it names none."""
    match = _RESTFUL.fullmatch(resource.full_url)
    return match["base"] if match else None


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
    """The resources, each once, and of several versions the newest.

    A search brings one that it found in two ways twice. Where nothing tells which version of an Observation is the
    newest, none is kept: an older one may have been withdrawn.
    """
    found = list(resources)
    alike: dict[tuple[str, str, str], list[Resource]] = {}
    for resource in found:
        if resource.full_url or resource.id:
            alike.setdefault((resource.kind, resource.full_url, resource.id), []).append(resource)
    dropped: set[int] = set()
    for several in alike.values():
        if len(several) > 1:
            versions: dict[bytes, Resource] = {}
            for each in several:
                if versions.setdefault(write(each.element.body), each) is not each:
                    dropped.add(id(each))
            dropped |= {id(version) for version in _superseded(list(versions.values()))}
    return [each for each in found if id(each) not in dropped]


def _superseded(versions: Sequence[Resource]) -> list[Resource]:
    """The versions that are not the newest, which is said; without an order among them all, of an Observation."""
    newest = _newest(versions)
    if len(versions) == 1 or (newest is None and versions[0].kind != OBSERVATION):
        return []
    for version in versions:
        issues, path = version.element.issues, version.path
        if newest is None:
            issues.error("conflict", path, "several versions of it came, and which holds is open; none was read")
        elif version is not newest:
            issues.information("informational", path, "a newer version of it came too, which was read in its place")
    return [version for version in versions if version is not newest]


def _newest(versions: Sequence[Resource]) -> Resource | None:
    """The newest by meta, where all say when they were updated, or which version they are."""
    metas = [meta for version in versions if (meta := version.element.child("meta")) is not None]
    if len(metas) < len(versions):
        return None
    updated = [
        found.instant for meta in metas if (found := times.collected(meta.text("lastUpdated"))) and found.instant
    ]
    numbers = [int(text) for meta in metas if (text := meta.text("versionId")).isdecimal() and len(text) < ID_LIMIT]
    for order in (updated, numbers):
        if len(set(order)) == len(versions):
            return max(zip(order, versions, strict=True), key=itemgetter(0))[1]
    return None


def _kind(element: Element) -> str:
    value: Json = element.body.get("resourceType")
    if isinstance(value, str) and value:
        return value
    element.issues.error("structure", element.path, "resourceType is missing; the resource was not read")
    return ""
