"""Files of decision records, as commands name them."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from pathlib import Path

from labgloss.errors import SettingsError
from labgloss.files import is_listed


def contents(paths: Iterable[str]) -> dict[str, bytes]:
    """What each file holds, by name; a folder stands for its *.jsonl files, "-" for standard input.

    Raises SettingsError with every file that cannot be read, or a folder that holds none.
    """
    read: dict[str, bytes] = {}
    faults: list[str] = []
    for named in paths:
        if named == "-":
            read["standard input"] = sys.stdin.buffer.read()
            continue
        path = Path(named)
        try:
            files = sorted(path.glob("*.jsonl")) if is_listed(path) else [path]
        except OSError as error:
            faults.append(f"{named}: cannot be read: {error.strerror}")
            continue
        if not files:
            faults.append(f"{named}: holds no file of records (*.jsonl)")
        for file in files:
            try:
                read[str(file)] = file.read_bytes()
            except OSError as error:
                faults.append(f"{file}: cannot be read: {error.strerror}")
    if faults:
        raise SettingsError(tuple(faults))
    return read
