"""What a report must recommend at least, and what it must not (vocabulary.md 4.2, 13; MC 7.1)."""

from __future__ import annotations

from fractions import Fraction

from tests.oracle.reading import artefacts
from tests.oracle.reading.artefacts import is_haemolysed
from tests.oracle.reading.case import CALCIUMS, Case, Result
from tests.oracle.reading.findings import (
    DIURETIC,
    GRANULOMATOUS,
    K_RAISING,
    MG_CONTAINING,
    egfr_below_30,
    mg_low_normal,
)
from tests.oracle.reading.pattern import Pattern, Urgency
from tests.oracle.reading.patterns_calcium import pth_is_asked_for
from tests.oracle.reading.red_flags import ADVICE
from tests.oracle.reading.truth import State, Truth, all_of, any_of, no
from tests.oracle.reading.urgency import DEFAULT

CONTACT = {
    Urgency.EMERGENCY: "EMERGENCY_PATHWAY",
    Urgency.SAME_DAY: "SAME_DAY_CLINICAL_CONTACT",
    Urgency.PROMPT: "PROMPT_CLINICAL_REVIEW",
    Urgency.ROUTINE: "ROUTINE_REVIEW",
}
MG_LOW = "CHECK_K CHECK_CA_ADJUSTED CHECK_CREATININE_EGFR REVIEW_MEDICATIONS SAFETY_RENAL_BEFORE_MG"
MG_HIGH = "ECG_NOW CHECK_CREATININE_EGFR CHECK_K CHECK_CA_ADJUSTED REVIEW_MED_MG_CONTAINING"
CA_SEVERE_LOW = "ECG_NOW CHECK_MG CHECK_K CHECK_PTH CHECK_25OHD CHECK_PHOSPHATE CHECK_CREATININE_EGFR CHECK_IONISED_CA"
CA_MILD_LOW = (
    "CHECK_MG CHECK_PTH CHECK_25OHD CHECK_PHOSPHATE CHECK_CREATININE_EGFR REVIEW_MEDICATIONS REPEAT_SAMPLE_ROUTINE"
)
CA_HIGH = "ECG_NOW CHECK_PTH CHECK_CREATININE_EGFR CHECK_K CHECK_MG REVIEW_MEDICATIONS"
NA_LOW = "CHECK_OSMOLALITY CHECK_URINE_SODIUM_OSMOLALITY CHECK_GLUCOSE REVIEW_MEDICATIONS"
NA_HIGH = "CONSIDER_VOLUME_ASSESSMENT CHECK_OSMOLALITY CHECK_CREATININE_EGFR CHECK_GLUCOSE"
D_VERY_HIGH = (
    "CHECK_CA_ADJUSTED CHECK_CREATININE_EGFR CHECK_PHOSPHATE CHECK_PTH REVIEW_MED_CALCIUM_VITD QUERY_UNITS_WITH_LAB"
)
# vocabulary.md 4.2, "minimum recommendations".
MINIMUM = {
    "magnesium": {
        "severe_low": "ECG_NOW " + MG_LOW,
        "moderate_low": MG_LOW,
        "mild_low": MG_LOW + " REPEAT_SAMPLE_ROUTINE",
        "mild_high": "CHECK_CREATININE_EGFR REVIEW_MED_MG_CONTAINING REPEAT_SAMPLE_ROUTINE",
        "moderate_high": MG_HIGH,
        "severe_high": MG_HIGH,
        "below_target": "MONITOR_MG_INFUSION",
        "therapeutic": "MONITOR_MG_INFUSION",
    },
    "calcium": {
        "severe_low": CA_SEVERE_LOW,
        "moderate_low": CA_SEVERE_LOW,
        "mild_low": CA_MILD_LOW,
        "mild_high": "CHECK_PTH CHECK_25OHD CHECK_PHOSPHATE CHECK_CREATININE_EGFR CHECK_MG REVIEW_MEDICATIONS"
        " REPEAT_SAMPLE_ROUTINE",
        "moderate_high": CA_HIGH,
        "severe_high": CA_HIGH,
    },
    "potassium": {
        "severe_low": "ECG_NOW CHECK_MG CHECK_CA_ADJUSTED CHECK_PHOSPHATE CHECK_BICARBONATE CHECK_CREATININE_EGFR"
        " CHECK_GLUCOSE CHECK_URINE_K_CL REVIEW_MEDICATIONS",
        "moderate_low": "ECG_NOW CHECK_MG CHECK_BICARBONATE CHECK_CREATININE_EGFR REVIEW_MEDICATIONS",
        "mild_low": "CHECK_MG CHECK_BICARBONATE CHECK_CREATININE_EGFR REVIEW_MEDICATIONS REPEAT_SAMPLE_ROUTINE",
        "borderline_high": "CHECK_CREATININE_EGFR REVIEW_MEDICATIONS REPEAT_SAMPLE_ROUTINE",
        "mild_high": "CHECK_CREATININE_EGFR CHECK_BICARBONATE CHECK_GLUCOSE REVIEW_MEDICATIONS REPEAT_SAMPLE_ROUTINE",
        "moderate_high": "ECG_NOW REPEAT_SAMPLE_NOW CHECK_CREATININE_EGFR CHECK_BICARBONATE CHECK_GLUCOSE"
        " REVIEW_MEDICATIONS",
        "severe_high": "ECG_NOW REPEAT_SAMPLE_NOW CHECK_CREATININE_EGFR CHECK_BICARBONATE CHECK_GLUCOSE CHECK_CK"
        " CHECK_CA_ADJUSTED REVIEW_MEDICATIONS",
    },
    "sodium": {
        "severe_low": NA_LOW,
        "moderate_low": NA_LOW,
        "mild_low": "REVIEW_MEDICATIONS REPEAT_SAMPLE_ROUTINE",
        "mild_high": "CONSIDER_VOLUME_ASSESSMENT CHECK_CREATININE_EGFR REPEAT_SAMPLE_ROUTINE",
        "moderate_high": NA_HIGH,
        "severe_high": NA_HIGH,
    },
    "vitamin_d_25oh": {
        "deficient": "CHECK_CA_ADJUSTED CHECK_PHOSPHATE CHECK_ALP CHECK_PTH CHECK_CREATININE_EGFR CHECK_MG"
        " CONSIDER_VITD_REPLETION",
        "inadequate": "CONSIDER_VITD_INTAKE_ADVICE",
        "high": "CHECK_CA_ADJUSTED REVIEW_MED_CALCIUM_VITD REPEAT_SAMPLE_ROUTINE",
        "very_high": D_VERY_HIGH,
        "toxic_range": D_VERY_HIGH + " CHECK_ALBUMIN CHECK_125OHD",
    },
}
# What each test measures: all of it, or (second) one of it, answers the question.
MEASURES = {
    "CHECK_MG": ("magnesium",),
    "CHECK_K": ("potassium",),
    "CHECK_CA_ADJUSTED": ("calcium_adjusted",),
    "CHECK_IONISED_CA": ("calcium_ionised",),
    "CHECK_ALBUMIN": ("albumin",),
    "CHECK_PHOSPHATE": ("phosphate",),
    "CHECK_ALP": ("alp",),
    "CHECK_PTH": ("pth",),
    "CHECK_25OHD": ("vitamin_d_25oh",),
    "CHECK_125OHD": ("vitamin_d_1_25oh2",),
    "CHECK_CREATININE_EGFR": ("creatinine", "egfr"),
    "CHECK_SODIUM": ("sodium",),
    "CHECK_BICARBONATE": ("bicarbonate",),
    "CHECK_GLUCOSE": ("glucose",),
    "CHECK_KETONES": ("ketones",),
    "CHECK_CK": ("ck",),
    "CHECK_URATE_LDH": ("urate", "ldh"),
    "CHECK_TSH": ("tsh",),
    "CHECK_CRP_ESR": ("crp", "esr"),
    "CHECK_FBC": ("platelets", "wbc"),
    "CHECK_CORTISOL": ("cortisol",),
    "CHECK_PTHRP": ("pthrp",),
    "CHECK_OSMOLALITY": ("osmolality",),
    "CHECK_URINE_K_CL": ("potassium_urine", "chloride_urine"),
    "CHECK_URINE_SODIUM_OSMOLALITY": ("sodium_urine", "osmolality_urine"),
    "CHECK_DIGOXIN_LEVEL": ("digoxin",),
    "CHECK_ALDOSTERONE_RENIN": ("aldosterone", "renin"),
    "CHECK_URINE_CALCIUM": ("cccr", "calcium_creatinine_urine", "calcium_urine"),
    "CHECK_URINE_MAGNESIUM": ("fe_magnesium", "magnesium_urine"),
}


