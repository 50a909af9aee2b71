"""More calls than can be answered: a burst waits, a load that lasts is refused with RetryInfo, and health answers."""

from __future__ import annotations

import threading
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import grpc
import pytest
from google.rpc import error_details_pb2
from grpc_health.v1 import health_pb2

from labgloss.domain import panel as domain_panel
from labgloss.domain import report as domain_report
from labgloss.engine.interpret import interpret
from labgloss.knowledge.release import Release
from labgloss.server import admission
from tests.server.wire import BATCH, HEALTH, INTERPRET, Served, batch, detail, reason_of, serving, unary

# More than the threads and the shortest queue hold.
MANY = 80


@pytest.fixture
def served(release: Release) -> Iterator[Served]:
    with serving(release, slow, threads=4, connection_calls=100) as running:
        yield running


def slow(release: Release, panel: domain_panel.Panel) -> domain_report.Report:
    time.sleep(0.02)
    return interpret(release, panel)


def ended(calls: list[Any]) -> dict[grpc.StatusCode, list[Any]]:
    by_code: dict[grpc.StatusCode, list[Any]] = {}
    for call in calls:
        by_code.setdefault(call.code(), []).append(call)
    return by_code


def asked(served: Served, count: int) -> list[Any]:
    return [served.channel.unary_unary(INTERPRET).future(unary(), timeout=10) for _ in range(count)]


def refused_by(served: Served) -> list[Any]:
    """The calls that are refused of a load that lasts."""
    calls = []
    end = time.monotonic() + 5
    while time.monotonic() < end:
        calls += asked(served, 10)
        time.sleep(0.02)
        if refused := [call for call in calls if call.done() and call.exception() is not None]:
            return refused
    raise AssertionError("nothing was refused")


@contextmanager
def loading(served: Served) -> Iterator[None]:
    """Calls beyond what can be answered, until the context is left."""
    done = threading.Event()

    def load() -> None:
        while not done.is_set():
            asked(served, 10)
            time.sleep(0.02)

    loader = threading.Thread(target=load)
    loader.start()
    try:
        yield
    finally:
        done.set()
        loader.join()


def test_a_burst_is_answered(served: Served) -> None:
    assert {grpc.StatusCode.OK} == set(ended(asked(served, MANY)))


def test_a_load_that_lasts_is_refused_at_once_and_told_when_to_retry(served: Served) -> None:
    refused = refused_by(served)[0]
    assert (grpc.StatusCode.RESOURCE_EXHAUSTED, "OVERLOADED") == (refused.code(), reason_of(refused))
    assert "More calls come than can be answered; try again after the delay that RetryInfo names." == refused.details()
    assert admission.RETRY_SECONDS == detail(refused, error_details_pb2.RetryInfo).retry_delay.ToTimedelta().seconds


def test_a_client_that_asks_for_little_is_answered_while_another_is_refused(served: Served) -> None:
    refused_by(served)
    with loading(served):
        options = (("grpc.use_local_subchannel_pool", 1), ("grpc.enable_retries", 0))
        with grpc.insecure_channel(f"127.0.0.1:{served.server.port}", options) as channel:
            for _ in range(10):
                calls = [channel.unary_unary(INTERPRET).future(unary(), timeout=20) for _ in range(6)]
                assert {grpc.StatusCode.OK} == set(ended(calls))
    assert [line for line in served.log if line["event"] == "overloaded"]


def test_health_answers_while_calls_are_refused_and_the_log_counts_them(served: Served) -> None:
    refused_by(served)
    with loading(served):
        for _ in range(10):
            begun = time.monotonic()
            status = health_pb2.HealthCheckResponse.FromString(served.call(HEALTH, b"", timeout=2)).status
            assert health_pb2.HealthCheckResponse.SERVING == status
            assert time.monotonic() - begun < 1
            time.sleep(0.15)
    said = [line for line in served.log if line["event"] == "overloaded"]
    assert said
    assert all(line["calls"] > 0 for line in said)


def test_metrics_count_calls_that_are_refused_unread_and_those_of_unknown_methods(release: Release) -> None:
    with serving(release, slow, threads=4, connection_calls=100, metrics_port=0) as served:
        refused_by(served)
        # The metrics are told of them a few times a second.
        time.sleep(3 * admission.LOOK_SECONDS)
        with pytest.raises(grpc.RpcError) as raised:
            served.call("/labgloss.v1.InterpretationService/AnnaMueller", b"")
        assert grpc.StatusCode.UNIMPLEMENTED == raised.value.code()
        (port,) = (line["port"] for line in served.log if line["event"] == "metrics")
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=10) as answer:
            page = dict(line.rsplit(" ", 1) for line in answer.read().decode().splitlines() if line[0] != "#")
        method = 'grpc_method="InterpretPanel",grpc_service="labgloss.v1.InterpretationService",grpc_type="unary"'
        handled = page[f'grpc_server_handled_total{{grpc_code="ResourceExhausted",{method}}}']
        assert 0 < float(handled) == float(page['labgloss_calls_refused_total{reason="OVERLOADED"}'])
        assert float(page[f"grpc_server_started_total{{{method}}}"]) >= float(handled)
        assert 1 == float(page["labgloss_calls_unknown_total"])
        said = {"method": "unknown", "status": "UNIMPLEMENTED", "cause": "UNKNOWN_METHOD", "caller": "unknown"}
        assert [line for line in served.log if said.items() <= line.items() and line["event"] == "refused"]
        assert b"Anna" not in served.stream.getvalue()
        assert not [line for line in page if "Anna" in line]


def test_it_takes_calls_again_soon_after_the_load_has_gone(served: Served) -> None:
    refused_by(served)
    time.sleep(1.5)
    assert {grpc.StatusCode.OK} == set(ended(asked(served, MANY)))


def test_unary_calls_are_answered_while_batches_keep_their_threads_busy(served: Served) -> None:
    batches = [served.channel.unary_unary(BATCH).future(batch(*map(str, range(50))), timeout=20) for _ in range(2)]
    time.sleep(0.1)
    begun = time.monotonic()
    served.call(INTERPRET, unary(), timeout=2)
    assert time.monotonic() - begun < 0.5
    assert {grpc.StatusCode.OK} == set(ended(batches))


def test_a_call_whose_deadline_passed_while_it_waited_is_not_computed(release: Release) -> None:
    computed = []

    def counting(taken: Release, panel: domain_panel.Panel) -> domain_report.Report:
        computed.append(panel.id)
        time.sleep(0.3)
        return interpret(taken, panel)

    with serving(release, counting, threads=8) as served:
        first = served.channel.unary_unary(INTERPRET).future(unary("first"), timeout=5)
        time.sleep(0.05)
        late = served.channel.unary_unary(INTERPRET).future(unary("late"), timeout=0.1)
        assert grpc.StatusCode.DEADLINE_EXCEEDED == late.code()
        first.result()
        time.sleep(0.2)
    assert ["first"] == computed
