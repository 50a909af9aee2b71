"""Red flags: symptom and finding together, or a value alone (SP 4). Each is off, or one of the five urgencies."""

from __future__ import annotations

from collections.abc import Callable

from tests.oracle.reading.artefacts import is_unreliable, reliable
from tests.oracle.reading.case import Case, Result, View
from tests.oracle.reading.findings import ANY_WEAKNESS, egfr_low, k_rise_fast
from tests.oracle.reading.pattern import (
    RF01,
    RF02,
    RF03,
    RF04,
    RF05,
    RF06,
    RF07,
    RF08,
    RF09,
    RF10,
    RF11,
    RF12,
    RF13,
    RF14,
    RF15,
    RF16,
    RF17,
    RF18,
    RF19,
    RF20,
    RF21,
    RF22,
    RF23,
    RF24,
    Urgency,
)
from tests.oracle.reading.patterns_other import SYNDROME
from tests.oracle.reading.patterns_potassium import DIGOXIN_SYMPTOMS
from tests.oracle.reading.truth import Truth, all_of, any_of, no

EM, SD, PROMPT, OFF = Urgency.EMERGENCY, Urgency.SAME_DAY, Urgency.PROMPT, Urgency.NONE


def when(condition: Truth, urgency: Urgency = EM) -> Urgency:
    return urgency if condition is True else OFF


def abnormal(c: Case, analyte: str) -> Truth:
    """As reported: rule 5, a value reported abnormal but unreliable still counts."""
    return any_of(c.reported.low(analyte), c.reported.high(analyte))


def calcium_abnormal(c: Case) -> Truth:
    return any_of(c.ca_reported_low, c.ca_reported_high)


def low_by_one_view(c: Case) -> Truth:
    """A low adjusted calcium beside an ionised one; the total, where no adjusted one is final and reliable (VO 17)."""
    if c.joint or "calcium_adjusted" in c.live.results:
        return False if c.joint else c.live.low("calcium_adjusted")
    return c.live.low("calcium_total")


def low_or_unknown(clause: Truth) -> bool:
    return clause is not False


def usable(clause: Truth) -> Truth:
    """A refused value is UNKNOWN, and counts where the row says "or UNKNOWN"."""
    return None if clause is None else False


def tetany(c: Case) -> Urgency:
    """RF01; what is UNKNOWN counts as low in this row (rule 5)."""
    low = any_of(
        *(c.ca_reported_low, c.reported.low("magnesium"), usable(c.ca_low), usable(c.live.low("magnesium"))),
        low_by_one_view(c) is True,
    )
    latent = all_of(c.symptom("CHVOSTEK_TROUSSEAU", "PARAESTHESIA_PERIORAL"), low_or_unknown(low))
    if any_of(c.symptom("TETANY", "CARPOPEDAL_SPASM"), latent) is not True:
        return OFF
    return EM if low_or_unknown(low) else SD


def seizure(c: Case) -> Urgency:
    """RF02: with any of them abnormal or UNKNOWN; with all of them normal the same day (SP 1, "always")."""
    cause = any_of(
        c.ca_reported_low,
        c.reported.low("magnesium"),
        c.reported.low("sodium"),
        c.ca_reported_high,
        c.reported.low("glucose"),
        *(
            usable(clause)
            for clause in (c.ca_low, c.live.low("magnesium"), c.live.low("sodium"), c.live.low("glucose"))
        ),
    )
    return when(all_of(c.symptom("SEIZURE"), low_or_unknown(cause))) or when(c.symptom("SEIZURE"), SD)


def syncope(c: Case) -> Urgency:
    """RF03; CA_INDETERMINATE is a finding too."""
    open_ = c.joint and len(c.calcium_sides(c.live)) > 1
    lesser = any_of(abnormal(c, "potassium"), abnormal(c, "magnesium"), calcium_abnormal(c), open_)
    severe = any_of(
        c.reported.is_("potassium", "<", "3.0"),
        c.reported.is_("potassium", ">=", "6.0"),
        c.reported.is_("magnesium", "<", {"mmol/L": "0.50", "mg/dL": "1.2"}),
        c.ca_in_band("severe_low", "severe_high", view=c.reported),
    )
    if all_of(c.symptom("SYNCOPE"), any_of(lesser, abnormal(c, "sodium"))) is True:
        return EM
    if c.symptom("PALPITATIONS") is True:
        return when(severe) or when(lesser, SD)
    return OFF


def paralysis(c: Case) -> Urgency:
    """RF05."""
    return when(c.symptom("PARALYSIS_ACUTE"))


