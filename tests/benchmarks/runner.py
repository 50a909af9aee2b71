"""Groups measured one after another, each in a process of its own that ends within its time, with all that it started.

What is done is written down after each group, so that a run that was ended can be taken up again.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory

from tests.benchmarks.figures import Row, Run, from_json, row_from_json, row_to_json, to_json
from tests.benchmarks.groups import GROUPS, Group
from tests.benchmarks.machine import Watch, machine
from tests.benchmarks.server_process import cores
from tests.benchmarks.size import SIZES, Size

_LOOK_SECONDS = 0.2
_STOP_SECONDS = 10.0


def begin(size: Size) -> Run:
    """A run without rows."""
    return Run(size.name, machine(), datetime.now(UTC).isoformat(timespec="seconds"))


def read(file: Path) -> Run:
    """The run that a file holds. Raises ValueError when it holds none, OSError when there is no such file."""
    try:
        return from_json(json.loads(file.read_text()))
    except (KeyError, TypeError, AttributeError, ValueError) as error:
        raise ValueError(f"{file} holds no run of the benchmarks: {error!r}") from None


def keep(file: Path, run: Run) -> None:
    """Writes the run, whole or not at all."""
    file.parent.mkdir(parents=True, exist_ok=True)
    written = file.with_name(f"{file.name}.new")
    written.write_text(json.dumps(to_json(run), indent=1) + "\n")
    written.rename(file)


def measure_all(run: Run, wanted: Sequence[str], after_each: Callable[[Run], None], say: Callable[[str], None]) -> Run:
    """The run with the rows of these groups; a group whose rows it has is not measured again."""
    for ident in wanted:
        group = GROUPS[ident]
        if all(row.id in run.rows and run.rows[row.id].ratios for row in group.rows):
            say(f"{ident}: taken from the run that is gone on with")
            continue
        begun = time.monotonic()
        rows = measure_apart(group, SIZES[run.size])
        run = _in_order(run.with_rows(rows))
        after_each(run)
        missing = sorted({row.missing for row in rows if row.missing})
        say(f"{ident}: {time.monotonic() - begun:.0f} s{'; not measured: ' if missing else ''}{'; '.join(missing)}")
    return run


def _in_order(run: Run) -> Run:
    """The run with its rows as the table has them; one that no group has any more is left out."""
    idents = (row.id for group in GROUPS.values() for row in group.rows)
    return replace(run, rows={ident: run.rows[ident] for ident in idents if ident in run.rows})


def measure_apart(group: Group, size: Size, command: Sequence[str] = ()) -> list[Row]:
    """The rows of a group, measured by a process of its own; those that it did not give say why.

    However this ends, the process and whatever it started have ended.
    """
    watch, before = Watch(), _cpu_of_children()
    with TemporaryDirectory(prefix="labgloss-benchmark-") as folder:
        out, said = Path(folder) / "rows.json", Path(folder) / "said"
        made = (
            sys.executable,
            "-m",
            "tests.benchmarks",
            "--measure",
            group.id,
            "--size",
            size.name,
            "--rows",
            str(out),
        )
        # To a file: a pipe would be held open by whatever outlives the process.
        with said.open("wb") as errors:
            process = subprocess.Popen(
                command or made, stdin=subprocess.DEVNULL, stdout=errors, stderr=errors, start_new_session=True
            )
        try:
            reason = _wait(process, group.seconds, said)
        finally:
            _end(process)
        conditions = watch.conditions(_cpu_of_children() - before)
        rows = [row_from_json(row) for row in json.loads(out.read_text())] if out.exists() else []
    found = {row.id: replace(row, conditions=conditions) for row in rows}
    return [found.get(row.id) or row.not_measured(reason or "its measurement gave no such row") for row in group.rows]


def _cpu_of_children() -> float:
    """CPU seconds of the processes that ended, and of those that they waited for."""
    used = os.times()
    return used.children_user + used.children_system


def _wait(process: subprocess.Popen[bytes], seconds: float, said: Path) -> str:
    """Why the process gave no rows; empty when it ended well."""
    try:
        code = process.wait(seconds)
    except subprocess.TimeoutExpired:
        return f"was not done after {seconds:.0f} s"
    if code:
        lines = said.read_text(errors="replace").strip().splitlines()
        return f"ended with exit code {code}: {lines[-1] if lines else 'it said nothing'}"
    return ""


def _end(process: subprocess.Popen[bytes]) -> None:
    """Ends the process and all of its session: servers get the time to end by themselves."""
    for number in (signal.SIGTERM, signal.SIGKILL):
        with suppress(ProcessLookupError):
            os.killpg(process.pid, number)
        with suppress(subprocess.TimeoutExpired):
            process.wait(_STOP_SECONDS)
            if number == signal.SIGTERM and not _session_lives(process.pid):
                return
    process.wait()


def _session_lives(pid: int) -> bool:
    end = time.monotonic() + _STOP_SECONDS
    while time.monotonic() < end:
        try:
            os.killpg(pid, 0)
        except ProcessLookupError:
            return False
        time.sleep(_LOOK_SECONDS)
    return True


def measure_here(ident: str, size: Size, out: Path) -> None:
    """Measures a group in this process, and writes its rows after each one: it is kept when the next one fails."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    group = GROUPS[ident]
    if group.apart:
        os.sched_setaffinity(0, cores()[1])
    rows: list[Row] = []
    # In the folder of whoever started this, who removes it also when this process is killed.
    with TemporaryDirectory(dir=out.parent) as folder:
        for row in group.measure(size, Path(folder)):
            rows.append(row)
            out.write_text(json.dumps([row_to_json(one) for one in rows]))
