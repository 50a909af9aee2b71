"""Asks a labgloss service to explain laboratory panels.

    from labgloss_client import Client, panel, patient, result

    with Client("127.0.0.1:50051") as client:
        report = client.interpret(panel(result("magnesium", "0.41", "mmol/L"), patient=patient(age_years=67)))

`Client` is for ordinary code and `AsyncClient` for asyncio; they have the same methods. Panels and reports are the
messages of `labgloss.v1`.
"""

from labgloss.v1.panel_pb2 import Panel
from labgloss.v1.report_pb2 import Report
from labgloss_client._aio import AsyncClient
from labgloss_client._core import Outcome, PanelFailure, is_loopback, token_file
from labgloss_client._sync import Client
from labgloss_client.build import (
    coding,
    condition,
    interval,
    medication,
    panel,
    patient,
    result,
    specimen,
    symptom,
)
from labgloss_client.exceptions import (
    DeadlineExceeded,
    InvalidPanel,
    InvalidRequest,
    LabglossError,
    MessageTooLarge,
    Overloaded,
    PermissionDenied,
    ReleaseNotLoaded,
    RuleNotFound,
    ServiceDefect,
    Throttled,
    Unauthenticated,
    Unavailable,
    Violation,
)

__all__ = [
    "AsyncClient",
    "Client",
    "DeadlineExceeded",
    "InvalidPanel",
    "InvalidRequest",
    "LabglossError",
    "MessageTooLarge",
    "Outcome",
    "Overloaded",
    "Panel",
    "PanelFailure",
    "PermissionDenied",
    "ReleaseNotLoaded",
    "Report",
    "RuleNotFound",
    "ServiceDefect",
    "Throttled",
    "Unauthenticated",
    "Unavailable",
    "Violation",
    "coding",
    "condition",
    "interval",
    "is_loopback",
    "medication",
    "panel",
    "patient",
    "result",
    "specimen",
    "symptom",
    "token_file",
]
