"""`labgloss check`: reports against what panel files expect."""

from __future__ import annotations

import json
import time
from argparse import Namespace
from collections.abc import Sequence
from pathlib import Path

from labgloss.cli.checked import checked_panels, counts, difference_lines
from labgloss.cli.connection import connected
from labgloss.cli.console import write
from labgloss.cli.outcomes import interpreted
from labgloss.errors import SettingsError
from labgloss.panels.junit import CheckedPanel, junit_xml
from labgloss.panels.layout import printable
from labgloss.panels.reader import read_panels


def run(arguments: Namespace) -> int:
    """Prints what differs; 1 when anything does. Raises PanelFileError when a file cannot be read."""
    begin = time.monotonic()
    cases = read_panels([Path(path) for path in arguments.paths])
    with connected(arguments) as client:
        outcomes = interpreted(client, [case.panel for case in cases])
    panels = checked_panels(cases, outcomes, only_results=arguments.only == "results")
    if arguments.junit:
        _write_junit(Path(arguments.junit), panels, time.monotonic() - begin)
    write(_json(panels) if arguments.format == "json" else _text(panels))
    return 0 if all(panel.agrees for panel in panels) else 1


def _write_junit(path: Path, panels: Sequence[CheckedPanel], seconds: float) -> None:
    try:
        path.write_bytes(junit_xml(panels, seconds))
    except OSError as error:
        raise SettingsError((f"--junit: {path} cannot be written: {error.strerror}",)) from error


def _text(panels: Sequence[CheckedPanel]) -> str:
    lines: list[str] = []
    for panel in panels:
        if not panel.agrees:
            lines.append(printable(f"{panel.file}: {panel.id}"))
            lines += [f"  {line}" for line in difference_lines(panel)]
    return "\n".join([*lines, counts(panels)]) + "\n"


def _json(panels: Sequence[CheckedPanel]) -> str:
    content = [
        {
            "panel": panel.id,
            "file": panel.file,
            "agrees": panel.agrees,
            "error": panel.error,
            "differences": [
                {"what": found.what, "expected": found.expected, "got": found.got} for found in panel.differences
            ],
        }
        for panel in panels
    ]
    return json.dumps({"panels": content}, ensure_ascii=False, indent=2) + "\n"
