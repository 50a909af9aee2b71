"""What was made of few discrete facts, kept to be given again: bounded, and empty again when it is full."""

from __future__ import annotations

from typing import Generic, TypeVar

Key = TypeVar("Key")
Value = TypeVar("Value")


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
