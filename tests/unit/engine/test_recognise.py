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
from tests.unit.engine.panel_builder import panel, result


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
        ("no sign of any tetany", "TETANY"),
        ("denies tingling", "PARAESTHESIA_HANDS_FEET"),
        ("tingling denied", "PARAESTHESIA_HANDS_FEET"),
        ("cramps: no", "MUSCLE_CRAMP"),
        ("palpitations - none", "PALPITATIONS"),
        ("hasn't fainted", "SYNCOPE"),
        ("seizure-free", "SEIZURE"),
        ("not confused", "CONFUSION"),
        ("no fits", "SEIZURE"),
        ("absence of muscle cramps", "MUSCLE_CRAMP"),
        ("seizures ruled out", "SEIZURE"),
        ("tetany has been excluded", "TETANY"),
        ("cramps resolved last year", "MUSCLE_CRAMP"),
        ("palpitations now resolved", "PALPITATIONS"),
        ("previous seizures", "SEIZURE"),
        ("used to faint: fainting in the past", "SYNCOPE"),
        ("history of syncope", "SYNCOPE"),
    ],
)
def test_a_denial_and_the_past_are_absent(release: Release, text: str, ident: str) -> None:
    found = symptoms(release, text)
    assert found.symptoms[0].present is False
    assert found.truths["symptom"] == {ident: Truth.FALSE}


@pytest.mark.parametrize("text", ["denies cramps, spasms, palpitations", "no cramps, spasms or palpitations"])
def test_a_denial_reaches_the_list_that_it_begins(release: Release, text: str) -> None:
    assert truths(release, text) == dict.fromkeys(("MUSCLE_CRAMP", "MUSCLE_SPASM", "PALPITATIONS"), Truth.FALSE)


@pytest.mark.parametrize(
    ("text", "ident"),
    [
        ("father has seizures", "SEIZURE"),
        ("his mother's cramps", "MUSCLE_CRAMP"),
        ("seizures in my brother", "SEIZURE"),
        ("family history of kidney stones", "KIDNEY_STONE"),
        ("risk of falls", "FALLS"),
        ("father has a seizure now and then", "SEIZURE"),
    ],
)
def test_what_another_has_or_what_is_a_risk_is_neither_present_nor_absent(
    release: Release, text: str, ident: str
) -> None:
    """SP 1: not the patient's symptom. Only a denial is FALSE (design.md, promise 2)."""
    found = symptoms(release, text)
    assert (found.symptoms[0].ids, found.symptoms[0].present) == ((ident,), False)
    assert found.truths["symptom"] == {}


@pytest.mark.parametrize(
    ("text", "ident"),
    [
        ("mother reports cramps", "MUSCLE_CRAMP"),
        ("wife says he is confused", "CONFUSION"),
        ("mother has cramps, I have tetany", "TETANY"),
        ("cramps like my father", "MUSCLE_CRAMP"),
        ("collapsed in front of his wife", "SYNCOPE"),
    ],
)
def test_who_reports_or_stands_by_takes_no_symptom_from_the_patient(release: Release, text: str, ident: str) -> None:
    assert truths(release, text) == {ident: Truth.TRUE}


@pytest.mark.parametrize("text", ["history of kidney stones", "previous stress fracture", "history of torsades"])
def test_what_counts_although_it_is_past_is_present(release: Release, text: str) -> None:
    """SP 1: "kidney stone, now or past"."""
    assert Truth.TRUE in truths(release, text).values()


@pytest.mark.parametrize(
    "text",
    [
        "no improvement in cramps", "cramps no better", "cramps not resolved", "2 week history of cramps",
        "previously well, now cramps", "not only cramps", "cramps not excluded", "cramps cannot be ruled out",
        "cramps for the past week", "no cause for cramps",
    ],
)  # fmt: skip
def test_words_that_deny_something_else_deny_no_symptom(release: Release, text: str) -> None:
    assert truths(release, text) == {"MUSCLE_CRAMP": Truth.TRUE}


