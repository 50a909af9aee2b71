"""The checks on a made-up analyte, where every number can be seen. Faults in files: tests/broken_knowledge."""

from __future__ import annotations

import tomllib
from dataclasses import replace
from decimal import Decimal

import pytest

from labgloss.knowledge import checks, schema
from labgloss.knowledge.release import Release, compile_analyte
from labgloss.knowledge.validation import formed

FORM = """
id = "cobalt"
name = "cobalt"
role = "supporting"
units = [{ ucum = "umol/L", property = "moles", digits = 1, native = true }]
[[intervals]]
id = "cobalt.interval.default"
age = { AGE }
limits = { "umol/L" = "5 <= x <= 9" }
source = ["VO-2"]
status = "proposal"
"""
TABLE = '[[band_tables]]\nid = "cobalt.band"\n'
BAND = """
[[band_tables.bands]]
band = "{band}"
side = "{side}"
limits = {{ "umol/L" = "{limit}" }}
yields_to_interval = {yields}
source = ["VO-2"]
status = "proposal"
urgency = "NONE"
"""


def faults(release: Release, *bands: str, age: str = "") -> list[str]:
    """What the checks say of a cobalt with bands such as "low: x < LLN"; one with ~ yields to the interval."""
    text = FORM.replace("AGE", age) + (TABLE if bands else "")
    for band in bands:
        name, _, limit = band.partition(": ")
        side = name.lstrip("~").rpartition("_")[2]
        text += BAND.format(band=name.lstrip("~"), side=side, limit=limit, yields=str(name.startswith("~")).lower())
    form = formed(schema.AnalyteFile, tomllib.loads(text, parse_float=Decimal))
    pregnancy = release.computations.pregnancy
    policies = tuple(release.choices["vitamin_d_policy"].values())
    cobalt = compile_analyte(form, release.unit_table, pregnancy, policies)
    found = checks.faults(replace(release, analytes={**release.analytes, "cobalt": cobalt}), ())
    return [f"{fault.key}: {fault.reason}: {fault.witness}" for fault in found if "cobalt" in fault.file]


def test_the_shipped_release_has_no_fault(release: Release) -> None:
    assert checks.faults(release, ()) == []


def test_an_analyte_without_bands_needs_no_interval_for_everybody(release: Release) -> None:
    assert faults(release) == []


def test_bands_that_cover_every_value_once_have_no_fault(release: Release) -> None:
    assert faults(release, "low: x < LLN", "normal: LLN <= x <= ULN", "high: x > ULN") == []


@pytest.mark.parametrize(("low", "witness"), [("x <= 4", "4.5"), ("x <= 4.9", "4.95"), ("x < 4.9999", "4.9999")])
def test_a_gap_is_found_however_narrow(release: Release, low: str, witness: str) -> None:
    found = faults(release, f"low: {low}", "normal: LLN <= x <= ULN", "high: x > ULN")
    assert f"cobalt.band: no band holds this value: age 0 d: {witness}" in "\n".join(found)


def test_a_gap_of_one_number_is_found(release: Release) -> None:
    found = faults(release, "low: x < LLN", "normal: LLN <= x <= ULN", "mild_high: ULN < x < 20", "severe_high: x > 20")
    assert found == ["cobalt.band: no band holds this value: age 0 d: 20 umol/L"]


def test_an_overlap_of_one_number_is_found(release: Release) -> None:
    found = faults(release, "low: x <= LLN", "normal: LLN <= x <= ULN", "high: x > ULN")
    assert found == ["cobalt.band: low and normal hold the same value: age 0 d: 5 umol/L"]


def test_an_interval_that_reaches_into_a_band_that_yields_is_no_overlap(release: Release) -> None:
    """Inside the interval a value is normal, whatever mild band it reaches into (DEC-49)."""
    bands = ("low: x < LLN", "normal: LLN <= x <= ULN", "~mild_high: 8 <= x < 20", "severe_high: x >= 20")
    assert faults(release, *bands) == []


def test_an_interval_that_reaches_into_a_band_that_stands_is_an_overlap(release: Release) -> None:
    bands = ("low: x < LLN", "normal: LLN <= x <= ULN", "mild_high: 8 <= x < 20", "severe_high: x >= 20")
    assert "cobalt.band: normal and mild_high hold the same value: age 0 d: 8 umol/L" in faults(release, *bands)


def test_a_band_that_no_value_reaches_is_named(release: Release) -> None:
    bands = ("low: x < LLN", "normal: LLN <= x <= ULN", "mild_high: ULN < x < 9", "high: x > ULN")
    assert faults(release, *bands) == ["cobalt.band.mild_high: no value of any patient reaches this band: "]


def test_bands_need_an_interval_for_every_patient(release: Release) -> None:
    bands = ("low: x < LLN", "normal: LLN <= x <= ULN", "high: x > ULN")
    found = faults(release, *bands, age='from = "16 y"')
    assert "intervals: no default interval is for this patient: age 0 d" in found


def test_the_interval_of_every_shipped_analyte_with_bands_reaches_every_patient(release: Release) -> None:
    with_bands = {analyte.id for analyte in release.analytes.values() if analyte.form.band_tables}
    assert with_bands == {
        "magnesium", "calcium_total", "calcium_adjusted", "calcium_ionised", "vitamin_d_25oh", "potassium", "sodium",
    }  # fmt: skip
