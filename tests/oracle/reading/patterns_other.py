"""Cell breakdown, volume, refeeding, and what is left when the panel is normal: SP 3 tiers 2c, 2d and 4."""

from __future__ import annotations

from tests.oracle.reading.case import Case
from tests.oracle.reading.findings import (
    ANY_WEAKNESS,
    DIURETIC,
    ck_times,
    panel_normal,
    refeeding_fall_above,
    refeeding_fall_from_10,
    urea_creat_ratio_high,
)
from tests.oracle.reading.pattern import RF03, RF06, RF07, RF18, Pattern, Urgency, always, asks, flagged
from tests.oracle.reading.truth import State, Truth, all_of, any_of, at_least, no, state_of

MUSCLE_SYMPTOMS = (
    *("MUSCLE_CRAMP", "MUSCLE_SPASM", "FASCICULATION", "STIFFNESS_HARDNESS", "WEAKNESS_GENERAL", "WEAKNESS_PROXIMAL"),
    *("MYALGIA", "POST_EXERCISE_SORENESS"),
)
MUSCLE_TOXIC = (
    *("statin", "fibrate", "colchicine", "corticosteroid", "antimalarial", "checkpoint_inhibitor", "zidovudine"),
)
RHABDOMYOLYSIS = "RHABDOMYOLYSIS_PATTERN"
SYNDROME = "REFEEDING_SYNDROME_PATTERN"


def trigger(c: Case) -> Truth:
    """vocabulary.md 9.2, rhabdo_trigger."""
    return any_of(
        c.condition(
            *("exertion_recent", "unaccustomed_exercise", "heat_exposure", "crush_or_long_lie", "alcohol_misuse")
        ),
        c.symptom("SEIZURE"),
        c.medication("statin"),
    )


def rhabdomyolysis(c: Case) -> State:
    """P51: A with a CK, B while it is UNKNOWN."""
    high = ck_times(c, 5)
    if high is None:
        muscle = any_of(c.symptom("MYALGIA", "WEAKNESS_GENERAL", "POST_EXERCISE_SORENESS"), trigger(c))
        return State.POSSIBLE if all_of(c.symptom("DARK_URINE"), muscle) is True else State.NOT_MET
    signs = any_of(c.symptom("MYALGIA", "WEAKNESS_GENERAL", "WEAKNESS_PROXIMAL", "DARK_URINE"), trigger(c))
    return state_of(core=[high, signs])


def rhabdomyolysis_urgency(c: Case) -> Urgency:
    worse = any_of(c.live.is_("ck", ">=", "5000"), c.aki, c.live.is_("potassium", ">=", "6.0"))
    return Urgency.EMERGENCY if worse is True else Urgency.SAME_DAY


def tumour_lysis(c: Case) -> State:
    """P52."""
    adult = c.age_from(18)
    four = [
        c.live.is_("potassium", ">=", "6.0"),
        all_of(c.live.is_("phosphate", ">=", {"mmol/L": "1.45", "mg/dL": "4.49"}), adult),
        c.live.is_("calcium_adjusted", "<=", {"mmol/L": "1.75", "mg/dL": "7.0"}),
        c.live.is_("urate", ">=", "476"),
    ]
    context = c.condition("cytotoxic_window", "bulky_tumour", "haematological_malignancy", "lymphoma")
    return state_of(core=[at_least(2, four), context])


def depletion(c: Case) -> State:
    """P53."""
    clinical = any_of(
        c.symptom(
            *("THIRST", "POSTURAL_DIZZINESS", "REDUCED_INTAKE", "DIARRHOEA", "NAUSEA_VOMITING"),
            "EXCESS_SWEATING_HEAT",
        ),
        # vocabulary.md 9.1: dehydration is used by P53.
        c.condition("dehydration"),
    )
    biochemical = any_of(
        c.live.high("sodium"),
        c.live.high("osmolality"),
        urea_creat_ratio_high(c),
        c.live.high("albumin"),
        c.aki,
    )
    return state_of(core=[clinical, biochemical])


def depletion_urgency(c: Case) -> Urgency:
    worse = any_of(c.aki, c.live.is_("sodium", ">=", "150"))
    return Urgency.SAME_DAY if worse is True else Urgency.PROMPT


def hyponatraemia(c: Case) -> State:
    """P54."""
    signs = c.symptom("MUSCLE_CRAMP", "WEAKNESS_GENERAL", "NAUSEA_VOMITING", "CONFUSION", "SEIZURE")
    return state_of(core=[c.live.low("sodium"), signs])


def hyponatraemia_urgency(c: Case) -> Urgency:
    if c.symptom("SEIZURE", "COMA", "CONFUSION") is True:
        return Urgency.EMERGENCY
    return Urgency.SAME_DAY if c.live.is_("sodium", "<", "130") is True else Urgency.PROMPT


