"""What was not read of a Bundle, or not as it stands: each once, in the order in which it was found."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum


class Severity(Enum):
    """How much an issue matters; the values are those of FHIR."""

    INFORMATION = "information"
    WARNING = "warning"
    ERROR = "error"


@dataclass(frozen=True, slots=True)
class Issue:
    """One thing: its severity, a code of FHIR's issue-type, its path, and words that repeat no value."""

    severity: Severity
    code: str
    path: str
    text: str


class Issues:
    """The issues found so far."""

    def __init__(self) -> None:
        self._found: dict[Issue, None] = {}

    def __iter__(self) -> Iterator[Issue]:
        return iter(self._found)

    def information(self, code: str, path: str, text: str) -> None:
        """Notes what loses nothing."""
        self._found[Issue(Severity.INFORMATION, code, path, text)] = None

    def warning(self, code: str, path: str, text: str) -> None:
        """Notes what is in doubt, or context that was not read."""
        self._found[Issue(Severity.WARNING, code, path, text)] = None

    def error(self, code: str, path: str, text: str) -> None:
        """Notes a result that is not in the report."""
        self._found[Issue(Severity.ERROR, code, path, text)] = None
