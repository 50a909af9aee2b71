"""Named facts, three-valued (vocabulary.md 7)."""

from __future__ import annotations

from typing import Any

import pytest

from labgloss.domain.panel import SpecimenKind
from labgloss.domain.truth import Truth
from tests.unit.engine.conftest import Read
from tests.unit.engine.panel_builder import result


def found(report: Any) -> set[str]:
    return {finding.id for finding in report.findings}


@pytest.mark.parametrize(
    ("sent", "findings"),
    [
        (("magnesium", "0.65", "mmol/L"), {"MG_LOW"}),
        (("magnesium", "1.05", "mmol/L"), {"MG_HIGH"}),
        (("magnesium", "2.50", "mmol/L"), {"MG_HIGH", "MG_HIGH_FROM_2_50"}),
        (("magnesium", "5.9", "mg/dL"), {"MG_HIGH"}),
        (("magnesium", "6.0", "mg/dL"), {"MG_HIGH", "MG_HIGH_FROM_2_50"}),
        (("calcium_adjusted", "2.10", "mmol/L"), {"CA_LOW"}),
        (("calcium_adjusted", "2.09", "mmol/L"), {"CA_LOW", "CA_LOW_UNDER_2_10"}),
        (("calcium_adjusted", "1.99", "mmol/L"), {"CA_LOW", "CA_LOW_UNDER_2_10", "CA_LOW_UNDER_2_00"}),
        (("calcium_adjusted", "8.4", "mg/dL"), {"CA_LOW"}),
        (("calcium_adjusted", "2.79", "mmol/L"), {"CA_HIGH"}),
        (("calcium_adjusted", "2.80", "mmol/L"), {"CA_HIGH", "CA_HIGH_FROM_2_80"}),
        (("calcium_ionised", "1.41", "mmol/L"), {"CA_HIGH"}),
        (("calcium_ionised", "1.42", "mmol/L"), {"CA_HIGH", "CA_HIGH_FROM_2_80"}),
        (("potassium", "3.4", "mmol/L"), {"K_LOW"}),
        (("potassium", "4.0", "mmol/L"), set()),
        (("potassium", "5.4", "mmol/L"), {"K_HIGH"}),
        (("vitamin_d_25oh", "40", "nmol/L"), {"VITD_LOW"}),
        (("vitamin_d_25oh", "130", "nmol/L"), {"VITD_HIGH"}),
        (("sodium", "132", "mmol/L"), {"NA_LOW"}),
        (("egfr", "59", "mL/min/{1.73_m2}"), {"EGFR_LOW"}),
        (("egfr", "60", "mL/min/{1.73_m2}"), set()),
        (("egfr", "29", "mL/min/{1.73_m2}"), {"EGFR_LOW", "EGFR_BELOW_30"}),
        (("egfr", ">60", "mL/min/{1.73_m2}"), set()),
        (("egfr", "<30", "mL/min/{1.73_m2}"), {"EGFR_LOW", "EGFR_BELOW_30"}),
        (("egfr", "<45", "mL/min/{1.73_m2}"), {"EGFR_LOW"}),
        (("phosphate", "2.01", "mmol/L"), {"PHOS_HIGH", "PHOS_TLS_LIMIT", "PHOS_ABOVE_2_0"}),
        (("phosphate", "6.2", "mg/dL"), {"PHOS_HIGH", "PHOS_TLS_LIMIT"}),
        (("glucose", "11.1", "mmol/L"), {"GLU_HIGH", "GLU_FROM_11_1"}),
        (("glucose", "200", "mg/dL"), {"GLU_HIGH", "GLU_FROM_11_1"}),
        (("platelets", "501", "10*9/L"), {"PLT_HIGH"}),
        (("wbc", "50", "10*9/L"), {"WBC_HIGH"}),
        (("cccr", "0.009", ""), {"CCCR_LOW"}),
        (("crp", "31", "mg/L"), {"CRP_HIGH", "CRP_ABOVE_10", "CRP_ABOVE_30"}),
        (("ck", "5000", "U/L"), {"CK_FROM_5000"}),
    ],
)
def test_a_value_makes_its_findings_and_no_other(read: Read, sent: tuple[str, str, str], findings: set[str]) -> None:
    # Findings with a limit of their own that a later rule adds are not this test's.
    known = {
        "MG_LOW", "MG_HIGH", "MG_HIGH_FROM_2_50", "CA_LOW", "CA_LOW_UNDER_2_10", "CA_LOW_UNDER_2_00", "CA_HIGH",
        "CA_HIGH_FROM_2_80", "K_LOW", "K_HIGH", "VITD_LOW", "VITD_HIGH", "NA_LOW", "NA_HIGH", "EGFR_LOW",
        "EGFR_BELOW_30", "PHOS_HIGH", "PHOS_TLS_LIMIT", "PHOS_ABOVE_2_0", "GLU_HIGH", "GLU_FROM_11_1", "GLU_ABOVE_30",
        "PLT_HIGH", "WBC_HIGH", "CCCR_LOW", "CRP_HIGH", "CRP_ABOVE_10", "CRP_ABOVE_30", "CK_FROM_5000",
    }  # fmt: skip
    assert found(read(result(*sent), conditions=[])) & known == findings


