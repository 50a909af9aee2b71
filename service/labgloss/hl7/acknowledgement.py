"""ACK messages: what became of a message, with an ERR segment for each reason why it was not taken."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from labgloss.hl7 import characters
from labgloss.hl7.faults import Fault, MessageError, Place
from labgloss.hl7.message import Delimiters, Message, Segment, escape, joined, parse

ACCEPTED, ERROR, REJECTED = "AA", "AE", "AR"
_ERR_FIELDS_FROM = (2, 5)
_MOST_ERRORS = 20
_TEXT_LIMIT = 80
TABLE = "HL70357"


@dataclass(frozen=True, slots=True)
class Stamp:
    """What a message of ours is sent with: its time as HL7 writes it, and its control id."""

    time: str
    control_id: str


def header(message: Message, stamp: Stamp, kind: str, event: str, structure: str, onward: bool = False) -> str:
    """MSH of an answer: version, processing id and character set as they came; sender and receiver changed places.

    One that goes `onward` goes from here to whom the message was for.
    """
    sent, own = message.header, message.delimiters
    parties = ("LABGLOSS", sent.raw(4), sent.raw(5), sent.raw(6))
    if not onward:
        parties = (sent.raw(5) or "LABGLOSS", sent.raw(6), sent.raw(3), sent.raw(4))
    fields = [
        "MSH",
        own.encoding + ("#" if sent.raw(2)[4:5] == "#" else ""),
        *parties,
        stamp.time,
        "",
        joined((kind, event, structure), own.component) if own.component else kind,
        escape(stamp.control_id, own),
        sent.raw(11) or "P",
        sent.raw(12) or "2.5",
        *[""] * 5,
        sent.raw(18),
    ]
    return joined(fields, own.field)


def acknowledgement(message: Message, code: str, text: str = "", faults: Sequence[Fault] = ()) -> str:
    """MSA, and an ERR for each fault, ended by carriage returns."""
    own = message.delimiters
    first = text or (str(faults[0]) if faults else "")
    lines = [joined(("MSA", code, message.header.raw(10), escape(first[:_TEXT_LIMIT], own)), own.field)]
    lines += [_error(message, fault) for fault in faults[:_MOST_ERRORS]]
    return "".join(f"{line}\r" for line in lines)


def acknowledge(message: Message, stamp: Stamp, code: str, text: str = "", faults: Sequence[Fault] = ()) -> bytes:
    """A whole ACK in the character set of the message."""
    head = header(message, stamp, "ACK", message.header.code(9, 2) or "R01", "ACK")
    return characters.encoded(f"{head}\r{acknowledgement(message, code, text, faults)}", message.encoding)


def code_of(faults: Sequence[Fault]) -> str:
    """AR where the whole message is none for this receiver, or none for now; AE where something in it is wrong."""
    return REJECTED if any(fault.code.rejects for fault in faults) else ERROR


@dataclass(frozen=True, slots=True)
class Refusal:
    """The ACK of what is not taken, and its code."""

    content: bytes
    code: str


def refuse(content: bytes, stamp: Stamp, error: MessageError, default: str = "") -> Refusal:
    """The ACK of what is not taken, whatever it is: with its delimiters and control id as far as they can be read."""
    try:
        message, code = parse(content, default), code_of(error.faults)
    except MessageError:
        message, code = _unreadable(content), REJECTED
    return Refusal(acknowledge(message, stamp, code, faults=error.faults), code)


def _unreadable(content: bytes) -> Message:
    """A message that stands in for one whose header cannot be read, with a control id where one stands in its place."""
    fields = re.split(rb"[\r\n]", content[:4096], maxsplit=1)[0].decode("latin-1").split("|")
    ours = Delimiters()
    control_id = escape(fields[9], ours) if content.startswith(b"MSH|") and len(fields) > 9 else ""
    sent = ("|", ours.encoding, *[""] * 7, control_id[:199], "P", "2.5")
    head = Segment("MSH", sent, 1, ours, characters.hexadecimal(characters.ASCII))
    return Message((head,), ours, characters.ASCII)


def _error(message: Message, fault: Fault) -> str:
    """ERR: its fields since 2.5, before them the one field of places with codes."""
    own = message.delimiters
    code, name = fault.code.value
    coded = joined((code, escape(name, own), TABLE), own.component) if own.component else code
    if message.version < _ERR_FIELDS_FROM:
        old = (code, escape(name, own), TABLE)
        place = [*_location(fault.place, 3), joined(old, own.subcomponent) if own.subcomponent else code]
        return joined(("ERR", own.component.join(place)), own.field)
    location = joined(_location(fault.place, 5), own.component)
    return joined(("ERR", "", location, coded, "E", "", "", "", escape(fault.text, own)), own.field)


def _location(place: Place | None, length: int) -> list[str]:
    if place is None:
        return [""] * length
    full = [place.segment, str(place.number), str(place.field or ""), "1" if place.component else "", ""]
    if place.component:
        full[4] = str(place.component)
    return full[:length]
