"""Closed lists whose members every result is looked up by: hashed and named at the cost of a plain object."""

from __future__ import annotations

from enum import Enum, IntEnum
from operator import attrgetter
from typing import TYPE_CHECKING


class Closed(Enum):
    """A closed list. That of the standard library hashes a member by its name, and does that in Python."""

    # Members are equal only where they are one.
    __hash__ = object.__hash__
    if not TYPE_CHECKING:
        name = property(attrgetter("_name_"))
        value = property(attrgetter("_value_"))


class Ranked(IntEnum):
    """A closed list in an order."""

    if not TYPE_CHECKING:
        name = property(attrgetter("_name_"))
        value = property(attrgetter("_value_"))
