"""Vitamin D, PTH and calcium: SP 3 tier 2b, MC 5, DK 5."""

from __future__ import annotations

from fractions import Fraction

from tests.oracle.limits import Limit
from tests.oracle.reading.artefacts import DRIP_ARM, EDTA, GADOLINIUM
from tests.oracle.reading.case import Case
from tests.oracle.reading.findings import (
    GRANULOMATOUS,
    ca_high_from_2_80,
    ca_low_under,
    ca_upper_normal,
    cccr_low,
    egfr_below_30,
    egfr_low,
    not_low,
    phos_above_2_0,
    pth_inappropriately_normal,
    vitd_deficient,
)
from tests.oracle.reading.pattern import (
    RF10,
    RF24,
    Pattern,
    Urgency,
    always,
    asks,
    emergency_flag,
    flagged,
    low_calcium_flag,
    none,
)
from tests.oracle.reading.patterns_magnesium import PSEUDO_LOW
from tests.oracle.reading.truth import State, Truth, all_of, any_of, as_clause, no, state_of

# SP 2, column CaH: C, S or N, without the history (DEC-26).
HYPERCALCAEMIA_SYMPTOMS = (
    *("WEAKNESS_GENERAL", "WEAKNESS_PROXIMAL", "MYALGIA", "FATIGUE", "FALLS", "LOW_MOOD", "IRRITABILITY", "BONE_PAIN"),
    *("PALPITATIONS", "SYNCOPE", "SEIZURE", "CONFUSION", "DROWSINESS", "CONSTIPATION", "POLYURIA", "THIRST"),
    *("NAUSEA_VOMITING", "ABDOMINAL_PAIN", "REFLEXES_REDUCED", "REDUCED_INTAKE", "WEIGHT_LOSS", "FOCAL_NEURO"),
    "WIDESPREAD_PAIN_3M",
)
D_ABOVE_250 = {"nmol/L": "250", "ng/mL": "100"}
D_ABOVE_375 = {"nmol/L": "375", "ng/mL": "150"}
D = "vitamin_d_25oh"


def egfr_from_60(c: Case) -> Truth:
    return no(egfr_low(c))


def secondary_hyperparathyroidism(c: Case) -> State:
    """P20; blocked by P37."""
    return state_of(
        core=[c.live.low(D), c.live.high("pth")],
        required=[c.ca_normal, egfr_from_60(c)],
        excluding=[c.matched("CKD_MINERAL_BONE_DISORDER")],
    )


def osteomalacia(c: Case) -> State:
    """P21, DEC-23; blocked by P04. P01 suppresses its advice, and refuses its calcium, but not its phosphate."""
    bone, low = c.live.high("alp"), any_of(c.ca_low, c.live.low("phosphate"))
    symptom = c.symptom(
        *("WEAKNESS_PROXIMAL", "BONE_PAIN", "GAIT_WADDLING", "FALLS", "FRAGILITY_FRACTURE", "MYALGIA"),
        "STIFFNESS_HARDNESS",
    )
    return state_of(
        core=[vitd_deficient(c), any_of(low, bone)],
        required=[any_of(symptom, c.live.high("pth"), all_of(bone, low))],
        excluding=[egfr_below_30(c), c.matched(PSEUDO_LOW)],
    )


def osteomalacia_urgency(c: Case) -> Urgency:
    if c.ca_in_band("severe_low") is True or low_calcium_flag(c):
        return Urgency.EMERGENCY
    return Urgency.SAME_DAY if ca_low_under(c, "2.10", "8.4") is True else Urgency.PROMPT


def osteomalacia_advice(c: Case) -> set[str]:
    if c.matched(EDTA):
        return set()
    found = {"CHECK_PTH", "CHECK_PHOSPHATE", "CHECK_ALP", "CHECK_MG", "CHECK_CREATININE_EGFR"}
    found |= {"CONSIDER_VITD_REPLETION", "CHECK_COELIAC_SCREEN", "CHECK_BONE_XRAY"}
    refer = any_of(c.ca_low, c.symptom("FRAGILITY_FRACTURE")) is True
    return found | ({"REFER_ENDOCRINE"} if refer else set())


