"""A release that is to be reloaded, checked in a process of its own: `python -m labgloss.cli.candidate`.

Says on its standard output what it found (`labgloss.server.reload.found`).
"""

from __future__ import annotations

import os
import sys
from argparse import ArgumentParser
from collections.abc import Sequence
from pathlib import Path
from threading import Thread

from labgloss.cli.proved import is_proved, place, prove_and_keep
from labgloss.errors import KnowledgeError
from labgloss.knowledge.loader import load
from labgloss.server.reload import found

# Proving may take whole seconds of a core; whoever waits for an answer goes first.
_NICE = 10


def command(knowledge: Path, overlay: Path | None) -> Sequence[str]:
    """The command that checks these files."""
    laid_over = () if overlay is None else ("--overlay", str(overlay))
    return (sys.executable, "-m", "labgloss.cli.candidate", str(knowledge), *laid_over)


def main(arguments: Sequence[str] | None = None) -> int:
    """Loads, checks and, where no verdict is kept, proves; 0 where nothing is wrong."""
    parser = ArgumentParser()
    parser.add_argument("knowledge", type=Path)
    parser.add_argument("--overlay", type=Path)
    given = parser.parse_args(arguments)
    os.nice(_NICE)
    Thread(target=_end_with_parent, daemon=True).start()
    where = place(given.knowledge, given.overlay)
    try:
        release = load(given.knowledge, given.overlay)
        if not is_proved(where, release.reference):
            prove_and_keep(where, release)
    except KnowledgeError as error:
        print(found(None, error.faults))
        return 2
    print(found(release.reference))
    return 0


def _end_with_parent() -> None:
    # Whoever asked holds the other end as long as it lives.
    os.read(0, 1)
    os._exit(1)


if __name__ == "__main__":
    sys.exit(main())
