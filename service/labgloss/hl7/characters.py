"""The character sets of MSH-18 (HL7 table 0211), and text that they cannot hold."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Mapping
from types import MappingProxyType

from labgloss.hl7.faults import Note, Place

ASCII, UTF_8 = "ascii", "utf-8"
# By the name of table 0211, and as feeds spell it, without what is between letters and digits.
_SETS: Mapping[str, str] = MappingProxyType(
    {
        "ascii": ASCII,
        "usascii": ASCII,
        "unicodeutf8": UTF_8,
        "utf8": UTF_8,
        # Deprecated, and meant as UTF-8 wherever it was seen; bytes that are not UTF-8 are said.
        "unicode": UTF_8,
        "windows1252": "cp1252",
        "cp1252": "cp1252",
        "gb180302000": "gb18030",
        "big5": "big5",
        **{f"{iso}8859{part}": f"iso8859-{part}" for iso in ("", "iso") for part in (*range(1, 10), 15)},
    }
)
# What a narrower set writes for characters of our own texts.
_PLAIN = str.maketrans(
    {
        "≤": "<=", "≥": ">=", "−": "-", "–": "-", "—": "-", "×": "x", "·": ".", "µ": "u", "μ": "u", "→": "->",
        "’": "'", "‘": "'", "“": '"', "”": '"', "…": "...", "°": " deg ", "±": "+/-", "²": "2", "³": "3",
    }
)  # fmt: skip
_PLACE = Place("MSH", 1, 18)


def encoding_named(name: str) -> str | None:
    """Python's name of a character set; None when it is not one that is read here."""
    return _SETS.get(re.sub(r"[^a-z0-9]", "", name.lower()))


def byte_order(content: bytes) -> bool:
    """Whether the bytes are UTF-16 or UTF-32, in which no frame and no segment can be found."""
    return content[:2] in (b"\xff\xfe", b"\xfe\xff") or content[:4] in (b"M\0S\0", b"\0M\0S")


def decoded(content: bytes, declared: str, default: str) -> tuple[str, str, list[Note]]:
    """Text, Python's name of the set that an answer is written in, and what was not read as it was declared.

    Bytes that are not of the set become U+FFFD, so that a unit that holds one is refused, not guessed.
    """
    notes: list[Note] = []
    encoding = encoding_named(declared) if declared else ASCII
    if encoding is None:
        notes.append(Note(_PLACE, "names a character set that is not read here"))
        encoding = ASCII
    if encoding == ASCII and not content.isascii():
        # Nothing that is declared holds these bytes: what the site says of the sender, else UTF-8, which tells itself.
        encoding = encoding_named(default) or UTF_8
        if not default:
            notes.append(Note(_PLACE, "names no character set for the bytes beyond ASCII; they are read as UTF-8"))
    try:
        return content.decode(encoding), encoding, notes
    except UnicodeDecodeError:
        notes.append(Note(_PLACE, "bytes that are not of the character set are read as unknown characters"))
        return content.decode(encoding, "replace"), encoding, notes


def hexadecimal(encoding: str) -> Callable[[bytes], str]:
    """What reads the bytes of a hexadecimal escape."""
    return lambda content: content.decode(encoding if encoding != ASCII else UTF_8, "replace")


def encoded(text: str, encoding: str) -> bytes:
    """The text in a character set: what it does not hold in plain letters, else as a question mark."""
    try:
        return text.encode(encoding)
    except UnicodeEncodeError:
        return "".join(_held(one, encoding) for one in text).encode(encoding, "replace")


def _held(one: str, encoding: str) -> str:
    try:
        one.encode(encoding)
    except UnicodeEncodeError:
        plain = one.translate(_PLAIN)
        return plain if plain != one else unicodedata.normalize("NFKD", one).encode("ascii", "ignore").decode() or "?"
    return one