def toxicity(c: Case) -> State:
    """P22, DEC-21."""
    d_above_375, d_above_250 = c.live.is_(D, ">", D_ABOVE_375), c.live.is_(D, ">", D_ABOVE_250)
    if d_above_375 is not True and c.age_from(18) is False:
        enough = any_of(d_above_375, all_of(d_above_250, c.live.low("pth")))
        return state_of(core=[c.ca_high, enough], excluding=[c.live.high("pth")])
    if d_above_375 is False and all_of(c.ca_high, d_above_250, c.live.low("pth")) is True:
        return State.POSSIBLE
    return state_of(core=[c.ca_high, d_above_375], excluding=[c.live.high("pth")])


def high_calcium_urgency(c: Case) -> Urgency | None:
    """P22, P32, P33: >=3.50, RF10, or >=3.00 with RF24 is EMERGENCY; 3.00 to 3.49, or lower with RF24, is SAME_DAY."""
    if c.ca_in_band("severe_high") is True or emergency_flag(c, RF10):
        return Urgency.EMERGENCY
    if c.ca_in_band("moderate_high") is True:
        return Urgency.EMERGENCY if flagged(c, RF24) else Urgency.SAME_DAY
    return Urgency.SAME_DAY if flagged(c, RF24) else None


def toxicity_urgency(c: Case) -> Urgency:
    return high_calcium_urgency(c) or Urgency.SAME_DAY


def toxicity_advice(c: Case) -> set[str]:
    found = {"REVIEW_MED_CALCIUM_VITD", "CHECK_PTH", "CHECK_PHOSPHATE", "CHECK_CREATININE_EGFR", "CHECK_125OHD"}
    from_3 = c.ca_in_band("moderate_high", "severe_high") is True
    return found | {"CHECK_URINE_CALCIUM"} | ({"ECG_NOW"} if from_3 else set())


def excess_normocalcaemic(c: Case) -> State:
    """DK 5."""
    return state_of(core=[], required=[c.live.is_(D, ">", D_ABOVE_250), c.ca_normal])


def d125_excess(c: Case) -> State:
    """P23."""
    cause = any_of(c.live.high("vitamin_d_1_25oh2"), c.condition("lymphoma", *GRANULOMATOUS))
    return state_of(core=[c.ca_high, c.live.low("pth")], required=[no(c.live.high(D)), cause])


def blocks_vitamin_d(c: Case) -> State:
    """P24: while D is low; calcium high, or unknown with a risk."""
    known = ("primary_hyperparathyroidism_known", "fhh_known", "lymphoma")
    risk = any_of(c.medication("thiazide"), c.symptom("KIDNEY_STONE"), c.condition(*known, *GRANULOMATOUS))
    unknown = all_of(c.ca_high is None, risk)
    return state_of(core=[], required=[c.live.low(D), unknown if c.ca_high is None else c.ca_high])


def acute_phase(c: Case) -> State:
    """D6, DEC-54: CRP >30 and a low result, unless biochemistry says that it is real."""
    real = any_of(c.ca_low, all_of(c.live.high("alp"), any_of(c.live.low("phosphate"), c.live.high("pth"))))
    return state_of(core=[], required=[c.reported.low(D), c.live.is_("crp", ">", "30")], excluding=[real])


def leave_vitamin_d_open(c: Case) -> None:
    """D6: conditional and indeterminate; the true value may be higher."""
    for one in c.live.results.get(D, []):
        assert one.reading is not None
        lowest: Limit = ((">=", one.reading.number[0][1]),)
        one.reading, one.sides = one.reading._replace(number=lowest), frozenset({"low", "normal"})
        open_ = {"state": "conditional", "class": "indeterminate", "flag": "IND", "band": ""}
        one.entry = one.entry | open_


def low_d_with(cause: Truth, c: Case) -> State:
    return state_of(core=[], required=[c.live.low(D), cause])


def pth_unknown(c: Case) -> bool:
    """Pending, absent, refused, or a bound that leaves its class open."""
    return True not in (c.live.low("pth"), c.live.normal("pth"), c.live.high("pth"))


