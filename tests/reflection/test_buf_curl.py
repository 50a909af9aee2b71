"""`buf curl`, which learns the schema by reflection, gets what the Python client gets."""

from __future__ import annotations

import base64
import json
import subprocess
from pathlib import Path

import pytest
from google.protobuf.json_format import MessageToDict, MessageToJson
from google.rpc.error_details_pb2 import BadRequest, ErrorInfo

from labgloss.v1.interpretation_pb2 import InterpretPanelRequest
from labgloss.v1.panel_pb2 import Panel, Patient, Result
from labgloss_client import Client
from tests.external_tools import needs, tool

needs("buf", to="ask the service by buf curl")

PROTO = Path(__file__).parents[2] / "proto"
METHOD = "labgloss.v1.InterpretationService/InterpretPanel"
# buf ends with the code of gRPC, shifted by three bits; below 8 no call was made.
INVALID_ARGUMENT = 3 << 3
NO_CALL_MADE = 1


def curl(target: str, panel: Panel, folder: Path, *flags: str) -> subprocess.CompletedProcess[str]:
    """What buf curl printed; `folder` is empty, so that no schema lies there."""
    buf = tool("buf")
    assert buf is not None
    request = MessageToJson(InterpretPanelRequest(panel=panel))
    address = f"http://{target}/{METHOD}"
    return subprocess.run(
        (buf, "curl", "--protocol", "grpc", "--http2-prior-knowledge", "--data", "@-", *flags, address),
        input=request,
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=30,
    )


def test_the_report_is_that_of_the_python_client(target: str, sample: Panel, tmp_path: Path) -> None:
    answered = curl(target, sample, tmp_path)
    assert (answered.returncode, answered.stderr) == (0, "")
    with Client(target) as client:
        report = client.interpret(sample)
    assert report.results
    assert json.loads(answered.stdout) == {"report": MessageToDict(report)}


def test_every_bad_field_is_printed_in_the_details(target: str, tmp_path: Path) -> None:
    panel = Panel(
        patient=Patient(age_years=-4),
        results=[Result(value="4.1", unit="mmol/L"), Result(analyte="potassium", value="4.1", collected="gestern")],
    )
    answered = curl(target, panel, tmp_path)
    assert answered.returncode == INVALID_ARGUMENT
    error = json.loads(answered.stderr)
    assert (error["code"], error["message"]) == (
        "invalid_argument",
        "3 fields are wrong; mend each as its description says, and send the request again.",
    )
    details = {detail["type"]: base64.b64decode(detail["value"] + "==") for detail in error["details"]}
    violations = BadRequest.FromString(details["google.rpc.BadRequest"]).field_violations
    assert [(violation.field, violation.reason) for violation in violations] == [
        ("panel.patient.age_years", "OUT_OF_RANGE"),
        ("panel.results[0].analyte", "REQUIRED"),
        ("panel.results[1].collected", "BAD_FORM"),
    ]
    assert ErrorInfo.FromString(details["google.rpc.ErrorInfo"]).reason == "INVALID_FIELDS"


@pytest.mark.parametrize("sample", ["low-magnesium-holds-calcium-down"], indirect=True)
def test_without_reflection_buf_finds_no_schema_and_with_the_files_it_does(
    target_without_reflection: str, sample: Panel, tmp_path: Path
) -> None:
    refused = curl(target_without_reflection, sample, tmp_path)
    assert (refused.returncode, refused.stdout) == (NO_CALL_MADE, "")
    assert refused.stderr == 'Failure: failed to find service named "labgloss.v1.InterpretationService" in schema\n'
    answered = curl(target_without_reflection, sample, tmp_path, "--schema", str(PROTO))
    assert json.loads(answered.stdout)["report"]["panelId"] == sample.id
