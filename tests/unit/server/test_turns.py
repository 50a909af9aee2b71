"""Few compute at a time, the longest waiting first, and nobody waits for one that hangs."""

from __future__ import annotations

import threading
import time

import pytest

from labgloss.server import turns
from labgloss.server.turns import Turns


def test_one_is_inside_at_a_time_and_whoever_waits_longest_is_next() -> None:
    one, order, inside, most = Turns(1), list[int](), 0, 0

    def work(number: int) -> None:
        nonlocal inside, most
        with one:
            inside += 1
            most = max(most, inside)
            order.append(number)
            time.sleep(0.005)
            inside -= 1

    threads = [threading.Thread(target=work, args=(number,)) for number in range(8)]
    with one:
        for thread in threads:
            thread.start()
            time.sleep(0.005)
    for thread in threads:
        thread.join()
    assert (list(range(8)), 1) == (order, most)


def test_whoever_waits_for_one_that_hangs_goes_in_beside_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(turns, "PATIENCE_SECONDS", 0.02)
    one, hangs, came = Turns(1), threading.Event(), threading.Semaphore(0)

    def hang() -> None:
        with one:
            came.release()
            hangs.wait(5)

    threads = [threading.Thread(target=hang) for _ in range(3)]
    for thread in threads:
        thread.start()
    assert all(came.acquire(timeout=5) for _ in threads)
    hangs.set()
    for thread in threads:
        thread.join()
    # As many as before may be inside again, and no more.
    monkeypatch.setattr(turns, "PATIENCE_SECONDS", 5)
    with one:
        other = threading.Thread(target=hang)
        other.start()
        assert not came.acquire(timeout=0.05)
    other.join()


def test_an_error_inside_gives_the_turn_back() -> None:
    one = Turns(1)
    for _ in range(2):
        with pytest.raises(ValueError, match="x"), one:
            raise ValueError("x")
    with one:
        pass
