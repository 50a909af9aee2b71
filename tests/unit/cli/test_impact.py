"""`labgloss knowledge impact` over folders and overlays: what it prints, its gates, and how it ends."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from labgloss.cli import main
from labgloss.cli.sides import release_of
from labgloss.domain.report import Critical, Report, ResultClass, Urgency
from labgloss.engine.interpret import interpret
from labgloss.knowledge.loader import DATA
from labgloss.panels.reader import read_panels
from labgloss.wire.decode import decode_panel

OVERLAY = Path(__file__).parents[3] / "deploy" / "overlay.example.toml"
GATES = ("no-critical-lost", "no-urgency-lowered", "no-normal-gained")
ALL_GATES = [part for gate in GATES for part in ("--gate", gate)]
Changed = Callable[..., str]


@pytest.fixture
def changed(tmp_path: Path) -> Changed:
    """The path of a folder with the shipped knowledge, in which magnesium says something else."""

    def made(*replaced: tuple[str, str]) -> str:
        folder = tmp_path / "knowledge"
        shutil.copytree(DATA, folder)
        file = folder / "analytes" / "magnesium.toml"
        text = file.read_text()
        for old, new in replaced:
            assert old in text
            text = text.replace(old, new)
        file.write_text(text)
        return str(folder)

    return made


def impact(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, Any]:
    code = main(["knowledge", "impact", *arguments, "--format", "json"])
    return code, json.loads(capsys.readouterr().out)


def stretch(found: Any, unit: str, text: str) -> Any:
    return next(one for one in found["values"] if (one["unit"], one["stretch"]) == (unit, text))


def interpreted(example: str, sides: tuple[str, str], folder: Path) -> list[Report]:
    """An example as a panel file, interpreted by both sides."""
    file = folder / "example.toml"
    file.write_text(example)
    (case,) = read_panels([file])
    releases = [release_of(side) for side in sides]
    return [interpret(release, decode_panel(case.panel, "panel", release)) for release in releases]


def broken(found: Any) -> list[str]:
    return [gate["gate"] for gate in found["broken_gates"]]


ADULTS = '{ "mmol/L" = "0.70 <= x <= 1.00", "mg/dL" = "1.7 <= x <= 2.4" }'
CRITICAL = 'id = "magnesium.critical.default.low"\nside = "low"\nlimits = { "mmol/L" = "x <= 0.40"'


def test_an_interval_that_is_moved(changed: Changed, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    folder = changed((ADULTS, ADULTS.replace("0.70", "0.75").replace("1.7 <=", "1.8 <=")))
    code, found = impact(capsys, "-", folder, *ALL_GATES)
    assert (code, found["broken_gates"], found["rules"]) == (0, [], [])
    region = stretch(found, "mmol/L", "0.70 <= x < 0.75")
    assert {"what": "magnesium class", "before": "normal", "after": "low"} in region["changes"]
    assert region["patients"][0] == "age 18 y, female, not pregnant"
    assert stretch(found, "mg/dL", "1.7 <= x < 1.8")
    before, after = interpreted(region["example"], ("-", folder), tmp_path)
    assert [one.results[0].result_class for one in (before, after)] == [ResultClass.NORMAL, ResultClass.LOW]


def test_a_bound_that_is_flipped_is_one_value(
    changed: Changed, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    folder = changed(
        ('"mmol/L" = "0.40 < x < 0.50"', '"mmol/L" = "0.40 < x <= 0.50"'),
        ('"mmol/L" = "0.50 <= x < LLN"', '"mmol/L" = "0.50 < x < LLN"'),
    )
    code, found = impact(capsys, "-", folder)
    assert code == 0
    # In the ordinary table and in that of an infusion, for every kind of patient.
    assert {(one["unit"], one["stretch"]) for one in found["values"]} == {("mmol/L", "x = 0.50")}
    region = found["values"][0]
    before, after = interpreted(region["example"], ("-", folder), tmp_path)
    assert [one.results[0].band for one in (before, after)] == ["mild_low", "moderate_low"]
    assert [one.urgency for one in (before, after)] == [Urgency.PROMPT, Urgency.SAME_DAY]


def test_a_variant_is_for_those_who_choose_it(
    changed: Changed, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    men = '"mmol/L" = "0.73 <= x <= 1.06"'
    folder = changed((men, men.replace("0.73", "0.75")))
    code, found = impact(capsys, "-", folder)
    assert code == 0
    region = stretch(found, "mmol/L", "0.73 <= x < 0.75")
    patients = {patient for one in found["values"] for patient in one["patients"]}
    assert "age 18 y, male, not pregnant, intervals diasys" in patients
    assert all("intervals diasys" in patient and "female" not in patient for patient in patients)
    before, after = interpreted(region["example"], ("-", folder), tmp_path)
    assert [one.results[0].result_class for one in (before, after)] == [ResultClass.NORMAL, ResultClass.LOW]


@pytest.mark.parametrize(("limit", "gates"), [("x <= 0.38", ["no-critical-lost"]), ("x <= 0.44", [])])
def test_a_critical_limit_may_be_widened_and_not_narrowed(
    changed: Changed, capsys: pytest.CaptureFixture[str], tmp_path: Path, limit: str, gates: list[str]
) -> None:
    folder = changed((CRITICAL, CRITICAL.replace("x <= 0.40", limit)))
    code, found = impact(capsys, "-", folder, "--gate", "no-critical-lost", "--gate", "no-normal-gained")
    assert (code, broken(found)) == (1 if gates else 0, gates)
    lower, upper = sorted((limit.removeprefix("x <= "), "0.40"))
    region = stretch(found, "mmol/L", f"{lower} < x <= {upper}")
    reports = interpreted(region["example"], ("-", folder), tmp_path)
    criticals = [Critical.YES, Critical.NO] if gates else [Critical.NO, Critical.YES]
    assert [one.results[0].critical for one in reports] == criticals


def test_a_normal_that_is_gained_breaks_its_gate(
    changed: Changed, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    folder = changed((ADULTS, ADULTS.replace("0.70", "0.65").replace("1.7 <=", "1.6 <=")))
    code, found = impact(capsys, "-", folder, *ALL_GATES)
    assert (code, broken(found)) == (1, ["no-urgency-lowered", "no-normal-gained"])
    (gate,) = (one for one in found["broken_gates"] if one["gate"] == "no-normal-gained")
    assert gate["what"] == ["magnesium class: low -> normal"]
    before, after = interpreted(gate["example"], ("-", folder), tmp_path)
    assert [one.results[0].result_class for one in (before, after)] == [ResultClass.LOW, ResultClass.NORMAL]
    assert after.urgency < before.urgency


def test_an_overlay_may_be_either_side(capsys: pytest.CaptureFixture[str]) -> None:
    code, found = impact(capsys, "-", str(OVERLAY))
    assert code == 0
    assert len(found["overlay"]["after_only"]) == 14
    assert {one["analyte"] for one in found["values"]} == {
        *("calcium_total", "haemolysis_index", "magnesium", "phosphate", "potassium", "vitamin_d_25oh")
    }
    assert [(one["kind"], one["id"], one["differs"]) for one in found["rules"]] == [
        ("recommendation", "PHONE_CRITICAL_RESULT", ["words"])
    ]
    assert main(["knowledge", "impact", str(OVERLAY), "-", "--gate", "no-critical-lost"]) == 1
    # What a feed makes readable is no longer possibly critical, and the other way round it is refused.
    text = capsys.readouterr().out
    assert "- calcium_total in mg/L, (age 18 y, female, not pregnant, source example-lis): read by A only" in text
    assert "potassium, 2.5 < x <= 2.8 mmol/L" in text
    assert "gate no-critical-lost is broken" in text
