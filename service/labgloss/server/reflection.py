"""The standard reflection service, guarded like every other stream."""

from __future__ import annotations

from collections.abc import Callable

from google.protobuf.message import DecodeError
from grpc_reflection.v1alpha import reflection
from grpc_reflection.v1alpha import reflection_pb2 as pb

from labgloss.errors import MalformedMessageError
from labgloss.server.handlers import Answer, Deadline
from labgloss.server.releases import Serving

SERVICE = reflection.SERVICE_NAME


def reflection_answering(services: tuple[str, ...]) -> Callable[[Serving, bytes, Deadline], Answer]:
    """What answers one message of ServerReflectionInfo."""
    servicer = reflection.ReflectionServicer((*services, SERVICE))

    def answering(_: Serving, body: bytes, __: Deadline) -> Answer:
        try:
            request = pb.ServerReflectionRequest.FromString(body)
        except DecodeError:
            raise MalformedMessageError from None
        response = next(servicer.ServerReflectionInfo(iter((request,)), None))
        return Answer(response.SerializeToString())

    return answering
