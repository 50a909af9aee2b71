"""Tier 0: what is wrong with a specimen, and what that does to its results (SP 3 tier 0, MC 6, DK 4.1)."""

from __future__ import annotations

from fractions import Fraction

from tests.oracle.limits import Limit
from tests.oracle.reading.case import CALCIUMS, Case, Result, View, by_analyte, number_of
from tests.oracle.reading.findings import ck_times, egfr_below_30, plt_high, wbc_high
from tests.oracle.reading.truth import State, Truth, all_of, any_of, at_least, best_of, state_of
from tests.oracle.verdicts import refused, united

EDTA = "SAMPLE_EDTA_CONTAMINATION"
HAEMOLYSED = "SAMPLE_HAEMOLYSED"
PSEUDO = "PSEUDOHYPERKALAEMIA_CELLULAR"
REVERSE = "REVERSE_PSEUDOHYPERKALAEMIA"
DELAYED = "DELAYED_SEPARATION"
GADOLINIUM = "SPURIOUS_CALCIUM_AFTER_GADOLINIUM"
DRIP_ARM = "DRIP_ARM_DILUTION"

# DEC-84: HYPO_SX (vocabulary.md 8) and the symptoms of RF23.
HYPOCALCAEMIA_SYMPTOMS = (
    *("TETANY", "CARPOPEDAL_SPASM", "SEIZURE", "LARYNGOSPASM_STRIDOR", "PARAESTHESIA_PERIORAL"),
    *("PARAESTHESIA_HANDS_FEET", "CHVOSTEK_TROUSSEAU", "QT_OR_ARRHYTHMIA_KNOWN", "NEONATAL_JITTERINESS", "APNOEA"),
    *("MUSCLE_CRAMP", "MUSCLE_SPASM", "FASCICULATION"),
)


def judge_specimens(c: Case, rhabdomyolysis: State, ckd_bone: State) -> None:
    """The artefact patterns, and what each of them refuses or leaves open. The first refusal reason counts."""
    specimens = specimens_of(c)
    edta = {place: contaminated_by_edta(c, view, rhabdomyolysis, ckd_bone) for place, view in specimens.items()}
    drip = {place: diluted(c, view) for place, view in specimens.items()}
    c.patterns[EDTA] = best_of(*edta.values(), State.NOT_MET)
    c.patterns[DRIP_ARM] = best_of(*drip.values(), State.NOT_MET)
    c.patterns[GADOLINIUM] = spurious_after_gadolinium(c)
    haemolysed = {one.place for one in c.entries.values() if is_haemolysed(one)}
    c.patterns[HAEMOLYSED] = State.MATCHED if haemolysed else State.NOT_MET
    for one in list(c.entries.values()):
        if one.refusal:
            continue
        if edta[one.place] is State.MATCHED and one.analyte in ("potassium", "magnesium", "alp", *CALCIUMS):
            refuse(c, one, "edta_contamination")
        elif drip[one.place] is State.MATCHED:
            refuse(c, one, "drip_arm_contamination")
        elif one.place in haemolysed and one.analyte in ("potassium", "magnesium"):
            judge_haemolysed(c, one)
    if c.patterns[GADOLINIUM] is State.MATCHED:
        for one in c.entries.values():
            computed = one.analyte == "calcium_adjusted" and one.sent.get("analyte") == "calcium_total"
            if not one.refusal and (one.analyte == "calcium_total" or computed):
                refuse(c, one, "assay_interference")
    c.patterns[PSEUDO] = pseudohyperkalaemia(c)
    c.patterns[REVERSE] = reverse_pseudohyperkalaemia(c)
    c.patterns[DELAYED] = delayed_separation(c)
    settle_pairs(c)


def specimens_of(c: Case) -> dict[tuple[str, str], View]:
    """The reported values of each specimen."""
    readable = [one for one in c.entries.values() if one.reading]
    places = {one.place for one in c.entries.values()}
    return {place: View(by_analyte(one for one in readable if one.place == place)) for place in places}


def refuse(c: Case, one: Result, reason: str) -> None:
    """DEC-13: critical is possible where the number lies beyond a limit; only a primary calcium has limits (R-PRIM)."""
    assert one.reading is not None
    has_limits = one.analyte not in CALCIUMS or one.analyte == c.calcium or c.joint
    beyond = has_limits and any(verdict.critical == "yes" for verdict in c.context.verdicts(one.reading))
    one.entry = refused(reason, beyond)


