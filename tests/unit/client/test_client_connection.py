"""How the service is reached: never unencrypted by accident, retried where it helps, only where it is healthy."""

from __future__ import annotations

import asyncio
import json
import re
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import grpc
import pytest
from google.protobuf.message import Message

from labgloss_client import (
    AsyncClient,
    Client,
    DeadlineExceeded,
    LabglossError,
    ServiceDefect,
    Unavailable,
    panel,
    token_file,
)
from labgloss_client._core import is_loopback, service_config
from tests.unit.client.fake_labgloss import FakeService, ask, end, info, report

NOBODY = "127.0.0.1:1"


def interpret(client: Any) -> Any:
    return client.interpret(panel(id="p1"))


@pytest.mark.parametrize(
    ("target", "loopback"),
    [
        ("127.0.0.1:50051", True),
        ("127.8.9.10:50051", True),
        ("localhost:50051", True),
        ("localhost", True),
        ("[::1]:50051", True),
        ("dns:///localhost:50051", True),
        ("dns:localhost:50051", True),
        ("dns://127.0.0.1/laboratory:50051", False),
        ("ipv4:127.0.0.1:1,127.0.0.2:2", True),
        ("ipv4:127.0.0.1:1,10.0.0.1:2", False),
        ("ipv6:[::1]:50051", True),
        ("ipv6:[fe80::1]:50051", False),
        ("unix:/run/labgloss.sock", True),
        ("unix:///run/labgloss.sock", True),
        ("unix-abstract:labgloss", True),
        ("labgloss:50051", False),
        ("localhost.example.org:50051", False),
        ("127.0.0.1.example.org:50051", False),
        ("10.0.0.1:50051", False),
        ("0.0.0.0:50051", False),
        ("xds:///labgloss", False),
        ("", False),
    ],
)
def test_a_target_is_on_this_machine_only_where_all_of_it_is(target: str, loopback: bool) -> None:
    assert loopback == is_loopback(target)


def test_panels_do_not_travel_unencrypted_unless_told_to(kind: str) -> None:
    with pytest.raises(ValueError) as raised:  # the whole message is compared
        ask(kind, "labgloss.example.org:50051", interpret)
    assert str(raised.value) == (
        "the target 'labgloss.example.org:50051' is not on this machine, and panels must not travel unencrypted: give "
        "credentials (grpc.ssl_channel_credentials(...)), or plaintext=True where something else encrypts the way, "
        "such as a service mesh"
    )


def test_plaintext_to_another_machine_is_taken_when_told_to(kind: str) -> None:
    assert not ask(kind, "0.0.0.0:1", lambda client: client.healthy(timeout_s=0.1), plaintext=True)


def test_credentials_and_plaintext_contradict_each_other(kind: str) -> None:
    with pytest.raises(ValueError, match=r"^credentials and plaintext=True contradict each other: give one of them$"):
        ask(kind, NOBODY, interpret, plaintext=True, credentials=grpc.ssl_channel_credentials())


def test_credentials_are_used(kind: str) -> None:
    service = FakeService()
    service.credentials = grpc.local_server_credentials()
    service.start()
    assert report("p1") == ask(kind, service.target, interpret, credentials=grpc.local_channel_credentials())
    service.stop()


def test_with_credentials_nothing_is_said_to_a_service_without(service: FakeService, kind: str) -> None:
    with pytest.raises(DeadlineExceeded):
        ask(kind, service.target, interpret, credentials=grpc.ssl_channel_credentials(), timeout_s=0.3)
    assert service.calls == []


