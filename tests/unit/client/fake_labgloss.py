"""A service in this process that answers what a test tells it to, and remembers what it was sent."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any, NoReturn, Self

import grpc
from google.protobuf.any_pb2 import Any as Packed
from google.protobuf.descriptor import MethodDescriptor
from google.protobuf.message import Message
from google.rpc import error_details_pb2, status_pb2
from grpc_health.v1 import health, health_pb2, health_pb2_grpc
from grpc_status import rpc_status

from labgloss.v1 import interpretation_pb2, knowledge_pb2, report_pb2
from labgloss_client import AsyncClient, Client

SERVICE = "labgloss.v1.InterpretationService"

# Given what a call sent, the messages to answer; a NoReturn ends the call with a status instead.
Answer = Callable[[Iterator[bytes], grpc.ServicerContext], Iterator[Message]]
# Asked of either client.
Question = Callable[[Any], Any]


class FakeService:
    """Reports on every panel, unless a test sets another answer for a method."""

    def __init__(self) -> None:
        self.answers: dict[str, Answer] = {
            "InterpretPanel": _reported,
            "BatchInterpretPanels": _reported_batch,
            "StreamInterpretPanels": _reported_stream,
        }
        self.calls: list[str] = []
        self.requests: list[bytes] = []
        self._health = health.HealthServicer()
        self._server = grpc.server(ThreadPoolExecutor(8), options=[("grpc.so_reuseport", 0)])
        for served in (interpretation_pb2.DESCRIPTOR, knowledge_pb2.DESCRIPTOR):
            for service in served.services_by_name.values():
                handlers = {method.name: self._handler(method) for method in service.methods}
                self._server.add_generic_rpc_handlers(
                    (grpc.method_handlers_generic_handler(service.full_name, handlers),)
                )
        health_pb2_grpc.add_HealthServicer_to_server(self._health, self._server)
        self.credentials: grpc.ServerCredentials | None = None
        self.serve(True)

    def start(self) -> Self:
        """Listens on a free port of this machine."""
        address = "127.0.0.1:0"
        port = (
            self._server.add_insecure_port(address)
            if self.credentials is None
            else self._server.add_secure_port(address, self.credentials)
        )
        self.target = f"127.0.0.1:{port}"
        self._server.start()
        return self

    def stop(self) -> None:
        """Ends every call."""
        self._server.stop(None).wait()

    def serve(self, serving: bool) -> None:
        """Says in the health service whether it serves."""
        status = health_pb2.HealthCheckResponse.SERVING if serving else health_pb2.HealthCheckResponse.NOT_SERVING
        self._health.set(SERVICE, status)

    def answer(self, method: str, *messages: Message) -> None:
        """The method answers one of these messages each time it is called, and the last one ever after."""
        left = list(messages)

        def answered(sent: Iterator[bytes], context: grpc.ServicerContext) -> Iterator[Message]:
            self.requests.extend(sent)
            yield left.pop(0) if len(left) > 1 else left[0]

        self.answers[method] = answered

    def refuse(
        self, method: str, code: grpc.StatusCode, text: str, *details: Message, times: int | None = None
    ) -> None:
        """The method ends with this status, so many times or always; then it answers as before."""
        otherwise = self.answers.get(method)
        refused = 0

        def refusing(sent: Iterator[bytes], context: grpc.ServicerContext) -> Iterator[Message]:
            nonlocal refused
            refused += 1
            if otherwise is not None and times is not None and refused > times:
                yield from otherwise(sent, context)
            else:
                end(context, code, text, *details)

        self.answers[method] = refusing

    def hold_stream(self) -> threading.Event:
        """Set when a stream is gone, be it by a cancellation; the service itself ends none for some seconds."""
        gone = threading.Event()
        otherwise = self.answers["StreamInterpretPanels"]

        def holding(sent: Iterator[bytes], context: grpc.ServicerContext) -> Iterator[Message]:
            context.add_callback(gone.set)
            yield from otherwise(sent, context)
            gone.wait(5)

        self.answers["StreamInterpretPanels"] = holding
        return gone

    def _handler(self, method: MethodDescriptor) -> grpc.RpcMethodHandler[bytes, bytes]:
        if method.client_streaming:
            return grpc.stream_stream_rpc_method_handler(partial(self._answered, method.name))
        return grpc.unary_unary_rpc_method_handler(
            lambda sent, context: next(self._answered(method.name, iter([sent]), context))
        )

    def _answered(self, method: str, sent: Iterator[bytes], context: grpc.ServicerContext) -> Iterator[bytes]:
        self.calls.append(method)
        for message in self.answers[method](sent, context):
            yield message.SerializeToString()


def end(context: grpc.ServicerContext, code: grpc.StatusCode, text: str, *details: Message) -> NoReturn:
    """Ends a call as the service does: google.rpc.Status with these details."""
    packed = []
    for detail in details:
        packed.append(Packed())
        packed[-1].Pack(detail)
    status = status_pb2.Status(code=code.value[0], message=text, details=packed)
    if not details:
        context.abort(code, text)
    context.abort_with_status(rpc_status.to_status(status))


def info(reason: str, domain: str = "labgloss", **metadata: str) -> Message:
    """The ErrorInfo of a reason."""
    sent: Message = error_details_pb2.ErrorInfo(reason=reason, domain=domain, metadata=metadata)
    return sent


def report(panel_id: str) -> report_pb2.Report:
    """The report on a panel, by which a test knows it again."""
    return report_pb2.Report(panel_id=panel_id, summary=f"report on {panel_id}")


def ask(
    kind: str, target: str, question: Question, taken: Callable[[Any], Any] = lambda item: item, **settings: Any
) -> Any:
    """What a client of this kind answers; of an iterator a list of what `taken` makes of each item as it comes."""
    # A busy machine must not decide the outcome where a test is not about time.
    settings = {"timeout_s": 10.0, **settings}
    if kind == "sync":
        with Client(target, **settings) as client:
            answer = question(client)
            return [taken(item) for item in answer] if isinstance(answer, Iterator) else answer

    async def asked() -> Any:
        async with AsyncClient(target, **settings) as client:
            answer = question(client)
            if isinstance(answer, AsyncIterator):
                return [taken(item) async for item in answer]
            return await answer if isinstance(answer, Awaitable) else answer

    return asyncio.run(asked())


def _reported(sent: Iterator[bytes], context: grpc.ServicerContext) -> Iterator[Message]:
    request = interpretation_pb2.InterpretPanelRequest.FromString(next(sent))
    yield interpretation_pb2.InterpretPanelResponse(report=report(request.panel.id))


def _reported_batch(sent: Iterator[bytes], context: grpc.ServicerContext) -> Iterator[Message]:
    request = interpretation_pb2.BatchInterpretPanelsRequest.FromString(next(sent))
    outcomes = [interpretation_pb2.PanelOutcome(panel_id=panel.id, report=report(panel.id)) for panel in request.panels]
    yield interpretation_pb2.BatchInterpretPanelsResponse(outcomes=outcomes)


def _reported_stream(sent: Iterator[bytes], context: grpc.ServicerContext) -> Iterator[Message]:
    for message in sent:
        for batch in _reported_batch(iter([message]), context):
            assert isinstance(batch, interpretation_pb2.BatchInterpretPanelsResponse)
            yield interpretation_pb2.StreamInterpretPanelsResponse(outcomes=batch.outcomes)
