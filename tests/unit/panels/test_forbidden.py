"""Texts that amount to a forbidden output are found; texts that deny one are not."""

import pytest

from labgloss.panels.forbidden import FORBIDDEN_OUTPUTS, phrase_of


def outputs_in(text: str) -> set[str]:
    return {output for output in FORBIDDEN_OUTPUTS if phrase_of(output, text) is not None}


@pytest.mark.parametrize(
    ("text", "outputs"),
    [
        ("Consider a calcium supplement.", {"SUGGEST_CALCIUM_SUPPLEMENT"}),
        ("Start oral calcium and vitamin D tablets.", {"SUGGEST_CALCIUM_SUPPLEMENT", "SUGGEST_VITD_SUPPLEMENT"}),
        ("Calcium carbonate tablets are advised.", {"SUGGEST_CALCIUM_SUPPLEMENT"}),
        ("Give calcium.", {"SUGGEST_CALCIUM_SUPPLEMENT"}),
        ("Colecalciferol treatment is indicated.", {"SUGGEST_VITD_SUPPLEMENT"}),
        ("Consider trying magnesium tablets.", {"SUGGEST_MG_SUPPLEMENT"}),
        ("Magnesium is 0.50; supplement magnesium.", {"SUGGEST_MG_SUPPLEMENT"}),
        ("Give potassium chloride infusion.", {"SUGGEST_K_SUPPLEMENT"}),
        ("Lower the potassium now.", {"SUGGEST_K_LOWERING"}),
        ("Consider a potassium-lowering treatment.", {"SUGGEST_K_LOWERING"}),
        ("Start insulin.", {"SUGGEST_K_LOWERING"}),
        ("Self-care is enough.", {"SUGGEST_SELF_CARE_ONLY"}),
        ("No medical review is needed.", {"SUGGEST_SELF_CARE_ONLY"}),
        ("Drink more water.", {"SUGGEST_DRINK_MORE_WATER"}),
        ("Increase oral fluids.", {"SUGGEST_DRINK_MORE_WATER"}),
        ("Stop the PPI.", {"SUGGEST_STOP_MEDICATION"}),
        ("Review the list and stop digoxin.", {"SUGGEST_STOP_MEDICATION"}),
        ("The diuretic should be stopped.", {"SUGGEST_STOP_MEDICATION"}),
        ("Consider stopping the thiazide.", {"SUGGEST_STOP_MEDICATION"}),
        ("This confirms primary hyperparathyroidism.", {"ASSERT_DIAGNOSIS"}),
        ("The patient has vitamin D deficiency.", {"ASSERT_DIAGNOSIS"}),
        ("The pattern is diagnostic of osteomalacia.", {"ASSERT_DIAGNOSIS"}),
        ("All clear.", {"ASSERT_ALL_CLEAR"}),
        ("No further action is needed.", {"ASSERT_ALL_CLEAR"}),
        ("Read as if it were in mmol/L.", {"CONVERT_AND_INTERPRET_ANYWAY"}),
        ("Judged assuming mg/dL.", {"CONVERT_AND_INTERPRET_ANYWAY"}),
        ("No fever was recorded. Give calcium.", {"SUGGEST_CALCIUM_SUPPLEMENT"}),
        ("Not urgent, but stop the PPI.", {"SUGGEST_STOP_MEDICATION"}),
        ("Not urgent, but give calcium.", {"SUGGEST_CALCIUM_SUPPLEMENT"}),
    ],
)
def test_a_phrase_that_amounts_to_a_forbidden_output_is_found(text: str, outputs: set[str]) -> None:
    assert outputs_in(text) == outputs


@pytest.mark.parametrize(
    "text",
    [
        "No calcium treatment on this result.",
        "No loading or supplement on this result alone.",
        "Do not give calcium.",
        "Calcium supplements are not advised.",
        "Calcium treatment is advised never on this result.",
        "Check eGFR before giving a magnesium supplement.",
        "Consider magnesium repletion first or together with potassium and calcium replacement, by local guideline.",
        "Potassium replacement fails until magnesium is corrected.",
        "Food sources of magnesium; never a supplement.",
        "Review calcium and vitamin D supplements.",
        "Review at once whether the magnesium source must stop; antidote by local protocol.",
        "Drugs are not stopped reflexly.",
        "Confirm the clinical status.",
        "Confirm unit and analyte now with the laboratory.",
        "Abnormal until a repeat confirms it.",
        "The patient has no known malignancy.",
        "This is not an all-clear.",
        "Every value lies within its interval.",
        "Query whether 124 nmol/L was meant; not converted.",
        "Digoxin: IV calcium only with continuous ECG and specialist advice.",
        "It supports a clinician's decision; it never diagnoses, orders or doses.",
    ],
)
def test_a_text_that_denies_or_only_names_it_is_no_forbidden_output(text: str) -> None:
    assert outputs_in(text) == set()


def test_the_phrase_itself_is_returned() -> None:
    assert phrase_of("SUGGEST_MG_SUPPLEMENT", "Cramps.  Consider  a Magnesium supplement.") == (
        "consider a magnesium supplement"
    )


def test_the_forbidden_outputs_are_those_of_the_vocabulary() -> None:
    assert sorted(FORBIDDEN_OUTPUTS) == [
        "ASSERT_ALL_CLEAR",
        "ASSERT_DIAGNOSIS",
        "CONVERT_AND_INTERPRET_ANYWAY",
        "SUGGEST_CALCIUM_SUPPLEMENT",
        "SUGGEST_DRINK_MORE_WATER",
        "SUGGEST_K_LOWERING",
        "SUGGEST_K_SUPPLEMENT",
        "SUGGEST_MG_SUPPLEMENT",
        "SUGGEST_SELF_CARE_ONLY",
        "SUGGEST_STOP_MEDICATION",
        "SUGGEST_VITD_SUPPLEMENT",
    ]
