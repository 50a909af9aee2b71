"""Potassium, acid-base, digoxin and QT: SP 3 tier 2c and 2e, DK 5."""

from __future__ import annotations

from tests.oracle.reading.artefacts import EDTA, PSEUDO
from tests.oracle.reading.case import Case
from tests.oracle.reading.findings import DIURETIC, K_RAISING, acidosis, egfr_low, glu_from_11_1
from tests.oracle.reading.pattern import Pattern, Urgency, always, asks, none
from tests.oracle.reading.truth import State, Truth, all_of, any_of, at_least, no, state_of

DIGOXIN_SYMPTOMS = ("NAUSEA_VOMITING", "VISUAL_DISTURBANCE", "PALPITATIONS", "BRADYCARDIA", "SYNCOPE", "CONFUSION")


def k_low(c: Case) -> Truth:
    return c.live.low("potassium")


def k_below_3(c: Case) -> Truth:
    return c.live.is_("potassium", "<", "3.0")


def ecg_below_3(c: Case) -> set[str]:
    return {"ECG_NOW"} if k_below_3(c) is True else set()


def diuretic_related(c: Case) -> State:
    """P40."""
    bicarbonate = c.live.high("bicarbonate")
    sign = any_of(bicarbonate, c.live.low("magnesium"), c.live.low("sodium"), bicarbonate is None)
    return state_of(core=[k_low(c), c.medication(*DIURETIC)], required=[sign])


def salt_losing(c: Case, urine_calcium: Truth) -> State:
    """P41 and P42 but for the urine calcium."""
    return state_of(
        core=[k_low(c), c.live.high("bicarbonate")],
        required=[urine_calcium, k_wasted(c), no(c.live.is_("chloride_urine", "<", "25"))],
        excluding=[
            c.condition("hypertension"),
            c.matched("DIURETIC_RELATED_K_MG_LOSS"),
            c.symptom("NAUSEA_VOMITING"),
            c.medication("laxative"),
        ],
    )


def k_wasted(c: Case) -> Truth:
    """U_K_HIGH: spot urine K >20 mmol/L while K is low."""
    return all_of(k_low(c), c.live.is_("potassium_urine", ">", "20"))


def urine_calcium_low(c: Case) -> Truth:
    return no(urine_calcium_not_low(c))


def urine_calcium_not_low(c: Case) -> Truth:
    found = [no(c.live.low(name)) for name in ("calcium_creatinine_urine", "calcium_urine") if c.live.known(name)]
    return all_of(*found) if found else None


def gi_loss(c: Case) -> State:
    """P43."""
    bicarbonate_not_high = no(c.live.high("bicarbonate"))
    diarrhoea = all_of(c.symptom("DIARRHOEA"), bicarbonate_not_high)
    chloride = any_of(c.live.low("chloride"), c.live.is_("chloride_urine", "<", "25"))
    vomiting = all_of(c.symptom("NAUSEA_VOMITING"), c.live.high("bicarbonate"), chloride)
    return state_of(core=[k_low(c)], required=[any_of(diarrhoea, vomiting)])


def with_hypertension(c: Case) -> State:
    """P44: <3.5 untreated, <3.0 on a diuretic."""
    diuretic = c.medication(*DIURETIC)
    limit = any_of(k_below_3(c), all_of(c.live.is_("potassium", "<", "3.5"), no(diuretic)))
    return state_of(core=[k_low(c), c.condition("hypertension")], required=[limit])


def periodic_paralysis(c: Case) -> State:
    """P45: potassium low, or high in the hyperkalaemic form."""
    return state_of(core=[any_of(k_low(c), c.live.high("potassium")), c.symptom("PARALYSIS_ACUTE")])


def from_mild_high(c: Case) -> Truth:
    """K >=5.5: band mild_high or above; of a neonate moderate_high."""
    return all_of(c.live.high("potassium"), c.live.in_band("potassium", "mild_high", "moderate_high", "severe_high"))


