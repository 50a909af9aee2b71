"""The report as a whole: entries, accounting of symptoms, choices, issues, summary."""

from __future__ import annotations

from typing import Any

import pytest

from labgloss.domain.report import Strength, SymptomOutcome, Urgency
from tests.unit.engine.conftest import Read
from tests.unit.engine.panel_builder import issues, result


@pytest.mark.parametrize(
    ("value", "flag"),
    [
        ("0.40", "LL"),
        ("0.41", "L"),
        ("0.70", "N"),
        ("1.00", "N"),
        ("1.01", "H"),
        ("2.00", "HH"),
        ("<0.80", "IND"),
        ("text", "IND"),
    ],
)
def test_the_flag_follows_class_and_critical(read: Read, value: str, flag: str) -> None:
    """vocabulary.md 3: LL and HH when critical is yes."""
    assert read(result("magnesium", value, "mmol/L")).results[0].flag == flag


def test_a_possible_critical_makes_no_double_flag(read: Read) -> None:
    found = read(result("potassium", "<3.0", "mmol/L")).results[0]
    assert (found.flag, found.critical.name) == ("L", "POSSIBLE")


def test_every_result_has_its_entry_in_the_order_sent_and_computed_ones_come_after(read: Read) -> None:
    sent = [
        result("albumin", "28", "g/L", id="a"),
        result("ferritin", "4", "ug/L", id="f"),
        result("calcium_total", "2.05", "mmol/L", id="c"),
        result("potassium", "text", "mmol/L", id="k"),
    ]
    report = read(*sent)
    assert [(item.id, item.index) for item in report.results] == [("a", 0), ("f", 1), ("c", 2), ("k", 3), ("", None)]


def test_an_empty_panel_has_an_empty_report(read: Read) -> None:
    report = read()
    assert (report.results, report.findings, report.patterns, report.recommendations) == ((), (), (), ())
    assert (report.urgency, report.summary) == (Urgency.NONE, "This is for information.")


# ---------------------------------------------------------------------------------------------- symptoms

LOW = (result("magnesium", "0.55", "mmol/L"), result("calcium_adjusted", "2.05", "mmol/L"))


def test_a_symptom_is_explained_by_the_findings_that_account_for_it(read: Read) -> None:
    """SP 2: tetany is characteristic of low magnesium and of low calcium."""
    found = read(*LOW, symptoms=["TETANY"]).symptoms[0]
    assert found.outcome is SymptomOutcome.EXPLAINED
    assert {(item.finding_id, item.strength) for item in found.associations} == {
        ("MG_LOW", Strength.CHARACTERISTIC), ("CA_LOW", Strength.CHARACTERISTIC),
    }  # fmt: skip
    assert found.text == "Tetany: these may account for it: magnesium low, calcium low. Other causes remain."


def test_a_symptom_that_no_finding_accounts_for_is_not_explained(read: Read) -> None:
    found = read(result("sodium", "140", "mmol/L"), symptoms=["TETANY"]).symptoms[0]
    assert (found.outcome, found.associations) == (SymptomOutcome.NOT_EXPLAINED, ())
    assert found.text == "Tetany: nothing found in this panel accounts for it. That does not exclude a cause."


def test_a_weak_association_alone_explains_nothing(read: Read) -> None:
    """SP 2: cramps and high potassium are non-specific."""
    found = read(result("potassium", "5.7", "mmol/L"), symptoms=["MUSCLE_CRAMP"]).symptoms[0]
    assert found.outcome is SymptomOutcome.NOT_EXPLAINED
    assert [(item.finding_id, item.strength) for item in found.associations] == [("K_HIGH", Strength.NON_SPECIFIC)]


def test_an_open_result_explains_nothing(read: Read) -> None:
    found = read(result("magnesium", "<0.80", "mmol/L"), symptoms=["TETANY"]).symptoms[0]
    assert found.outcome is SymptomOutcome.NOT_EXPLAINED


def test_each_symptom_ends_in_exactly_one_way(read: Read) -> None:
    """design.md, 11."""
    report = read(*LOW, symptoms=["TETANY", "no cramps", "odd feeling", "JAW_PAIN"])
    assert [item.outcome.value for item in report.symptoms] == ["explained", "denied", "unrecognised", "not_explained"]


