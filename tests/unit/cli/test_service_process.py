"""The service as a process of its own: started, awaited, stopped; and what is said when it fails."""

import sys

import pytest

from labgloss.cli import service_process
from labgloss.cli.service_process import ServiceProcess, ServiceStartError


def started(monkeypatch: pytest.MonkeyPatch, script: str) -> ServiceProcess:
    monkeypatch.setattr(service_process, "_COMMAND", (sys.executable, "-c", script))
    return ServiceProcess()


def test_a_service_that_ends_at_once_says_why(monkeypatch: pytest.MonkeyPatch) -> None:
    with (
        started(monkeypatch, "print('labgloss: the knowledge is faulty')") as service,
        pytest.raises(ServiceStartError) as failed,
    ):
        service.wait()
    assert str(failed.value) == ("the service ended at once; the end of its log:\n  labgloss: the knowledge is faulty")


def test_a_service_that_says_no_port_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(service_process, "_START_S", 0.2)
    with started(monkeypatch, "import time; time.sleep(60)") as service, pytest.raises(ServiceStartError) as failed:
        service.wait()
    assert str(failed.value).startswith("the service did not say its port;")


def test_a_service_that_does_not_serve_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(service_process, "_START_S", 1.5)
    script = 'import time; print(\'{"event": "serving", "port": 1}\', flush=True); time.sleep(60)'
    with started(monkeypatch, script) as service, pytest.raises(ServiceStartError) as failed:
        service.wait()
    assert "the service does not serve: no answer (" in str(failed.value)


def test_a_service_that_ignores_sigterm_is_killed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(service_process, "_STOP_S", 0.2)
    script = (
        "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN)\n"
        'print(\'{"event": "serving", "port": 1}\', flush=True); time.sleep(60)'
    )
    service = started(monkeypatch, script)
    assert service._ports.get(timeout=10) == 1
    assert service.stop() == -9


@pytest.mark.parametrize(
    ("line", "port"),
    [
        ('{"event": "serving", "port": 50051}', 50051),
        ('{"event": "stopping", "port": 50051}', None),
        ('{"event": "serving"}', None),
        ("[1]", None),
        ("not JSON", None),
    ],
)
def test_the_port_is_read_from_the_line_that_says_so(line: str, port: int | None) -> None:
    assert service_process._port_of(line) == port
