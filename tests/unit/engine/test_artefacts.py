"""Rules of sample validity: what each makes of a specimen, and of nothing else (SP 3, tier 0; DEC-12, DEC-15)."""

from __future__ import annotations

from typing import Any

import pytest

from labgloss.domain.panel import Haemolysis, Result, SpecimenKind
from labgloss.domain.report import Critical, RefusalReason, Report, ResultClass, ResultState, Urgency
from tests.unit.engine.conftest import Read
from tests.unit.engine.panel_builder import cautions, entry, issues, recommended, result

EDTA, GADOLINIUM, DRIP = "SAMPLE_EDTA_CONTAMINATION", "SPURIOUS_CALCIUM_AFTER_GADOLINIUM", "DRIP_ARM_DILUTION"
UNITS = {
    "potassium": "mmol/L",
    "calcium_total": "mmol/L",
    "magnesium": "mmol/L",
    "alp": "U/L",
    "sodium": "mmol/L",
    "albumin": "g/L",
    "glucose": "mmol/L",
    "chloride": "mmol/L",
    "creatinine": "umol/L",
    "calcium_ionised": "mmol/L",
    "egfr": "mL/min/{1.73_m2}",
    "ck": "U/L",
    "urate": "umol/L",
    "phosphate": "mmol/L",
    "platelets": "10*9/L",
    "wbc": "10*9/L",
}
NOON = "2026-01-15T12:00:00Z"
MATCHED, POSSIBLE = "MATCHED", "POSSIBLE"
CONTAMINATED = {"potassium": "6.8", "calcium_total": "1.70", "magnesium": "0.45", "alp": "20"}


def values(given: dict[str, str], **fields: Any) -> list[Result]:
    """Results in their usual units; `specimen`, `collected` and `id` as `result` takes them."""
    return [result(analyte, value, UNITS[analyte], **fields) for analyte, value in given.items()]


def tube(ident: str, **fields: Any) -> dict[str, Any]:
    return {"id": ident, "kind": SpecimenKind.SERUM, **fields}


def state(report: Report, ident: str) -> str | None:
    return next((item.state.value for item in report.patterns if item.id == ident), None)


def urgency_of(report: Report, ident: str) -> Urgency:
    return next(item.urgency for item in report.patterns if item.id == ident)


def refusals(report: Report) -> dict[str, str]:
    return {item.id or item.analyte: item.refusal_reason.value for item in report.results if item.refusal_reason}


def held(report: Report) -> dict[str, bool]:
    return {flag.id: flag.held for flag in report.red_flags}


# ---------------------------------------------------------------------------------------------- P01


@pytest.mark.parametrize(
    "given",
    [
        {"potassium": "6.8", "calcium_total": "1.70", "magnesium": "0.45"},
        {"potassium": "6.8", "calcium_total": "1.70", "alp": "20"},
        {"potassium": "5.4", "calcium_total": "2.15", "magnesium": "0.65"},
        # Na-EDTA, citrate or oxalate bring no potassium; then all three must be low.
        {"potassium": "4.2", "calcium_total": "1.70", "magnesium": "0.45", "alp": "20"},
        # DEC-72: any calcium that was measured in that specimen.
        {"potassium": "6.8", "calcium_ionised": "0.95", "magnesium": "0.45"},
    ],
)
def test_what_fits_edta_is_refused_and_stays_visible(read: Read, given: dict[str, str]) -> None:
    report = read(*values(given))
    assert state(report, EDTA) == MATCHED
    assert refusals(report) == dict.fromkeys(given, "edta_contamination")
    assert issues(report) >= {"edta_contamination", "result_unreliable"}
    assert [str(item.reading.quantity.value) for item in report.results if item.reading] == list(given.values())


@pytest.mark.parametrize(
    "given",
    [
        {"potassium": "5.6", "calcium_total": "2.15"},
        {"potassium": "5.6", "calcium_total": "2.30", "magnesium": "0.65"},
        {"potassium": "5.6", "alp": "20"},
    ],
)
def test_one_clue_leaves_the_values_live_and_asks_for_a_repeat_today(read: Read, given: dict[str, str]) -> None:
    """DEC-12, DEC-52, vocabulary.md 14."""
    report = read(*values(given))
    assert state(report, EDTA) == POSSIBLE
    assert refusals(report) == {}
    assert {"REPEAT_SAMPLE_NOW", "CONFIRM_CLINICAL_STATUS"} <= set(recommended(report))
    assert report.urgency is Urgency.SAME_DAY
    assert "edta_possible" in cautions(entry(report, "potassium"))


@pytest.mark.parametrize(
    "given",
    [
        # DEC-71: a calcium that nobody measured is no clue.
        {"potassium": "5.6"},
        {"potassium": "5.6", "calcium_total": "2.30", "magnesium": "0.80", "alp": "70"},
        {"potassium": "4.2", "calcium_total": "1.70", "magnesium": "0.45"},
        {"potassium": "4.2", "calcium_total": "1.70", "magnesium": "0.45", "alp": "70"},
        {"potassium": "3.0", "calcium_total": "1.70", "magnesium": "0.45", "alp": "20"},
        {"calcium_total": "1.70", "magnesium": "0.45", "alp": "20"},
        {"potassium": "5.6", "calcium_total": "2.80", "magnesium": "0.80"},
    ],
)
def test_what_does_not_fit_edta_is_not_held_against_a_specimen(read: Read, given: dict[str, str]) -> None:
    report = read(*values(given))
    assert state(report, EDTA) is None
    assert refusals(report) == {}


