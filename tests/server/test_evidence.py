"""What is kept of calls: a record of each panel before its answer leaves, figures, spans; none with patient data."""

from __future__ import annotations

import errno
import hashlib
import hmac
import io
import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from random import Random
from typing import Any

import grpc
import pytest
from google.protobuf.message import Message

from labgloss.errors import SettingsError
from labgloss.evidence import evidence, records, tracing
from labgloss.evidence import journal as journal_module
from labgloss.evidence.verify import verify
from labgloss.knowledge.release import Release
from labgloss.log import make_log
from labgloss.server.app import start
from labgloss.server.calls import RECORD
from labgloss.server.settings import Settings
from labgloss.v1 import interpretation_pb2 as pb
from labgloss.v1.panel_pb2 import Panel
from tests.server.canaries import DEFECT, Canaries, Kept, found, found_after, raising, sinks_of
from tests.server.processes import PROGRAM, service
from tests.server.wire import BATCH, INTERPRET, Served, batch, panel, reason_of, serving, unary

SECRET = b"0123456789abcdef0123456789abcdef"
GET_RELEASE = "/labgloss.v1.KnowledgeService/GetRelease"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "records"
    made.mkdir()
    return made


@pytest.fixture
def key(tmp_path: Path) -> Path:
    made = tmp_path / "key"
    made.write_bytes(SECRET + b"\n")
    return made


def recorded(folder: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for path in sorted(folder.iterdir()) for line in path.read_bytes().splitlines()]


def decisions(folder: Path) -> list[dict[str, Any]]:
    return [record for record in recorded(folder) if record["kind"] == "decision"]


def digest(message: Message | bytes) -> str:
    content = message if isinstance(message, bytes) else message.SerializeToString(deterministic=True)
    return hmac.new(SECRET, content, hashlib.sha256).hexdigest()


def with_defect() -> Panel:
    """A panel that a defect meets."""
    made = panel("d")
    made.source = DEFECT
    return made


def refused(served: Served, method: str, body: bytes) -> grpc.RpcError:
    with pytest.raises(grpc.RpcError) as raised:
        served.call(method, body)
    return raised.value


# ------------------------------------------------------------------------------------------------ records


def test_each_panel_has_its_record_with_the_same_digests_on_every_way(
    release: Release, folder: Path, key: Path
) -> None:
    with serving(release, audit=str(folder), audit_key=key) as served:
        report = pb.InterpretPanelResponse.FromString(served.call(INTERPRET, unary("a"))).report
        served.call(BATCH, batch("a", "b"))
        list(served.open(iter([batch("a"), batch("b", "a")])))
        served.call(GET_RELEASE, b"")
    kept = decisions(folder)
    assert [
        ("InterpretPanel", 0, 1),
        ("BatchInterpretPanels", 0, 2),
        ("BatchInterpretPanels", 1, 2),
        ("StreamInterpretPanels", 0, 1),
        ("StreamInterpretPanels", 0, 2),
        ("StreamInterpretPanels", 1, 2),
    ] == [(each["method"], each["panel"], each["panels"]) for each in kept]
    of_a = [kept[position] for position in (0, 1, 3, 5)]
    assert {digest(panel("a"))} == {each["request"] for each in of_a}
    assert {digest(report)} == {each["report"] for each in of_a}
    first = kept[0]
    assert ("anonymous", "OK", release.reference.version, release.reference.digest, release.reference.engine) == (
        first["caller"],
        first["status"],
        first["release"],
        first["digest"],
        first["engine"],
    )
    assert "magnesium.band.moderate_low" in first["rules"]
    assert first["time"].endswith("Z")
    assert "overlay" not in first