def test_what_is_denied_beside_what_is_present_is_absent(release: Release) -> None:
    assert truths(release, "cramps but no fever") == {"MUSCLE_CRAMP": Truth.TRUE, "FEVER": Truth.FALSE}


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
        "stiff joints", "stiff neck", "hard stools", "tension headache", "fit and well", "fit for surgery", "keeps fit",
    ],
)  # fmt: skip
def test_a_word_that_means_something_else_here_is_not_the_symptom(release: Release, text: str) -> None:
    """SP 1: not MUSCLE_CRAMP, MUSCLE_SPASM or STIFFNESS_HARDNESS; "fit" needs context words."""
    wrong = {"MUSCLE_CRAMP", "MUSCLE_SPASM", "STIFFNESS_HARDNESS", "SEIZURE"}
    assert not wrong & {ident for ident, truth in truths(release, text).items() if truth is Truth.TRUE}


@pytest.mark.parametrize(
    ("text", "idents"),
    [
        ("stomach cramps", {"ABDOMINAL_PAIN"}),
        ("hard stools", {"CONSTIPATION"}),
        ("stiff neck and fever", {"FEVER"}),
        ("stiff neck", set()),
    ],
)
def test_what_it_is_instead_is_read_and_the_rest_comes_back_unread(
    release: Release, text: str, idents: set[str]
) -> None:
    """SP 1: a stiff neck with fever is unmatched text shown to the clinician."""
    found = symptoms(release, text)
    assert set(found.symptoms[0].ids) == idents
    assert found.unread == (("symptoms[0]",) if "neck" in text else ())


@pytest.mark.parametrize(
    "text", ["fit", "a fit", "had a fit", "fits", "having fits", "a fit yesterday", "epileptic fit", "two fits today"]
)
def test_a_fit_with_its_context_is_a_seizure(release: Release, text: str) -> None:
    assert truths(release, text) == {"SEIZURE": Truth.TRUE}


@pytest.mark.parametrize("text", ["weak", "feels weak", "very weak", "weak legs"])
def test_weak_keeps_both_candidates_and_is_no_paralysis(release: Release, text: str) -> None:
    assert truths(release, text) == {"WEAKNESS_GENERAL": Truth.TRUE, "FATIGUE": Truth.TRUE}


def test_weak_denied_denies_the_weakness_alone(release: Release) -> None:
    assert truths(release, "not weak") == {"WEAKNESS_GENERAL": Truth.FALSE}


def test_weak_raises_no_acute_paralysis(read: Read) -> None:
    report = read(result("potassium", "4.3", "mmol/L"), symptoms=["feels weak"])
    assert "ACUTE_PARALYSIS" not in {flag.id for flag in report.red_flags}


@pytest.mark.parametrize(
    "text",
    [
        "can't climb stairs", "can’t climb stairs", "cannot climb stairs", "could not climb stairs",
        "couldn't climb the stairs", "can not climb stairs", "unable to climb stairs", "stairs: can't climb stairs",
    ],
)  # fmt: skip
def test_cannot_is_one_word_however_it_is_written(release: Release, text: str) -> None:
    assert truths(release, text) == {"WEAKNESS_PROXIMAL": Truth.TRUE}


@pytest.mark.parametrize(
    ("text", "present"),
    [
        ("feels low", {"LOW_MOOD"}),
        ("low and tearful", {"LOW_MOOD"}),
        ("low", {"LOW_MOOD"}),
        ("low back pain", set()),
        ("low potassium", set()),
        ("pain down my leg", set()),
        ("has the runs", {"DIARRHOEA"}),
        ("runs marathons", set()),
        ("can't go", {"CONSTIPATION"}),
        ("can't go to work", set()),
    ],
)
def test_a_plain_word_means_a_symptom_only_where_nothing_else_is_said(
    release: Release, text: str, present: set[str]
) -> None:
    assert {ident for ident, truth in truths(release, text).items() if truth is Truth.TRUE} == present


@pytest.mark.parametrize(
    ("text", "ident"),
    [
        ("diarrhea", "DIARRHOEA"),
        ("generalized weakness", "WEAKNESS_GENERAL"),
        ("tea-colored urine", "DARK_URINE"),
        ("woke up paralyzed", "PARALYSIS_ACUTE"),
        ("apnea", "APNOEA"),
        ("whole body cramping", "TETANY"),
        ("systolic <90", "HYPOTENSION"),
        ("systolic less than 90", "HYPOTENSION"),
    ],
)
def test_spelling_hyphens_and_signs_change_nothing(release: Release, text: str, ident: str) -> None:
    assert truths(release, text) == {ident: Truth.TRUE}


