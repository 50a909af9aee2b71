"""The client for asyncio."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterable, AsyncIterator, Callable, Iterable, Sequence
from types import TracebackType
from typing import Self, TypeVar

import grpc
import grpc.aio
from google.protobuf.wrappers_pb2 import Int32Value, StringValue

from labgloss.v1.fhir_pb2 import InterpretBundleRequest, InterpretBundleResponse
from labgloss.v1.fhir_pb2_grpc import FhirServiceStub
from labgloss.v1.interpretation_pb2 import (
    BatchInterpretPanelsRequest,
    InterpretPanelRequest,
    StreamInterpretPanelsRequest,
    StreamInterpretPanelsResponse,
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


class AsyncClient:
    """A connection to the service, for the event loop in which it is made. It takes and answers what `Client` does.

        async with AsyncClient("127.0.0.1:50051") as client:
            report = await client.interpret(panel(result("magnesium", "0.41", "mmol/L")))

    Args and errors are those of `Client`.

    Raises:
        RuntimeError: it is made where no event loop runs.
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
        # The channel belongs to one loop. Without this line one that never runs would be made for it, and the first
        # call would fail far from here.
        asyncio.get_running_loop()
        self._connection = _core.Connection(
            target, credentials, plaintext, timeout_s, batch_timeout_s, retry_cancelled, token
        )
        options = self._connection.channel_options
        self._throttle = Throttle() if throttled else None
        self._channel = (
            grpc.aio.insecure_channel(target, options)
            if credentials is None
            else grpc.aio.secure_channel(target, credentials, options)
        )
        self._interpretation = InterpretationServiceStub(self._channel)
        self._knowledge = KnowledgeServiceStub(self._channel)
        self._fhir = FhirServiceStub(self._channel)
        self._health = self._channel.unary_unary(
            _core.HEALTH_METHOD, StringValue.SerializeToString, Int32Value.FromString
        )

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        await self.close()

    async def close(self) -> None:
        """Ends the connection; calls under way are cancelled."""
        await self._channel.close()

    async def interpret(self, panel: Panel, *, timeout_s: float | None = None, on_behalf_of: str = "") -> Report:
        """The report on one panel; see `Client.interpret`."""
        request = InterpretPanelRequest(panel=panel)
        return _core.report_of(
            panel, await self._call(self._interpretation.InterpretPanel, request, timeout_s, on_behalf_of)
        )

    async def interpret_batch(self, panels: Iterable[Panel], *, timeout_s: float | None = None) -> list[Outcome]:
        """One report or PanelFailure for each of up to 100 panels; see `Client.interpret_batch`."""
        panels = list(panels)
        request = BatchInterpretPanelsRequest(panels=panels)
        allowed_s = self._connection.batch_timeout_s if timeout_s is None else timeout_s
        response = await self._call(self._interpretation.BatchInterpretPanels, request, allowed_s)
        return _core.batch_outcomes(panels, response)

    def interpret_stream(
        self,
        panels: Iterable[Panels] | AsyncIterable[Panels],
        *,
        panels_per_message: int = _core.PANELS_PER_MESSAGE,
        messages_under_way: int = _core.MESSAGES_UNDER_WAY,
        timeout_s: float | None = None,
    ) -> AsyncIterator[Outcome]:
        """One report or PanelFailure for each panel, in their order; see `Client.interpret_stream`."""
        _core.check_stream(panels_per_message, messages_under_way)
        messages = _messages(_core.Packing(panels_per_message), panels)
        return self._stream(messages, messages_under_way, timeout_s)

    async def interpret_bundle(
        self,
        bundle: bytes | InterpretBundleRequest,
        *,
        timeout_s: float | None = None,
        on_behalf_of: str = "",
    ) -> InterpretBundleResponse:
        """The answer to an R4 Bundle as JSON; see `Client.interpret_bundle`."""
        request = bundle if isinstance(bundle, InterpretBundleRequest) else InterpretBundleRequest(bundle=bundle)
        allowed_s = self._connection.batch_timeout_s if timeout_s is None else timeout_s
        return _core.bundle_answer(
            request, await self._call(self._fhir.InterpretBundle, request, allowed_s, on_behalf_of)
        )

    async def release(self) -> Release:
        """The release that is loaded: version, digest, scope, counts, choices."""
        return (await self._call(self._knowledge.GetRelease, GetReleaseRequest())).release

    def analytes(self) -> AsyncIterator[Analyte]:
        """Every analyte, by id."""
        return self._listed(self._knowledge.ListAnalytes, ListAnalytesRequest(), lambda page: page.analytes)

    def reference_intervals(self, *, analyte: str = "", variant: str = "") -> AsyncIterator[ReferenceInterval]:
        """Every reference interval, by id; only those of one analyte or variant where it is given."""
        request = ListReferenceIntervalsRequest(analyte=analyte, variant=variant)
        return self._listed(self._knowledge.ListReferenceIntervals, request, lambda page: page.intervals)

    def rules(self, *, kind: str = "", analyte: str = "") -> AsyncIterator[Rule]:
        """Every rule, by id; only those of one kind ("band", "pattern" ...) or analyte where it is given."""
        request = ListRulesRequest(kind=RULE_KIND.number(kind), analyte=analyte)
        return self._listed(self._knowledge.ListRules, request, lambda page: page.rules)

    async def rule(self, id: str) -> Rule:
        """The rule of this id. Raises RuleNotFound when there is none."""
        return (await self._call(self._knowledge.GetRule, GetRuleRequest(id=id))).rule

    def symptoms(self) -> AsyncIterator[VocabularySymptom]:
        """Every symptom of the vocabulary, by id."""
        return self._listed(self._knowledge.ListSymptoms, ListSymptomsRequest(), lambda page: page.symptoms)

    def sources(self) -> AsyncIterator[Source]:
        """Every source, by id."""
        return self._listed(self._knowledge.ListSources, ListSourcesRequest(), lambda page: page.sources)

    async def healthy(self, *, timeout_s: float | None = None) -> bool:
        """Whether the service says that it serves; False also when it is not reached."""
        allowed_s = self._connection.timeout_s if timeout_s is None else timeout_s
        try:
            answer = await self._health(
                _core.health_request(),
                timeout=allowed_s,
                wait_for_ready=False,
                metadata=self._connection.metadata(),
            )
        except grpc.RpcError as failure:
            if failure.code() in _core.NOT_SERVING_CODES:
                return False
            raise error_of_call(failure) from failure
        return _core.is_serving(answer)

    async def _call(
        self,
        method: grpc.aio.UnaryUnaryMultiCallable[RequestT, ResponseT],
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
                    return await method(request, timeout=attempts.left_s, metadata=metadata)
                except grpc.RpcError as failure:
                    error = error_of_call(failure)
                    if not attempts.again(error):
                        raise error from failure
                    error = None
        finally:
            if self._throttle is not None:
                self._throttle.ended(error)

    async def _listed(
        self,
        method: grpc.aio.UnaryUnaryMultiCallable[PageRequestT, PageT],
        request: PageRequestT,
        items: Callable[[PageT], Iterable[ItemT]],
    ) -> AsyncIterator[ItemT]:
        while True:
            page = await self._call(method, request)
            for item in items(page):
                yield item
            if not page.next_page_token:
                return
            request.page_token = page.next_page_token

    async def _stream(
        self, messages: AsyncIterator[list[Panel]], most: int, timeout_s: float | None
    ) -> AsyncIterator[Outcome]:
        # Requests go through a queue to a task of gRPC's. To write them here would wait for a server that itself waits
        # for us to read, and to give the caller's iterator to gRPC would hide its errors and read it too far ahead.
        requests: asyncio.Queue[StreamInterpretPanelsRequest | None] = asyncio.Queue()
        under_way: deque[Sequence[Panel]] = deque()
        answers = self._interpretation.StreamInterpretPanels(
            _until_none(requests),
            timeout=timeout_s,
            wait_for_ready=timeout_s is not None,
            metadata=self._connection.metadata(),
        )
        try:
            async for message in messages:
                requests.put_nowait(StreamInterpretPanelsRequest(panels=message))
                under_way.append(message)
                if len(under_way) == most:
                    for outcome in _core.message_outcomes(under_way.popleft(), await _next(answers)):
                        yield outcome
            requests.put_nowait(None)
            while under_way:
                for outcome in _core.message_outcomes(under_way.popleft(), await _next(answers)):
                    yield outcome
            _core.ended(await _next(answers))
        finally:
            requests.put_nowait(None)
            answers.cancel()


async def _next(
    answers: grpc.aio.StreamStreamCall[StreamInterpretPanelsRequest, StreamInterpretPanelsResponse],
) -> StreamInterpretPanelsResponse | None:
    try:
        answer = await answers.read()
    except grpc.RpcError as failure:
        raise error_of_call(failure) from failure
    return answer if isinstance(answer, StreamInterpretPanelsResponse) else None


async def _until_none(requests: asyncio.Queue[RequestT | None]) -> AsyncIterator[RequestT]:
    while (request := await requests.get()) is not None:
        yield request


async def _messages(
    packing: _core.Packing, panels: Iterable[Panels] | AsyncIterable[Panels]
) -> AsyncIterator[list[Panel]]:
    if isinstance(panels, AsyncIterable):
        async for item in panels:
            for message in packing.add(item):
                yield message
    else:
        for item in panels:
            for message in packing.add(item):
                yield message
    for message in packing.rest():
        yield message