def test_plaintext_never_goes_through_a_proxy(service: FakeService, kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("grpc_proxy", f"http://{NOBODY}")
    monkeypatch.delenv("no_proxy", raising=False)
    monkeypatch.delenv("no_grpc_proxy", raising=False)
    target = service.target.replace("127.0.0.1", "localhost")
    assert report("p1") == ask(kind, target, interpret)


def test_a_call_is_tried_again_while_the_service_is_unavailable(service: FakeService, kind: str) -> None:
    service.refuse("InterpretPanel", grpc.StatusCode.UNAVAILABLE, "stopping", info("SHUTTING_DOWN"), times=2)
    assert report("p1") == ask(kind, service.target, interpret)
    assert len(service.calls) == 3


def test_a_call_is_tried_four_times_at_most(service: FakeService, kind: str) -> None:
    service.refuse("InterpretPanel", grpc.StatusCode.UNAVAILABLE, "stopping", info("SHUTTING_DOWN"))
    with pytest.raises(Unavailable, match=r"^stopping$"):
        ask(kind, service.target, interpret, timeout_s=5)
    assert len(service.calls) == 4


def cut_off(service: FakeService, times: int, *details: Message) -> None:
    """The service ends so many calls after their answer began to come, where gRPC retries no more."""
    otherwise, cut = service.answers["InterpretPanel"], 0

    def answered(sent: Iterator[bytes], context: grpc.ServicerContext) -> Iterator[Message]:
        nonlocal cut
        cut += 1
        if cut > times:
            yield from otherwise(sent, context)
        else:
            context.send_initial_metadata(())
            # Where both come at once, gRPC still counts the answer as not begun, and retries.
            time.sleep(0.1)
            end(context, grpc.StatusCode.UNAVAILABLE, "Socket closed", *details)

    service.answers["InterpretPanel"] = answered


def test_a_call_that_is_cut_off_is_made_once_more(service: FakeService, kind: str) -> None:
    cut_off(service, 1)
    assert report("p1") == ask(kind, service.target, interpret)
    assert len(service.calls) == 2


def test_a_call_that_is_cut_off_again_fails(service: FakeService, kind: str) -> None:
    cut_off(service, 2)
    with pytest.raises(Unavailable, match="Socket closed"):
        ask(kind, service.target, interpret)
    assert len(service.calls) == 2


def test_what_the_service_says_that_it_cannot_do_is_not_asked_again(service: FakeService, kind: str) -> None:
    cut_off(service, 1, info("RECORD_NOT_WRITTEN"))
    with pytest.raises(Unavailable):
        ask(kind, service.target, interpret)
    assert len(service.calls) == 1


def test_retries_stop_when_most_calls_fail(service: FakeService) -> None:
    service.refuse("InterpretPanel", grpc.StatusCode.UNAVAILABLE, "stopping", info("SHUTTING_DOWN"))
    with Client(service.target, timeout_s=5) as client:
        for _ in range(5):
            with pytest.raises(Unavailable):
                interpret(client)
    # Ten tokens, one for each failure, and no retry at five or less: the first call's four attempts leave six, and
    # from then on each call is made once.
    assert len(service.calls) == 4 + 4


@pytest.mark.parametrize("code", [grpc.StatusCode.INTERNAL, grpc.StatusCode.UNKNOWN])
def test_a_defect_is_not_tried_again(service: FakeService, kind: str, code: grpc.StatusCode) -> None:
    service.refuse("InterpretPanel", code, "internal error id=1", times=1)
    with pytest.raises(ServiceDefect):
        ask(kind, service.target, interpret)
    assert len(service.calls) == 1


@pytest.mark.parametrize(("retry_cancelled", "calls"), [(False, 1), (True, 2)])
def test_what_a_stopping_server_cancels_is_tried_again_only_when_asked_for(
    service: FakeService, kind: str, retry_cancelled: bool, calls: int
) -> None:
    service.refuse("InterpretPanel", grpc.StatusCode.CANCELLED, "CANCELLED", times=1)
    try:
        ask(kind, service.target, interpret, retry_cancelled=retry_cancelled)
    except Unavailable:
        assert not retry_cancelled
    assert calls == len(service.calls)


def slow(service: FakeService, seconds: float) -> None:
    otherwise = service.answers["InterpretPanel"]

    def late(sent: Iterator[bytes], context: grpc.ServicerContext) -> Iterator[Message]:
        waited_until = time.monotonic() + seconds
        while context.is_active() and time.monotonic() < waited_until:
            time.sleep(0.01)
        yield from otherwise(sent, context)

    service.answers["InterpretPanel"] = late


def test_a_call_ends_at_its_deadline(service: FakeService, kind: str) -> None:
    slow(service, 5)
    started = time.monotonic()
    with pytest.raises(DeadlineExceeded) as raised:
        ask(kind, service.target, lambda client: client.interpret(panel(), timeout_s=0.2))
    assert 0.2 <= time.monotonic() - started < 2
    assert str(raised.value).startswith(
        "no answer before the deadline: the service is slow or was not reached; see healthy(), or give a longer "
        "timeout_s ("
    )


def test_a_call_may_take_longer_than_the_client_allows_by_default(service: FakeService, kind: str) -> None:
    slow(service, 0.3)
    with pytest.raises(DeadlineExceeded):
        ask(kind, service.target, interpret, timeout_s=0.1)
    assert report("p1") == ask(
        kind, service.target, lambda client: client.interpret(panel(id="p1"), timeout_s=5), timeout_s=0.1
    )


def test_a_batch_is_allowed_longer_than_a_panel(service: FakeService, kind: str) -> None:
    service.answers["InterpretPanel"] = service.answers["BatchInterpretPanels"]
    slow(service, 0.3)
    service.answers["BatchInterpretPanels"] = service.answers["InterpretPanel"]
    assert [report("p1")] == ask(
        kind, service.target, lambda client: client.interpret_batch([panel(id="p1")]), timeout_s=0.1, batch_timeout_s=5
    )


def test_a_panel_is_allowed_one_second_and_a_batch_ten_where_nothing_else_is_said() -> None:
    with Client(NOBODY) as client:
        assert (1.0, 10.0) == (client._connection.timeout_s, client._connection.batch_timeout_s)


def test_a_service_that_is_down_is_waited_for_until_the_deadline(kind: str) -> None:
    with pytest.raises(DeadlineExceeded):
        ask(kind, NOBODY, interpret, timeout_s=0.2)


def test_a_backend_that_does_not_serve_gets_no_call(service: FakeService, kind: str) -> None:
    sick = FakeService().start()
    sick.serve(False)

    def many(client: Any) -> Any:
        return [client.interpret(panel(id="p1")) for _ in range(20)]

    async def many_at_once(client: Any) -> Any:
        return await asyncio.gather(*many(client))

    question = many if kind == "sync" else many_at_once
    assert [report("p1")] * 20 == ask(kind, f"ipv4:{sick.target},{service.target}", question)
    assert (len(sick.calls), len(service.calls)) == (0, 20)
    sick.stop()


def test_calls_go_to_all_healthy_backends_in_turn(service: FakeService) -> None:
    other = FakeService().start()
    with Client(f"ipv4:{other.target},{service.target}", timeout_s=10) as client:
        deadline = time.monotonic() + 5
        # The first calls go to the backend that connected first.
        while not (other.calls and service.calls) and time.monotonic() < deadline:
            interpret(client)
        before = len(other.calls), len(service.calls)
        for _ in range(10):
            interpret(client)
    assert (len(other.calls) - before[0], len(service.calls) - before[1]) == (5, 5)
    other.stop()


def test_a_service_that_serves_is_healthy(service: FakeService, kind: str) -> None:
    assert ask(kind, service.target, lambda client: client.healthy()) is True


def test_a_service_that_does_not_serve_is_not_healthy(service: FakeService, kind: str) -> None:
    service.serve(False)
    assert ask(kind, service.target, lambda client: client.healthy()) is False


def test_a_service_that_is_not_there_is_not_healthy(kind: str) -> None:
    started = time.monotonic()
    assert ask(kind, NOBODY, lambda client: client.healthy(timeout_s=10)) is False
    assert time.monotonic() - started < 5


def test_something_other_than_labgloss_is_neither_healthy_nor_not(kind: str) -> None:
    other = grpc.server(ThreadPoolExecutor(1))
    port = other.add_insecure_port("127.0.0.1:0")
    other.start()
    with pytest.raises(LabglossError, match=r"^what answers at the target is not this version of labgloss \("):
        ask(kind, f"127.0.0.1:{port}", lambda client: client.healthy())
    other.stop(None)


def test_the_asynchronous_client_is_made_where_a_loop_runs() -> None:
    with pytest.raises(RuntimeError, match="no running event loop"):
        AsyncClient(NOBODY)


def test_the_readme_shows_the_service_config_that_is_used() -> None:
    readme = Path(__file__).parents[3] / "clients" / "README.md"
    (shown,) = re.findall(r"```json\n(.*?)```", readme.read_text(encoding="utf-8"), re.DOTALL)
    assert service_config() == json.loads(shown)


def test_pings_and_reconnections_fit_the_server() -> None:
    with Client(NOBODY) as client:
        options = dict(client._connection.channel_options)
    # The server counts a ping as an offence when the last was less than 10 s before; connecting needs 2 s and more on
    # a busy machine.
    assert (
        options["grpc.keepalive_time_ms"],
        options["grpc.min_reconnect_backoff_ms"],
        options["grpc.max_receive_message_length"],
    ) == (60_000, 2_000, 4 * 1024 * 1024)


# ------------------------------------------------------------------------------------------------ tokens


def test_a_token_does_not_travel_unencrypted_even_where_panels_may(kind: str) -> None:
    with pytest.raises(ValueError) as raised:  # the whole message is compared
        ask(kind, "192.0.2.1:1", interpret, plaintext=True, token=lambda: "canary7391")
    assert str(raised.value) == (
        "the target '192.0.2.1:1' is not on this machine, and a token must not travel unencrypted: whoever reads it "
        "can use it; give credentials (grpc.ssl_channel_credentials(...))"
    )


def test_a_token_is_asked_for_at_each_call_and_goes_with_it(service: FakeService, kind: str) -> None:
    sent: list[Any] = []

    def answered(requests: Iterator[bytes], context: grpc.ServicerContext) -> Iterator[Message]:
        sent.append(dict(context.invocation_metadata()).get("authorization"))
        yield from reported(requests, context)

    reported = service.answers["InterpretPanel"]
    service.answers["InterpretPanel"] = answered
    tokens = iter(["one", "two"])
    for _ in range(2):
        ask(kind, service.target, interpret, token=lambda: next(tokens))
    ask(kind, service.target, interpret)
    assert ["Bearer one", "Bearer two", None] == sent


@pytest.mark.parametrize("text", ["", " \n", "two words", "line\nline", "é"])
def test_a_file_that_holds_no_token_is_said_without_its_content(text: str, tmp_path: Path) -> None:
    file = tmp_path / "token"
    file.write_text(text)
    with pytest.raises(ValueError) as raised:  # the whole message is compared
        token_file(file)()
    assert f"{file} does not hold one token and nothing else" == str(raised.value)
