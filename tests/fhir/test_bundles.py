"""Bundles as Synthea, and laboratories of four countries write them, against what is expected of each."""

from __future__ import annotations

import json
from pathlib import Path

import fhirkit
import pytest

from labgloss.cli import main
from labgloss.v1.fhir_pb2 import InterpretBundleRequest, IssueSeverity
from tests.fhir.corpus import RECORDED, ask

FOLDER = Path(__file__).parent / "bundles"
BUNDLES = sorted(FOLDER.glob("*.json"))


def test_each_has_the_report_that_is_expected_of_it(capsys: pytest.CaptureFixture[str]) -> None:
    agree = main(["check", str(FOLDER)])
    assert (
        capsys.readouterr().out
        == f"{len(BUNDLES)} panels: {len(BUNDLES)} as expected, 0 differing, 0 without a report\n"
    )
    assert agree == 0


@pytest.mark.parametrize("file", BUNDLES, ids=lambda file: file.stem)
def test_nothing_of_it_is_in_doubt_and_the_answer_is_valid(file: Path) -> None:
    response = ask(InterpretBundleRequest(bundle=file.read_bytes(), recorded=RECORDED))
    assert {IssueSeverity.Name(issue.severity) for issue in response.issues} <= {"ISSUE_SEVERITY_INFORMATION"}
    sent = [entry["resource"] for entry in json.loads(file.read_bytes())["entry"]]
    made = [entry["resource"] for entry in json.loads(response.bundle)["entry"] if entry["resource"] not in sent]
    assert [issue for resource in made for issue in fhirkit.validate(json.dumps(resource))] == []
