"""Calls that are not even made while the service refuses most: a refusal costs it something too.

Client-side throttling as in Google's SRE book ("Handling Overload"), with K = 2: as long as the service takes at least
every second call, all are made; beyond that so many that it refuses about one for each that it takes.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from threading import Lock

import grpc

from labgloss_client.exceptions import LabglossError, Overloaded, Throttled

K = 2.0
# So many refusals are chance.
FEW = 5.0
# After so long what was seen counts half.
HALF_LIFE_S = 2.0
RETRY_AFTER_S = 1.0

# Of the service, and of gRPC, which gives none. Too many streams at a time say nothing of other calls.
_REFUSALS = frozenset({"OVERLOADED", ""})


class Throttle:
    """What a client saw of late: calls, and those that the service took. For threads."""

    def __init__(
        self, clock: Callable[[], float] = time.monotonic, chance: Callable[[], float] = random.random
    ) -> None:
        self._clock = clock
        self._chance = chance
        self._lock = Lock()
        self._calls = self._taken = 0.0
        self._at = clock()

    def ask(self) -> None:
        """Nothing, where the call may be made. Raises Throttled where it must not."""
        with self._lock:
            self._forget()
            refuse = self._chance() < (self._calls - K * self._taken - FEW) / (self._calls + 1.0)
            if refuse:
                self._calls += 1.0
        if refuse:
            raise Throttled(
                "This call was not made: the service refuses most calls just now, and this client makes fewer until it "
                "takes them again. Call again later, or make fewer calls.",
                "",
                grpc.StatusCode.RESOURCE_EXHAUSTED,
                RETRY_AFTER_S,
            )

    def ended(self, error: LabglossError | None) -> None:
        """Told how a call that was made ended: whatever is no refusal for overload was taken."""
        refused = isinstance(error, Overloaded) and error.reason in _REFUSALS
        with self._lock:
            self._forget()
            self._calls += 1.0
            self._taken += not refused

    def _forget(self) -> None:
        now = self._clock()
        kept = 0.5 ** ((now - self._at) / HALF_LIFE_S)
        self._calls, self._taken, self._at = self._calls * kept, self._taken * kept, now
