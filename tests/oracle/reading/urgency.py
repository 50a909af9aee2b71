"""The overall urgency: the highest of bands with their context, refusals, flags, patterns and criticals (VO 14)."""

from __future__ import annotations

from tests.oracle.reading import artefacts
from tests.oracle.reading.case import Case, Result, View, by_analyte
from tests.oracle.reading.findings import ANY_WEAKNESS, K_RAISING, ca_high_from_2_80, egfr_low, mg_low_normal
from tests.oracle.reading.pattern import Pattern, Urgency
from tests.oracle.reading.patterns_calcium import HYPERCALCAEMIA_SYMPTOMS, treated_without_symptoms
from tests.oracle.reading.patterns_specimen import red_flag_symptom
from tests.oracle.reading.truth import State, any_of

NONE, ROUTINE, PROMPT, SAME_DAY, EMERGENCY = Urgency

# vocabulary.md 4.2.
DEFAULT = {
    "magnesium": {
        "severe_low": EMERGENCY,
        "moderate_low": SAME_DAY,
        "mild_low": PROMPT,
        "mild_high": ROUTINE,
        "moderate_high": SAME_DAY,
        "severe_high": EMERGENCY,
    },
    "calcium": {
        "severe_low": EMERGENCY,
        "moderate_low": SAME_DAY,
        "mild_low": PROMPT,
        "mild_high": ROUTINE,
        "moderate_high": SAME_DAY,
        "severe_high": EMERGENCY,
    },
    "potassium": {
        "severe_low": EMERGENCY,
        "moderate_low": SAME_DAY,
        "mild_low": PROMPT,
        "borderline_high": ROUTINE,
        "mild_high": PROMPT,
        "moderate_high": SAME_DAY,
        "severe_high": EMERGENCY,
    },
    "sodium": {
        "severe_low": SAME_DAY,
        "moderate_low": SAME_DAY,
        "mild_low": ROUTINE,
        "mild_high": PROMPT,
        "moderate_high": SAME_DAY,
        "severe_high": SAME_DAY,
    },
    "vitamin_d_25oh": {
        "deficient": ROUTINE,
        "inadequate": ROUTINE,
        "high": ROUTINE,
        "very_high": PROMPT,
        "toxic_range": SAME_DAY,
    },
}
ARTEFACTS = ("edta_contamination", "drip_arm_contamination", "haemolysis", "assay_interference")


def overall(c: Case, patterns: list[Pattern]) -> Urgency:
    """Nothing lowers it but DEC-02."""
    found = [band_urgency(c, one) for one in c.entries.values()]
    found += [refusal_urgency(one) for one in c.entries.values()]
    found += [Urgency[name] for name in c.flags.values()]
    found += [one.urgency(c) for one in patterns if c.patterns[one.id] is State.MATCHED]
    found += [possible_urgency(c), indeterminate_calcium(c)]
    found += [ROUTINE if mg_low_normal(c) is True else NONE]
    for one in c.entries.values():
        superseded = one.refusal == "superseded_by_paired_specimen"
        # DEC-63; a laboratory flag LL, HH or AA.
        critical = one.entry["critical"] in ("yes", "possible") or bool(
            {"LL", "HH", "AA"} & set(one.sent.get("flags", ()))
        )
        found.append(SAME_DAY if critical and not superseded else NONE)
    return max(found)


def band_urgency(c: Case, one: Result) -> Urgency:
    """The worst band that remains; of a result that an artefact refuses, the band of what was reported."""
    kind = "calcium" if one.analyte.startswith("calcium_") else one.analyte
    if kind not in DEFAULT or one.refusal not in (None, *ARTEFACTS) or one.reading is None:
        return NONE
    if kind == "calcium" and one.analyte != c.calcium:
        return NONE
    bands = one.entry["bands"]
    if one.refusal:
        bands = {verdict.band for verdict in c.context.verdicts(one.reading)}
    if kind == "vitamin_d_25oh" and one.entry["class"] == "indeterminate" and len(bands) == 1:
        # D6: by the acute phase only the repeat.
        return NONE
    found = max((context_urgency(c, one, kind, band) for band in bands), default=NONE)
    return lowered(c, one, kind, found)


def context_urgency(c: Case, one: Result, kind: str, band: str) -> Urgency:
    """The default, raised by the context rows of MC 3.2, DK 3.4 and DK 6."""
    assert one.reading is not None
    default = DEFAULT[kind].get(band, NONE)
    here = View(by_analyte([one]))
    if kind == "magnesium" and band == "moderate_high":
        # DEC-05.
        from_2_50 = here.is_("magnesium", ">=", {"mmol/L": "2.50", "mg/dL": "6.0"}) is not False
        return EMERGENCY if from_2_50 else default
    if kind == "calcium" and band == "mild_low":
        # MC 3.2, whatever PTH is.
        raised = any_of(c.condition("neck_surgery_recent"), c.medication("denosumab"))
        return SAME_DAY if raised is True else default
    if kind == "calcium" and band == "mild_high":
        raised = any_of(ca_high_from_2_80(c), c.condition("malignancy"), c.symptom(*HYPERCALCAEMIA_SYMPTOMS))
        return PROMPT if raised is True else default
    if kind == "potassium":
        return potassium_context(c, here, band, default)
    if kind == "sodium":
        severe = any_of(here.is_("sodium", "<=", "120"), here.is_("sodium", ">=", "160"))
        return EMERGENCY if band.startswith("severe") and severe is not False else default
    if kind == "vitamin_d_25oh":
        return vitamin_d_context(c, band, default)
    return default


