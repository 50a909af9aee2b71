"""Where the documents leave a choice: what is then left out of the comparison, and the passage that leaves it."""

from __future__ import annotations

from tests.oracle.reading.artefacts import DRIP_ARM, EDTA, GADOLINIUM, PSEUDO
from tests.oracle.reading.case import Case
from tests.oracle.reading.findings import egfr_low, plt_high, wbc_high
from tests.oracle.reading.pattern import Urgency
from tests.oracle.reading.patterns_specimen import haemolysed_potassium
from tests.oracle.reading.truth import any_of
from tests.oracle.reading.urgency import ARTEFACTS
from tests.oracle.reading.whole import Whole

NEEDS_HIGH_K = (
    *("ADRENAL_INSUFFICIENCY_PATTERN", "HYPERKALAEMIA_REDUCED_EXCRETION", "PERIODIC_PARALYSIS_PATTERN"),
    *("PSEUDOHYPERKALAEMIA_CELLULAR", "DIGOXIN_WITH_ELECTROLYTE_DISORDER", "TUMOUR_LYSIS_PATTERN"),
    "HYPOKALAEMIA_WITH_HYPERTENSION",
)
P70_ADVICE = ("CHECK_DIGOXIN_LEVEL", "REVIEW_MED_DIGOXIN", "SAFETY_DIGOXIN_IV_CALCIUM")
LOW_CALCIUM_SIGNS = ("CHVOSTEK_TROUSSEAU", "PARAESTHESIA_PERIORAL", "SEIZURE", "TETANY", "CARPOPEDAL_SPASM")
UNKNOWN_COUNTS = (
    *("TETANY_OR_LATENT_TETANY", "SEIZURE_WITH_ELECTROLYTE_DISORDER", "NECK_SURGERY_WITH_TINGLING_OR_CRAMP"),
)
LITTLE_INTAKE = (
    *("bmi_below_18_5", "weight_loss_over_10", "little_intake_over_5d", "anorexia_nervosa", "alcohol_misuse"),
    *("bmi_below_16", "weight_loss_over_15", "little_intake_over_10d"),
)
P13_P40_ADVICE = {
    f"recommendation {name}"
    for name in ("CHECK_URINE_MAGNESIUM", "CONSIDER_DIETARY_MG", "REVIEW_MED_DIURETIC", "CHECK_SODIUM")
}
SERIAL = {f"recommendation CHECK_{name}: must not" for name in ("K", "MG", "PHOSPHATE", "GLUCOSE")}
P33_ADVICE = {
    f"recommendation {name}: missing"
    for name in (
        *("CHECK_CORTISOL", "CHECK_FBC", "CHECK_MYELOMA_SCREEN", "CHECK_PTHRP", "CHECK_TSH", "CHECK_125OHD"),
        *("REFER_HAEM_ONC", "CHECK_25OHD"),
    )
}
P64_ADVICE = {
    f"recommendation {name}: missing" for name in ("CHECK_CRP_ESR", "CHECK_CK", "CHECK_TSH", "REFER_RHEUMATOLOGY")
}
URGENCY = {
    "urgency",
    *(f"recommendation {name}" for name in ("EMERGENCY_PATHWAY", "SAME_DAY_CLINICAL_CONTACT")),
    *(f"recommendation {name}" for name in ("PROMPT_CLINICAL_REVIEW", "ROUTINE_REVIEW")),
    *("recommendation REPEAT_SAMPLE_NOW", "recommendation REPEAT_SAMPLE_ROUTINE"),
}