def hyponatraemia_advice(c: Case) -> set[str]:
    found = {"CHECK_OSMOLALITY", "CHECK_URINE_SODIUM_OSMOLALITY", "CHECK_GLUCOSE", "CHECK_TSH", "CHECK_CORTISOL"}
    return found | ({"REVIEW_MED_DIURETIC"} if c.medication(*DIURETIC) is True else set())


def refeeding_risk(c: Case) -> State:
    """P50R, before feeding: one of the first, or two of the second."""
    one = c.condition("bmi_below_16", "weight_loss_over_15", "little_intake_over_10d")
    history = any_of(
        c.condition("alcohol_misuse"), c.medication("insulin", "cytotoxic", "antacid", "loop_diuretic", "thiazide")
    )
    two = [
        c.condition("bmi_below_18_5", "bmi_below_16"),
        c.condition("weight_loss_over_10", "weight_loss_over_15"),
        c.condition("little_intake_over_5d", "little_intake_over_10d"),
        history,
    ]
    return state_of(core=[], required=[any_of(one, at_least(2, two))], excluding=[c.condition("feeding_restarted_5d")])


def refeeding_syndrome(c: Case) -> State:
    """P50S."""
    return state_of(core=[refeeding_fall_from_10(c), c.condition("feeding_restarted_5d")])


def refeeding_urgency(c: Case) -> Urgency:
    severe = refeeding_fall_above(c, 30) is True or flagged(c, RF03, RF06)
    return Urgency.EMERGENCY if severe else Urgency.SAME_DAY


REFEEDING_ADVICE = (
    *("CHECK_PHOSPHATE", "CHECK_MG", "CHECK_K", "CHECK_GLUCOSE", "CONSIDER_THIAMINE", "REFER_NUTRITION_TEAM"),
)


def exercise_cramp(c: Case) -> State:
    """P55."""
    return state_of(
        core=[],
        required=[c.symptom("MUSCLE_CRAMP"), c.condition("exertion_recent"), panel_normal(c)],
        excluding=[flagged(c, RF07, RF18)],
    )


def normal_panel(c: Case) -> State:
    """P60: if any of the four is missing or unreliable, not this."""
    if panel_normal(c) is not True or c.flags:
        return State.NOT_MET
    return state_of(core=[True, c.symptom(*MUSCLE_SYMPTOMS)])


def doms(c: Case) -> State:
    """P61; suppressed by P51."""
    return state_of(
        core=[c.condition("unaccustomed_exercise"), c.symptom("POST_EXERCISE_SORENESS")],
        excluding=[
            c.symptom("DARK_URINE", "WEAKNESS_GENERAL", "LIMB_SWELLING_TENSE"),
            bool(c.flags),
            c.matched(RHABDOMYOLYSIS),
        ],
    )


def medication_myopathy(c: Case) -> State:
    """P62."""
    signs = c.symptom("MYALGIA", "WEAKNESS_PROXIMAL", "MUSCLE_CRAMP")
    return state_of(core=[], required=[c.medication(*MUSCLE_TOXIC), signs])


def medication_myopathy_urgency(c: Case) -> Urgency:
    if any_of(ck_above(c, 10), c.symptom(*ANY_WEAKNESS)) is True:
        return Urgency.SAME_DAY
    return Urgency.PROMPT if ck_times(c, 4) is True else Urgency.ROUTINE


def ck_above(c: Case, times: int) -> Truth:
    return ck_times(c, times)


def inflammatory(c: Case) -> State:
    """P64: polymyalgia, myositis, or joints and skin."""
    return state_of(core=[], required=[any_of(polymyalgia(c), myositis(c), joints_or_skin(c))])


def polymyalgia(c: Case) -> Truth:
    return all_of(c.symptom("GIRDLE_MORNING_STIFFNESS"), c.age_from(50), c.live.high("crp"))


def joints_or_skin(c: Case) -> Truth:
    """ "Joint swelling, sicca, rash": the third form of P64."""
    return c.symptom("JOINT_SWELLING", "RASH")


def myositis(c: Case) -> Truth:
    # Five times the upper limit is high, whatever the limit is.
    return all_of(c.symptom("WEAKNESS_PROXIMAL"), any_of(c.live.high("ck"), ck_times(c, 5)))


def inflammatory_urgency(c: Case) -> Urgency:
    bulbar = c.symptom("SWALLOWING_DIFFICULTY", "DYSPNOEA", "RESP_MUSCLE_WEAKNESS")
    if myositis(c) is True:
        return Urgency.EMERGENCY if bulbar is True else Urgency.PROMPT
    # SP gives the third form no urgency: a planned review.
    return Urgency.PROMPT if polymyalgia(c) is True else Urgency.ROUTINE


def fibromyalgia(c: Case) -> State:
    """P65."""
    return state_of(
        core=[],
        required=[
            c.symptom("WIDESPREAD_PAIN_3M"),
            c.symptom("FATIGUE", "POOR_SLEEP"),
            panel_normal(c),
            # "CRP/ESR normal": either will do.
            any_of(no(c.live.high("crp")), no(c.live.high("esr"))),
            c.live.normal("tsh"),
        ],
        excluding=[c.live.high("crp"), c.live.high("esr")],
    )


