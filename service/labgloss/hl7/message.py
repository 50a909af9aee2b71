"""The delimited text of HL7 v2: segments, fields, repetitions, components, escapes, by the message's own delimiters."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

from labgloss.hl7 import characters
from labgloss.hl7.faults import Fault, MessageError, Note, Place, Table0357

_NULL = '""'
_SEGMENT = re.compile(r"[A-Z][A-Z0-9]{2}")
_BEGIN = b"MSH"
# Segments that wrap messages of a file or batch and hold nothing of a patient.
_WRAPPERS = frozenset({"FHS", "BHS", "BTS", "FTS"})
_MOST_ASTRAY = 20
_NAMES = frozenset({"PID", "PV1", "ORC", "OBR", "OBX", "NTE", "SPM"})
_LINE_ENDS = re.compile(r"\r\n|\r|\n")


@dataclass(frozen=True, slots=True)
class Delimiters:
    """The characters that a message divides its text with; one that is empty is not used."""

    field: str = "|"
    component: str = "^"
    repetition: str = "~"
    escape: str = "\\"
    subcomponent: str = "&"

    @property
    def encoding(self) -> str:
        """MSH-2."""
        return f"{self.component}{self.repetition}{self.escape}{self.subcomponent}"


@dataclass(frozen=True, slots=True)
class Segment:
    """One segment: its fields as they were written, by their numbers in HL7."""

    name: str
    fields: tuple[str, ...]
    # Which of the segments of its name it is in the message, from 1.
    number: int
    delimiters: Delimiters
    # Of the bytes of a hexadecimal escape, in the character set of the message.
    unhex: Callable[[bytes], str] = field(compare=False, repr=False)

    def raw(self, number: int) -> str:
        """A field as written, escapes and all; empty where the segment ends before it, or for HL7's null."""
        # MSH-1 is the delimiter itself, which stands between the name and MSH-2.
        written = self.fields[number - 1] if 0 < number <= len(self.fields) else ""
        return "" if written.strip() == _NULL else written

    def text(self, number: int) -> str:
        """A whole field as text, for types that have no components; unescaped."""
        return unescape(self.raw(number), self.delimiters, self.unhex)

    def repetitions(self, number: int) -> list[Components]:
        """The repetitions of a field, those that are empty left out."""
        return list(self._repetitions(number))

    def components(self, number: int) -> Components:
        """The first repetition of a field."""
        return next(self._repetitions(number), Components("", self))

    def _repetitions(self, number: int) -> Iterator[Components]:
        written = _split(self.raw(number), self.delimiters.repetition)
        return (Components(one, self) for one in written if one.strip() not in ("", _NULL))

    def code(self, number: int, component: int = 1) -> str:
        """A component of a field's first repetition, without blanks around it."""
        return self.components(number)[component].strip()

    def place(self, number: int = 0, component: int = 0) -> Place:
        """Where a field stands."""
        return Place(self.name, self.number, number, component)

    @property
    def written(self) -> str:
        """The segment as it was written, without its line end."""
        own = self.delimiters.field
        rest = self.fields[1:] if self.name == "MSH" else self.fields
        return own.join([self.name, *rest])


class Components:
    """One repetition of a field; `components[1]` is its first component as text, empty where there is none."""

    def __init__(self, written: str, segment: Segment) -> None:
        self.written = written
        self._segment = segment
        self._parts = _split(written, segment.delimiters.component)

    def __getitem__(self, number: int) -> str:
        return self._unescaped(self.raw(number))

    def raw(self, number: int) -> str:
        """A component as written; empty for HL7's null."""
        written = self._parts[number - 1] if 0 < number <= len(self._parts) else ""
        return "" if written.strip() == _NULL else written

    def part(self, number: int, subcomponent: int) -> str:
        """A subcomponent as text."""
        parts = _split(self.raw(number), self._segment.delimiters.subcomponent)
        return self._unescaped(parts[subcomponent - 1]) if subcomponent <= len(parts) else ""

    @property
    def text(self) -> str:
        """The whole repetition as text."""
        return self._unescaped(self.written)

    def _unescaped(self, written: str) -> str:
        return unescape(written, self._segment.delimiters, self._segment.unhex)