def must_recommend(c: Case, patterns: list[Pattern], urgency: Urgency) -> set[str]:
    """At least these; tests that are in the panel are left out, unless the rule calls them serial."""
    found: set[str] = set()
    for one in c.entries.values():
        found |= minimum(c, one.analyte, one.entry["bands"] if one.refusal is None else [])
    for pattern in patterns:
        if c.patterns[pattern.id] is State.MATCHED:
            found |= pattern.advice(c)
    for flag in c.flags:
        found |= set(ADVICE.get(flag, ()))
    found |= of_the_list(c)
    found |= {CONTACT[urgency]} if urgency in CONTACT else set()
    serial = serial_tests(c)
    found = {name for name in found if name in serial or not (name.startswith("CHECK_") and is_answered(c, name))}
    # Open: SP P37 "phosphate high or Ca high -> no automatic D/Ca advice"; vocabulary.md 4.2 "CONSIDER_VITD_REPLETION
    # unless P24 or D8 blocks it". Neither asked for nor forbidden here.
    kidney = c.matched("CKD_MINERAL_BONE_DISORDER") and c.live.high("phosphate") is True
    if vitamin_d_is_blocked(c) or acute(c) or kidney:
        found -= {"CONSIDER_VITD_REPLETION", "CONSIDER_VITD_INTAKE_ADVICE"}
    if no_dietary_magnesium(c):
        found.discard("CONSIDER_DIETARY_MG")
    if urgency is Urgency.EMERGENCY:
        found.discard("CONSIDER_REST_HYDRATION")
    return repeats(found, urgency) | serial