def potassium_context(c: Case, here: View, band: str, default: Urgency) -> Urgency:
    heart = any_of(c.medication("digoxin", "qt_prolonging"), c.condition("ischaemic_heart_disease")) is True
    unwell = c.condition("acutely_unwell") is True
    # DK 6: any low potassium with arrhythmia or paralysis.
    rhythm = any_of(c.symptom("QT_OR_ARRHYTHMIA_KNOWN", "PARALYSIS_ACUTE"), c.condition("arrhythmia")) is True
    if band in ("moderate_low", "mild_low") and rhythm:
        return EMERGENCY
    if band == "moderate_low":
        at_2_5 = here.is_("potassium", "<=", "2.5") is not False
        return EMERGENCY if at_2_5 or heart or c.condition("cirrhosis") is True else default
    if band == "mild_low":
        return SAME_DAY if heart else default
    if band == "borderline_high":
        if c.neonate:
            return SAME_DAY
        kidney = any_of(c.condition("ckd"), egfr_low(c)) is True
        return PROMPT if kidney and c.medication(*K_RAISING) is True else default
    if band == "mild_high":
        return SAME_DAY if unwell else default
    if band == "moderate_high":
        # DEC-45.
        return EMERGENCY if unwell else default
    return default


def vitamin_d_context(c: Case, band: str, default: Urgency) -> Urgency:
    if band == "deficient":
        child = c.age_from(18) is False
        raised = any_of(c.symptom("BONE_PAIN", *ANY_WEAKNESS), c.ca_low, c.condition("antiresorptive_planned")) is True
        return PROMPT if child or raised else default
    if c.ca_high is True:
        # DEC-21.
        return {"high": PROMPT, "very_high": SAME_DAY}.get(band, default)
    return default


def lowered(c: Case, one: Result, kind: str, found: Urgency) -> Urgency:
    """DEC-02 (a) and (b)."""
    if kind == "calcium" and found is PROMPT and treated_without_symptoms(c):
        return ROUTINE
    if found is not EMERGENCY or not by_artefact(c, one):
        return found
    may = c.condition("recorded_well") is True and not red_flag_symptom(c)
    return SAME_DAY if may else found


def by_artefact(c: Case, one: Result) -> bool:
    """Whether a tier 0 pattern marks this value as unreliable (DEC-11)."""
    if one.refusal in ARTEFACTS:
        return True
    if c.calcium == one.analyte and c.matched(artefacts.GADOLINIUM) and one.analyte != "calcium_ionised":
        return True
    return one.analyte == "potassium" and artefacts.is_unreliable(c, one)


def refusal_urgency(one: Result) -> Urgency:
    """vocabulary.md 2; what artefacts refuse takes its urgency from them."""
    possible = one.entry["critical"] == "possible"
    if one.refusal == "wrong_analyte" or one.refusal == "superseded_by_paired_specimen":
        return ROUTINE
    if one.refusal in ("value_not_numeric", "unit_missing", "unit_not_accepted", "unit_conflict"):
        return SAME_DAY if possible else NONE
    if one.refusal == "value_implausible":
        # NONE is for the supporting analytes, and vitamin D is not one of them.
        return SAME_DAY if possible or one.analyte == "vitamin_d_25oh" else NONE
    if one.refusal in ("specimen_unsuitable", "specimen_rejected"):
        return SAME_DAY if possible else PROMPT
    return NONE


def possible_urgency(c: Case) -> Urgency:
    """POSSIBLE counts for P51 logic B and P01 only (DEC-01)."""
    logic_b = c.patterns["RHABDOMYOLYSIS_PATTERN"] is State.POSSIBLE and c.symptom("DARK_URINE") is True
    ck_unknown = not c.live.known("ck")
    if logic_b and ck_unknown:
        return EMERGENCY
    return SAME_DAY if c.patterns[artefacts.EDTA] is State.POSSIBLE else NONE


def indeterminate_calcium(c: Case) -> Urgency:
    """R-ADJ-4, two sides: SAME_DAY if either view is moderate, severe or critical, else PROMPT (MC 3.2)."""
    if not c.joint or c.matched(artefacts.EDTA, artefacts.DRIP_ARM, artefacts.GADOLINIUM):
        return NONE
    views = [one for one in c.entries.values() if one.analyte in ("calcium_adjusted", "calcium_total")]
    if views[0].entry["class"] != "indeterminate":
        return NONE
    verdicts = [verdict for one in views if one.reading for verdict in c.context.verdicts(one.reading)]
    far = any(verdict.band.startswith(("moderate", "severe")) or verdict.critical == "yes" for verdict in verdicts)
    return SAME_DAY if far else PROMPT
