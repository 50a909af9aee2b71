"""Several workers on one port, as processes: forked, restarted, drained and reloaded by a supervisor without gRPC."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import grpc
import pytest

from labgloss.errors import SettingsError
from labgloss.knowledge.loader import load
from labgloss.server.app import start
from labgloss.server.port import hold_port
from labgloss.server.settings import Settings
from labgloss.v1 import interpretation_pb2 as pb
from tests.server.processes import PROGRAM, Service, is_alive, service, status_of, until
from tests.server.test_overlay_over_grpc import EXAMPLE
from tests.server.wire import BATCH, INTERPRET, batch, unary


def serving(started: Service, workers: int = 2) -> tuple[int, list[int]]:
    """The port, and the workers once all serve."""
    (supervising,) = started.next("supervising")
    lines = started.next("serving", count=workers)
    assert {supervising["port"]} == {line["port"] for line in lines}
    assert [started.pid] == [supervising["pid"]]
    return int(supervising["port"]), [int(line["pid"]) for line in lines]


def call(port: int, method: str = INTERPRET, body: bytes | None = None) -> bytes:
    """An answer, over a connection of its own."""
    options = (("grpc.use_local_subchannel_pool", 1),)
    with grpc.insecure_channel(f"127.0.0.1:{port}", options) as channel:
        return bytes(channel.unary_unary(method)(unary() if body is None else body, timeout=5, wait_for_ready=True))


def overlay(port: int) -> str:
    return str(pb.InterpretPanelResponse.FromString(call(port)).report.release.overlay)


def children(pid: int) -> list[int]:
    return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def test_workers_share_the_port_and_the_calls() -> None:
    with service(workers=2) as started:
        port, pids = serving(started)
        assert sorted(pids) == sorted(children(started.pid))
        for _ in range(40):
            call(port)
        started.signal(signal.SIGTERM)
        lines, _ = started.rest()
        assert {0, 1} == {line["worker"] for line in lines if line["event"] == "call"}


def test_a_supervisor_makes_nothing_of_grpc(tmp_path: Path) -> None:
    """Neither while it starts workers nor while it restarts one; and it has one thread, gRPC would start others."""
    made = tmp_path / "made"
    watched = f"""
import os
from grpc._cython import cygrpc
def watched(kind):
    def make(*given, **named):
        with open({str(made)!r}, "a") as file:
            print(os.getpid(), kind.__name__, file=file)
        return kind(*given, **named)
    return make
for kind in (cygrpc.Server, cygrpc.Channel, cygrpc.CompletionQueue):
    setattr(cygrpc, kind.__name__, watched(kind))
"""
    with service(watched + PROGRAM, workers=2) as started:
        _, pids = serving(started)
        os.kill(pids[0], signal.SIGKILL)
        (again,) = started.next("serving")
        assert "1" == status_of(started.pid)["Threads"]
        makers = {int(line.split()[0]) for line in made.read_text().splitlines()}
        assert {*pids, again["pid"]} == makers


def test_a_worker_that_is_killed_is_back_soon_and_nobody_is_left_unburied() -> None:
    with service(workers=2) as started:
        port, pids = serving(started)
        for _ in range(3):
            time.sleep(1.1)
            killed = pids.pop(0)
            at = time.monotonic()
            os.kill(killed, signal.SIGKILL)
            (ended,) = started.next("worker_ended")
            assert (killed, "SIGKILL", 0.0) == (ended["pid"], ended["signal"], ended["wait_seconds"])
            (line,) = started.next("serving")
            # 0.6 s is the target, measured by tests/reliability on a quiet machine.
            assert time.monotonic() - at < 3
            assert ended["worker"] == line["worker"]
            pids.append(line["pid"])
            assert sorted(pids) == sorted(children(started.pid))
        call(port)


def test_a_worker_that_hangs_is_replaced_and_no_other() -> None:
    impatient = """
