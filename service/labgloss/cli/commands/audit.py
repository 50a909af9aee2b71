"""`labgloss audit verify`: whether decision records are as they were written."""

from __future__ import annotations

import re
from argparse import Namespace
from collections.abc import Iterator

from labgloss.cli.console import write
from labgloss.cli.recorded import contents
from labgloss.errors import SettingsError
from labgloss.evidence.verify import ChainSeen, Verdict, verify
from labgloss.panels.layout import printable

_HASH = re.compile(r"[0-9a-fA-F]{64}")


def run(arguments: Namespace) -> int:
    """Prints every flaw and each chain; 1 when there is a flaw, or a chain that is not held by a hash and had to be.

    Raises SettingsError when a hash is none, or a file cannot be read.
    """
    faults = [*_no_hashes("--head", arguments.head), *_no_hashes("--known", arguments.known)]
    try:
        files = contents(arguments.files)
    except SettingsError as error:
        faults += error.faults
    if faults:
        raise SettingsError(tuple(faults))
    verdict = verify(files, map(str.lower, arguments.head), map(str.lower, arguments.known))
    for flaw in verdict.flaws:
        write(f"{printable(str(flaw))}\n")
    for chain in verdict.chains:
        write(f"{_said_of(chain)}\n")
    if not verdict.chains:
        write("no record was found\n")
    sound = verdict.whole and bool(verdict.chains)
    write(f"{_said(verdict) if sound else _not_whole(verdict)}\n")
    return 0 if sound and not (arguments.require_heads and verdict.not_held) else 1


def _no_hashes(flag: str, given: list[str]) -> Iterator[str]:
    for text in given:
        if not _HASH.fullmatch(text):
            mend = "give 64 hexadecimal digits, as the log has them in the lines of event audit_head"
            yield f"{flag}: {printable(text)} is no hash; {mend}"


def _said_of(chain: ChainSeen) -> str:
    end = "ended" if chain.ended else "no end yet: still written, killed, or cut off, which only its last head tells"
    held = f"; held by a hash up to record {chain.held - 1}" if 0 < chain.held < chain.records else ""
    return f"chain {chain.chain}: {chain.records} records, {end}; head {chain.head}{held}"


def _said(verdict: Verdict) -> str:
    if not verdict.not_held:
        return "whole"
    some, count = len(verdict.not_held), len(verdict.chains)
    return (
        f"consistent in itself; {some} of {count} {'chain' if count == 1 else 'chains'} not held up to the last record "
        "by a hash from outside (--head, --known): whoever can write the files could have written anew, or cut off, "
        "what is not held"
    )


def _not_whole(verdict: Verdict) -> str:
    flaws = len(verdict.flaws)
    return f"not whole: {flaws} {'flaw' if flaws == 1 else 'flaws'}"
