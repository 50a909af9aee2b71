"""A Bundle in the place of a panel file, and what is expected of it beside it."""

from __future__ import annotations

from pathlib import Path

import pytest

from labgloss.panels.errors import PanelFileError
from labgloss.panels.messages import Messages
from labgloss.panels.reader import read_content, read_panels
from labgloss.v1.fhir_pb2 import InterpretBundleRequest
from labgloss.v1.panel_pb2 import Options

BUNDLE = b'{"resourceType": "Bundle", "type": "collection", "entry": []}'
EXPECTED = """
title = "A patient of several"
subject = "Patient/1"
source = "ward-feed"
as_of = 2026-01-15
[options]
vitamin_d_policy = "nam_2011"
[expect]
urgency = "PROMPT"
[expect.results.magnesium]
flag = "L"
"""


def test_a_bundle_is_sent_as_it_stands_with_what_is_asked_beside_it(tmp_path: Path) -> None:
    (tmp_path / "ward.json").write_bytes(BUNDLE)
    (tmp_path / "ward.expect.toml").write_text(EXPECTED)
    (case,) = read_panels([tmp_path], messages=Messages.EXPECTED)
    assert case.request == InterpretBundleRequest(
        bundle=BUNDLE,
        panel_id="ward",
        subject="Patient/1",
        source="ward-feed",
        as_of="2026-01-15",
        options=Options(vitamin_d_policy="nam_2011"),
    )
    assert (case.id, case.title, case.expect.urgency) == ("ward", "A patient of several", "PROMPT")
    assert case.expect.results["magnesium"].flag == "L"


def test_to_be_explained_it_needs_no_expectations(tmp_path: Path) -> None:
    (tmp_path / "ward.json").write_bytes(BUNDLE)
    (case,) = read_panels([tmp_path / "ward.json"], messages=Messages.TAKEN)
    assert case.bundle is not None
    (piped,) = read_content(BUNDLE, "json", "standard input", Messages.TAKEN)
    assert piped.bundle is not None


def faults(path: Path, messages: Messages) -> str:
    with pytest.raises(PanelFileError) as refused:
        read_panels([path], messages=messages)
    return str(refused.value).replace(f"{path}/", "")


def test_what_does_not_fit_is_said_all_at_once(tmp_path: Path) -> None:
    (tmp_path / "alone.json").write_bytes(BUNDLE)
    (tmp_path / "wrong.json").write_bytes(BUNDLE)
    (tmp_path / "wrong.expect.toml").write_text("urgency = 'PROMPT'")
    (tmp_path / "torn.json").write_bytes(BUNDLE)
    (tmp_path / "torn.expect.toml").write_text("[expect")
    (tmp_path / "orphan.expect.toml").write_text("")
    told = faults(tmp_path, Messages.EXPECTED).splitlines()
    assert told[0] == "orphan.expect.toml: stands beside no orphan.json or orphan.hl7"
    assert told[1] == "alone.json: alone.expect.toml is needed beside it: what is expected of the report"
    assert told[2].startswith("torn.expect.toml: is not TOML in UTF-8: ")
    assert told[3].startswith("wrong.expect.toml: urgency: ")


def test_other_commands_take_panels_alone(tmp_path: Path) -> None:
    (tmp_path / "ward.json").write_bytes(BUNDLE)
    assert faults(tmp_path, Messages.REFUSED) == "ward.json: is a FHIR Bundle, which only interpret and check take"
