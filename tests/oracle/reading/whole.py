"""The whole reading of a panel: what a report on it has to say, and what it must not."""

from __future__ import annotations

from dataclasses import dataclass

from tests.oracle.people import Table
from tests.oracle.reading import (
    artefacts,
    patterns_calcium,
    patterns_magnesium,
    patterns_other,
    patterns_potassium,
    patterns_specimen,
)
from tests.oracle.reading.case import Case
from tests.oracle.reading.findings import findings
from tests.oracle.reading.pattern import Pattern, Urgency
from tests.oracle.reading.recommendations import must_not_recommend, must_recommend
from tests.oracle.reading.red_flags import raise_flags
from tests.oracle.reading.truth import State, Truth
from tests.oracle.reading.urgency import overall

# What a pattern rests on is read before it.
EARLY = [*patterns_other.BEFORE_OTHERS, *patterns_potassium.BEFORE_OTHERS, *patterns_calcium.BEFORE_OTHERS]
AFTER_SPECIMENS = [*patterns_magnesium.PATTERNS, *patterns_calcium.PATTERNS]
LATER = [*patterns_potassium.PATTERNS, *patterns_other.PATTERNS, *patterns_magnesium.AFTER_OTHERS]
ALL = [*patterns_specimen.PATTERNS, *EARLY, *AFTER_SPECIMENS, *LATER, *patterns_other.AFTER_RED_FLAGS]
ARMS = (
    *("VITD_TOXICITY", "PTH_INDEPENDENT_125D_EXCESS", "HYPOPARATHYROIDISM_PATTERN", "PTH_RESISTANCE_PATTERN"),
    *("PTH_DEPENDENT_HYPERCALCAEMIA", "PTH_SUPPRESSED_HYPERCALCAEMIA", "CALCIUM_ALKALI_SYNDROME"),
)


@dataclass
class Whole:
    """What the documents say of a panel."""

    case: Case
    findings: dict[str, Truth]
    patterns: dict[str, State]
    red_flags: set[str]
    red_flags_held: set[str]
    urgency: Urgency
    recommend: set[str]
    not_recommend: set[str]


def read_panel(knowledge: Table, panel: Table) -> Whole:
    """Results, specimens, patterns, red flags, urgency, recommendations, in this order."""
    c = Case(knowledge, panel)
    judge(c, EARLY)
    pairs = artefacts.pair_findings(c)
    artefacts.judge_specimens(c, c.patterns["RHABDOMYOLYSIS_PATTERN"], c.patterns["CKD_MINERAL_BONE_DISORDER"])
    c.patterns["VITD_ACUTE_PHASE"] = patterns_calcium.acute_phase(c)
    if c.matched("VITD_ACUTE_PHASE"):
        patterns_calcium.leave_vitamin_d_open(c)
    judge(c, [*patterns_specimen.PATTERNS, *EARLY, *AFTER_SPECIMENS, *LATER])
    raise_flags(c)
    judge(c, patterns_other.AFTER_RED_FLAGS)
    shown = as_shown(c)
    urgency = overall(c, ALL)
    return Whole(
        c,
        findings(c) | pairs,
        shown,
        set(c.flags),
        set(c.held),
        urgency,
        must_recommend(c, ALL, urgency),
        must_not_recommend(c, urgency),
    )


def judge(c: Case, patterns: list[Pattern]) -> None:
    for one in patterns:
        if one.id != "VITD_ACUTE_PHASE":
            c.patterns[one.id] = one.state(c)


def as_shown(c: Case) -> dict[str, State]:
    """P12 stands in place of P10 and P11; while P34 is MATCHED its arms are no POSSIBLE entries of their own."""
    shown = dict(c.patterns)
    if shown["MG_CA_K_TRIAD"] is State.MATCHED:
        shown["MG_LOW_WITH_SECONDARY_HYPOCALCAEMIA"] = State.NOT_MET
        shown["MG_LOW_WITH_SECONDARY_HYPOKALAEMIA"] = State.NOT_MET
    if shown["CALCIUM_ABNORMAL_PTH_PENDING"] is State.MATCHED:
        for arm in ARMS:
            stays = arm == "HYPOPARATHYROIDISM_PATTERN" and c.condition("neck_surgery_recent") is True
            if shown[arm] is State.POSSIBLE and not stays:
                shown[arm] = State.NOT_MET
    return shown
