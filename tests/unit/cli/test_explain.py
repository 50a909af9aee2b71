"""`labgloss explain`: what it prints, and how it ends."""

from __future__ import annotations

import io
import json
import sys
from pathlib import Path

import pytest

from labgloss.cli import main

# The panel of the design.
DESIGN = """
[[panel]]
id = "low-magnesium-holds-calcium-down"
title = "Calcium does not hold until magnesium is corrected"
patient = { age_years = 67, sex = "female" }
results = [
  { analyte = "magnesium", value = "0.41", unit = "mmol/L" },
  { analyte = "calcium_adjusted", value = "1.82", unit = "mmol/L" },
]
symptoms = [{ text = "cramps in both calves" }, { id = "PARAESTHESIA_PERIORAL" }]
"""
SEVERAL = """
[[panel]]
id = "one"
results = [{ analyte = "potassium", value = "6.9", unit = "mmol/L" }]
[[panel]]
id = "two"
results = [{ analyte = "potassium", value = "4.0", unit = "mmol/L" }]
"""

MARGINS = """\
════════════════════════════════════════════════════════════════════════════════════════════════════
low-magnesium-holds-calcium-down                                                           EMERGENCY
Calcium does not hold until magnesium is corrected
────────────────────────────────────────────────────────────────────────────────────────────────────

MARGINS: the signed distance of each value from each limit, in the unit compared
  magnesium 0.41 mmol/L
       +0.01 from 0.40 mmol/L: severe low up to here, critical low up to here, moderate low above
       -0.09 from 0.50 mmol/L: moderate low below, mild low from here
       -0.19 from 0.60 mmol/L: MG_UNDER_0_60 below
       -0.29 from 0.70 mmol/L: mild low below, normal from here, default interval, age from 28 d,
                               not pregnant from here
       -0.44 from 0.85 mmol/L: MG_LOW_NORMAL below
       -0.59 from 1.00 mmol/L: normal up to here, default interval, age from 28 d, not pregnant up
                               to here, mild high above
       -1.59 from 2.00 mmol/L: mild high below, moderate high from here, critical high from here,
                               MG_FROM_2_00 from here
       -2.09 from 2.50 mmol/L: MG_HIGH_FROM_2_50 from here
       -3.09 from 3.50 mmol/L: moderate high up to here, severe high above
"""
FINDING = """
FINDING MG_LOW: holds
  Magnesium is low.
    - true made by: magnesium: class low [magnesium.class]
    reads: magnesium 0.41 mmol/L
    > no longer holds with magnesium 0.41 -> 0.70 mmol/L (29 digits up); urgency stays EMERGENCY;
      comes: CALCIUM_ABNORMAL_PTH_PENDING, LATENT_MG_DEFICIENCY_POSSIBLE, MG_LOW_NORMAL; goes:
      MG_LOW_WITH_SECONDARY_HYPOCALCAEMIA, QT_RISK_ELECTROLYTES
    rule magnesium.class; sources MC-S12a, MC-S33, MC-S34, MC-S69, MC-S03
"""
PATTERN = """
PATTERN PPI_ASSOCIATED_HYPOMAGNESAEMIA (P72): possible
  Low magnesium on a proton pump inhibitor
    - true core: magnesium low [finding.MG_LOW]
    - not known core: proton pump inhibitor [medication.ppi]
    - not known excluding: a proton pump inhibitor for less than 3 months
      [timing.PPI_UNDER_3_MONTHS]
    - not known supporting: a loop or thiazide diuretic [group.diuretic]
    reads: magnesium 0.41 mmol/L
    not known: proton pump inhibitor; a proton pump inhibitor for less than 3 months
    > matched with medication "proton pump inhibitor" (ppi) added, alone on the list of medications,
      which was not sent; urgency stays EMERGENCY
    > not met with the list of medications sent, and nothing on it; urgency stays EMERGENCY
    > not met with magnesium 0.41 -> 0.70 mmol/L (29 digits up); urgency stays EMERGENCY; comes:
      CALCIUM_ABNORMAL_PTH_PENDING, LATENT_MG_DEFICIENCY_POSSIBLE, MG_LOW_NORMAL; goes:
      MG_LOW_WITH_SECONDARY_HYPOCALCAEMIA, QT_RISK_ELECTROLYTES, MG_LOW
    rule PPI_ASSOCIATED_HYPOMAGNESAEMIA; sources SP-S10, MC-S37, DEC-31; status seen
"""
ABSENT = """
PATTERN SAMPLE_HAEMOLYSED (P02): not met
  Haemolysed specimen
    - false core: a haemolysed specimen [specimen.haemolysed]
    against: not so: a haemolysed specimen
    > no single change was found by which it is matched: nothing that may change decides it
    rule SAMPLE_HAEMOLYSED; sources SP-S19, DK-Q1, DK-Q2, DEC-14, DEC-48; status seen
"""


@pytest.fixture
def design(tmp_path: Path) -> Path:
    file = tmp_path / "design.toml"
    file.write_text(DESIGN)
    return file


@pytest.fixture
def several(tmp_path: Path) -> Path:
    file = tmp_path / "several.toml"
    file.write_text(SEVERAL)
    return file


def test_the_panel_of_the_design_is_explained(design: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["explain", str(design), "MG_LOW", "PPI_ASSOCIATED_HYPOMAGNESAEMIA", "P02"]) == 0
    lines = capsys.readouterr().out.splitlines()
    expected = (MARGINS + FINDING + PATTERN + ABSENT).splitlines()
    assert lines[: len(expected)] == expected
    assert lines[-1] == "single; age, sex and pregnancy stay."


