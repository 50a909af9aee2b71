"""An element of a resource with its path: what is not of the type that R4 gives it is said, and read as absent."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeVar

from labgloss.fhir.issues import Issues
from labgloss.fhir.json_text import Json, Number, Object

T = TypeVar("T")


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
        """A string, code, date or URI; empty when absent."""
        value = self.body.get(name)
        return value if isinstance(value, str) else self._mistyped(name, value, "a string", "")

    def number(self, name: str) -> str:
        """The digits of a number; empty when absent."""
        value = self.body.get(name)
        return value.text if isinstance(value, Number) else self._mistyped(name, value, "a number", "")

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
            return [(f"{self.path}.{name}[{place}]", item) for place, item in enumerate(value)]
        return self._mistyped(name, value, "a list", [])

    def _mistyped(self, name: str, value: Json, needed: str, instead: T) -> T:
        if value is not None:
            self.issues.warning("structure", self.at(name), f"{needed} is needed here; it was not read")
        return instead
