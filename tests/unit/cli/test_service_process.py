"""The service as a process of its own: started, awaited, stopped; and what is said when it fails."""

import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from labgloss.cli import service_process
from labgloss.cli.service_process import ServiceProcess, ServiceStartError
from tests.unit.cli.subprocesses import IMPORTING_LABGLOSS


def started(monkeypatch: pytest.MonkeyPatch, script: str) -> ServiceProcess:
    monkeypatch.setattr(service_process, "_COMMAND", (sys.executable, "-c", script))
    return ServiceProcess()


def test_a_service_that_ends_at_once_says_why(monkeypatch: pytest.MonkeyPatch) -> None:
    with (
        started(monkeypatch, "print('labgloss: the knowledge is faulty')") as service,
        pytest.raises(ServiceStartError) as failed,
    ):
        service.wait()
    assert str(failed.value) == (
        "the service ended at once, with exit code 0; the end of its log:\n  labgloss: the knowledge is faulty"
    )


def test_a_service_that_was_killed_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    with started(monkeypatch, "import time; time.sleep(60)") as service:
        service._process.kill()
        service._process.wait()
        with pytest.raises(ServiceStartError) as failed:
            service.wait()
    assert str(failed.value) == "the service ended at once, with exit code -9; its log is empty"


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


# A command that starts a service and waits: the service's process id stands in a file once it runs.
STARTS_A_SERVICE = """
import signal, sys, time
from pathlib import Path
from labgloss.cli import service_process
service_process._COMMAND = (sys.executable, "-c", "import time; time.sleep(60)")
service_process.end_by_exit(signal.SIGTERM, signal.SIGHUP)
with service_process.ServiceProcess() as service:
    Path(sys.argv[1]).write_text(str(service._process.pid))
    Path(sys.argv[1]).rename(sys.argv[2])
    time.sleep(float(sys.argv[3]))
"""


def awaited(file: Path) -> int:
    end = time.monotonic() + 20
    while not file.exists():
        assert time.monotonic() < end, "the command did not start its service in time"
        time.sleep(0.01)
    return int(file.read_text())


def runs(pid: int) -> bool:
    """Whether there is such a process; one that has ended is nobody's child here, so it does not linger."""
    return subprocess.run(["kill", "-0", str(pid)], stderr=subprocess.DEVNULL, check=False).returncode == 0


# What starts the tests may ignore the signal (nohup) or keep it back, and what they start would.
AS_IF_BY_HAND = (
    "import signal\n"
    "signal.signal(signal.SIGHUP, signal.SIG_DFL)\n"
    "signal.pthread_sigmask(signal.SIG_UNBLOCK, (signal.SIGHUP,))\n"
)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_a_command_that_is_ended_takes_its_service_with_it(number: signal.Signals, tmp_path: Path) -> None:
    arguments = [str(tmp_path / "writing"), str(tmp_path / "pid"), "60"]
    script = AS_IF_BY_HAND + STARTS_A_SERVICE
    with subprocess.Popen([sys.executable, "-c", script, *arguments], env=IMPORTING_LABGLOSS) as command:
        pid = awaited(tmp_path / "pid")
        assert runs(pid)
        command.send_signal(number)
        assert command.wait(timeout=20) == 128 + number
    assert not runs(pid)


def test_a_signal_that_is_ignored_stays_ignored(tmp_path: Path) -> None:
    arguments = [str(tmp_path / "writing"), str(tmp_path / "pid"), "0.5"]
    command = ["nohup", sys.executable, "-c", STARTS_A_SERVICE, *arguments]
    with subprocess.Popen(command, env=IMPORTING_LABGLOSS, stdin=subprocess.DEVNULL) as started:
        awaited(tmp_path / "pid")
        started.send_signal(signal.SIGHUP)
        assert started.wait(timeout=20) == 0