def test_refusals_are_recorded_with_their_reasons(release: Release, folder: Path, key: Path) -> None:
    asked = pb.BatchInterpretPanelsRequest(panels=[panel("a"), panel("b", "text"), panel("c"), with_defect()])
    asked.panels[2].as_of = "never"
    with serving(release, raising, audit=str(folder), audit_key=key) as served:
        refused(served, INTERPRET, b"")
        refused(served, BATCH, b"\xff")
        served.call(BATCH, asked.SerializeToString())
        list(served.open(iter([b"\xff"])))
        (defect,) = (line["error_id"] for line in served.log if line["event"] == "defect")
    kept = decisions(folder)
    said = [(each["status"], each.get("reason"), each.get("refusals"), each.get("error_id")) for each in kept]
    assert [
        ("INVALID_ARGUMENT", "INVALID_FIELDS", None, None),
        ("INVALID_ARGUMENT", "MALFORMED_MESSAGE", None, None),
        ("OK", None, None, None),
        ("OK", None, {"value_not_numeric": 1}, None),
        ("INVALID_ARGUMENT", "INVALID_FIELDS", None, None),
        ("INTERNAL", "INTERNAL", None, defect),
        ("INVALID_ARGUMENT", "MALFORMED_MESSAGE", None, None),
    ] == said
    assert [digest(b""), digest(b"\xff"), digest(b"\xff")] == [kept[number]["message"] for number in (0, 1, 6)]
    assert [digest(each) for each in asked.panels] == [each["request"] for each in kept[2:6]]


def test_a_message_that_is_refused_unread_is_not_digested(release: Release, folder: Path, key: Path) -> None:
    with serving(release, audit=str(folder), audit_key=key) as served:
        refused(served, BATCH, bytes(1_048_577))
    (kept,) = decisions(folder)
    assert ("MESSAGE_TOO_LARGE", False) == (kept["reason"], "message" in kept)


def test_without_a_key_nothing_is_digested(release: Release, folder: Path) -> None:
    with serving(release, audit=str(folder)) as served:
        served.call(INTERPRET, unary())
        refused(served, INTERPRET, b"")
    assert not [name for each in recorded(folder) for name in ("request", "report", "message", "key") if name in each]


def test_the_caller_and_the_log_get_the_id_of_the_record(release: Release, folder: Path) -> None:
    with serving(release, audit=str(folder)) as served:
        _, call = served.channel.unary_unary(BATCH).with_call(batch("a", "b"), timeout=5)
        (line,) = (line for line in served.log if line["event"] == "call")
    first, _ = decisions(folder)
    assert {RECORD: first["id"]} == {name: value for name, value in call.trailing_metadata() if name == RECORD}
    assert first["id"] == line["record"]


def test_the_chain_is_whole_and_its_head_is_logged_and_shown(release: Release, folder: Path, key: Path) -> None:
    settings = {"audit": str(folder), "audit_key": key, "audit_bytes": 4_096, "metrics_port": 0}
    with serving(release, **settings) as served:
        for _ in range(5):
            served.call(INTERPRET, unary())
        shown = {name: value for name, value in page(served).items() if name.startswith("labgloss_audit_head")}
    heads = [line for line in served.log if line["event"] == "audit_head"]
    content = {path.name: path.read_bytes() for path in folder.iterdir()}
    assert len(content) > 1
    verdict = verify(content, [heads[-1]["head"]])
    assert verdict.whole
    ((chain, records_kept),) = ((seen.chain, seen.records) for seen in verdict.chains)
    assert (chain, records_kept) == (heads[-1]["chain"], heads[-1]["records"])
    (label,) = shown
    # All but the record that ends it.
    assert records_kept - 1 == shown[label]
    assert verify(content, known=[label.partition('head="')[2][:64]]).whole


@pytest.mark.parametrize("level", ["info", "warning", "error"])
def test_heads_are_logged_whatever_the_level(level: str, release: Release, folder: Path) -> None:
    stream = io.BytesIO()
    with start(Settings(port=0, audit=str(folder), log_level=level), release, make_log(stream, level)):
        pass
    heads = [line for line in map(json.loads, stream.getvalue().splitlines()) if line["event"] == "audit_head"]
    assert [(level, 1), (level, 2)] == [(line["level"], line["records"]) for line in heads]


