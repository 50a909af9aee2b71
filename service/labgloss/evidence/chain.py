"""The form of a record: one line of JSON that holds the hash of the line before it, and ends with its own.

    {"id":"CHAIN-NUMBER","previous":"HASH","kind":"decision",…,"hash":"HASH"}

`hash` is the SHA-256 of the line's bytes before `,"hash":`, so that nothing needs to be written anew to check it: the
bytes as they stand are the canonical ones. `previous` of the first record is 64 zeros.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from hashlib import sha256

from labgloss.frozen import dataclass

NOTHING_BEFORE = "0" * 64
# The kinds of a record: the header of a chain, that of a further file, what was decided, the end.
START, FILE, DECISION, END = "start", "file", "decision", "end"
# What placing and sealing adds to a body, at most.
FRAME_BYTES = 256

_encode = json.JSONEncoder(separators=(",", ":")).encode
_LINE = re.compile(
    rb'\{"id":"([0-9a-f]{16})-(0|[1-9][0-9]{0,17})","previous":"([0-9a-f]{64})","kind":"([a-z]+)".*'
    rb',"hash":"([0-9a-f]{64})"\}'
)
# ,"hash":"…"}
_SEAL_BYTES = 75


@dataclass(frozen=True, slots=True)
class Record:
    """A record as read: its place in its chain, and its own hash. `line` is what was read."""

    chain: str
    number: int
    previous: str
    kind: str
    hash: str
    line: bytes

    @property
    def id(self) -> str:
        """Its id, by which people name it."""
        return f"{self.chain}-{self.number}"

    @property
    def fields(self) -> Mapping[str, object]:
        """All that it says. Raises ValueError when somebody sealed what is no JSON."""
        said = json.loads(self.line)
        if not isinstance(said, dict):
            raise ValueError("not an object")
        return said


def body_of(kind: str, fields: Mapping[str, object]) -> bytes:
    """What a record says, encoded ahead of its place in the chain."""
    return _encode({"kind": kind, **fields}).encode()


def sealed(body: bytes, chain: str, number: int, previous: str) -> tuple[bytes, str]:
    """The line of a record, with its line break, and its hash."""
    start = f'{{"id":"{chain}-{number}","previous":"{previous}",'.encode() + body[1:-1]
    own = sha256(start).hexdigest()
    return start + f',"hash":"{own}"}}\n'.encode(), own


def read(line: bytes) -> Record | None:
    """The record that a line, without its line break, is; None when it is not one exactly as it was written."""
    match = _LINE.fullmatch(line)
    if match is None or sha256(line[:-_SEAL_BYTES]).hexdigest().encode() != match[5]:
        return None
    chain, number, previous, kind, own = (part.decode() for part in match.groups())
    return Record(chain, int(number), previous, kind, own, line)
