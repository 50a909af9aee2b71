"""A sender that respects no limit, in a process of its own: so many calls a second, or so many under way at a time.

    python -m tests.reliability.rude PORT

It reads phases as lines of JSON, `{"connections": 8, "per_second": 3000, "seconds": 3}` or, in place of `per_second`,
`"under_way": 16`, and prints what came of each. Every call is the same bytes but for its stream's id, so that it costs
next to nothing to make: what answers it has the rest of the machine.
"""

from __future__ import annotations

import json
import selectors
import struct
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from types import TracebackType

from hyperframe.frame import HeadersFrame

from tests.reliability.bystander import CHEAP
from tests.reliability.hostile_frames import DATA, END_HEADERS, END_STREAM, HEADERS, RST, WINDOW, setting
from tests.reliability.processes import ROOT, percentile, service_environment
from tests.reliability.raw_http2 import ACK, PREFACE, Peer, block, headers, message, raw

_WINDOW = 2**31 - 1 - 65_535
_GREETING = PREFACE + setting(4, 2**31 - 1) + raw(WINDOW, 0, 0, struct.pack("!I", _WINDOW)) + ACK
# What is not taken by the other side is not offered either.
_MOST_UNSENT = 65_536
_TICK_SECONDS = 0.002
# Whatever was asked for is answered by then, or never.
_LATE_SECONDS = 3.0
# An answer that takes longer is worth nothing: its caller has gone.
USEFUL_MS = 1_000.0


@dataclass(frozen=True)
class Ended:
    """What came of a phase; latencies in milliseconds.

    `answered`: within what counts of the phase, and in time to be useful; `useful`: whenever it was asked for.
    `refused`: by Python, with a status; `reset`: by gRPC's core, which costs a thousandth.
    """

    seconds: float
    offered: int
    answered: int
    useful: int
    refused: int
    reset: int
    unanswered: int
    p50: float
    p99: float
    refused_p50: float

    @property
    def goodput(self) -> float:
        """Calls answered, a second."""
        return self.answered / self.seconds


class _Connection:
    """Calls on one connection; when each began is kept until its end comes."""

    def __init__(self, port: int, call: tuple[bytes, bytes]) -> None:
        self.peer = Peer(port, _GREETING)
        self.peer.socket.setblocking(False)
        self._head, self._data = call
        self._unsent = bytearray()
        self._unread = b""
        self._stream = 1
        # What the other side takes before it says that it takes more: of all streams together.
        self._room = 65_535
        self.began: dict[int, float] = {}
        self._answered: set[int] = set()

    @property
    def full(self) -> bool:
        return len(self._unsent) > _MOST_UNSENT or self._room < len(self._data)

    def call(self, now: float) -> None:
        stream = struct.pack("!I", self._stream)
        self._unsent += self._head[:5] + stream + self._head[9:] + self._data[:5] + stream + self._data[9:]
        self._room -= len(self._data) - 9
        self.began[self._stream] = now
        self._stream += 2

    def send(self) -> None:
        if self._unsent:
            try:
                del self._unsent[: self.peer.socket.send(self._unsent)]
            except BlockingIOError:
                return

    def ended(self) -> Iterator[tuple[str, float]]:
        """How each call ended whose end came, and when it had begun."""
        try:
            content = self._unread + self.peer.socket.recv(1 << 20)
        except BlockingIOError:
            return
        at = 0
        while len(content) - at >= 9:
            length, kind, flags = int.from_bytes(content[at : at + 3], "big"), content[at + 3], content[at + 4]
            stream = int.from_bytes(content[at + 5 : at + 9], "big")
            if len(content) - at < 9 + length:
                break
            if kind == WINDOW and not stream:
                self._room += int.from_bytes(content[at + 9 : at + 13], "big")
            # Only an answer has a message: the status need not be read.
            elif kind == DATA:
                self._answered.add(stream)
            elif (kind == HEADERS and flags & END_STREAM) or kind == RST:
                begun = self.began.pop(stream, None)
                if begun is not None:
                    refused = "reset" if kind == RST else "refused"
                    yield ("answered" if stream in self._answered else refused), begun
                self._answered.discard(stream)
            at += 9 + length
        self._unread = content[at:]


def _call() -> tuple[bytes, bytes]:
    """A call on stream 0: its two frames."""
    fields = block(headers())
    head = HeadersFrame(1, fields, flags=["END_HEADERS"]).serialize()
    assert head[4] == END_HEADERS
    return bytes(head), raw(DATA, END_STREAM, 1, message(CHEAP))


def phase(
    port: int, connections: int, seconds: float, per_second: float = 0.0, under_way: int = 0, skip: float = 0.0
) -> Ended:
    """What came of so many calls a second, or of so many under way, over so many connections.

    After `skip` seconds, in which queues fill, so many are counted.
    """
    call = _call()
    peers = [_Connection(port, call) for _ in range(connections)]
    taken: dict[str, list[float]] = {"answered": [], "refused": [], "reset": []}
    offered = 0
    with selectors.DefaultSelector() as ready:
        for peer in peers:
            ready.register(peer.peer.socket, selectors.EVENT_READ, peer)
        begun = time.monotonic()
        skipped = 0
        while (now := time.monotonic()) < begun + skip + seconds:
            due = int((now - begun) * per_second) if per_second else offered + under_way - _open(peers)
            for _ in range(due - offered):
                peer = peers[offered % connections]
                offered += 1
                if not peer.full:
                    peer.call(now)
            _exchange(ready, peers, taken)
            if now - begun < skip:
                skipped = len(taken["answered"])
        within = sum(each <= USEFUL_MS for each in taken["answered"][skipped:])
        late = time.monotonic() + _LATE_SECONDS
        while _open(peers) and time.monotonic() < late:
            _exchange(ready, peers, taken)
    unanswered = _open(peers)
    for peer in peers:
        peer.peer.socket.close()
    answered = taken["answered"] or [0.0]
    return Ended(
        seconds,
        offered,
        within,
        sum(each <= USEFUL_MS for each in taken["answered"]),
        len(taken["refused"]),
        len(taken["reset"]),
        unanswered,
        percentile(answered, 0.5),
        percentile(answered, 0.99),
        percentile(taken["refused"] or [0.0], 0.5),
    )


def _open(peers: list[_Connection]) -> int:
    return sum(len(peer.began) for peer in peers)


def _exchange(ready: selectors.BaseSelector, peers: list[_Connection], taken: dict[str, list[float]]) -> None:
    """Sends what waits, and takes what has come in a tick."""
    for peer in peers:
        peer.send()
    for key, _ in ready.select(_TICK_SECONDS):
        for how, begun in key.data.ended():
            taken[how].append((time.monotonic() - begun) * 1_000)


class Rude:
    """The sender as a process."""

    def __init__(self, port: int) -> None:
        command = (sys.executable, "-m", "tests.reliability.rude", str(port))
        self._process = subprocess.Popen(
            command, cwd=ROOT, env=service_environment(), stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )

    def __enter__(self) -> Rude:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._process.kill()
        self._process.communicate()

    def phase(self, **asked: float) -> Ended:
        """What came of a phase."""
        self.begin(**asked)
        return self.end()

    def begin(self, **asked: float) -> None:
        """Begins a phase."""
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps(asked) + "\n")
        self._process.stdin.flush()

    def end(self) -> Ended:
        """What came of the phase that was begun."""
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        assert line, "the sender has ended"
        return Ended(**json.loads(line))


def main(port: str) -> None:
    for line in sys.stdin:
        print(json.dumps(phase(int(port), **json.loads(line)).__dict__), flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
