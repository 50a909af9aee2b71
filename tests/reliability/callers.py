"""Clients that call without pause, each in its own way of retrying, and count what came."""

from __future__ import annotations

import threading
import time
from collections import Counter
from types import TracebackType
from typing import Any

import grpc

from labgloss.v1.knowledge_pb2 import GetRuleRequest
from labgloss_client._core import Connection
from tests.reliability.bystander import CHEAP
from tests.reliability.messages import PATHS

RULE = GetRuleRequest(id="magnesium.band.moderate_low").SerializeToString()
# As long as a client that ships waits, times what a busy machine needs.
CALL_SECONDS = 30.0
# One call in so many is for a panel, which costs more than all that carries it.
PANEL_EVERY = 20


def options(target: str, retries: str) -> list[tuple[str, Any]]:
    """Options of a channel: as the client ships, with gRPC's transparent retries only, or with none."""
    own: list[tuple[str, Any]] = [("grpc.use_local_subchannel_pool", 1)]
    if retries == "shipped":
        return [*own, *Connection(target, None, False, CALL_SECONDS, CALL_SECONDS, False).channel_options]
    return [*own, ("grpc.min_reconnect_backoff_ms", 2_000), ("grpc.enable_retries", int(retries == "transparent"))]


class Callers:
    """So many channels with a thread each, that make so many calls together, or call while the context lasts."""

    def __init__(self, target: str, retries: str, channels: int, calls: int | None = None) -> None:
        self.ended: Counter[str] = Counter()
        self._calls = calls
        self._over = threading.Event()
        self._lock = threading.Lock()
        self._threads = [
            threading.Thread(target=self._run, args=(target, retries), daemon=True) for _ in range(channels)
        ]

    @property
    def count(self) -> int:
        return self.ended.total()

    @property
    def failed(self) -> int:
        """Calls that were not answered."""
        return self.count - self.ended["OK"]

    @property
    def done(self) -> bool:
        return not any(thread.is_alive() for thread in self._threads)

    def __enter__(self) -> Callers:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if kind is not None or self._calls is None:
            self._over.set()
        for thread in self._threads:
            thread.join()

    def _run(self, target: str, retries: str) -> None:
        with grpc.insecure_channel(target, options(target, retries)) as channel:
            rule, panel = channel.unary_unary(PATHS["GetRule"]), channel.unary_unary(PATHS["InterpretPanel"])
            number = 0
            while not self._over.is_set() and (self._calls is None or self.count < self._calls):
                number += 1
                call, body = (panel, CHEAP) if number % PANEL_EVERY == 0 else (rule, RULE)
                try:
                    # Waiting for a connection is no retry: none was sent anything.
                    call(body, timeout=CALL_SECONDS, wait_for_ready=True)
                    status = "OK"
                except grpc.RpcError as error:
                    status = error.code().name
                    time.sleep(0.01)
                with self._lock:
                    self.ended[status] += 1


def said(callers: Callers) -> str:
    """What came, for the table."""
    other = ", ".join(f"{count} {name}" for name, count in callers.ended.items() if name != "OK")
    return f"{callers.failed} of {callers.count} lost{f' ({other})' if other else ''}"