from labgloss.server import orders, supervisor
orders.BEAT_SECONDS = 0.1
supervisor._SILENT_SECONDS = 6.0
"""
    with service(impatient + PROGRAM, workers=2) as started:
        port, pids = serving(started)
        os.kill(pids[0], signal.SIGSTOP)
        (silent,) = started.next("worker_silent")
        assert pids[0] == silent["pid"]
        assert silent["seconds"] >= 6
        (ended,) = started.next("worker_ended")
        assert (pids[0], "SIGKILL") == (ended["pid"], ended["signal"])
        started.next("serving")
        for _ in range(8):
            call(port)
        time.sleep(7)
        started.signal(signal.SIGTERM)
        started.rest()
        assert 1 == [line["event"] for line in started.lines].count("worker_ended")


def test_workers_outlive_a_time_in_which_everything_stood_still() -> None:
    impatient = """
from labgloss.server import orders, supervisor
orders.BEAT_SECONDS = 0.1
supervisor._SILENT_SECONDS = 2.0
"""
    with service(impatient + PROGRAM, workers=2) as started:
        _, pids = serving(started)
        everybody = (*pids, started.pid)
        for pid in everybody:
            os.kill(pid, signal.SIGSTOP)
        time.sleep(4)
        for pid in reversed(everybody):
            os.kill(pid, signal.SIGCONT)
        time.sleep(1)
        started.signal(signal.SIGTERM)
        started.rest()
        assert "worker_silent" not in {line["event"] for line in started.lines}


def test_sigterm_drains_all_and_what_still_comes_is_answered() -> None:
    with service(workers=2, drain_seconds=1) as started:
        port, pids = serving(started)
        at = time.monotonic()
        started.signal(signal.SIGTERM)
        started.next("draining", count=3)
        call(port)
        lines, err = started.rest()
        assert time.monotonic() - at >= 1
        assert (0, "") == (started.process.returncode, err)
        assert ["call", "stopped", "stopped", "stopped"] == [line["event"] for line in lines]
        assert not any(map(is_alive, pids))


def test_a_signal_for_the_whole_group_counts_once() -> None:
    """As of a service manager that signals every process: a worker takes it for nothing, its supervisor tells it."""
    with service(workers=2, drain_seconds=1) as started:
        _, pids = serving(started)
        at = time.monotonic()
        for pid in (*pids, started.pid):
            os.kill(pid, signal.SIGTERM)
        started.rest()
        assert (0, True) == (started.process.returncode, time.monotonic() - at >= 1)


@pytest.mark.parametrize("second", [signal.SIGTERM, signal.SIGINT])
def test_a_second_signal_stops_at_once(second: signal.Signals) -> None:
    with service(workers=2, drain_seconds=60) as started:
        _, pids = serving(started)
        started.signal(signal.SIGTERM)
        started.next("draining", count=3)
        at = time.monotonic()
        started.signal(second)
        started.rest()
        assert (0, True) == (started.process.returncode, time.monotonic() - at < 4)
        assert not any(map(is_alive, pids))


def test_workers_end_with_a_supervisor_that_is_killed() -> None:
    with service(workers=2, drain_seconds=60) as started:
        port, pids = serving(started)
        started.signal(signal.SIGKILL)
        until(lambda: not any(map(is_alive, pids)))
        with socket.create_server(("127.0.0.1", port)):
            pass


def test_a_worker_that_ends_at_once_again_and_again_ends_the_service() -> None:
    broken = """
import os
from labgloss.server import supervisor
supervisor.serve_until_told = lambda *_: os._exit(7)
supervisor._LONGEST_WAIT_SECONDS = 0.1
"""
    with service(broken + PROGRAM, workers=2) as started:
        lines, err = started.rest()
        assert 1 == started.process.returncode
        assert (
            "labgloss: worker 0 ended 6 times in a row within 1 s of its start, the last time with exit code 7; "
            "the log says more. The service stops.\n"
        ) == err
        ended = [line for line in lines if line["event"] == "worker_ended"]
        assert [0.1] * 5 == [line["wait_seconds"] for line in ended[:-1]]
        assert [7] * 6 == [line["exit_code"] for line in ended]


def test_a_worker_that_cannot_start_is_tried_again_while_another_serves(tmp_path: Path) -> None:
    """As when what the settings name is away for a while."""
    away = tmp_path / "away"
    broken = f"""
import os
from labgloss.server import supervisor
told = supervisor.serve_until_told
def refusing(settings, release, log, wait, reload, on_serving, worker, *more):
    if worker == 1 and os.path.exists({str(away)!r}):
        raise supervisor.SettingsError(("x",))
    told(settings, release, log, wait, reload, on_serving, worker, *more)