CAPS: list[tuple[dict[str, str], list[str]]] = [
    ({"egfr": "29"}, []),
    ({}, ["dialysis"]),
    ({}, ["aki"]),
    ({"ck": "1001"}, []),
    ({"urate": "431"}, []),
    ({"phosphate": "1.51"}, []),
    ({}, ["ecg_change"]),
]


@pytest.mark.parametrize(("beside", "conditions"), CAPS)
def test_with_a_reason_for_real_values_the_triad_is_at_most_possible(
    read: Read, beside: dict[str, str], conditions: list[str]
) -> None:
    """P01, cap: nothing is marked, the values stay live, and the repeat is asked for beside them."""
    report = read(*values(CONTAMINATED | beside), conditions=conditions or None)
    assert state(report, EDTA) == POSSIBLE
    assert refusals(report) == {}
    assert held(report)["VALUE_ALONE"] is False
    assert {"REPEAT_SAMPLE_NOW", "ECG_NOW"} <= set(recommended(report))


@pytest.mark.parametrize(
    "beside", [{"egfr": "30"}, {"ck": "1000"}, {"urate": "430"}, {"phosphate": "1.50"}, {"creatinine": "300"}]
)
def test_what_is_no_reason_for_real_values_caps_nothing(read: Read, beside: dict[str, str]) -> None:
    report = read(*values(CONTAMINATED | beside))
    assert state(report, EDTA) == MATCHED
    assert set(refusals(report)) == set(CONTAMINATED)


@pytest.mark.parametrize(("beside", "conditions"), [*CAPS[3:6], ({}, ["ckd"]), ({"egfr": "59"}, [])])
def test_one_clue_with_an_explanation_is_no_clue(read: Read, beside: dict[str, str], conditions: list[str]) -> None:
    report = read(*values({"potassium": "5.6", "calcium_total": "2.15"} | beside), conditions=conditions or None)
    assert state(report, EDTA) is None


@pytest.mark.parametrize(
    ("context", "urgency"),
    [
        # DEC-11: wellness that is not known is not wellness.
        ({}, Urgency.EMERGENCY),
        ({"conditions": []}, Urgency.EMERGENCY),
        ({"conditions": ["recorded_well"]}, Urgency.SAME_DAY),
        ({"conditions": ["recorded_well", "ckd"]}, Urgency.EMERGENCY),
        ({"conditions": ["recorded_well"], "symptoms": ["TETANY"]}, Urgency.EMERGENCY),
        ({"conditions": ["recorded_well"], "symptoms": ["FATIGUE"]}, Urgency.SAME_DAY),
    ],
)
def test_only_a_patient_who_is_recorded_well_lowers_the_emergency_of_a_contaminated_band(
    read: Read, context: dict[str, Any], urgency: Urgency
) -> None:
    """DEC-02, DEC-11."""
    report = read(*values(CONTAMINATED), **context)
    assert (urgency_of(report, EDTA), report.urgency) == (urgency, urgency)
    assert {"REPEAT_SAMPLE_NOW", "ECG_NOW", "CONFIRM_CLINICAL_STATUS"} <= set(recommended(report))


def test_a_contaminated_specimen_of_mild_bands_is_a_matter_of_the_day(read: Read) -> None:
    report = read(*values({"potassium": "5.4", "calcium_total": "2.15", "magnesium": "0.65"}))
    assert (urgency_of(report, EDTA), report.urgency) == (Urgency.SAME_DAY, Urgency.SAME_DAY)
    # P01 asks for an ECG from a potassium of 6.0.
    assert "ECG_NOW" not in recommended(report)


def test_a_contaminated_value_beyond_a_limit_may_be_critical_and_holds_its_flag(read: Read) -> None:
    """DEC-13 and SP 4, rule 4."""
    report = read(*values(CONTAMINATED))
    assert {item.analyte: item.critical for item in report.results} == {
        "potassium": Critical.POSSIBLE,
        "calcium_total": Critical.POSSIBLE,
        "magnesium": Critical.NO,
        "alp": Critical.NO,
    }
    assert held(report) == {"VALUE_ALONE": True}
    assert "PHONE_CRITICAL_RESULT" in recommended(report)


def test_a_symptom_keeps_its_flag_beside_a_contaminated_value(read: Read) -> None:
    """SP 4, rules 1 and 5."""
    flags = held(read(*values(CONTAMINATED), symptoms=["TETANY", "PALPITATIONS"]))
    assert flags["TETANY_OR_LATENT_TETANY"] is False
    assert flags["SYNCOPE_OR_PALPITATIONS_WITH_ELECTROLYTE_DISORDER"] is False


