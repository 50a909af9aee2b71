"""What was written is kept by what it says, within a limit: so that what is said again is not written again."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from typing import Final, Generic, TypeVar

Item = TypeVar("Item")
Key = TypeVar("Key")
Made = TypeVar("Made")

# Entries of each table: the 2,800 panels of the tests, and as many of other ages, bring 2,400 of the largest.
KEPT: Final = 4_096


def keep(table: dict[Key, Made], key: Key, made: Made, limit: int | None = None) -> Made:
    """What was made, kept from now on; `limit` in the place of KEPT."""
    if len(table) >= (limit or KEPT):
        # Whoever fills it with rare ones must not keep the common ones out.
        table.clear()
    table[key] = made
    return made


class Kept(Generic[Item]):
    """Bytes by what they say: `content` is all that `written` writes of an item."""

    def __init__(self, content: Callable[[Item], Hashable], written: Callable[[Item], bytes]) -> None:
        self._content = content
        self._written = written
        self.entries: dict[Hashable, bytes] = {}

    def __call__(self, item: Item) -> bytes:
        """The bytes of an item."""
        content = self._content(item)
        found = self.entries.get(content)
        return keep(self.entries, content, self._written(item)) if found is None else found
