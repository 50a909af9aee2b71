"""`labgloss demo`: the whole way, from the sample panels through a service of its own to their reports."""

from __future__ import annotations

import signal
import time
from argparse import Namespace
from collections.abc import Sequence

from labgloss.cli.checked import checked_panels, counts, difference_lines
from labgloss.cli.connection import client_of
from labgloss.cli.console import complain, output_style, write
from labgloss.cli.outcomes import interpreted
from labgloss.cli.service_process import ServiceProcess, ServiceStartError, end_by_exit
from labgloss.panels.junit import CheckedPanel
from labgloss.panels.layout import Style, printable
from labgloss.panels.reader import PanelCase, read_panels
from labgloss.panels.shipped import sample_panels_folder
from labgloss.panels.text import report_text
from labgloss_client import Outcome, PanelFailure

# The service is on this machine and answers a batch in a fraction of this; one that died is waited for so long.
_BATCH_TIMEOUT_S = 10.0


def run(_: Namespace) -> int:
    """Prints every report and a closing line; 1 when a report is not as expected."""
    begin = time.monotonic()
    end_by_exit(signal.SIGTERM, signal.SIGHUP)
    with ServiceProcess() as service:
        cases = read_panels([sample_panels_folder()])
        try:
            target = service.wait()
        except ServiceStartError as error:
            complain(str(error))
            return 1
        ready = time.monotonic()
        with client_of(target, batch_timeout_s=_BATCH_TIMEOUT_S) as client:
            outcomes = interpreted(client, [case.panel for case in cases])
        answered = time.monotonic()
        panels = checked_panels(cases, outcomes)
        _print_reports(cases, outcomes, panels)
        code = service.stop()
    write(
        f"\n{counts(panels)}. Service ready in {ready - begin:.1f} s, {len(cases)} panels answered in "
        f"{answered - ready:.2f} s, stopped with exit code {code}; {time.monotonic() - begin:.1f} s in all.\n"
    )
    return 0 if code == 0 and all(panel.agrees for panel in panels) else 1


def _print_reports(cases: Sequence[PanelCase], outcomes: Sequence[Outcome], panels: Sequence[CheckedPanel]) -> None:
    style = output_style()
    for case, outcome, panel in zip(cases, outcomes, panels, strict=True):
        if not isinstance(outcome, PanelFailure):
            write(report_text(outcome, case.title, style))
        write(_verdict(panel, style))


def _verdict(panel: CheckedPanel, style: Style) -> str:
    mark = "✓" if style.unicode else "ok"
    name = printable(panel.id)
    if panel.agrees:
        return f"{mark} {name}: as expected\n\n"
    lines = [f"  {line}" for line in difference_lines(panel)]
    return "\n".join([f"NOT AS EXPECTED: {name}", *lines]) + "\n\n"
