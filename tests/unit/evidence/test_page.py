"""A page bounds what a peer can take of it."""

from __future__ import annotations

import socket
import time
import urllib.request
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import pytest

from labgloss.evidence import page as module
from labgloss.evidence.page import Page


def application(_: dict[str, Any], start: Callable[..., Any]) -> Iterable[bytes]:
    start("200 OK", [("Content-Type", "text/plain")])
    return [b"figures"]


@pytest.fixture
def page(monkeypatch: pytest.MonkeyPatch) -> Iterator[Page]:
    monkeypatch.setattr(module._Handler, "timeout", 0.5)
    monkeypatch.setattr(module, "_SECONDS", 1.0)
    opened = Page("127.0.0.1", 0, application)
    yield opened
    opened.close()


def read(page: Page) -> bytes:
    with urllib.request.urlopen(f"http://127.0.0.1:{page.port}/", timeout=5) as answer:
        return bytes(answer.read())


def test_it_answers_on_any_address_of_the_machine(page: Page) -> None:
    assert b"figures" == read(page)
    other = Page("localhost", 0, application)
    other.close()
    with pytest.raises(OSError):
        Page("127.0.0.1", page.port, application)


def test_idle_connections_take_a_few_threads_for_a_moment(page: Page, capfd: pytest.CaptureFixture[str]) -> None:
    idle = [socket.create_connection(("127.0.0.1", page.port), timeout=5) for _ in range(20)]
    # Those beyond the bound are closed at once, the others after their time.
    closed_at_once = [connection.recv(1) for connection in idle[-5:]]
    assert [b""] * 5 == closed_at_once
    begun = time.monotonic()
    assert {b""} == {connection.recv(1) for connection in idle[:-5]}
    assert time.monotonic() - begun < 4
    for connection in idle:
        connection.close()
    assert b"figures" == read(page)
    assert ("", "") == capfd.readouterr()


def test_connections_that_send_a_byte_now_and_then_are_ended_too(page: Page) -> None:
    """Each byte comes before the time for one is over."""
    slow = [socket.create_connection(("127.0.0.1", page.port), timeout=5) for _ in range(module._CONNECTIONS)]
    for connection in slow:
        connection.sendall(b"GET / HTTP/1.0\r\nX: ")
    begun = time.monotonic()
    left = list(slow)
    while left and time.monotonic() - begun < 15:
        time.sleep(0.2)
        for connection in tuple(left):
            try:
                connection.sendall(b"a")
            except OSError:
                left.remove(connection)
    assert [] == left
    assert b"figures" == read(page)
    for connection in slow:
        connection.close()


def test_what_is_no_request_is_closed_in_silence(page: Page, capfd: pytest.CaptureFixture[str]) -> None:
    for sent in (b"\x16\x03\x01 canary7391\r\n\r\n", b"PRI * HTTP/2.0\r\n\r\n", b"GET canary7391\r\n\r\n"):
        with socket.create_connection(("127.0.0.1", page.port), timeout=5) as connection:
            connection.sendall(sent)
            while connection.recv(4_096):
                pass
    assert ("", "") == capfd.readouterr()
    assert b"figures" == read(page)
