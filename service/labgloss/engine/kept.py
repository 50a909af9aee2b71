"""What was made of few discrete facts, kept to be given again: bounded, and empty again when it is full."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import Generic, ParamSpec, TypeVar

Key = TypeVar("Key")
Value = TypeVar("Value")
Asked = ParamSpec("Asked")

# What empties each table that is kept by release.
_EMPTIES: list[Callable[[], None]] = []


def by_release(maxsize: int) -> Callable[[Callable[Asked, Value]], Callable[Asked, Value]]:
    """As `lru_cache`, of what is made of a release: `forget` lets go of it, and so of the release."""

    def decorate(make: Callable[Asked, Value]) -> Callable[Asked, Value]:
        cached = lru_cache(maxsize=maxsize)(make)
        _EMPTIES.append(cached.cache_clear)
        return cached  # type: ignore[return-value]

    return decorate


def forget() -> None:
    """Lets go of all that was made of releases: another one is in force. What is asked for next is made again."""
    for empty in _EMPTIES:
        empty()


class Kept(Generic[Key, Value]):
    """Values by what they were made of. Of two threads that make one at once, both have an equal one."""

    __slots__ = ("_maxsize", "entries", "get")

    def __init__(self, maxsize: int) -> None:
        self._maxsize = maxsize
        self.entries: dict[Key, Value] = {}
        # The dictionary's own: what is kept is asked for many times a panel.
        self.get = self.entries.get

    def put(self, key: Key, value: Value) -> Value:
        """The value, which is kept from now on. Whatever fills it up costs others their place, never memory."""
        if len(self.entries) >= self._maxsize:
            self.entries.clear()
        self.entries[key] = value
        return value
