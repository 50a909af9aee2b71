"""Panels and Bundles to reports over gRPC, panels in batches as large as the service takes."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import TypeAlias

import grpc

from labgloss.v1.error_reason_pb2 import ErrorReason, FieldViolation, ItemError, ViolationReason
from labgloss.v1.fhir_pb2 import InterpretBundleRequest, InterpretBundleResponse
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

# What is sent: a panel, or a Bundle as a system sends it.
Request: TypeAlias = Panel | InterpretBundleRequest

_NOT_REACHED = Unavailable(
    "The service was not reached, or says that it does not serve; labgloss probe tells which.",
    "",
    grpc.StatusCode.UNAVAILABLE,
)


def interpreted(client: Client, requests: Sequence[Request]) -> list[Outcome]:
    """One report or PanelFailure for each panel or Bundle, in their order; never raises a LabglossError."""
    if not _reached(client):
        return [PanelFailure(_id(request), _NOT_REACHED) for request in requests]
    outcomes: list[Outcome] = []
    for batch in _batches(requests):
        try:
            if isinstance(batch, InterpretBundleRequest):
                outcomes.append(client.interpret_bundle(batch).report)
            else:
                outcomes += client.interpret_batch(batch)
        except _HOPELESS as error:
            return outcomes + [PanelFailure(_id(request), error) for request in requests[len(outcomes) :]]
        except LabglossError as error:
            if isinstance(batch, InterpretBundleRequest):
                outcomes.append(PanelFailure(batch.panel_id, error))
                continue
            # The batch as a whole was refused, as when the reports together are too large: one by one, then.
            outcomes += [_single(client, panel) for panel in batch]
    return outcomes


def bundle_answer(client: Client, request: InterpretBundleRequest) -> InterpretBundleResponse | PanelFailure:
    """The answer to a Bundle; never raises a LabglossError."""
    if not _reached(client):
        return PanelFailure(request.panel_id, _NOT_REACHED)
    try:
        return client.interpret_bundle(request)
    except LabglossError as error:
        return PanelFailure(request.panel_id, error)


def _id(request: Request) -> str:
    return request.id if isinstance(request, Panel) else request.panel_id


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


def _batches(requests: Iterable[Request]) -> Iterator[list[Panel] | InterpretBundleRequest]:
    """Panels in batches, and each Bundle by itself."""
    batch: list[Panel] = []
    size = 0
    for request in requests:
        bytes_of_panel = request.ByteSize() + _FRAME_BYTES
        full = len(batch) == _PANELS or size + bytes_of_panel > _BYTES
        if batch and (full or isinstance(request, InterpretBundleRequest)):
            yield batch
            batch, size = [], 0
        if isinstance(request, InterpretBundleRequest):
            yield request
            continue
        batch.append(request)
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