def minimum(c: Case, analyte: str, bands: list[str]) -> set[str]:
    """Of the worst band that remains."""
    kind = "calcium" if analyte.startswith("calcium_") else analyte
    not_primary = kind == "calcium" and analyte != c.calcium
    # D6: by the acute phase only the repeat.
    if kind not in MINIMUM or not bands or not_primary or (kind == "vitamin_d_25oh" and acute(c)):
        return set()
    worst = max(bands, key=lambda band: DEFAULT[kind].get(band, Urgency.NONE))
    found = set(MINIMUM[kind].get(worst, "").split())
    if kind != "calcium":
        return found
    if analyte == "calcium_total" and (worst.endswith("_low") or worst == "mild_high"):
        found -= {"CHECK_PTH", "CHECK_25OHD", "REPEAT_SAMPLE_ROUTINE"}
        found |= {"CHECK_IONISED_CA", "CHECK_ALBUMIN"}
    if not pth_is_asked_for(c):
        found -= {"CHECK_PTH", "CHECK_25OHD"}
    return found


def of_the_list(c: Case) -> set[str]:
    """Triggers that vocabulary.md 13.1 and MC 7.1 give a recommendation itself."""
    found: set[str] = set()
    low_k, low_mg, low_na = c.live.low("potassium"), c.live.low("magnesium"), c.live.low("sodium")
    critical = [
        one
        for one in c.entries.values()
        if one.entry["critical"] in ("yes", "possible") and one.refusal != "superseded_by_paired_specimen"
    ]
    found |= {"PHONE_CRITICAL_RESULT"} if critical else set()
    masked = haemolysed_and_open(c)
    no_baseline = c.aki is None and not c.before("creatinine")
    if c.medication(*DIURETIC) is True and (any_of(low_k, low_mg, low_na) is True or masked):
        found.add("REVIEW_MED_DIURETIC")
    for recommendation, trigger in {
        "REVIEW_MED_PPI": all_of(c.medication("ppi"), low_mg),
        "REVIEW_MED_RAAS_KSPARING": all_of(c.medication(*K_RAISING), c.live.high("potassium")),
        "REVIEW_MED_LITHIUM_THIAZIDE": all_of(c.medication("lithium", "thiazide"), c.ca_high),
        "REVIEW_MED_CALCIUM_VITD": any_of(c.ca_high, c.live.high("vitamin_d_25oh")),
        "REVIEW_MED_BONE_AGENTS": all_of(c.medication("denosumab", "bisphosphonate", "cinacalcet"), c.ca_low),
        "REVIEW_AGAINST_TREATMENT_TARGET": all_of(c.condition("hypoparathyroidism_treated"), c.ca_low),
        "SAFETY_RENAL_BEFORE_MG": low_mg,
        "REFER_NEPHROLOGY": all_of(
            any_of(egfr_below_30(c), c.condition("dialysis")),
            any_of(c.ca_low, c.ca_high, low_mg, c.live.high("magnesium")),
        ),
        "SAFETY_NO_VITD_LOADING": all_of(c.live.low("vitamin_d_25oh"), vitamin_d_is_blocked(c)),
        "CONSIDER_DIETARY_MG": mg_low_normal(c),
        "REVIEW_MEDICATIONS": any_of(mg_low_normal(c), low_mg, c.ca_high),
        "REPEAT_SAMPLE_ROUTINE": mg_low_normal(c),
        "QUERY_UNITS_WITH_LAB": any(is_doubtful(c, one) for one in c.entries.values()),
        "REQUEST_NUMERIC_RESULT": any(is_left_open_by_comparator(one) for one in c.entries.values()),
        "CHECK_BICARBONATE": all_of(c.ca_high, c.patterns["CALCIUM_ALKALI_SYNDROME"] is State.POSSIBLE),
        "REQUEST_PREVIOUS_RESULTS": all_of(c.ca_high, c.live.high("creatinine"), no_baseline),
        "CHECK_IONISED_CA": is_discordant(c),
        # Potassium is given in small amounts: of the form with a low one.
        "SAFETY_K_REBOUND": all_of(c.matched("PERIODIC_PARALYSIS_PATTERN"), low_k),
        "CHECK_DIGOXIN_LEVEL": all_of(c.medication("digoxin"), any_of(low_mg, c.ca_low, c.ca_high)),
        "SAFETY_DIGOXIN_IV_CALCIUM": all_of(c.medication("digoxin"), any_of(low_mg, c.ca_low, c.ca_high)),
        "CONTACT_POISONS_CENTRE": all_of(c.medication("digoxin"), c.live.high("potassium")),
    }.items():
        if trigger is True:
            found.add(recommendation)
    if c.joint and c.live.known("calcium_total"):
        found.add("CHECK_IONISED_CA")
    return found | potassium_ecg(c)


