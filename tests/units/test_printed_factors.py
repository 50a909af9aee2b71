"""The exact factors round to what the clinical documents print, typed here from their tables."""

from __future__ import annotations

from decimal import Decimal
from fractions import Fraction

import pytest

from labgloss.domain.quantity import ARITHMETIC
from labgloss.knowledge.release import Release
from labgloss.knowledge.units import factor_between

CALCIUM = ("calcium_total", "calcium_adjusted", "calcium_ionised")
TOTAL_VITAMIN_D = ("vitamin_d_25oh", "vitamin_d_25oh_d3")

# Analytes, unit, target, the factor as printed.
PRINTED = [
    # MC 1.2, "mg/dL to mmol/L, multiply by" and the rows below it
    (CALCIUM, "mg/dL", "mmol/L", "0.2495"),
    (CALCIUM, "mg/dL", "mmol/L", "0.249513"),
    (CALCIUM, "mmol/L", "mg/dL", "4.008"),
    (CALCIUM, "mmol/L", "mg/dL", "4.0078"),
    (CALCIUM, "mg/dL", "meq/L", "0.4990"),
    (CALCIUM, "meq/L", "mg/dL", "2.004"),
    (CALCIUM, "meq/L", "mmol/L", "0.5000"),
    (CALCIUM, "mg/L", "mmol/L", "0.02495"),
    (("magnesium",), "mg/dL", "mmol/L", "0.4114"),
    (("magnesium",), "mg/dL", "mmol/L", "0.411438"),
    (("magnesium",), "mmol/L", "mg/dL", "2.431"),
    (("magnesium",), "mmol/L", "mg/dL", "2.4305"),
    (("magnesium",), "mg/dL", "meq/L", "0.8229"),
    (("magnesium",), "meq/L", "mg/dL", "1.215"),
    (("magnesium",), "meq/L", "mmol/L", "0.5000"),
    (("magnesium",), "mg/L", "mmol/L", "0.04114"),
    # MC 1.2, companion factors
    (("pth",), "pmol/L", "pg/mL", "9.43"),
    (("albumin",), "g/dL", "g/L", "10"),
    (("phosphate",), "mg/dL", "mmol/L", "0.3229"),
    (("creatinine",), "mg/dL", "umol/L", "88.4"),
    # DK 1.2
    (TOTAL_VITAMIN_D, "ng/mL", "nmol/L", "2.496"),
    (TOTAL_VITAMIN_D, "nmol/L", "ng/mL", "0.4006"),
    (("vitamin_d_25oh_d2",), "ng/mL", "nmol/L", "2.423"),
    (("vitamin_d_25oh_d2",), "nmol/L", "ng/mL", "0.4127"),
    (("potassium",), "meq/L", "mmol/L", "1"),
    (("potassium",), "mg/dL", "mmol/L", "0.2558"),
    (("potassium",), "mmol/L", "mg/dL", "3.910"),
    (("sodium",), "meq/L", "mmol/L", "1"),
    (("sodium",), "mg/dL", "mmol/L", "0.4350"),
    (("sodium",), "mmol/L", "mg/dL", "2.299"),
    (("creatinine",), "mg/dL", "umol/L", "88.40"),
    (("vitamin_d_1_25oh2",), "pg/mL", "pmol/L", "2.400"),
    (("pth",), "pg/mL", "pmol/L", "0.1060"),
]
# DK 1.2: the mass of urea, or of the nitrogen in it; the code says which.
PRINTED_OF_UREA = [("3094-0", "0.3570"), ("3091-6", "0.1665")]


def rounded_as(printed: str, factor: Fraction) -> str:
    """The factor with the decimal places of the printed one."""
    places = -int(Decimal(printed).as_tuple().exponent)
    scaled = factor * 10**places
    return str(ARITHMETIC.scaleb(Decimal(int(scaled + Fraction(1, 2))), -places))


@pytest.mark.parametrize(("analytes", "unit", "target", "printed"), PRINTED)
def test_a_printed_factor_is_ours_rounded(
    release: Release, analytes: tuple[str, ...], unit: str, target: str, printed: str
) -> None:
    for analyte in analytes:
        form = release.analytes[analyte].form
        assert rounded_as(printed, factor_between(release.unit_table, form, unit, target)) == printed


@pytest.mark.parametrize(("code", "printed"), PRINTED_OF_UREA)
def test_urea_in_mg_per_dl_is_converted_by_what_its_code_names(release: Release, code: str, printed: str) -> None:
    form = release.analytes["urea"].form
    molar_mass = release.codes[code].row.molar_mass
    assert rounded_as(printed, factor_between(release.unit_table, form, "mg/dL", "mmol/L", molar_mass)) == printed


def test_the_mass_of_the_parent_vitamin_is_not_used(release: Release) -> None:
    """DK 1.2, "trap: 2.600": one public table converts 25-OH-D with the mass of cholecalciferol."""
    for analyte in (*TOTAL_VITAMIN_D, "vitamin_d_25oh_d2"):
        factor = factor_between(release.unit_table, release.analytes[analyte].form, "ng/mL", "nmol/L")
        assert rounded_as("2.600", factor) != "2.600"


def test_micrograms_per_litre_are_nanograms_per_millilitre(release: Release) -> None:
    """DK 1.2: `ug/L` = `ng/mL` exactly."""
    assert release.unit_table.resolve("ug/L") == "ng/mL"