def test_contamination_withholds_the_patterns_and_advice_that_its_values_would_bring(read: Read) -> None:
    """SP 3.9."""
    report = read(*values(CONTAMINATED))
    matched = {item.id for item in report.patterns if item.state.value == MATCHED}
    assert matched == {EDTA}
    assert not {"MG_LOW_WITH_SECONDARY_HYPOCALCAEMIA", "HYPERKALAEMIA_REDUCED_EXCRETION"} & {
        item.id for item in report.patterns
    }
    assert not {"CONSIDER_MG_REPLETION_FIRST", "REVIEW_MED_RAAS_KSPARING"} & set(recommended(report))


# ---------------------------------------------------------------------------------------------- one specimen among two


def test_a_triad_over_two_specimens_is_none(read: Read) -> None:
    report = read(
        *values({"potassium": "6.8"}, specimen=tube("a"), collected=NOON),
        *values({"calcium_total": "1.70", "magnesium": "0.45", "alp": "20"}, specimen=tube("b"), collected=NOON),
    )
    assert state(report, EDTA) is None
    assert refusals(report) == {}


def test_a_clean_specimen_keeps_its_verdicts_beside_a_contaminated_one(read: Read) -> None:
    """Results of other specimens keep their advice."""
    clean = {"potassium": "5.7", "calcium_total": "2.30", "magnesium": "0.60"}
    report = read(
        *(values({key: value}, specimen=tube("a"), id=f"bad {key}")[0] for key, value in CONTAMINATED.items()),
        *(values({key: value}, specimen=tube("b"), id=f"good {key}")[0] for key, value in clean.items()),
    )
    assert state(report, EDTA) == MATCHED
    assert set(refusals(report)) == {f"bad {key}" for key in CONTAMINATED}
    bands = {item.id: item.band for item in report.results if item.id.startswith("good")}
    assert bands == {"good potassium": "mild_high", "good calcium_total": "normal", "good magnesium": "mild_low"}
    assert "SAFETY_RENAL_BEFORE_MG" in recommended(report)
    # Of two tubes one counts.
    assert "duplicate_result" not in issues(report)


@pytest.mark.parametrize("clean_first", [True, False])
def test_the_order_in_which_two_specimens_are_sent_decides_nothing(read: Read, clean_first: bool) -> None:
    bad = values(CONTAMINATED, specimen=tube("a"), collected=NOON)
    good = values({"potassium": "4.2"}, specimen=tube("b"), collected="2026-01-15T13:00:00Z", id="good")
    report = read(*(good + bad if clean_first else bad + good))
    assert (state(report, EDTA), entry(report, "good").band) == (MATCHED, "normal")
    assert set(refusals(report)) == set(CONTAMINATED)


def test_a_contaminated_later_specimen_replaces_nothing(read: Read) -> None:
    """What an artefact refuses is no result of now (DEC-85)."""
    report = read(
        *values({"potassium": "3.2"}, specimen=tube("a"), collected=NOON, id="before"),
        *values(CONTAMINATED, specimen=tube("b"), collected="2026-01-15T15:00:00Z"),
    )
    before = entry(report, "before")
    assert (before.earlier, before.band) == (False, "mild_low")


def test_of_an_older_specimen_that_a_clean_one_replaced_nothing_is_said(read: Read) -> None:
    report = read(
        *values(CONTAMINATED, specimen=tube("a"), collected=NOON, id="old"),
        *values(
            {"potassium": "4.2", "calcium_total": "2.30", "magnesium": "0.80", "alp": "70"},
            specimen=tube("b"),
            collected="2026-01-15T18:00:00Z",
        ),
    )
    assert state(report, EDTA) is None
    assert report.urgency is Urgency.NONE


# ---------------------------------------------------------------------------------------------- the tube, and the order


@pytest.mark.parametrize("additive", ["EDTK", "EDTK15", "EDTN", "potassium edta"])
def test_an_edta_tube_without_the_low_analytes_is_unsuitable(read: Read, additive: str) -> None:
    """DEC-70: for potassium, calcium, magnesium and ALP."""
    given = {"potassium": "4.2", "calcium_total": "2.30", "magnesium": "0.80", "alp": "70", "creatinine": "80"}
    report = read(*values(given, specimen=tube("a", additive=additive)))
    assert state(report, EDTA) is None
    assert refusals(report) == dict.fromkeys(("potassium", "calcium_total", "magnesium", "alp"), "specimen_unsuitable")


def test_an_edta_tube_with_the_triad_is_contamination(read: Read) -> None:
    report = read(*values(CONTAMINATED, specimen=tube("a", additive="EDTK")))
    assert refusals(report) == dict.fromkeys(CONTAMINATED, "edta_contamination")
    # What the artefact explains is said once.
    assert "specimen_unsuitable" not in issues(report)


