"""Spellings by CO 1.5; factors by MC 1.2, DK 1.2 and vocabulary.md DEC-89."""

from __future__ import annotations

from decimal import Decimal
from fractions import Fraction

import pytest

from labgloss.domain.quantity import scaled
from labgloss.knowledge.release import Release
from labgloss.knowledge.units import factor_between


@pytest.mark.parametrize(
    ("spelling", "ucum"),
    [
        ("mmol/L", "mmol/L"),
        ("mmol/l", "mmol/L"),
        ("MMOL/L", "mmol/L"),
        ("mMol/L", "mmol/L"),
        ("  mmol/L ", "mmol/L"),
        ("mEq/L", "meq/L"),
        ("MEQ/L", "meq/L"),
        ("MG/DL", "mg/dL"),
        ("mg/dl", "mg/dL"),
        ("mg%", "mg/dL"),
        ("µmol/l", "umol/L"),
        ("μmol/L", "umol/L"),
        ("ug/L", "ng/mL"),
        ("mcg/L", "ng/mL"),
        ("ng/L", "pg/mL"),
        ("IU/L", "U/L"),
        ("mlU/l", "m[IU]/L"),
        ("mL/min/1.73m²", "mL/min/{1.73_m2}"),
        ("mmol/d", "mmol/(24.h)"),
    ],
)
def test_a_spelling_met_in_feeds_is_its_unit(release: Release, spelling: str, ucum: str) -> None:
    assert release.unit_table.resolve(spelling) == ucum


@pytest.mark.parametrize(
    "text", ["", " ", "Mmol/L", "mmol", "MMol/l", "mmol / L", "Meq/L", "mol", "ratio", "(none)", "mmol/L.", "mmol∕L"]
)
def test_a_spelling_that_no_one_vouches_for_is_no_unit(release: Release, text: str) -> None:
    """Case counts beyond the table: M is mega (DEC-51)."""
    assert release.unit_table.resolve(text) is None


@pytest.mark.parametrize(
    ("analyte", "value", "unit", "other", "converted"),
    [
        ("magnesium", "1.5", "meq/L", "mmol/L", "0.75"),
        ("magnesium", "1", "mg/dL", "mmol/L", "0.411438"),
        ("magnesium", "1", "mmol/L", "mg/dL", "2.4305"),
        ("calcium_total", "1", "mg/dL", "mmol/L", "0.249513"),
        ("calcium_total", "1", "mmol/L", "mg/dL", "4.0078"),
        ("calcium_total", "5", "meq/L", "mmol/L", "2.5"),
        ("potassium", "4.1", "meq/L", "mmol/L", "4.1"),
        ("potassium", "1", "mg/dL", "mmol/L", "0.255768"),
        ("potassium", "1", "mmol/L", "mg/dL", "3.9098"),
        ("sodium", "1", "mmol/L", "mg/dL", "2.299"),
        ("vitamin_d_25oh", "20", "ng/mL", "nmol/L", "49.919256"),
        ("vitamin_d_25oh", "50", "nmol/L", "ng/mL", "20.03235"),
        ("vitamin_d_25oh_d2", "1", "ng/mL", "nmol/L", "2.423068"),
        ("vitamin_d_1_25oh2", "1", "pg/mL", "pmol/L", "2.400384"),
        ("creatinine", "1", "mg/dL", "umol/L", "88.401697"),
        ("phosphate", "1", "mmol/L", "mg/dL", "3.0974"),
        ("glucose", "1", "mmol/L", "mg/dL", "18.0156"),
        ("pth", "1", "pmol/L", "pg/mL", "9.43"),
        ("albumin", "4.0", "g/dL", "g/L", "40"),
    ],
)
def test_a_factor_is_exact_and_the_analytes_own(
    release: Release, analyte: str, value: str, unit: str, other: str, converted: str
) -> None:
    factor = factor_between(release.unit_table, release.analytes[analyte].form, unit, other)
    found = scaled(Decimal(value), factor)
    digits = len(converted.partition(".")[2])
    assert abs(found - Decimal(converted)) <= Decimal(1).scaleb(-digits)


def test_a_code_may_name_the_molar_mass_of_what_it_weighs(release: Release) -> None:
    """BUN mg/dL x 0.3570, urea mg/dL x 0.1665 (DK 1.2): 14.007 x 2 g of nitrogen, 60.056 g of urea a mole."""
    form = release.analytes["urea"].form
    masses = {row.loinc: row.molar_mass for row in form.codes}
    nitrogen = factor_between(release.unit_table, form, "mg/dL", "mmol/L", masses["3094-0"])
    urea = factor_between(release.unit_table, form, "mg/dL", "mmol/L", masses["3091-6"])
    assert nitrogen == Fraction(10) / Fraction("28.014")
    assert urea == Fraction(10) / Fraction("60.056")


def test_there_and_back_is_one(release: Release) -> None:
    for analyte in release.analytes.values():
        for unit in analyte.form.units:
            if not unit.needs_code:
                there = factor_between(
                    release.unit_table, analyte.form, unit.ucum, analyte.units[unit.ucum].compared_in
                )
                back = factor_between(release.unit_table, analyte.form, analyte.units[unit.ucum].compared_in, unit.ucum)
                assert there * back == 1


def test_what_nothing_joins_is_not_converted(release: Release) -> None:
    with pytest.raises(ValueError, match=r"^mmol/\(24\.h\) is .* and calcium_urine has no molar mass or charge"):
        factor_between(release.unit_table, release.analytes["calcium_urine"].form, "mmol/(24.h)", "mmol/L")
