"""The paragraph that sums a report up: what it says, in which order, and what it leaves to the entries."""

from __future__ import annotations

from typing import Any

import pytest

from labgloss.domain.panel import Haemolysis, SpecimenKind
from labgloss.domain.report import PatternState, Urgency
from labgloss.engine.summary import joined
from labgloss.knowledge.release import Release
from tests.unit.engine.conftest import Read
from tests.unit.engine.panel_builder import result

MG, CA, K = "magnesium", "calcium_adjusted", "potassium"


def moles(analyte: str, value: str, **fields: Any) -> Any:
    return result(analyte, value, "mmol/L", **fields)


def in_order(text: str, *parts: str) -> None:
    places = [text.find(part) for part in parts]
    assert -1 not in places, f"{parts[places.index(-1)]!r} is not in: {text}"
    assert places == sorted(places), text


def test_it_begins_with_how_soon_and_why_and_ends_with_what_comes_first(read: Read, release: Release) -> None:
    report = read(
        *(moles(MG, "0.41"), moles(CA, "1.82"), moles(K, "4.2"), result("sodium", "140", "")),
        symptoms=["PARAESTHESIA_PERIORAL"],
    )
    in_order(
        report.summary,
        release.urgencies["EMERGENCY"].text,
        "Low: albumin-adjusted calcium 1.82 mmol/L (interval 2.20-2.60; severely low) and magnesium 0.41 mmol/L",
        "Red flag: tetany, or a sign of latent tetany.",
        "Patterns: low magnesium with low calcium; ",
        "Not judged, and not to be read as normal: sodium (no unit).",
        "Inside the interval or policy in force: potassium.",
        release.recommendations["ECG_NOW"].text_emergency,
        release.recommendations["CONSIDER_MG_REPLETION_FIRST"].text,
    )


def test_what_is_possible_and_presses_nobody_comes_last_by_its_number(read: Read) -> None:
    summary = read(moles(MG, "0.62")).summary
    in_order(
        summary,
        "Kidney function should be known before any magnesium is considered.",
        "Possible, and not established: 6 patterns, listed with what is missing.",
    )


def test_a_symptom_that_nothing_explains_is_named(read: Read) -> None:
    """SP 5.2, P60: a normal panel says nothing against a cause."""
    normal = (moles(MG, "0.90"), moles(CA, "2.35"), moles(K, "4.2"), moles("sodium", "140"), moles("glucose", "5.0"))
    said = "Not explained by what is known here: syncope. Normal values neither explain a symptom nor exclude a cause"
    assert said in read(*normal, symptoms=["SYNCOPE"]).summary
    assert "Not explained" not in read(*normal).summary
    assert "Not explained" not in read(moles(K, "2.8"), symptoms=["MUSCLE_CRAMP"]).summary


def test_a_critical_flag_of_the_laboratory_says_why_contact_is_needed(read: Read) -> None:
    """SP 5.2: no urgency without a reason."""
    report = read(moles(CA, "2.35", flags=("LL",)))
    assert report.urgency is Urgency.SAME_DAY
    assert "Flagged as critical by the laboratory, which asks for contact: albumin-adjusted calcium." in report.summary
    assert "Flagged" not in read(moles(CA, "2.35", flags=("N",))).summary
    assert "Flagged" not in read(moles(K, "7.2", flags=("HH",))).summary


@pytest.mark.parametrize(
    ("conditions", "medications", "since"),
    [
        (None, [], "no list of conditions was sent"),
        ([], None, "no medication list was sent"),
        ([], ["zorblimab"], "a medication was not recognised"),
        (None, ["zorblimab"], "no list of conditions was sent and a medication was not recognised"),
        ([], [], ""),
    ],
)
def test_a_pattern_says_which_list_leaves_it_open(
    read: Read, conditions: list[str] | None, medications: list[str] | None, since: str
) -> None:
    report = read(moles(CA, "1.95"), conditions=conditions, medications=medications)
    found = {pattern.id: pattern.open_since for pattern in report.patterns}
    assert found.get("ACUTE_ILLNESS_OR_DRUG_HYPOCALCAEMIA", "") == since


