"""`labgloss interpret`: the reports on the panels of a file."""

from __future__ import annotations

import sys
from argparse import Namespace
from pathlib import Path

from google.protobuf.json_format import MessageToJson

from labgloss.cli.connection import connected
from labgloss.cli.console import complain, output_style, write
from labgloss.cli.outcomes import batch_response, interpreted
from labgloss.panels.reader import PanelCase, read_content, read_panels
from labgloss.panels.text import report_text
from labgloss_client import Outcome, PanelFailure


def run(arguments: Namespace) -> int:
    """Prints each report; 1 when a panel has none. Raises PanelFileError when the file cannot be read."""
    cases = _cases(arguments)
    with connected(arguments) as client:
        outcomes = interpreted(client, [case.panel for case in cases])
    if arguments.format == "json":
        write(MessageToJson(batch_response(outcomes), preserving_proto_field_name=True, ensure_ascii=False) + "\n")
    else:
        _print_texts(cases, outcomes)
    failures = [outcome for outcome in outcomes if isinstance(outcome, PanelFailure)]
    for failure in failures:
        complain(f'panel "{failure.panel_id}" has no report: {failure.error}')
    return 1 if failures else 0


def _cases(arguments: Namespace) -> list[PanelCase]:
    if arguments.file == "-":
        return read_content(sys.stdin.buffer.read(), arguments.input_format or "toml", "standard input")
    return read_panels([Path(arguments.file)], arguments.input_format)


def _print_texts(cases: list[PanelCase], outcomes: list[Outcome]) -> None:
    style = output_style()
    for case, outcome in zip(cases, outcomes, strict=True):
        if not isinstance(outcome, PanelFailure):
            write(report_text(outcome, case.title, style) + "\n")
