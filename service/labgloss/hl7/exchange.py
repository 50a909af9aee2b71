"""One message, from its bytes to its answer: what is asked of the service, and what is sent back."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import tzinfo

from labgloss.hl7 import acknowledgement
from labgloss.hl7.acknowledgement import Stamp
from labgloss.hl7.answer import Answered, answer
from labgloss.hl7.faults import Fault, MessageError, Table0357
from labgloss.hl7.message import Message, messages_of, parse
from labgloss.hl7.reading import PatientRead, read

_NOTHING = "no result to interpret"


@dataclass(frozen=True, slots=True)
class Violation:
    """A bad field of a panel, by its path, and what is allowed."""

    path: str
    text: str


@dataclass(frozen=True, slots=True)
class Exchange:
    """A message that was read, and the patients of it that there is something to interpret of."""

    message: Message
    patients: tuple[PatientRead, ...]

    def answer(self, reports: Sequence[Answered], stamp: Stamp, acknowledging: bool) -> bytes:
        """The ORU^R01 that answers; the ACK where there is nothing to interpret."""
        if not reports:
            return acknowledgement.acknowledge(self.message, stamp, acknowledgement.ACCEPTED, _NOTHING)
        return answer(self.message, reports, stamp, acknowledging)

    def accept(self, stamp: Stamp) -> bytes:
        """The ACK of a message whose answer goes another way."""
        text = "" if self.patients else _NOTHING
        return acknowledgement.acknowledge(self.message, stamp, acknowledgement.ACCEPTED, text)

    def reject(self, stamp: Stamp, faults: Sequence[Fault]) -> bytes:
        """The ACK of a message that got no report."""
        return acknowledgement.acknowledge(self.message, stamp, acknowledgement.code_of(faults), faults=faults)


def opened(content: bytes, character_set: str = "", zone: tzinfo | None = None) -> Exchange:
    """A message of bytes. `character_set` is that of messages that name none, `zone` that of times without an offset.

    Raises MessageError with every reason why it is not taken.
    """
    message = parse(content, character_set)
    patients = read(message, zone)
    return Exchange(message, tuple(patient for patient in patients if not patient.empty))


def opened_all(content: bytes, character_set: str = "", zone: tzinfo | None = None) -> list[Exchange | MessageError]:
    """Each message of a file or batch, or why it is not taken."""
    found: list[Exchange | MessageError] = []
    for one in messages_of(content):
        try:
            found.append(opened(one, character_set, zone))
        except MessageError as error:
            found.append(error)
    return found


def faults_of(read: PatientRead, violations: Sequence[Violation]) -> tuple[Fault, ...]:
    """Bad fields of a panel as places of the message that they came from."""
    return tuple(Fault(read.place_of(violation.path), Table0357.DATA_TYPE, violation.text) for violation in violations)


def unavailable(why: str) -> Fault:
    """The fault of a service that gives no report just now: nothing of the message is wrong."""
    return Fault(None, Table0357.INTERNAL, why)