def full(monkeypatch: pytest.MonkeyPatch) -> None:
    def write(*_: object) -> int:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(journal_module.os, "write", write)


def test_no_answer_leaves_without_its_record(release: Release, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with serving(release, audit=str(folder), metrics_port=0) as served:
        with monkeypatch.context() as patched:
            full(patched)
            for method, body in ((INTERPRET, unary()), (BATCH, batch("a"))):
                error = refused(served, method, body)
                assert (grpc.StatusCode.UNAVAILABLE, "RECORD_NOT_WRITTEN") == (error.code(), reason_of(error))
            with pytest.raises(grpc.RpcError):
                list(served.open(iter([batch("a")])))
            # What is refused anyway keeps its status.
            assert grpc.StatusCode.INVALID_ARGUMENT == refused(served, INTERPRET, b"").code()
        served.call(INTERPRET, unary())
        assert 4 == page(served)["labgloss_audit_unwritten_total"]
    assert ["OSError"] * 4 == [line["error_type"] for line in served.log if line["event"] == "record_not_written"]
    assert 1 == len(decisions(folder))
    assert verify({path.name: path.read_bytes() for path in folder.iterdir()}).whole


def test_a_site_may_want_the_answer_all_the_same(
    release: Release, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with serving(release, audit=str(folder), audit_required=False) as served:
        with monkeypatch.context() as patched:
            full(patched)
            served.call(INTERPRET, unary())
        _, call = served.channel.unary_unary(INTERPRET).with_call(unary(), timeout=5)
    assert ["record_not_written"] == [line["event"] for line in served.log if line["level"] == "error"]
    assert RECORD in dict(call.trailing_metadata())


def test_the_record_is_written_before_the_answer(
    release: Release, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    order: list[str] = []
    write, end = os.write, evidence.Evidence.ended

    def writing(descriptor: int, line: bytes) -> int:
        order.append("record")
        return write(descriptor, line)

    def ending(*arguments: Any) -> None:
        order.append("end")
        end(*arguments)

    with serving(release, audit=str(folder)) as served, monkeypatch.context() as patched:
        patched.setattr(journal_module.os, "write", writing)
        patched.setattr(evidence.Evidence, "ended", ending)
        served.call(INTERPRET, unary())
    assert ["record", "end"] == order


# ------------------------------------------------------------------------------------------------ figures


def page(served: Served) -> Mapping[str, float]:
    """The series of the page, by name and labels."""
    (port,) = (line["port"] for line in served.log if line["event"] == "metrics")
    return page_at(port)


def page_at(port: int) -> Mapping[str, float]:
    """The series of the page at a port."""
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=5) as answer:
        lines = answer.read().decode().splitlines()
    pairs = (line.rpartition(" ") for line in lines if not line.startswith("#"))
    return {name: float(value) for name, _, value in pairs}


def grpc_series(name: str, method: str, kind: str = "unary", code: str = "") -> str:
    code = f'grpc_code="{code}",' if code else ""
    service = "labgloss.v1.InterpretationService"
    return f'grpc_server_{name}{{{code}grpc_method="{method}",grpc_service="{service}",grpc_type="{kind}"}}'


def test_calls_panels_and_refusals_are_counted(release: Release) -> None:
    with serving(release, raising, metrics_port=0) as served:
        before = page(served)
        served.call(INTERPRET, unary())
        refused(served, INTERPRET, b"")
        asked = pb.BatchInterpretPanelsRequest(panels=[panel("a"), panel("b", "text"), with_defect()])
        served.call(BATCH, asked.SerializeToString())
        list(served.open(iter([batch("a"), b"\xff", batch("b")])))
        after = page(served)
    grown = {name: value - before[name] for name, value in after.items() if value != before.get(name)}
    assert {
        grpc_series("started_total", "InterpretPanel"): 2,
        grpc_series("handled_total", "InterpretPanel", code="OK"): 1,
        grpc_series("handled_total", "InterpretPanel", code="InvalidArgument"): 1,
        grpc_series("msg_received_total", "InterpretPanel"): 2,
        grpc_series("msg_sent_total", "InterpretPanel"): 1,
        grpc_series("handling_seconds_count", "InterpretPanel"): 2,
        grpc_series("handled_total", "BatchInterpretPanels", code="OK"): 1,
        grpc_series("msg_received_total", "StreamInterpretPanels", "bidi_stream"): 3,
        grpc_series("msg_sent_total", "StreamInterpretPanels", "bidi_stream"): 3,
        'labgloss_panels_total{urgency="SAME_DAY"}': 4,
        'labgloss_results_refused_total{reason="value_not_numeric"}': 1,
        'labgloss_items_refused_total{reason="INTERNAL"}': 1,
        'labgloss_items_refused_total{reason="MALFORMED_MESSAGE"}': 1,
        'labgloss_calls_refused_total{reason="INVALID_FIELDS"}': 1,
        "labgloss_defects_total": 1,
    }.items() <= grown.items()
    assert after["process_resident_memory_bytes"] > 1e7
    (stated,) = (name for name in after if name.startswith("labgloss_release_info"))
    assert f'digest="{release.reference.digest}"' in stated
    assert not [name for name in after if "_created" in name]


def test_lines_of_the_log_that_were_lost_are_counted(release: Release) -> None:
    class Full(io.BytesIO):
        full = False

        def write(self, line: Any) -> int:
            if self.full:
                raise OSError(errno.ENOSPC, "No space left on device")
            return super().write(line)

    stream = Full()
    log = make_log(stream, "info")
    with start(Settings(port=0, metrics_port=0), release, log):
        (said,) = (line for line in map(json.loads, stream.getvalue().splitlines()) if line["event"] == "metrics")
        assert 0 == page_at(said["port"])["labgloss_log_lines_lost_total"]
        stream.full = True
        log.info("call")
        assert 1 == page_at(said["port"])["labgloss_log_lines_lost_total"]
        stream.full = False
        log.info("call")
        assert 1 == page_at(said["port"])["labgloss_log_lines_lost_total"]


def test_workers_have_pages_that_follow_on_one_another(release: Release) -> None:
    with serving(release, metrics_port=0) as served:
        (first,) = (line["port"] for line in served.log if line["event"] == "metrics")
    settings = Settings(port=0, metrics_port=first - 1)
    with start(settings, release, worker=1), urllib.request.urlopen(f"http://127.0.0.1:{first}/", timeout=5) as answer:
        assert b"grpc_server_started_total" in answer.read()
        # The port is free again after, and taken meanwhile.
        with pytest.raises(SettingsError) as raised:
            start(settings, release, worker=1)
    assert str(raised.value).startswith(
        f"metrics_port: 127.0.0.1, port {first}, cannot be listened on: Address already"
    )


def test_everything_that_is_missing_is_named_before_anything_is_opened(
    release: Release, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "prometheus_client", None)
    monkeypatch.setitem(sys.modules, "opentelemetry", None)
    settings = Settings(port=0, audit=str(folder / "no"), audit_key=folder / "key", metrics_port=0, tracing=True)
    with pytest.raises(SettingsError) as raised:
        start(settings, release)
    assert [
        f"audit_key: {folder / 'key'} cannot be read: No such file or directory",
        f"audit: records cannot be written to {folder / 'no'}: it is no folder",
        "metrics_port: needs the package prometheus_client, which is not installed",
        "tracing: needs the package opentelemetry, which is not installed",
    ] == [fault.partition("; ")[0] for fault in raised.value.faults]
    assert raised.value.faults[2].endswith("pip install 'labgloss[metrics]'")


def test_what_was_opened_is_closed_where_a_port_is_taken(release: Release, folder: Path) -> None:
    with serving(release, metrics_port=0) as served:
        (port,) = (line["port"] for line in served.log if line["event"] == "metrics")
        with pytest.raises(SettingsError, match="metrics_port: "):
            start(Settings(port=0, audit=str(folder), metrics_port=port), release)
        with pytest.raises(SettingsError, match="cannot be listened on"):
            start(Settings(port=port, audit=str(folder)), release)
    assert ["start", "end"] * 2 == [record["kind"] for record in recorded(folder)]


# ------------------------------------------------------------------------------------------------ spans


@pytest.fixture
def kept(monkeypatch: pytest.MonkeyPatch) -> Kept:
    exporter = Kept()
    monkeypatch.setattr(tracing, "exporter_of_environment", lambda: exporter)
    return exporter


def test_a_call_is_a_span_under_that_of_its_caller(release: Release, kept: Kept) -> None:
    trace, parent = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"
    with serving(release, tracing=True) as served:
        headers = [("traceparent", f"00-{trace}-{parent}-01")]
        served.channel.unary_unary(INTERPRET)(unary(), metadata=headers, timeout=5)
        refused(served, INTERPRET, b"")
        refused(served, BATCH, bytes(1_048_577))
    first, second, third = (json.loads(span) for span in kept.spans)
    assert (f"0x{trace}", f"0x{parent}") == (first["context"]["trace_id"], first["parent_id"])
    assert ("labgloss.v1.InterpretationService/InterpretPanel", "SpanKind.SERVER") == (first["name"], first["kind"])
    assert {
        "rpc.system": "grpc",
        "rpc.service": "labgloss.v1.InterpretationService",
        "rpc.method": "InterpretPanel",
        "rpc.grpc.status_code": 0,
        "labgloss.panels": 1,
        "labgloss.release": release.reference.version,
    } == first["attributes"]
    assert (3, None) == (second["attributes"]["rpc.grpc.status_code"], second["parent_id"])
    assert 8 == third["attributes"]["rpc.grpc.status_code"]
    assert first["end_time"] >= first["start_time"]


def test_a_defect_is_an_error_without_words(release: Release, kept: Kept) -> None:
    with serving(release, raising, tracing=True) as served:
        refused(served, INTERPRET, pb.InterpretPanelRequest(panel=with_defect()).SerializeToString())
    (span,) = (json.loads(each) for each in kept.spans)
    assert ({"status_code": "ERROR"}, [], 13) == (
        span["status"],
        span["events"],
        span["attributes"]["rpc.grpc.status_code"],
    )


@pytest.mark.parametrize(
    "header", ["", "00", f"ff-{'a' * 32}-{'b' * 16}-01", f"00-{'0' * 32}-{'b' * 16}-01", "x" * 999]
)
def test_a_header_that_is_none_begins_a_trace(header: str) -> None:
    parent = tracing.trace.get_current_span(tracing._parent(header)).get_span_context()
    assert not parent.is_valid


def test_where_spans_go_is_said_by_the_standard_variables(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OTEL_TRACES_EXPORTER", "console")
    assert "ConsoleSpanExporter" == type(tracing.exporter_of_environment()).__name__
    monkeypatch.setenv("OTEL_TRACES_EXPORTER", "zipkin")
    with pytest.raises(SettingsError) as raised:
        tracing.exporter_of_environment()
    assert str(raised.value).startswith('tracing: no package has the exporter "zipkin"; install ')


def test_a_watcher_that_fails_costs_no_answer(release: Release, kept: Kept, monkeypatch: pytest.MonkeyPatch) -> None:
    def failing(*_: object) -> None:
        raise RuntimeError("canary7391")

    monkeypatch.setattr(tracing.Spans, "ended", failing)
    with serving(release, tracing=True) as served:
        served.call(INTERPRET, unary())
    assert ["RuntimeError"] == [line["error_type"] for line in served.log if line["event"] == "defect"]
    assert b"canary7391" not in served.stream.getvalue()


# ------------------------------------------------------------------------------------------------ processes


def neighbours() -> int:
    """A free port of which the next is free as well."""
    while True:
        with socket.create_server(("127.0.0.1", 0)) as one, suppress(OSError):
            port = int(one.getsockname()[1])
            socket.create_server(("127.0.0.1", port + 1)).close()
            return port


def calls_counted(port: int) -> float:
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=10) as answer:
        return next(
            float(line.rpartition(" ")[2])
            for line in answer.read().decode().splitlines()
            if line.startswith(grpc_series("started_total", "InterpretPanel"))
        )


def test_each_worker_has_its_chain_and_its_page_and_one_that_is_killed_leaves_no_end(folder: Path) -> None:
    pages = neighbours()
    with service(workers=2, audit=folder, metrics_port=pages) as started:
        (supervising,) = started.next("supervising")
        pids = {line["worker"]: line["pid"] for line in started.next("serving", count=2)}
        for _ in range(20):
            options = (("grpc.use_local_subchannel_pool", 1),)
            with grpc.insecure_channel(f"127.0.0.1:{supervising['port']}", options) as channel:
                channel.unary_unary(INTERPRET)(unary(), timeout=20, wait_for_ready=True)
        assert 20 == calls_counted(pages) + calls_counted(pages + 1)
        os.kill(pids[1], signal.SIGKILL)
        (again,) = started.next("serving")
        assert (1, 0) == (again["worker"], calls_counted(pages + 1))
        started.signal(signal.SIGTERM)
        started.rest()
        heads = {line["chain"]: line["head"] for line in started.lines if line["event"] == "audit_head"}
    verdict = verify({path.name: path.read_bytes() for path in folder.iterdir()})
    assert verdict.whole
    assert [False, True, True] == sorted(chain.ended for chain in verdict.chains)
    assert {chain.head for chain in verdict.chains if chain.ended} < set(heads.values())
    assert 20 == len(decisions(folder))


def test_a_page_of_any_worker_that_cannot_be_opened_keeps_the_service_from_starting() -> None:
    pages = neighbours()
    with socket.create_server(("127.0.0.1", pages + 1)):
        command = [sys.executable, "-m", "labgloss", "serve", "--port", "0", "--workers", "2"]
        done = subprocess.run([*command, "--metrics-port", str(pages)], capture_output=True, text=True, timeout=60)
    assert (2, "") == (done.returncode, done.stdout)
    assert (
        f"labgloss: cannot start so:\n  metrics_port: 127.0.0.1, port {pages + 1}, cannot be listened on: Address "
        "already in use; choose another by --metrics-host and --metrics-port (port 0 takes any free one)\n"
    ) == done.stderr


def test_a_page_whose_port_is_taken_while_its_worker_is_away_is_opened_later() -> None:
    pages = neighbours()
    taking = """
from labgloss.server import evidence, supervisor
evidence._AGAIN_SECONDS = 0.2
supervisor._wait_before = lambda _: 1.0
"""
    with service(taking + PROGRAM, workers=2, metrics_port=pages) as started:
        pids = {line["worker"]: line["pid"] for line in started.next("serving", count=2)}
        os.kill(pids[1], signal.SIGKILL)
        started.next("worker_ended")
        with socket.create_server(("127.0.0.1", pages + 1)):
            (closed,) = started.next("metrics_closed")
            (again,) = started.next("serving")
        assert [(1, pages + 1, "Address already in use")] == [(closed["worker"], closed["port"], closed["reason"])]
        (opened,) = started.next("metrics")
        assert (1, 1, pages + 1) == (again["worker"], opened["worker"], opened["port"])
        assert 0 == calls_counted(pages + 1)


def test_records_on_standard_output_stand_among_the_lines_of_the_log() -> None:
    with service(audit="-") as started:
        assert started.process.stdout is not None
        output = [started.process.stdout.readline()]
        while b'"serving"' not in output[-1]:
            output.append(started.process.stdout.readline())
        with grpc.insecure_channel(f"127.0.0.1:{json.loads(output[-1])['port']}") as channel:
            for _ in range(3):
                channel.unary_unary(INTERPRET)(unary(), timeout=20, wait_for_ready=True)
        started.signal(signal.SIGTERM)
        output.append(started.process.communicate(timeout=60)[0])
    content = b"".join(output)
    head = [line for line in content.splitlines() if b'"audit_head"' in line][-1]
    verdict = verify({"output": content}, [json.loads(head)["head"]])
    assert verdict.whole
    assert [(5, True)] == [(chain.records, chain.ended) for chain in verdict.chains]


def fill(pipe: Any) -> None:
    """Leaves a pipe no room."""
    with open(f"/proc/self/fd/{pipe.fileno()}", "wb", buffering=0, opener=not_waiting) as end:
        while end.write(bytes(4_096)):
            pass


def not_waiting(path: str, flags: int) -> int:
    return os.open(path, flags & ~(os.O_CREAT | os.O_TRUNC) | os.O_NONBLOCK)


@pytest.mark.parametrize("workers", [1, 2])
def test_where_nobody_reads_the_log_calls_are_answered_and_signals_obeyed(workers: int) -> None:
    """A terminal that was halted, a collector that is stuck: an answer is worth more than its line."""
    with service(workers=workers, drain_seconds=0) as started:
        (serving,) = started.next("serving")
        fill(started.process.stdout)
        with grpc.insecure_channel(f"127.0.0.1:{serving['port']}") as channel:
            for _ in range(200):
                channel.unary_unary(INTERPRET)(unary(), timeout=10, wait_for_ready=True)
        begun = time.monotonic()
        started.signal(signal.SIGTERM)
        assert 0 == started.process.wait(timeout=30)
        assert time.monotonic() - begun < 10


def test_where_nobody_reads_records_calls_are_refused_and_signals_obeyed() -> None:
    with service(audit="-", drain_seconds=0) as started:
        assert started.process.stdout is not None
        line = b""
        while b'"serving"' not in line:
            line = started.process.stdout.readline()
        fill(started.process.stdout)
        with grpc.insecure_channel(f"127.0.0.1:{json.loads(line)['port']}") as channel:
            for _ in range(3):
                with pytest.raises(grpc.RpcError) as raised:
                    channel.unary_unary(INTERPRET)(unary(), timeout=10, wait_for_ready=True)
                assert "RECORD_NOT_WRITTEN" == reason_of(raised.value)
        begun = time.monotonic()
        started.signal(signal.SIGTERM)
        assert 0 == started.process.wait(timeout=30)
        assert time.monotonic() - begun < 10


# ------------------------------------------------------------------------------------------------ canaries


def test_nothing_that_a_caller_wrote_is_kept(release: Release, folder: Path, key: Path) -> None:
    sown, leaked = found_after(24, release, folder, key)
    assert sown > 500
    assert [] == leaked
    # The calls came as far as they should.
    ended = {(each["method"], each["status"]) for each in decisions(folder)}
    assert {("InterpretPanel", "OK"), ("InterpretPanel", "INTERNAL"), ("InterpretPanel", "INVALID_ARGUMENT")} <= ended
    assert {("BatchInterpretPanels", "OK"), ("StreamInterpretPanels", "INTERNAL")} <= ended


@pytest.mark.parametrize("sink", ["records", "metrics", "spans", "log"])
def test_a_leak_is_found(sink: str, release: Release, folder: Path, key: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The control: each sink is told something of a panel on purpose."""
    canaries = Canaries(Random(3))
    with monkeypatch.context() as patched:
        if sink == "records":
            leak = lambda _, decision, __: f'"panel_id":{json.dumps(decision.panel.id)}'  # noqa: E731
            patched.setattr(records.Records, "_decided", leak)
        sinks = dict(sinks_of(3, canaries, release, folder, key))
    if sink != "records":
        sinks[sink] += json.dumps({"seen": canaries.sown[0]}).encode()
    assert {sink} == {leak.partition(":")[0] for leak in found(sinks, canaries.sown)}
