"""A service as a process of its own: where it listens, what it wrote, what it holds; its workers are counted in."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from types import TracebackType

import labgloss

ROOT = Path(__file__).parents[2]
_START_SECONDS = 120.0
_STOP_SECONDS = 20.0
_TICKS_PER_SECOND = os.sysconf("SC_CLK_TCK")


class ServiceProcess:
    """`labgloss serve`, or the same with something broken on purpose (broken.py); killed on leaving the context.

    Its output goes to files in `folder`, so that nothing holds it up and everything can be searched.
    """

    def __init__(self, folder: Path, *flags: str, broken: str = "", environment: dict[str, str] | None = None) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.stdout, self.stderr = folder / "stdout", folder / "stderr"
        program = ("-m", "tests.reliability.broken", broken) if broken else ("-m", "labgloss")
        given = flags if "--port" in flags else (*flags, "--port", "0")
        command = (sys.executable, *program, "serve", *given)
        with self.stdout.open("wb") as out, self.stderr.open("wb") as err:
            self.process = subprocess.Popen(
                command,
                cwd=ROOT,
                env=service_environment() | (environment or {}),
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=err,
                start_new_session=True,
            )
        try:
            self.port = self._port()
        except BaseException:
            self.kill()
            raise
        self.target = f"127.0.0.1:{self.port}"

    def __enter__(self) -> ServiceProcess:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.kill()

    @property
    def pids(self) -> tuple[int, ...]:
        """The process and everything below it, in the order of their ids."""
        return tuple(sorted(_tree(self.process.pid)))

    @property
    def anonymous_bytes(self) -> int:
        """Memory of its own that is resident, in the whole tree."""
        return sum(_status(pid, "RssAnon") for pid in self.pids) * 1024

    @property
    def descriptors(self) -> int:
        """Open files and sockets, in the whole tree."""
        return sum(sum(1 for _ in Path(f"/proc/{pid}/fd").iterdir()) for pid in self.pids)

    @property
    def cpu_seconds(self) -> float:
        """User and system time so far, to a tick of 10 ms."""
        ticks = 0
        for pid in self.pids:
            fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
            ticks += int(fields[11]) + int(fields[12])
        return ticks / _TICKS_PER_SECOND

    @property
    def log(self) -> list[dict[str, object]]:
        """What it logged so far, whole lines only."""
        lines = self.stdout.read_bytes().split(b"\n")[:-1]
        return [json.loads(line) for line in lines]

    def stop(self, number: int = signal.SIGTERM) -> int:
        """Its exit code after a signal."""
        self.process.send_signal(number)
        return self.process.wait(_STOP_SECONDS)

    def kill(self) -> None:
        """Ends it and whatever it started."""
        if self.process.poll() is None:
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()

    def _port(self) -> int:
        end = time.monotonic() + _START_SECONDS
        while time.monotonic() < end:
            for line in self.log:
                if line["event"] == "serving":
                    return int(str(line["port"]))
            if self.process.poll() is not None:
                break
            time.sleep(0.02)
        raise AssertionError(f"the service does not serve: {self.stderr.read_text()[-2000:]}")


def service_environment() -> dict[str, str]:
    """The environment without settings of the service, in which it finds the package."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("LABGLOSS_")}
    package = str(Path(labgloss.__file__).parents[1])
    return kept | {"PYTHONPATH": os.pathsep.join((package, str(ROOT / "clients" / "python"), str(ROOT)))}


def _tree(pid: int) -> Iterator[int]:
    yield pid
    try:
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    except OSError:
        return
    for child in children:
        yield from _tree(int(child))


def _status(pid: int, name: str) -> int:
    """A figure of /proc/PID/status, in KiB."""
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith(f"{name}:"):
            return int(line.split()[1])
    return 0


def percentile(figures: Sequence[float], share: float) -> float:
    """The figure that this share of them does not exceed."""
    ordered = sorted(figures)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))]