def test_an_artefact_is_looked_at_before_the_hard_limits(read: Read) -> None:
    """vocabulary.md 2: no patient has such a potassium, and a tube with EDTA does."""
    given = {"potassium": "31", "calcium_total": "0.70", "magnesium": "0.45"}
    report = read(*values(given))
    assert refusals(report) == dict.fromkeys(given, "edta_contamination")
    assert "value_implausible" not in issues(report)
    assert entry(report, "potassium").critical is Critical.POSSIBLE
    assert refusals(read(*values({"potassium": "31"}))) == {"potassium": "value_implausible"}


@pytest.mark.parametrize(
    ("potassium", "reason"),
    [
        (result("potassium", "", "mmol/L"), "no_value"),
        (result("potassium", "6.8", "mmol/L", code="2823-4"), "code_invalid"),
        (result("potassium", "6.8", "mmol/L", code="2601-3"), "wrong_analyte"),
        (result("potassium", "high", "mmol/L"), "value_not_numeric"),
        (result("potassium", "6.8", ""), "unit_missing"),
        (result("potassium", "6.8", "%"), "unit_not_accepted"),
    ],
)
def test_what_is_no_measurement_is_refused_for_that_before_any_artefact(
    read: Read, potassium: Result, reason: str
) -> None:
    """The first reason of vocabulary.md 2 counts; what is no number contaminates nothing."""
    report = read(potassium, *values({"calcium_total": "1.70", "magnesium": "0.45", "alp": "20"}))
    assert refusals(report) == {report.results[0].id or report.results[0].analyte: reason}
    assert state(report, EDTA) is None


def test_of_two_artefacts_the_first_of_the_list_names_the_reason(read: Read) -> None:
    given = CONTAMINATED | {"sodium": "128", "albumin": "28", "creatinine": "60"}
    report = read(*values(given), conditions=["infusion_same_arm"])
    assert state(report, DRIP) == MATCHED
    assert refusals(report) == {
        **dict.fromkeys(CONTAMINATED, "edta_contamination"),
        **dict.fromkeys(("sodium", "albumin", "creatinine"), "drip_arm_contamination"),
    }


def test_contamination_is_looked_at_before_haemolysis(read: Read) -> None:
    report = read(*values(CONTAMINATED, specimen=tube("a", haemolysis=Haemolysis.GROSS)))
    assert set(refusals(report).values()) == {"edta_contamination"}


# ---------------------------------------------------------------------------------------------- P06

GADODIAMIDE = {"medications": ["gadolinium_interfering"]}


def test_a_low_total_calcium_after_gadolinium_is_not_judged(read: Read) -> None:
    """The computed adjusted calcium goes with it."""
    report = read(*values({"calcium_total": "1.70", "albumin": "40"}), **GADODIAMIDE)
    assert state(report, GADOLINIUM) == MATCHED
    assert refusals(report) == {"calcium_total": "assay_interference", "calcium_adjusted": "assay_interference"}
    assert [item.analyte for item in report.results] == ["calcium_total", "albumin", "calcium_adjusted"]
    assert {"CHECK_IONISED_CA", "SAFETY_NO_CALCIUM_ON_THIS_RESULT", "REPEAT_SAMPLE_NOW"} <= set(recommended(report))
    assert held(report) == {"VALUE_ALONE": True}


def test_an_ionised_calcium_is_not_disturbed(read: Read) -> None:
    report = read(*values({"calcium_total": "1.70", "calcium_ionised": "1.20"}), **GADODIAMIDE)
    assert refusals(report) == {"calcium_total": "assay_interference"}
    assert entry(report, "calcium_ionised").band == "normal"


@pytest.mark.parametrize(
    ("value", "context", "urgency"),
    [
        ("1.70", {}, Urgency.EMERGENCY),
        ("1.70", {"conditions": ["recorded_well"]}, Urgency.SAME_DAY),
        ("2.15", {}, Urgency.SAME_DAY),
    ],
)
def test_gadolinium_keeps_the_urgency_of_the_band_unless_the_patient_is_recorded_well(
    read: Read, value: str, context: dict[str, Any], urgency: Urgency
) -> None:
    assert read(*values({"calcium_total": value}), **GADODIAMIDE, **context).urgency is urgency


@pytest.mark.parametrize(
    "symptom", ["PARAESTHESIA_PERIORAL", "SEIZURE", "MUSCLE_CRAMP", "MUSCLE_SPASM", "FASCICULATION"]
)
def test_with_a_symptom_of_low_calcium_the_value_counts(read: Read, symptom: str) -> None:
    """DEC-84: neither HYPO_SX nor a symptom of RF23."""
    report = read(*values({"calcium_total": "1.70"}), symptoms=[symptom], **GADODIAMIDE)
    assert (state(report, GADOLINIUM), refusals(report)) == (None, {})


@pytest.mark.parametrize(
    ("value", "context"),
    [("2.30", GADODIAMIDE), ("2.80", GADODIAMIDE), ("1.70", {"medications": []}), ("1.70", {"medications": ["ppi"]})],
)
def test_no_interference_without_both_its_halves(read: Read, value: str, context: dict[str, Any]) -> None:
    report = read(*values({"calcium_total": value}), **context)
    assert (state(report, GADOLINIUM), refusals(report)) == (None, {})


# ---------------------------------------------------------------------------------------------- P07

