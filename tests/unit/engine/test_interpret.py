"""The pipeline as a whole."""

from __future__ import annotations

from dataclasses import replace

from labgloss.domain.panel import Symptom
from labgloss.domain.report import Critical, PatternState, SymptomOutcome, Urgency
from labgloss.engine.interpret import interpret
from labgloss.knowledge.release import Release
from tests.unit.engine.conftest import Read
from tests.unit.engine.panel_builder import entry, issues, panel, recommended, result

LOW_MAGNESIUM_HOLDS_CALCIUM_DOWN = panel(
    result("magnesium", "0.41", "mmol/L"),
    result("calcium_adjusted", "1.82", "mmol/L"),
    age="67 y",
    sex="female",
    symptoms=[Symptom(text="cramps in both calves"), Symptom(id="PARAESTHESIA_PERIORAL")],
)


def test_the_panel_of_the_design_agrees_with_all_its_expectations(release: Release) -> None:
    """design.md, "The panel file"."""
    report = interpret(release, LOW_MAGNESIUM_HOLDS_CALCIUM_DOWN)
    magnesium = entry(report, "magnesium")
    assert (magnesium.result_class.value, magnesium.flag, magnesium.band, magnesium.critical) == (
        "low", "L", "moderate_low", Critical.NO,
    )  # fmt: skip
    assert report.urgency is Urgency.EMERGENCY
    # P71: a woman with two of potassium, magnesium and calcium low.
    assert [item.id for item in report.patterns if item.state is PatternState.MATCHED] == [
        "MG_LOW_WITH_SECONDARY_HYPOCALCAEMIA",
        "QT_RISK_ELECTROLYTES",
    ]
    assert {item.id for item in report.red_flags} >= {"TETANY_OR_LATENT_TETANY", "VALUE_ALONE"}
    assert {"CONSIDER_MG_REPLETION_FIRST", "CHECK_PTH", "EMERGENCY_PATHWAY"} <= set(recommended(report))
    assert "SUGGEST_CALCIUM_SUPPLEMENT" not in recommended(report)
    assert {item.outcome for item in report.symptoms} == {SymptomOutcome.EXPLAINED}


def test_the_same_panel_gives_the_same_report(release: Release) -> None:
    first = interpret(release, LOW_MAGNESIUM_HOLDS_CALCIUM_DOWN)
    assert interpret(release, LOW_MAGNESIUM_HOLDS_CALCIUM_DOWN) == first


def test_the_panels_id_comes_back(release: Release) -> None:
    assert interpret(release, replace(panel(), id="p-1")).panel_id == "p-1"


def test_the_urgency_is_the_highest_of_all_that_counts(read: Read) -> None:
    """vocabulary.md 14: results, refusals, red flags, matched patterns, cautions."""
    assert read(result("sodium", "140", "mmol/L"), result("potassium", "2.1", "")).urgency is Urgency.SAME_DAY
    assert read(result("sodium", "140", "mmol/L"), symptoms=["TETANY"]).urgency is Urgency.EMERGENCY
    assert read(result("sodium", "132", "mmol/L"), result("magnesium", "0.55", "mmol/L")).urgency is Urgency.PROMPT


def test_a_red_flag_shows_on_symptoms_alone(read: Read) -> None:
    report = read(symptoms=["TETANY"])
    assert [item.id for item in report.red_flags] == ["TETANY_OR_LATENT_TETANY"]
    assert recommended(report)[0] == "EMERGENCY_PATHWAY"


def test_one_unreadable_result_leaves_the_others_answered(read: Read) -> None:
    report = read(
        result("potassium", "NaN", "mmol/L"), result("magnesium", "0.38", "mmol/L"), result("", "", "", code="x")
    )
    assert [item.flag for item in report.results] == ["IND", "LL", "IND"]
    assert report.urgency is Urgency.EMERGENCY


def test_awkward_inputs_that_peers_got_wrong(read: Read) -> None:
    """design.md, "Awkward inputs": calcium and potassium in other units, text, missing, flags and bounds."""

    def flag(*sent: str, flags: tuple[str, ...] = ()) -> str:
        return entry(read(result(*sent, flags=flags))).flag

    assert flag("calcium_total", "1.2", "mmol/L") == "LL"
    assert flag("potassium", "2.1", "meq/L") == "LL"
    assert flag("potassium", "2.1", "mg/dL") == "IND"
    assert flag("potassium", "<5.0", "mmol/L") == "IND"
    assert flag("potassium", "2.1", "mmol/L") == "LL"
    assert flag("potassium", "two", "mmol/L") == "IND"
    assert flag("potassium", "", "mmol/L") == "IND"
    assert flag("potassium", "7.9", "mmol/L", flags=("N",)) == "HH"


def test_potassium_2_1_in_milligrams_is_0_54_and_no_patient_has_it(read: Read) -> None:
    report = read(result("potassium", "2.1", "mg/dL"))
    assert issues(report) >= {"value_implausible"}
    assert entry(report).critical is Critical.POSSIBLE


def test_a_woman_of_30_of_whom_nothing_is_said_may_be_pregnant(read: Read) -> None:
    """The sum of partitions: no N where a trimester would say low or high."""
    report = read(result("sodium", "131", "mmol/L"), sex="female", age="30 y")
    assert (entry(report).flag, entry(report).bands) == ("IND", ("mild_low", "normal"))