def hypoparathyroidism(c: Case) -> State:
    """P30, DEC-18; it yields to P10 and P01 and is blocked by P04."""
    pth = any_of(c.live.low("pth"), pth_inappropriately_normal(c))
    if pth_unknown(c):
        # PTH UNKNOWN: recent neck surgery stands for it.
        pth = True if c.condition("neck_surgery_recent") is True else None
    treated = c.condition("hypoparathyroidism_treated")
    magnesium = not_low(c, "magnesium")
    return state_of(
        core=[c.ca_low, any_of(treated, pth)],
        required=[any_of(treated, magnesium)],
        excluding=[c.matched("MG_LOW_WITH_SECONDARY_HYPOCALCAEMIA", "MG_CA_K_TRIAD", EDTA, PSEUDO_LOW)],
    )


def treated_without_symptoms(c: Case) -> bool:
    """DEC-02 (b): known, treated, adjusted calcium not under 2.00 // 8.0, recorded well, no symptom present."""
    treated = c.condition("hypoparathyroidism_treated") is True and c.condition("recorded_well") is True
    adjusted = c.calcium == "calcium_adjusted"
    return treated and adjusted and not c.present_symptoms and ca_low_under(c, "2.00", "8.0") is False


def hypoparathyroidism_urgency(c: Case) -> Urgency:
    if c.ca_in_band("severe_low") is True or low_calcium_flag(c):
        return Urgency.EMERGENCY
    if c.condition("neck_surgery_recent") is True:
        return Urgency.SAME_DAY
    return Urgency.ROUTINE if treated_without_symptoms(c) else Urgency.PROMPT


def hypoparathyroidism_advice(c: Case) -> set[str]:
    found = {"CHECK_MG", "CHECK_PHOSPHATE", "CHECK_25OHD", "CHECK_CREATININE_EGFR"}
    found |= {"ECG_NOW"} if ca_low_under(c, "2.00", "8.0") is True else set()
    treated = c.condition("hypoparathyroidism_treated") is True
    return found | ({"REVIEW_AGAINST_TREATMENT_TARGET"} if treated else {"REFER_ENDOCRINE"})


def pth_resistance(c: Case) -> State:
    """P31; blocked by P37. Vitamin D replete: measured and not low."""
    return state_of(
        core=[c.ca_low, c.live.high("pth"), c.live.high("phosphate")],
        required=[egfr_from_60(c), no(c.live.low(D)), c.live.normal("magnesium")],
        excluding=[c.matched("CKD_MINERAL_BONE_DISORDER")],
    )


def upper_normal_twice(c: Case) -> Truth:
    """CA_UPPER_NORMAL at two collections: the earlier adjusted calcium as well."""
    before = c.before("calcium_adjusted")
    if not before:
        # One collection is not two.
        return False
    earlier = Case(c.context.knowledge, {**c.panel, "results": [before[-1]]})
    return all_of(ca_upper_normal(c), any_of(ca_upper_normal(earlier), earlier.ca_high))


def pth_dependent(c: Case) -> State:
    """P32, DEC-19."""
    return state_of(core=[any_of(c.ca_high, upper_normal_twice(c)), not_low(c, "pth")])


def pth_dependent_urgency(c: Case) -> Urgency:
    found = high_calcium_urgency(c)
    if found is not None:
        return found
    current = any_of(ca_high_from_2_80(c), c.symptom(*HYPERCALCAEMIA_SYMPTOMS)) is True
    return Urgency.PROMPT if current else Urgency.ROUTINE


def pth_dependent_advice(c: Case) -> set[str]:
    found = {"CHECK_25OHD", "CHECK_CREATININE_EGFR", "REFER_ENDOCRINE"}
    # MC 7.1: urine calcium unless the clearance ratio is known.
    found |= set() if c.live.known("cccr") else {"CHECK_URINE_CALCIUM"}
    taken = c.medication("lithium", "thiazide") is True
    return found | ({"REVIEW_MED_LITHIUM_THIAZIDE"} if taken else set())


