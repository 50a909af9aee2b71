"""While the service refuses most calls the client makes fewer, and says so by an error of its own."""

from __future__ import annotations

import random
from typing import Any

import grpc
import pytest

from labgloss_client import Client, InvalidRequest, LabglossError, Overloaded, Throttled, panel
from labgloss_client._throttle import FEW, HALF_LIFE_S, Throttle
from tests.unit.client.fake_labgloss import FakeService, info

REFUSED = Overloaded("full", "OVERLOADED", grpc.StatusCode.RESOURCE_EXHAUSTED, 1.0)


class Clock:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def made(throttle: Throttle, count: int, ending: LabglossError | None) -> int:
    """How many of so many calls are made, all of which end so."""
    done = 0
    for _ in range(count):
        try:
            throttle.ask()
        except Throttled:
            continue
        throttle.ended(ending)
        done += 1
    return done


@pytest.mark.parametrize(
    "ending",
    [
        None,
        InvalidRequest("wrong", "INVALID_FIELDS", grpc.StatusCode.INVALID_ARGUMENT),
        # Of batches and streams alone.
        Overloaded("streams", "TOO_MANY_STREAMS", grpc.StatusCode.RESOURCE_EXHAUSTED, 1.0),
    ],
)
def test_all_calls_are_made_while_the_service_takes_them(ending: LabglossError | None) -> None:
    assert 100 == made(Throttle(chance=lambda: 0.0), 100, ending)


def test_calls_under_way_are_no_refusals() -> None:
    throttle = Throttle(chance=lambda: 0.0)
    for _ in range(100):
        throttle.ask()


def test_few_are_made_while_all_are_refused_and_all_again_when_it_was_forgotten() -> None:
    clock = Clock()
    throttle = Throttle(clock, chance=lambda: 0.5)
    assert made(throttle, 1_000, REFUSED) < 20
    clock.now += 10 * HALF_LIFE_S
    assert 10 == made(throttle, 10, None)


def test_a_few_refusals_are_chance() -> None:
    assert FEW == made(Throttle(chance=lambda: 0.0), int(FEW), REFUSED)


def test_as_many_get_through_as_are_needed_to_notice_that_it_takes_calls_again() -> None:
    clock = Clock()
    throttle = Throttle(clock, random.Random(1).random)
    made_of = []
    for ending in (REFUSED, None, None):
        count = 0
        # Ten calls a second for twenty seconds.
        for _ in range(200):
            count += made(throttle, 1, ending)
            clock.now += 0.1
        made_of.append(count)
    assert made_of[0] < 80
    assert made_of[1] > 120
    assert made_of[2] > 195


def test_a_throttled_call_is_an_overloaded_one_that_says_how_to_go_on(service: FakeService) -> None:
    _refuse_all(service)
    with Client(service.target) as client:
        errors = [_error(client) for _ in range(60)]
    assert all(isinstance(error, Overloaded) for error in errors)
    throttled = [error for error in errors if isinstance(error, Throttled)]
    assert throttled
    assert ("", grpc.StatusCode.RESOURCE_EXHAUSTED, 1.0) == (
        throttled[0].reason,
        throttled[0].code,
        throttled[0].retry_after_s,
    )
    assert str(throttled[0]).startswith("This call was not made: ")


def test_a_client_that_is_not_throttled_makes_every_call(service: FakeService) -> None:
    _refuse_all(service)
    with Client(service.target, throttled=False) as client:
        assert not any(isinstance(_error(client), Throttled) for _ in range(60))


def _refuse_all(service: FakeService) -> None:
    service.refuse("InterpretPanel", grpc.StatusCode.RESOURCE_EXHAUSTED, "full", info("OVERLOADED"))


def _error(client: Any) -> LabglossError:
    with pytest.raises(LabglossError) as raised:
        client.interpret(panel(id="p1"))
    return raised.value
