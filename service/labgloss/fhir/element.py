"""An element of a resource with its path: what is not of the type that R4 gives it is said, and read as absent."""

from __future__ import annotations

from typing import TypeVar

from labgloss.fhir.issues import Issues
from labgloss.fhir.json_text import Json, Number, Object
from labgloss.frozen import dataclass
from labgloss.wire.fields import TEXT_LIMIT

T = TypeVar("T")
# Of one list: as many as a Bundle may have entries.
ITEMS_LIMIT = 5_000


@dataclass(frozen=True, slots=True)
class Element:
    """An object of the Bundle, its path as FHIRPath writes it, and where its issues go."""

    path: str
    body: Object
    issues: Issues

    def has(self, name: str) -> bool:
        """Whether a member stands there, of whatever type."""
        return self.body.get(name) is not None

    def at(self, name: str) -> str:
        """The path of a member."""
        return f"{self.path}.{name}"

    def text(self, name: str) -> str:
        """A string, code, date or URI; empty when absent, or longer than the canonical request takes."""
        value = self.whole_text(name)
        if len(value) > TEXT_LIMIT:
            self.issues.warning("too-long", self.at(name), f"more than {TEXT_LIMIT:,} characters; it was not read")
            return ""
        return value

    def pieces(self, name: str) -> list[str]:
        """A string of any length, in pieces as the canonical request takes them, parted between words."""
        pieces: list[str] = []
        rest = self.whole_text(name).strip()
        while len(rest) > TEXT_LIMIT:
            cut = rest.rfind(" ", 1, TEXT_LIMIT)
            cut = TEXT_LIMIT if cut < 0 else cut
            pieces.append(rest[:cut])
            rest = rest[cut:].strip()
        return [*pieces, rest] if rest else pieces

    def whole_text(self, name: str) -> str:
        """A string of any length; empty when absent."""
        value = self.body.get(name)
        return value if isinstance(value, str) else self._mistyped(name, value, "a string", "")

    def number(self, name: str) -> str:
        """The digits of a number; empty when absent."""
        value = self.body.get(name)
        if isinstance(value, Number) and len(value.text) <= TEXT_LIMIT:
            return value.text
        return self._mistyped(name, value, f"a number of at most {TEXT_LIMIT:,} characters", "")

    def boolean(self, name: str) -> bool | None:
        """True or false; None when absent."""
        value = self.body.get(name)
        return value if isinstance(value, bool) else self._mistyped(name, value, "true or false", None)

    def child(self, name: str) -> Element | None:
        """An object; None when absent."""
        value = self.body.get(name)
        if isinstance(value, dict):
            return Element(self.at(name), value, self.issues)
        return self._mistyped(name, value, "an object", None)

    def children(self, name: str) -> list[Element]:
        """The objects of a list; empty when absent."""
        found: list[Element] = []
        for path, value in self._items(name):
            if isinstance(value, dict):
                found.append(Element(path, value, self.issues))
            else:
                self.issues.warning("structure", path, "an object is needed here; it was not read")
        return found

    def texts(self, name: str) -> list[str]:
        """The strings of a list; empty when absent."""
        found: list[str] = []
        for path, value in self._items(name):
            if isinstance(value, str):
                found.append(value)
            elif value is not None:
                self.issues.warning("structure", path, "a string is needed here; it was not read")
        return found

    def _items(self, name: str) -> list[tuple[str, Json]]:
        value = self.body.get(name)
        if isinstance(value, list):
            if len(value) > ITEMS_LIMIT:
                said = f"more than {ITEMS_LIMIT:,} items; the rest was not read"
                self.issues.error("too-costly", self.at(name), said)
            return [(f"{self.path}.{name}[{place}]", item) for place, item in enumerate(value[:ITEMS_LIMIT])]
        return self._mistyped(name, value, "a list", [])

    def _mistyped(self, name: str, value: Json, needed: str, instead: T) -> T:
        if value is not None:
            self.issues.warning("structure", self.at(name), f"{needed} is needed here; it was not read")
        return instead
