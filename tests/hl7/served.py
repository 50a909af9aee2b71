"""`labgloss hl7 serve` as a process of its own, a sender to it, and a receiver of its answers, over loopback."""

from __future__ import annotations

import json
import os
import signal
import socket
import ssl
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from threading import Event, Lock, Thread, Timer
from typing import Any

import labgloss
from labgloss.hl7.message import Message, parse

_LONGEST_SECONDS = 300.0
VT, END = b"\x0b", b"\x1c\r"


class Process:
    """The listener, and what it has logged so far; its log is read all the while, so that it never waits for us."""

    def __init__(self, process: subprocess.Popen[bytes]) -> None:
        self.process = process
        self.lines: list[dict[str, Any]] = []
        self.port = 0
        self._read = 0
        self._reader = Thread(target=self._read_log, daemon=True)
        self._reader.start()

    def next(self, event: str, seconds: float = 30.0) -> dict[str, Any]:
        """The next line of an event."""
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            while self._read < len(self.lines):
                line = self.lines[self._read]
                self._read += 1
                if line["event"] == event:
                    return line
            assert self._reader.is_alive(), f"the log ended; it said {self.lines}, and then {self.errors()!r}"
            time.sleep(0.005)
        raise AssertionError(f"no line of {event} in {self.lines}")

    def errors(self) -> str:
        """What it wrote to standard error, once it has ended."""
        assert self.process.stderr is not None
        self.process.wait(30)
        self._reader.join(10)
        return self.process.stderr.read().decode()

    def end(self, number: signal.Signals = signal.SIGTERM) -> int:
        self.process.send_signal(number)
        code = self.process.wait(20)
        self._reader.join(10)
        return code

    def join(self) -> None:
        """Waits until its log has ended."""
        self._reader.join(10)

    def _read_log(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self.lines.append(json.loads(line))


@contextmanager
def process(target: str, spool: Path, *flags: str, port: int = 0, waits: bool = True) -> Iterator[Process]:
    """The listener on a port of loopback, listening; killed at the end."""
    environment = {name: text for name, text in os.environ.items() if not name.startswith("LABGLOSS_")}
    folders = [Path(labgloss.__file__).parents[1], Path(labgloss.__file__).parents[2] / "clients" / "python"]
    environment["PYTHONPATH"] = os.pathsep.join(map(str, folders))
    given = ("--port", str(port), "--target", target, "--spool", str(spool), "--drain-seconds", "2")
    command = [sys.executable, "-m", "labgloss", "hl7", "serve", *given, *flags]
    with subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as started:
        killer = Timer(_LONGEST_SECONDS, started.kill)
        killer.start()
        served = Process(started)
        try:
            if waits:
                served.port = served.next("serving")["port"]
            yield served
        finally:
            killer.cancel()
            started.kill()
            # Its log is read to the end before it is closed.
            started.wait()
            served.join()


class Sender:
    """One connection to the listener."""

    def __init__(self, port: int, context: ssl.SSLContext | None = None, timeout_s: float = 20.0) -> None:
        self.socket = socket.create_connection(("127.0.0.1", port), timeout_s)
        if context is not None:
            self.socket = context.wrap_socket(self.socket, server_hostname="127.0.0.1")
        self._buffer = b""

    def __enter__(self) -> Sender:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        self.socket.close()

    def raw(self, content: bytes) -> None:
        self.socket.sendall(content)

    def reply(self) -> Message:
        """The next message that comes back. Raises ConnectionError when none does."""
        return parse(self.reply_bytes())

    def reply_bytes(self) -> bytes:
        while END not in self._buffer:
            chunk = self.socket.recv(65_536)
            if not chunk:
                raise ConnectionError("the listener ended the connection")
            self._buffer += chunk
        framed, _, self._buffer = self._buffer.partition(END)
        assert framed.startswith(VT)
        return framed[1:]

    def send(self, content: bytes) -> Message:
        self.raw(VT + content + END)
        return self.reply()

    def code(self, content: bytes) -> str:
        """MSA-1 of the reply."""
        return code_of(self.send(content))


def code_of(message: Message) -> str:
    return next(segment.code(1) for segment in message.segments if segment.name == "MSA")


class Receiver:
    """Takes answers and acknowledges each as it is told to; keeps those that it accepted, in their order."""

    def __init__(
        self,
        port: int = 0,
        code: Callable[[Message], str] = lambda _: "AA",
        context: ssl.SSLContext | None = None,
    ) -> None:
        self.code = code
        self._context = context
        self.accepted: list[Message] = []
        self.seen: list[Message] = []
        self._lock = Lock()
        self._stopped = Event()
        self._socket = socket.create_server(("127.0.0.1", port))
        self.port: int = self._socket.getsockname()[1]
        self._connections: list[socket.socket] = []
        Thread(target=self._accept, daemon=True).start()

    @property
    def address(self) -> str:
        return f"127.0.0.1:{self.port}"

    def close(self) -> None:
        self._stopped.set()
        # Wakes the thread that accepts.
        with suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)
        self._socket.close()
        for connection in self._connections:
            with suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)
            connection.close()

    def wait_for(self, count: int, seconds: float = 20.0) -> list[Message]:
        """What was accepted, once there are so many."""
        until = time.monotonic() + seconds
        while len(self.accepted) < count:
            assert time.monotonic() < until, f"{len(self.accepted)} of {count} came"
            time.sleep(0.01)
        return self.accepted

    def _accept(self) -> None:
        while not self._stopped.is_set():
            try:
                connection, _ = self._socket.accept()
            except OSError:
                return
            self._connections.append(connection)
            Thread(target=self._take, args=(connection,), daemon=True).start()

    def _take(self, connection: socket.socket) -> None:
        buffer = b""
        with suppress(OSError):
            if self._context is not None:
                connection = self._context.wrap_socket(connection, server_side=True)
                self._connections.append(connection)
            while chunk := connection.recv(65_536):
                buffer += chunk
                while END in buffer:
                    framed, _, buffer = buffer.partition(END)
                    message = parse(framed.lstrip(b"\r\n").removeprefix(VT))
                    with self._lock:
                        code = self.code(message)
                        self.seen.append(message)
                        if code == "AA":
                            self.accepted.append(message)
                    if code:
                        head = "MSH|^~\\&|R||L||20260115||ACK|R1|P|2.5"
                        acknowledgement = f"{head}\rMSA|{code}|{message.control_id}\r"
                        connection.sendall(VT + acknowledgement.encode() + END)
        connection.close()


@contextmanager
def receiver(
    port: int = 0, code: Callable[[Message], str] = lambda _: "AA", context: ssl.SSLContext | None = None
) -> Iterator[Receiver]:
    receiving = Receiver(port, code, context)
    try:
        yield receiving
    finally:
        receiving.close()