def test_a_comparison_the_other_way_round_is_not_read(release: Release) -> None:
    assert truths(release, "systolic >90") == {}


def test_every_synonym_of_every_symptom_names_it(release: Release) -> None:
    """SP 1, rows 1 to 72."""
    assert len(release.symptoms) == 72
    for row in release.symptoms.values():
        for word in (*row.synonyms, *row.alone, row.display):
            found = symptoms(release, Symptom(text=word)).symptoms[0]
            assert found.present, word
            assert found.ids[0] == row.id, word


def test_every_symptom_in_a_text_is_read(release: Release) -> None:
    found = truths(release, "cramps and pins and needles")
    assert found == {"MUSCLE_CRAMP": Truth.TRUE, "PARAESTHESIA_HANDS_FEET": Truth.TRUE}


def test_the_longest_phrase_is_read_and_not_a_word_of_it(release: Release) -> None:
    assert truths(release, "weak thighs") == {"WEAKNESS_PROXIMAL": Truth.TRUE}


def test_a_word_inside_another_is_none(release: Release) -> None:
    assert truths(release, "crampon", "unwell", "stiffened") == {}


def test_no_symptoms_denies_every_symptom_and_records_the_patient_well(release: Release) -> None:
    """DEC-11, vocabulary.md 9.1."""
    for text in ("no symptoms", "asymptomatic", "No symptoms.", "no symptoms at all", "completely asymptomatic"):
        found = symptoms(release, text)
        assert found.absent["symptom"] is Truth.FALSE
        assert found.truths["condition"] == {"recorded_well": Truth.TRUE}


def test_feeling_well_denies_nothing(release: Release) -> None:
    for text in ("well", "feels well", "feels very well", "feels well in himself"):
        found = symptoms(release, text)
        assert found.absent["symptom"] is Truth.UNKNOWN
        assert found.truths["condition"] == {"recorded_well": Truth.TRUE}


def test_not_being_well_records_nothing(release: Release) -> None:
    for text in ("not well", "unwell", "well controlled diabetes", "not asymptomatic", "asymptomatic hypocalcaemia"):
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
    assert [issue.field for issue in report.issues if issue.id == "text_not_recognised"] == ["symptoms[1]"]


# ---------------------------------------------------------------------------------------------- several complaints


