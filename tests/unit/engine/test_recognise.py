"""Symptoms, conditions and medications as people write them (SP 1, vocabulary.md 9 and 10, DEC-88)."""

from __future__ import annotations

from dataclasses import replace

import pytest

from labgloss.domain.panel import Coding, ContextItem, Symptom
from labgloss.domain.report import SymptomOutcome
from labgloss.domain.truth import Truth
from labgloss.engine.recognise import Recognised, recognise
from labgloss.knowledge.release import Release
from tests.unit.engine.conftest import Read
from tests.unit.engine.panel_builder import issues, panel, result


def symptoms(release: Release, *items: str | Symptom) -> Recognised:
    return recognise(release, panel(symptoms=items))


def truths(release: Release, *items: str | Symptom) -> dict[str, Truth]:
    return dict(symptoms(release, *items).truths["symptom"])


# ---------------------------------------------------------------------------------------------- symptoms


@pytest.mark.parametrize(
    ("text", "ident"),
    [
        ("cramps in both calves", "MUSCLE_CRAMP"),
        ("Cramps!", "MUSCLE_CRAMP"),
        ("night   cramps", "MUSCLE_CRAMP"),
        ("a charley horse, again", "MUSCLE_CRAMP"),
        ("pins and needles", "PARAESTHESIA_HANDS_FEET"),
        ("lips numb", "PARAESTHESIA_PERIORAL"),
        ("numb lips", "PARAESTHESIA_PERIORAL"),
        ("can't climb stairs", "WEAKNESS_PROXIMAL"),
        ("can’t climb stairs", "WEAKNESS_PROXIMAL"),
        ("eyelid twitch", "FASCICULATION"),
        ("positive Chvostek", "CHVOSTEK_TROUSSEAU"),
        ("obstetrician's hand", "CARPOPEDAL_SPASM"),
        ("very thirsty", "THIRST"),
        ("cannot climb stairs", "WEAKNESS_PROXIMAL"),
        ("seizures", "SEIZURE"),
        ("tingling in fingers", "PARAESTHESIA_HANDS_FEET"),
    ],
)
def test_a_symptom_is_read_in_plain_words(release: Release, text: str, ident: str) -> None:
    assert truths(release, text) == {ident: Truth.TRUE}


@pytest.mark.parametrize(
    ("text", "ident"),
    [
        ("no cramps", "MUSCLE_CRAMP"),
        ("denies cramps", "MUSCLE_CRAMP"),
        ("does not have cramps", "MUSCLE_CRAMP"),
        ("never had a seizure", "SEIZURE"),
        ("without palpitations", "PALPITATIONS"),
        ("cramps resolved last year", "MUSCLE_CRAMP"),
        ("risk of falls", "FALLS"),
        ("history of syncope", "SYNCOPE"),
        ("father has a seizure now and then", "SEIZURE"),
    ],
)
def test_a_denial_the_past_and_somebody_elses_are_not_the_patients(release: Release, text: str, ident: str) -> None:
    found = symptoms(release, text)
    assert found.symptoms[0].present is False
    assert found.truths["symptom"] == {ident: Truth.FALSE}


@pytest.mark.parametrize("text", ["denies cramps, spasms, palpitations", "no cramps, spasms or palpitations"])
def test_a_denial_reaches_the_list_that_it_begins(release: Release, text: str) -> None:
    assert truths(release, text) == dict.fromkeys(("MUSCLE_CRAMP", "MUSCLE_SPASM", "PALPITATIONS"), Truth.FALSE)


@pytest.mark.parametrize("text", ["father has seizures", "mother has cramps", "family history of kidney stones"])
def test_what_another_has_is_never_true_of_the_patient(release: Release, text: str) -> None:
    assert Truth.TRUE not in truths(release, text).values()


@pytest.mark.parametrize(
    ("text", "present"),
    [
        ("no fever, tetany", "TETANY"),
        ("no cramps but tetany", "TETANY"),
        ("has no fever, has cramps", "MUSCLE_CRAMP"),
        ("no palpitations. Syncope today", "SYNCOPE"),
        ("denies fever; cramps at night", "MUSCLE_CRAMP"),
        ("no energy, cramps", "FATIGUE"),
        ("no energy, cramps", "MUSCLE_CRAMP"),
    ],
)
def test_a_denial_ends_where_its_clause_does(release: Release, text: str, present: str) -> None:
    """A present symptom must never be turned into a denial (design.md, promise 2)."""
    assert truths(release, text).get(present) is not Truth.FALSE


