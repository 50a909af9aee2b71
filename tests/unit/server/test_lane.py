"""Short calls run one at a time, each connection in its turn, and none waits for one that hangs."""

from __future__ import annotations

import io
import threading
import time
import weakref
from collections.abc import Callable, Iterator

import pytest

from labgloss.log import make_log
from labgloss.server import lane as lanes
from labgloss.server.lane import FairQueue, Lane
from labgloss.server.overdue import Watchdog


@pytest.fixture
def lane() -> Iterator[Lane]:
    made = Lane(3)
    yield made
    made.close()


def until(condition: Callable[[], bool]) -> None:
    end = time.monotonic() + 10
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.002)


def test_each_connection_has_its_turn() -> None:
    queue, taken = FairQueue(), list[str]()
    for name in ("a1", "a2", "a3", "b1", "c1", "b2"):
        queue.put(name[0], lambda name=name: taken.append(name))  # type: ignore[misc]
    assert (6, {"a": 6, "b": 6, "c": 5, "d": 3}) == (len(queue), {peer: queue.ahead(peer) for peer in "abcd"})
    while (run := queue.take()) is not None:
        run()
    assert ["a1", "b1", "c1", "a2", "b2", "a3"] == taken
    assert (0, 0) == (len(queue), queue.ahead("a"))


@pytest.mark.parametrize("peer", ["a", "b", "c", "d"])
def test_no_more_go_before_a_call_than_it_says(peer: str) -> None:
    queue, taken = FairQueue(), list[str]()
    for each in "aaabbaccba":
        queue.put(each, lambda each=each: taken.append(each))  # type: ignore[misc]
    ahead = queue.ahead(peer)
    queue.put(peer, lambda: taken.append("it"))
    while (run := queue.take()) is not None:
        run()
    # Of each other connection one more may, by its place.
    assert taken.index("it") <= ahead <= taken.index("it") + 2


def test_one_runs_at_a_time(lane: Lane) -> None:
    running, most, done = 0, 0, list[int]()

    def run(number: int) -> None:
        nonlocal running, most
        running += 1
        most = max(most, running)
        time.sleep(0.002)
        running -= 1
        done.append(number)

    for number in range(20):
        lane.put("a", lambda number=number: run(number))  # type: ignore[misc]
        lane.look()
    until(lambda: len(done) == 20)
    assert (1, list(range(20)), 0) == (most, done, len(lane))


def test_what_waits_for_one_that_hangs_runs_beside_it_on_so_many_threads_at_most(
    lane: Lane, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lanes, "PATIENCE_SECONDS", 0.01)
    hangs, came = threading.Event(), list[int]()

    def hang() -> None:
        came.append(0)
        hangs.wait(10)

    for _ in range(4):
        lane.put("a", hang)
    for count in (1, 2, 3):
        until(lambda count=count: len(came) == count)  # type: ignore[misc]
        time.sleep(0.02)
        lane.look()
    time.sleep(0.02)
    lane.look()
    assert 3 == len(came)
    hangs.set()
    until(lambda: len(came) == 4)
    # One at a time again.
    monkeypatch.setattr(lanes, "PATIENCE_SECONDS", 10)
    hangs.clear()
    lane.put("a", hang)
    lane.put("b", hang)
    until(lambda: len(came) == 5)
    time.sleep(0.02)
    lane.look()
    assert (5, 1) == (len(came), len(lane))
    hangs.set()


def test_the_next_runs_when_grpc_has_let_go_of_the_one_before(lane: Lane) -> None:
    goes, done = threading.Event(), list[str]()

    def put(name: str) -> None:
        lane.put("a", lambda: done.append(name), lambda: done.append(f"{name} gone"))

    lane.put("a", lambda: goes.wait(10))
    for name in ("first", "second", "last"):
        put(name)
    goes.set()
    until(lambda: "last" in done)
    # Behind the last one nobody waits.
    assert ["first", "first gone", "second", "second gone", "last"] == done


def test_what_a_call_holds_ends_before_grpc_can_let_go_of_it(lane: Lane) -> None:
    goes, held, seen = threading.Event(), threading.Event(), list[bool]()
    alive = weakref.ref(held)
    lane.put("a", lambda: goes.wait(10))
    lane.put("a", held.set, lambda: seen.append(alive() is None))
    lane.put("a", goes.is_set)
    del held
    goes.set()
    until(lambda: len(seen) == 1)
    assert [True] == seen


def test_an_error_ends_its_call_only(lane: Lane) -> None:
    done = threading.Event()
    lane.put("a", lambda: [][0])
    lane.put("a", done.set)
    assert done.wait(10)


def test_what_is_put_last_is_run_also_when_the_lane_is_closed_meanwhile() -> None:
    lane, done, goes = Lane(1), threading.Event(), threading.Event()
    lane.put("a", lambda: goes.wait(10))
    lane.put("a", done.set)
    lane.close()
    with pytest.raises(RuntimeError):
        lane.put("a", done.set)
    goes.set()
    assert done.wait(10)


def test_where_no_thread_is_to_be_had_calls_wait_for_one(lane: Lane, monkeypatch: pytest.MonkeyPatch) -> None:
    class NoThread:
        def __init__(self, **_: object) -> None: ...

        def start(self) -> None:
            raise RuntimeError("can't start new thread")

    done = list[int]()
    with monkeypatch.context() as without:
        without.setattr(lanes, "Thread", NoThread)
        for number in range(8):
            lane.put("a", lambda number=number: done.append(number))  # type: ignore[misc]
        lane.look()
    assert (8, []) == (len(lane), done)
    lane.put("a", lambda: done.append(8))
    until(lambda: len(done) == 9)
    assert list(range(9)) == done


def test_a_look_that_fails_ends_no_watchdog() -> None:
    looked, stream = list[int](), io.BytesIO()

    def look() -> bool:
        looked.append(1)
        raise ZeroDivisionError

    watchdog = Watchdog(make_log(stream, "info"), lambda *_: None)
    watchdog.looks(look, 0.01)
    watchdog.wake()
    until(lambda: len(looked) > 2)
    assert b'"error_type": "ZeroDivisionError"' in stream.getvalue()
    watchdog.close()


def test_a_watchdog_that_is_closed_while_it_looks_ends() -> None:
    closing: list[threading.Thread] = []
    watchdog = Watchdog(make_log(io.BytesIO(), "info"), lambda *_: None)

    def look() -> bool:
        closing.append(threading.Thread(target=watchdog.close, daemon=True))
        closing[0].start()
        until(watchdog._over.is_set)
        # And its wake has come, which this look is about to put to sleep.
        time.sleep(0.05)
        return False

    watchdog.looks(look, 0.01)
    watchdog.wake()
    until(lambda: bool(closing) and not closing[0].is_alive())