def said(release: Release, text: str, *, present: bool = True) -> list[tuple[str, str, tuple[str, ...]]]:
    parts = symptoms(release, Symptom(text=text, present=present)).symptoms[0].parts
    return [(part.words, part.said.value, part.ids) for part in parts]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (
            "Tingling around the mouth, odd humming in the knees",
            ["Tingling around the mouth: PARAESTHESIA_PERIORAL", "odd humming in the knees?"],
        ),
        ("cramps and odd humming", ["cramps: MUSCLE_CRAMP", "odd humming?"]),
        ("odd humming with cramps", ["odd humming?", "cramps: MUSCLE_CRAMP"]),
        ("cramps; odd humming.\nSeizure", ["cramps: MUSCLE_CRAMP", "odd humming?", "Seizure: SEIZURE"]),
        ("cramps but odd humming", ["cramps: MUSCLE_CRAMP", "odd humming?"]),
        ("cramps (odd humming)", ["cramps: MUSCLE_CRAMP", "odd humming?"]),
        ("cramps \u2013 odd humming", ["cramps: MUSCLE_CRAMP", "odd humming?"]),
        ("odd humming, strange taste", ["?"]),
        ("cramps, odd humming, strange taste", ["cramps: MUSCLE_CRAMP", "odd humming, strange taste?"]),
        ("cramps, odd humming, worse at night", ["cramps: MUSCLE_CRAMP", "odd humming, worse at night?"]),
        ("at night, cramps in calves, humming", ["at night, cramps in calves: MUSCLE_CRAMP", "humming?"]),
        ("stiff neck and fever", ["stiff neck?", "fever: FEVER"]),
        ("numb lips and tongue", ["numb lips: PARAESTHESIA_PERIORAL", "tongue?"]),
        ("well, but cramps", ["well?", "cramps: MUSCLE_CRAMP"]),
        # Nothing to tell apart.
        ("cramps in both calves, worse at night", [": MUSCLE_CRAMP"]),
        ("cramps on and off since Tuesday, very severe", [": MUSCLE_CRAMP"]),
        ("cramps (left calf) - for 3 weeks", [": MUSCLE_CRAMP"]),
        ("cramps, fingers and toes, on both sides", [": MUSCLE_CRAMP"]),
        ("arms and legs weak", [": WEAKNESS_GENERAL"]),
        ("trouble with stairs", [": WEAKNESS_PROXIMAL"]),
        ("left knee, worse at night", ["?"]),
        ("weak", [": WEAKNESS_GENERAL FATIGUE"]),
        # Complaints made of words that only qualify elsewhere.
        ("cramps, bad back", ["cramps: MUSCLE_CRAMP", "bad back?"]),
        ("weak, off legs", ["weak: WEAKNESS_GENERAL FATIGUE", "off legs?"]),
        ("weakness, down one side", ["weakness: WEAKNESS_GENERAL", "down one side?"]),
        ("cramps, not walking", ["cramps: MUSCLE_CRAMP", "not walking?"]),
        ("cramps, no feeling in the feet", ["cramps: MUSCLE_CRAMP", "no feeling in the feet?"]),
        ("cramps, spreading", ["cramps: MUSCLE_CRAMP", "spreading?"]),
        # Other letters and lengths than those that are compared.
        ("Straße: CRAMPS >3 days, ODD Humming", ["Straße?", "CRAMPS >3 days: MUSCLE_CRAMP", "ODD Humming?"]),
        ("can’t climb stairs, ﬁzzing", ["can’t climb stairs: WEAKNESS_PROXIMAL", "ﬁzzing?"]),
    ],
)
def test_each_complaint_of_a_text_is_accounted_for_in_its_own_words(
    release: Release, text: str, expected: list[str]
) -> None:
    found = [f"{words}: {' '.join(ids)}" if ids else f"{words}?" for words, _, ids in said(release, text)]
    assert found == expected
    assert symptoms(release, text).unread == (("symptoms[0]",) if any("?" in item for item in expected) else ())


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (
            "no fever but cramps, no weakness",
            [
                ("no fever", "denied", ("FEVER",)),
                ("cramps", "stated", ("MUSCLE_CRAMP",)),
                ("no weakness", "denied", ("WEAKNESS_GENERAL",)),
            ],
        ),
        (
            "denies twitching or odd humming",
            [("denies twitching", "denied", ("FASCICULATION",)), ("odd humming", "unread_denied", ())],
        ),
        ("odd humming: no", [("", "unread_denied", ())]),
        (
            "cramps without weakness",
            [("cramps", "stated", ("MUSCLE_CRAMP",)), ("without weakness", "denied", ("WEAKNESS_GENERAL",))],
        ),
        (
            "father has seizures; cramps",
            [("father has seizures", "others", ("SEIZURE",)), ("cramps", "stated", ("MUSCLE_CRAMP",))],
        ),
        ("no cramps in the arms, cramps in the legs", [("", "stated", ("MUSCLE_CRAMP",))]),
        ("feels well", [("", "whole", ("recorded_well",))]),
    ],
)
def test_a_part_says_what_its_text_says_of_it(
    release: Release, text: str, expected: list[tuple[str, str, tuple[str, ...]]]
) -> None:
    assert said(release, text) == expected


def test_what_nobody_read_is_not_absent_where_the_symptom_was_denied(release: Release) -> None:
    assert said(release, "cramps, odd humming", present=False) == [
        ("cramps", "denied", ("MUSCLE_CRAMP",)), ("odd humming", "unread", ()),
    ]  # fmt: skip
    assert said(release, "feels well", present=False) == [("", "unread", ())]


def test_no_word_that_only_qualifies_is_a_symptom(release: Release) -> None:
    words = {word for row in release.qualifiers.values() if "symptom" in row.of for word in row.words}
    assert [word for word in sorted(words) if truths(release, word)] == []


