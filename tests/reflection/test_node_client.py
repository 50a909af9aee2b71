"""A client in another language, which learns the schema by reflection, gets the same report."""

from __future__ import annotations

import base64
import json
import subprocess
from pathlib import Path

import grpc
from google.protobuf.json_format import MessageToDict

from labgloss.v1.interpretation_pb2 import InterpretPanelRequest, InterpretPanelResponse
from labgloss.v1.panel_pb2 import Panel
from tests.external_tools import needs, node_environment

needs("node", "npm", to="ask the service from another language")

FOLDER = Path(__file__).parent
METHOD = "/labgloss.v1.InterpretationService/InterpretPanel"


def node(target: str, panel: Panel) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ("node", str(FOLDER / "client.js"), target),
        input=json.dumps(MessageToDict(panel, preserving_proto_field_name=True)),
        env=node_environment(FOLDER),
        capture_output=True,
        text=True,
        timeout=30,
    )


def python_bytes(target: str, panel: Panel) -> bytes:
    """The answer as it came to a Python channel that decodes nothing."""
    with grpc.insecure_channel(target) as channel:
        method: grpc.UnaryUnaryMultiCallable[bytes, bytes] = channel.unary_unary(METHOD)
        return method(InterpretPanelRequest(panel=panel).SerializeToString(), timeout=10)


def test_the_report_has_the_same_bytes_and_reads_the_same(target: str, sample: Panel) -> None:
    answered = node(target, sample)
    assert (answered.returncode, answered.stderr) == (0, "")
    answer = json.loads(answered.stdout)
    expected = python_bytes(target, sample)
    assert base64.b64decode(answer["bytes"]) == expected
    report = InterpretPanelResponse.FromString(expected).report
    assert report.results
    assert answer["report"] == MessageToDict(report, preserving_proto_field_name=True)


def test_without_reflection_the_client_has_no_schema(target_without_reflection: str) -> None:
    refused = node(target_without_reflection, Panel(id="any"))
    assert (refused.returncode, refused.stdout) == (1, "")
    assert "12 UNIMPLEMENTED" in refused.stderr
