"""A server whose certificate is replaced while calls come over connections of their own: how many calls fail.

Also the driver of R14 (tests/reliability), which gives it a size.
"""

from __future__ import annotations

import json
import signal
import ssl
import subprocess
import threading
import time
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import grpc
from cryptography import x509

from tests.server.authority import EHR, Site, site
from tests.server.test_serve import process
from tests.server.wire import INTERPRET, unary

# Names no status: all calls ended with an answer.
ANSWERED = "OK"


@dataclass(frozen=True)
class Figures:
    """What came of it: ends of calls by status, certificates that connections saw, rotations that the log tells of."""

    ended: Counter[str]
    seen: int
    rotations: int
    loaded: int
    kept: int

    @property
    def failed(self) -> int:
        return sum(count for status, count in self.ended.items() if status != ANSWERED)


def rotate(
    folder: Path,
    rotations: int,
    callers: int = 2,
    between_s: float = 0.05,
    rotated: Callable[[Site], None] = lambda made: _rotated(made),
) -> Figures:
    """Replaces the certificate so many times, while each caller connects anew for each call. No call is retried.

    `rotated` does it another way, so that a control can show that a fault is counted.
    """
    made = site(folder)
    settings = {name: str(value) for name, value in made.settings.items()}
    with process(**settings, drain_seconds="0") as started:
        assert started.stdout is not None
        port = int(json.loads(started.stdout.readline())["port"])
        lines: list[bytes] = []
        reader = threading.Thread(target=lines.extend, args=(started.stdout,), daemon=True)
        reader.start()
        done = threading.Event()
        seen: set[int] = set()
        with ThreadPoolExecutor(callers) as pool:
            calling = [pool.submit(_calls, made, port, done) for _ in range(callers)]
            try:
                for _ in range(rotations):
                    rotated(made)
                    time.sleep(between_s)
                    seen.add(_served_serial(port))
            finally:
                done.set()
        ended = sum((each.result() for each in calling), Counter[str]())
        _end(started)
        reader.join(5)
    events = Counter(json.loads(line)["event"] for line in lines)
    return Figures(ended, len(seen), rotations, events["certificate_loaded"], events["certificate_kept"])


def _rotated(made: Site) -> None:
    made.authority.server().write(made.folder, "server")


def _calls(made: Site, port: int, done: threading.Event) -> Counter[str]:
    ended: Counter[str] = Counter()
    pair = made.authority.pair(EHR)
    options = [("grpc.use_local_subchannel_pool", 1), ("grpc.enable_retries", 0)]
    while not done.is_set():
        credentials = pair.channel_credentials(made.authority.pem)
        with grpc.secure_channel(f"ipv4:127.0.0.1:{port}", credentials, options) as channel:
            try:
                channel.unary_unary(INTERPRET)(unary(), timeout=30)
                ended[ANSWERED] += 1
            except grpc.RpcError as error:
                ended[error.code().name] += 1
    return ended


def _served_serial(port: int) -> int:
    """The serial number of the certificate that a connection is shown now."""
    pem = ssl.get_server_certificate(("127.0.0.1", port), timeout=30)
    return x509.load_pem_x509_certificate(pem.encode()).serial_number


def _end(started: subprocess.Popen[bytes]) -> None:
    started.send_signal(signal.SIGTERM)
    assert started.wait(60) == 0