THREE_LOW = {"potassium": "3.2", "sodium": "125", "calcium_total": "2.00"}


@pytest.mark.parametrize(
    ("given", "conditions"),
    [
        (THREE_LOW, ["infusion_same_arm"]),
        ({"calcium_total": "2.00", "magnesium": "0.60", "albumin": "28"}, ["infusion_same_arm"]),
        (THREE_LOW | {"glucose": "31"}, None),
        (THREE_LOW | {"chloride": "109"}, None),
        ({"potassium": "3.2", "magnesium": "0.60", "calcium_total": "2.00", "sodium": "150"}, None),
        # Glucose with low sodium and potassium needs no third.
        ({"glucose": "31", "sodium": "125", "potassium": "3.2"}, None),
        ({"glucose": "31", "sodium": "125", "potassium": "3.2"}, []),
    ],
)
def test_what_fits_an_infusion_refuses_every_result_of_the_specimen(
    read: Read, given: dict[str, str], conditions: list[str] | None
) -> None:
    """DEC-35, DEC-55."""
    report = read(*values(given | {"creatinine": "60"}), conditions=conditions)
    assert state(report, DRIP) == MATCHED
    assert refusals(report) == dict.fromkeys((*given, "creatinine"), "drip_arm_contamination")
    assert {"REPEAT_SAMPLE_NOW", "WITHHOLD_INTERPRETATION", "CONFIRM_CLINICAL_STATUS"} <= set(recommended(report))
    assert report.urgency >= Urgency.SAME_DAY


@pytest.mark.parametrize(
    ("given", "conditions"),
    [
        (THREE_LOW, None),
        (THREE_LOW, []),
        ({"potassium": "3.2", "sodium": "125"}, ["infusion_same_arm"]),
        (THREE_LOW | {"glucose": "31"}, ["diabetes"]),
        (THREE_LOW | {"glucose": "31"}, ["t2dm"]),
        (THREE_LOW | {"glucose": "30"}, None),
        (THREE_LOW | {"chloride": "108"}, None),
        ({"glucose": "31", "sodium": "125", "potassium": "4.2"}, None),
    ],
)
def test_what_does_not_fit_an_infusion_refuses_nothing(
    read: Read, given: dict[str, str], conditions: list[str] | None
) -> None:
    report = read(*values(given), conditions=conditions)
    assert state(report, DRIP) != MATCHED
    assert refusals(report) == {}


def test_a_specimen_from_the_other_arm_is_judged(read: Read) -> None:
    report = read(
        *values(THREE_LOW, specimen=tube("left")),
        *values({"potassium": "4.2"}, specimen=tube("right"), id="right"),
        conditions=["infusion_same_arm"],
    )
    assert set(refusals(report)) == set(THREE_LOW)
    assert entry(report, "right").state is ResultState.INTERPRETED


# ---------------------------------------------------------------------------------------------- pairs


def potassium(value: str, kind: SpecimenKind, ident: str, collected: str | None = NOON, **specimen: Any) -> Result:
    return result(
        "potassium", value, "mmol/L", id=ident, collected=collected, specimen={"id": ident, "kind": kind, **specimen}
    )


def pair(serum: str, other: str, kind: SpecimenKind = SpecimenKind.PLASMA, **fields: Any) -> list[Result]:
    return [potassium(serum, SpecimenKind.SERUM, "serum", **fields), potassium(other, kind, "other", **fields)]


@pytest.mark.parametrize("kind", [SpecimenKind.PLASMA, SpecimenKind.WHOLE_BLOOD])
@pytest.mark.parametrize("value", ["5.6", "6.1", "6.9"])
def test_a_normal_plasma_of_the_same_time_settles_a_high_serum(read: Read, kind: SpecimenKind, value: str) -> None:
    report = read(*pair(value, "4.5", kind))
    assert refusals(report) == {"serum": "superseded_by_paired_specimen"}
    assert (entry(report, "other").band, report.urgency) == ("normal", Urgency.ROUTINE)
    assert state(report, "PSEUDOHYPERKALAEMIA_CELLULAR") == MATCHED
    # It stays visible that the number is beyond a limit; nobody is telephoned, and the flag is neither active nor held.
    assert entry(report, "serum").critical is (Critical.POSSIBLE if value == "6.9" else Critical.NO)
    assert "PHONE_CRITICAL_RESULT" not in recommended(report)
    assert report.red_flags == ()


@pytest.mark.parametrize("value", ["5.6", "6.9"])
def test_a_normal_serum_of_the_same_time_settles_a_high_plasma(read: Read, value: str) -> None:
    report = read(*pair("4.5", value))
    assert refusals(report) == {"other": "superseded_by_paired_specimen"}
    assert (entry(report, "serum").band, report.urgency) == ("normal", Urgency.ROUTINE)
    assert state(report, "REVERSE_PSEUDOHYPERKALAEMIA") == MATCHED
    assert report.red_flags == ()


