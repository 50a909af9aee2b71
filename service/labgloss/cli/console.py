"""What goes to the terminal, as far as it takes it."""

from __future__ import annotations

import os
import shutil
import sys

from labgloss.panels.layout import Style

_COLUMNS = 100
# Characters of a drawn report; a terminal that takes them takes the texts.
_DRAWN = "═·●≤µ"


def output_style() -> Style:
    """How to write to standard output: colour only on a terminal without NO_COLOR, drawing where it can be encoded."""
    terminal = sys.stdout.isatty()
    colour = terminal and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"
    columns = min(_COLUMNS, shutil.get_terminal_size((_COLUMNS, 24)).columns) if terminal else _COLUMNS
    return Style(colour, _encodable(), columns)


def write(text: str) -> None:
    """Writes to standard output; what its encoding does not know is replaced."""
    encoding = sys.stdout.encoding or "utf-8"
    sys.stdout.write(text.encode(encoding, "replace").decode(encoding))


def complain(text: str) -> None:
    """Writes one message to standard error."""
    print(f"labgloss: {text}", file=sys.stderr)


def _encodable() -> bool:
    try:
        _DRAWN.encode(sys.stdout.encoding or "utf-8")
    except UnicodeEncodeError:
        return False
    return True