def contaminated_by_edta(c: Case, here: View, rhabdomyolysis: State, ckd_bone: State) -> State:
    """P01, DEC-12, DEC-52, DEC-71, DEC-72."""
    # Before adjustment: not a computed one (DEC-72).
    measured = [name for name in CALCIUMS for one in here.results.get(name, []) if name == one.sent.get("analyte")]
    calcium_low = any_of(*(here.low(name) for name in measured)) if measured else None
    magnesium_low, alp_low = here.low("magnesium"), here.low("alp")
    potassium_edta = all_of(here.high("potassium"), calcium_low, any_of(magnesium_low, alp_low))
    other_edta = all_of(calcium_low, magnesium_low, alp_low, here.normal("potassium"))
    # The cap: the triad may be real.
    capped = any_of(
        egfr_below_30(c),
        c.condition("dialysis", "ecg_change"),
        c.aki,
        ck_times(c, 5),
        c.reported.high("urate"),
        c.reported.high("phosphate"),
    )
    # P51 and P37 stand in its way unless magnesium and ALP are both low.
    blocked = State.MATCHED in (rhabdomyolysis, ckd_bone) and not (magnesium_low is True and alp_low is True)
    if (potassium_edta is True or other_edta is True) and not blocked:
        return State.POSSIBLE if capped is True else State.MATCHED
    one_clue = [calcium_low, magnesium_low, alp_low].count(True) == 1
    explained = any_of(
        c.kidney_disease(),
        ck_times(c, 5),
        c.condition("cytotoxic_window", "bulky_tumour", "haematological_malignancy"),
        c.reported.high("urate"),
    )
    if here.high("potassium") is True and one_clue and explained is not True and not blocked:
        return State.POSSIBLE
    return State.NOT_MET


def diluted(c: Case, here: View) -> State:
    """P07, DEC-35, DEC-55."""
    calciums = [name for name in ("calcium_total", c.calcium) if here.known(name)]
    calcium_low = any_of(*(here.low(name) for name in calciums)) if calciums else None
    low = [here.low("potassium"), here.low("sodium"), calcium_low, here.low("magnesium"), here.low("albumin")]
    sugar = here.is_("glucose", ">", {"mmol/L": "30", "mg/dL": "540"})
    without_diabetes = c.condition("diabetes") is not True
    source = any_of(
        c.condition("infusion_same_arm"),
        sugar if without_diabetes else False,
        here.high("chloride"),
        here.high("sodium"),
    )
    one = state_of(core=[at_least(3, low), source])
    other = state_of(
        core=[], required=[sugar, here.low("sodium"), here.low("potassium")], excluding=[c.condition("diabetes")]
    )
    return best_of(one, other)


def spurious_after_gadolinium(c: Case) -> State:
    """P06, R-GADO: a low total calcium, and no hypocalcaemia symptom (DEC-84)."""
    return state_of(
        core=[c.reported.low("calcium_total")],
        required=[c.medication("gadolinium_interfering")],
        excluding=[c.symptom(*HYPOCALCAEMIA_SYMPTOMS)],
    )


def is_haemolysed(one: Result) -> bool:
    """P02, DEC-48: slight haemolysis is not meant."""
    marked = one.specimen.get("haemolysis") in ("moderate", "gross")
    said = bool({"HEM", "RH"} & set(one.specimen.get("conditions", ())))
    index = one.analyte == "haemolysis_index" and one.sides == {"high"}
    return marked or said or index


def judge_haemolysed(c: Case, one: Result) -> None:
    """DEC-14: haemolysis raises potassium and magnesium, so that a low one is low at least."""
    assert one.reading is not None
    value = number_of(one.reading.number)
    if one.sides == {"low"} or value is None:
        return
    if one.analyte == "magnesium":
        if one.sides == {"high"}:
            refuse(c, one, "haemolysis")
        else:
            leave_open(one, ("<=", value))
        return
    haemoglobin = free_haemoglobin(c, one)
    gross = any(other.specimen.get("haemolysis") == "gross" for other in c.entries.values() if other.place == one.place)
    if gross and haemoglobin is None:
        refuse(c, one, "haemolysis")
    elif one.sides == {"high"}:
        one.entry = one.entry | {"state": "conditional"}
    elif haemoglobin is None:
        leave_open(one, ("<=", value))
    else:
        # K6: never a corrected potassium, but the lowest that it may be.
        lowest = value - Fraction("0.51") * haemoglobin
        bounded = one.reading._replace(number=((">=", lowest), ("<=", value)))
        verdicts = c.context.verdicts(bounded)
        if {verdict.class_ for verdict in verdicts} != {"normal"}:
            one.reading, one.entry = bounded, united(verdicts)
            one.bands = one.entry["bands"]
            one.sides = frozenset(verdict.class_ for verdict in verdicts)


def leave_open(one: Result, bound: tuple[str, Fraction]) -> None:
    """Normal as reported, and perhaps low: indeterminate, no band named."""
    assert one.reading is not None
    number: Limit = (bound,)
    one.reading, one.sides = one.reading._replace(number=number), frozenset({"low", "normal"})
    open_ = {"state": "conditional", "class": "indeterminate", "flag": "IND", "band": "", "bands": []}
    one.entry, one.bands = one.entry | open_, []


