"""Bundles on the command line: interpreted, checked, and answered as Bundles."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from labgloss.cli import main

BUNDLE = {
    "resourceType": "Bundle",
    "type": "collection",
    "entry": [
        {"fullUrl": "http://ward.example/fhir/Patient/1", "resource": {"resourceType": "Patient", "id": "1"}},
        {
            "resource": {
                "resourceType": "Observation",
                "status": "final",
                "code": {"coding": [{"system": "http://loinc.org", "code": "2601-3"}]},
                "subject": {"reference": "http://ward.example/fhir/Patient/1"},
                "valueQuantity": {"value": 0.41, "unit": "mmol/L"},
                "specimen": {"reference": "Specimen/9"},
            }
        },
    ],
}
EXPECTED = '[expect]\nurgency = "SAME_DAY"\n[expect.results.magnesium]\nclass = "low"\n'


@pytest.fixture
def ward(tmp_path: Path) -> Path:
    (tmp_path / "ward.json").write_text(json.dumps(BUNDLE))
    (tmp_path / "ward.expect.toml").write_text(EXPECTED)
    return tmp_path


def test_a_folder_of_bundles_is_checked(ward: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["check", str(ward)]) == 0
    assert capsys.readouterr().out == "1 panel: 1 as expected, 0 differing, 0 without a report\n"
    (ward / "ward.expect.toml").write_text(EXPECTED.replace("low", "high"))
    assert main(["check", str(ward)]) == 1
    assert "magnesium" in capsys.readouterr().out


def test_a_bundle_is_answered_with_a_bundle(ward: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["interpret", str(ward / "ward.json"), "--format", "fhir"]) == 0
    told = capsys.readouterr()
    answer = json.loads(told.out)
    assert answer["resourceType"] == "Bundle"
    assert answer["entry"][1]["resource"] == BUNDLE["entry"][1]["resource"]  # type: ignore[index]
    # What is in doubt is said beside it.
    assert "Bundle.entry[1].resource.specimen: the Specimen did not come with the Bundle" in told.err


def test_its_report_is_printed_and_what_has_none_is_said(ward: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["interpret", str(ward / "ward.json")]) == 0
    assert "SAME_DAY" in capsys.readouterr().out
    (ward / "ward.json").write_text('{"resourceType": "Bundle"}')
    assert main(["interpret", str(ward / "ward.json")]) == 1
    assert "a laboratory result or a complaint of the patient is needed" in capsys.readouterr().err


def test_only_a_bundle_is_answered_with_one(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "panel.toml").write_text('[[panel]]\nid = "a"\n[[panel.symptoms]]\ntext = "cramps"\n')
    assert main(["interpret", str(tmp_path / "panel.toml"), "--format", "fhir"]) == 2
    assert "--format fhir answers a FHIR Bundle" in capsys.readouterr().err
