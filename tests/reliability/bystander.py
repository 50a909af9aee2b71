"""A polite client in a process of its own, that a hostile one must not disturb: so many calls a second, no retries.

    python -m tests.reliability.bystander TARGET PER_SECOND

It says "ready" after its first answer, calls until its input is closed, and prints what came as JSON.
"""

from __future__ import annotations

import json
import subprocess
import sys
import threading
import time
from collections import Counter
from dataclasses import dataclass
from types import TracebackType

import grpc

from labgloss.v1.interpretation_pb2 import InterpretPanelRequest
from labgloss.v1.panel_pb2 import Panel, Symptom
from tests.reliability.messages import PATHS
from tests.reliability.processes import ROOT, percentile, service_environment

# The cheapest panel that is interpreted: a thousandth of a second.
CHEAP = InterpretPanelRequest(panel=Panel(id="cheap", symptoms=[Symptom(text="tired")])).SerializeToString()
CALL_SECONDS = 30.0


@dataclass(frozen=True)
class Seen:
    """What the bystander saw: how its calls ended, and their latencies in milliseconds."""

    ended: dict[str, int]
    p50: float
    p99: float

    @property
    def lost(self) -> int:
        """Calls that were neither answered nor refused, with the time to come back, because others asked too much."""
        return sum(self.ended.values()) - self.ended.get("OK", 0) - self.refused

    @property
    def refused(self) -> int:
        return self.ended.get("RESOURCE_EXHAUSTED", 0)


class Bystander:
    """Calls while the context lasts; `seen` afterwards."""

    def __init__(self, target: str, per_second: float = 50.0) -> None:
        command = (sys.executable, "-m", "tests.reliability.bystander", target, str(per_second))
        self._process = subprocess.Popen(
            command, cwd=ROOT, env=service_environment(), stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        assert self._process.stdout is not None
        assert self._process.stdout.readline() == "ready\n"
        self.seen = Seen({}, 0.0, 0.0)

    def __enter__(self) -> Bystander:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            out, _ = self._process.communicate(timeout=2 * CALL_SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.communicate()
            raise
        if kind is None:
            self.seen = Seen(**json.loads(out))


def main(target: str, per_second: str) -> None:
    over = threading.Event()
    threading.Thread(target=lambda: (sys.stdin.read(), over.set()), daemon=True).start()
    ended: Counter[str] = Counter()
    taken: list[float] = []
    with grpc.insecure_channel(target, [("grpc.enable_retries", 0)]) as channel:
        call = channel.unary_unary(PATHS["InterpretPanel"])
        call(CHEAP, timeout=CALL_SECONDS, wait_for_ready=True)
        print("ready", flush=True)
        due = time.monotonic()
        while not over.is_set() or not taken:
            due = max(due + 1 / float(per_second), time.monotonic())
            over.wait(due - time.monotonic())
            begun = time.perf_counter()
            try:
                call(CHEAP, timeout=CALL_SECONDS)
                ended["OK"] += 1
            except grpc.RpcError as error:
                ended[error.code().name] += 1
            taken.append((time.perf_counter() - begun) * 1_000)
    print(json.dumps({"ended": ended, "p50": percentile(taken, 0.5), "p99": percentile(taken, 0.99)}))


if __name__ == "__main__":
    main(*sys.argv[1:])