def test_an_infusion_is_no_finding_of_high_magnesium_from_2_50(read: Read) -> None:
    report = read(
        result("magnesium", "2.80", "mmol/L"), sex="female", trimester=3, conditions=["pre_eclampsia_infusion"]
    )
    assert found(report) == {"MG_HIGH"}


def test_a_finding_of_an_adult_is_not_a_childs(read: Read) -> None:
    assert "PHOS_TLS_LIMIT" not in found(read(result("phosphate", "1.50", "mmol/L"), age="17 y"))
    assert "PHOS_TLS_LIMIT" in found(read(result("phosphate", "1.50", "mmol/L"), age="18 y"))


def test_a_finding_names_what_it_rests_on(read: Read) -> None:
    report = read(result("sodium", "140", "mmol/L"), result("magnesium", "0.45", "mmol/L"))
    low = report.findings[0]
    assert (low.id, low.analyte, low.band, low.truth, low.results, low.text, low.rule_id) == (
        "MG_LOW", "magnesium", "moderate_low", Truth.TRUE, (1,), "Magnesium is low.", "magnesium.class",
    )  # fmt: skip


def test_a_finding_on_a_computed_value_rests_on_what_it_was_computed_from(read: Read) -> None:
    report = read(result("calcium_total", "1.90", "mmol/L"), result("albumin", "38", "g/L"))
    assert {finding.id: finding.results for finding in report.findings}["CA_LOW"] == (0, 1)


@pytest.mark.parametrize(
    ("sent", "patient"),
    [
        (result("magnesium", "0.65", "mmol/L"), {"sex": "female", "age": "30 y"}),
        (result("magnesium", "<0.80", "mmol/L"), {}),
        (result("magnesium", "0.65", ""), {}),
        (result("magnesium", "0.65", "mmol/L", status="cancelled"), {}),
        (result("magnesium", "0.05", "mmol/L"), {}),
        (result("vitamin_d_25oh", "<60", "nmol/L"), {}),
    ],
)
def test_an_open_or_refused_result_makes_no_finding(read: Read, sent: Any, patient: dict[str, Any]) -> None:
    assert read(sent, **patient).findings == ()


@pytest.mark.parametrize(
    "results",
    [
        [result("egfr", "25", "mL/min/{1.73_m2}", specimen={"conditions": ("QS",)})],
        [result("platelets", "900", "10*9/L", specimen={"conditions": ("RC",)})],
        [result("", "15", "mmol/L", code="2345-7")],
        [
            result("", "240", "umol/L", code="2160-0", collected="2026-01-10"),
            result("", "80", "umol/L", code="2160-0", collected="2026-01-09"),
        ],
    ],
)
def test_a_number_that_its_specimen_or_code_refuses_makes_no_finding(read: Read, results: list[Any]) -> None:
    """SP 0.2: rejected or refused is unknown."""
    report = read(*results)
    assert all(item.refusal_reason for item in report.results)
    assert report.findings == ()


def test_of_two_results_the_finding_rests_on_the_one_that_makes_it(read: Read) -> None:
    """Neither is the panel normal then, nor does the finding say so of the other result."""
    serum = {"kind": SpecimenKind.SERUM}
    sent = [
        result("magnesium", "0.85", "mmol/L"), result("calcium_adjusted", "2.30", "mmol/L"),
        result("vitamin_d_25oh", "70", "nmol/L"),
        *(result("potassium", value, "meq/L", id=value, specimen=serum) for value in ("4.0", "6.9")),
    ]  # fmt: skip
    assert found(read(*sent[:4])) == {"PANEL_NORMAL"}
    report = read(*sent)
    assert [(finding.id, finding.band, finding.results) for finding in report.findings] == [
        ("K_HIGH", "severe_high", (4,))
    ]


def test_an_earlier_number_makes_no_finding(read: Read) -> None:
    report = read(
        result("egfr", "25", "mL/min/{1.73_m2}", collected="2025-01-10"),
        result("egfr", "75", "mL/min/{1.73_m2}", collected="2026-01-10"),
    )
    assert report.findings == ()


def test_an_unadjusted_total_beside_another_calcium_has_findings_of_its_own(read: Read) -> None:
    low = read(result("calcium_total", "2.00", "mmol/L"), result("calcium_adjusted", "2.30", "mmol/L"))
    assert found(low) == {"CA_TOTAL_LOW"}
    high = read(result("calcium_total", "2.70", "mmol/L"), result("calcium_ionised", "1.20", "mmol/L"))
    assert found(high) == {"CA_TOTAL_HIGH"}
