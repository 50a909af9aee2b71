"""R8: of what a caller sends nothing turns up anywhere but in its own answer."""

from __future__ import annotations

import re
import urllib.request
from collections.abc import Mapping, Sequence
from pathlib import Path
from random import Random

import grpc
import pytest

from labgloss.knowledge.loader import DATA
from labgloss.v1 import interpretation_pb2 as pb
from tests.reliability.messages import PATHS
from tests.reliability.processes import ServiceProcess
from tests.reliability.table import Table
from tests.server.canaries import Canaries, answered, defective, metadata, refused, spelled

CALL_SECONDS = 60.0
# Every text canary begins so, in whatever spelling; what follows is chance.
MARKER = "canary"
DIGITS = 10
# How calls must have ended, or not every way was tried.
WAYS = {
    "OK", "INVALID_ARGUMENT", "NOT_FOUND", "RESOURCE_EXHAUSTED", "INTERNAL", "DEADLINE_EXCEEDED", "UNIMPLEMENTED",
}  # fmt: skip
LEAKS = ("leak_to_stdout", "leak_to_stderr", "leak_to_status")
LOUD = {"GRPC_VERBOSITY": "debug", "PYTHONFAULTHANDLER": "1"}


def call(channel: grpc.Channel, canaries: Canaries, kind: int) -> bytes:
    """One call that ends in one of the ways that calls end in; what came beside the answer: status and trailers."""
    panels = [(answered, refused, defective)[kind % 3](canaries) for _ in range(2)]
    several = pb.BatchInterpretPanelsRequest(panels=panels).SerializeToString()
    torn = canaries.text().encode()
    name, body = (
        ("InterpretPanel", pb.InterpretPanelRequest(panel=panels[0]).SerializeToString()),
        ("BatchInterpretPanels", several),
        ("StreamInterpretPanels", several),
        ("InterpretPanel", torn),
        ("GetRule", b"\x0a" + bytes([len(torn)]) + torn),
        ("late", several),
        ("unknown", torn),
        ("InterpretPanel", torn * 3_000),
    )[kind // 3 % 8]
    headers = metadata(canaries)
    path, seconds = PATHS.get(name, PATHS["BatchInterpretPanels"]), CALL_SECONDS
    if name == "unknown":
        # Also the name of a method is a text that callers choose.
        path = f"/labgloss.v1.InterpretationService/{canaries.text()}"
    elif name == "late":
        seconds = 0.001
    if name == "StreamInterpretPanels":
        # As if it had one answer: a call that fails then still has all that came beside it.
        pending = channel.stream_unary(path).future(iter([body]), metadata=headers, timeout=seconds)
    else:
        pending = channel.unary_unary(path).future(body, metadata=headers, timeout=seconds)
    beside = (pending.code(), pending.details(), pending.initial_metadata(), pending.trailing_metadata())
    return repr(beside).encode()


def found(sinks: Mapping[str, bytes], canaries: Canaries) -> list[str]:
    """The sinks that hold a canary: its marker in any spelling, or ten digits of a number in a row."""
    numbers = {sown[3 : 3 + DIGITS] for sown in canaries.sown if sown[0] == "0"}
    marker = re.compile(b"|".join(re.escape(form) for form in spelled(MARKER) if len(form) > 3))
    leaked = []
    for name, content in sinks.items():
        runs = re.findall(rb"\d{%d,}" % DIGITS, content)
        windows = (run[at : at + DIGITS].decode() for run in runs for at in range(len(run) - DIGITS + 1))
        if marker.search(content) or any(window in numbers for window in windows):
            leaked.append(name)
    return leaked


def sinks_after(
    calls: int, canaries: Canaries, folder: Path, flags: Sequence[str] = (), broken: str = ""
) -> dict[str, bytes]:
    """What every sink holds after so many calls."""
    (folder / "records").mkdir(parents=True)
    key = folder / "key"
    key.write_bytes(b"0123456789abcdef0123456789abcdef")
    settings = (
        "--audit",
        str(folder / "records"),
        "--audit-key",
        str(key),
        "--metrics-port",
        "0",
        "--drain-seconds",
        "0",
        *flags,
    )
    with (
        ServiceProcess(folder, *settings, broken=broken, environment=LOUD) as service,
        grpc.insecure_channel(service.target) as channel,
    ):
        beside = b"".join(call(channel, canaries, kind) for kind in range(calls))
        (port,) = {int(str(line["port"])) for line in service.log if line["event"] == "metrics"}
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=30) as page:
            metrics = page.read()
        told = b"".join(
            Path(f"/proc/{pid}/{name}").read_bytes() for pid in service.pids for name in ("cmdline", "environ")
        )
        service.stop()
    return {
        "stdout": service.stdout.read_bytes(),
        "stderr": service.stderr.read_bytes(),
        "records": b"".join(path.read_bytes() for path in sorted((folder / "records").iterdir())),
        "metrics": metrics,
        "status and trailers": beside,
        "cmdline and environ": told,
    }


@pytest.mark.timeout(3600)
def test_nothing_that_a_caller_sends_turns_up(table: Table, tmp_path: Path) -> None:
    wanted = table.size(100_000, 2_000_000)
    canaries = Canaries(Random(8))
    # Some fifty canaries a call.
    sinks: dict[str, bytes] = {}
    run = 0
    while len(canaries.sown) < wanted:
        for name, content in sinks_after(1_500, canaries, tmp_path / str(run), broken="tell_defects").items():
            sinks[name] = sinks.get(name, b"") + content
        run += 1
    leaked = found(sinks, canaries)
    ended = sorted({name.decode() for name in re.findall(rb"StatusCode\.([A-Z_]+)", sinks["status and trailers"])})
    controls = []
    for leak in LEAKS:
        few = Canaries(Random(9))
        controls.append(", ".join(found(sinks_after(15, few, tmp_path / leak, broken=leak), few)) or "nothing")
    few = Canaries(Random(10))
    told = sinks_after(1, few, tmp_path / "told", flags=("--knowledge", str(linked(tmp_path / few.text()))))
    controls.append(", ".join(found({"cmdline and environ": told["cmdline and environ"]}, few)) or "nothing")
    table.settle(
        "R8",
        "canaries in every text, number and header: sinks that hold one",
        size=f"{len(canaries.sown)} canaries, {len(sinks)} sinks, {sum(map(len, sinks.values()))} bytes",
        figure=f"{len(leaked)}{': ' if leaked else ''}{', '.join(leaked)}; calls ended {', '.join(ended)}",
        target="0",
        held=not leaked and WAYS <= set(ended),
        control=f"leaks on purpose are found in: {'; '.join(controls)} (records, metrics, spans: tests/server)",
        found=["stdout", "stderr", "status and trailers", "cmdline and environ"] == controls,
    )


def linked(path: Path) -> Path:
    """The knowledge that ships, under another name."""
    path.symlink_to(DATA)
    return path
