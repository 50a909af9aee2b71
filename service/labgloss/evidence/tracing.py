"""A span for each call, by OpenTelemetry: its name, status, release and size, and nothing that a caller wrote.

The instrumentation that exists for gRPC copies the text of exceptions into spans and records a status of 0 for calls
that failed. Here a span is made once the call ends, of an allow-list. Needs the extra `tracing`; OTEL_ variables say
where spans go, as they do everywhere.
"""

from __future__ import annotations

import os
import re
import time
from importlib.metadata import entry_points

from google.rpc import code_pb2
from opentelemetry import trace
from opentelemetry.context import Context
from opentelemetry.sdk.resources import SERVICE_NAME, SERVICE_VERSION, Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter

from labgloss.errors import CallError, SettingsError
from labgloss.evidence.call import Call, Decision, Method

# What fails by the service's own fault, as the conventions for gRPC servers have it.
_FAULTS = frozenset({"UNKNOWN", "DEADLINE_EXCEEDED", "UNIMPLEMENTED", "INTERNAL", "UNAVAILABLE", "DATA_LOSS"})
# Of tracestate and baggage nothing is read: their text is the caller's.
_TRACEPARENT = re.compile(r"(?!ff)[0-9a-f]{2}-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})")
_EXPORTERS = "opentelemetry_traces_exporter"
# Under which names the packages that speak OTLP register.
_OTLP = ("otlp", "otlp_proto_grpc", "otlp_proto_http")


class Spans:
    """Makes a span of each call that ends."""

    def __init__(self, exporter: SpanExporter, software: str) -> None:
        named = {} if os.environ.get("OTEL_SERVICE_NAME") else {SERVICE_NAME: "labgloss"}
        resource = Resource.create({**named, SERVICE_VERSION: software})
        self._provider = TracerProvider(resource=resource, shutdown_on_exit=False)
        self._provider.add_span_processor(BatchSpanProcessor(exporter))
        self._tracer = self._provider.get_tracer("labgloss", software)

    def serves(self, method: Method) -> None:
        """Nothing."""

    def begun(self, call: Call) -> None:
        """Nothing: a span is made when all of it is known."""

    def received(self, call: Call) -> None:
        """Nothing."""

    def answered(self, call: Call, decisions: tuple[Decision, ...], refused: CallError | None) -> None:
        """Nothing."""

    def ended(self, call: Call, status: str, error: CallError | None) -> None:  # noqa: ARG002 - of an error nothing is said
        """Makes the span of a call."""
        now = time.time_ns()
        span = self._tracer.start_span(
            f"{call.method.service}/{call.method.name}",
            context=_parent(call.traceparent),
            kind=trace.SpanKind.SERVER,
            start_time=now - round(call.seconds * 1e9),
            attributes={
                "rpc.system": "grpc",
                "rpc.service": call.method.service,
                "rpc.method": call.method.name,
                "rpc.grpc.status_code": code_pb2.Code.Value(status),
                "labgloss.panels": call.panels,
                "labgloss.release": call.release.version,
            },
        )
        if status in _FAULTS:
            span.set_status(trace.StatusCode.ERROR)
        span.end(now)

    def unread(self, method: Method, error: CallError, count: int) -> None:
        """Nothing: there was no call to follow."""

    def unknown(self) -> None:
        """Nothing."""

    def unrecorded(self) -> None:
        """Nothing."""

    def close(self) -> None:
        """Sends what is not yet sent."""
        self._provider.shutdown()


def _parent(traceparent: str) -> Context:
    """The context of the caller's span; of none, when the header is not one."""
    match = _TRACEPARENT.match(traceparent)
    if match is None:
        return Context()
    trace_id, span_id, flags = (int(part, 16) for part in match.groups())
    context = trace.SpanContext(trace_id, span_id, is_remote=True, trace_flags=trace.TraceFlags(flags))
    return trace.set_span_in_context(trace.NonRecordingSpan(context), Context())


def exporter_of_environment() -> SpanExporter:
    """The exporter that OTEL_TRACES_EXPORTER names, otlp by default.

    Raises SettingsError when no installed package has it: which does.
    """
    name = os.environ.get("OTEL_TRACES_EXPORTER", "").strip() or "otlp"
    for candidate in _OTLP if name == "otlp" else (name,):
        for point in entry_points(group=_EXPORTERS, name=candidate):
            exporter: SpanExporter = point.load()()
            return exporter
    mend = "install opentelemetry-exporter-otlp-proto-grpc or -http for otlp, or set OTEL_TRACES_EXPORTER to one of "
    have = ", ".join(sorted(point.name for point in entry_points(group=_EXPORTERS)))
    raise SettingsError((f'tracing: no package has the exporter "{name}"; {mend}{have}',))