supervisor.serve_until_told = refusing
supervisor._LONGEST_WAIT_SECONDS = 0.1
"""
    with service(broken + PROGRAM, workers=2) as started:
        port, _ = serving(started)
        away.touch()
        (pid,) = (line["pid"] for line in started.lines if line["event"] == "serving" and line["worker"] == 1)
        os.kill(pid, signal.SIGKILL)
        # The one that was killed, and more than would end the service.
        started.next("worker_ended", count=9)
        call(port)
        away.unlink()
        assert [1] == [line["worker"] for line in started.next("serving")]
        started.signal(signal.SIGTERM)
        started.rest()
        assert 0 == started.process.returncode


def test_a_first_worker_that_cannot_start_as_the_settings_say_is_heard_once() -> None:
    broken = """
from labgloss.server import supervisor
def refusing(*_):
    raise supervisor.SettingsError(("LABGLOSS_X: is wrong",))
supervisor.serve_until_told = refusing
"""
    with service(broken + PROGRAM, workers=3) as started:
        lines, err = started.rest()
        assert (2, "labgloss: cannot start so:\n  LABGLOSS_X: is wrong\n") == (started.process.returncode, err)
        assert 1 == [line["event"] for line in lines].count("worker_ended")


def test_a_worker_waits_longer_each_time_that_it_ends_at_once() -> None:
    from labgloss.server.supervisor import _wait_before

    assert [0.0, 0.1, 0.2, 0.4, 0.8, 1.6] == [_wait_before(lives) for lives in range(6)]
    assert 5.0 == _wait_before(30)


def test_a_defect_at_the_start_is_named_by_its_type_alone() -> None:
    broken = """
from labgloss.server import supervisor
def failing(*_):
    raise ValueError("canary7391")