@pytest.mark.parametrize(
    ("results", "context"),
    [
        # The gap is more than 0.4.
        (pair("5.4", "5.0"), {}),
        # The other is not inside its interval.
        (pair("7.0", "5.6"), {}),
        (pair("6.1", "3.2"), {}),
        # The higher one is not above its interval.
        (pair("5.1", "4.2"), {}),
        # DEC-15: nothing is superseded beside a change of the ECG.
        (pair("6.1", "4.5"), {"conditions": ["ecg_change"]}),
        # One kind of specimen twice is no pair.
        (pair("6.1", "4.5", SpecimenKind.SERUM), {}),
        # DEC-74: without a time on both there is no pair.
        (pair("6.1", "4.5", collected=None), {}),
        ([*pair("6.1", "4.5")[:1], *pair("6.1", "4.5", collected="2026-01-15T12:30:00Z")[1:]], {}),
    ],
)
def test_what_is_no_pair_settles_nothing(read: Read, results: list[Result], context: dict[str, Any]) -> None:
    assert refusals(read(*results, **context)) == {}


def test_without_a_time_one_specimen_id_names_the_draw(read: Read) -> None:
    """DEC-74."""
    results = [
        result("potassium", "6.1", "mmol/L", id="serum", specimen={"id": "d", "kind": SpecimenKind.SERUM}),
        result("potassium", "4.5", "mmol/L", id="other", specimen={"id": "d", "kind": SpecimenKind.PLASMA}),
    ]
    assert refusals(read(*results)) == {"serum": "superseded_by_paired_specimen"}


@pytest.mark.parametrize(
    ("level", "other", "superseded"),
    [
        (Haemolysis.MODERATE, {}, True),
        (Haemolysis.GROSS, {}, True),
        (Haemolysis.SLIGHT, {}, False),
        (Haemolysis.MODERATE, {"haemolysis": Haemolysis.SLIGHT}, False),
        (Haemolysis.MODERATE, {"haemolysis": Haemolysis.MODERATE}, False),
    ],
)
def test_a_clean_normal_of_the_same_time_settles_a_haemolysed_high(
    read: Read, level: Haemolysis, other: dict[str, Any], superseded: bool
) -> None:
    """DEC-74."""
    report = read(
        potassium("6.6", SpecimenKind.SERUM, "bad", haemolysis=level),
        potassium("4.4", SpecimenKind.SERUM, "good", **other),
    )
    found = entry(report, "bad").refusal_reason
    assert (found is RefusalReason.SUPERSEDED_BY_PAIRED_SPECIMEN) is superseded
    if superseded:
        assert (entry(report, "good").result_class, report.urgency) == (ResultClass.NORMAL, Urgency.ROUTINE)


# ---------------------------------------------------------------------------------------------- P02, P03, late and cold


def test_two_haemolysed_draws_ask_whether_it_happens_in_the_patient(read: Read) -> None:
    """P02: tubes of one draw are one."""
    first = potassium("5.6", SpecimenKind.SERUM, "a", haemolysis=Haemolysis.MODERATE)
    later = potassium("5.7", SpecimenKind.SERUM, "b", "2026-01-15T18:00:00Z", haemolysis=Haemolysis.MODERATE)
    tube_two = potassium("5.7", SpecimenKind.SERUM, "b", haemolysis=Haemolysis.MODERATE)
    assert "CHECK_HAEMOLYSIS_SCREEN" in recommended(read(first, later))
    assert "CHECK_HAEMOLYSIS_SCREEN" not in recommended(read(first, tube_two))
    assert "CHECK_HAEMOLYSIS_SCREEN" not in recommended(read(first))


@pytest.mark.parametrize(
    ("beside", "kind", "expected"),
    [
        ({"platelets": "501"}, SpecimenKind.SERUM, MATCHED),
        ({"platelets": "500"}, SpecimenKind.SERUM, None),
        ({"wbc": "50"}, SpecimenKind.SERUM, MATCHED),
        ({"wbc": "49.9"}, SpecimenKind.SERUM, POSSIBLE),
        ({"platelets": "501"}, SpecimenKind.PLASMA, None),
    ],
)
def test_many_cells_may_have_released_the_potassium_of_a_serum(
    read: Read, beside: dict[str, str], kind: SpecimenKind, expected: str | None
) -> None:
    """P03, DEC-30: it keeps the band and its urgency until a pair settles it."""
    report = read(potassium("6.6", kind, "k"), *values(beside))
    found = state(report, "PSEUDOHYPERKALAEMIA_CELLULAR")
    assert (found == MATCHED) is (expected == MATCHED)
    assert (entry(report, "k").band, report.urgency) == ("severe_high", Urgency.EMERGENCY)
    assert held(report)["VALUE_ALONE"] is (expected == MATCHED)


