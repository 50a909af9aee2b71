"""Patterns and red flags on made-up rules (SP 0.2), and the slice that ships."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest

from labgloss.domain.panel import Panel, SpecimenKind
from labgloss.domain.report import PatternState, Report, Urgency
from labgloss.domain.truth import Truth
from labgloss.engine.artefacts import Examined
from labgloss.engine.facts import NOT_SAID, Facts
from labgloss.engine.rules import Alone, Evaluated, Values, evaluate, settle
from labgloss.knowledge.release import Release
from labgloss.knowledge.schema import PatternRow, RedFlagRow
from labgloss.knowledge.validation import formed
from tests.unit.engine.conftest import Read
from tests.unit.engine.panel_builder import recommended, result

NOTHING_ALONE = Values()
T, F, U = Truth.TRUE, Truth.FALSE, Truth.UNKNOWN
SOURCED = {"source": ["VO-2"], "status": "proposal", "text": "Words."}


def pattern(ident: str = "P", **fields: Any) -> PatternRow:
    given = {"id": ident, "title": "Title", "core": ["finding.A"], "urgency": "PROMPT", **SOURCED, **fields}
    return formed(PatternRow, given)


def flag(ident: str = "F", **fields: Any) -> RedFlagRow:
    return formed(RedFlagRow, {"id": ident, "number": "RF00", "title": "a flag", **SOURCED, **fields})


@pytest.fixture
def outcome(release: Release) -> Any:
    """What some rules come to over findings A, B, C ..., a finding not given being unknown."""

    def outcome(
        *rules: PatternRow | RedFlagRow,
        values: Values = NOTHING_ALONE,
        reported: Mapping[str, Truth] = {},
        **findings: Truth,
    ) -> Evaluated:
        patterns: Mapping[str, PatternRow] = {rule.id: rule for rule in rules if isinstance(rule, PatternRow)}
        flags: Mapping[str, RedFlagRow] = {rule.id: rule for rule in rules if isinstance(rule, RedFlagRow)}
        made_up = replace(release, rule_order=rules, patterns=patterns, red_flags=flags)
        facts = Facts(made_up, None, {("finding", name): truth for name, truth in findings.items()}, NOT_SAID)
        settled = settle(made_up, facts, facts.adding("finding", reported), [], Examined(()), values)
        return evaluate(made_up, settled, [], Panel())

    return outcome


# ---------------------------------------------------------------------------------------------- the state of a pattern


@pytest.mark.parametrize(
    ("a", "b", "c", "state"),
    [
        (T, T, F, PatternState.MATCHED),
        (T, T, U, PatternState.MATCHED),
        (T, T, T, None),
        (T, U, F, PatternState.POSSIBLE),
        (T, F, F, None),
        (F, T, F, None),
        (U, T, F, None),
        (U, U, U, None),
        (T, U, T, None),
    ],
)
def test_a_pattern_is_matched_possible_or_not_met(
    outcome: Any, a: Truth, b: Truth, c: Truth, state: PatternState | None
) -> None:
    """A is core, B required, C excluding (SP 0.2)."""
    rule = pattern(core=["finding.A"], required=["finding.B"], excluding=["finding.C"])
    found = outcome(rule, A=a, B=b, C=c).patterns
    assert [item.state for item in found] == ([state] if state else [])


def test_a_core_of_several_clauses_needs_one_of_them_to_be_possible(outcome: Any) -> None:
    rule = pattern(core=["finding.A", "finding.B"])
    assert outcome(rule, A=T, B=U).patterns[0].state is PatternState.POSSIBLE
    assert outcome(rule, A=U, B=U).patterns == ()


def test_evidence_is_given_for_and_against_and_what_is_missing(outcome: Any) -> None:
    rule = pattern(
        required=["finding.B"], supporting=["finding.S"], against=["finding.N", "finding.M"], excluding=["finding.X"]
    )
    found = outcome(rule, A=T, B=U, S=T, N=T, M=F).patterns[0]
    assert [clause.expression for clause in found.evidence_for] == ["finding.A", "finding.S"]
    assert [clause.expression for clause in found.evidence_against] == ["finding.N"]
    assert [clause.expression for clause in found.missing] == ["finding.B", "finding.X"]


def test_a_possible_pattern_has_no_urgency_explains_nothing_and_brings_nothing(outcome: Any) -> None:
    """DEC-01."""
    rule = pattern(
        required=["finding.B"], explains=["A"], withholds=["CHECK_K"], recommend=[{"recommend": ["CHECK_K"]}]
    )
    found = outcome(rule, A=T)
    only = found.patterns[0]
    assert (only.urgency, only.explains, only.suppresses, found.brought) == (Urgency.NONE, (), (), ())


def test_a_level_raises_a_pattern_and_never_lowers_it(outcome: Any) -> None:
    rule = pattern(
        urgency="SAME_DAY",
        levels=[{"urgency": "EMERGENCY", "when": "finding.B"}, {"urgency": "ROUTINE", "when": "finding.C"}],
    )
    assert outcome(rule, A=T, B=T).patterns[0].urgency is Urgency.EMERGENCY
    assert outcome(rule, A=T, B=U, C=T).patterns[0].urgency is Urgency.SAME_DAY


def test_a_matched_pattern_brings_what_its_conditions_allow(outcome: Any) -> None:
    rule = pattern(recommend=[{"recommend": ["CHECK_K"]}, {"recommend": ["CHECK_MG"], "when": "finding.B"}])
    assert [item.recommendation for item in outcome(rule, A=T, B=U).brought] == ["CHECK_K"]
    assert [item.recommendation for item in outcome(rule, A=T, B=T).brought] == ["CHECK_K", "CHECK_MG"]


def test_a_pattern_may_read_another(outcome: Any) -> None:
    first, second = pattern("P1"), pattern("P2", core=["pattern.P1"])
    assert [item.id for item in outcome(first, second, A=T).patterns] == ["P1", "P2"]


def test_a_pattern_is_shown_in_place_of_what_it_replaces(outcome: Any) -> None:
    first = pattern("P1", recommend=[{"recommend": ["CHECK_K"]}])
    second = pattern("P2", core=["finding.B"], replaces=["P1"])
    both = outcome(first, second, A=T, B=T)
    assert [item.id for item in both.patterns] == ["P2"]
    assert both.brought == ()
    assert [item.id for item in outcome(first, second, A=T, B=F).patterns] == ["P1"]


def test_matched_comes_before_possible_and_urgent_before_less(outcome: Any) -> None:
    rules = (
        pattern("POSSIBLE", required=["finding.U"], urgency="EMERGENCY"),
        pattern("PROMPT", urgency="PROMPT"),
        pattern("SAME_DAY", urgency="SAME_DAY"),
    )
    assert [item.id for item in outcome(*rules, A=T).patterns] == ["SAME_DAY", "PROMPT", "POSSIBLE"]


# ---------------------------------------------------------------------------------------------- red flags


def test_a_red_flag_takes_the_highest_level_that_holds(outcome: Any) -> None:
    rule = flag(levels=[{"urgency": "EMERGENCY", "when": "finding.A"}, {"urgency": "SAME_DAY", "when": "finding.B"}])
    assert [item.urgency for item in outcome(rule, A=T, B=T).red_flags] == [Urgency.EMERGENCY]
    assert [item.urgency for item in outcome(rule, A=U, B=T).red_flags] == [Urgency.SAME_DAY]
    assert outcome(rule, A=U, B=U).red_flags == ()


def test_values_alone_raise_the_flag_that_is_theirs(outcome: Any) -> None:
    rule = flag("VALUE_ALONE", value_only=True, recommend=[{"recommend": ["ECG_NOW"]}])
    assert outcome(rule).red_flags == ()
    found = outcome(rule, values=Values(Alone(Urgency.SAME_DAY, ("potassium 2.6 mmol/L (severe low)",))))
    assert [(item.id, item.urgency) for item in found.red_flags] == [("VALUE_ALONE", Urgency.SAME_DAY)]
    assert [item.recommendation for item in found.brought] == ["ECG_NOW"]


def test_a_pattern_may_read_a_red_flag(outcome: Any) -> None:
    rule = flag(levels=[{"urgency": "EMERGENCY", "when": "finding.A"}])
    assert outcome(rule, pattern(core=["red_flag.F"]), A=T).patterns[0].state is PatternState.MATCHED


def test_a_value_that_an_artefact_makes_unreliable_holds_the_flag_until_the_repeat(outcome: Any) -> None:
    """SP 4, rule 4."""
    rule = flag("VALUE_ALONE", value_only=True, recommend=[{"recommend": ["ECG_NOW"]}])
    held = Alone(Urgency.EMERGENCY, ("potassium 7.4 mmol/L (severe high)",))
    found = outcome(rule, values=Values(held=held))
    assert [(item.held, item.urgency) for item in found.red_flags] == [(True, Urgency.EMERGENCY)]
    assert found.brought == ()
    active = outcome(rule, values=Values(Alone(Urgency.SAME_DAY, ("magnesium 0.45 mmol/L",)), held))
    assert [(item.held, item.urgency) for item in active.red_flags] == [(False, Urgency.SAME_DAY)]


def test_a_flag_on_a_value_is_held_while_every_value_of_it_is_unreliable(outcome: Any) -> None:
    rule = flag(levels=[{"urgency": "EMERGENCY", "when": "finding.A"}], held_by=["potassium"])
    assert [item.held for item in outcome(rule, A=T).red_flags] == [False]
    unreliable = Values(unreliable=frozenset({"potassium"}))
    assert [item.held for item in outcome(rule, A=T, values=unreliable).red_flags] == [True]


def test_a_red_flag_reads_values_as_reported_and_a_pattern_does_not(outcome: Any) -> None:
    """SP 4, rule 5."""
    rules = flag(levels=[{"urgency": "EMERGENCY", "when": "finding.A"}]), pattern()
    found = outcome(*rules, A=U, reported={"A": T})
    assert [item.id for item in found.red_flags] == ["F"]
    assert found.patterns == ()


def test_an_emergency_can_be_read_apart_from_its_flag(outcome: Any) -> None:
    levels = [{"urgency": "EMERGENCY", "when": "finding.A"}, {"urgency": "SAME_DAY", "when": "finding.B"}]
    rules = flag(levels=levels), pattern(core=["emergency.F"])
    assert outcome(*rules, A=T, B=T).patterns != ()
    assert outcome(*rules, A=F, B=T).patterns == ()


def test_possible_may_have_a_rule_of_its_own_and_bring_something(outcome: Any) -> None:
    rule = pattern(
        core=["finding.A", "finding.B"],
        possible_when="finding.C",
        possible=[{"when": "finding.C", "urgency": "EMERGENCY", "recommend": ["CHECK_CK"]}],
    )
    found = outcome(rule, A=U, B=T, C=T)
    assert [(item.state, item.urgency) for item in found.patterns] == [(PatternState.POSSIBLE, Urgency.EMERGENCY)]
    assert [(item.recommendation, item.urgency) for item in found.brought] == [("CHECK_CK", Urgency.EMERGENCY)]
    assert outcome(rule, A=T, B=U).patterns == ()
    assert outcome(rule, A=T, B=T, C=F).patterns[0].state is PatternState.MATCHED


def test_only_possible_entries_are_absorbed(outcome: Any) -> None:
    first, second = pattern("P1", required=["finding.C"]), pattern("P2", core=["finding.B"], absorbs=["P1"])
    assert [item.id for item in outcome(first, second, A=T, B=T, C=U).patterns] == ["P2"]
    assert [item.id for item in outcome(first, second, A=T, B=T, C=T).patterns] == ["P1", "P2"]


def test_an_urgency_is_lowered_only_while_what_lowers_it_holds(outcome: Any) -> None:
    rule = pattern(lowers=[{"urgency": "ROUTINE", "when": "finding.B"}])
    assert outcome(rule, A=T, B=T).patterns[0].urgency is Urgency.ROUTINE
    assert outcome(rule, A=T, B=U).patterns[0].urgency is Urgency.PROMPT


def test_a_rule_that_nothing_sets_off_is_not_looked_at(outcome: Any) -> None:
    """The cost grows with the panel, and not with the number of rules."""
    idle = [pattern(f"IDLE{number}", core=["finding.Z"]) for number in range(50)]
    trace = outcome(*idle, pattern("P1"), flag(levels=[{"urgency": "PROMPT", "when": "finding.Y"}]), A=T, B=F).trace
    assert [(step.step, step.rule_id, step.truth, step.expression) for step in trace] == [
        ("pattern", "P1", T, "finding.A"),
    ]


def test_a_rule_that_absence_alone_can_make_true_is_always_looked_at(outcome: Any) -> None:
    rule = flag(levels=[{"urgency": "PROMPT", "when": {"possible": ["finding.A"]}}])
    assert [item.id for item in outcome(rule).red_flags] == ["F"]
    assert outcome(rule, A=F).red_flags == ()


# ---------------------------------------------------------------------------------------------- the rules that ship

MG_LOW, CA_LOW = result("magnesium", "0.55", "mmol/L"), result("calcium_adjusted", "2.05", "mmol/L")


def state(report: Any, ident: str) -> str | None:
    return next((item.state.value for item in report.patterns if item.id == ident), None)


@pytest.mark.parametrize(
    ("results", "expected"),
    [
        ([MG_LOW, CA_LOW], "MATCHED"),
        ([MG_LOW], "POSSIBLE"),
        ([CA_LOW], "POSSIBLE"),
        ([MG_LOW, result("calcium_adjusted", "2.30", "mmol/L")], None),
        ([result("magnesium", "0.80", "mmol/L"), CA_LOW], None),
        ([MG_LOW, result("calcium_adjusted", "2.05", "")], "POSSIBLE"),
        ([result("magnesium", "0.80", "mmol/L")], None),
        ([], None),
    ],
)
def test_low_magnesium_with_low_calcium(read: Read, results: list[Any], expected: str | None) -> None:
    """P10: both lists of clauses are core."""
    assert state(read(*results), "MG_LOW_WITH_SECONDARY_HYPOCALCAEMIA") == expected


@pytest.mark.parametrize(
    ("symptoms", "patient", "urgency"),
    [
        ([], {}, Urgency.SAME_DAY),
        (["PARAESTHESIA_PERIORAL"], {}, Urgency.EMERGENCY),
        (["TETANY"], {}, Urgency.EMERGENCY),
        (["PARAESTHESIA_HANDS_FEET"], {}, Urgency.EMERGENCY),
        (["PARAESTHESIA_HANDS_FEET"], {"conditions": ["neuropathy_known"]}, Urgency.SAME_DAY),
        (["MUSCLE_CRAMP"], {}, Urgency.SAME_DAY),
    ],
)
def test_a_symptom_of_low_calcium_raises_the_pattern(
    read: Read, symptoms: list[str], patient: dict[str, Any], urgency: Urgency
) -> None:
    report = read(MG_LOW, CA_LOW, symptoms=symptoms, **patient)
    assert report.patterns[0].urgency is urgency
    assert report.urgency is urgency


def test_medications_that_lower_magnesium_are_reviewed(read: Read) -> None:
    report = read(MG_LOW, CA_LOW, medications=["ppi", "loop_diuretic"])
    assert {"REVIEW_MED_PPI", "REVIEW_MED_DIURETIC", "CONSIDER_MG_REPLETION_FIRST", "CHECK_PTH"} <= set(
        recommended(report)
    )


@pytest.mark.parametrize(
    ("results", "symptoms", "urgency"),
    [
        ([], ["TETANY"], Urgency.EMERGENCY),
        ([], ["CHVOSTEK_TROUSSEAU"], Urgency.EMERGENCY),
        ([CA_LOW], ["PARAESTHESIA_PERIORAL"], Urgency.EMERGENCY),
        (
            [result("magnesium", "0.80", "mmol/L"), result("calcium_adjusted", "2.30", "mmol/L")],
            ["TETANY"],
            Urgency.SAME_DAY,
        ),
        (
            [result("magnesium", "0.80", "mmol/L"), result("calcium_adjusted", "2.30", "mmol/L")],
            ["PARAESTHESIA_PERIORAL"],
            None,
        ),
    ],
)
def test_tetany_counts_unless_calcium_and_magnesium_are_known_not_to_be_low(
    read: Read, results: list[Any], symptoms: list[str], urgency: Urgency | None
) -> None:
    """RF01."""
    flags = {item.id: item.urgency for item in read(*results, symptoms=symptoms).red_flags}
    assert flags.get("TETANY_OR_LATENT_TETANY") is urgency


@pytest.mark.parametrize(
    ("value", "urgency"),
    [
        ("0.38", Urgency.EMERGENCY),
        ("0.45", Urgency.SAME_DAY),
        ("0.55", None),
        ("2.20", Urgency.SAME_DAY),
        ("2.60", Urgency.EMERGENCY),
    ],
)
def test_a_value_alone_is_a_red_flag_at_the_urgency_of_its_band(
    read: Read, value: str, urgency: Urgency | None
) -> None:
    """RF11."""
    flags = {item.id: item.urgency for item in read(result("magnesium", value, "mmol/L")).red_flags}
    assert flags.get("VALUE_ALONE") is urgency


@pytest.mark.parametrize(
    ("value", "urgency"),
    [
        ("120", Urgency.EMERGENCY),
        ("124", Urgency.SAME_DAY),
        ("125", None),
        ("155", None),
        ("156", None),
        ("159", None),
        ("160", Urgency.EMERGENCY),
        (">=160", Urgency.EMERGENCY),
        # Bounds that leave open whether the value is one of the list.
        (">155", None),
        (">159", None),
    ],
)
def test_of_a_band_only_the_values_that_the_list_names_count_alone(
    read: Read, value: str, urgency: Urgency | None
) -> None:
    """RF11: sodium up to 120, above 120 to below 125, and from 160; the band severe_high begins above 155."""
    flags = {item.id: item.urgency for item in read(result("sodium", value, "mmol/L")).red_flags}
    assert flags.get("VALUE_ALONE") is urgency


def test_of_several_bands_that_remain_a_value_alone_says_what_all_of_them_say(read: Read) -> None:
    report = read(result("potassium", "<3.0", "mmol/L"))
    assert "VALUE_ALONE" in [item.id for item in report.red_flags]
    assert "VALUE_ALONE" not in [item.id for item in read(result("potassium", "<3.4", "mmol/L")).red_flags]


NORMAL_FOUR = {
    "magnesium": result("magnesium", "0.86", "mmol/L"),
    "albumin-adjusted calcium": result("calcium_adjusted", "2.35", "mmol/L"),
    "potassium": result("potassium", "4.3", "mmol/L", specimen={"kind": SpecimenKind.SERUM}),
    "25-OH vitamin D": result("vitamin_d_25oh", "64", "nmol/L"),
}


def missing_of(report: Report) -> str:
    return next((issue.text for issue in report.issues if issue.id == "result_missing"), "")


def of_four(read: Read, *without: str, instead: tuple[Any, ...] = (), symptom: str = "MUSCLE_SPASM") -> Report:
    """A man of 44 with a muscle symptom and the four results, but for some; sodium, so that no pattern asks for it."""
    kept = [one for name, one in NORMAL_FOUR.items() if name not in without]
    return read(*kept, *instead, result("sodium", "140", "mmol/L"), symptoms=[symptom], age="44 y", sex="male")


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("magnesium", "magnesium"),
        ("albumin-adjusted calcium", "calcium"),
        ("potassium", "potassium"),
        ("25-OH vitamin D", "vitamin D"),
    ],
)
def test_without_one_of_the_four_it_is_said_which_is_missing(read: Read, name: str, said: str) -> None:
    """P60: "if any of the four is missing or unreliable, not P60; say which is missing"."""
    report = of_four(read, name)
    assert "NORMAL_PANEL_WITH_MUSCLE_SYMPTOMS" not in {item.id for item in report.patterns}
    assert said in missing_of(report).partition("Missing: ")[2]
    others = {"magnesium", "calcium", "potassium", "vitamin D"} - {said}
    assert not any(other in missing_of(report).partition("Missing: ")[2] for other in others)


@pytest.mark.parametrize(
    "instead",
    [
        result("potassium", "4.3", ""),
        result("potassium", "4.3", "mmol/L", status="preliminary"),
        result("potassium", "<5.0", "mmol/L"),
    ],
)
def test_one_of_the_four_that_is_not_reliable_is_said_as_well(read: Read, instead: Any) -> None:
    report = of_four(read, "potassium", instead=(instead,))
    assert "NORMAL_PANEL_WITH_MUSCLE_SYMPTOMS" not in {item.id for item in report.patterns}
    assert "Sent, and not usable: potassium." in missing_of(report)


def test_nothing_of_the_four_is_said_to_be_missing_where_it_would_say_nothing(read: Read) -> None:
    assert "NORMAL_PANEL_WITH_MUSCLE_SYMPTOMS" in {item.id for item in of_four(read).patterns}
    assert "vitamin D" not in missing_of(of_four(read))
    # One that is abnormal, a red flag, no muscle symptom, or none of the four at all.
    low = result("potassium", "3.2", "mmol/L", specimen={"kind": SpecimenKind.SERUM})
    assert "vitamin D" not in missing_of(of_four(read, "25-OH vitamin D", "potassium", instead=(low,)))
    assert "vitamin D" not in missing_of(of_four(read, "25-OH vitamin D", symptom="DARK_URINE"))
    assert "vitamin D" not in missing_of(of_four(read, "25-OH vitamin D", symptom="FATIGUE"))
    assert "vitamin D" not in missing_of(of_four(read, *NORMAL_FOUR))