def is_left_open_by_comparator(one: Result) -> bool:
    """D3, K13."""
    bound = one.reading is not None and one.reading.number[0][0] != "=" and "calcium" not in one.analyte
    sent_so = bool(one.sent.get("comparator")) or one.sent.get("value", "")[:1] in "<>"
    banded = one.analyte in MINIMUM or one.analyte in CALCIUMS
    return bound and sent_so and banded and one.refusal is None and one.entry["state"] == "conditional"


def is_discordant(c: Case) -> bool:
    """Ionised calcium on another side than adjusted or total: repeated (MC 7.1)."""
    sides = [c.live.results[name][0].sides for name in CALCIUMS if c.live.known(name)]
    # Against adjusted where there is one, else against total (MC 4.2).
    return c.live.known("calcium_ionised") and len(sides) > 1 and not (sides[0] & sides[1])


# Numbers that look like another unit, or have to be verified: MC 1.3, DK 1.3; analyte, unit, from, to.
DOUBTFUL = [
    *((name, "mg/dL", "4.0", "5.6") for name in ("calcium_total", "calcium_adjusted")),
    *((name, "mmol/L", "1.00", "1.40") for name in ("calcium_total", "calcium_adjusted")),
    ("calcium_ionised", "mmol/L", "1.90", "2.80"),
    ("calcium_ionised", "mg/dL", "7.5", "11.5"),
    ("magnesium", "mg/dL", "0.60", "1.10"),
    ("magnesium", "mmol/L", "1.50", "2.60"),
]


