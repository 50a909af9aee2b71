"""The service that interprets is slow, fails, refuses, goes away and comes back: what a caller is told."""

from __future__ import annotations

import asyncio
import json
import signal
import time
from collections.abc import Callable
from typing import Any

import grpc
import httpx
import pytest

from labgloss.domain import panel as domain_panel
from labgloss.domain import report as domain_report
from labgloss.engine.interpret import interpret
from labgloss.http.problems import KINDS, problem_of_call
from labgloss.knowledge.release import Release
from labgloss.server.app import start
from labgloss.server.settings import Settings
from labgloss_client import (
    DeadlineExceeded,
    InvalidRequest,
    LabglossError,
    MessageTooLarge,
    Overloaded,
    PermissionDenied,
    ReleaseNotLoaded,
    ServiceDefect,
    Throttled,
    Unauthenticated,
    Unavailable,
    Violation,
)
from tests.http.served import App, asked, process
from tests.http.test_cds_hooks import VIEW, call
from tests.http.test_panels import MAGNESIUM, PATH, post, problem
from tests.server.canaries import DEFECT, raising
from tests.server.wire import serving

CANARY = "canary7391"
CODE = grpc.StatusCode


@pytest.mark.parametrize(
    ("error", "reason", "retry", "members"),
    [
        (InvalidRequest("m", "INVALID_FIELDS", CODE.INVALID_ARGUMENT, (Violation("f", "REQUIRED", "d"),)),
         "INVALID_FIELDS", "", {}),
        (InvalidRequest("m", "MALFORMED_MESSAGE", CODE.INVALID_ARGUMENT), "MALFORMED_MESSAGE", "", {}),
        (MessageTooLarge("m", "MESSAGE_TOO_LARGE", CODE.RESOURCE_EXHAUSTED, 9, 8), "MESSAGE_TOO_LARGE", "",
         {"bytes": "9", "limit_bytes": "8"}),
        (MessageTooLarge("m", "", CODE.RESOURCE_EXHAUSTED), "MESSAGE_TOO_LARGE", "", {}),
        (ReleaseNotLoaded("m", "RELEASE_NOT_LOADED", CODE.FAILED_PRECONDITION, "1", "d"), "RELEASE_NOT_LOADED", "",
         {"loaded_version": "1", "loaded_digest": "d"}),
        (Overloaded("m", "OVERLOADED", CODE.RESOURCE_EXHAUSTED, 1.5), "OVERLOADED", "2", {}),
        (Overloaded("m", "TOO_MANY_STREAMS", CODE.RESOURCE_EXHAUSTED), "TOO_MANY_STREAMS", "1", {}),
        (Throttled("m", "", CODE.RESOURCE_EXHAUSTED, 0.2), "OVERLOADED", "1", {}),
        (DeadlineExceeded("m", "DEADLINE_EXCEEDED", CODE.DEADLINE_EXCEEDED), "DEADLINE_EXCEEDED", "1", {}),
        (DeadlineExceeded(CANARY, "", CODE.DEADLINE_EXCEEDED), "DEADLINE_EXCEEDED", "1", {}),
        (Unavailable(CANARY, "", CODE.UNAVAILABLE), "SERVICE_UNAVAILABLE", "1", {}),
        (Unavailable("m", "SHUTTING_DOWN", CODE.UNAVAILABLE), "SHUTTING_DOWN", "1", {}),
        (Unavailable("m", "RECORD_NOT_WRITTEN", CODE.UNAVAILABLE), "RECORD_NOT_WRITTEN", "1", {}),
        (Unauthenticated(CANARY, "UNAUTHENTICATED", CODE.UNAUTHENTICATED), "NOT_LET_IN", "", {}),
        (PermissionDenied(CANARY, "PERMISSION_DENIED", CODE.PERMISSION_DENIED), "NOT_LET_IN", "", {}),
        (ServiceDefect("m", "INTERNAL", CODE.INTERNAL, "e1"), "INTERNAL", "", {"error_id": "e1"}),
        # What is no answer of the service: something else at its address, or a newer one.
        (ServiceDefect(CANARY, "", CODE.INTERNAL), "SERVICE_UNAVAILABLE", "1", {}),
        (LabglossError(CANARY, "NEW_REASON", CODE.UNKNOWN), "SERVICE_UNAVAILABLE", "1", {}),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, LabglossError) else None,
)  # fmt: skip
def test_each_error_of_a_call_has_its_problem(
    error: LabglossError, reason: str, retry: str, members: dict[str, str]
) -> None:
    found = problem_of_call(error)
    assert (reason, KINDS[reason].status, members) == (found.reason, found.status, dict(found.members))
    assert retry == found.headers.get("retry-after", "")
    assert CANARY not in found.body("x").decode()


