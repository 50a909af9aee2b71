"""How a setting is declared: its default, and what reads it from text, as a `type` of argparse does.

What a reader takes is said once: of its range both the check and the words for an operator are made.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import MISSING, field, fields
from pathlib import Path
from typing import Any, Generic, TypeVar

from labgloss.frozen import dataclass

_T = TypeVar("_T")
_D = TypeVar("_D")
_N = TypeVar("_N", int, float)

_MOST_PORT = 65_535

# The words for true and false, in small letters or large ones.
_TRUE = frozenset({"true", "t", "yes", "y", "on", "1"})
_FALSE = frozenset({"false", "f", "no", "n", "off", "0"})


@dataclass(frozen=True)
class Reader(Generic[_T]):
    """Makes the value of a setting of its text."""

    # What it takes, as it stands behind "needs".
    allowed: str
    # Raises ValueError for any other text.
    read: Callable[[str], _T]
    # A setting before it, which its value may not be smaller than.
    at_least: str = ""


def setting(default: _D, reader: Reader[_T]) -> _D | _T:
    """A field of a form of settings."""
    made: Any = field(default=default, metadata={"reader": reader})
    return made  # type: ignore[no-any-return]


def needed(reader: Reader[_T]) -> _T:
    """A field that has to be given."""
    made: Any = setting(MISSING, reader)
    return made  # type: ignore[no-any-return]


def readers_of(form: type[Any]) -> dict[str, Reader[Any]]:
    """What reads the settings of a form, by their names."""
    return {declared.name: declared.metadata["reader"] for declared in fields(form)}


def whole(low: int, high: int, words: str, at_least: str = "") -> Reader[int]:
    """A whole number, written as one (5.0 is none); `words` hold {} for both ends of its range."""
    return Reader(words.format(low, high), lambda text: _within(int(_plain(text)), low, high), at_least)


def number(low: float, high: float, words: str) -> Reader[float]:
    """A number; `words` hold {} for both ends of its range."""
    return Reader(words.format(low, high), lambda text: _within(float(_plain(text)), low, high))


def flag(words: str) -> Reader[bool]:
    """True or false."""
    return Reader(words, _flag)


def choice(*words: str) -> Reader[Any]:
    """One of some words."""
    return Reader(f"{', '.join(words[:-1])} or {words[-1]}", lambda text: words[words.index(text)])


def text(words: str, is_taken: Callable[[str], bool] = lambda _: True) -> Reader[str]:
    """A text of which a function says whether it is taken."""
    return Reader(words, lambda given: _taken(given, is_taken(given)))


def pattern(expression: str, words: str) -> Reader[str]:
    """A text that is as a whole what a regular expression describes."""
    return text(words, lambda given: re.fullmatch(expression, given) is not None)


def host_name(words: str) -> Reader[str]:
    """An address or name of a machine."""
    return Reader(words, _host)


def host_and_port(words: str) -> Reader[str]:
    """A machine and a port of it, an address of IPv6 in brackets."""
    return Reader(words, _host_and_port)


def path(words: str) -> Reader[Path]:
    """A file or folder; whoever reads it says whether it is there."""
    return Reader(words, Path)


def _host(given: str) -> str:
    # As Python's sockets do. It raises UnicodeError, a ValueError, for a label that is empty or too long.
    given.encode("idna")
    return _taken(given, re.fullmatch(r"[A-Za-z0-9.:_-]+", given) is not None)


def _host_and_port(given: str) -> str:
    taken = re.fullmatch(r"(?:\[([0-9A-Fa-f:.]+)\]|([A-Za-z0-9._-]+)):([0-9]{1,5})", given)
    if taken is None:
        raise ValueError("not taken")
    _host(taken[1] or taken[2])
    _within(int(taken[3]), 1, _MOST_PORT)
    return given


def _plain(text: str) -> str:
    # Python reads digits of every script, and operators do not.
    if not text.isascii():
        raise ValueError("other digits")
    return text


def _within(value: _N, low: float, high: float) -> _N:
    # Not a number is within nothing.
    if not low <= value <= high:
        raise ValueError("out of range")
    return value


def _flag(text: str) -> bool:
    if (small := text.lower()) not in _TRUE | _FALSE:
        raise ValueError("neither true nor false")
    return small in _TRUE


def _taken(given: str, is_taken: bool) -> str:
    if not is_taken:
        raise ValueError("not taken")
    return given