def test_without_an_id_all_that_the_report_lists_is_explained(design: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["explain", str(design)]) == 0
    text = capsys.readouterr().out
    for heading in (
        "RED FLAG TETANY_OR_LATENT_TETANY (RF01): raised, EMERGENCY",
        "RED FLAG VALUE_ALONE (RF11): raised, EMERGENCY",
        "PATTERN MG_LOW_WITH_SECONDARY_HYPOCALCAEMIA (P10): matched, EMERGENCY",
        "PATTERN MG_LOW_WITH_SECONDARY_HYPOKALAEMIA (P11): possible",
        "FINDING CA_LOW: holds",
        "RECOMMENDATION CONSIDER_MG_REPLETION_FIRST: given, EMERGENCY",
        "RECOMMENDATION CHECK_PTH: given, EMERGENCY",
    ):
        assert f"\n{heading}\n" in text
    assert 'no longer raised with symptom "Perioral tingling/numbness" (PARAESTHESIA_PERIORAL) denied' in text


def test_programs_get_the_same_as_json(design: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["explain", str(design), "P10", "--format", "json"]) == 0
    content = json.loads(capsys.readouterr().out)
    assert (content["panel"], content["urgency"]) == ("low-magnesium-holds-calcium-down", "EMERGENCY")
    (one,) = content["explanations"]
    assert (one["kind"], one["id"], one["number"], one["state"]) == (
        "pattern",
        "MG_LOW_WITH_SECONDARY_HYPOCALCAEMIA",
        "P10",
        "matched",
    )
    assert one["clauses"][0] == {
        "role": "core",
        "expression": "finding.MG_LOW",
        "truth": "true",
        "text": "magnesium low",
    }
    assert one["would_flip"] == [
        {
            "to": ["absent", "possible"],
            "changes": [
                {
                    "text": "magnesium 0.41 -> 0.70 mmol/L (29 digits up)",
                    "state": "absent",
                    "result": 0,
                    "digits": 29,
                    "value": "0.70",
                    "urgency": "EMERGENCY",
                    "come": ["CALCIUM_ABNORMAL_PTH_PENDING", "LATENT_MG_DEFICIENCY_POSSIBLE", "MG_LOW_NORMAL"],
                    "gone": ["QT_RISK_ELECTROLYTES", "MG_LOW"],
                }
            ],
        }
    ]
    margin = next(item for item in content["results"][0]["margins"] if item["kind"] == "interval")
    assert (margin["end"], margin["side"], margin["distance"], margin["status"]) == ("0.70", "lower", "-0.29", "seen")


def test_json_files_and_standard_input_are_read(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    sent = {"panel": [{"id": "p", "results": [{"analyte": "potassium", "value": "6.9", "unit": "mmol/L"}]}]}
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(json.dumps(sent).encode())))
    assert main(["explain", "-", "K_HIGH", "--input-format", "json"]) == 0
    # Of a patient of unknown age, who may be newborn.
    assert "no longer holds with potassium 6.9 -> 6.0 mmol/L (9 digits down)" in capsys.readouterr().out


def test_of_several_panels_the_one_that_is_named_is_explained(
    several: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["explain", str(several), "K_HIGH", "--panel", "two"]) == 0
    assert "FINDING K_HIGH: does not hold" in capsys.readouterr().out


def test_of_several_panels_one_has_to_be_named(several: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["explain", str(several)]) == 2
    assert capsys.readouterr().err == (
        f"labgloss: cannot start so:\n  --panel: {several} holds 2 panels; name one: one, two\n"
    )


def test_a_panel_that_is_not_there_is_said_with_what_is_near(several: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["explain", str(several), "--panel", "tow"]) == 2
    assert capsys.readouterr().err == (
        f"labgloss: cannot start so:\n  --panel: {several} holds no panel tow; near it: two\n"
    )
    assert main(["explain", str(several), "--panel", "seven"]) == 2
    assert "it holds: one, two" in capsys.readouterr().err


def test_an_id_that_nothing_has_is_said_with_what_is_near(design: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["explain", str(design), "MG_LOW", "ca_lwo"]) == 1
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err == (
        "labgloss: no finding, pattern, red flag or recommendation has the id ca_lwo; "
        "near it: CA_LOW, U_CA_LOW, NA_LOW\n"
    )


def test_an_id_like_no_other_is_sent_to_where_they_are(design: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["explain", str(design), "xyzzy"]) == 1
    assert "has the id xyzzy; labgloss knowledge show" in capsys.readouterr().err


def test_a_panel_that_is_not_accepted_is_said_with_every_field(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "bad.toml"
    file.write_text('[[panel]]\nid = "bad"\n[panel.patient]\nage_years = 200')
    assert main(["explain", str(file)]) == 1
    assert capsys.readouterr().err == (
        'labgloss: panel "bad" is not accepted: 2 fields are wrong; mend each as its description says, and send the '
        "request again.\n"
        "  panel.results: at least one result or one symptom is needed (REQUIRED)\n"
        "  panel.patient.age_years: completed years 0 to 150 are allowed (OUT_OF_RANGE)\n"
    )


def test_a_file_that_cannot_be_read_ends_with_2(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["explain", str(tmp_path / "absent.toml")]) == 2
    assert "cannot be read: No such file or directory" in capsys.readouterr().err


def test_a_panel_of_which_nothing_is_said_says_so(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "quiet.toml"
    file.write_text(
        '[[panel]]\nid = "quiet"\n[[panel.results]]\nanalyte = "vitamin_d_25oh"\nvalue = "75"\nunit = "nmol/L"'
    )
    assert main(["explain", str(file)]) == 0
    assert "The report holds no finding, pattern, red flag or recommendation to explain." in capsys.readouterr().out
