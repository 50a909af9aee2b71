"""What goes to the terminal, as far as it takes it."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from labgloss.errors import SettingsError
from labgloss.panels.layout import Style, printable

_COLUMNS = 100
# Characters of a drawn report; a terminal that takes them takes the texts.
_DRAWN = "═·●≤µ"


def output_style() -> Style:
    """How to write to standard output: colour only on a terminal without NO_COLOR, drawing where it can be encoded."""
    terminal = sys.stdout.isatty()
    colour = terminal and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"
    columns = min(_COLUMNS, shutil.get_terminal_size((_COLUMNS, 24)).columns) if terminal else _COLUMNS
    return Style(colour, _encodable(), columns)


class OutputError(Exception):
    """Standard output does not take what is written; its text says why."""

    def __init__(self, why: OSError) -> None:
        super().__init__(f"the output cannot be written: {why.strerror}")


def open_closed_output() -> None:
    """Standard output that was closed by whoever started the command takes everything, and keeps nothing."""
    if sys.stdout is None:
        sys.stdout = Path(os.devnull).open("w", encoding="utf-8")  # noqa: SIM115 - open as long as the process lives


def write(text: str) -> None:
    """Writes to standard output; what its encoding does not know is replaced.

    Raises: BrokenPipeError when nobody reads it any more; OutputError when it cannot be written, as to a full disk.
    """
    encoding = sys.stdout.encoding or "utf-8"
    with _said():
        sys.stdout.write(text.encode(encoding, "replace").decode(encoding))


def write_bytes(content: bytes) -> None:
    """Writes bytes to standard output as they are. Raises as `write` does."""
    with _said():
        sys.stdout.flush()
        sys.stdout.buffer.write(content)


def write_file(flag: str, path: str, content: bytes) -> None:
    """Writes a file that a flag names. Raises SettingsError, which names the flag, when it cannot be written."""
    try:
        Path(path).write_bytes(content)
    except OSError as error:
        raise SettingsError((f"{flag}: {path} cannot be written: {error.strerror}",)) from error


def flush() -> None:
    """Hands on what was written. Raises as `write` does."""
    with _said():
        sys.stdout.flush()


def let_go() -> None:
    """Hands on what was written, as far as it is taken: a command that ends otherwise says why in its own words."""
    with suppress(OutputError, BrokenPipeError):
        flush()


def drop() -> None:
    """What standard output did not take is not tried again.

    Python would, as its last act, complain in its own words, and end with a code of its own.
    """
    # Something in the place of standard output may be no file.
    with suppress(OSError), Path(os.devnull).open("wb") as nowhere:
        os.dup2(nowhere.fileno(), sys.stdout.fileno())


def complain(text: str) -> None:
    """Writes one message, of one line or several, to standard error; what could steer the terminal is replaced."""
    print(*map(printable, f"labgloss: {text}".splitlines()), sep="\n", file=sys.stderr)


@contextmanager
def _said() -> Iterator[None]:
    try:
        yield
    except OSError as error:
        drop()
        if isinstance(error, BrokenPipeError):
            raise
        raise OutputError(error) from error


def _encodable() -> bool:
    try:
        _DRAWN.encode(sys.stdout.encoding or "utf-8")
    except UnicodeEncodeError:
        return False
    return True