def test_a_defect_there_is_told_by_its_id_and_nothing_of_it_here(release: Release) -> None:
    panel = {**MAGNESIUM["panel"], "source": DEFECT, "id": CANARY}
    with serving(release, raising) as served:
        response = post(f"127.0.0.1:{served.server.port}", {"panel": panel})
        (said,) = [line for line in served.log if line["event"] == "defect"]
    assert said["error_id"] == problem(response, 500, "INTERNAL")["error_id"]
    assert CANARY not in response.text


def slowly(seconds: float) -> Callable[[Release, domain_panel.Panel], domain_report.Report]:
    def answer(release: Release, panel: domain_panel.Panel) -> domain_report.Report:
        time.sleep(seconds)
        return interpret(release, panel)

    return answer


def test_one_that_is_slow_is_waited_for_so_long_and_health_goes_on(release: Release) -> None:
    with serving(release, slowly(1.0)) as served:
        target = f"127.0.0.1:{served.server.port}"

        async def asking(app: App) -> tuple[list[httpx.Response], float]:
            begun = time.monotonic()
            headers = {"content-type": "application/json"}
            responses = await asyncio.gather(
                app.http.post(PATH, content=json.dumps(MAGNESIUM), headers=headers),
                app.http.post(f"/cds-services/{VIEW}", content=json.dumps(call()), headers=headers),
                app.http.get("/health/live"),
            )
            return responses, time.monotonic() - begun

        (panel, hook, live), seconds = asked(target, asking, timeout_seconds=0.3)
    for response in (panel, hook):
        assert "1" == response.headers["retry-after"]
        problem(response, 504, "DEADLINE_EXCEEDED")
    assert 200 == live.status_code
    assert seconds < 0.9


def test_it_goes_away_and_comes_back_without_a_restart_here(release: Release) -> None:
    with serving(release) as first:
        port = first.server.port
        with process(f"127.0.0.1:{port}", timeout_seconds=0.5) as served:
            url = f"http://127.0.0.1:{served.next('serving')['port']}"

            def status() -> int:
                return httpx.post(f"{url}{PATH}", json=MAGNESIUM).status_code

            assert 200 == status()
            first.server.stop()
            assert status() in (503, 504)
            assert 503 == httpx.get(f"{url}/health/ready").status_code
            assert 200 == httpx.get(f"{url}/health/live").status_code
            with start(Settings(port=port, log_level="error"), release):
                end = time.monotonic() + 15
                while (found := status()) != 200:
                    assert time.monotonic() < end, found
                    time.sleep(0.1)
                assert 200 == httpx.get(f"{url}/health/ready").status_code


def test_what_is_under_way_when_it_is_told_to_stop_is_answered(release: Release) -> None:
    with (
        serving(release, slowly(1.0)) as grpc_server,
        process(f"127.0.0.1:{grpc_server.server.port}", drain_seconds=0) as served,
    ):
        url = f"http://127.0.0.1:{served.next('serving')['port']}"

        async def asking() -> list[Any]:
            async with httpx.AsyncClient() as http:
                under_way = [asyncio.create_task(http.post(f"{url}{PATH}", json=MAGNESIUM)) for _ in range(2)]
                await asyncio.sleep(0.3)
                served.process.send_signal(signal.SIGTERM)
                return await asyncio.gather(*under_way)

        assert [200, 200] == [response.status_code for response in asyncio.run(asking())]
        assert 0 == served.process.wait(10)


def test_without_the_extra_its_name_is_said(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    import sys

    from labgloss.cli import main

    for name in [name for name in sys.modules if name.startswith("labgloss.http")]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "uvicorn", None)
    assert 2 == main(["cds", "serve"])
    assert "cds serve needs the packages starlette and uvicorn: install labgloss[http]" in capsys.readouterr().err
