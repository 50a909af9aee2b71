"""A Bundle or a message in the place of a panel file, and what is expected of it beside it."""

from __future__ import annotations

from pathlib import Path

import pytest

from labgloss.panels.errors import PanelFileError
from labgloss.panels.messages import Messages
from labgloss.panels.reader import read_content, read_panels
from labgloss.v1.fhir_pb2 import InterpretBundleRequest
from labgloss.v1.panel_pb2 import Options
from tests.unit.hl7.messages import OBR, PID, POTASSIUM, message

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


# ---------------------------------------------------------------------------------------------- HL7 v2

TWO = message("PID|1||A^^^H||ADA||19580402|F", OBR, POTASSIUM, "PID|2||B^^^H||BOB||19600101|M", OBR, POTASSIUM)


def test_a_message_is_read_with_what_is_asked_beside_it(tmp_path: Path) -> None:
    (tmp_path / "ward.hl7").write_bytes(TWO)
    (tmp_path / "ward.expect.toml").write_text(EXPECTED.replace("Patient/1", "B"))
    (case,) = read_panels([tmp_path], messages=Messages.EXPECTED)
    panel = case.panel
    assert case.request == panel
    assert (panel.id, panel.source, panel.as_of) == ("ward", "ward-feed", "2026-01-15")
    assert panel.options == Options(vitamin_d_policy="nam_2011")
    assert panel.patient.birth_date == "1960-01-01"
    assert (case.id, case.title, case.expect.urgency) == ("ward", "A patient of several", "PROMPT")


def test_what_a_site_says_of_the_sender_of_a_message_holds(tmp_path: Path) -> None:
    segments = (PID, "OBR|1|P1|F1|C^C^L|||20260715080000", "OBX|1|NM|1989-3^D^LN||31|µg/L|||||F")
    (tmp_path / "a.hl7").write_bytes(message(*segments, time="").decode().encode("latin-1"))
    (tmp_path / "a.expect.toml").write_text('character_set = "8859/1"\ntime_zone = "Europe/Berlin"')
    (case,) = read_panels([tmp_path / "a.hl7"], messages=Messages.EXPECTED)
    assert (case.panel.results[0].unit, case.panel.results[0].collected) == ("µg/L", "2026-07-15T08:00:00+02:00")


def test_to_be_explained_a_message_needs_no_expectations(tmp_path: Path) -> None:
    (tmp_path / "a.hl7").write_bytes(message(PID, OBR, POTASSIUM))
    (case,) = read_panels([tmp_path / "a.hl7"], messages=Messages.TAKEN)
    assert case.panel.results[0].value == "4.1"


def test_a_message_that_is_not_one_patient_s_is_said(tmp_path: Path) -> None:
    for name, content, expected in (
        ("empty", message(PID, OBR), ""),
        ("no-message", b"hello", ""),
        ("two", TWO, ""),
        ("whose", TWO, "subject = 'C'"),
        ("wrong", TWO, "time_zone = 'Mars/Base'\ncharacter_set = 'EBCDIC'"),
    ):
        (tmp_path / f"{name}.hl7").write_bytes(content)
        (tmp_path / f"{name}.expect.toml").write_text(expected)
    assert faults(tmp_path, Messages.EXPECTED).splitlines() == [
        "empty.hl7: holds no result",
        "no-message.hl7: is no message that is taken: the message does not begin with an MSH segment",
        "two.hl7: holds 2 patients with results; subject in two.expect.toml names one by PID-3",
        "whose.hl7: holds no result; subject in whose.expect.toml names one by PID-3",
        "wrong.expect.toml: character_set: is not read here; name one as MSH-18 does, such as 8859/1",
        "wrong.expect.toml: time_zone: is no time zone that this machine knows; an IANA name such as Europe/Berlin is "
        "needed",
    ]


def test_other_commands_do_not_take_a_message_and_pass_it_over_in_a_folder(tmp_path: Path) -> None:
    (tmp_path / "a.hl7").write_bytes(TWO)
    (tmp_path / "a.expect.toml").write_text("")
    said = faults(tmp_path / "a.hl7", Messages.REFUSED)
    assert said.endswith("a.hl7: is an HL7 v2 message, which only interpret and check take")
    assert faults(tmp_path, Messages.REFUSED).endswith("the folder holds no panel file; *.toml and *.json are read")
