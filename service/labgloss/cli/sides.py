"""The two sides of an impact: a release each, from what a user names."""

from __future__ import annotations

from pathlib import Path

from labgloss.errors import Fault, KnowledgeError
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
    if path.is_file():
        return _under_overlay(path)
    return load(path)


def _under_overlay(path: Path) -> Release:
    reason = "is a file; this version lays no overlay over a release: give a folder of knowledge files, or -"
    raise KnowledgeError((Fault(str(path), "", reason),))