def neurological(c: Case) -> State:
    """P66."""
    motor_neurone = all_of(c.symptom("FASCICULATION"), c.symptom(*ANY_WEAKNESS), c.symptom("MUSCLE_WASTING"))
    return state_of(core=[], required=[any_of(c.symptom("FOCAL_NEURO", "TRISMUS"), motor_neurone)])


def rest_cramps(c: Case) -> State:
    """P67; suppressed by P51."""
    return state_of(
        core=[],
        required=[c.age_from(60), c.symptom("MUSCLE_CRAMP"), panel_normal(c)],
        excluding=[c.symptom(*ANY_WEAKNESS), c.matched(RHABDOMYOLYSIS)],
    )


def normocalcaemic_tetany(c: Case) -> State:
    """P68; a normal ionised calcium stands for the adjusted one where none is known."""
    ionised = all_of(c.live.normal("calcium_ionised"), not c.live.known("calcium_adjusted"))
    normal = any_of(c.adjusted_normal, ionised)
    return state_of(core=[c.symptom("TETANY", "CARPOPEDAL_SPASM", "PARAESTHESIA_PERIORAL"), normal])


def normocalcaemic_tetany_urgency(c: Case) -> Urgency:
    low = any_of(c.live.low("calcium_ionised"), c.live.low("magnesium"))
    return Urgency.EMERGENCY if low is True else Urgency.SAME_DAY


PROMPT, ROUTINE = Urgency.PROMPT, Urgency.ROUTINE
BEFORE_OTHERS = [
    Pattern(
        RHABDOMYOLYSIS,
        rhabdomyolysis,
        rhabdomyolysis_urgency,
        asks(
            *("CHECK_CK", "CHECK_CREATININE_EGFR", "CHECK_K", "CHECK_PHOSPHATE", "CHECK_CA_ADJUSTED"),
            *("CHECK_URINE_DIP_MYOGLOBIN", "ECG_NOW", "CHECK_URATE_LDH"),
        ),
    ),
    Pattern(
        "TUMOUR_LYSIS_PATTERN",
        tumour_lysis,
        always(Urgency.EMERGENCY),
        asks(*("CHECK_URATE_LDH", "CHECK_PHOSPHATE", "CHECK_K", "CHECK_CREATININE_EGFR", "ECG_NOW", "REFER_HAEM_ONC")),
    ),
    Pattern(
        "DEHYDRATION_VOLUME_DEPLETION",
        depletion,
        depletion_urgency,
        asks("CONSIDER_VOLUME_ASSESSMENT", "CHECK_SODIUM", "CHECK_CREATININE_EGFR", "CHECK_OSMOLALITY"),
    ),
    Pattern(SYNDROME, refeeding_syndrome, refeeding_urgency, asks(*REFEEDING_ADVICE)),
]
PATTERNS = [
    Pattern("HYPONATRAEMIA_WITH_MUSCLE_SYMPTOMS", hyponatraemia, hyponatraemia_urgency, hyponatraemia_advice),
    Pattern(
        "REFEEDING_RISK",
        refeeding_risk,
        lambda c: Urgency.SAME_DAY if c.condition("inpatient") is True else PROMPT,
        asks(*REFEEDING_ADVICE),
        has_core=False,
    ),
]
AFTER_RED_FLAGS = [
    Pattern("EXERCISE_ASSOCIATED_CRAMP", exercise_cramp, always(ROUTINE), has_core=False),
    Pattern("NORMAL_PANEL_WITH_MUSCLE_SYMPTOMS", normal_panel, always(ROUTINE)),
    Pattern("DOMS_LIKELY", doms, always(ROUTINE), asks("CONSIDER_REST_HYDRATION", "SAFETY_NET")),
    Pattern(
        "MEDICATION_MYOPATHY",
        medication_myopathy,
        medication_myopathy_urgency,
        asks("CHECK_CK", "CHECK_TSH", "CHECK_CREATININE_EGFR"),
        has_core=False,
    ),
    Pattern(
        "INFLAMMATORY_OR_AUTOIMMUNE",
        inflammatory,
        inflammatory_urgency,
        asks("CHECK_CRP_ESR", "CHECK_CK", "CHECK_TSH", "REFER_RHEUMATOLOGY"),
        has_core=False,
    ),
    Pattern("FIBROMYALGIA_CONSIDER", fibromyalgia, always(ROUTINE), has_core=False),
    Pattern("NEUROLOGICAL_CONSIDER", neurological, always(PROMPT), asks("REFER_NEUROLOGY"), has_core=False),
    Pattern("IDIOPATHIC_REST_CRAMPS", rest_cramps, always(ROUTINE), has_core=False),
    Pattern(
        "TETANY_WITH_NORMAL_TOTAL_CALCIUM",
        normocalcaemic_tetany,
        normocalcaemic_tetany_urgency,
        asks("CHECK_IONISED_CA", "CHECK_BICARBONATE", "CHECK_MG", "CHECK_K"),
    ),
]