def test_a_pattern_explains_its_finding(read: Read) -> None:
    findings = {item.id: item.explained_by for item in read(*LOW).findings}
    assert findings["CA_LOW"] == ("MG_LOW_WITH_SECONDARY_HYPOCALCAEMIA",)
    assert findings["MG_LOW"] == ()


# ---------------------------------------------------------------------------------------------- choices, trace


def test_sets_and_variants_in_force_are_said_with_who_chose_them(read: Read) -> None:
    def choices(**options: str) -> set[tuple[str, str, str]]:
        report = read(result("potassium", "4.2", "mmol/L"), **options)
        return {(item.name, item.value, item.chosen_by) for item in report.choices}

    assert choices() == {("critical_limits", "default", "default"), ("intervals", "default", "default")}
    assert choices(critical_limits="us_survey", intervals="nordic") == {
        ("critical_limits", "us_survey", "request"), ("intervals", "nordic", "request"),
    }  # fmt: skip


def test_the_trace_is_left_out_on_demand(read: Read) -> None:
    assert read(result("potassium", "4.2", "mmol/L"), trace=False).trace == ()


def test_the_last_step_says_what_made_the_urgency(read: Read) -> None:
    report = read(result("magnesium", "0.55", "mmol/L", id="mg"), result("sodium", "132", "mmol/L"))
    *_, last = report.steps
    assert (last.step, last.outcome) == ("urgency", "PROMPT: mg")
    *_, last = read(result("sodium", "140", "mmol/L")).steps
    assert last.step == "urgency"


# ---------------------------------------------------------------------------------------------- issues


def test_an_issue_names_every_result_that_raises_it_once(read: Read) -> None:
    report = read(result("potassium", "4.2", ""), result("sodium", "140", "mmol/L"), result("magnesium", "0.8", ""))
    assert [(issue.id, issue.results) for issue in report.issues] == [("unit_missing", (0, 2))]


def test_a_judged_unit_conflict_and_a_refused_one_are_the_same_issue(read: Read) -> None:
    report = read(result("", "2.3", "mmol/L", code="17861-6"), result("", "1.8", "mg/dL", code="2601-3"))
    assert issues(report) == {"unit_conflict"}
    assert report.issues[0].results == (0, 1)


# ---------------------------------------------------------------------------------------------- summary


@pytest.mark.parametrize(
    ("results", "summary"),
    [
        (
            [result("sodium", "140", "mmol/L"), result("magnesium", "0.85", "mmol/L")],
            "This is for information. Inside the interval or policy in force: sodium and magnesium.",
        ),
        (
            [result("potassium", "2.1", ""), result("magnesium", "0.85", "mmol/L")],
            "Contact with a clinician is needed the same day. Possibly critical: potassium. Pattern: a unit that "
            "cannot be relied on. Not judged, and not to be read as normal: potassium (no unit). Inside the interval "
            "or policy in force: magnesium.",
        ),
        (
            [result("magnesium", "0.55", "mmol/L")],
            "Clinical review is needed within 7 days. Low: magnesium 0.55 mmol/L (interval 0.70-1.00; mildly low). "
            "Kidney function should be known before any magnesium is considered. With severely reduced kidney "
            "function specialist advice is needed, by local guideline. Possible, and not established: 6 patterns, "
            "listed with what is missing.",
        ),
        (
            [result("ferritin", "4", "ug/L")],
            "This is for information. Not judged, and not to be read as normal: a result (not recognised).",
        ),
        (
            [result("potassium", "<5.0", "mmol/L", interval="3.5-5.3")],
            "Contact with a clinician is needed at once, by the local emergency pathway. Possibly critical: potassium. "
            "Potassium below 5.0 mmol/L may be low or normal; the class is open. What would settle potassium: the "
            "number behind the comparator. Consider a 12-lead ECG now.",
        ),
    ],
)
def test_the_summary_says_urgency_what_was_found_and_what_is_open(read: Read, results: list[Any], summary: str) -> None:
    assert read(*results).summary == summary
