"""Calls that carry canaries wherever a caller can write, and the sinks of the evidence, in which none may turn up.

`found_after` is asked by the tests here with a small size; the reliability suite has its own for all sinks.
"""

from __future__ import annotations

import base64
import json
import urllib.request
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import Any

import grpc
from google.protobuf.message import Message
from opentelemetry.sdk.trace.export import SpanExporter, SpanExportResult

from labgloss.domain import panel as domain_panel
from labgloss.domain import report as domain_report
from labgloss.engine.interpret import interpret
from labgloss.evidence import tracing
from labgloss.knowledge.release import Release
from labgloss.v1 import interpretation_pb2 as pb
from labgloss.v1.panel_pb2 import Panel, Symptom
from tests.server.wire import BATCH, INTERPRET, STREAM, Served, serving

DEFECT = "defect"


@dataclass
class Canaries:
    """Texts and numbers that stand nowhere but in what callers sent."""

    random: Random
    sown: list[str] = field(default_factory=list)

    def text(self) -> str:
        return self._sow(f"canary{self.random.getrandbits(64):016x}")

    def number(self) -> str:
        """A value that a panel may hold, with digits that nothing else has."""
        return self._sow(f"0.4{self.random.randrange(10**12, 10**13)}")

    def _sow(self, text: str) -> str:
        self.sown.append(text)
        return text


class Kept(SpanExporter):
    """Spans, as any exporter would send them."""

    def __init__(self) -> None:
        self.spans: list[str] = []

    def export(self, spans: Any) -> SpanExportResult:
        self.spans += [span.to_json() for span in spans]
        return SpanExportResult.SUCCESS


def raising(release: Release, panel: domain_panel.Panel) -> domain_report.Report:
    """An engine with a defect that tells all it knows of a panel sent by DEFECT."""
    if panel.source == DEFECT:
        raise ValueError(repr(panel))
    return interpret(release, panel)


def answered(canaries: Canaries) -> Panel:
    """A panel that is interpreted, with a canary in each text that is free."""
    text = canaries.text
    panel = Panel(id=text(), source=text())
    for value in (canaries.number(), text()):
        result = panel.results.add(id=text(), analyte="magnesium", value=value, unit="mmol/L")
        result.specimen.id = text()
        result.specimen.comments.append(text())
        result.codings.add(system=text(), code=text(), display=text())
        result.interval.text = text()
        result.flags.append(text())
    panel.results[1].unit = text()
    panel.results[1].analyte = text()
    panel.symptoms.append(Symptom(text=text()))
    panel.conditions.conditions.add(text=text())
    panel.medications.medications.add(text=text())
    return panel


def refused(canaries: Canaries) -> Panel:
    """A panel with a canary in every text, also where a form is asked for."""
    panel = Panel()
    _fill(panel, canaries)
    return panel


def defective(canaries: Canaries) -> Panel:
    """A panel that a defect meets."""
    panel = answered(canaries)
    panel.source = DEFECT
    return panel


def _fill(message: Message, canaries: Canaries) -> None:
    for each in message.DESCRIPTOR.fields:
        if each.message_type is not None:
            value = getattr(message, each.name)
            _fill(value.add() if each.is_repeated else value, canaries)
        elif each.type == each.TYPE_STRING and each.is_repeated:
            getattr(message, each.name).append(canaries.text())
        elif each.type == each.TYPE_STRING:
            setattr(message, each.name, canaries.text())


def metadata(canaries: Canaries) -> tuple[tuple[str, str | bytes], ...]:
    """Headers that a caller may send: well known ones and its own."""
    text = canaries.text
    return (
        ("traceparent", f"00-{'a' * 32}-{'b' * 16}-01-{text()}"),
        ("tracestate", f"vendor={text()}"),
        ("baggage", f"patient={text()}"),
        ("authorization", f"Bearer {text()}"),
        ("x-request-id", text()),
        (text(), text()),
        ("x-patient-bin", text().encode()),
    )


def call(served: Served, canaries: Canaries, kind: int) -> None:
    """One call, of one of the methods, that ends in one of the ways that calls end in."""
    make = (answered, refused, defective)[kind % 3]
    panels = [make(canaries) for _ in range(2)]
    headers = metadata(canaries)
    several = pb.BatchInterpretPanelsRequest(panels=panels).SerializeToString()
    torn = canaries.text().encode()
    try:
        match kind // 3 % 4:
            case 0:
                body = pb.InterpretPanelRequest(panel=panels[0]).SerializeToString()
                served.channel.unary_unary(INTERPRET)(body, metadata=headers, timeout=30)
            case 1:
                served.channel.unary_unary(BATCH)(several, metadata=headers, timeout=30)
            case 2:
                list(served.channel.stream_stream(STREAM)(iter([several, torn]), metadata=headers, timeout=30))
            case _:
                served.channel.unary_unary(INTERPRET)(torn, metadata=headers, timeout=30)
    except grpc.RpcError:
        return


def sinks_of(calls: int, canaries: Canaries, release: Release, folder: Path, key: Path) -> Mapping[str, bytes]:
    """What records, metrics, spans and log hold after so many calls."""
    kept = Kept()
    given, tracing.exporter_of_environment = tracing.exporter_of_environment, lambda: kept
    try:
        settings = {"audit": str(folder), "audit_key": key, "metrics_port": 0, "tracing": True}
        with serving(release, raising, **settings) as served:
            for number in range(calls):
                call(served, canaries, number)
            (port,) = (line["port"] for line in served.log if line["event"] == "metrics")
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=10) as answer:
                page = answer.read()
    finally:
        tracing.exporter_of_environment = given
    records = b"".join(path.read_bytes() for path in sorted(folder.iterdir()))
    return {
        "records": records,
        "metrics": page,
        "spans": "\n".join(kept.spans).encode(),
        "log": served.stream.getvalue(),
    }


def found(sinks: Mapping[str, bytes], sown: Iterable[str]) -> list[str]:
    """Each canary that a sink holds, in whatever spelling."""
    return [
        f"{name}: {canary}"
        for name, content in sinks.items()
        for canary in sown
        if any(form in content for form in spelled(canary))
    ]


def spelled(canary: str) -> tuple[bytes, ...]:
    raw = canary.encode()
    # Base64 of what begins at any place of three; its first and last letters depend on what stands beside it.
    in_base64 = tuple(base64.b64encode(b" " * shift + raw)[4:-4] for shift in range(3))
    escaped = "".join(f"\\u{ord(letter):04x}" for letter in canary).encode()
    return (raw, raw.upper(), raw[::-1], raw.hex().encode(), escaped, json.dumps(canary).encode()[1:-1], *in_base64)


def found_after(calls: int, release: Release, folder: Path, key: Path, seed: int = 8) -> tuple[int, list[str]]:
    """How many canaries so many calls sowed, and those that a sink of the evidence holds."""
    canaries = Canaries(Random(seed))
    sinks = sinks_of(calls, canaries, release, folder, key)
    return len(canaries.sown), found(sinks, canaries.sown)