def open_questions(whole: Whole) -> set[str]:
    """The beginnings of the disagreements that the documents do not settle for this panel."""
    open_: set[str] = set()
    c = whole.case
    below_p50r = whole.urgency < (Urgency.SAME_DAY if c.condition("inpatient") is True else Urgency.PROMPT)
    unreliable = {one.analyte for one in c.entries.values() if one.refusal or one.entry["state"] == "conditional"}
    if unreliable & {one.get("analyte") for one in c.earlier}:
        # DEC-85 "the latest valid result counts": whether an earlier one counts when the newest is refused or open.
        return {""}
    if c.condition("ckd") is not True and egfr_low(c) is True:
        # SP P37: "One low EGFR without history -> POSSIBLE", whatever is known of PTH, phosphate and ALP.
        open_.add("pattern CKD_MINERAL_BONE_DISORDER: expected NOT_MET, got POSSIBLE")
    if c.condition("feeding_restarted_5d") is None:
        # SP P50S takes a fall from baseline, vocabulary.md 7.2 a fall from before feeding.
        open_.add("pattern REFEEDING_SYNDROME_PATTERN: expected POSSIBLE")
    serum = [one.specimen.get("kind") for one in c.entries.values() if one.analyte == "potassium"]
    if None in serum:
        # SP P03: whether "K.high (serum)" is one core clause where the kind of specimen is not known.
        open_.add("pattern PSEUDOHYPERKALAEMIA_CELLULAR: expected NOT_MET, got POSSIBLE")
    low = any_of(c.live.low("potassium"), c.live.low("phosphate"), c.live.low("magnesium"))
    intake = any_of(c.condition(*LITTLE_INTAKE), c.symptom("REDUCED_INTAKE", "WEIGHT_LOSS"))
    if low is True and intake is True and not c.matched("REFEEDING_RISK"):
        # SP P50R: "low K, PHOS or Mg before feeding"; no id says that feeding is about to begin.
        open_ |= {"pattern REFEEDING_RISK", *SERIAL} | (URGENCY if below_p50r else set())
    from_2_50 = c.reported.is_("magnesium", ">=", {"mmol/L": "2.50", "mg/dL": "6.0"}) is True
    if from_2_50 and any(one.refusal == "haemolysis" for one in c.entries.values()):
        # DEC-11 keeps the band's EMERGENCY of a haemolysed value; R-HAEM and P02 say SAME_DAY from 2.00.
        open_ |= URGENCY
    if c.matched("PTH_DEPENDENT_HYPERCALCAEMIA"):
        # SP P32 "beats P33, P22": whether P22 is then named at all.
        open_.add("pattern VITD_TOXICITY")
    if c.matched("PTH_INDEPENDENT_125D_EXCESS"):
        # SP P23 "beats P33 in naming": whether P33 and its advice then stand beside it.
        open_ |= {"pattern PTH_SUPPRESSED_HYPERCALCAEMIA", *P33_ADVICE}
    if c.matched("RHABDOMYOLYSIS_PATTERN", "CKD_MINERAL_BONE_DISORDER") or explanation(c):
        # SP P01: which facts are a "renal, muscle or tumour explanation" of one clue, and whether P51 and P37 stand
        # in the way of a POSSIBLE one while ALP is unknown.
        open_ |= {f"pattern {EDTA}: expected NOT_MET, got POSSIBLE", f"pattern {EDTA}: expected POSSIBLE, got NOT_MET"}
        open_ |= URGENCY if whole.urgency <= Urgency.SAME_DAY and c.reported.high("potassium") is True else set()
    if c.matched(DRIP_ARM, EDTA, GADOLINIUM):
        # SP P06 refuses "total and computed adjusted Ca"; what is refused computes nothing either.
        open_.add("result calcium_adjusted: missing")
        # Then it is CA_LOW or CA_TOTAL_LOW, as the total is primary or not.
        open_ |= {f"finding CA_{name}" for name in ("LOW", "HIGH", "TOTAL_LOW", "TOTAL_HIGH", "INDETERMINATE")}
    if any(one.analyte == "potassium" and one.refusal in ARTEFACTS for one in c.entries.values()):
        # Whether P03 and the reverse of it ask for the potassium that another pattern of tier 0 refuses.
        open_ |= {"pattern PSEUDOHYPERKALAEMIA_CELLULAR: expected NOT_MET", "pattern DELAYED_SEPARATION"}
        open_.add("pattern REVERSE_PSEUDOHYPERKALAEMIA: expected NOT_MET")
        open_ |= URGENCY if plt_high(c) is True or wbc_high(c) is True else set()
    if c.matched("DOMS_LIKELY"):
        # SP P61 "suppresses P13".
        open_.add("pattern LATENT_MG_DEFICIENCY_POSSIBLE")
    if c.matched(EDTA) and len([one for one in c.entries.values() if one.analyte == "potassium"]) > 1:
        # DEC-15: whether a clean specimen of the same time settles a potassium that P01 refuses as well.
        open_ |= {"recommendation PHONE_CRITICAL_RESULT", "held VALUE_ALONE", *URGENCY}
    if not c.live.known("calcium_adjusted") and c.live.known("calcium_ionised"):
        # vocabulary.md 4.2: whether an ionised calcium answers CHECK_CA_ADJUSTED.
        open_.add("recommendation CHECK_CA_ADJUSTED")
    if c.condition("ckd") is None and egfr_low(c) is False:
        # SP P37: whether eGFR >=60 refutes "EGFR <60 for >=3 months (or known CKD)" while no condition list came.
        open_.add("pattern CKD_MINERAL_BONE_DISORDER: expected POSSIBLE, got NOT_MET")
    if c.age_from(18) is False:
        # SP P52: whether a phosphate that is missing is UNKNOWN or FALSE below the age of its limit.
        open_.add("pattern TUMOUR_LYSIS_PATTERN: expected NOT_MET, got POSSIBLE")
    if haemolysed_potassium(c) and c.live.low("potassium") is None:
        # SP 0.2: whether a masked low potassium is certainly not high.
        open_ |= {f"pattern {name}: expected NOT_MET, got POSSIBLE" for name in NEEDS_HIGH_K}
    if c.matched("REFEEDING_SYNDROME_PATTERN"):
        # SP P50 "beats P13, P40 in naming".
        open_ |= {"pattern LATENT_MG_DEFICIENCY_POSSIBLE", "pattern DIURETIC_RELATED_K_MG_LOSS", *P13_P40_ADVICE}
    if c.condition("feeding_restarted_5d") is True:
        # SP P50R "before feeding".
        open_ |= {"pattern REFEEDING_RISK", *SERIAL} | (URGENCY if below_p50r else set())
    if any_of(c.live.high("tsh"), c.live.low("tsh"), c.condition("thyrotoxicosis")) is True:
        # SP P63 names its signs and no trigger.
        open_ |= URGENCY if whole.urgency < Urgency.PROMPT else set()
    if c.symptom("RASH", "JOINT_SWELLING") is True:
        # SP P64 "joint swelling, sicca, rash -> RA/SLE/Sjögren screen by clinician": whether a rash alone is enough,
        # and how urgent a screen is.
        open_ |= {"pattern INFLAMMATORY_OR_AUTOIMMUNE", *P64_ADVICE} | (
            URGENCY if whole.urgency <= Urgency.ROUTINE else set()
        )
    if c.live.known("magnesium") and c.live.low("magnesium") is None:
        # MC 5 "magnesium measured": whether one that haemolysis leaves open (SP 0.2: UNKNOWN) is measured.
        open_.add("pattern MAGNESIUM_INFUSION: expected MATCHED, got POSSIBLE")
    if not c.live.known("magnesium"):
        # SP 0.2: whether a finding of a missing value is FALSE when what it needs beside the value is FALSE.
        open_.add("pattern LATENT_MG_DEFICIENCY_POSSIBLE: expected NOT_MET, got POSSIBLE")
    if c.ca_normal is True and c.before("calcium_adjusted"):
        # P32: CA_UPPER_NORMAL at two collections while a feature of phpt_features is UNKNOWN.
        open_.add("pattern PTH_DEPENDENT_HYPERCALCAEMIA: expected POSSIBLE, got NOT_MET")
    if c.neonate:
        # RF12 "K >=5.5": whether the bands of the age apply, as DEC-38 says of RF11.
        open_ |= {f"{kind} HYPERKALAEMIA_WITH_AKI_OR_FAST_RISE" for kind in ("red flag", "held")}
        open_ |= URGENCY if "HYPERKALAEMIA_WITH_AKI_OR_FAST_RISE" in c.flags else set()
    if c.joint:
        # R-ADJ-4: whether the minimum of the total or of the adjusted calcium is given with the joint band.
        open_ |= {f"recommendation CHECK_{name}: missing" for name in ("25OHD", "PTH", "ALBUMIN", "IONISED_CA")}
    # P07: which of the clauses of its second form are core, and which calcium is meant beside an ionised one.
    open_ |= {
        f"pattern {DRIP_ARM}: expected NOT_MET, got POSSIBLE",
        f"pattern {DRIP_ARM}: expected POSSIBLE, got NOT_MET",
    }
    low_calcium_sign = c.symptom(*LOW_CALCIUM_SIGNS) is True
    if low_calcium_sign and any(one.refusal in ARTEFACTS for one in c.entries.values()):
        # RF01, RF02 "or UNKNOWN": whether a value that is refused counts as low, as a missing one does.
        open_ |= {*(f"red flag {name}" for name in UNKNOWN_COUNTS), "recommendation", *URGENCY}
    if c.matched(PSEUDO) and c.condition("recorded_well") is True:
        # DEC-11 names pseudohyperkalaemia among what recorded_well lowers; SP P03 and 3.9 keep the band's urgency.
        open_ |= URGENCY
    if whole.red_flags_held:
        # P61 "no red flag": whether a held one counts.
        open_ |= {"pattern DOMS_LIKELY", "recommendation CONSIDER_REST_HYDRATION", "recommendation SAFETY_NET"}
    if c.matched("VITD_ACUTE_PHASE"):
        # D6: whether a vitamin D that the acute phase lowers is certainly "not high" for P23.
        open_ |= {"pattern PTH_INDEPENDENT_125D_EXCESS", "recommendation REFER_ENDOCRINE: missing"}
        open_ |= {"recommendation CHECK_125OHD: missing", "recommendation REQUEST_NUMERIC_RESULT"}
    if c.matched(EDTA, DRIP_ARM) and any(one.analyte == "calcium_total" for one in c.entries.values()):
        # Which calcium gives the band's urgency where all of the specimen are refused, and nothing is computed.
        open_ |= URGENCY
    if haemolysed_potassium(c) and c.live.low("potassium") is None:
        # P70: whether a masked low potassium is certainly <4.0.
        open_ |= {"pattern DIGOXIN_WITH_ELECTROLYTE_DISORDER: expected MATCHED, got POSSIBLE"}
        open_ |= {f"recommendation {name}: missing" for name in P70_ADVICE}
    return open_


def explanation(c: Case) -> bool:
    """What may explain one clue of EDTA otherwise."""
    tumour = c.condition("cytotoxic_window", "bulky_tumour", "haematological_malignancy", "lymphoma")
    values = any_of(*(c.reported.high(name) for name in ("phosphate", "creatinine", "urate", "ck")))
    return any_of(tumour, values, c.kidney_disease()) is True
