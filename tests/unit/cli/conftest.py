"""A service for each test that asks for one."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import grpc
import pytest
from google.protobuf.wrappers_pb2 import Int32Value, StringValue

from labgloss.v1.interpretation_pb2_grpc import add_InterpretationServiceServicer_to_server
from tests.unit.cli.decided_service import DecidedService


@pytest.fixture
def service() -> Iterator[DecidedService]:
    """The service, listening at its `target`."""
    decided = DecidedService()
    server = grpc.server(ThreadPoolExecutor(4))
    add_InterpretationServiceServicer_to_server(decided, server)
    health = grpc.unary_unary_rpc_method_handler(decided.check, StringValue.FromString, Int32Value.SerializeToString)
    server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler("grpc.health.v1.Health", {"Check": health}),))
    decided.target = f"127.0.0.1:{server.add_insecure_port('127.0.0.1:0')}"
    server.start()
    yield decided
    server.stop(None).wait()
