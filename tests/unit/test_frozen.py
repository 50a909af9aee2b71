"""Our frozen dataclasses behave as those of the standard library, which stand beside them here."""

from __future__ import annotations

import copy
import dataclasses
import pickle
from collections.abc import Callable
from dataclasses import FrozenInstanceError, asdict, field, fields, replace
from functools import cached_property
from typing import Any

import pytest

from labgloss import frozen

Make = Callable[..., Any]
MAKERS = [pytest.param(dataclasses.dataclass, id="standard"), pytest.param(frozen.dataclass, id="ours")]


def point(make: Make, **options: Any) -> Any:
    class Point:
        """A point."""

        x: int
        # Named as a helper of a method that is written could be.
        absent: int = 2
        parts: list[int] = field(default_factory=list)
        hidden: int = field(default=0, repr=False, compare=False)
        total: int = field(init=False)
        named: str = field(default="n", kw_only=True)

        def __post_init__(self) -> None:
            object.__setattr__(self, "total", self.x + self.absent)

    Point.__qualname__ = "Point"
    return make(frozen=True, **options)(Point)


@pytest.mark.parametrize("slots", [True, False])
@pytest.mark.parametrize("make", MAKERS)
def test_it_is_made_shown_and_compared_alike(make: Make, slots: bool) -> None:
    made = point(make, slots=slots)
    one, other = made(1, parts=[3]), made(1, 2, [3], 9, named="n")
    assert (one.x, one.absent, one.parts, one.hidden, one.total, one.named) == (1, 2, [3], 0, 3, "n")
    assert repr(one) == "Point(x=1, absent=2, parts=[3], total=3, named='n')"
    assert one == other
    assert one != made(2, parts=[3])
    assert one != (1, 2, [3], 3, "n")
    assert made(1).parts is not made(1).parts
    assert made.__match_args__ == ("x", "absent", "parts", "hidden")
    for wrong in ({}, {"x": 1, "total": 3}, {"x": 1, "other": 1}):
        with pytest.raises(TypeError):
            made(**wrong)
    with pytest.raises(TypeError):
        made(1, 2, [], 0, "n")


@pytest.mark.parametrize("slots", [True, False])
@pytest.mark.parametrize("make", MAKERS)
def test_it_is_taken_apart_and_changed_alike(make: Make, slots: bool) -> None:
    made = point(make, slots=slots)
    one = made(1, 5)
    assert asdict(one) == {"x": 1, "absent": 5, "parts": [], "hidden": 0, "total": 6, "named": "n"}
    assert [found.name for found in fields(made)] == ["x", "absent", "parts", "hidden", "total", "named"]
    assert replace(one, x=2).total == 7
    assert copy.copy(one) == one == copy.deepcopy(one)


@pytest.mark.parametrize("slots", [True, False])
@pytest.mark.parametrize("make", MAKERS)
def test_nothing_of_it_can_be_set_or_deleted(make: Make, slots: bool) -> None:
    one = point(make, slots=slots)(1)
    with pytest.raises(FrozenInstanceError, match="cannot assign to field 'x'"):
        one.x = 2
    with pytest.raises(FrozenInstanceError, match="cannot delete field 'x'"):
        del one.x
    assert hasattr(one, "__dict__") is not slots


@pytest.mark.parametrize("make", MAKERS)
@pytest.mark.parametrize("values", [(), (1,), (1, "a")])
def test_equal_ones_are_one_key(make: Make, values: tuple[object, ...]) -> None:
    names = "ab"[: len(values)]
    made, another = (
        make(frozen=True, slots=True)(type("Key", (), {"__annotations__": dict.fromkeys(names, object)}))
        for _ in range(2)
    )
    assert made(*values) == made(*values)
    assert len({made(*values), made(*values), another(*values)}) == 2
    assert made.__hash__ is not object.__hash__


@pytest.mark.parametrize("make", MAKERS)
def test_what_it_says_itself_is_left_to_it(make: Make) -> None:
    class Own:
        a: int

        def __repr__(self) -> str:
            return "own"

        def __eq__(self, other: object) -> bool:
            return True

        def __hash__(self) -> int:
            return 7

    made = make(frozen=True, slots=True)(Own)
    assert (repr(made(1)), made(1) == 3, hash(made(1))) == ("own", True, 7)


@pytest.mark.parametrize("make", MAKERS)
def test_without_equality_each_is_itself_and_may_keep_what_it_computes(make: Make) -> None:
    class Kept:
        a: int

        @cached_property
        def double(self) -> int:
            return 2 * self.a

    made = make(frozen=True, eq=False)(Kept)
    one = made(2)
    assert one != made(2)
    assert hash(one) == object.__hash__(one)
    assert (one.double, vars(one)) == (4, {"a": 2, "double": 4})


@pytest.mark.parametrize("make", MAKERS)
def test_it_inherits_and_is_inherited(make: Make) -> None:
    @make(frozen=True, slots=True)
    class Base:
        """A base."""

        a: int

    @make(frozen=True, slots=True)
    class Derived(Base):
        """One more field."""

        b: int = 3

    assert (Derived(1).a, Derived(1).b) == (1, 3)
    assert Derived(1) != Base(1)
    assert Derived(1) == Derived(1, 3)


@dataclasses.dataclass(frozen=True, slots=True)
class Standard:
    a: int
    b: tuple[str, ...] = ()


@frozen.dataclass(frozen=True, slots=True)
class Ours:
    a: int
    b: tuple[str, ...] = ()


@pytest.mark.parametrize("made", [Standard, Ours])
def test_it_can_be_pickled(made: Any) -> None:
    assert pickle.loads(pickle.dumps(made(1, ("x",)))) == made(1, ("x",))


def test_what_is_not_frozen_is_made_by_the_standard_library() -> None:
    class Open:
        a: int

    one = frozen.dataclass(slots=True)(Open)(1)  # type: ignore[call-arg]
    one.a = 2  # type: ignore[attr-defined]
    assert repr(one).endswith("Open(a=2)")
