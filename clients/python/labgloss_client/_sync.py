"""The client for ordinary code."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from queue import SimpleQueue
from types import TracebackType
from typing import Self, TypeVar

import grpc
from google.protobuf.wrappers_pb2 import Int32Value, StringValue

from labgloss.v1.fhir_pb2 import InterpretBundleRequest, InterpretBundleResponse
from labgloss.v1.fhir_pb2_grpc import FhirServiceStub
from labgloss.v1.interpretation_pb2 import (
    BatchInterpretPanelsRequest,
    InterpretPanelRequest,
    StreamInterpretPanelsRequest,
)
from labgloss.v1.interpretation_pb2_grpc import InterpretationServiceStub
from labgloss.v1.knowledge_pb2 import (
    Analyte,
    GetReleaseRequest,
    GetRuleRequest,
    ListAnalytesRequest,
    ListReferenceIntervalsRequest,
    ListRulesRequest,
    ListSourcesRequest,
    ListSymptomsRequest,
    ReferenceInterval,
    Release,
    Rule,
    Source,
    VocabularySymptom,
)
from labgloss.v1.knowledge_pb2_grpc import KnowledgeServiceStub
from labgloss.v1.panel_pb2 import Panel
from labgloss.v1.report_pb2 import Report
from labgloss_client import _core
from labgloss_client._core import Outcome, PageRequestT, PageT, Panels
from labgloss_client._status import error_of_call
from labgloss_client._throttle import Throttle
from labgloss_client._words import RULE_KIND
from labgloss_client.exceptions import LabglossError

RequestT = TypeVar("RequestT")
ResponseT = TypeVar("ResponseT")
ItemT = TypeVar("ItemT")


class Client:
    """A connection to the service, for threads. It may be shared by all threads of a process, and not across a fork.

        with Client("127.0.0.1:50051") as client:
            report = client.interpret(panel(result("magnesium", "0.41", "mmol/L")))

    Every method raises a LabglossError; `labgloss_client.exceptions` has one class for each thing that can go wrong.

    Args:
        target: where the service is, as gRPC writes it: "host:port", "dns:///host:port", "ipv4:address:port,...",
            "unix:path". Where it names several backends, calls go to all healthy ones in turn.
        credentials: TLS, such as `grpc.ssl_channel_credentials()`. None: plaintext.
        plaintext: allows plaintext to another machine; without it only this machine is reached without credentials.
        timeout_s: seconds allowed for a call about one panel or about the knowledge, connecting and retries included.
        batch_timeout_s: seconds allowed for a batch.
        retry_cancelled: retries also what a backend cancelled, as one that stops may do to the calls in its queue.
            It is safe, because an interpretation has no side effect.
        throttled: makes fewer calls while the service refuses most; the others raise Throttled.
        token: gives the token that goes with each call, as `token_file(...)` does; what it raises reaches the caller.
            Over TLS, or to this machine.

    Raises:
        ValueError: panels or a token would travel unencrypted to another machine, or credentials contradict plaintext.
    """

    def __init__(
        self,
        target: str,
        *,
        credentials: grpc.ChannelCredentials | None = None,
        plaintext: bool = False,
        timeout_s: float = _core.TIMEOUT_S,
        batch_timeout_s: float = _core.BATCH_TIMEOUT_S,
        retry_cancelled: bool = False,
        throttled: bool = True,
        token: Callable[[], str] | None = None,
    ) -> None:
        self._connection = _core.Connection(
            target, credentials, plaintext, timeout_s, batch_timeout_s, retry_cancelled, token
        )
        options = self._connection.channel_options
        self._throttle = Throttle() if throttled else None
        self._channel = (
            grpc.insecure_channel(target, options)
            if credentials is None
            else grpc.secure_channel(target, credentials, options)
        )
        self._interpretation = InterpretationServiceStub(self._channel)
        self._knowledge = KnowledgeServiceStub(self._channel)
        self._fhir = FhirServiceStub(self._channel)
        self._health = self._channel.unary_unary(
            _core.HEALTH_METHOD, StringValue.SerializeToString, Int32Value.FromString
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Ends the connection; calls under way raise Unavailable."""
        self._channel.close()

    def interpret(self, panel: Panel, *, timeout_s: float | None = None, on_behalf_of: str = "") -> Report:
        """The report on one panel.

        Args:
            panel: the panel.
            timeout_s: seconds allowed. None: those of the client.
            on_behalf_of: for whom a service in between asks, by the name that it knows them by; the decision record
                names them beside the service, where the operator lists it as one that calls for others.

        Raises:
            InvalidPanel: fields are wrong; it names every one. A result that cannot be judged is no error: the report
                refuses it, and answers the rest.
        """
        request = InterpretPanelRequest(panel=panel)
        return _core.report_of(panel, self._call(self._interpretation.InterpretPanel, request, timeout_s, on_behalf_of))

    def interpret_batch(self, panels: Iterable[Panel], *, timeout_s: float | None = None) -> list[Outcome]:
        """One report or PanelFailure for each of up to 100 panels, in their order; one bad panel spoils no other."""
        panels = list(panels)
        request = BatchInterpretPanelsRequest(panels=panels)
        allowed_s = self._connection.batch_timeout_s if timeout_s is None else timeout_s
        return _core.batch_outcomes(panels, self._call(self._interpretation.BatchInterpretPanels, request, allowed_s))

    def interpret_stream(
        self,
        panels: Iterable[Panels],
        *,
        panels_per_message: int = _core.PANELS_PER_MESSAGE,
        messages_under_way: int = _core.MESSAGES_UNDER_WAY,
        timeout_s: float | None = None,
    ) -> Iterator[Outcome]:
        """One report or PanelFailure for each panel, in their order, however many there are.

        *Shape:* panels are read as they are needed, never more than `messages_under_way` messages ahead of the
        outcomes; with `panels_per_message=1, messages_under_way=1` each panel is answered before the next is read. A
        list of panels among them is sent at once, without waiting for its message to fill.

        Args:
            panels: panels, or lists of panels.
            timeout_s: seconds allowed for the whole stream. None: no limit, and no waiting for a service that is down.

        Raises:
            ValueError: a number is outside its limits.
            LabglossError: the stream broke. The outcomes so far stand; send the rest again.
        """
        _core.check_stream(panels_per_message, messages_under_way)
        messages = _messages(_core.Packing(panels_per_message), panels)
        return self._stream(messages, messages_under_way, timeout_s)

    def interpret_bundle(
        self,
        bundle: bytes | InterpretBundleRequest,
        *,
        timeout_s: float | None = None,
        on_behalf_of: str = "",
    ) -> InterpretBundleResponse:
        """The answer to an R4 Bundle as JSON: a Bundle as JSON, the report, the panel that was read, what was not read.

        Args:
            bundle: its bytes, or a request, which may also say whose results, what time, which type of Bundle.
            timeout_s: seconds allowed. None: as for a batch, because a Bundle may be as large.
            on_behalf_of: as of `interpret`.

        Raises:
            InvalidRequest: it is no Bundle, holds results of several patients, or none that can be read.
        """
        request = bundle if isinstance(bundle, InterpretBundleRequest) else InterpretBundleRequest(bundle=bundle)
        allowed_s = self._connection.batch_timeout_s if timeout_s is None else timeout_s
        return _core.bundle_answer(request, self._call(self._fhir.InterpretBundle, request, allowed_s, on_behalf_of))

    def release(self) -> Release:
        """The release that is loaded: version, digest, scope, counts, choices."""
        return self._call(self._knowledge.GetRelease, GetReleaseRequest()).release

    def analytes(self) -> Iterator[Analyte]:
        """Every analyte, by id."""
        return self._listed(self._knowledge.ListAnalytes, ListAnalytesRequest(), lambda page: page.analytes)

    def reference_intervals(self, *, analyte: str = "", variant: str = "") -> Iterator[ReferenceInterval]:
        """Every reference interval, by id; only those of one analyte or variant where it is given."""
        request = ListReferenceIntervalsRequest(analyte=analyte, variant=variant)
        return self._listed(self._knowledge.ListReferenceIntervals, request, lambda page: page.intervals)

    def rules(self, *, kind: str = "", analyte: str = "") -> Iterator[Rule]:
        """Every rule, by id; only those of one kind ("band", "pattern" ...) or analyte where it is given."""
        request = ListRulesRequest(kind=RULE_KIND.number(kind), analyte=analyte)
        return self._listed(self._knowledge.ListRules, request, lambda page: page.rules)

    def rule(self, id: str) -> Rule:
        """The rule of this id. Raises RuleNotFound when there is none."""
        return self._call(self._knowledge.GetRule, GetRuleRequest(id=id)).rule

    def symptoms(self) -> Iterator[VocabularySymptom]:
        """Every symptom of the vocabulary, by id."""
        return self._listed(self._knowledge.ListSymptoms, ListSymptomsRequest(), lambda page: page.symptoms)

    def sources(self) -> Iterator[Source]:
        """Every source, by id."""
        return self._listed(self._knowledge.ListSources, ListSourcesRequest(), lambda page: page.sources)

    def healthy(self, *, timeout_s: float | None = None) -> bool:
        """Whether the service says that it serves; False also when it is not reached."""
        allowed_s = self._connection.timeout_s if timeout_s is None else timeout_s
        try:
            return _core.is_serving(
                self._health(
                    _core.health_request(),
                    timeout=allowed_s,
                    wait_for_ready=False,
                    metadata=self._connection.metadata(),
                )
            )
        except grpc.RpcError as failure:
            if failure.code() in _core.NOT_SERVING_CODES:
                return False
            raise error_of_call(failure) from failure

    def _call(
        self,
        method: grpc.UnaryUnaryMultiCallable[RequestT, ResponseT],
        request: RequestT,
        timeout_s: float | None = None,
        on_behalf_of: str = "",
    ) -> ResponseT:
        allowed_s = self._connection.timeout_s if timeout_s is None else timeout_s
        metadata = self._connection.metadata(on_behalf_of)
        if self._throttle is not None:
            self._throttle.ask()
        error: LabglossError | None = None
        attempts = _core.Attempts(allowed_s)
        try:
            while True:
                try:
                    return method(request, timeout=attempts.left_s, metadata=metadata)
                except grpc.RpcError as failure:
                    error = error_of_call(failure)
                    if not attempts.again(error):
                        raise error from failure
                    error = None
        finally:
            if self._throttle is not None:
                self._throttle.ended(error)

    def _listed(
        self,
        method: grpc.UnaryUnaryMultiCallable[PageRequestT, PageT],
        request: PageRequestT,
        items: Callable[[PageT], Iterable[ItemT]],
    ) -> Iterator[ItemT]:
        while True:
            page = self._call(method, request)
            yield from items(page)
            if not page.next_page_token:
                return
            request.page_token = page.next_page_token

    def _stream(self, messages: Iterator[list[Panel]], most: int, timeout_s: float | None) -> Iterator[Outcome]:
        # gRPC takes requests in a thread of its own. It gets them from a queue, so that the caller's iterator runs
        # here: its errors reach the caller, and it is never read further ahead than `most`.
        requests: SimpleQueue[StreamInterpretPanelsRequest | None] = SimpleQueue()
        under_way: deque[Sequence[Panel]] = deque()
        answers = self._interpretation.StreamInterpretPanels(
            iter(requests.get, None),
            timeout=timeout_s,
            wait_for_ready=timeout_s is not None,
            metadata=self._connection.metadata(),
        )
        try:
            for message in messages:
                requests.put(StreamInterpretPanelsRequest(panels=message))
                under_way.append(message)
                if len(under_way) == most:
                    yield from _core.message_outcomes(under_way.popleft(), _next(answers))
            requests.put(None)
            while under_way:
                yield from _core.message_outcomes(under_way.popleft(), _next(answers))
            _core.ended(_next(answers))
        finally:
            requests.put(None)
            answers.cancel()


def _next(answers: Iterator[ResponseT]) -> ResponseT | None:
    try:
        return next(answers, None)
    except grpc.RpcError as failure:
        raise error_of_call(failure) from failure


def _messages(packing: _core.Packing, panels: Iterable[Panels]) -> Iterator[list[Panel]]:
    for item in panels:
        yield from packing.add(item)
    yield from packing.rest()
