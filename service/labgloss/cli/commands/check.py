"""`labgloss check`: reports against what panel files expect."""

from __future__ import annotations

import json
import time
from argparse import Namespace
from collections.abc import Sequence
from pathlib import Path

from labgloss.cli.checked import checked_panels, counts, panel_text
from labgloss.cli.connection import connected
from labgloss.cli.console import complain, output_style, write, write_file
from labgloss.cli.outcomes import interpreted
from labgloss.panels.coverage import Coverage, coverage, coverage_json, coverage_text, lacking_lines
from labgloss.panels.junit import CheckedPanel, junit_xml
from labgloss.panels.messages import Messages
from labgloss.panels.reader import PanelCase, read_panels
from labgloss_client import Client, LabglossError, Outcome, PanelFailure

_STANDARD_OUTPUT = "-"


def run(arguments: Namespace) -> int:
    """Prints what differs, and what was reached; 1 when anything differs, or is not reached that has to be.

    Raises: PanelFileError when a file cannot be read; SettingsError when one cannot be written.
    """
    begin = time.monotonic()
    cases = read_panels([Path(path) for path in arguments.paths], messages=Messages.EXPECTED)
    asked = bool(arguments.coverage) or arguments.require_coverage
    with connected(arguments) as client:
        outcomes = interpreted(client, [case.request for case in cases])
        reached = _coverage(client, cases, outcomes) if asked else None
    panels = checked_panels(cases, outcomes, only_results=arguments.only == "results")
    if arguments.junit:
        write_file("--junit", arguments.junit, junit_xml(panels, time.monotonic() - begin))
    if reached is not None and arguments.coverage not in (None, _STANDARD_OUTPUT):
        write_file("--coverage", arguments.coverage, _json(coverage_json(reached)).encode())
    if arguments.format == "json":
        write(_json(_content(panels, reached)))
    else:
        write(_text(panels) + (coverage_text(reached, output_style()) if reached else ""))
    agrees = all(panel.agrees for panel in panels)
    return 0 if agrees and _covered(arguments, asked, reached) else 1


def _coverage(client: Client, cases: Sequence[PanelCase], outcomes: Sequence[Outcome]) -> Coverage | None:
    """What the reports reach of the release that answered; None, and why on standard error, when it does not say."""
    reported = [
        (case, outcome) for case, outcome in zip(cases, outcomes, strict=True) if not isinstance(outcome, PanelFailure)
    ]
    try:
        return coverage(client.release(), client.rules(), reported)
    except LabglossError as error:
        complain(f"no coverage: the service does not list its rules: {error}")
        return None


def _covered(arguments: Namespace, asked: bool, reached: Coverage | None) -> bool:
    """Whether nothing that was asked for is missing; what is, goes to standard error."""
    if reached is None:
        return not asked
    if not arguments.require_coverage:
        return True
    for line in lacking_lines(reached):
        complain(line)
    return not reached.lacking


def _text(panels: Sequence[CheckedPanel]) -> str:
    lines = [panel_text(panel) for panel in panels if not panel.agrees]
    return "\n".join([*lines, counts(panels)]) + "\n"


def _content(panels: Sequence[CheckedPanel], reached: Coverage | None) -> dict[str, object]:
    content: dict[str, object] = {
        "panels": [
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
    }
    return content if reached is None else {**content, **coverage_json(reached)}


def _json(content: dict[str, object]) -> str:
    return json.dumps(content, ensure_ascii=False, indent=2) + "\n"
