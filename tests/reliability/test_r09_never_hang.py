"""R9: whatever goes wrong at whatever point, the call ends with a status that is not its caller's patience."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Mapping
from concurrent.futures import CancelledError
from pathlib import Path
from types import MappingProxyType
from typing import Any

import grpc
import pytest

from labgloss.evidence.evidence import Evidence
from labgloss.knowledge.release import Release
from labgloss.server import calls as calls_module
from labgloss.server import handlers, releases
from labgloss.server.handlers import InterpretationHandlers
from labgloss.wire.written import ReportWriter
from tests.reliability.table import Table
from tests.server.wire import BATCH, INTERPRET, STREAM, Served, batch, serving, unary

# A caller that is patient: a call that hangs ends by its deadline, anything else long before.
PATIENCE_SECONDS = 20.0
# Where a defect may sit: a module or class, and the name of what fails there.
POINTS: Mapping[str, tuple[Any, str]] = MappingProxyType(
    {
        "parse": (handlers, "parsed"),
        "decode": (handlers, "decode_panel"),
        "write": (ReportWriter, "written"),
        "frame": (handlers, "answer_of"),
        "frame several": (handlers, "answer_of_outcomes"),
        "answer": (InterpretationHandlers, "_decided"),
        "record": (Evidence, "answered"),
        "begin": (Evidence, "begun"),
        "end": (Evidence, "ended"),
        "status": (calls_module, "status_of"),
        "release": (releases.Releases, "current"),
    }
)


def _raise(error: BaseException) -> Callable[..., Any]:
    def fail(*_: object, **__: object) -> Any:
        raise error

    return fail


def _give(value: object) -> Callable[..., Any]:
    return lambda *_, **__: value


FAULTS: Mapping[str, Callable[[], Callable[..., Any]]] = MappingProxyType(
    {
        "an exception": lambda: _raise(RuntimeError("fault")),
        "SystemExit": lambda: _raise(SystemExit(3)),
        "KeyboardInterrupt": lambda: _raise(KeyboardInterrupt()),
        "GeneratorExit": lambda: _raise(GeneratorExit()),
        "StopIteration": lambda: _raise(StopIteration()),
        "CancelledError": lambda: _raise(CancelledError()),
        "asyncio's CancelledError": lambda: _raise(asyncio.CancelledError()),
        "MemoryError": lambda: _raise(MemoryError()),
        "RecursionError": lambda: _raise(RecursionError()),
        "gRPC's own error": lambda: _raise(grpc.RpcError()),
        "nothing returned": lambda: _give(None),
        "a text returned": lambda: _give("text"),
        "a wrong type returned": lambda: _give(object()),
        "too much returned": lambda: _give(b"x" * 5_000_000),
    }
)


def ended(served: Served, method: str) -> str:
    """The status of one call; a connection that has come to its age is waited for."""
    waiting: dict[str, Any] = {"timeout": PATIENCE_SECONDS, "wait_for_ready": True}
    try:
        if method == STREAM:
            list(served.channel.stream_stream(method)(iter([batch("a"), batch("b")]), **waiting))
        else:
            served.channel.unary_unary(method)(unary() if method == INTERPRET else batch("a", "b"), **waiting)
    except grpc.RpcError as error:
        return f"{error.code().name} {error.details()}"
    return "OK"


@pytest.mark.timeout(3600)
@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_no_fault_at_any_point_leaves_a_caller_waiting(
    table: Table, release: Release, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    times = table.size(4, 100)
    hung, dead, slowest, count = [], [], 0.0, 0
    records = tmp_path / "records"
    records.mkdir()
    # A call that something still holds when it has ended counts as under way: what holds some shuts the connection.
    with serving(release, audit=str(records), connection_calls=4) as served:
        for (point, (owner, name)), (fault, make) in (
            (point, fault) for point in POINTS.items() for fault in FAULTS.items()
        ):
            for method in (INTERPRET, BATCH, STREAM) * times:
                with pytest.MonkeyPatch.context() as patched:
                    failing = make()
                    patched.setattr(owner, name, property(failing) if name == "current" else failing)
                    begun = time.monotonic()
                    status = ended(served, method)
                    slowest = max(slowest, time.monotonic() - begun)
                count += 1
                # UNKNOWN is gRPC's own answer to an exception, with its text.
                if status.startswith(("DEADLINE_EXCEEDED", "UNKNOWN")):
                    hung.append(f"{point}: {fault}: {method.rpartition('/')[2]}")
            if (after := ended(served, INTERPRET)) != "OK":
                dead.append(f"{point}: {fault}: {after}")
        with pytest.MonkeyPatch.context() as patched:
            patched.setattr(handlers, "decode_panel", lambda *_: time.sleep(3))
            control = "OK"
            try:
                served.call(INTERPRET, unary(), timeout=1)
            except grpc.RpcError as error:
                control = error.code().name
    capfd.readouterr()
    table.settle(
        "R9",
        "faults at every point: calls that hang or end UNKNOWN, and a service that does not serve afterwards",
        size=f"{count} calls: {len(POINTS)} points, {len(FAULTS)} faults, 3 methods",
        figure=f"{len(hung)} hung, {len(dead)} not serving afterwards{': ' if hung or dead else ''}"
        f"{'; '.join((*hung, *dead)[:5])}",
        target="0, 0",
        held=not hung and not dead,
        control=f"a point that sleeps longer than its caller waits: {control}",
        found=control == "DEADLINE_EXCEEDED",
    )
    table.report(
        "R9", "the slowest faulted call", size="", figure=f"{slowest * 1_000:.0f} ms", target="deadline + 100 ms"
    )