def respiratory(c: Case) -> Urgency:
    """RF06."""
    cause = any_of(
        c.reported.is_("potassium", "<=", "2.5"),
        c.reported.is_("potassium", ">=", "6.5"),
        c.reported.is_("magnesium", ">=", {"mmol/L": "2.00", "mg/dL": "4.8"}),
        c.reported.low("phosphate"),
    )
    breathless = all_of(c.symptom("DYSPNOEA"), c.symptom(*ANY_WEAKNESS), cause)
    return when(any_of(c.symptom("RESP_MUSCLE_WEAKNESS"), breathless))


def in_heat(c: Case) -> Truth:
    """EXCESS_SWEATING_HEAT is heat exposure as well, and RF18 is to look at it (SP 1 row 40)."""
    return any_of(c.condition("heat_exposure"), c.symptom("EXCESS_SWEATING_HEAT"))


def dark_urine(c: Case) -> Urgency:
    """RF07."""
    muscle = any_of(
        c.symptom("MYALGIA", "POST_EXERCISE_SORENESS", "LIMB_SWELLING_TENSE", *ANY_WEAKNESS),
        c.condition("exertion_recent", "unaccustomed_exercise", "crush_or_long_lie", "immobilisation"),
        in_heat(c),
        c.symptom("EXERTIONAL_COLLAPSE_HEAT"),
        c.medication("statin"),
    )
    return when(all_of(c.symptom("DARK_URINE"), muscle))


def arrhythmia(c: Case) -> Urgency:
    """RF08."""
    heart = any_of(
        c.symptom("QT_OR_ARRHYTHMIA_KNOWN"),
        c.condition("ecg_change", "arrhythmia", "qtc_prolonged", "qtc_from_500"),
    )
    disorder = any_of(abnormal(c, "potassium"), c.reported.low("magnesium"), c.ca_reported_low)
    return when(all_of(heart, disorder))


def digoxin(c: Case) -> Urgency:
    """RF09, DEC-37."""
    disorder = any_of(abnormal(c, "potassium"), abnormal(c, "magnesium"), calcium_abnormal(c), egfr_low(c))
    if all_of(c.medication("digoxin"), disorder) is not True:
        return OFF
    worse = any_of(c.symptom(*DIGOXIN_SYMPTOMS), c.reported.is_("potassium", "<", "3.0"))
    return EM if worse is True else SD


def confusion(c: Case) -> Urgency:
    """RF10; confusion without such a result the same day (SP 1, "always")."""
    cause = any_of(
        c.ca_reported_high,
        c.reported.low("sodium"),
        c.reported.high("magnesium"),
        abnormal(c, "glucose"),
        c.aki,
    )
    alone = when(c.symptom("CONFUSION", "COMA"), SD)
    return when(all_of(c.symptom("CONFUSION", "DROWSINESS", "COMA"), cause)) or alone


def in_window(c: Case) -> bool:
    """Magnesium inside the window of an infusion for pre-eclampsia (MC 5)."""
    treated = c.condition("pre_eclampsia_infusion") is True
    return treated and c.reported.in_band("magnesium", "therapeutic", "below_target") is True


# Moderate or severe: of a bound (`<0.49`) that may be either, RF11 is at least SAME_DAY.
FAR = ("severe_low", "moderate_low", "moderate_high", "severe_high")


def values_alone(c: Case, shown: View) -> Urgency:
    """RF11; every age by its own bands and critical limits (DEC-38)."""
    magnesium = any_of(
        shown.in_band("magnesium", "severe_low", "severe_high"),
        shown.is_("magnesium", ">=", {"mmol/L": "2.50", "mg/dL": "6.0"}),
    )
    found = {
        "potassium": when(any_of(shown.is_("potassium", "<=", "2.5"), shown.in_band("potassium", "severe_high")))
        or when(shown.in_band("potassium", *FAR), SD),
        "magnesium": OFF if in_window(c) else when(magnesium) or when(shown.in_band("magnesium", *FAR), SD),
        "sodium": when(any_of(shown.is_("sodium", "<=", "120"), shown.is_("sodium", ">=", "160")))
        or when(shown.is_("sodium", "<", "125"), SD),
    }
    if c.calcium:
        severe = c.ca_in_band("severe_low", "severe_high", view=shown)
        found[c.calcium] = when(severe) or when(c.ca_in_band(*FAR, view=shown), SD)
    critical = [one for name in found for one in shown.results.get(name, []) if is_critical_for_a_child(c, one)]
    return max(when(bool(critical), SD), *found.values())


def is_critical_for_a_child(c: Case, one: Result) -> bool:
    """DEC-38: beyond a critical limit of its own age, where the band alone would raise nothing (sodium <=130)."""
    assert one.reading is not None
    return c.age_from(16) is False and {verdict.critical for verdict in c.context.verdicts(one.reading)} == {"yes"}


