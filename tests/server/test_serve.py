"""The server as a process of its own: it says where it serves, drains on SIGTERM, and outlives a deaf parent."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import grpc
import pytest
from grpc_health.v1 import health_pb2

import labgloss
from labgloss.server.app import SWITCH_SECONDS
from tests.server.wire import HEALTH, INTERPRET, unary

PROGRAM = """
import os, sys
from labgloss.knowledge.loader import load
from labgloss.server.app import serve
from labgloss.server.settings import read_settings
sys.exit(serve(read_settings(os.environ, {}), load()))
"""


@contextmanager
def process(program: str = PROGRAM, **settings: str) -> Iterator[subprocess.Popen[bytes]]:
    environment = {name: text for name, text in os.environ.items() if not name.startswith(("LABGLOSS_", "GRPC_"))}
    environment["PYTHONPATH"] = str(Path(labgloss.__file__).parent.parent)
    environment |= {f"LABGLOSS_{name.upper()}": text for name, text in {"port": "0", **settings}.items()}
    command = [sys.executable, "-c", program]
    with subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as started:
        try:
            yield started
        finally:
            started.kill()


def served_port(started: subprocess.Popen[bytes]) -> int:
    assert started.stdout is not None
    line = json.loads(started.stdout.readline())
    assert ("serving", started.pid) == (line["event"], line["pid"])
    return int(line["port"])


def health(channel: grpc.Channel) -> int:
    return int(health_pb2.HealthCheckResponse.FromString(channel.unary_unary(HEALTH)(b"", timeout=2)).status)


def test_sigterm_drains_and_what_still_comes_is_answered() -> None:
    with process(drain_seconds="1") as started, grpc.insecure_channel(f"127.0.0.1:{served_port(started)}") as channel:
        assert health_pb2.HealthCheckResponse.SERVING == health(channel)
        asked = time.monotonic()
        started.send_signal(signal.SIGTERM)
        while health(channel) != health_pb2.HealthCheckResponse.NOT_SERVING:
            assert time.monotonic() - asked < 0.9
        channel.unary_unary(INTERPRET)(unary(), timeout=2)
        out, err = started.communicate(timeout=10)
        assert 0 == started.returncode
        assert time.monotonic() - asked >= 1
        lines = [json.loads(line) for line in out.splitlines()]
        assert ["draining", "call", "stopped"] == [line["event"] for line in lines]
        assert ("SIGTERM", 1.0) == (lines[0]["signal"], lines[0]["seconds"])
        assert b"" == err


def test_a_thread_that_computes_lets_the_others_in_soon() -> None:
    """Python's default makes health checks and unary calls wait for seconds behind streams; measured in app.py."""
    asked = "import sys\n" + PROGRAM.replace("sys.exit(serve(", "code = serve(").replace("load()))", "load())")
    with process(program=asked + "print(sys.getswitchinterval())", drain_seconds="0") as started:
        served_port(started)
        started.send_signal(signal.SIGTERM)
        out, _ = started.communicate(timeout=10)
        assert SWITCH_SECONDS == pytest.approx(float(out.splitlines()[-1]))


@pytest.mark.parametrize("second", [signal.SIGTERM, signal.SIGINT])
def test_a_second_signal_stops_at_once(second: signal.Signals) -> None:
    with process(drain_seconds="60") as started:
        served_port(started)
        started.send_signal(signal.SIGTERM)
        assert started.stdout is not None
        assert "draining" == json.loads(started.stdout.readline())["event"]
        started.send_signal(second)
        assert 0 == started.wait(timeout=5)


def test_a_parent_that_reads_no_further_than_the_port_still_gets_answers() -> None:
    with process(drain_seconds="0") as started:
        port = served_port(started)
        assert started.stdout is not None
        started.stdout.close()
        with grpc.insecure_channel(f"127.0.0.1:{port}") as channel:
            for _ in range(3):
                channel.unary_unary(INTERPRET)(unary(), timeout=2)
        started.send_signal(signal.SIGINT)
        assert 0 == started.wait(timeout=5)