def fhh_type(c: Case) -> State:
    """MC 5: P32 and a calcium:creatinine clearance ratio <0.01."""
    dependent = as_clause(c.patterns["PTH_DEPENDENT_HYPERCALCAEMIA"])
    return state_of(core=[], required=[dependent, cccr_low(c)])


def upper_normal_repeat(c: Case) -> State:
    return state_of(core=[], required=[ca_upper_normal(c)])


def pth_suppressed(c: Case) -> State:
    """P33."""
    other = c.matched("VITD_TOXICITY", "CALCIUM_ALKALI_SYNDROME")
    return state_of(core=[c.ca_high, c.live.low("pth")], excluding=[other])


def pth_suppressed_advice(c: Case) -> set[str]:
    found = {"CHECK_MYELOMA_SCREEN", "CHECK_PTHRP", "CHECK_125OHD", "CHECK_25OHD", "CHECK_TSH", "CHECK_CORTISOL"}
    known = c.condition("malignancy") is True
    return found | {"CHECK_FBC"} | ({"REFER_HAEM_ONC"} if known else set())


def pth_pending(c: Case) -> State:
    """P34, DEC-18: calcium abnormal, PTH UNKNOWN, and no MATCHED pattern explains that calcium."""
    # Of a high calcium a PTH that is certainly not low is known enough: P32 asks for one that is not suppressed.
    if not (c.live.low("pth") is None if c.ca_high is True else pth_unknown(c)):
        return State.NOT_MET
    explains_low = c.matched(
        *("MG_LOW_WITH_SECONDARY_HYPOCALCAEMIA", "MG_CA_K_TRIAD", "HYPERMAGNESAEMIA_EXOGENOUS_OR_RENAL"),
        *("CKD_MINERAL_BONE_DISORDER", "HUNGRY_BONE_PATTERN", "ACUTE_ILLNESS_OR_DRUG_HYPOCALCAEMIA"),
        *("RHABDOMYOLYSIS_PATTERN", "TUMOUR_LYSIS_PATTERN", EDTA, PSEUDO_LOW, GADOLINIUM, DRIP_ARM),
    )
    abnormal = any_of(c.ca_high, False if explains_low else c.ca_low)
    if abnormal is not True or c.condition("hypoparathyroidism_treated") is True:
        return State.NOT_MET
    return State.MATCHED


def pth_pending_advice(c: Case) -> set[str]:
    """CHECK_PTH where MC 7.1 asks for it; magnesium with a low calcium."""
    found = {"CHECK_PTH"} if pth_is_asked_for(c) else set()
    return found | ({"CHECK_MG"} if c.ca_low is True else set())


def pth_is_asked_for(c: Case) -> bool:
    """MC 7.1, row CHECK_PTH."""
    if c.ca_high is True:
        return True
    basis = c.calcium in ("calcium_adjusted", "calcium_ionised")
    spared = any_of(
        c.condition("dialysis", "critical_illness", "hypoparathyroidism_treated"),
        egfr_below_30(c),
        c.matched("HYPERPHOSPHATAEMIA_WITH_LOW_CALCIUM", "ALKALOSIS_IONISED_CALCIUM_SHIFT"),
    )
    return c.ca_low is True and basis and not c.neonate and spared is not True


def alkali(c: Case) -> State:
    """P35."""
    kidney = any_of(c.live.high("creatinine"), egfr_low(c), c.aki)
    return state_of(core=[c.ca_high, c.live.high("bicarbonate"), kidney], excluding=[c.live.high("pth")])


def alkali_urgency(c: Case) -> Urgency:
    """As calcium; with AKI EMERGENCY from 3.00 and SAME_DAY below."""
    if c.aki is not True:
        return Urgency.NONE
    from_3 = c.ca_in_band("moderate_high", "severe_high") is True
    return Urgency.EMERGENCY if from_3 else Urgency.SAME_DAY


def drug_associated(c: Case) -> State:
    """P36: calcium high and <3.0."""
    return state_of(core=[], required=[c.ca_in_band("mild_high"), c.medication("thiazide", "lithium")])