@pytest.mark.parametrize(
    "text",
    [
        "period cramps", "menstrual cramps", "stomach cramps", "bladder spasm", "coronary spasm", "stiff joint",
        "stiff neck", "fit and well",
    ],
)  # fmt: skip
def test_a_word_that_means_something_else_here_is_not_the_symptom(release: Release, text: str) -> None:
    """SP 1: not MUSCLE_CRAMP, MUSCLE_SPASM or STIFFNESS_HARDNESS; "fit" needs context words."""
    wrong = {"MUSCLE_CRAMP", "MUSCLE_SPASM", "STIFFNESS_HARDNESS", "SEIZURE"}
    assert not wrong & {ident for ident, truth in truths(release, text).items() if truth is Truth.TRUE}


def test_every_symptom_in_a_text_is_read(release: Release) -> None:
    found = truths(release, "cramps and pins and needles")
    assert found == {"MUSCLE_CRAMP": Truth.TRUE, "PARAESTHESIA_HANDS_FEET": Truth.TRUE}


def test_the_longest_phrase_is_read_and_not_a_word_of_it(release: Release) -> None:
    assert truths(release, "weak thighs") == {"WEAKNESS_PROXIMAL": Truth.TRUE}


def test_a_word_inside_another_is_none(release: Release) -> None:
    assert truths(release, "crampon", "unwell", "stiffened") == {}


def test_no_symptoms_denies_every_symptom_and_records_the_patient_well(release: Release) -> None:
    """DEC-11, vocabulary.md 9.1."""
    for text in ("no symptoms", "asymptomatic", "No symptoms."):
        found = symptoms(release, text)
        assert found.absent["symptom"] is Truth.FALSE
        assert found.truths["condition"] == {"recorded_well": Truth.TRUE}


def test_feeling_well_denies_nothing(release: Release) -> None:
    for text in ("well", "feels well"):
        found = symptoms(release, text)
        assert found.absent["symptom"] is Truth.UNKNOWN
        assert found.truths["condition"] == {"recorded_well": Truth.TRUE}


def test_not_being_well_records_nothing(release: Release) -> None:
    for text in ("not well", "unwell", "well controlled diabetes"):
        assert symptoms(release, text).truths["condition"] == {}


def test_a_symptom_that_is_not_mentioned_is_unknown(release: Release) -> None:
    assert symptoms(release).absent["symptom"] is Truth.UNKNOWN
    assert symptoms(release).truths["patient"]["symptoms_unknown"] is Truth.TRUE
    assert symptoms(release, "cramps").truths["patient"]["symptoms_unknown"] is Truth.FALSE


def test_an_id_stands_before_code_and_text(release: Release) -> None:
    sent = Symptom(id="TETANY", coding=Coding("icd10cm", "R25.2"), text="no cramps")
    assert truths(release, sent) == {"TETANY": Truth.TRUE}


def test_an_id_may_be_denied(release: Release) -> None:
    assert truths(release, Symptom(id="TETANY", present=False)) == {"TETANY": Truth.FALSE}


def test_of_a_symptom_present_and_denied_the_presence_counts(release: Release) -> None:
    assert truths(release, Symptom(id="TETANY", present=False), "TETANY") == {"TETANY": Truth.TRUE}


def test_an_id_that_no_one_knows_leaves_the_text_to_decide(release: Release) -> None:
    assert truths(release, Symptom(id="CRAMP", text="cramps")) == {"MUSCLE_CRAMP": Truth.TRUE}


@pytest.mark.parametrize(
    ("coding", "idents"),
    [
        (Coding("snomed", "10629009"), {"TETANY"}),
        (Coding("SNOMED", " 10629009 "), {"TETANY"}),
        (Coding("icd10cm", "r29.0"), {"TETANY", "CARPOPEDAL_SPASM"}),
        (Coding("icd10cm", "Z99"), set()),
        (Coding("loinc", "10629009"), set()),
    ],
)
def test_a_code_names_every_symptom_that_it_stands_for(release: Release, coding: Coding, idents: set[str]) -> None:
    assert set(truths(release, Symptom(coding=coding))) == idents


def test_the_text_tells_which_symptom_a_shared_code_means(release: Release) -> None:
    sent = Symptom(coding=Coding("icd10cm", "R29.0"), text="claw hand")
    assert truths(release, sent) == {"CARPOPEDAL_SPASM": Truth.TRUE}


def test_a_symptom_that_is_not_recognised_is_returned_and_said(read: Read) -> None:
    report = read(result("magnesium", "0.85", "mmol/L"), symptoms=["MUSCLE_CRAMP", "a strange feeling", "no cramps"])
    assert [item.outcome for item in report.symptoms] == [
        SymptomOutcome.NOT_EXPLAINED, SymptomOutcome.UNRECOGNISED, SymptomOutcome.DENIED,
    ]  # fmt: skip
    assert report.symptoms[1].text == "Not recognised. It is returned as it was sent, and no rule read it."
    assert [(issue.id, issue.field) for issue in report.issues] == [("text_not_recognised", "symptoms[1]")]


