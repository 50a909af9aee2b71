"""Messages of the API as JSON (ProtoJSON) and back: every fault at once, one spelling out, the same bytes always."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any, TypeVar, cast

from google.protobuf.descriptor import FieldDescriptor
from google.protobuf.json_format import MessageToDict
from google.protobuf.message import Message

from labgloss.errors import Violation
from labgloss.http.problems import MOST_FAULTS, Problem, fields_are_wrong

MessageT = TypeVar("MessageT", bound=Message)

_INTEGER = re.compile(r"-?[0-9]{1,12}")
_INT32 = range(-(2**31), 2**31)
_KINDS = {dict: "an object", list: "a list", str: "a text", bool: "true or false", type(None): "null"}


class _Object(list[tuple[str, Any]]):
    """A JSON object with its keys as they came, repeated ones too."""


def json_of(message: Message) -> bytes:
    """The message as one line of JSON: names as in the schema, fields in its order, what is not set left out."""
    document = MessageToDict(message, preserving_proto_field_name=True)
    return json.dumps(document, ensure_ascii=False, separators=(",", ":")).encode() + b"\n"


def message_of(kind: type[MessageT], content: bytes) -> MessageT:
    """The message that the JSON is. Names may be spelled as in the schema or in camel case, as ProtoJSON allows.

    Raises Problem: MALFORMED_MESSAGE where it is no JSON, INVALID_FIELDS with every fault where it is another message.
    """
    message, violations = kind(), list[Violation]()
    _fill(message, read_json(content, _Object), "", violations)
    if violations:
        raise fields_are_wrong(violations)
    return message


def read_json(content: bytes, pairs: Any = None) -> Any:
    """The value that the text is, its numbers as they were written where they are no whole ones.

    Raises Problem, MALFORMED_MESSAGE, with the place of what is wrong.
    """
    try:
        return json.loads(content.decode(), object_pairs_hook=pairs, parse_float=_Number, parse_constant=_no_constant)
    except json.JSONDecodeError as error:
        detail = f"The body is not JSON: {error.msg} at line {error.lineno}, column {error.colno}."
    except UnicodeDecodeError as error:
        detail = f"The body is not UTF-8: byte {error.start} begins no character."
    except RecursionError:
        detail = "The body is nested too deeply."
    except ValueError:
        detail = "The body is not JSON: it holds NaN, Infinity, or a number with thousands of digits."
    raise Problem("MALFORMED_MESSAGE", detail)


class _Number(str):
    """A number that is no whole one, as it was written."""

    __slots__ = ()


def _no_constant(_: str) -> Any:
    raise ValueError


def _fill(message: Message, value: Any, path: str, violations: list[Violation]) -> None:
    """Sets what an object says in a message."""
    described = message.DESCRIPTOR
    if not isinstance(value, _Object):
        violations.append(_wrong(path or "body", "an object", value))
        return
    unknown: list[int] = []
    seen: set[str] = set()
    taken: dict[str, str] = {}
    for position, (key, inner) in enumerate(value, 1):
        field = cast(
            "FieldDescriptor | None",
            described.fields_by_name.get(key) or described.fields_by_camelcase_name.get(key),
        )
        if field is None:
            unknown.append(position)
            continue
        place = f"{path}.{field.name}" if path else field.name
        if field.name in seen:
            violations.append(Violation(place, "DUPLICATE", "stands twice in its object; leave one of them out"))
            continue
        seen.add(field.name)
        if inner is None:
            # In ProtoJSON as good as absent.
            continue
        oneof = field.containing_oneof
        if oneof is not None and taken.setdefault(oneof.name, field.name) != field.name:
            description = f"contradicts {taken[oneof.name]}; leave one of them out"
            violations.append(Violation(place, "CONTRADICTION", description))
            continue
        _set(message, field, inner, place, violations)
    if unknown:
        allowed = ", ".join(field.name for field in described.fields)
        which = ", ".join(map(str, unknown[:10])) + (" ..." if len(unknown) > 10 else "")
        description = f"key {which} is no field here; the fields are {allowed}"
        violations.append(Violation(path or "body", "UNKNOWN_VALUE", description))


def _set(message: Message, field: FieldDescriptor, value: Any, path: str, violations: list[Violation]) -> None:
    if not field.is_repeated:
        if field.message_type is not None:
            inner = cast("Message", getattr(message, field.name))
            inner.SetInParent()
            _fill(inner, value, path, violations)
        else:
            for read in _scalar(field, value, path, violations):
                setattr(message, field.name, read)
        return
    if isinstance(value, _Object) or not isinstance(value, list):
        violations.append(_wrong(path, "a list", value))
        return
    items = getattr(message, field.name)
    for position, item in enumerate(value):
        if len(violations) >= MOST_FAULTS:
            return
        place = f"{path}[{position}]"
        if field.message_type is not None:
            _fill(items.add(), item, place, violations)
        else:
            items.extend(_scalar(field, item, place, violations))


def _scalar(field: FieldDescriptor, value: Any, path: str, violations: list[Violation]) -> Iterator[Any]:
    """The value as the field takes it; none where it does not, which is added to the violations."""
    if field.enum_type is not None:
        numbers: dict[Any, int] = {each.name: each.number for each in field.enum_type.values}
        if type(value) is str and value in numbers:
            yield numbers[value]
        elif type(value) is int and value in numbers.values():
            yield value
        else:
            description = f"needs one of {', '.join(numbers)}"
            violations.append(Violation(path, "UNKNOWN_VALUE", description))
    elif field.type == FieldDescriptor.TYPE_BOOL:
        if isinstance(value, bool):
            yield value
        else:
            violations.append(_wrong(path, "true or false", value))
    elif field.type == FieldDescriptor.TYPE_STRING:
        if type(value) is not str:
            violations.append(_wrong(path, "a text, in quotation marks, so that every digit stays as it was", value))
        elif not _is_unicode(value):
            violations.append(Violation(path, "BAD_FORM", "holds half of a character (a lone surrogate)"))
        else:
            yield value
    else:
        yield from _integer(value, path, violations)


def _integer(value: Any, path: str, violations: list[Violation]) -> Iterator[int]:
    if type(value) is str and _INTEGER.fullmatch(value):
        value = int(value)
    if type(value) is not int:
        violations.append(_wrong(path, "a whole number", value))
    elif value not in _INT32:
        violations.append(Violation(path, "OUT_OF_RANGE", "needs a whole number of 32 bits"))
    else:
        yield value


def _is_unicode(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def _wrong(path: str, needed: str, value: Any) -> Violation:
    return Violation(path, "BAD_FORM", f"needs {needed}, not {kind_of(value)}")


def kind_of(value: Any) -> str:
    """What kind of JSON value it is, in words, never which."""
    if isinstance(value, _Object):
        return "an object"
    if isinstance(value, _Number):
        return "a number with a fraction or an exponent"
    if type(value) is int:
        return "a number"
    return next(word for kind, word in _KINDS.items() if isinstance(value, kind))