def ckd_bone(c: Case) -> State:
    """P37: known CKD; one low eGFR without history leaves it open."""
    kidney = True if c.condition("ckd") is True else None if egfr_low(c) is not False else c.condition("ckd")
    # "Ca low or normal": of a bound that may be either, TRUE.
    phosphate = all_of(c.live.high("phosphate"), no(c.ca_high))
    return state_of(core=[kidney, any_of(c.live.high("pth"), phosphate, c.live.high("alp"))])


def hungry_bone(c: Case) -> State:
    """P38."""
    other = any_of(c.live.low("phosphate"), c.live.low("magnesium"), c.live.low("potassium"))
    return state_of(
        core=[c.ca_low], required=[c.condition("parathyroid_surgery_4w"), other], excluding=[c.live.low("pth")]
    )


def illness_or_drug(c: Case) -> State:
    """P39."""
    illness = c.condition("pancreatitis", "massive_transfusion", "cytotoxic_window")
    drug = c.medication("denosumab", "bisphosphonate", "cinacalcet", "foscarnet", "enzyme_inducer", "cytotoxic")
    cells = as_clause(c.patterns["RHABDOMYOLYSIS_PATTERN"])
    return state_of(core=[c.ca_low], required=[any_of(illness, drug, cells)])


def illness_or_drug_advice(c: Case) -> set[str]:
    found = {"CHECK_MG", "CHECK_PHOSPHATE", "CHECK_CREATININE_EGFR", "CHECK_25OHD"}
    found |= {"CHECK_PTH"} if pth_is_asked_for(c) else set()
    agent = c.medication("denosumab", "bisphosphonate", "cinacalcet") is True
    return found | ({"REVIEW_MED_BONE_AGENTS"} if agent else set())


def hyperphosphataemia(c: Case) -> State:
    """MC 5."""
    return state_of(core=[], required=[c.ca_low, phos_above_2_0(c)])


def alkalosis_shift(c: Case) -> State:
    """MC 5: pH >7.45, ionised low and not severe, adjusted normal, iCa(7.40) inside its interval."""
    at_ph_74 = ionised_at_ph_74_normal(c)
    not_severe = no(c.live.in_band("calcium_ionised", "severe_low"))
    ionised = all_of(c.live.low("calcium_ionised"), not_severe)
    return state_of(
        core=[], required=[c.live.is_("ph", ">", "7.45"), ionised, c.live.normal("calcium_adjusted"), at_ph_74]
    )


def ionised_at_ph_74_normal(c: Case) -> Truth:
    """MC 4.3: iCa(7.40) = measured x 10^(-0.178 x (7.40 - pH)), for pH 7.2 to 7.6."""
    calcium, ph = (c.live.results.get(name, []) for name in ("calcium_ionised", "ph"))
    if not calcium or not ph or calcium[0].reading is None or ph[0].reading is None:
        return None
    acid, found = float(ph[0].reading.number[0][1]), float(calcium[0].reading.number[0][1])
    if not 7.2 <= acid <= 7.6:
        return None
    at_74 = found * 10 ** (-0.178 * (7.40 - acid))
    moved = calcium[0].reading._replace(number=(("=", Fraction(at_74).limit_denominator(10**6)),))
    return {verdict.class_ for verdict in c.context.verdicts(moved)} == {"normal"}