def flagged_by_laboratory(c: Case, *, also_unreliable: bool) -> Urgency:
    """RF11: a laboratory flag LL, HH or AA is at least SAME_DAY."""
    flagged = [one for one in c.entries.values() if {"LL", "HH", "AA"} & set(one.sent.get("flags", ()))]
    return when(any(also_unreliable or not is_unreliable(c, one) for one in flagged), SD)


def potassium_and_kidney(c: Case, shown: View) -> Urgency:
    """RF12."""
    from_5_5 = shown.is_("potassium", ">=", "5.5")
    rose = k_rise_fast(c, shown)
    high = any_of(all_of(c.aki, shown.high("potassium"), from_5_5), all_of(rose, from_5_5))
    return when(high) or when(rose, SD)


# "Severe weakness": paralysis; of WEAKNESS_GENERAL alone nothing says how severe it is.
CRISIS = ("SYNCOPE", "HYPOTENSION", "NAUSEA_VOMITING", "CONFUSION", "PARALYSIS_ACUTE")


def adrenal(c: Case) -> Urgency:
    """RF13."""
    salts = all_of(c.reported.low("sodium"), any_of(c.reported.high("potassium"), c.reported.low("glucose")))
    return when(all_of(salts, c.symptom(*CRISIS)))


def neck_surgery(c: Case) -> Urgency:
    """RF14: EM if RF01 or RF04."""
    signs = c.symptom("PARAESTHESIA_PERIORAL", "MUSCLE_CRAMP", "MUSCLE_SPASM")
    if all_of(c.condition("neck_surgery_recent"), signs) is not True:
        return OFF
    return max(SD, tetany(c), when(c.symptom("LARYNGOSPASM_STRIDOR")))


def magnesium_toxicity(c: Case) -> Urgency:
    """RF15, DEC-36."""
    signs = any_of(
        c.symptom(
            *("REFLEXES_REDUCED", "DROWSINESS", "COMA", "HYPOTENSION", "BRADYCARDIA", "DYSPNOEA"),
            "RESP_MUSCLE_WEAKNESS",
        ),
        c.condition("heart_block"),
    )
    strong = any_of(
        c.reported.is_("magnesium", ">=", {"mmol/L": "2.00", "mg/dL": "4.8"}),
        c.condition("pre_eclampsia_infusion"),
    )
    weak = all_of(c.symptom("WEAKNESS_GENERAL"), strong)
    return when(all_of(c.reported.high("magnesium"), any_of(signs, weak)))


def giant_cell(c: Case) -> Urgency:
    """RF16; VISUAL_DISTURBANCE may be lost sight (SP 1 row 53), and the safer reading counts (vocabulary.md 17)."""
    head = all_of(c.age_from(50), c.symptom("GIRDLE_MORNING_STIFFNESS", "HEADACHE_NEW"))
    sight = c.symptom("VISUAL_DISTURBANCE")
    return when(all_of(head, sight)) or when(all_of(head, c.symptom("JAW_PAIN")), SD)


def focal(c: Case) -> Urgency:
    """RF17; an alarm feature is a focal symptom."""
    if c.symptom("FOCAL_NEURO", "NEURO_ALARM_FEATURE") is not True:
        return OFF
    return EM if c.symptom("NEURO_ALARM_FEATURE") is True else PROMPT


def heat(c: Case) -> Urgency:
    """RF18."""
    exertion = c.condition("exertion_recent", "unaccustomed_exercise")
    after = all_of(c.symptom("CONFUSION", "FEVER"), exertion, in_heat(c))
    # SP 1 row 36: "overheated and confused".
    overheated = all_of(c.symptom("CONFUSION"), c.condition("heat_exposure"))
    return when(any_of(c.symptom("EXERTIONAL_COLLAPSE_HEAT"), overheated, after))


def rigidity(c: Case) -> Urgency:
    """RF20."""
    systemic = any_of(
        c.symptom("FEVER", "CONFUSION"), c.condition("dirty_wound"), c.medication("antipsychotic", "serotonergic")
    )
    return when(all_of(c.symptom("STIFFNESS_HARDNESS", "MUSCLE_SPASM", "TRISMUS"), systemic))


def refeeding(c: Case) -> Urgency:
    """RF22."""
    signs = c.symptom("PALPITATIONS", "DYSPNOEA", "OEDEMA", "CONFUSION", *ANY_WEAKNESS)
    return when(all_of(c.matched(SYNDROME), signs))


def symptomatic_low_calcium(c: Case) -> Urgency:
    """RF23."""
    if c.ca_reported_low is not True:
        return OFF
    infant = all_of(c.infant, c.symptom("NEONATAL_JITTERINESS", "APNOEA"))
    hands = c.symptom("PARAESTHESIA_HANDS_FEET")
    from_1_90 = no(c.ca_in_band("severe_low", view=c.reported))
    explained = all_of(c.condition("neuropathy_known"), from_1_90)
    if infant is True or (hands is True and explained is not True):
        return EM
    cramps = c.symptom("MUSCLE_CRAMP", "MUSCLE_SPASM", "FASCICULATION")
    return when(any_of(hands, cramps), SD)


