"""Fields of protobuf's wire format as bytes: what each kind of field of a message is, given its number and value.

A field without presence that has its default is no bytes; a field with presence (`optional`) is left out by None.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

# The highest field number of a message that is written here.
_NUMBERS = 32


def _spelled(value: int) -> bytes:
    """An integer in groups of seven bits, lowest first; a negative one as 64 bits in two's complement."""
    value &= 0xFFFF_FFFF_FFFF_FFFF
    made = bytearray()
    while value > 127:
        made.append(value & 127 | 128)
        value >>= 7
    made.append(value)
    return bytes(made)


# Most numbers, and the lengths of most texts and messages.
_SMALL: Final = tuple(_spelled(value) for value in range(1_024))
_MANY: Final = len(_SMALL)


def varint(value: int) -> bytes:
    """An integer, as numbers and lengths are written."""
    return _SMALL[value] if 0 <= value < _MANY else _spelled(value)


# What a field begins with, by its number: as an integer, and as so many bytes.
_INTEGER: Final = tuple(varint(number << 3) for number in range(_NUMBERS))
_BYTES: Final = tuple(varint(number << 3 | 2) for number in range(_NUMBERS))


def frame(field: int, content: bytes) -> bytes:
    """A message, or whatever else is bytes, as a field: it stands there even if it is empty."""
    size = len(content)
    return b"".join((_BYTES[field], _SMALL[size] if size < _MANY else _spelled(size), content))


def text(field: int, value: str) -> bytes:
    """A text; nothing if it is empty."""
    if not value:
        return b""
    # As `frame` does, without another call: a report has seventy of them.
    content = value.encode()
    size = len(content)
    return _BYTES[field] + (_SMALL[size] if size < _MANY else _spelled(size)) + content


def optional_text(field: int, value: str | None) -> bytes:
    """A text with presence."""
    return b"" if value is None else frame(field, value.encode())


def texts(field: int, values: Iterable[str]) -> bytes:
    """A repeated text."""
    return b"".join([frame(field, value.encode()) for value in values])


def number(field: int, value: int) -> bytes:
    """An integer, a bool or the number of an enum; nothing if it is zero."""
    return _INTEGER[field] + varint(value) if value else b""


def optional_number(field: int, value: int | None) -> bytes:
    """The same with presence."""
    return b"" if value is None else _INTEGER[field] + varint(value)


def numbers(field: int, values: Iterable[int]) -> bytes:
    """Repeated integers, packed; nothing if there are none."""
    packed = b"".join([varint(value) for value in values])
    return frame(field, packed) if packed else b""
