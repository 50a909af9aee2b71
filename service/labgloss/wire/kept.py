"""What was written is kept by what it says, within a limit: so that what is said again is not written again."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from typing import Final, Generic, TypeVar

from labgloss.engine.kept import Kept

Item = TypeVar("Item")

# Entries of each table: the 2,800 panels of the tests, and as many of other ages, bring 2,400 of the largest.
KEPT: Final = 4_096


class Once(Generic[Item]):
    """Bytes by what they say: `content` is all that `written` writes of an item."""

    def __init__(self, content: Callable[[Item], Hashable], written: Callable[[Item], bytes]) -> None:
        self._content = content
        self._written = written
        self.kept: Kept[Hashable, bytes] = Kept(maxsize=KEPT)

    def __call__(self, item: Item) -> bytes:
        """The bytes of an item."""
        content = self._content(item)
        found = self.kept.get(content)
        return self.kept.put(content, self._written(item)) if found is None else found
