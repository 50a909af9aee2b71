"""Comments of specimens that no rule reads: they come back as they were sent (SP 1: never drop silently)."""

from __future__ import annotations

import re
from collections.abc import Sequence

from labgloss.engine.artefacts import speaks_of_delay
from labgloss.engine.judged import Judged
from labgloss.engine.specimen import speaks_of_haemolysis
from labgloss.frozen import dataclass
from labgloss.knowledge.release import Release

_SENTENCE = re.compile(r"[;!?\n]+|\.(?!\d)")


@dataclass(frozen=True, slots=True)
class UnreadComment:
    """Words of a comment that no rule reads, where they stand, and the results whose specimen they were sent with."""

    words: str
    field: str
    results: tuple[int, ...]


def unread_comments(release: Release, entries: Sequence[Judged]) -> tuple[UnreadComment, ...]:
    """The sentences of comments that speak of nothing that is read, each once."""
    found: dict[str, tuple[str, list[int]]] = {}
    for entry in entries:
        if entry.result is None or entry.index is None:
            continue
        for place, comment in enumerate(entry.result.specimen.comments):
            for sentence in _SENTENCE.split(comment):
                words = sentence.strip()
                if any(letter.isalnum() for letter in words) and not _is_read(release, words):
                    field = f"results[{entry.index}].specimen.comments[{place}]"
                    results = found.setdefault(words, (field, []))[1]
                    if entry.index not in results:
                        results.append(entry.index)
    return tuple(UnreadComment(words, field, tuple(results)) for words, (field, results) in found.items())


def _is_read(release: Release, words: str) -> bool:
    text = words.casefold()
    return speaks_of_haemolysis(release, text) or speaks_of_delay(release.computations.delay, text)
