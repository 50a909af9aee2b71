"""What the tests of a running server need: raw calls, a server with a told engine, and a hostile HTTP/2 peer."""

from __future__ import annotations

import io
import json
import socket
import struct
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from types import TracebackType
from typing import Any

import grpc
from google.protobuf.message import Message
from google.rpc import error_details_pb2, status_pb2
from grpc_status import rpc_status

from labgloss.engine.interpret import interpret
from labgloss.knowledge.release import Release
from labgloss.log import make_log
from labgloss.server.app import RunningServer, start
from labgloss.server.handlers import Interpret
from labgloss.server.settings import Settings
from labgloss.v1 import interpretation_pb2 as pb
from labgloss.v1.panel_pb2 import Panel, Result

INTERPRET = "/labgloss.v1.InterpretationService/InterpretPanel"
BATCH = "/labgloss.v1.InterpretationService/BatchInterpretPanels"
STREAM = "/labgloss.v1.InterpretationService/StreamInterpretPanels"
HEALTH = "/grpc.health.v1.Health/Check"
WATCH = "/grpc.health.v1.Health/Watch"
REFLECTION = "/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo"


@dataclass
class Served:
    """A running server, a channel to it, and what it logged."""

    server: RunningServer
    channel: grpc.Channel
    stream: io.BytesIO

    @property
    def log(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.stream.getvalue().splitlines()]

    def call(self, method: str, body: bytes, timeout: float = 5.0) -> bytes:
        """The answer to one message; raises RpcError."""
        return bytes(self.channel.unary_unary(method)(body, timeout=timeout))

    def open(self, bodies: Iterator[bytes], method: str = STREAM, timeout: float = 20.0) -> Any:
        return self.channel.stream_stream(method)(bodies, timeout=timeout)


@contextmanager
def serving(release: Release, engine: Interpret = interpret, **settings: Any) -> Iterator[Served]:
    """A server on a free port of loopback, with a channel of its own."""
    stream = io.BytesIO()
    with start(Settings(port=0, **settings), release, make_log(stream, "info"), engine) as server:
        options = (("grpc.use_local_subchannel_pool", 1),)
        with grpc.insecure_channel(f"127.0.0.1:{server.port}", options) as channel:
            yield Served(server, channel, stream)


def panel(ident: str = "p", value: str = "0.41") -> Panel:
    return Panel(id=ident, results=[Result(analyte="magnesium", value=value, unit="mmol/L")])


def unary(ident: str = "p", value: str = "0.41") -> bytes:
    return pb.InterpretPanelRequest(panel=panel(ident, value)).SerializeToString()


def batch(*idents: str) -> bytes:
    """The bytes of a batch, which are those of a stream message as well."""
    return pb.BatchInterpretPanelsRequest(panels=[panel(ident) for ident in idents]).SerializeToString()


def detail(error: Any, kind: type[Message]) -> Any:
    """The detail of this kind in the status of a failed call."""
    status = rpc_status.from_call(error)
    assert isinstance(status, status_pb2.Status)
    for packed in status.details:
        message: Any = kind()
        if packed.Unpack(message):
            return message
    return None


def reason_of(error: Any) -> str:
    """The reason of ErrorInfo."""
    info = detail(error, error_details_pb2.ErrorInfo)
    assert info.domain == "labgloss"
    return str(info.reason)


class StalledWatcher:
    """A peer that asks to watch the health and then takes not one byte: its HTTP/2 window is zero."""

    def __init__(self, port: int) -> None:
        self._socket = socket.create_connection(("127.0.0.1", port), timeout=5)
        settings = _frame(0x4, 0, 0, struct.pack("!HI", 0x4, 0))
        self._socket.sendall(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + settings)
        self._socket.recv(4_096)
        headers = {
            ":method": "POST",
            ":scheme": "http",
            ":path": WATCH,
            ":authority": "x",
            "te": "trailers",
            "content-type": "application/grpc",
        }
        block = b"".join(_literal(name, value) for name, value in headers.items())
        acknowledge = _frame(0x4, 0x1, 0, b"")
        self._socket.sendall(acknowledge + _frame(0x1, 0x4, 1, block) + _frame(0x0, 0x1, 1, bytes(5)))

    def __enter__(self) -> StalledWatcher:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._socket.close()


def _frame(kind: int, flags: int, stream: int, payload: bytes) -> bytes:
    return struct.pack("!I", len(payload))[1:] + bytes([kind, flags]) + struct.pack("!I", stream) + payload


def _literal(name: str, value: str) -> bytes:
    """A header field of HPACK, without an index."""
    return b"\x00" + bytes([len(name)]) + name.encode() + bytes([len(value)]) + value.encode()