@dataclass(frozen=True, slots=True)
class Message:
    """One message: its segments, MSH first, and what of its text could not be read."""

    segments: tuple[Segment, ...]
    delimiters: Delimiters
    # Python's name of the character set that an answer is written in.
    encoding: str
    notes: tuple[Note, ...] = ()

    @property
    def header(self) -> Segment:
        """MSH."""
        return self.segments[0]

    @property
    def control_id(self) -> str:
        """MSH-10, by which sender and receiver know the message; empty when none was sent."""
        return self.header.text(10).strip()

    @property
    def version(self) -> tuple[int, int]:
        """Major and minor of MSH-12; (2, 5) when none was sent, (0, 0) when it is not a version."""
        sent = self.header.code(12)
        match = re.match(r"([0-9])\.([0-9])(?:\.[0-9]+)*$", sent)
        if match is None:
            return (0, 0) if sent else (2, 5)
        return int(match[1]), int(match[2])


def messages_of(content: bytes) -> list[bytes]:
    """The messages of a file or batch, each from its MSH on; wrappers (FHS, BHS, BTS, FTS) and framing left out.

    What stands before the first MSH, or in place of one, is a message of its own, for `parse` to refuse.
    """
    if characters.byte_order(content):
        return [content]
    text = content.removeprefix(b"\xef\xbb\xbf").translate(None, b"\x0b\x1c")
    starts = [match.start() for match in re.finditer(rb"(?:^|(?<=[\r\n]))MSH", text)]
    ends = [*starts[1:], len(text)]
    pieces = (
        [text[: starts[0]], *(text[start:end] for start, end in zip(starts, ends, strict=True))] if starts else [text]
    )
    kept = [_without_wrappers(piece) for piece in pieces]
    return [piece for piece in kept if piece] or [b""]


def _without_wrappers(piece: bytes) -> bytes:
    lines = re.split(rb"(?<=[\r\n])(?=[^\r\n])", piece)
    kept = b"".join(line for line in lines if line[:3].decode("latin-1") not in _WRAPPERS)
    return kept if kept.strip() else b""


def parse(content: bytes, default: str = "") -> Message:
    """One message. `default` is the character set, as MSH-18 would name it, of messages that name none.

    Raises MessageError when it does not begin with an MSH that can be read.
    """
    content = content.removeprefix(b"\xef\xbb\xbf").lstrip(b" \t\r\n")
    delimiters = _delimiters(content)
    declared = _declared(content, delimiters)
    text, encoding, found = characters.decoded(content, declared[0], default)
    if len(declared) > 1:
        found.append(Note(Place("MSH", 1, 18), "names several character sets, of which the first is read"))
    unhex = characters.hexadecimal(encoding)
    segments: list[Segment] = []
    counts: dict[str, int] = {}
    for name, fields in _lines(text, delimiters, found):
        counts[name] = counts.get(name, 0) + 1
        segments.append(Segment(name, fields, counts[name], delimiters, unhex))
    return Message(tuple(segments), delimiters, encoding, tuple(found))


def _delimiters(content: bytes) -> Delimiters:
    """The delimiters that MSH names. Raises MessageError when there is no MSH, or it names none."""
    head = content[:64].decode("latin-1")
    if not content.startswith(_BEGIN) or len(head) < 5:
        raise MessageError((Fault(None, Table0357.SEGMENT_SEQUENCE, "the message does not begin with an MSH segment"),))
    own = head[3]
    encoding = re.split(rf"[{re.escape(own)}\r\n]", head[4:], maxsplit=1)[0]
    # The fifth marks text that was shortened (v2.7), and divides nothing.
    characters_given = own + encoding[:4]
    unfit = any(not ("!" <= one <= "~") or one.isalnum() or one == '"' for one in characters_given)
    if unfit or not encoding or len(encoding) > 5 or len(set(own + encoding)) < 1 + len(encoding):
        wrong = "MSH-1 and MSH-2 name no delimiters; one field delimiter and up to five others are needed, as in |^~\\&"
        raise MessageError((Fault(Place("MSH", 1, 2), Table0357.DATA_TYPE, wrong),))
    padded = [*encoding[:4], *[""] * 4][:4]
    return Delimiters(own, *padded)


def _declared(content: bytes, delimiters: Delimiters) -> list[str]:
    """The character sets of MSH-18 as sent; an empty one where it names none."""
    head = re.split(rb"[\r\n]", content, maxsplit=1)[0].decode("latin-1")
    fields = head.split(delimiters.field)
    return [name.strip() for name in _split(fields[17] if len(fields) > 17 else "", delimiters.repetition)]