def is_doubtful(c: Case, one: Result) -> bool:
    """unit_suspect, value_to_verify, and what is refused for its unit or as implausible."""
    if one.refusal in ("unit_missing", "unit_not_accepted", "unit_conflict", "value_implausible"):
        return True
    if one.reading is None or one.refusal or one.reading.number[0][0] != "=":
        return False
    number, unit = one.reading.number[0][1], one.reading.unit
    for analyte, of, low, high in DOUBTFUL:
        if (one.analyte, unit) == (analyte, of) and Fraction(low) <= number <= Fraction(high):
            explained = any_of(c.condition("pre_eclampsia_infusion"), c.medication(*MG_CONTAINING), egfr_below_30(c))
            return unit != "mmol/L" or analyte != "magnesium" or explained is not True
    if one.analyte == "potassium":
        return number < Fraction("1.5") or number > 9
    if one.analyte == "sodium":
        return number < 105 or number > 185
    if one.analyte == "vitamin_d_25oh":
        return number > {"nmol/L": 375, "ng/mL": 150}[unit] or number < {"nmol/L": 10, "ng/mL": 4}[unit]
    return False


def potassium_ecg(c: Case) -> set[str]:
    """K5a and K10a."""
    heart = any_of(
        c.medication("digoxin", "qt_prolonging"), c.condition("ischaemic_heart_disease"), c.symptom("PALPITATIONS")
    )
    asked = any_of(
        all_of(c.live.high("potassium"), c.live.is_("potassium", ">=", "6.0")),
        c.live.is_("potassium", "<", "3.0"),
        all_of(c.live.low("potassium"), heart),
        all_of(c.live.low("magnesium"), c.medication("digoxin")),
    )
    return {"ECG_NOW"} if asked is True else set()


def haemolysed_and_open(c: Case) -> bool:
    """Caution masked_low_possible: haemolysed potassium or magnesium, not low."""
    places = {one.place for one in c.entries.values() if is_haemolysed(one)}
    return any(
        one.place in places and one.analyte in ("potassium", "magnesium") and one.entry["class"] == "indeterminate"
        for one in c.entries.values()
        if one.refusal is None
    )


def no_dietary_magnesium(c: Case) -> bool:
    """13.3; food rich in potassium (DK 6), reduced kidney function (MC 7.4), a child (SP: adults)."""
    potassium = c.live.known("potassium") and c.live.high("potassium") is not False
    grounds = any_of(c.live.high("magnesium"), potassium, c.kidney_disease(), no(c.age_from(18)))
    return grounds is True


def calcium_may_be_high(c: Case) -> Truth:
    """D8 asks for a calcium that is not high: by every view that counts, and not refused as possibly critical."""
    open_ = c.joint and len(c.calcium_sides(c.live)) > 1
    refused = any(
        one.refusal is not None and one.reading is None and one.entry["critical"] in ("yes", "possible")
        for one in c.entries.values()
        if one.analyte.startswith("calcium_")
    )
    view = False
    if not c.joint:
        view = c.live.high("calcium_adjusted" if "calcium_adjusted" in c.live.results else "calcium_total")
    return any_of(c.ca_high, open_, refused, view is True)


def vitamin_d_is_blocked(c: Case) -> bool:
    """D8 and P24, while vitamin D is low or may be."""
    blocked = any_of(
        calcium_may_be_high(c),
        c.condition("primary_hyperparathyroidism_known", *GRANULOMATOUS),
        c.symptom("KIDNEY_STONE"),
        egfr_below_30(c),
        c.matched("HIGH_CALCIUM_BLOCKS_VITD_AND_CALCIUM_ADVICE"),
    )
    return c.live.low("vitamin_d_25oh") is not False and blocked is True