def reduced_excretion(c: Case) -> State:
    """P46; P02 does not exclude it."""
    kidney = any_of(egfr_low(c), c.condition("ckd", "dialysis"), c.aki)
    cause = any_of(kidney, c.medication(*K_RAISING), acidosis(c), glu_from_11_1(c))
    return state_of(core=[from_mild_high(c)], required=[cause], excluding=[c.matched(EDTA, PSEUDO)])


def reduced_excretion_urgency(c: Case) -> Urgency:
    unwell = c.condition("acutely_unwell") is True
    if c.live.in_band("potassium", "severe_high") is True:
        return Urgency.EMERGENCY
    if c.live.in_band("potassium", "moderate_high") is True:
        worse = any_of(c.aki, c.condition("ecg_change"), c.medication("digoxin")) is True
        return Urgency.EMERGENCY if unwell or worse else Urgency.SAME_DAY
    return Urgency.SAME_DAY if unwell else Urgency.PROMPT


def reduced_excretion_advice(c: Case) -> set[str]:
    found = {"CHECK_CREATININE_EGFR", "CHECK_BICARBONATE", "CHECK_GLUCOSE"}
    found |= {"ECG_NOW"} if c.live.is_("potassium", ">=", "6.0") is True else set()
    return found | ({"REVIEW_MED_RAAS_KSPARING"} if c.medication(*K_RAISING) is True else set())


def adrenal_insufficiency(c: Case) -> State:
    """P47; vomiting can hide the high potassium."""
    na_low, k_high = c.live.low("sodium"), c.live.high("potassium")
    sign = any_of(
        c.symptom(
            *("FATIGUE", "WEIGHT_LOSS", "POSTURAL_DIZZINESS", "NAUSEA_VOMITING", "ABDOMINAL_PAIN", "MYALGIA"),
            *("MUSCLE_CRAMP", "HYPERPIGMENTATION", "SALT_CRAVING", "HYPOTENSION"),
        ),
        c.condition("steroid_withdrawal"),
        c.live.low("glucose"),
        c.ca_high,
    )
    found = state_of(core=[na_low, k_high], required=[sign])
    hidden = all_of(na_low, c.symptom("HYPOTENSION"), c.symptom("WEIGHT_LOSS")) is True
    return State.POSSIBLE if hidden and found is State.NOT_MET else found


def adrenal_urgency(c: Case) -> Urgency:
    red = c.symptom("SYNCOPE", "CONFUSION", "HYPOTENSION", "NAUSEA_VOMITING") is True
    return Urgency.EMERGENCY if red else Urgency.SAME_DAY


def post_dialysis(c: Case) -> State:
    return state_of(core=[], required=[k_low(c), c.condition("post_dialysis_4h")])


def ketoacidosis(c: Case) -> State:
    """DK 5."""
    sugar = any_of(glu_from_11_1(c), c.condition("diabetes"))
    return state_of(core=[], required=[sugar, c.live.is_("ketones", ">=", "3.0"), acidosis(c)])


def digoxin_disorder(c: Case) -> State:
    """P70, DEC-37."""
    under_4 = all_of(c.live.is_("potassium", "<", "4.0"), c.symptom(*DIGOXIN_SYMPTOMS))
    creatinine = c.live.is_("creatinine", ">", {"umol/L": "150", "mg/dL": "1.70"})
    disorder = any_of(
        k_low(c),
        c.live.high("potassium"),
        c.live.low("magnesium"),
        c.live.high("magnesium"),
        c.ca_low,
        c.ca_high,
        under_4,
        egfr_low(c),
        creatinine,
    )
    return state_of(core=[c.medication("digoxin"), disorder])


def digoxin_urgency(c: Case) -> Urgency:
    red = any_of(c.symptom(*DIGOXIN_SYMPTOMS), k_below_3(c)) is True
    return Urgency.EMERGENCY if red else Urgency.SAME_DAY


