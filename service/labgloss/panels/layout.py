"""Lines for a terminal: wrapped, indented, coloured where that is wanted, and free of what could steer the terminal."""

from __future__ import annotations

import textwrap
import unicodedata
from dataclasses import field

from labgloss.frozen import dataclass

# What people read as emphasis; ANSI SGR codes.
BOLD, RED, YELLOW, GREEN, DIM = "1", "31", "33", "32", "2"

_ASCII = str.maketrans(
    {
        "·": ".",
        "●": "o",
        "━": "=",
        "◄": "<",
        "►": ">",
        "─": "-",
        "═": "=",
        "\u2013": "-",
        "\u2014": "-",
        "≤": "<=",
        "≥": ">=",
        "µ": "u",
        "μ": "u",
        "×": "x",
        "±": "+-",
        "−": "-",
        "→": "->",
        "‘": "'",
        "’": "'",
        "“": '"',
        "”": '"',
        "…": "...",
    }
)


@dataclass(frozen=True, slots=True)
class Style:
    """What the terminal takes: colour, characters beyond ASCII, and how many columns."""

    colour: bool = False
    unicode: bool = True
    columns: int = 100


@dataclass(slots=True)
class Page:
    """Text that grows line by line."""

    style: Style
    lines: list[str] = field(default_factory=list)

    def rule(self, mark: str) -> None:
        """Adds a line across the page."""
        self._add(mark * self.style.columns)

    def heading(self, text: str) -> None:
        """Adds an empty line and a heading."""
        self.lines.append("")
        self._add(text, BOLD)

    def ends(self, left: str, right: str, colour: str) -> None:
        """Adds a line with one text at either end, the right one coloured."""
        left, right = self._clean(left), self._clean(right)
        gap = " " * max(2, self.style.columns - len(left) - len(right))
        self.lines.append(self._painted(left, BOLD) + gap + self._painted(right, colour))

    def text(self, text: str, indent: int = 2, mark: str = "", colour: str = "") -> None:
        """Adds a wrapped paragraph; `mark` stands before its first line. An empty text adds nothing."""
        clean = self._clean(text)
        if not clean:
            return
        first = " " * indent + mark
        for line in textwrap.wrap(
            clean, self.style.columns, initial_indent=first, subsequent_indent=" " * len(first), break_on_hyphens=False
        ):
            self._add(line, colour)

    def line(self, text: str, indent: int = 2, colour: str = "") -> None:
        """Adds one line whose spaces are kept; what does not fit goes on below."""
        clean, rest = " " * indent + self._clean(text, keep_spaces=True), " " * (indent + 4)
        for line in textwrap.wrap(clean, self.style.columns, subsequent_indent=rest, break_on_hyphens=False):
            self._add(line, colour)

    def __str__(self) -> str:
        return "\n".join(self.lines) + "\n"

    def _add(self, line: str, colour: str = "") -> None:
        line = line if self.style.unicode else line.translate(_ASCII)
        self.lines.append(self._painted(line, colour))

    def _painted(self, text: str, colour: str) -> str:
        return f"\x1b[{colour}m{text}\x1b[0m" if colour and self.style.colour else text

    def _clean(self, text: str, keep_spaces: bool = False) -> str:
        text = printable(text if keep_spaces else " ".join(text.split()))
        return text if self.style.unicode else text.translate(_ASCII)


def printable(text: str) -> str:
    """The text with every control and format character replaced: a report quotes what a stranger sent."""
    return "".join("\ufffd" if unicodedata.category(mark) in ("Cc", "Cf", "Cs") else mark for mark in text)
