"""The interpreters that have to agree, each from panels in panel-file form to entries by result."""

from __future__ import annotations

import json
from collections.abc import Callable

from labgloss.domain.report import ResultInterpretation
from labgloss.engine.interpret import interpret
from labgloss.knowledge.release import Release
from labgloss.panels.reader import read_content
from labgloss.v1 import panel_pb2, report_pb2
from labgloss.wire.decode import decode_panel
from labgloss_client import Client, PanelFailure, Report
from tests.oracle.people import Table
from tests.oracle.reference import interpret_result

Interpreter = Callable[[list[Table]], list[dict[str, Table]]]
PANELS_PER_BATCH = 100


def oracle(knowledge: Table) -> Interpreter:
    """The reference interpreter."""
    return lambda panels: [interpret_result(knowledge, panel) for panel in panels]


def engine(release: Release) -> Interpreter:
    """The engine, called directly, from the message that would be sent."""

    def interpreter(panels: list[Table]) -> list[dict[str, Table]]:
        reports = [interpret(release, decode_panel(message, "panel", release)) for message in messages(panels)]
        return [{one.id or one.analyte: _of_domain(one) for one in report.results} for report in reports]

    return interpreter


def wire(client: Client) -> Interpreter:
    """A service in another process, over gRPC, in batches."""

    def interpreter(panels: list[Table]) -> list[dict[str, Table]]:
        reports: list[Report] = []
        for first in range(0, len(panels), PANELS_PER_BATCH):
            outcomes = client.interpret_batch(messages(panels[first : first + PANELS_PER_BATCH]), timeout_s=60)
            failed = [str(outcome) for outcome in outcomes if isinstance(outcome, PanelFailure)]
            assert not failed, "\n".join(failed)
            reports += [outcome for outcome in outcomes if isinstance(outcome, Report)]
        return [{one.id or one.analyte: _of_message(one) for one in report.results} for report in reports]

    return interpreter


def messages(panels: list[Table]) -> list[panel_pb2.Panel]:
    """The messages that would be sent, with every text as it is in the panel file."""
    # Without the trace, which nothing here looks at.
    quiet = [panel | {"options": panel.get("options", {}) | {"trace": False}} for panel in panels]
    return [case.panel for case in read_content(json.dumps({"panel": quiet}).encode(), "json", "specs")]


def _of_domain(one: ResultInterpretation) -> Table:
    return {
        "state": one.state.value,
        "class": one.result_class.value,
        "flag": one.flag,
        "band": one.band,
        "bands": list(one.bands),
        "critical": one.critical.name.lower(),
        "ctcae_grade": one.ctcae_grade,
        "refusal": one.refusal_reason.value if one.refusal_reason else None,
    }


def _of_message(one: report_pb2.ResultInterpretation) -> Table:
    refusal = report_pb2.RefusalReason.Name(one.refusal_reason).removeprefix("REFUSAL_REASON_").lower()
    return {
        "state": report_pb2.ResultState.Name(one.state).removeprefix("RESULT_STATE_").lower(),
        "class": report_pb2.ResultClass.Name(getattr(one, "class")).removeprefix("RESULT_CLASS_").lower(),
        "flag": one.flag,
        "band": one.band,
        "bands": list(one.bands),
        "critical": report_pb2.Critical.Name(one.critical).removeprefix("CRITICAL_").lower(),
        "ctcae_grade": one.ctcae_grade if one.HasField("ctcae_grade") else None,
        "refusal": None if refusal == "unspecified" else refusal,
    }


def difference_of(expected: Table, got: Table) -> str:
    """What differs between two entries, in words; empty when nothing does."""
    differing = [key for key in expected if expected[key] != got[key]]
    return "; ".join(f"{key} expected {expected[key]!r}, got {got[key]!r}" for key in differing)