def test_symptoms_that_were_not_said_leave_a_pattern_open(read: Read) -> None:
    report = read(moles(K, "3.2"))
    pattern = next(pattern for pattern in report.patterns if pattern.id == "PERIODIC_PARALYSIS_PATTERN")
    assert pattern.open_since == "their symptoms were neither stated nor denied"


def test_words_that_nobody_read_are_told_and_not_repeated(read: Read) -> None:
    summary = read(moles(K, "4.2"), symptoms=["cramps, odd humming"]).summary
    assert "Some words were not recognised, and no rule read them" in summary
    assert "humming" not in summary


def test_nothing_is_interpreted_beside_a_crisis(read: Read, release: Release) -> None:
    """RF21: the pathway stands alone."""
    report = read(moles(K, "7.2"), moles(MG, "0.41"), symptoms=["SELF_HARM_THOUGHTS", "TETANY"])
    flag = release.red_flags["SELF_HARM_CONTENT"]
    assert report.summary == f"{release.urgencies['EMERGENCY'].text} {flag.text}"


def test_a_value_that_counts_alone_is_named_with_the_values(read: Read) -> None:
    report = read(moles(K, "7.2"))
    assert [flag.id for flag in report.red_flags] == ["VALUE_ALONE"]
    assert "Red flag" not in report.summary
    assert "High: potassium 7.2 mmol/L (interval 3.5-5.3 or 3.5-5.0; severely high; critical)." in report.summary


def test_several_red_flags_stand_in_one_sentence(read: Read, release: Release) -> None:
    report = read(moles(MG, "0.55"), symptoms=["TETANY", "SEIZURE", "LARYNGOSPASM_STRIDOR"])
    titles = [release.red_flags[flag.id].title for flag in report.red_flags]
    assert len(titles) > 2
    assert f"Red flags: {joined(titles)}." in report.summary


def test_a_held_flag_is_said_to_be_held(read: Read) -> None:
    specimen = {"kind": SpecimenKind.SERUM, "haemolysis": Haemolysis.GROSS}
    summary = read(moles(K, "7.2", specimen=specimen)).summary
    assert "Held until the repeat: a value that alone calls for contact." in summary
    assert "Red flag" not in summary


def test_patterns_are_named_and_their_words_left_to_the_list(read: Read, release: Release) -> None:
    report = read(moles(MG, "0.41"), moles(CA, "1.82"), moles(K, "2.9"), sex="female", medications=["ppi"])
    matched = [item for item in report.patterns if item.state is PatternState.MATCHED]
    assert len(matched) > 2
    assert not [item for item in matched if item.text in report.summary]
    in_order(report.summary, "Patterns: ", *(item.title[1:] for item in matched))


def test_a_possible_pattern_is_named_only_where_it_presses(read: Read, release: Release) -> None:
    """vocabulary.md 14: P01 and P51 logic B."""
    edta = release.patterns["SAMPLE_EDTA_CONTAMINATION"].title
    summary = read(moles(K, "5.6"), moles("calcium_total", "2.15")).summary
    assert f"Possible, and to be settled now: {edta[0].lower()}{edta[1:]}." in summary
    quiet = read(moles(MG, "0.55"))
    possible = [item for item in quiet.patterns if item.state is PatternState.POSSIBLE]
    assert possible
    assert "to be settled now" not in quiet.summary
    assert not [item for item in possible if item.title[1:] in quiet.summary]


def test_low_comes_before_high_and_the_more_urgent_before_the_less(read: Read) -> None:
    summary = read(moles("sodium", "130"), moles(MG, "0.38"), moles(K, "5.8"), moles("phosphate", "1.6")).summary
    in_order(summary, "Low: magnesium", "sodium 130", "High: potassium", "phosphate 1.6")


def test_what_may_be_critical_is_said(read: Read) -> None:
    assert "Possibly critical: potassium." in read(result(K, "2.1", "")).summary
    assert "Possibly" not in read(result(K, "4.2", "", code="2823-3")).summary


def test_what_a_paired_specimen_settled_is_no_alarm(read: Read) -> None:
    """DEC-15: it stays possibly critical in its own entry."""
    specimens = [{"id": "s", "kind": SpecimenKind.SERUM}, {"id": "p", "kind": SpecimenKind.PLASMA}]
    pair = [
        moles(K, value, collected="2026-01-15T08:00:00Z", specimen=specimen)
        for value, specimen in zip(("6.9", "4.5"), specimens, strict=True)
    ]
    report = read(*pair)
    assert report.urgency is Urgency.ROUTINE
    assert "Possibly critical" not in report.summary
    assert "potassium 6.9 mmol/L (settled by a paired specimen)" in report.summary


