"""The two sides of an impact: a release each, from what a user names."""

from __future__ import annotations

from pathlib import Path

from labgloss.files import is_folder
from labgloss.knowledge.loader import load
from labgloss.knowledge.release import Release

SHIPPED = "-"


def release_of(named: str) -> Release:
    """The shipped release for "-", else that of a folder of knowledge files, or the shipped one under an overlay file.

    Raises KnowledgeError with every fault of what was named.
    """
    if named == SHIPPED:
        return load()
    path = Path(named)
    try:
        folder = is_folder(path)
    except OSError:
        # Whoever reads it as an overlay says why it cannot be.
        folder = False
    return load(path) if folder else load(overlay=path)
