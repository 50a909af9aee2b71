"""Tier 0 patterns of data and calcium adjustment, and what all tier 0 patterns ask for (SP 3, MC 4.2, DK 4.1)."""

from __future__ import annotations

from tests.oracle.reading import artefacts
from tests.oracle.reading.case import Case
from tests.oracle.reading.pattern import Pattern, Urgency, always, asks, none
from tests.oracle.reading.truth import State, Truth, any_of, compared, state_of


def dq_unit_property_conflict(c: Case) -> State:
    """P00; also where the number is judged as sent although code and unit disagree."""
    reasons = ("unit_missing", "unit_not_accepted", "unit_conflict")
    return State.MATCHED if any(one.refusal in reasons for one in c.entries.values()) else State.NOT_MET


def unadjusted_low(c: Case) -> Truth:
    """Under R-ADJ-4 the total carries the joint verdict."""
    return c.ca_low if c.joint else c.live.low("calcium_total")


def adjusted_normal(c: Case) -> Truth:
    """Of a valid adjustment only; of one that is not valid nothing is known (MC 4.2)."""
    return None if c.joint else c.live.normal("calcium_adjusted")


def low_albumin_pseudohypocalcaemia(c: Case) -> State:
    """P04."""
    return state_of(
        core=[unadjusted_low(c), c.live.low("albumin")],
        required=[c.live.normal("calcium_ionised") if c.live.known("calcium_ionised") else adjusted_normal(c) or None],
        excluding=[c.symptom("TETANY", "CARPOPEDAL_SPASM", "PARAESTHESIA_PERIORAL", "SEIZURE")],
    )


def low_albumin_advice(c: Case) -> set[str]:
    found = {"SAFETY_NO_CALCIUM_ON_THIS_RESULT"}
    return found | ({"CHECK_IONISED_CA"} if c.live.is_("egfr", "<", "60") is True else set())


def high_albumin_pseudohypercalcaemia(c: Case) -> State:
    """MC 4.2: adjusted normal, unadjusted high; the adjustment valid and no ionised value."""
    valid = not c.joint and not c.live.known("calcium_ionised")
    return state_of(core=[], required=[c.live.normal("calcium_adjusted"), c.live.high("calcium_total"), valid])


def paraprotein_pseudohypercalcaemia(c: Case) -> State:
    """MC 5."""
    high = any_of(c.live.high("calcium_adjusted"), c.live.high("calcium_total"))
    return state_of(core=[], required=[c.condition("paraprotein"), c.live.normal("calcium_ionised"), high])


def hidden_hypercalcaemia_low_albumin(c: Case) -> State:
    """P05."""
    adjusted_high = None if c.joint else c.live.high("calcium_adjusted")
    high = c.live.high("calcium_ionised") if c.live.known("calcium_ionised") else adjusted_high
    return state_of(core=[], required=[c.live.normal("calcium_total"), c.live.low("albumin"), high])


def potassium_from_6(c: Case) -> bool:
    measured = [one.measured for one in c.entries.values() if one.analyte == "potassium" and one.reading]
    return any(compared(number, ">=", "6.0") is True for number in measured)


def ecg_from_6(c: Case) -> set[str]:
    return {"ECG_NOW"} if potassium_from_6(c) else set()


def edta_urgency(c: Case) -> Urgency:
    """P01: EMERGENCY with a red-flag symptom, an ECG change or known kidney disease; else at least SAME_DAY."""
    # The group of vocabulary.md 9.2, with a low eGFR: the safer reading of "known".
    if red_flag_symptom(c) or c.kidney_disease() is True or c.condition("ecg_change") is True:
        return Urgency.EMERGENCY
    return Urgency.SAME_DAY


def red_flag_symptom(c: Case) -> bool:
    """A symptom that makes a red flag TRUE in this panel: any active flag but the two on values alone."""
    return any(flag not in ("VALUE_ALONE", "HYPERKALAEMIA_WITH_AKI_OR_FAST_RISE") for flag in c.flags)


def haemolysed_potassium(c: Case) -> bool:
    places = {one.place for one in c.entries.values() if artefacts.is_haemolysed(one)}
    return any(one.place in places for one in c.entries.values() if one.analyte == "potassium" and one.reading)


def masked_low(c: Case) -> bool:
    """A haemolysed potassium or magnesium that may be low."""
    return any(c.live.high(name) is False and c.live.low(name) is None for name in ("potassium", "magnesium"))


def haemolysed_urgency(c: Case) -> Urgency:
    """P02."""
    if haemolysed_potassium(c):
        high = c.reported.high("potassium") is True
        same_day = potassium_from_6(c) or (not high and bool(c.present_symptoms)) or c.kidney_disease() is True
        unsettled = masked_low(c) or any(one.refusal == "haemolysis" for one in c.entries.values())
        return Urgency.SAME_DAY if same_day else Urgency.PROMPT if unsettled else Urgency.ROUTINE
    if c.reported.known("magnesium"):
        from_2 = c.reported.is_("magnesium", ">=", {"mmol/L": "2.00", "mg/dL": "4.8"}) is True
        return Urgency.SAME_DAY if from_2 else Urgency.PROMPT
    # Neither of the two that SP names: only the repeat is left.
    return Urgency.ROUTINE