def _lines(text: str, delimiters: Delimiters, notes: list[Note]) -> Iterator[tuple[str, tuple[str, ...]]]:
    """Name and fields of each segment; a line that begins none goes on with the segment before it."""
    whole: list[list[str]] = []
    astray: list[int] = []
    renamed: list[int] = []
    for number, line in enumerate(_LINE_ENDS.split(text), 1):
        if not line.strip():
            continue
        if (plain := _as_segment(line, delimiters)) != line:
            renamed.append(number)
            line = plain
        if not _begins_segment(line, delimiters):
            astray.append(number)
            whole[-1].append(f"\n{line}")
        elif line.startswith("ADD") and whole:
            # The rest of the last field of the segment before it (2.10.2).
            whole[-1].append(line.partition(delimiters.field)[2])
        else:
            whole.append([line])
    for number in renamed[:_MOST_ASTRAY]:
        notes.append(Note(None, f"line {number} is read as the segment that it does not quite name"))
    for number in astray[:_MOST_ASTRAY]:
        notes.append(Note(None, f"line {number} begins no segment, and is read as the rest of the line before it"))
    if len(astray) > _MOST_ASTRAY:
        notes.append(Note(None, f"so are {len(astray) - _MOST_ASTRAY} lines after these"))
    for parts in whole:
        name, _, rest = "".join(parts).partition(delimiters.field)
        fields = tuple(rest.split(delimiters.field)) if rest else ()
        yield name, (delimiters.field, *fields) if name == "MSH" else fields


def _as_segment(line: str, delimiters: Delimiters) -> str:
    """The line, without blanks before its name and with it in capitals, where that makes a segment of a result of it.

    As the rest of the line before it, it would be lost, and what it says taken for what that says.
    """
    plain = line.lstrip()
    name = plain[:3].upper()
    return f"{name}{plain[3:]}" if name in _NAMES and plain[3:4] == delimiters.field else line


def _begins_segment(line: str, delimiters: Delimiters) -> bool:
    return _SEGMENT.match(line) is not None and line[3:4] in ("", delimiters.field)


def _split(written: str, delimiter: str) -> list[str]:
    return written.split(delimiter) if delimiter else [written]


# ---------------------------------------------------------------------------------------------- escapes

# Formatting commands of FT (2.7.6) that begin a new line; the others change how a line looks.
_NEW_LINES = ("br", "sp", "ce")


def unescape(written: str, delimiters: Delimiters, unhex: Callable[[bytes], str]) -> str:
    """The text that was written: escapes of delimiters and bytes undone, highlighting left out.

    What is no known escape stays as it was written: also a lone backslash, as of a path.
    """
    mark = delimiters.escape
    if not mark or mark not in written:
        return written
    own = re.escape(mark)
    return re.sub(rf"{own}([^{own}\r\n]*){own}", lambda found: _meaning(found[1], found[0], delimiters, unhex), written)


def _meaning(command: str, written: str, delimiters: Delimiters, unhex: Callable[[bytes], str]) -> str:
    letters = {
        "F": delimiters.field,
        "S": delimiters.component,
        "T": delimiters.subcomponent,
        "R": delimiters.repetition,
        "E": delimiters.escape,
        "P": "#",
        "H": "",
        "N": "",
    }
    if command in letters:
        return letters[command]
    if re.fullmatch(r"X(?:[0-9A-Fa-f]{2})+", command):
        return unhex(bytes.fromhex(command[1:]))
    if re.fullmatch(r"\.(?:br|sp|ce)(?: ?\+?[0-9]*)|\.(?:fi|nf|in|ti|sk)(?: ?[+-]?[0-9]*)", command):
        return "\n" if command[1:3] in _NEW_LINES else " " if command.startswith(".sk") else ""
    return written


def escape(text: str, delimiters: Delimiters) -> str:
    """A text as it is written between delimiters; line breaks as \\.br\\, control characters as blanks.

    Without an escape character of the message's own, what would divide the text is written as a blank.
    """
    mark = delimiters.escape
    letters = {
        delimiters.escape: "E",
        delimiters.field: "F",
        delimiters.component: "S",
        delimiters.subcomponent: "T",
        delimiters.repetition: "R",
    }
    written = []
    for one in text.replace("\r\n", "\n").replace("\r", "\n"):
        if one in letters:
            written.append(f"{mark}{letters[one]}{mark}" if mark else " ")
        elif one == "\n":
            written.append(f"{mark}.br{mark}" if mark else " ")
        else:
            written.append(" " if one < " " or one == "\x7f" else one)
    return "".join(written)


def joined(parts: Sequence[str], delimiter: str) -> str:
    """The parts with a delimiter between them, the empty ones at the end left out."""
    kept = list(parts)
    while kept and not kept[-1]:
        kept.pop()
    return delimiter.join(kept)
