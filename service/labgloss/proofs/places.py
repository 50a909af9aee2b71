"""Places inside a form: every part of it with the way to it, and the form with another part in one place."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from enum import Enum
from typing import Any

from labgloss.knowledge.expression import Combination
from labgloss.knowledge.schema import Form, items_of

# Names of fields, keys of mappings, places in lists and in the parts of a combination.
Way = tuple[str | int, ...]
# What a row is called among its like, the first that it has.
_LABELS = ("id", "band", "term", "finding", "caution", "refusal", "symptom")


class _Nothing(Enum):
    """In the place of a member of a list: the list without it."""

    NOTHING = 0


NOTHING = _Nothing.NOTHING


def parts(value: object, way: Way = ()) -> Iterator[tuple[Way, object]]:
    """A value and every part of it, each after what holds it."""
    yield way, value
    for step, part in _steps(value):
        yield from parts(part, (*way, step))


def _steps(value: object) -> Iterator[tuple[str | int, object]]:
    if isinstance(value, Form):
        yield from items_of(value)
    elif isinstance(value, Combination):
        yield from enumerate(value.parts)
    elif isinstance(value, tuple):
        yield from enumerate(value)
    elif isinstance(value, Mapping):
        yield from value.items()


def part_at(value: object, way: Way) -> object:
    """What stands at a place."""
    for step in way:
        value = dict(_steps(value))[step]
    return value


def with_part(value: Any, way: Way, part: object) -> Any:
    """The value with another part at a place; NOTHING takes a member out of a list or a combination."""
    if not way:
        return part
    step, rest = way[0], way[1:]
    inner = with_part(part_at(value, (step,)), rest, part)
    if isinstance(value, Form):
        return replace(value, **{str(step): inner})
    if isinstance(value, Mapping):
        return {**value, step: inner}
    assert isinstance(step, int)
    members = value.parts if isinstance(value, Combination) else value
    changed = (*members[:step], *(() if inner is NOTHING else (inner,)), *members[step + 1 :])
    return replace(value, parts=changed) if isinstance(value, Combination) else changed


def labels(value: object, way: Way) -> tuple[str, ...]:
    """The ids of the rows that are passed on the way to a place, the outermost first."""
    found = [_label(value)]
    for place in range(len(way)):
        found.append(_label(part_at(value, way[: place + 1])))
    return tuple(label for label in found if label)


def written(value: object, way: Way) -> str:
    """The way to a place as a person writes it: rows by their ids where these are unique, else by number."""
    text = ""
    for place, step in enumerate(way):
        if not isinstance(step, int):
            text += f".{step}"
            continue
        members = part_at(value, way[:place])
        ids = [_label(part) for _, part in _steps(members)]
        text += f"[{ids[step]}]" if ids[step] and ids.count(ids[step]) == 1 else f"[{step}]"
    return text.removeprefix(".")


def _label(value: object) -> str:
    if not isinstance(value, Form):
        return ""
    found = (getattr(value, name, None) for name in _LABELS)
    return next((label for label in found if isinstance(label, str) and label), "")