def haemolysed_advice(c: Case) -> set[str]:
    potassium_open = c.live.high("potassium") is False and c.live.low("potassium") is None
    masked = potassium_open and bool(c.present_symptoms)
    found = {"REPEAT_SAMPLE_ROUTINE"} | (ecg_from_6(c) if haemolysed_potassium(c) else set())
    return found | ({"ECG_NOW"} if haemolysed_potassium(c) and masked else set())


def pseudo_urgency(c: Case) -> Urgency:
    """P03: as the potassium band, at least SAME_DAY from 6.0; settled by a pair it is ROUTINE (DEC-15)."""
    if any(one.refusal == "superseded_by_paired_specimen" for one in c.entries.values()):
        return Urgency.ROUTINE
    return Urgency.SAME_DAY if potassium_from_6(c) else Urgency.NONE


def pseudo_advice(c: Case) -> set[str]:
    if any(one.refusal == "superseded_by_paired_specimen" for one in c.entries.values()):
        return set()
    # The paired plasma is in the panel where there is a gap (vocabulary.md 4.2).
    paired = c.patterns[artefacts.PSEUDO] is State.MATCHED and bool(artefacts.gap(c, "serum", "plasma", "whole_blood"))
    return {"CHECK_FBC"} | (set() if paired else {"CHECK_PLASMA_K_HEPARIN"}) | ecg_from_6(c)


def drip_advice(c: Case) -> set[str]:
    """P07; a glucose above 30 that it refuses may be the patient's (DEC-104)."""
    sugar = any(
        one.analyte == "glucose"
        and one.reading
        and compared(one.measured, ">", {"mmol/L": "30", "mg/dL": "540"}[one.reading.unit])
        for one in c.entries.values()
    )
    return {"REPEAT_SAMPLE_NOW", "WITHHOLD_INTERPRETATION", "CONFIRM_CLINICAL_STATUS"} | (
        {"CHECK_GLUCOSE", "CHECK_KETONES"} if sugar else set()
    )


SAME_DAY, ROUTINE = Urgency.SAME_DAY, Urgency.ROUTINE
PATTERNS = [
    Pattern("DQ_UNIT_PROPERTY_CONFLICT", dq_unit_property_conflict, none, asks("QUERY_UNITS_WITH_LAB"), False),
    Pattern(
        artefacts.EDTA,
        lambda c: c.patterns[artefacts.EDTA],
        edta_urgency,
        lambda c: {"REPEAT_SAMPLE_NOW", "CONFIRM_CLINICAL_STATUS", "CHECK_SERUM_EDTA_OR_ZINC"} | ecg_from_6(c),
    ),
    Pattern(
        artefacts.HAEMOLYSED, lambda c: c.patterns[artefacts.HAEMOLYSED], haemolysed_urgency, haemolysed_advice, False
    ),
    Pattern(artefacts.PSEUDO, lambda c: c.patterns[artefacts.PSEUDO], pseudo_urgency, pseudo_advice),
    Pattern(artefacts.REVERSE, lambda c: c.patterns[artefacts.REVERSE], none, has_core=False),
    Pattern(artefacts.DELAYED, lambda c: c.patterns[artefacts.DELAYED], none, has_core=False),
    Pattern(
        artefacts.GADOLINIUM,
        lambda c: c.patterns[artefacts.GADOLINIUM],
        always(SAME_DAY),
        asks("CHECK_IONISED_CA", "SAFETY_NO_CALCIUM_ON_THIS_RESULT", "REPEAT_SAMPLE_NOW"),
    ),
    Pattern(
        artefacts.DRIP_ARM,
        lambda c: c.patterns[artefacts.DRIP_ARM],
        always(SAME_DAY),
        drip_advice,
    ),
    Pattern("LOW_ALBUMIN_PSEUDOHYPOCALCAEMIA", low_albumin_pseudohypocalcaemia, always(ROUTINE), low_albumin_advice),
    Pattern("HIGH_ALBUMIN_PSEUDOHYPERCALCAEMIA", high_albumin_pseudohypercalcaemia, always(ROUTINE), has_core=False),
    Pattern("PARAPROTEIN_PSEUDOHYPERCALCAEMIA", paraprotein_pseudohypercalcaemia, always(ROUTINE), has_core=False),
    Pattern(
        "HIDDEN_HYPERCALCAEMIA_LOW_ALBUMIN",
        hidden_hypercalcaemia_low_albumin,
        none,
        lambda c: set() if c.live.known("calcium_ionised") else {"CHECK_IONISED_CA"},
        has_core=False,
    ),
]