def acute(c: Case) -> bool:
    return c.matched("VITD_ACUTE_PHASE")


def is_answered(c: Case, test: str) -> bool:
    """In the panel, final and reliable; of a test of two analytes one is enough to leave it open here."""
    final = ("final", "corrected", "amended")
    given = {
        one.analyte
        for one in c.entries.values()
        if one.refusal is None and one.reading and one.sent.get("status", "final") in final
    }
    return bool(given & set(MEASURES.get(test, ())))


def serial_tests(c: Case) -> set[str]:
    """Asked for although just measured."""
    found: set[str] = set()
    if c.matched("REFEEDING_SYNDROME_PATTERN"):
        found |= {"CHECK_PHOSPHATE", "CHECK_MG", "CHECK_K", "CHECK_GLUCOSE"}
    if c.matched("DKA_TOTAL_BODY_K_DEFICIT"):
        # K12: rechecked every two hours.
        found.add("CHECK_K")
    if "REFEEDING_WITH_ORGAN_SIGNS" in c.flags:
        found.add("CHECK_PHOSPHATE")
    if "NECK_SURGERY_WITH_TINGLING_OR_CRAMP" in c.flags:
        found.add("CHECK_CA_ADJUSTED")
    # MC 7.1: a discordant one is repeated on a fresh anaerobic sample.
    return found | ({"CHECK_IONISED_CA"} if is_discordant(c) else set())


def repeats(found: set[str], urgency: Urgency) -> set[str]:
    """vocabulary.md 13.3: which repeat it is, the overall urgency decides."""
    now, routine = "REPEAT_SAMPLE_NOW", "REPEAT_SAMPLE_ROUTINE"
    if not {now, routine} & found:
        return found
    return (found - {now, routine}) | {now if urgency >= Urgency.SAME_DAY else routine}


def must_not_recommend(c: Case, urgency: Urgency) -> set[str]:
    """Contradictions (vocabulary.md 13.3), tests that are answered, and what a band or a rule withholds."""
    found = {line for level, line in CONTACT.items() if level is not urgency}
    found.add("REPEAT_SAMPLE_ROUTINE" if urgency >= Urgency.SAME_DAY else "REPEAT_SAMPLE_NOW")
    if vitamin_d_is_blocked(c) or acute(c):
        found |= {"CONSIDER_VITD_REPLETION", "CONSIDER_VITD_INTAKE_ADVICE"}
    elif c.live.low("vitamin_d_25oh") is not False and c.live.known("vitamin_d_25oh"):
        pass
    else:
        found |= {"CONSIDER_VITD_REPLETION", "CONSIDER_VITD_INTAKE_ADVICE", "SAFETY_NO_VITD_LOADING"}
    if urgency is Urgency.EMERGENCY:
        found.add("CONSIDER_REST_HYDRATION")
    if c.reported.high("magnesium") is True or no_dietary_magnesium(c):
        found.add("CONSIDER_DIETARY_MG")
    if not any(
        one.entry["critical"] in ("yes", "possible") and one.refusal != "superseded_by_paired_specimen"
        for one in c.entries.values()
    ):
        found.add("PHONE_CRITICAL_RESULT")
    serial = serial_tests(c)
    may_be_serial = {"CHECK_IONISED_CA", "CHECK_CA_ADJUSTED", "CHECK_PTH"}
    answered = {
        name
        for name, analytes in MEASURES.items()
        if all(is_answered_by(c, analyte) for analyte in analytes) and name not in serial | may_be_serial
    }
    if not c.matched("REFEEDING_RISK"):
        found |= answered
    if c.matched(artefacts.GADOLINIUM):
        found.discard("CHECK_IONISED_CA")
    return found


def is_answered_by(c: Case, analyte: str) -> bool:
    final = ("final", "corrected", "amended")
    places = {one.place for one in c.entries.values() if is_haemolysed(one)}
    return any(
        one.sent.get("status", "final") in final and one.entry["state"] == "interpreted" and one.place not in places
        for one in c.live.results.get(analyte, [])
    )
