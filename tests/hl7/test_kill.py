"""Nothing acknowledged is lost, whenever the process is killed: killed at random moments, started again, counted."""

from __future__ import annotations

import random
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from threading import Event, Thread

import pytest

from tests.hl7.served import Process, Sender, code_of, process, receiver
from tests.hl7.test_listener import number_of, numbered

# In the long size (`--long`) a hundred.
KILLS = {False: 12, True: 100}
SENDERS = 3


class _Senders:
    """Several senders that go on, over whatever is killed; a message is sent again until it is acknowledged."""

    def __init__(self) -> None:
        self.port = 0
        self.acknowledged: dict[int, list[int]] = {sender: [] for sender in range(SENDERS)}
        self._ended = Event()
        self._threads = [Thread(target=self._send, args=(sender,)) for sender in range(SENDERS)]

    @contextmanager
    def sending(self) -> Iterator[None]:
        for thread in self._threads:
            thread.start()
        try:
            yield
        finally:
            self.stop()

    def stop(self) -> None:
        self._ended.set()
        for thread in self._threads:
            thread.join()

    def _send(self, sender: int) -> None:
        number = sender * 1_000_000
        connection: Sender | None = None
        while not self._ended.is_set():
            try:
                connection = connection or Sender(self.port, timeout_s=15)
                code = code_of(connection.send(numbered(number)))
            except OSError:
                if connection is not None:
                    connection.close()
                connection = None
                time.sleep(0.005)
                continue
            # Whatever else it said: it is sent again.
            if code == "AA":
                self.acknowledged[sender].append(number)
                number += 1
        if connection is not None:
            connection.close()


def test_nothing_acknowledged_is_lost_whenever_the_process_is_killed(
    target: str, tmp_path: Path, pytestconfig: pytest.Config
) -> None:
    kills = KILLS[bool(pytestconfig.getoption("--long"))]
    chance = random.Random(5)
    senders = _Senders()
    with receiver() as receiving:

        def started() -> AbstractContextManager[Process]:
            return process(target, tmp_path, "--send-to", receiving.address, port=senders.port)

        with started() as first:
            senders.port = first.port
            with senders.sending():
                time.sleep(chance.uniform(0.05, 0.5))
                first.process.kill()
                for _ in range(kills - 1):
                    with started() as again:
                        time.sleep(chance.uniform(0.01, 0.6))
                        again.process.kill()
                        again.process.wait(10)
                with started() as last:
                    time.sleep(0.5)
                    senders.stop()
                    acknowledged = {number for numbers in senders.acknowledged.values() for number in numbers}
                    until = time.monotonic() + 20
                    while not acknowledged <= {number_of(answer) for answer in receiving.accepted}:
                        assert time.monotonic() < until, "an answer to an acknowledged message never came"
                        time.sleep(0.05)
                    last.end()
    assert all(len(numbers) > kills // 2 for numbers in senders.acknowledged.values())
    arrived = [number_of(answer) for answer in receiving.accepted]
    print(f"{len(acknowledged)} acknowledged, {len(arrived)} answers arrived, {len(set(arrived))} of them different")
    # Nothing that was not sent; and of each sender in its order, where an answer that was sent again counts once.
    for sender, numbers in senders.acknowledged.items():
        own = list(dict.fromkeys(number for number in arrived if number // 1_000_000 == sender))
        assert own[: len(numbers)] == numbers
    # Twice only what the process was killed with between the receiver's acknowledgement and the disk.
    assert len(arrived) - len(set(arrived)) <= kills
