"""Figures for Prometheus, on a page of their own; of calls under the names that go-grpc-prometheus gave them.

A worker has its own page, on a port of its own (metrics_port and its number): a scrape of all ports sees all workers,
each as a target that can be up or down, and nothing has to be added up in the service. Needs the extra `metrics`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from google.rpc import code_pb2
from prometheus_client import (
    CollectorRegistry,
    Counter,
    Histogram,
    ProcessCollector,
    disable_created_metrics,
    make_wsgi_app,
)
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector

from labgloss.domain.report import RefusalReason, Urgency
from labgloss.errors import CallError, InternalError
from labgloss.evidence.call import Call, Decision, Method
from labgloss.evidence.journal import Head
from labgloss.evidence.page import Page
from labgloss.knowledge.release import ReleaseReference
from labgloss.wire.status import CODES, code_of

_CODES = ("OK", "CANCELLED", *sorted({code_pb2.Code.Name(code) for code in CODES.values()}))
_SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10)
_METHOD = ("grpc_type", "grpc_service", "grpc_method")


class _MethodFigures:
    """The figures of one method, found once."""

    def __init__(self, calls: _CallFamilies, method: Method) -> None:
        labels = (method.kind, method.service, method.name)
        self.started = calls.started.labels(*labels)
        self.received = calls.received.labels(*labels)
        self.sent = calls.sent.labels(*labels)
        self.seconds = calls.seconds.labels(*labels)
        self.handled = {code: calls.handled.labels(*labels, _as_in_go(code)) for code in _CODES}


class _CallFamilies:
    def __init__(self, registry: CollectorRegistry) -> None:
        self.started = Counter("grpc_server_started", "Calls begun.", _METHOD, registry=registry)
        self.handled = Counter("grpc_server_handled", "Calls ended.", (*_METHOD, "grpc_code"), registry=registry)
        self.received = Counter("grpc_server_msg_received", "Messages received.", _METHOD, registry=registry)
        self.sent = Counter("grpc_server_msg_sent", "Messages sent.", _METHOD, registry=registry)
        self.seconds = Histogram(
            "grpc_server_handling_seconds", "From begin to end of a call.", _METHOD, registry=registry, buckets=_SECONDS
        )


def _as_in_go(code: str) -> str:
    """The name of a gRPC code as Go spells it, which is what dashboards ask for: InvalidArgument, Canceled."""
    return {"OK": "OK", "CANCELLED": "Canceled"}.get(code) or code.title().replace("_", "")


class Metrics:
    """Counts calls and decisions, and shows what it counted once `serve` opened its page."""

    def __init__(
        self,
        release: Callable[[], ReleaseReference],
        software: str,
        head: Callable[[], Head | None],
        lines_lost: Callable[[], int],
    ) -> None:
        # When each series was made: as many lines again, which nobody asks for.
        disable_created_metrics()  # type: ignore[no-untyped-call]
        self.registry = registry = CollectorRegistry()
        self._families = _CallFamilies(registry)
        self._methods: dict[Method, _MethodFigures] = {}
        panels = Counter("labgloss_panels", "Panels reported on, by urgency.", ("urgency",), registry=registry)
        self._panels = {urgency: panels.labels(urgency.name) for urgency in Urgency}
        results = Counter("labgloss_results_refused", "Results refused in reports.", ("reason",), registry=registry)
        self._results = {reason.value: results.labels(reason.value) for reason in RefusalReason}
        items = Counter(
            "labgloss_items_refused",
            "Panels of a batch or stream, and messages of a stream, that have no report.",
            ("reason",),
            registry=registry,
        )
        self._items = {reason: items.labels(reason) for reason in CODES}
        refused = Counter("labgloss_calls_refused", "Calls refused.", ("reason",), registry=registry)
        self._calls = {reason: refused.labels(reason) for reason in CODES}
        self._unknown = Counter("labgloss_calls_unknown", "Calls of methods that there are not.", registry=registry)
        self._defects = Counter("labgloss_defects", "Defects of the service met by calls or panels.", registry=registry)
        self._unrecorded = Counter(
            "labgloss_audit_unwritten", "Decision records that could not be written.", registry=registry
        )
        registry.register(_Stated(release, software, head, lines_lost))
        ProcessCollector(registry=registry)
        self._page: Page | None = None

    def serve(self, host: str, port: int) -> int:
        """Opens the page, and gives its port. Raises OSError when it cannot be opened."""
        self._page = Page(host, port, make_wsgi_app(self.registry))
        return self._page.port

    def serves(self, method: Method) -> None:
        """Shows the figures of a method from the first scrape, as zeros."""
        self._methods[method] = _MethodFigures(self._families, method)

    def begun(self, call: Call) -> None:
        """Counts a call."""
        self._methods[call.method].started.inc()

    def received(self, call: Call) -> None:
        """Counts a message."""
        self._methods[call.method].received.inc()

    def answered(self, call: Call, decisions: tuple[Decision, ...], refused: CallError | None) -> None:
        """Counts an answer, and what was decided in it."""
        self._methods[call.method].sent.inc()
        for decision in decisions:
            if decision.urgency is not None:
                self._panels[decision.urgency].inc()
            for reason in decision.refusals:
                self._results[reason].inc()
            if decision.error is not None:
                self._item(decision.error)
        if refused is not None:
            self._item(refused)

    def ended(self, call: Call, status: str, error: CallError | None) -> None:
        """Counts the end of a call."""
        figures = self._methods[call.method]
        figures.seconds.observe(call.seconds)
        figures.handled[status].inc()
        if error is not None:
            self._calls[error.reason].inc()
            if isinstance(error, InternalError):
                self._defects.inc()

    def unread(self, method: Method, error: CallError, count: int) -> None:
        """Counts calls that ended before their message was read."""
        if (figures := self._methods.get(method)) is not None:
            figures.started.inc(count)
            figures.handled[code_of(error)].inc(count)
        self._calls[error.reason].inc(count)

    def unknown(self) -> None:
        """Counts a call of a method that there is not."""
        self._unknown.inc()

    def unrecorded(self) -> None:
        """Counts a record that could not be written."""
        self._unrecorded.inc()

    def close(self) -> None:
        """Closes the page."""
        if self._page is not None:
            self._page.close()
            self._page = None

    def _item(self, error: CallError) -> None:
        self._items[error.reason].inc()
        if isinstance(error, InternalError):
            self._defects.inc()


class _Stated(Collector):
    """What is asked when the page is: release and software, lines lost, and the head of the chain of records."""

    def __init__(
        self,
        release: Callable[[], ReleaseReference],
        software: str,
        head: Callable[[], Head | None],
        lines_lost: Callable[[], int],
    ) -> None:
        self._release = release
        self._software = software
        self._head = head
        self._lines_lost = lines_lost

    def collect(self) -> Iterator[Metric]:
        """The figures as they are now."""
        reference = self._release()
        stated = GaugeMetricFamily(
            "labgloss_release_info",
            "The release in force.",
            labels=("version", "digest", "engine", "overlay", "overlay_digest", "software"),
        )
        stated.add_metric(
            (
                reference.version,
                reference.digest,
                reference.engine,
                reference.overlay,
                reference.overlay_digest,
                self._software,
            ),
            1,
        )
        yield stated
        yield CounterMetricFamily(
            "labgloss_log_lines_lost", "Lines of the log that could not be written.", value=self._lines_lost()
        )
        head = self._head()
        if head is not None:
            yield CounterMetricFamily("labgloss_audit_records", "Records of this chain.", value=head.records)
            last = GaugeMetricFamily(
                "labgloss_audit_head",
                "Records up to the head of this chain; the head is what `labgloss audit verify --head` takes.",
                labels=("chain", "head"),
            )
            last.add_metric((head.chain, head.hash), head.records)
            yield last
