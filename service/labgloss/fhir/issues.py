"""What was not read of a Bundle, or not as it stands: each once, in the order in which it was found."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from enum import Enum

from labgloss.frozen import dataclass

# An answer names so many places of which the same is said: what is wrong with each of thousands is wrong with the feed.
ALIKE_LIMIT = 50


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
    """The issues found so far; of those that say the same, the first are named and the rest are counted."""

    def __init__(self) -> None:
        self._found: dict[Issue, None] = {}
        # By what is said, how many places it was said of.
        self._alike: Counter[tuple[Severity, str, str]] = Counter()

    def __iter__(self) -> Iterator[Issue]:
        yield from self._found
        for (severity, code, text), places in self._alike.items():
            if places > ALIKE_LIMIT:
                yield Issue(severity, code, "Bundle.entry", f"{text} (and so {places - ALIKE_LIMIT} more)")

    def _note(self, issue: Issue) -> None:
        if issue in self._found:
            return
        alike = (issue.severity, issue.code, issue.text)
        self._alike[alike] += 1
        if self._alike[alike] <= ALIKE_LIMIT:
            self._found[issue] = None

    def information(self, code: str, path: str, text: str) -> None:
        """Notes what loses nothing."""
        self._note(Issue(Severity.INFORMATION, code, path, text))

    def warning(self, code: str, path: str, text: str) -> None:
        """Notes what is in doubt, or context that was not read."""
        self._note(Issue(Severity.WARNING, code, path, text))

    def error(self, code: str, path: str, text: str) -> None:
        """Notes a result that is not in the report."""
        self._note(Issue(Severity.ERROR, code, path, text))