supervisor.serve_until_told = failing
supervisor._LONGEST_WAIT_SECONDS = 0.01
"""
    with service(broken + PROGRAM, workers=2) as started:
        lines, err = started.rest()
        assert "canary7391" not in err + str(lines)
        assert ["ValueError"] * 6 == [line["error_type"] for line in lines if line["event"] == "defect"]


# ------------------------------------------------------------------------------------------------------------ the port


def taken(port: int) -> str:
    return (
        f"127.0.0.1:{port} cannot be listened on: Address already in use; choose another by --host and --port, "
        "or LABGLOSS_HOST and LABGLOSS_PORT (port 0 takes any free one)"
    )


def test_another_service_on_the_port_of_workers_is_refused_whether_it_has_workers_or_not() -> None:
    with service(workers=2) as started:
        port, _ = serving(started)
        for workers in (1, 2):
            settings = Settings(port=port, workers=workers)
            with pytest.raises(SettingsError) as raised:
                start(settings, load()) if workers == 1 else hold_port(settings, port)
            assert (taken(port),) == raised.value.faults


@pytest.mark.parametrize("shares", [False, True])
def test_workers_are_refused_a_port_on_which_somebody_listens(shares: bool) -> None:
    with socket.socket() as other:
        if shares:
            other.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        with pytest.raises(SettingsError) as raised:
            hold_port(Settings(workers=2), port)
        assert (taken(port),) == raised.value.faults


def test_a_port_that_is_held_takes_no_connection_and_is_free_afterwards() -> None:
    with hold_port(Settings(workers=2), 0) as held, pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", held.port), timeout=1)
    with socket.create_server(("127.0.0.1", held.port)):
        pass


def test_a_host_that_is_not_this_machine_cannot_be_held() -> None:
    with pytest.raises(
        SettingsError, match=r"^192\.0\.2\.1:0 cannot be listened on: Cannot assign requested address; "
    ):
        hold_port(Settings(host="192.0.2.1", plaintext=True, workers=2), 0)


# ---------------------------------------------------------------------------------------------------------- reloading


@pytest.fixture
def site(tmp_path: Path) -> Path:
    """An overlay that can be changed."""
    path = tmp_path / "site.toml"
    path.write_text(EXAMPLE.read_text())
    return path


def rename(site: Path, name: str) -> None:
    site.write_text(EXAMPLE.read_text().replace('"example-hospital"', f'"{name}"'))


@pytest.mark.parametrize("workers", [1, 2])
def test_sighup_puts_a_changed_overlay_in_force_in_every_process(site: Path, workers: int) -> None:
    with service(workers=workers, overlay=site) as started:
        lines = started.next("serving", count=workers)
        port = lines[0]["port"]
        assert "example-hospital" == overlay(port)
        rename(site, "another-hospital")
        started.signal(signal.SIGHUP)
        # The supervisor's own, and each worker's.
        reloaded = started.next("reloaded", count=workers if workers == 1 else workers + 1)
        assert {"another-hospital"} == {line["overlay"] for line in reloaded}
        assert {"another-hospital"} == {overlay(port) for _ in range(8)}
        if workers > 1:
            os.kill(lines[0]["pid"], signal.SIGKILL)
            (again,) = started.next("serving")
            assert "another-hospital" == again["overlay"]
        started.signal(signal.SIGHUP)
        started.next("unchanged")


@pytest.mark.parametrize("workers", [1, 2])
def test_a_faulty_overlay_leaves_the_old_one_in_force_and_the_log_names_every_fault(site: Path, workers: int) -> None:
    with service(workers=workers, overlay=site) as started:
        port = started.next("serving", count=workers)[0]["port"]
        site.write_text(EXAMPLE.read_text().replace(", date = 2026-01-15", ""))
        started.signal(signal.SIGHUP)
        (kept,) = started.next("kept")
        faults = [line for line in started.lines if line["event"] == "fault"]
        assert len(faults) > 1
        assert {str(site)} == {line["file"] for line in faults}
        assert all(line["key"] and line["reason"] for line in faults)
        assert "example-hospital" == kept["overlay"]
        assert {"example-hospital"} == {overlay(port) for _ in range(4)}


def test_answers_go_on_while_a_check_runs_and_a_second_sighup_is_not_lost(site: Path, tmp_path: Path) -> None:
    gate = tmp_path / "gate"
    os.mkfifo(gate)
    waits = f"open({str(gate)!r}).read()\n"
    slow = PROGRAM.replace("serving = serve", f"check[2] = {waits!r} + check[2]\nserving = serve")
    with service(slow, workers=1, overlay=site) as started:
        port = started.next("serving")[0]["port"]
        started.signal(signal.SIGHUP)
        started.next("reloading")
        assert "example-hospital" == overlay(port)
        rename(site, "another-hospital")
        started.signal(signal.SIGHUP)
        gate.write_text("")
        started.next("unchanged", "reloaded")
        started.next("reloading")
        gate.write_text("")
        started.next("unchanged", "reloaded")
        assert "another-hospital" == overlay(port)


def test_a_check_that_dies_leaves_the_old_release_in_force(site: Path) -> None:
    dying = PROGRAM.replace("serving = serve", "check[2] = 'raise SystemExit(9)'\nserving = serve")
    with service(dying, workers=1, overlay=site) as started:
        started.next("serving")
        started.signal(signal.SIGHUP)
        (fault,) = started.next("fault")
        assert "the check ended with exit code 9 and found nothing" == fault["reason"]
        started.next("kept")


def test_files_that_change_after_they_were_checked_are_not_served(site: Path) -> None:
    other = site.with_name("other.toml")
    rename(other, "checked-hospital")
    swapped = PROGRAM.replace("serving = serve", f"check[4] = {str(other)!r}\nserving = serve")
    with service(swapped, workers=1, overlay=site) as started:
        port = started.next("serving")[0]["port"]
        started.signal(signal.SIGHUP)
        (fault,) = started.next("fault")
        assert "the files changed after they were checked; reload again" == fault["reason"]
        assert "example-hospital" == overlay(port)


def test_what_workers_serve_is_what_was_checked_whatever_becomes_of_the_files(site: Path) -> None:
    """The file is gone as soon as the supervisor has loaded it, and stays away."""
    taking = f"""
import os
from labgloss.server import reload
loading = reload.load
def load_and_take_away(folder, overlay):
    release = loading(folder, overlay)
    os.rename(overlay, {str(site.with_suffix(".gone"))!r})
    return release