def test_a_report_has_an_entry_for_each_complaint(read: Read) -> None:
    report = read(
        result("magnesium", "0.85", "mmol/L"),
        symptoms=["cramps, odd humming, no fits", "no cramps", "feels well", "asymptomatic"],
    )
    assert [(item.index, item.part, item.outcome) for item in report.symptoms] == [
        (0, "cramps", SymptomOutcome.NOT_EXPLAINED),
        (0, "odd humming", SymptomOutcome.UNRECOGNISED),
        (0, "no fits", SymptomOutcome.DENIED),
        (1, "", SymptomOutcome.DENIED),
        (2, "", SymptomOutcome.DENIED),
        (3, "", SymptomOutcome.DENIED),
    ]
    assert [item.text for item in report.symptoms[3:]] == [
        "Denied or past here, and stated elsewhere in the panel: it counts as present.",
        *["Said of the patient as a whole: recorded as well. Symptoms that the panel does not state count as absent."]
        * 2,
    ]


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
        ("ESRD on hemodialysis", ("ckd", "dialysis")),
        ("acute leukemia", ("haematological_malignancy",)),
        ("no dialysis", ()),
        ("not diabetic; on dialysis", ("dialysis",)),
        ("no dialysis in 2020. Dialysis since May", ("dialysis",)),
        ("mother well, but on dialysis", ("dialysis",)),
        ("denies diabetes", ()),
        ("mother has diabetes", ()),
        ("gout", ()),
        ("family history of hypercalcaemia", ("family_history_hypercalcaemia",)),
        ("celiac disease", ("malabsorption",)),
        ("non-dialysis CKD", ("ckd",)),
        ("AKI resolved", ()),
        ("diabetes insipidus", ()),
        ("pulmonary hypertension", ()),
        ("in hospital", ("inpatient",)),
        ("hospital appointment", ()),
        ("BMI <16", ("bmi_below_16",)),
        ("BMI less than 18.5", ("bmi_below_18_5",)),
        ("BMI <16.5", ()),
        ("BMI >16", ()),
        ("QTc >= 500 ms", ("qtc_from_500",)),
        ("loss of >10% in 6 months", ("weight_loss_over_10",)),
        ("no food for more than 10 days", ("little_intake_over_10d",)),
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
        ("statins", ("statin",)),
        ("furosemide 40 mg od", ("loop_diuretic",)),
        ("perindopril arginine 5mg", ("acei",)),
        ("alendronic acid 70 mg weekly", ("bisphosphonate",)),
        ("sacubitril/valsartan 49/51", ("arni",)),
        ("ramipril + bisoprolol", ("acei", "beta_blocker")),
        ("insulin glargine 20 units nocte", ("insulin",)),
        ("digoxin stopped", ()),
        ("allergic to trimethoprim", ()),
        ("no digoxin", ()),
        ("aspirin", ()),
    ],
)
def test_a_medication_is_read_by_its_name_without_dose(release: Release, text: str, idents: tuple[str, ...]) -> None:
    assert context(release, text).medications == (idents,)


def test_every_word_of_every_condition_and_medication_names_it(release: Release) -> None:
    """vocabulary.md 9.1 and 10.1."""
    for rows, kind in ((release.conditions, "conditions"), (release.medications, "medications")):
        dated = {word for row in rows.values() for word in row.dated}
        for row in rows.values():
            for word in (*row.words, row.id, row.display):
                found = recognise(release, replace(panel(), **{kind: (ContextItem(text=word),)}))
                assert row.id in getattr(found, kind)[0], word
                # What names another one as well, where its time is stated, is open without it.
                assert found.unread == () or word in dated, word


@pytest.mark.parametrize(
    ("text", "truth"), [("no diabetes", Truth.FALSE), ("mother has diabetes", None), ("AKI resolved", None)]
)
def test_a_denied_condition_is_absent_and_was_read(release: Release, text: str, truth: Truth | None) -> None:
    found = recognise(release, replace(panel(), conditions=(ContextItem(text=text), ContextItem(text="gout"))))
    assert found.truths["condition"].get("diabetes") is truth
    assert found.absent["condition"] is Truth.UNKNOWN
    assert found.unread == ("conditions[1]",)


