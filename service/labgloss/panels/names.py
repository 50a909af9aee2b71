"""Enum numbers of the messages as the words that panel files and people use."""

from __future__ import annotations

from typing import Any, Protocol


class Enumeration(Protocol):
    """What every generated enum offers."""

    def Name(self, number: Any) -> str:  # noqa: N802 -- protobuf's own name
        """The full name of a number."""


def name_of(enumeration: Enumeration, number: int) -> str:
    """The name without its prefix, such as "SAME_DAY"; the number itself when this release has no name for it."""
    try:
        name = enumeration.Name(number)
    except ValueError:
        return str(number)
    return name.removeprefix(enumeration.Name(0).removesuffix("UNSPECIFIED"))


def word_of(enumeration: Enumeration, number: int) -> str:
    """The name in lower case, such as "not_recognised"; "" for the unspecified one."""
    return name_of(enumeration, number).lower() if number else ""


COMPARATOR_SIGNS = {0: "", 1: "<", 2: "<=", 3: ">=", 4: ">"}
