"""JSON whose numbers keep the digits that they were written with: 8.10 stays 8.10."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from json.encoder import encode_basestring
from typing import NoReturn, TypeAlias

from labgloss.frozen import dataclass

# Beyond what resources of FHIR nest, and far below what Python's parser or ours would trip over.
DEPTH_LIMIT = 64
# Lists and objects: a resource has some twenty, so that more than a Bundle of 4 MiB holds is an attempt on memory.
CONTAINERS_LIMIT = 250_000

Json: TypeAlias = "dict[str, Json] | list[Json] | str | bool | Number | Written | None"
Object: TypeAlias = "dict[str, Json]"

# A string that does not end reaches to the end of the text: what is in it is not looked at again.
_STRUCTURE = re.compile(r'"[^"\\]*+(?:\\.[^"\\]*+)*+"?|[\[{]|[\]}]', re.DOTALL)


@dataclass(frozen=True, slots=True)
class Number:
    """A number, as it was written."""

    text: str


@dataclass(frozen=True, slots=True)
class Written:
    """A value that was written before, as its text."""

    text: str


class JsonError(Exception):
    """A text that is not taken as JSON: `reason` is the name of a ViolationReason; the text repeats no value."""

    def __init__(self, reason: str, description: str) -> None:
        self.reason = reason
        self.description = description
        super().__init__(description)


def parse(body: bytes) -> Json:
    """What the bytes hold. Raises JsonError, also for what JSON leaves open: names twice, NaN, halves of characters."""
    try:
        # A byte order mark is not forbidden to a reader.
        text = body.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise JsonError("BAD_FORM", f"JSON in UTF-8 is needed; byte {error.start} is not UTF-8") from None
    _check_structure(text)
    try:
        found: Json = json.loads(
            text, parse_float=Number, parse_int=Number, parse_constant=_no_constant, object_pairs_hook=_object
        )
    except json.JSONDecodeError as error:
        place = f"line {error.lineno}, column {error.colno}"
        raise JsonError("BAD_FORM", f"JSON is needed; it breaks off or errs at {place}") from None
    _check_characters(text, found)
    return found


def write(value: Json) -> bytes:
    """The value as JSON in UTF-8, without spaces, members in their order."""
    return text_of(value).encode()


def text_of(value: Json) -> str:
    """The value as JSON, without spaces, members in their order."""
    parts: list[str] = []
    _add(value, parts.append)
    return "".join(parts)


def _check_structure(text: str) -> None:
    """Bounds depth and number of what the parser will build, before it does."""
    depth = containers = 0
    for match in _STRUCTURE.finditer(text):
        first = text[match.start()]
        if first in "[{":
            depth += 1
            containers += 1
            if depth > DEPTH_LIMIT:
                raise JsonError("OUT_OF_RANGE", f"JSON nested at most {DEPTH_LIMIT} deep is allowed")
            if containers > CONTAINERS_LIMIT:
                raise JsonError("OUT_OF_RANGE", f"at most {CONTAINERS_LIMIT:,} lists and objects are allowed")
        elif first in "]}":
            depth -= 1


def _check_characters(text: str, found: Json) -> None:
    """Refuses an escape that is half of a character: no UTF-8 can be made of it."""
    if "\\u" in text:
        try:
            write(found)
        except UnicodeEncodeError:
            raise JsonError("BAD_FORM", "a \\u escape is half of a character; write the other half too") from None


def _object(pairs: list[tuple[str, Json]]) -> Object:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise JsonError("DUPLICATE", "an object names a member twice, so that it is open which counts; name it once")
    return found


def _no_constant(name: str) -> NoReturn:
    raise JsonError("BAD_FORM", f"{name} is no number of JSON; leave the element out")


_WORDS = {None: "null", True: "true", False: "false"}


def _add(value: Json, add: Callable[[str], None]) -> None:
    # Neither `match` nor json.dumps, which makes an encoder for each text: an answer has thousands of values.
    if isinstance(value, str):
        add(encode_basestring(value))
    elif isinstance(value, dict):
        before = "{"
        for name, item in value.items():
            add(f"{before}{encode_basestring(name)}:")
            _add(item, add)
            before = ","
        add("}" if value else "{}")
    elif isinstance(value, list):
        before = "["
        for item in value:
            add(before)
            _add(item, add)
            before = ","
        add("]" if value else "[]")
    elif isinstance(value, Number | Written):
        add(value.text)
    else:
        add(_WORDS[value])
