"""Frozen dataclasses that are made, and fill themselves, in less time than by the standard library.

That one writes and compiles six methods for each class: of a service with 120 of them a fifth of its start. Here only
`__init__` is written for each class, and it fills slots by their descriptors; the other methods do the same as the
standard library's, and are shared or closed over the names of the fields.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from operator import attrgetter
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from dataclasses import dataclass as dataclass
else:

    def dataclass(*, frozen: bool = False, eq: bool = True, slots: bool = False, kw_only: bool = False) -> Any:
        """As that of the standard library, which makes what is not frozen."""
        if not frozen:
            return dataclasses.dataclass(eq=eq, slots=slots, kw_only=kw_only)
        return lambda cls: _frozen(cls, eq, slots, kw_only)


def _frozen(cls: type, eq: bool, slots: bool, kw_only: bool) -> type:
    # Else one is written of the signature, which takes longer than all the rest.
    cls.__doc__ = cls.__doc__ or cls.__name__
    made: Any = dataclasses.dataclass(cls, init=False, repr=False, eq=False, slots=slots, kw_only=kw_only)
    names = [field.name for field in dataclasses.fields(made)]
    put = {name: getattr(made, name).__set__ for name in names} if slots else {}
    _add(made, "__init__", _init(made, put))
    _add(made, "__repr__", _repr)
    # Always: whoever may, as a cached property, does not ask.
    made.__setattr__, made.__delattr__ = _no_setting, _no_deleting
    if slots:
        _add_state(made, tuple(names), tuple(put.values()))
    if eq:
        _add_equality(made, tuple(field.name for field in dataclasses.fields(made) if field.compare))
    return made  # type: ignore[no-any-return]


def _add(made: type, name: str, method: Any) -> None:
    """Gives a class a method unless it has one of its own."""
    if name not in vars(made):
        setattr(made, name, method)


def _init(made: Any, put: dict[str, Any]) -> Any:
    """The method that fills the fields: one compiled function, because it runs for every value there is."""
    around: dict[str, Any] = {"__set": object.__setattr__, "__absent": dataclasses.MISSING}
    in_order, by_name, body = ["self"], list[str](), list[str]()
    # A field that is no argument is left to __post_init__.
    for field in (field for field in dataclasses.fields(made) if field.init):
        name, default, given = field.name, "", field.name
        if field.default is not dataclasses.MISSING:
            around[f"__default_{name}"] = field.default
            default = f"=__default_{name}"
        elif field.default_factory is not dataclasses.MISSING:
            around[f"__make_{name}"] = field.default_factory
            default, given = "=__absent", f"__make_{name}() if {name} is __absent else {name}"
        (by_name if field.kw_only else in_order).append(name + default)
        if put:
            around[f"__put_{name}"] = put[name]
            body.append(f"__put_{name}(self, {given})")
        else:
            body.append(f"__set(self, {name!r}, {given})")
    if hasattr(made, "__post_init__"):
        body.append("self.__post_init__()")
    parameters = ", ".join([*in_order, *(["*", *by_name] if by_name else [])])
    exec(f"def __init__({parameters}):\n " + "\n ".join(body or ["pass"]), around)
    around["__init__"].__qualname__ = f"{made.__qualname__}.__init__"
    return around["__init__"]


def _repr(self: Any) -> str:
    shown = (f"{field.name}={getattr(self, field.name)!r}" for field in dataclasses.fields(self) if field.repr)
    return f"{type(self).__qualname__}({', '.join(shown)})"


def _no_setting(_: object, name: str, __: object) -> None:
    raise dataclasses.FrozenInstanceError(f"cannot assign to field {name!r}")


def _no_deleting(_: object, name: str) -> None:
    raise dataclasses.FrozenInstanceError(f"cannot delete field {name!r}")


def _add_state(made: type, names: tuple[str, ...], puts: tuple[Any, ...]) -> None:
    """What copies and pickles go by where the fields are slots that cannot be set."""

    def getstate(self: object) -> list[Any]:
        return [getattr(self, name) for name in names]

    def setstate(self: object, state: list[Any]) -> None:
        for put, value in zip(puts, state, strict=True):
            put(self, value)

    _add(made, "__getstate__", getstate)
    _add(made, "__setstate__", setstate)


def _add_equality(made: Any, names: tuple[str, ...]) -> None:
    values = _values(names)

    def equal(self: object, other: object) -> Any:
        return values(self) == values(other) if other.__class__ is self.__class__ else NotImplemented

    def hashed(self: object) -> int:
        return hash(values(self))

    _add(made, "__eq__", equal)
    # Python gives a class that says what is equal no hash, unless it says that too.
    if vars(made).get("__hash__") is None:
        made.__hash__ = hashed


def _values(names: tuple[str, ...]) -> Callable[[object], tuple[object, ...]]:
    """What gives the values of these fields."""
    if len(names) > 1:
        return attrgetter(*names)
    return lambda self: tuple(getattr(self, name) for name in names)