# ---------------------------------------------------------------------------------------------- conditions, medications


def context(release: Release, text: str) -> Recognised:
    """What a text is recognised as, sent both as a condition and as a medication."""
    items = (ContextItem(text=text),)
    return recognise(release, replace(panel(), conditions=items, medications=items))


@pytest.mark.parametrize(
    ("text", "idents"),
    [
        ("CKD G4", ("ckd",)),
        ("on haemodialysis since May", ("dialysis",)),
        ("type 2 diabetes", ("t2dm",)),
        ("history of cancer", ("malignancy_past",)),
        ("coeliac disease", ("malabsorption",)),
        ("thyroidectomy", ("neck_surgery_recent",)),
        ("ESRD on hemodialysis", ("dialysis",)),
        ("acute leukemia", ("haematological_malignancy",)),
        ("no dialysis", ()),
        ("not diabetic; on dialysis", ("dialysis",)),
        ("no dialysis in 2020. Dialysis since May", ("dialysis",)),
        ("mother well, but on dialysis", ("dialysis",)),
        ("denies diabetes", ()),
        ("mother has diabetes", ()),
        ("gout", ()),
    ],
)
def test_a_condition_is_read_in_its_words(release: Release, text: str, idents: tuple[str, ...]) -> None:
    assert context(release, text).conditions == (idents,)


@pytest.mark.parametrize(
    ("ident", "idents"),
    [
        ("mg_infusion", ("pre_eclampsia_infusion",)),
        ("haemodialysis", ("dialysis",)),
        ("10 mg infusion", ()),
        ("unheard_of", ()),
    ],
)
def test_an_id_that_is_none_may_be_a_word(release: Release, ident: str, idents: tuple[str, ...]) -> None:
    assert recognise(release, replace(panel(), conditions=(ContextItem(id=ident),))).conditions == (idents,)


def test_a_condition_implies_what_it_is_a_kind_of(release: Release) -> None:
    found = context(release, "type 2 diabetes").truths["condition"]
    assert found == {"t2dm": Truth.TRUE, "diabetes": Truth.TRUE}


@pytest.mark.parametrize(
    ("text", "idents"),
    [
        ("furosemide", ("loop_diuretic",)),
        ("FUROSEMIDE 40 mg od", ("loop_diuretic",)),
        ("co-trimoxazole 960 mg", ("trimethoprim",)),
        ("Sando-K tablets", ("k_supplement",)),
        ("omeprazole", ("ppi",)),
        ("aspirin", ()),
    ],
)
def test_a_medication_is_read_by_its_name_without_dose(release: Release, text: str, idents: tuple[str, ...]) -> None:
    assert context(release, text).medications == (idents,)


def test_one_drug_may_be_in_several_classes(release: Release) -> None:
    assert set(context(release, "haloperidol").medications[0]) == {"qt_prolonging", "antipsychotic"}
    assert set(context(release, "citalopram").medications[0]) == {"qt_prolonging", "serotonergic"}


def test_a_coded_medication_is_read_by_its_display(release: Release) -> None:
    item = ContextItem(coding=Coding("rxnorm", "4603", "furosemide"))
    found = recognise(release, replace(panel(), medications=(item,)))
    assert found.medications == (("loop_diuretic",),)


@pytest.mark.parametrize(
    ("sent", "absent"),
    [(None, Truth.UNKNOWN), ([], Truth.FALSE), (["ckd"], Truth.FALSE), (["ckd", "a rare disease"], Truth.UNKNOWN)],
)
def test_what_a_list_leaves_out_is_false_only_when_all_of_it_was_read(
    release: Release, sent: list[str] | None, absent: Truth
) -> None:
    """DEC-88."""
    assert recognise(release, panel(conditions=sent)).absent["condition"] is absent
    drugs = None if sent is None else [{"ckd": "ppi"}.get(name, name) for name in sent]
    assert recognise(release, panel(medications=drugs)).absent["medication"] is absent


def test_every_item_comes_back_as_it_was_sent(read: Read) -> None:
    report = read(conditions=["ckd", "a rare disease"], medications=["aspirin 75 mg"])
    assert [(item.as_sent, item.ids) for item in report.conditions] == [("ckd", ("ckd",)), ("a rare disease", ())]
    assert [(item.as_sent, item.ids) for item in report.medications] == [("aspirin 75 mg", ())]
    assert {(issue.id, issue.field) for issue in report.issues} == {
        ("text_not_recognised", "conditions[1]"), ("text_not_recognised", "medications[0]"),
    }  # fmt: skip
    assert issues(report) == {"text_not_recognised"}