def test_discordant_calciums_are_said_once(read: Read, release: Release) -> None:
    summary = read(moles("calcium_ionised", "1.05"), moles(CA, "2.40"), moles("calcium_total", "2.40")).summary
    assert summary.count(release.cautions["calcium_discordant"].text) == 1


def test_a_result_is_named_with_its_value_where_the_panel_holds_several_of_it(read: Read) -> None:
    before, now = moles(K, "4.9", collected="2026-01-14"), moles(K, "4.2", collected="2026-01-15")
    assert "force: potassium 4.2 mmol/L." in read(before, now).summary
    assert "force: potassium." in read(now).summary


def test_what_an_earlier_result_was_refused_for_is_in_its_entry_alone(read: Read) -> None:
    contaminated = [
        *(moles(K, "6.8", collected="2026-01-14"), moles("calcium_total", "1.70", collected="2026-01-14")),
        moles(MG, "0.45", collected="2026-01-14"),
    ]
    clean = [
        *(moles(K, "4.2", collected="2026-01-15"), moles("calcium_total", "2.30", collected="2026-01-15")),
        moles(MG, "0.80", collected="2026-01-15"),
    ]
    assert "Not judged" in read(*contaminated).summary
    assert "Not judged" not in read(*contaminated, *clean).summary


def test_a_supporting_result_that_is_open_without_hurry_is_left_to_its_entry(read: Read) -> None:
    assert "creatinine" not in read(moles(MG, "0.80"), result("creatinine", "80", "umol/L")).summary
    # A primary one is not.
    assert "What would settle potassium" in read(moles(K, "<5.0", interval="3.5-5.3")).summary


def test_of_each_kind_the_foremost_step_that_is_as_urgent_as_the_report_is_told(read: Read, release: Release) -> None:
    report = read(moles(MG, "0.55"), moles(CA, "2.05"))
    assert report.urgency is Urgency.SAME_DAY
    told = [item for item in report.recommendations if item.text in report.summary]
    assert told
    assert {item.kind for item in told} <= {"ecg", "safety", "consider"}
    assert {item.urgency for item in told} == {report.urgency}
    assert len({item.kind for item in told}) == len(told)
    urgent = {item.kind for item in report.recommendations if item.urgency is report.urgency}
    assert {item.kind for item in told} == urgent & {"ecg", "safety", "consider"}


def test_a_step_that_can_wait_is_left_to_the_list(read: Read, release: Release) -> None:
    report = read(moles(MG, "0.55"), symptoms=["FOCAL_NEURO", "NEURO_ALARM_FEATURE"])
    later = next(item for item in report.recommendations if item.id == "SAFETY_RENAL_BEFORE_MG")
    assert later.urgency < report.urgency
    assert later.text not in report.summary


@pytest.mark.parametrize(
    ("names", "text"),
    [
        (["one"], "one"),
        (["one", "two"], "one and two"),
        (["one", "two", "three"], "one, two and three"),
        (["one", "two", "one"], "one and two"),
    ],
)
def test_names_stand_in_a_list_within_a_sentence(names: list[str], text: str) -> None:
    assert joined(names) == text


def test_an_earlier_critical_value_that_no_later_one_agrees_with_is_told_of(read: Read) -> None:
    """DEC-85 lets the later value decide; a change that no assay makes is said all the same."""
    first, later = "2026-03-01T08:00:00Z", "2026-03-01T09:00:00Z"
    before = result("potassium", "6.8", "mmol/L", collected=first)
    told = read(before, result("potassium", "4.2", "mmol/L", collected=later))
    assert "Potassium changed by -2.6 mmol/L from 6.8 mmol/L" in told.summary
    assert "the earlier value lay beyond a critical limit." in told.summary
    for value in ("6.7", "6.6"):
        assert "earlier value" not in read(before, result("potassium", value, "mmol/L", collected=later)).summary
    calm = read(
        result("potassium", "5.9", "mmol/L", collected=first), result("potassium", "4.2", "mmol/L", collected=later)
    )
    assert "earlier value" not in calm.summary
