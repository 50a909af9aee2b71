"""Forms: named values that cannot be changed, stated as annotations with defaults.

A form is written as one of pydantic's models is, and made without it: importing pydantic, and making a model of each of
a hundred forms, takes a third of a start, and a start that finds the release parsed validates none of them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any, ClassVar, Self, dataclass_transform

_NOTHING: Any = object()


class Stated:
    """What is stated of one field beside its type: its default, and what it allows, in pydantic's words."""

    __slots__ = ("alias", "allowed", "default", "default_factory", "description")

    def __init__(
        self, default: Any, default_factory: Callable[[], Any] | None, alias: str, description: str, allowed: Any
    ) -> None:
        self.default = default
        self.default_factory = default_factory
        self.alias = alias
        self.description = description
        self.allowed: Mapping[str, Any] = allowed

    def is_required(self) -> bool:
        """Whether there is no default."""
        return self.default is _NOTHING and self.default_factory is None

    def by_default(self) -> Any:
        """The default. Raises TypeError where there is none."""
        if self.default_factory is not None:
            return self.default_factory()
        if self.default is _NOTHING:
            raise TypeError("a value is needed")
        return self.default


def Field(  # noqa: N802 - as pydantic's
    default: Any = _NOTHING,
    *,
    default_factory: Callable[[], Any] | None = None,
    alias: str = "",
    description: str = "",
    **allowed: Any,
) -> Any:
    """States a field."""
    return Stated(default, default_factory, alias, description, allowed)


@dataclass_transform(kw_only_default=True, frozen_default=True, field_specifiers=(Field,))
class Form:
    """Base of every form; its methods are named as those of pydantic's models. It takes values as they are given."""

    model_fields: ClassVar[Mapping[str, Stated]] = {}

    def __init_subclass__(cls) -> None:
        fields: dict[str, Stated] = {}
        for base in reversed(cls.__mro__[1:]):
            fields |= vars(base).get("_own", {})
        own: dict[str, Stated] = {}
        for name, annotation in vars(cls).get("__annotations__", {}).items():
            if annotation.startswith("ClassVar"):
                continue
            given = vars(cls).get(name, _NOTHING)
            own[name] = given if isinstance(given, Stated) else Stated(given, None, "", "", {})
            if given is not _NOTHING:
                delattr(cls, name)
        cls._own = own  # type: ignore[attr-defined]
        cls.model_fields = {**fields, **own}

    def __init__(self, **given: Any) -> None:
        put = object.__setattr__
        for name, stated in self.model_fields.items():
            put(self, name, given.pop(name) if name in given else stated.by_default())
        if given:
            raise TypeError(f"{type(self).__name__} has no {', '.join(given)}")

    @classmethod
    def model_construct(cls, **given: Any) -> Self:
        """A form of these values."""
        return cls(**given)

    def model_copy(self, *, update: Mapping[str, Any]) -> Self:
        """The form with other values in some fields."""
        return type(self)(**{**dict(self), **update})

    def __iter__(self) -> Iterator[tuple[str, Any]]:
        return ((name, getattr(self, name)) for name in self.model_fields)

    def __eq__(self, other: object) -> bool:
        return type(other) is type(self) and self._values() == other._values()

    def __hash__(self) -> int:
        return hash(self._values())

    def __repr__(self) -> str:
        return f"{type(self).__name__}({', '.join(f'{name}={value!r}' for name, value in self)})"

    def __setattr__(self, name: str, _: object) -> None:
        raise AttributeError(f"{name} of a form cannot be changed")

    def __delattr__(self, name: str) -> None:
        raise AttributeError(f"{name} of a form cannot be deleted")

    def __getstate__(self) -> tuple[Any, ...]:
        return self._values()

    def __setstate__(self, values: tuple[Any, ...]) -> None:
        put = object.__setattr__
        for name, value in zip(self.model_fields, values, strict=True):
            put(self, name, value)

    def _values(self) -> tuple[Any, ...]:
        return tuple([getattr(self, name) for name in self.model_fields])
