"""`labgloss audit verify`: whether decision records are as they were written."""

from __future__ import annotations

from argparse import Namespace

from labgloss.cli.console import write
from labgloss.cli.recorded import contents
from labgloss.evidence.verify import verify
from labgloss.panels.layout import printable


def run(arguments: Namespace) -> int:
    """Prints every flaw and each chain; 1 when there is a flaw. Raises SettingsError when a file cannot be read."""
    verdict = verify(contents(arguments.files), arguments.head, arguments.known)
    for flaw in verdict.flaws:
        write(f"{printable(str(flaw))}\n")
    for chain in verdict.chains:
        end = (
            "ended" if chain.ended else "no end yet: still written, killed, or cut off, which only its last head tells"
        )
        write(f"chain {chain.chain}: {chain.records} records, {end}; head {chain.head}\n")
    if not verdict.chains:
        write("no record was found\n")
    flaws = len(verdict.flaws)
    write(
        "whole\n" if verdict.whole and verdict.chains else f"not whole: {flaws} {'flaw' if flaws == 1 else 'flaws'}\n"
    )
    return 0 if verdict.whole and verdict.chains else 1