def symptomatic_high_calcium(c: Case) -> Urgency:
    """RF24 with HYPER_SX of vocabulary.md 8; AKI must be TRUE."""
    signs = any_of(
        c.symptom("NAUSEA_VOMITING", "CONFUSION", "DROWSINESS", "COMA", "QT_OR_ARRHYTHMIA_KNOWN"),
        c.condition("dehydration", "arrhythmia", "pancreatitis"),
        c.matched("DEHYDRATION_VOLUME_DEPLETION"),
        c.aki,
    )
    if all_of(c.ca_reported_high, signs) is not True:
        return OFF
    return EM if c.ca_in_band("moderate_high", "severe_high", view=c.reported) is True else SD


FLAGS: dict[str, Callable[[Case], Urgency]] = {
    RF01: tetany,
    RF02: seizure,
    RF03: syncope,
    RF04: lambda c: when(c.symptom("LARYNGOSPASM_STRIDOR")),
    RF05: paralysis,
    RF06: respiratory,
    RF07: dark_urine,
    RF08: arrhythmia,
    RF09: digoxin,
    RF10: confusion,
    RF13: adrenal,
    RF14: neck_surgery,
    RF15: magnesium_toxicity,
    RF16: giant_cell,
    RF17: focal,
    RF18: heat,
    RF19: lambda c: when(c.symptom("LIMB_SWELLING_TENSE")),
    RF20: rigidity,
    RF21: lambda c: when(c.symptom("SELF_HARM_THOUGHTS")),
    RF22: refeeding,
    RF23: symptomatic_low_calcium,
    RF24: symptomatic_high_calcium,
}

# SP 4, column "must recommend".
ADVICE: dict[str, tuple[str, ...]] = {
    RF01: ("ECG_NOW", "CHECK_IONISED_CA", "CHECK_MG", "CHECK_K"),
    RF02: ("ECG_NOW", "CHECK_GLUCOSE", "CHECK_CA_ADJUSTED", "CHECK_MG", "CHECK_SODIUM"),
    RF03: ("ECG_NOW", "CHECK_K", "CHECK_MG", "CHECK_CA_ADJUSTED"),
    RF04: ("CHECK_IONISED_CA",),
    RF05: ("ECG_NOW", "CHECK_K", "CHECK_MG", "CHECK_CK", "CHECK_TSH"),
    RF07: ("CHECK_CK", "CHECK_K", "CHECK_CREATININE_EGFR", "CHECK_URINE_DIP_MYOGLOBIN", "ECG_NOW"),
    RF08: ("ECG_NOW", "REVIEW_MED_QT", "REFER_CARDIOLOGY"),
    RF09: ("CHECK_DIGOXIN_LEVEL", "ECG_NOW"),
    RF12: ("ECG_NOW",),
    RF13: ("CHECK_CORTISOL",),
    RF14: ("CHECK_CA_ADJUSTED", "CHECK_IONISED_CA", "CHECK_MG", "CHECK_PTH"),
    RF15: ("ECG_NOW", "REVIEW_MED_MG_CONTAINING"),
    RF16: ("CHECK_CRP_ESR", "REFER_RHEUMATOLOGY"),
    RF17: ("REFER_NEUROLOGY",),
    RF19: ("CHECK_CK",),
    RF20: ("CHECK_CK",),
    RF21: ("CRISIS_PATHWAY",),
    RF22: ("CHECK_PHOSPHATE", "ECG_NOW", "CONSIDER_THIAMINE"),
    RF23: ("ECG_NOW", "CHECK_MG", "CHECK_PTH"),
    RF24: ("ECG_NOW", "CHECK_CREATININE_EGFR", "REVIEW_MED_CALCIUM_VITD"),
}


def raise_flags(c: Case) -> None:
    """Which flags are active, with their urgency, and which are held (rule 4)."""
    c.flags, c.held = {}, set()
    for id_, rule in FLAGS.items():
        if (urgency := rule(c)) > OFF:
            c.flags[id_] = urgency.name
    known = reliable(c)
    of_values = {
        RF11: lambda shown: max(values_alone(c, shown), flagged_by_laboratory(c, also_unreliable=shown is not known)),
        RF12: lambda shown: potassium_and_kidney(c, shown),
    }
    for id_, rule_of in of_values.items():
        if (urgency := rule_of(known)) > OFF:
            c.flags[id_] = urgency.name
        elif rule_of(c.reported) > OFF:
            c.held.add(id_)