@pytest.mark.parametrize(
    ("specimen", "late"),
    [
        ({"comments": ("Delayed separation",)}, True),
        ({"comments": ("no delayed separation",)}, False),
        ({"transport": "refrigerated"}, True),
        ({"transport": "not refrigerated"}, False),
        ({"comments": ("unspun for 5 h",)}, True),
        ({"comments": ("unspun for 4 h",)}, False),
        ({"comments": ("arrived after 5 h",)}, False),
        ({"transport": "at 4 °C"}, True),
        ({"transport": "at 20 °C"}, False),
        ({"transport": "at -20 deg C"}, True),
        ({"conditions": ("old sample",)}, True),
        ({}, False),
    ],
)
def test_a_specimen_separated_late_or_kept_cold_is_said_to_be(read: Read, specimen: dict[str, Any], late: bool) -> None:
    """DK 4.1: the value counts as high until a prompt specimen shows otherwise."""
    report = read(potassium("5.8", SpecimenKind.SERUM, "k", **specimen))
    assert state(report, "DELAYED_SEPARATION") == (MATCHED if late else None)
    assert entry(report, "k").band == "mild_high"


@pytest.mark.parametrize(
    ("specimen", "conditions", "expected"),
    [
        ({"additive": "HEPL"}, ["haematological_malignancy"], MATCHED),
        ({"transport": "pneumatic tube"}, ["haematological_malignancy"], MATCHED),
        ({}, ["haematological_malignancy"], None),
        ({"additive": "HEPL"}, [], None),
        ({"additive": "HEPL"}, ["haematological_malignancy", "ecg_change"], None),
    ],
)
def test_fragile_cells_may_have_released_the_potassium_of_a_plasma(
    read: Read, specimen: dict[str, Any], conditions: list[str], expected: str | None
) -> None:
    """DK 4.1, DEC-40."""
    report = read(potassium("6.2", SpecimenKind.PLASMA, "k", **specimen), *values({"wbc": "80"}), conditions=conditions)
    found = state(report, "REVERSE_PSEUDOHYPERKALAEMIA")
    assert (found == MATCHED) is (expected == MATCHED)


# ------------------------------------------------------------------------ what a refused value loses, and what it keeps

SAME_ARM = ["infusion_same_arm"]


@pytest.mark.parametrize(
    ("given", "conditions", "urgency"),
    [
        ({"potassium": "3.1", "sodium": "120", "albumin": "24"}, SAME_ARM, Urgency.EMERGENCY),
        ({"potassium": "3.1", "sodium": "121", "albumin": "24"}, SAME_ARM, Urgency.SAME_DAY),
        ({"potassium": "2.5", "sodium": "128", "albumin": "24"}, SAME_ARM, Urgency.EMERGENCY),
        ({"potassium": "2.5", "sodium": "128", "albumin": "24"}, [*SAME_ARM, "recorded_well"], Urgency.SAME_DAY),
        ({"potassium": "3.1", "calcium_total": "1.95", "albumin": "24", "sodium": "160"}, None, Urgency.EMERGENCY),
        ({"potassium": "3.1", "calcium_total": "1.95", "albumin": "24", "sodium": "159"}, None, Urgency.SAME_DAY),
    ],
)
def test_a_refused_value_keeps_what_its_band_says_by_number(
    read: Read, given: dict[str, str], conditions: list[str] | None, urgency: Urgency
) -> None:
    report = read(*values(given), conditions=conditions)
    assert state(report, DRIP) == MATCHED
    assert urgency_of(report, DRIP) is report.urgency is urgency


@pytest.mark.parametrize(
    ("conditions", "urgency"),
    [(["acutely_unwell"], Urgency.EMERGENCY), ([], Urgency.SAME_DAY)],
)
def test_a_refused_value_keeps_what_its_band_says_by_context(
    read: Read, conditions: list[str], urgency: Urgency
) -> None:
    specimen = tube("S1", haemolysis=Haemolysis.GROSS)
    report = read(*values({"potassium": "6.4"}, specimen=specimen), conditions=conditions)
    assert refusals(report) == {"potassium": "haemolysis"}
    assert report.urgency is urgency


KIDNEY = {"potassium": "5.9", "calcium_total": "2.10", "magnesium": "0.45"}


@pytest.mark.parametrize(
    ("beside", "context", "blocked"),
    [
        ({"alp": "131"}, {"conditions": ["ckd"]}, True),
        ({"alp": "131"}, {"conditions": []}, False),
        ({"alp": "100"}, {"conditions": ["ckd"]}, False),
        ({"ck": "1500"}, {"symptoms": ["MYALGIA"]}, True),
        ({"ck": "1500", "alp": "20"}, {"symptoms": ["MYALGIA"]}, False),
    ],
)
def test_kidney_bone_disease_and_muscle_breakdown_block_contamination(
    read: Read, beside: dict[str, str], context: dict[str, Any], blocked: bool
) -> None:
    report = read(*values(KIDNEY | beside), **context)
    assert (state(report, EDTA) is None) is blocked


@pytest.mark.parametrize(
    ("kind", "expected"),
    [
        (SpecimenKind.SERUM, MATCHED),
        (None, POSSIBLE),
        (SpecimenKind.PLASMA, None),
        (SpecimenKind.WHOLE_BLOOD, None),
        (SpecimenKind.VENOUS, None),
    ],
)
def test_release_in_the_tube_needs_serum(read: Read, kind: SpecimenKind | None, expected: str | None) -> None:
    high = result("potassium", "6.6", "mmol/L", specimen={"kind": kind} if kind else {})
    # A result of serum says nothing of the tube that the potassium came from.
    serum = result("creatinine", "80", "umol/L", specimen={"kind": SpecimenKind.SERUM})
    report = read(high, serum, *values({"platelets": "980"}))
    assert state(report, "PSEUDOHYPERKALAEMIA_CELLULAR") == expected
    assert held(report)["VALUE_ALONE"] is (expected == MATCHED)


