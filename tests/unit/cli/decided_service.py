"""A service in this process whose outcomes a test decides."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NoReturn

import grpc
from google.protobuf.wrappers_pb2 import Int32Value, StringValue

from labgloss.v1 import interpretation_pb2 as pb
from labgloss.v1.interpretation_pb2_grpc import InterpretationServiceServicer
from labgloss.v1.panel_pb2 import Panel

Outcome = Callable[[Panel], pb.PanelOutcome]


class DecidedService(InterpretationServiceServicer):
    """Answers each panel with what `outcome` says; refuses batches of more than `batch_limit` panels, and all
    after `gone_after` batches."""

    def __init__(self) -> None:
        self.outcome: Outcome = lambda panel: pb.PanelOutcome(panel_id=panel.id)
        self.batch_limit = 100
        self.health = 1
        self.health_code: grpc.StatusCode | None = None
        self.gone_after = 1000
        self.batches: list[int] = []
        self.singles: list[str] = []
        self.target = ""

    def InterpretPanel(  # noqa: N802 -- gRPC's own name
        self, request: pb.InterpretPanelRequest, context: grpc.ServicerContext
    ) -> pb.InterpretPanelResponse:
        """The report that the outcome holds."""
        self.singles.append(request.panel.id)
        return pb.InterpretPanelResponse(report=self.outcome(request.panel).report)

    def BatchInterpretPanels(  # noqa: N802 -- as above
        self, request: pb.BatchInterpretPanelsRequest, context: grpc.ServicerContext
    ) -> pb.BatchInterpretPanelsResponse:
        """The outcomes."""
        self.batches.append(len(request.panels))
        if len(self.batches) > self.gone_after:
            context.abort(grpc.StatusCode.UNAUTHENTICATED, "gone")
        if len(request.panels) > self.batch_limit:
            context.abort(grpc.StatusCode.RESOURCE_EXHAUSTED, "too large")
        return pb.BatchInterpretPanelsResponse(outcomes=[self.outcome(panel) for panel in request.panels])

    def StreamInterpretPanels(self, request_iterator: Any, context: grpc.ServicerContext) -> NoReturn:  # noqa: N802
        """Nothing: no command streams."""
        raise NotImplementedError

    def check(self, request: StringValue, context: grpc.ServicerContext) -> Int32Value:
        """The health of the service that is asked for."""
        if self.health_code is not None:
            context.abort(self.health_code, "not here")
        if request.value not in ("", "labgloss.v1.InterpretationService"):
            context.abort(grpc.StatusCode.NOT_FOUND, "unknown")
        return Int32Value(value=self.health)
