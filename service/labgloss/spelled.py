"""What the text of a setting says: a whole number, a number, true or false, a path, or words."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from pathlib import Path
from types import NoneType
from typing import Any, get_args, get_type_hints

from labgloss.form import Form, Stated

_FLAGS = {
    **dict.fromkeys(("true", "t", "yes", "y", "on", "1"), True),
    **dict.fromkeys(("false", "f", "no", "n", "off", "0"), False),
}


def values_of(form: type[Form], given: Mapping[str, Any]) -> tuple[dict[str, Any], tuple[str, ...]]:
    """The values that a form is made of, and the names of those that are wrong, missing or not of the form.

    A value may be spelled in text, as flags and environment give it. What its field allows holds: `ge`, `le`,
    `min_length`, `max_length`, a `pattern` for the whole, and `check`, which is told the value and those before it.
    """
    types = get_type_hints(form)
    values: dict[str, Any] = {}
    wrong: list[str] = []
    for name, stated in form.model_fields.items():
        try:
            values[name] = (
                _allowed(stated, _value(types[name], given[name]), values) if name in given else _left_out(stated)
            )
        except ValueError:
            wrong.append(name)
    return values, (*wrong, *(name for name in given if name not in form.model_fields))


def _left_out(stated: Stated) -> Any:
    """The default. Raises ValueError where there is none."""
    if stated.is_required():
        raise ValueError("a value is needed")
    return stated.by_default()


def _value(kind: Any, given: Any) -> Any:
    """The value of a type. Raises ValueError."""
    choices = get_args(kind)
    if NoneType in choices:
        if given is None:
            return None
        (kind,) = (choice for choice in choices if choice is not NoneType)
        choices = ()
    if choices:
        if given not in choices:
            raise ValueError("none of the words")
        return given
    return _READERS[kind](given)


def _text(given: Any) -> str:
    if not isinstance(given, str):
        raise ValueError("no text")
    return given


def _whole(given: Any) -> int:
    if isinstance(given, bool) or not isinstance(given, int | str) or not str(given).isascii():
        raise ValueError("no whole number")
    return int(given)


def _number(given: Any) -> float:
    if isinstance(given, bool) or not isinstance(given, int | float | str) or not str(given).isascii():
        raise ValueError("no number")
    number = float(given)
    if not math.isfinite(number):
        raise ValueError("not finite")
    return number


def _flag(given: Any) -> bool:
    if isinstance(given, bool):
        return given
    if not isinstance(given, str) or given.lower() not in _FLAGS:
        raise ValueError("neither true nor false")
    return _FLAGS[given.lower()]


def _path(given: Any) -> Path:
    if not isinstance(given, str | Path):
        raise ValueError("no path")
    return Path(given)


_READERS = {str: _text, int: _whole, float: _number, bool: _flag, Path: _path}


def _allowed(stated: Stated, value: Any, before: Mapping[str, Any]) -> Any:
    """The value. Raises ValueError unless its field allows it."""
    allowed = stated.allowed
    fine = value is None or (
        allowed.get("ge", value) <= value <= allowed.get("le", value)
        and allowed.get("min_length", 0) <= len(str(value)) <= allowed.get("max_length", math.inf)
        and ("pattern" not in allowed or re.fullmatch(allowed["pattern"], value) is not None)
        and ("check" not in allowed or allowed["check"](value, before))
    )
    if not fine:
        raise ValueError("not allowed")
    return value
