"""Magnesium-centred patterns: SP 3 tier 2a, MC 5."""

from __future__ import annotations

from tests.oracle.reading.artefacts import DRIP_ARM, EDTA, GADOLINIUM
from tests.oracle.reading.case import Case
from tests.oracle.reading.findings import MG_CONTAINING, MG_WASTING, egfr_low, mg_low_normal, u_mg_high
from tests.oracle.reading.pattern import (
    RF08,
    RF15,
    RF23,
    Pattern,
    Urgency,
    always,
    asks,
    emergency_flag,
    flagged,
    low_calcium_flag,
    none,
)
from tests.oracle.reading.truth import State, any_of, as_clause, state_of

PSEUDO_LOW = "LOW_ALBUMIN_PSEUDOHYPOCALCAEMIA"
NEUROMUSCULAR = (
    *("MUSCLE_CRAMP", "MUSCLE_SPASM", "FASCICULATION", "TETANY", "CARPOPEDAL_SPASM", "WEAKNESS_GENERAL"),
    *("WEAKNESS_PROXIMAL", "PARAESTHESIA_PERIORAL", "PARAESTHESIA_HANDS_FEET"),
)


def secondary_hypocalcaemia(c: Case) -> State:
    """P10: magnesium low and calcium low, not by an artefact."""
    artefact = c.matched(EDTA, PSEUDO_LOW, GADOLINIUM, DRIP_ARM)
    return state_of(core=[c.live.low("magnesium"), c.ca_low], excluding=[artefact])


def secondary_hypocalcaemia_urgency(c: Case) -> Urgency:
    severe = c.ca_in_band("severe_low") is True
    red = low_calcium_flag(c) or flagged(c, RF08) or emergency_flag(c, RF23)
    return Urgency.EMERGENCY if severe or red else Urgency.SAME_DAY


def drug_review(c: Case) -> set[str]:
    found = {"REVIEW_MED_PPI"} if c.medication("ppi") is True else set()
    return found | ({"REVIEW_MED_DIURETIC"} if c.medication("loop_diuretic", "thiazide") is True else set())


def secondary_hypocalcaemia_advice(c: Case) -> set[str]:
    tests = {"CHECK_PTH", "CHECK_PHOSPHATE", "CHECK_K", "CHECK_25OHD", "CHECK_CREATININE_EGFR", "ECG_NOW"}
    return {"CONSIDER_MG_REPLETION_FIRST"} | tests | drug_review(c)


def secondary_hypokalaemia(c: Case) -> State:
    """P11."""
    return state_of(core=[c.live.low("magnesium"), c.live.low("potassium")], excluding=[c.matched(DRIP_ARM)])


def secondary_hypokalaemia_urgency(c: Case) -> Urgency:
    """P11: K <=2.5 or Mg <=0.40 or a red flag is EMERGENCY."""
    low = any_of(
        c.live.is_("potassium", "<=", "2.5"), c.live.is_("magnesium", "<=", {"mmol/L": "0.40", "mg/dL": "1.0"})
    )
    return Urgency.EMERGENCY if low is True else Urgency.SAME_DAY


def secondary_hypokalaemia_advice(c: Case) -> set[str]:
    found = {"CONSIDER_MG_REPLETION_FIRST", "CHECK_URINE_MAGNESIUM", "CHECK_BICARBONATE", "CHECK_URINE_K_CL"}
    below_3 = c.live.is_("potassium", "<", "3.0") is True
    return found | {"CHECK_CA_ADJUSTED"} | ({"ECG_NOW"} if below_3 else set()) | drug_review(c)


def triad(c: Case) -> State:
    """P12: P10 and P11; it stands in place of both."""
    artefact = c.matched(EDTA, PSEUDO_LOW, GADOLINIUM, DRIP_ARM)
    return state_of(core=[c.live.low("magnesium"), c.ca_low, c.live.low("potassium")], excluding=[artefact])


def latent_deficiency(c: Case) -> State:
    """P13."""
    return state_of(core=[mg_low_normal(c), c.symptom(*NEUROMUSCULAR)])