BONE = ("CHECK_PHOSPHATE", "CHECK_PTH", "CHECK_ALP", "CHECK_25OHD", "CHECK_MG", "CHECK_BICARBONATE")
ROUTINE, PROMPT, SAME_DAY = Urgency.ROUTINE, Urgency.PROMPT, Urgency.SAME_DAY
BEFORE_OTHERS = [
    Pattern("CKD_MINERAL_BONE_DISORDER", ckd_bone, always(ROUTINE), asks(*BONE, "REFER_NEPHROLOGY")),
]
PATTERNS = [
    Pattern("VITD_DEFICIENCY_HYPOCALCAEMIA_OSTEOMALACIA", osteomalacia, osteomalacia_urgency, osteomalacia_advice),
    Pattern(
        "VITD_LOW_SECONDARY_HYPERPARATHYROIDISM",
        secondary_hyperparathyroidism,
        always(ROUTINE),
        asks("CONSIDER_VITD_REPLETION", "CHECK_PHOSPHATE", "CHECK_ALP", "CHECK_MG"),
    ),
    Pattern("VITD_TOXICITY", toxicity, toxicity_urgency, toxicity_advice),
    Pattern("VITD_EXCESS_NORMOCALCAEMIC", excess_normocalcaemic, always(PROMPT), has_core=False),
    Pattern(
        "PTH_INDEPENDENT_125D_EXCESS",
        d125_excess,
        always(PROMPT),
        asks("CHECK_125OHD", "CHECK_CREATININE_EGFR", "REFER_ENDOCRINE"),
    ),
    Pattern(
        "HIGH_CALCIUM_BLOCKS_VITD_AND_CALCIUM_ADVICE",
        blocks_vitamin_d,
        none,
        asks("SAFETY_NO_VITD_LOADING"),
        has_core=False,
    ),
    Pattern("VITD_ACUTE_PHASE", acute_phase, always(ROUTINE), asks("REPEAT_SAMPLE_ROUTINE"), has_core=False),
    Pattern("LOW_D_CKD", lambda c: low_d_with(egfr_low(c), c), always(ROUTINE), has_core=False),
    Pattern(
        "LOW_D_MALABSORPTION",
        lambda c: low_d_with(any_of(c.condition("malabsorption"), c.medication("orlistat")), c),
        always(ROUTINE),
        has_core=False,
    ),
    Pattern(
        "LOW_D_ENZYME_INDUCER",
        lambda c: low_d_with(c.medication("enzyme_inducer"), c),
        always(ROUTINE),
        has_core=False,
    ),
    Pattern("HYPOPARATHYROIDISM_PATTERN", hypoparathyroidism, hypoparathyroidism_urgency, hypoparathyroidism_advice),
    Pattern("PTH_RESISTANCE_PATTERN", pth_resistance, always(PROMPT), asks("REFER_ENDOCRINE")),
    Pattern("PTH_DEPENDENT_HYPERCALCAEMIA", pth_dependent, pth_dependent_urgency, pth_dependent_advice),
    Pattern(
        "FHH_TYPE_HYPERCALCAEMIA",
        fhh_type,
        none,
        asks("REFER_ENDOCRINE", "SAFETY_NO_SURGERY_UNTIL_FHH_EXCLUDED"),
        has_core=False,
    ),
    Pattern("CALCIUM_UPPER_NORMAL_REPEAT", upper_normal_repeat, always(ROUTINE), has_core=False),
    Pattern(
        "CALCIUM_ALKALI_SYNDROME",
        alkali,
        alkali_urgency,
        asks(
            *("REVIEW_MED_CALCIUM_VITD", "CHECK_BICARBONATE", "CHECK_PTH", "CHECK_PHOSPHATE", "CHECK_MG"),
            "CHECK_CREATININE_EGFR",
        ),
    ),
    Pattern(
        "PTH_SUPPRESSED_HYPERCALCAEMIA",
        pth_suppressed,
        lambda c: high_calcium_urgency(c) or PROMPT,
        pth_suppressed_advice,
    ),
    Pattern("DRUG_ASSOCIATED_HYPERCALCAEMIA", drug_associated, always(ROUTINE), has_core=False),
    Pattern(
        "HUNGRY_BONE_PATTERN",
        hungry_bone,
        lambda c: Urgency.EMERGENCY if emergency_flag(c, *c.flags) else SAME_DAY,
    ),
    Pattern("ACUTE_ILLNESS_OR_DRUG_HYPOCALCAEMIA", illness_or_drug, always(SAME_DAY), illness_or_drug_advice),
    Pattern("HYPERPHOSPHATAEMIA_WITH_LOW_CALCIUM", hyperphosphataemia, always(PROMPT), has_core=False),
    Pattern("ALKALOSIS_IONISED_CALCIUM_SHIFT", alkalosis_shift, none, asks("CONSIDER_ALKALOSIS_CAUSE"), has_core=False),
    Pattern("CALCIUM_ABNORMAL_PTH_PENDING", pth_pending, none, pth_pending_advice),
]
