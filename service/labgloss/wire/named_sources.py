"""The sources that a report names, each once and in their order, with their citations.

A report with its trace names a hundred of five hundred. So a set of them is one integer, with a bit for each; and of
each eight that follow one another, what is named is joined once.
"""

from __future__ import annotations

from collections.abc import Mapping

from labgloss.engine.kept import Kept
from labgloss.knowledge.schema import SourceRow
from labgloss.wire.frames import frame, text
from labgloss.wire.kept import KEPT

# Report.sources.
_FIELD = 17


class NamedSources:
    """The sources of a release."""

    def __init__(self, sources: Mapping[str, SourceRow]) -> None:
        order = sorted(sources)
        self._places = {ident: place for place, ident in enumerate(order)}
        self._framed = [frame(_FIELD, text(1, ident) + text(2, sources[ident].citation)) for ident in order]
        self._bytes = (len(order) + 7) // 8
        self.sets: Kept[tuple[str, ...], int] = Kept(maxsize=KEPT)
        # By the place of the eight, and which of them are named.
        self.eights: Kept[tuple[int, int], bytes] = Kept(maxsize=KEPT)

    def named(self, idents: tuple[str, ...]) -> int:
        """The set of these sources. Raises KeyError for one that the release does not have."""
        found = self.sets.get(idents)
        return self.sets.put(idents, self._set_of(idents)) if found is None else found

    def _set_of(self, idents: tuple[str, ...]) -> int:
        made = 0
        for ident in idents:
            made |= 1 << self._places[ident]
        return made

    def written(self, named: int) -> list[bytes]:
        """The sources of a set, as they stand in a report."""
        made: list[bytes] = []
        for eight in enumerate(named.to_bytes(self._bytes, "little")):
            if eight[1]:
                found = self.eights.get(eight)
                made.append(self.eights.put(eight, self._joined(*eight)) if found is None else found)
        return made

    def _joined(self, place: int, named: int) -> bytes:
        return b"".join(each for bit, each in enumerate(self._framed[place * 8 : place * 8 + 8]) if named >> bit & 1)