def free_haemoglobin(c: Case, one: Result) -> Fraction | None:
    """In g/L, of the same specimen; a unitless index does not count."""
    grams = {"g/L": Fraction(1), "mg/dL": Fraction(1, 100), "g/dL": Fraction(10)}
    for other in c.entries.values():
        counts = other.analyte in ("free_haemoglobin", "haemolysis_index") and other.place == one.place
        if counts and other.reading and other.reading.unit in grams:
            value = number_of(other.reading.number)
            return None if value is None else value * grams[other.reading.unit]
    return None


def potassium_of(c: Case, *kinds: str) -> list[Result]:
    """The potassium results that are not refused, from these kinds of specimen."""
    return [one for one in c.live.results.get("potassium", []) if one.specimen.get("kind") in kinds]


def pair_findings(c: Case) -> dict[str, Truth]:
    """K_SERUM_PLASMA_GAP, K_PLASMA_SERUM_GAP; UNKNOWN without a pair."""
    return {
        "K_SERUM_PLASMA_GAP": bool(gap(c, "serum", "plasma", "whole_blood")) or None,
        "K_PLASMA_SERUM_GAP": bool(gap(c, "plasma", "serum", "whole_blood")) or None,
    }


def gap(c: Case, upper: str, *others: str) -> list[tuple[Result, Result]]:
    """Pairs of one collection time of which the first is more than 0.4 mmol/L above the second (DK 4.1, DEC-74)."""
    pairs = []
    for one in potassium_of(c, upper):
        for other in potassium_of(c, *others):
            assert one.reading is not None
            assert other.reading is not None
            above, below = number_of(one.reading.number), number_of(other.reading.number)
            same_time = one.sent.get("collected") and one.sent.get("collected") == other.sent.get("collected")
            if same_time and above is not None and below is not None and above - below > Fraction("0.4"):
                pairs.append((one, other))
    return pairs


def serum_high(c: Case) -> Truth:
    """P03 needs serum above its interval (DEC-74); of an unknown kind it may be serum."""
    found: list[Truth] = []
    for one in c.live.results.get("potassium", []):
        kind = one.specimen.get("kind")
        high = "high" in one.sides and (True if one.sides == {"high"} else None)
        found.append(all_of(high, True if kind == "serum" else None if kind is None else False))
    return any_of(*found or [None])


def pseudohyperkalaemia(c: Case) -> State:
    """P03."""
    paired = True if gap(c, "serum", "plasma", "whole_blood") else None
    cells = any_of(plt_high(c), wbc_high(c), paired)
    return state_of(core=[serum_high(c)], required=[cells], excluding=[c.condition("ecg_change")])


def reverse_pseudohyperkalaemia(c: Case) -> State:
    """DK 4.1: plasma K high, and the gap, or fragile cells in heparin or a pneumatic tube."""
    plasma = potassium_of(c, "plasma")
    high = any_of(*(one.sides == {"high"} for one in plasma))
    heparin = any(one.specimen.get("additive") in ("HEPL", "HEPN") for one in plasma)
    tube = any("pneumatic" in one.specimen.get("transport", "") for one in plasma)
    cells = all_of(wbc_high(c), c.condition("haematological_malignancy"), heparin or tube or None)
    return state_of(core=[], required=[high, any_of(bool(gap(c, "plasma", "serum", "whole_blood")) or None, cells)])


def delayed_separation(c: Case) -> State:
    """DK 4.1: K high and >4 h unspun, or <15 °C, or a comment that says so."""
    said = [
        "unspun" in comment or "delayed separation" in comment
        for one in c.live.results.get("potassium", [])
        for comment in one.specimen.get("comments", ())
    ]
    return state_of(core=[], required=[c.live.high("potassium"), any(said) or None])


def settle_pairs(c: Case) -> None:
    """DEC-15, DEC-74: a normal result of a specimen less open to the artefact settles the value."""
    if c.condition("ecg_change") is True:
        return
    pairs = [*gap(c, "serum", "plasma", "whole_blood"), *gap(c, "plasma", "serum", "whole_blood")]
    for one, other in pairs:
        if one.sides == {"high"} and other.sides == {"normal"}:
            refuse(c, one, "superseded_by_paired_specimen")


def is_unreliable(c: Case, one: Result) -> bool:
    """Whether P01 to P03, P06 or P07 makes the value unreliable, so that its value-only flag is held (SP 4 rule 4)."""
    if one.refusal in ("edta_contamination", "drip_arm_contamination", "haemolysis", "assay_interference"):
        return True
    if one.analyte != "potassium" or one.sides != {"high"}:
        return False
    haemolysed = {other.place for other in c.entries.values() if is_haemolysed(other)}
    # P03 speaks of serum; of an unknown kind it may be serum.
    cells = c.patterns[PSEUDO] is State.MATCHED and one.specimen.get("kind", "serum") == "serum"
    return one.place in haemolysed or cells


def reliable(c: Case) -> View:
    """What was reported, without what an artefact makes unreliable."""
    shown = [one for found in c.reported.results.values() for one in found]
    return View(by_analyte(one for one in shown if not is_unreliable(c, one)))