@pytest.mark.parametrize(
    ("given", "context", "urgency"),
    [
        ({"calcium_total": "0.90", "calcium_ionised": "1.25"}, {}, Urgency.SAME_DAY),
        ({"calcium_total": "2.19", "calcium_ionised": "1.25"}, {"conditions": ["ecg_change"]}, Urgency.SAME_DAY),
        ({"calcium_total": "0.90", "calcium_ionised": "0.75"}, {}, Urgency.EMERGENCY),
        ({"calcium_total": "0.90"}, {}, Urgency.EMERGENCY),
        ({"calcium_total": "2.19"}, {"conditions": ["ecg_change"]}, Urgency.EMERGENCY),
    ],
)
def test_a_refused_total_is_not_the_calcium_beside_an_ionised_one(
    read: Read, given: dict[str, str], context: dict[str, Any], urgency: Urgency
) -> None:
    report = read(*values(given), **GADODIAMIDE, **context)
    refused = entry(report, "calcium_total")
    assert refused.refusal_reason is RefusalReason.ASSAY_INTERFERENCE
    assert report.urgency is urgency
    if given.get("calcium_ionised") == "1.25":
        assert refused.critical is Critical.NO
        assert "not_primary_calcium" in cautions(refused)
        assert held(report) == {}


def test_of_calciums_that_are_all_refused_the_best_is_read_by_red_flags(read: Read) -> None:
    given = {"potassium": "3.1", "sodium": "125", "albumin": "40"}
    calciums = [result("calcium_total", "2.19", "mmol/L"), result("calcium_adjusted", "2.20", "mmol/L")]
    fields: dict[str, Any] = {"conditions": SAME_ARM, "symptoms": ["MUSCLE_CRAMP"]}
    report = read(*values(given), *calciums, **fields)
    assert state(report, DRIP) == MATCHED
    assert "SYMPTOMATIC_HYPOCALCAEMIA" not in held(report)
    assert "SYMPTOMATIC_HYPOCALCAEMIA" in held(read(*values(given), calciums[0], **fields))


@pytest.mark.parametrize(
    ("beside", "conditions", "urgency", "critical"),
    [
        ({"albumin": "55"}, [], Urgency.EMERGENCY, Critical.POSSIBLE),
        ({"albumin": "55"}, ["recorded_well"], Urgency.SAME_DAY, Critical.POSSIBLE),
        ({"albumin": "40"}, [], Urgency.SAME_DAY, Critical.NO),
        ({"albumin": "55", "calcium_ionised": "1.25"}, [], Urgency.SAME_DAY, Critical.NO),
    ],
)
def test_what_is_computed_from_a_misread_total_is_refused_with_it(
    read: Read, beside: dict[str, str], conditions: list[str], urgency: Urgency, critical: Critical
) -> None:
    report = read(*values({"calcium_total": "2.10"} | beside), **GADODIAMIDE, conditions=conditions)
    computed = entry(report, "calcium_adjusted")
    assert computed.refusal_reason is RefusalReason.ASSAY_INTERFERENCE
    assert (report.urgency, computed.critical) == (urgency, critical)
    assert ("PHONE_CRITICAL_RESULT" in recommended(report)) is (critical is Critical.POSSIBLE)


def test_contamination_names_the_reason_before_a_pair_that_settles_the_potassium(read: Read) -> None:
    serum = values({"potassium": "6.6", "calcium_total": "2.10", "alp": "20"}, specimen=tube("S1"), collected=NOON)
    report = read(*serum, potassium("4.4", SpecimenKind.PLASMA, "k-plasma"))
    assert set(refusals(report).values()) == {"edta_contamination"}
    refused = next(item for item in report.results if item.index == 0)
    assert refused.critical is Critical.POSSIBLE
    assert "PHONE_CRITICAL_RESULT" not in recommended(report)
    # The pair settles the potassium, and no band of the others is an emergency.
    assert (report.urgency, held(report)) == (Urgency.SAME_DAY, {})


def test_a_urine_without_specimen_is_not_drawn_from_the_arm_of_an_infusion(read: Read) -> None:
    urine = result("potassium_urine", "20", "mmol/L")
    report = read(*values(THREE_LOW), urine, conditions=SAME_ARM)
    assert set(refusals(report)) == set(THREE_LOW)


@pytest.mark.parametrize(("context", "expected"), [({}, POSSIBLE), ({"medications": []}, None)])
def test_interference_is_possible_where_nobody_says_which_medications(
    read: Read, context: dict[str, Any], expected: str | None
) -> None:
    report = read(*values({"calcium_total": "1.95"}), **context)
    assert state(report, GADOLINIUM) == expected
    assert refusals(report) == {}
