"""`labgloss interpret`: the reports on the panels of a file, or on a FHIR Bundle."""

from __future__ import annotations

import sys
from argparse import Namespace
from pathlib import Path

from google.protobuf.json_format import MessageToJson

from labgloss.cli.connection import connected
from labgloss.cli.console import complain, output_style, write
from labgloss.cli.outcomes import batch_response, bundle_answer, interpreted
from labgloss.panels.errors import PanelFault, PanelFileError
from labgloss.panels.messages import Messages
from labgloss.panels.reader import PanelCase, read_content, read_panels
from labgloss.panels.text import report_text
from labgloss.v1.fhir_pb2 import ISSUE_SEVERITY_INFORMATION, InterpretBundleResponse
from labgloss_client import Outcome, PanelFailure


def run(arguments: Namespace) -> int:
    """Prints each report; 1 when a panel has none. Raises PanelFileError when the file cannot be read."""
    cases = _cases(arguments)
    bundle = cases[0].bundle if len(cases) == 1 else None
    if arguments.format == "fhir" and bundle is None:
        raise PanelFileError((PanelFault(arguments.file, "", "", "--format fhir answers a FHIR Bundle"),))
    with connected(arguments) as client:
        outcomes = interpreted(client, [case.panel for case in cases]) if bundle is None else []
        answer = None if bundle is None else bundle_answer(client, bundle)
    if answer is not None:
        outcomes = [answer if isinstance(answer, PanelFailure) else answer.report]
    if arguments.format == "fhir":
        write(answer.bundle.decode() + "\n" if isinstance(answer, InterpretBundleResponse) else "")
    elif arguments.format == "json":
        write(MessageToJson(batch_response(outcomes), preserving_proto_field_name=True, ensure_ascii=False) + "\n")
    else:
        _print_texts(cases, outcomes)
    if isinstance(answer, InterpretBundleResponse):
        _complain_of_unread(answer)
    for line in (line for case in cases for line in case.unread):
        complain(line)
    failures = [outcome for outcome in outcomes if isinstance(outcome, PanelFailure)]
    for failure in failures:
        complain(f'panel "{failure.panel_id}" has no report: {failure.error}')
    return 1 if failures else 0


def _cases(arguments: Namespace) -> list[PanelCase]:
    if arguments.file == "-":
        content = sys.stdin.buffer.read()
        return read_content(content, arguments.input_format or "toml", "standard input", Messages.TAKEN)
    return read_panels([Path(arguments.file)], arguments.input_format, Messages.TAKEN)


def _complain_of_unread(answer: InterpretBundleResponse) -> None:
    """What of the Bundle was not read, or is in doubt; what loses nothing stands in the answer alone."""
    for issue in answer.issues:
        if issue.severity != ISSUE_SEVERITY_INFORMATION:
            complain(f"{issue.path}: {issue.text}")


def _print_texts(cases: list[PanelCase], outcomes: list[Outcome]) -> None:
    style = output_style()
    for case, outcome in zip(cases, outcomes, strict=True):
        if not isinstance(outcome, PanelFailure):
            write(report_text(outcome, case.title, style) + "\n")