reload.load = load_and_take_away
"""
    with service(taking + PROGRAM, workers=2, overlay=site) as started:
        port, pids = serving(started)
        rename(site, "another-hospital")
        started.signal(signal.SIGHUP)
        reloaded = started.next("reloaded", count=3)
        # The supervisor says so last: then every worker has it.
        assert {0, 1} == {line.get("worker") for line in reloaded[:2]}
        assert {"another-hospital"} == {line["overlay"] for line in reloaded}
        assert {"another-hospital"} == {overlay(port) for _ in range(16)}
        os.kill(pids[0], signal.SIGKILL)
        (again,) = started.next("serving")
        assert reloaded[2]["overlay_digest"] == again["overlay_digest"]
        assert not {"fault", "kept"} & {line["event"] for line in started.lines}


def test_a_worker_that_cannot_take_what_was_checked_is_replaced_by_one_that_has_it(site: Path) -> None:
    refusing = f"""
import os
from labgloss.server import app
reading = app.read
def refusing(content):
    try:
        # By the first of both that comes.
        os.close(os.open({str(site.with_suffix(".refused"))!r}, os.O_CREAT | os.O_EXCL))
    except FileExistsError:
        return reading(content)
    raise MemoryError
app.read = refusing
"""
    with service(refusing + PROGRAM, workers=2, overlay=site) as started:
        port, _ = serving(started)
        rename(site, "another-hospital")
        started.signal(signal.SIGHUP)
        while "worker" in started.next("reloaded")[0]:
            pass
        started.next("serving")
        assert {"another-hospital"} == {overlay(port) for _ in range(16)}
        assert 1 == [line["event"] for line in started.lines].count("worker_ended")


def test_a_worker_that_was_not_told_yet_holds_back_what_the_supervisor_says(site: Path) -> None:
    with service(workers=2, overlay=site) as started:
        _, pids = serving(started)
        os.kill(pids[0], signal.SIGSTOP)
        rename(site, "another-hospital")
        started.signal(signal.SIGHUP)
        (reloaded,) = started.next("reloaded")
        assert 1 == reloaded["worker"] if started.lines[1]["pid"] == pids[0] else 0
        started.signal(signal.SIGHUP)
        time.sleep(1)
        os.kill(pids[0], signal.SIGCONT)
        events = [started.next("reloaded", "unchanged")[0] for _ in range(3)]
        assert [("reloaded", True), ("reloaded", False), ("unchanged", False)] == [
            (line["event"], "worker" in line) for line in events
        ]


def test_long_lines_of_several_workers_stay_apart() -> None:
    """A batch of many rules logs more than a pipe takes in one piece; every line is read as JSON by `next`."""
    with service(workers=2) as started:
        port, _ = serving(started)
        body = batch(*(str(number) for number in range(3)))
        for _ in range(10):
            call(port, BATCH, body)
        started.next("call", count=10)


ENDS = """
import sys
import labgloss.server.supervisor
from labgloss.errors import SettingsError

def ending(settings, release, log, wait, reload, on_serving, *_):
    on_serving(release.reference)
    log.info("call")
    {}

labgloss.server.supervisor.serve_until_told = ending
"""


@pytest.mark.parametrize(
    ("how", "code"), [("return", 0), ("sys.exit(3)", 1), ("raise SettingsError(('x',))", 2), ("sys.stderr.close()", 0)]
)
def test_a_worker_writes_what_it_gathered_before_it_ends(how: str, code: int) -> None:
    """It ends by os._exit, which runs nothing that Python runs at its end."""
    with service(ENDS.format(how) + PROGRAM, workers=2) as started:
        lines, _ = started.rest()
    ended = [line["worker"] for line in lines if line["event"] == "worker_ended" and line["exit_code"] == code]
    said = [line["worker"] for line in lines if line["event"] == "call"]
    assert len(ended) >= 6
    assert [number for number in (0, 1) if said.count(number) >= ended.count(number)] == [0, 1]


def test_the_command_serves_with_workers_and_checks_what_is_reloaded() -> None:
    command = [sys.executable, "-m", "labgloss", "serve", "--port", "0", "--workers", "2", "--drain-seconds", "0"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        try:
            started = Service(process)
            serving(started)
            started.signal(signal.SIGHUP)
            started.next("unchanged")
            started.signal(signal.SIGTERM)
            assert "" == started.rest()[1]
            assert 0 == process.returncode
        finally:
            process.kill()