def digoxin_advice(c: Case) -> set[str]:
    found = {"CHECK_DIGOXIN_LEVEL", "ECG_NOW", "CHECK_MG", "CHECK_K", "CHECK_CREATININE_EGFR", "REVIEW_MED_DIGOXIN"}
    poison = {"CONTACT_POISONS_CENTRE"} if c.live.high("potassium") is True else set()
    return found | {"SAFETY_DIGOXIN_IV_CALCIUM"} | poison


def qt_risk(c: Case) -> State:
    """P71."""
    low = [k_low(c), c.live.low("magnesium"), c.ca_low]
    older = no(no(c.age_from(66)))
    person = any_of(c.female, older, c.condition("heart_failure", "ischaemic_heart_disease", "arrhythmia"))
    risk = any_of(
        c.medication("qt_prolonging"), c.condition("qtc_prolonged", "qtc_from_500"), all_of(person, at_least(2, low))
    )
    return state_of(core=[any_of(*low)], required=[risk])


def qt_urgency(c: Case) -> Urgency:
    red = any_of(c.condition("qtc_from_500"), c.symptom("SYNCOPE")) is True
    return Urgency.EMERGENCY if red else Urgency.SAME_DAY


PROMPT = Urgency.PROMPT
BEFORE_OTHERS = [
    Pattern(
        "ADRENAL_INSUFFICIENCY_PATTERN",
        adrenal_insufficiency,
        adrenal_urgency,
        asks("CHECK_CORTISOL", "CHECK_GLUCOSE", "CHECK_CREATININE_EGFR", "REFER_ENDOCRINE"),
    ),
]
URINE = ("CHECK_URINE_K_CL", "CHECK_URINE_CALCIUM", "CHECK_MG", "ECG_NOW", "REFER_NEPHROLOGY")
PATTERNS = [
    Pattern(
        "DIURETIC_RELATED_K_MG_LOSS",
        diuretic_related,
        none,
        lambda c: (
            {"CHECK_MG", "CHECK_SODIUM", "CHECK_BICARBONATE", "CHECK_CREATININE_EGFR", "REVIEW_MED_DIURETIC"}
            | ecg_below_3(c)
        ),
    ),
    Pattern(
        "GITELMAN_TYPE_SALT_LOSING_TUBULOPATHY",
        lambda c: salt_losing(c, urine_calcium_low(c)),
        always(PROMPT),
        asks(*URINE),
    ),
    Pattern("BARTTER_TYPE", lambda c: salt_losing(c, urine_calcium_not_low(c)), always(PROMPT)),
    Pattern(
        "GI_LOSS",
        gi_loss,
        none,
        asks("CHECK_MG", "CHECK_BICARBONATE", "CHECK_URINE_K_CL", "CONSIDER_VOLUME_ASSESSMENT"),
    ),
    Pattern(
        "HYPOKALAEMIA_WITH_HYPERTENSION",
        with_hypertension,
        always(PROMPT),
        asks("CHECK_ALDOSTERONE_RENIN", "CHECK_MG"),
    ),
    Pattern(
        "PERIODIC_PARALYSIS_PATTERN",
        periodic_paralysis,
        always(Urgency.EMERGENCY),
        asks(
            *("ECG_NOW", "CHECK_TSH", "CHECK_PHOSPHATE", "CHECK_MG", "CHECK_CK", "CHECK_BICARBONATE"),
            "REFER_NEUROLOGY",
        ),
    ),
    Pattern("HYPERKALAEMIA_REDUCED_EXCRETION", reduced_excretion, reduced_excretion_urgency, reduced_excretion_advice),
    Pattern("POST_DIALYSIS_LOW", post_dialysis, none, has_core=False),
    Pattern("DKA_TOTAL_BODY_K_DEFICIT", ketoacidosis, always(Urgency.EMERGENCY), has_core=False),
    Pattern("DIGOXIN_WITH_ELECTROLYTE_DISORDER", digoxin_disorder, digoxin_urgency, digoxin_advice),
    Pattern("QT_RISK_ELECTROLYTES", qt_risk, qt_urgency, asks("ECG_NOW", "REVIEW_MED_QT")),
]
