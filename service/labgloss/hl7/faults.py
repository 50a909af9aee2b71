"""What is wrong with a message, and what of it was not read: where, and in words that repeat no value of it."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum


class Table0357(Enum):
    """HL7 table 0357: why a message is not taken."""

    SEGMENT_SEQUENCE = ("100", "Segment sequence error")
    REQUIRED_MISSING = ("101", "Required field missing")
    DATA_TYPE = ("102", "Data type error")
    UNKNOWN_VALUE = ("103", "Table value not found")
    MESSAGE_TYPE = ("200", "Unsupported message type")
    EVENT = ("201", "Unsupported event code")
    VERSION = ("203", "Unsupported version id")
    INTERNAL = ("207", "Application internal error")

    @property
    def rejects(self) -> bool:
        """Whether the whole message is none for this receiver, or none for now (AR), not wrong in itself (AE)."""
        return self in _REJECTING


_REJECTING = frozenset({Table0357.MESSAGE_TYPE, Table0357.EVENT, Table0357.VERSION, Table0357.INTERNAL})


@dataclass(frozen=True, slots=True)
class Place:
    """A segment of the message, which of its name from 1, and a field, where one is meant."""

    segment: str
    number: int
    field: int = 0
    component: int = 0

    def __str__(self) -> str:
        field = f"-{self.field}" if self.field else ""
        component = f".{self.component}" if self.component else ""
        return f"{self.segment}({self.number}){field}{component}"


@dataclass(frozen=True, slots=True)
class Fault:
    """Why a message is not taken, or a part of it."""

    place: Place | None
    code: Table0357
    text: str

    def __str__(self) -> str:
        return f"{self.place}: {self.text}" if self.place else self.text


class MessageError(Exception):
    """A message is not taken. Its text lists every fault, one a line."""

    def __init__(self, faults: tuple[Fault, ...]) -> None:
        self.faults = faults
        super().__init__("\n".join(map(str, faults)))


@dataclass(frozen=True, slots=True)
class Note:
    """Something of a message that was not read, or not as it is usually meant. It takes nothing from the rest."""

    place: Place | None
    text: str

    def __str__(self) -> str:
        return f"{self.place}: {self.text}" if self.place else self.text