def test_a_denied_condition_leaves_the_list_complete(release: Release) -> None:
    found = recognise(release, panel(conditions=["no diabetes"]))
    assert (found.absent["condition"], found.unread) == (Truth.FALSE, ())


@pytest.mark.parametrize("text", ["furosemide, warfarin", "furosemide and warfarin", "furosemide + warfarin 3 mg"])
def test_a_part_of_an_item_that_nobody_knows_leaves_the_list_open(release: Release, text: str) -> None:
    """DEC-88: what is not on the list may be it under another name."""
    found = recognise(release, panel(medications=[text]))
    assert found.medications == (("loop_diuretic",),)
    assert (found.absent["medication"], found.unread) == (Truth.UNKNOWN, ("medications[0]",))
    assert found.unread_words["medication"] == ((text.removeprefix("furosemide").strip(" ,+").removeprefix("and "),),)


@pytest.mark.parametrize(
    ("text", "unread"),
    [
        ("furosemide (Frusol) 40 mg od, with food", ("Frusol",)),
        ("furosemide 40 mg, one tablet in the morning, at night when needed", ()),
        ("furosemide with warfarin", ("warfarin",)),
        ("Gout", ("Gout",)),
    ],
)
def test_the_words_of_a_medication_that_nobody_read_come_back(
    release: Release, text: str, unread: tuple[str, ...]
) -> None:
    assert recognise(release, panel(medications=[text])).unread_words["medication"] == (unread,)


def test_the_words_of_a_condition_that_nobody_read_come_back(release: Release) -> None:
    found = recognise(release, panel(conditions=["CKD G4, gout since 2019", "type 2 diabetes, well controlled"]))
    assert found.unread_words["condition"] == (("gout since 2019",), ())
    assert found.absent["condition"] is Truth.UNKNOWN


def test_asymptomatic_among_the_conditions_denies_every_symptom(release: Release) -> None:
    found = recognise(release, replace(panel(), conditions=(ContextItem(text="asymptomatic"),)))
    assert found.absent["symptom"] is Truth.FALSE


def test_a_name_in_the_place_of_an_id_is_read(release: Release) -> None:
    assert recognise(release, panel(medications=["furosemide"])).medications == (("loop_diuretic",),)
    assert symptoms(release, Symptom(id="DOMS")).symptoms[0].ids == ("POST_EXERCISE_SORENESS",)


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
    unread = {issue.field for issue in report.issues if issue.id == "text_not_recognised"}
    assert unread == {"conditions[1]", "medications[0]"}


def test_a_known_word_is_read_alike_each_time_and_in_any_case(release: Release) -> None:
    """What it was read as may be kept, in one case; a blank behind it makes a text that is read anew."""

    def said(word: str) -> list[Recognised]:
        one = (ContextItem(text=word),)
        denied = Symptom(text=word, present=False)
        return [
            *(recognise(release, panel(symptoms=[item])) for item in (word, denied)),
            recognise(release, replace(panel(), conditions=one)),
            recognise(release, replace(panel(), medications=one)),
        ]

    rows = (*release.conditions.values(), *release.medications.values())
    known = {word for row in release.symptoms.values() for word in (*row.synonyms, *row.alone, row.display)}
    for word in sorted(known | {word for row in rows for word in (*row.words, row.id, row.display)}):
        kept = [said(word), said(word.upper()), said(word)]
        anew = [said(f"{one} ") for one in (word, word.upper(), word)]
        # What was not read as the kind that it was sent as comes back as it was sent, with its blank.
        assert [[found.truths for found in one] for one in kept] == [[found.truths for found in one] for one in anew]
        assert [[found.symptoms for found in one] for one in kept] == [
            [found.symptoms for found in one] for one in anew
        ]
        assert [[found.unread for found in one] for one in kept] == [[found.unread for found in one] for one in anew]


def test_words_come_back_as_they_were_sent_although_the_same_came_in_another_case_before(release: Release) -> None:
    """A phrase of the vocabulary that is not wholly read as a symptom."""
    for text in ("Little or no food for >10 days", "LITTLE or no Food for >10 DAYS"):
        parts = recognise(release, panel(symptoms=[text])).symptoms[0].parts
        assert len(parts) > 1
        assert all(part.words in text for part in parts)
