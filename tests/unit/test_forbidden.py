"""Texts that amount to a forbidden output are found; texts that deny one are not; the release holds none."""

import tomllib
from collections.abc import Iterator

import pytest

from labgloss.forbidden import FORBIDDEN_OUTPUTS, phrase_of
from labgloss.knowledge.loader import DATA

# The keys whose words a report or a command can show.
WORDS = {
    "display",
    "intended_use",
    "mend",
    "name",
    "reason",
    "safety_conditions",
    "text",
    "time_frame",
    "title",
    "withheld_reason",
    "withholds_reason",
}


def outputs_in(text: str) -> set[str]:
    return {output for output in FORBIDDEN_OUTPUTS if phrase_of(output, text) is not None}


def words_in(value: object, path: str, key: str = "") -> Iterator[tuple[str, str]]:
    """Each text of a knowledge file that can be shown, with its path."""
    if isinstance(value, dict):
        for name, item in value.items():
            yield from words_in(item, f"{path}.{name}", name)
    elif isinstance(value, list):
        for position, item in enumerate(value):
            label = item.get("id", position) if isinstance(item, dict) else position
            yield from words_in(item, f"{path}[{label}]", key)
    elif isinstance(value, str) and key in WORDS:
        yield path, value


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
        ("Oral calcium is advised.", {"SUGGEST_CALCIUM_SUPPLEMENT"}),
        ("Consider intravenous calcium.", {"SUGGEST_CALCIUM_SUPPLEMENT"}),
        ("Calcium should be replaced.", {"SUGGEST_CALCIUM_SUPPLEMENT"}),
        ("Vitamin D supplements may help.", {"SUGGEST_VITD_SUPPLEMENT"}),
        ("Take magnesium for the cramps.", {"SUGGEST_MG_SUPPLEMENT"}),
        ("Magnesium tablets could relieve the cramps.", {"SUGGEST_MG_SUPPLEMENT"}),
        ("Consider replacing potassium.", {"SUGGEST_K_SUPPLEMENT"}),
        ("Consider reducing the potassium.", {"SUGGEST_K_LOWERING"}),
        ("Potassium should be brought down today.", {"SUGGEST_K_LOWERING"}),
        ("Treat the hyperkalaemia.", {"SUGGEST_K_LOWERING"}),
        ("Wait and see.", {"SUGGEST_SELF_CARE_ONLY"}),
        ("It will settle by itself.", {"SUGGEST_SELF_CARE_ONLY"}),
        ("Extra fluids, and stay hydrated.", {"SUGGEST_DRINK_MORE_WATER"}),
        ("Withhold the ACE inhibitor.", {"SUGGEST_STOP_MEDICATION"}),
        ("The statin can be paused.", {"SUGGEST_STOP_MEDICATION"}),
        ("Pathognomonic for osteomalacia.", {"ASSERT_DIAGNOSIS"}),
        ("This is clearly due to the tumour.", {"ASSERT_DIAGNOSIS"}),
        ("A reassuring panel.", {"ASSERT_ALL_CLEAR"}),
        ("Nothing abnormal was found.", {"ASSERT_ALL_CLEAR"}),
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
        "Consider replacing vitamin D, by local guideline.",
        "Consider measuring calcium; an additional calcium is needed.",
        "Taking calcium into account, the pattern is open.",
        "The true value hides behind a lower potassium.",
        "A laboratory sample confirms the value.",
        "A normal calcium does not reassure here.",
        "Consider contacting the poisons centre before any intravenous calcium.",
    ],
)
def test_a_text_that_denies_or_only_names_it_is_no_forbidden_output(text: str) -> None:
    assert outputs_in(text) == set()


def test_no_text_of_the_release_amounts_to_a_forbidden_output() -> None:
    found = [
        f"{path}: {output}: {phrase!r}"
        for file in sorted(DATA.rglob("*.toml"))
        for path, text in words_in(tomllib.loads(file.read_text()), file.relative_to(DATA).as_posix())
        for output in sorted(FORBIDDEN_OUTPUTS)
        if (phrase := phrase_of(output, text)) is not None
    ]
    assert found == []


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
