"""Panels to reports over gRPC, in batches as large as the service takes."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

import grpc

from labgloss.v1.error_reason_pb2 import ErrorReason, FieldViolation, ItemError, ViolationReason
from labgloss.v1.interpretation_pb2 import BatchInterpretPanelsResponse, PanelOutcome
from labgloss.v1.panel_pb2 import Panel
from labgloss_client import (
    Client,
    DeadlineExceeded,
    InvalidRequest,
    LabglossError,
    Outcome,
    PanelFailure,
    PermissionDenied,
    Unauthenticated,
    Unavailable,
)

# Half of what a batch may hold: the answer with its trace is many times larger than the panels.
_PANELS = 50
_BYTES = 1024 * 1024
# Tag and length of a panel in the message, at most.
_FRAME_BYTES = 6
# After these the next call would fare no better.
_HOPELESS = (DeadlineExceeded, PermissionDenied, Unauthenticated, Unavailable)

_NOT_REACHED = Unavailable(
    "The service was not reached, or says that it does not serve; labgloss probe tells which.",
    "",
    grpc.StatusCode.UNAVAILABLE,
)


def interpreted(client: Client, panels: Sequence[Panel]) -> list[Outcome]:
    """One report or PanelFailure for each panel, in their order; never raises a LabglossError."""
    if not _reached(client):
        return [PanelFailure(panel.id, _NOT_REACHED) for panel in panels]
    outcomes: list[Outcome] = []
    for batch in _batches(panels):
        try:
            outcomes += client.interpret_batch(batch)
        except _HOPELESS as error:
            return outcomes + [PanelFailure(panel.id, error) for panel in panels[len(outcomes) :]]
        except LabglossError:
            # The batch as a whole was refused, as when the reports together are too large: one by one, then.
            outcomes += [_single(client, panel) for panel in batch]
    return outcomes


def _reached(client: Client) -> bool:
    # Asked first: a call about panels would wait for a service that is down until its deadline.
    try:
        return client.healthy()
    except LabglossError:
        # It answers, without a health service.
        return True


def _single(client: Client, panel: Panel) -> Outcome:
    try:
        return client.interpret(panel)
    except LabglossError as error:
        return PanelFailure(panel.id, error)


def _batches(panels: Iterable[Panel]) -> Iterator[list[Panel]]:
    batch: list[Panel] = []
    size = 0
    for panel in panels:
        bytes_of_panel = panel.ByteSize() + _FRAME_BYTES
        if batch and (len(batch) == _PANELS or size + bytes_of_panel > _BYTES):
            yield batch
            batch, size = [], 0
        batch.append(panel)
        size += bytes_of_panel
    if batch:
        yield batch


def batch_response(outcomes: Iterable[Outcome]) -> BatchInterpretPanelsResponse:
    """The outcomes as the message that a batch is answered with."""
    return BatchInterpretPanelsResponse(outcomes=[_message(outcome) for outcome in outcomes])


def _message(outcome: Outcome) -> PanelOutcome:
    if isinstance(outcome, PanelFailure):
        return PanelOutcome(panel_id=outcome.panel_id, error=_item_error(outcome.error))
    return PanelOutcome(panel_id=outcome.panel_id, report=outcome)


def _item_error(error: LabglossError) -> ItemError:
    violations = error.violations if isinstance(error, InvalidRequest) else ()
    return ItemError(
        code=error.code.value[0],
        # Without a reason of the service's own, as when it was not reached, it stays unspecified.
        reason=ErrorReason.Value(f"ERROR_REASON_{error.reason or 'UNSPECIFIED'}"),
        message=error.message,
        violations=[
            FieldViolation(
                field=violation.field,
                reason=ViolationReason.Value(f"VIOLATION_REASON_{violation.reason or 'UNSPECIFIED'}"),
                description=violation.description,
            )
            for violation in violations
        ],
    )