def hypermagnesaemia(c: Case) -> State:
    """P14; not raised during an infusion for pre-eclampsia."""
    cells = ("RHABDOMYOLYSIS_PATTERN", "TUMOUR_LYSIS_PATTERN", "ADRENAL_INSUFFICIENCY_PATTERN")
    kidney = any_of(egfr_low(c), c.condition("dialysis"), c.aki)
    cause = any_of(kidney, c.medication("lithium", *MG_CONTAINING), *(as_clause(c.patterns[id_]) for id_ in cells))
    return state_of(
        core=[c.live.high("magnesium")], required=[cause], excluding=[c.condition("pre_eclampsia_infusion")]
    )


def hypermagnesaemia_urgency(c: Case) -> Urgency:
    """DEC-05: EMERGENCY from 2.50 // 6.0, or with RF15; SAME_DAY from 2.0."""
    if flagged(c, RF15) or c.live.is_("magnesium", ">=", {"mmol/L": "2.50", "mg/dL": "6.0"}) is True:
        return Urgency.EMERGENCY
    from_2 = c.live.is_("magnesium", ">=", {"mmol/L": "2.00", "mg/dL": "4.8"}) is True
    return Urgency.SAME_DAY if from_2 else Urgency.PROMPT


def magnesium_infusion(c: Case) -> State:
    """R-CTX-MGINF: the infusion, and magnesium measured."""
    measured = c.live.known("magnesium")
    return state_of(core=[], required=[c.condition("pre_eclampsia_infusion"), measured or None])


def renal_wasting(c: Case) -> State:
    """MC 5: magnesium low, and a wasting drug or a measured renal loss."""
    return state_of(core=[], required=[c.live.low("magnesium"), any_of(c.medication(*MG_WASTING), u_mg_high(c))])


def ppi_associated(c: Case) -> State:
    """P72, DEC-31: current, for 3 months or for an unknown time."""
    return state_of(core=[c.live.low("magnesium"), c.medication("ppi")])


def alcohol_related(c: Case) -> State:
    """P73."""
    other = any_of(c.live.low("potassium"), c.live.low("phosphate"), c.ca_low)
    return state_of(core=[], required=[c.live.low("magnesium"), c.condition("alcohol_misuse"), other])


PATTERNS = [
    Pattern(
        "MG_LOW_WITH_SECONDARY_HYPOCALCAEMIA",
        secondary_hypocalcaemia,
        secondary_hypocalcaemia_urgency,
        secondary_hypocalcaemia_advice,
    ),
    Pattern(
        "MG_LOW_WITH_SECONDARY_HYPOKALAEMIA",
        secondary_hypokalaemia,
        secondary_hypokalaemia_urgency,
        secondary_hypokalaemia_advice,
    ),
    Pattern(
        "MG_CA_K_TRIAD",
        triad,
        lambda c: max(secondary_hypocalcaemia_urgency(c), secondary_hypokalaemia_urgency(c)),
        lambda c: secondary_hypocalcaemia_advice(c) | secondary_hypokalaemia_advice(c),
        has_core=False,
    ),
    Pattern(
        "HYPERMAGNESAEMIA_EXOGENOUS_OR_RENAL",
        hypermagnesaemia,
        hypermagnesaemia_urgency,
        asks("REVIEW_MED_MG_CONTAINING", "CHECK_CREATININE_EGFR", "CHECK_K", "CHECK_CA_ADJUSTED", "ECG_NOW"),
    ),
    Pattern("MAGNESIUM_INFUSION", magnesium_infusion, none, has_core=False),
    Pattern("RENAL_MAGNESIUM_WASTING", renal_wasting, none, has_core=False),
    Pattern("PPI_ASSOCIATED_HYPOMAGNESAEMIA", ppi_associated, none, asks("REVIEW_MED_PPI")),
    Pattern(
        "ALCOHOL_RELATED_DEPLETION",
        alcohol_related,
        none,
        asks("REVIEW_ALCOHOL_NUTRITION", "CHECK_PHOSPHATE", "CONSIDER_THIAMINE"),
        has_core=False,
    ),
]
# DEC-56 asks whether another pattern explains a low calcium.
AFTER_OTHERS = [
    Pattern(
        "LATENT_MG_DEFICIENCY_POSSIBLE",
        latent_deficiency,
        always(Urgency.ROUTINE),
        asks(
            *("CHECK_URINE_MAGNESIUM", "REPEAT_SAMPLE_ROUTINE", "CHECK_K", "CHECK_CA_ADJUSTED"),
            *("REVIEW_MEDICATIONS", "CONSIDER_DIETARY_MG"),
        ),
    ),
]
