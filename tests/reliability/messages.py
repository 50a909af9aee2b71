"""Messages drawn at random from the schema, and bytes bent on purpose; a seed gives the same ones again.

The words are those of the property tests (tests/unit/server/panels.py), which look at a few hundred panels closely;
here many thousands are drawn fast, so without Hypothesis.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from random import Random
from types import MappingProxyType
from typing import Any

from google.protobuf.descriptor import FieldDescriptor
from google.protobuf.message import Message

from labgloss.v1 import interpretation_pb2 as pb
from labgloss.v1 import knowledge_pb2
from labgloss.v1.panel_pb2 import Panel
from tests.unit.server.panels import NEEDED, NUMBERS, TEXTS

# Where a limit stands, one step on either side, and what only a machine writes.
_EDGES = (-(2**31), -1, 0, 1, 2, 3, 4, 120, 150, 151, 1_800, 1_801, 54_787, 54_788, 2**31 - 1)
_LENGTHS = (0, 1, 999, 1_000, 1_001)
_KNOWLEDGE = (
    knowledge_pb2.GetReleaseRequest,
    knowledge_pb2.ListAnalytesRequest,
    knowledge_pb2.ListReferenceIntervalsRequest,
    knowledge_pb2.ListRulesRequest,
    knowledge_pb2.GetRuleRequest,
    knowledge_pb2.ListSymptomsRequest,
    knowledge_pb2.ListSourcesRequest,
)


def panel(random: Random, wild: bool) -> Panel:
    """A panel of any shape: a wild one breaks every form, a tame one comes as far as the engine."""
    message = Panel()
    _fill(random, message, wild, 0)
    if not wild:
        # The one rule between fields that every draw would break: ids of results differ.
        for position, result in enumerate(message.results):
            result.id = f"{result.id}{position}"
    return message


def unary(panel: Panel) -> bytes:
    """The bytes of InterpretPanel's request."""
    return pb.InterpretPanelRequest(panel=panel).SerializeToString()


def several(panels: list[Panel]) -> bytes:
    """The bytes of a batch, which are those of a message of a stream as well."""
    return pb.BatchInterpretPanelsRequest(panels=panels).SerializeToString()


def knowledge(random: Random) -> tuple[str, bytes]:
    """A method of KnowledgeService, and a request that breaks every form."""
    kind = random.choice(_KNOWLEDGE)
    message = kind()
    _fill(random, message, True, 0)
    return kind.__name__.removesuffix("Request"), message.SerializeToString()


def _fill(random: Random, message: Message, wild: bool, depth: int) -> None:
    for field in message.DESCRIPTOR.fields:
        if field.name not in NEEDED and random.random() < 0.5:
            continue
        if field.is_repeated:
            least = int(field.name in NEEDED)
            many = 201 if wild and random.random() < 0.002 else random.randint(least, 4 if depth == 0 else 2)
            for _ in range(many):
                if field.message_type is not None:
                    _fill(random, getattr(message, field.name).add(), wild, depth + 1)
                else:
                    getattr(message, field.name).append(_scalar(random, field, wild))
        elif field.message_type is not None:
            part = getattr(message, field.name)
            part.SetInParent()
            _fill(random, part, wild, depth + 1)
        else:
            setattr(message, field.name, _scalar(random, field, wild))


def _scalar(random: Random, field: FieldDescriptor, wild: bool) -> Any:
    if field.enum_type is not None:
        known = [value.number for value in field.enum_type.values]
        return random.choice([*known, -1, 99, 2**31 - 1] if wild else known)
    if field.type == field.TYPE_BOOL:
        return random.random() < 0.5
    if field.type == field.TYPE_STRING:
        free = wild or field.name in ("value", "unit", "text", "analyte", "low", "high", "code", "comments")
        return _text(random) if free and random.random() < 0.25 else random.choice(TEXTS.get(field.name, ["", "x"]))
    low, high = NUMBERS.get(field.name, (0, 2**31 - 1))
    return random.choice(_EDGES) if wild else random.randint(low, high)


def _text(random: Random) -> str:
    """Any text: characters of every plane, of every length that counts."""
    length = random.choice(_LENGTHS) if random.random() < 0.05 else random.randint(0, 12)
    planes = (
        (0x20, 0x7E),
        (0x20, 0x7E),
        (0, 0x1F),
        (0xA0, 0x24F),
        (0x600, 0x6FF),
        (0x2000, 0x2BFF),
        (0x1F300, 0x10FFFF),
    )
    return "".join(chr(random.randint(*random.choice(planes))) for _ in range(length))


# ------------------------------------------------------------------------------------------------ bytes


def bent(random: Random, body: bytes) -> tuple[bytes, int]:
    """The bytes with one to eight edits, mostly one, and how many bytes were changed, put in or taken out.

    After one small edit many are still a message, and come further than the parser.
    """
    content, changed = bytearray(body), 0
    for _ in range(random.choice((1, 1, 1, 1, 2, 3, 8))):
        changed += random.choice(_EDITS)(random, content)
    return bytes(content), changed


def _flip(random: Random, content: bytearray) -> int:
    if content:
        content[random.randrange(len(content))] ^= 1 << random.randrange(8)
    return min(len(content), 1)


def _overwrite(random: Random, content: bytearray) -> int:
    place, size = random.randint(0, len(content)), random.randint(1, 32)
    content[place : place + size] = random.randbytes(size)
    return size


def _cut(random: Random, content: bytearray) -> int:
    place, size = random.randint(0, len(content)), random.randint(1, 64)
    size = len(content[place : place + size])
    del content[place : place + size]
    return size


def _double(random: Random, content: bytearray) -> int:
    place, size = random.randint(0, len(content)), random.randint(1, 128)
    part = content[place : place + size]
    content[place:place] = part
    return len(part)


def _splice(random: Random, content: bytearray) -> int:
    """A part moved to another place."""
    place, size = random.randint(0, len(content)), random.randint(1, 64)
    part = content[place : place + size]
    del content[place : place + size]
    to = random.randint(0, len(content))
    content[to:to] = part
    return 2 * len(part)


def _length_lie(random: Random, content: bytearray) -> int:
    """Any byte, which may be a length, becomes one that lies."""
    if content:
        content[random.randrange(len(content))] = random.choice((0, 1, 0x7F, 0x80, 0xFF))
    return min(len(content), 1)


def _overlong(random: Random, content: bytearray) -> int:
    """A number written with more bytes than it needs, or than there may be."""
    place, size = random.randint(0, len(content)), random.randint(1, 12)
    content[place:place] = b"\x80" * size
    return size


def _nest(random: Random, content: bytearray) -> int:
    """The whole as a field of a message of a field, up to 120 deep: the parser allows 100."""
    before = len(content)
    for _ in range(random.choice((1, 2, 20, 120))):
        if len(content) > 16_000:
            break
        content[:0] = b"\x0a" + _varint(len(content))
    return len(content) - before


def _varint(number: int) -> bytes:
    encoded = bytearray()
    while number > 0x7F:
        encoded.append(number & 0x7F | 0x80)
        number >>= 7
    encoded.append(number)
    return bytes(encoded)


_EDITS: tuple[Callable[[Random, bytearray], int], ...] = (
    *(_flip, _flip, _flip, _overwrite, _cut, _double, _splice, _length_lie, _overlong, _nest),
)

PATHS: Mapping[str, str] = MappingProxyType(
    {
        f"{method.name}": f"/{service.full_name}/{method.name}"
        for file in (pb.DESCRIPTOR, knowledge_pb2.DESCRIPTOR)
        for service in file.services_by_name.values()
        for method in service.methods
    }
)
