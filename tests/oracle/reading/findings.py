"""Findings: named facts about one analyte (vocabulary.md 7), three-valued."""

from __future__ import annotations

from decimal import Decimal
from fractions import Fraction

from tests.oracle.reading.case import Case, View, number_of, time_of
from tests.oracle.reading.truth import Truth, all_of, any_of, no

# vocabulary.md 9.2 and 10.2.
DIURETIC = ("loop_diuretic", "thiazide")
MG_WASTING = (
    *("loop_diuretic", "thiazide", "cisplatin", "aminoglycoside", "amphotericin", "calcineurin_inhibitor"),
    *("anti_egfr", "foscarnet", "pentamidine"),
)
K_RAISING = (
    *("acei", "arb", "arni", "mra", "k_sparing_diuretic", "trimethoprim", "nsaid", "beta_blocker"),
    *("calcineurin_inhibitor", "heparin", "k_supplement", "salt_substitute"),
)
MG_CONTAINING = ("mg_laxative", "mg_antacid", "mg_oxide", "mg_enema", "mg_supplement", "mg_infusion_other")
GRANULOMATOUS = ("sarcoidosis", "tuberculosis", "fungal_infection", "hilar_lymphadenopathy")
ANY_WEAKNESS = ("WEAKNESS_GENERAL", "WEAKNESS_PROXIMAL", "PARALYSIS_ACUTE")

# vocabulary.md 7.1: analyte by the name in its findings.
LOW_OR_HIGH = {
    "MG": "magnesium",
    "K": "potassium",
    "NA": "sodium",
    "PHOS": "phosphate",
    "ALB": "albumin",
    "ALP": "alp",
    "PTH": "pth",
    "HCO3": "bicarbonate",
    "CL": "chloride",
    "GLU": "glucose",
    "TSH": "tsh",
    "PH": "ph",
    "VITD": "vitamin_d_25oh",
}
ONLY_HIGH = {
    "CREAT": "creatinine",
    "UREA": "urea",
    "CK": "ck",
    "URATE": "urate",
    "LDH": "ldh",
    "CRP": "crp",
    "D125": "vitamin_d_1_25oh2",
    "OSM": "osmolality",
    "KETONES": "ketones",
    "H_INDEX": "haemolysis_index",
}


def findings(c: Case) -> dict[str, Truth]:
    """Every finding by its id. A finding is shown of an unreliable result too, as it was reported."""
    shown = c.reported
    found: dict[str, Truth] = {}
    for name, analyte in LOW_OR_HIGH.items():
        found |= {f"{name}_LOW": shown.low(analyte), f"{name}_HIGH": shown.high(analyte)}
    found |= {f"{name}_HIGH": shown.high(analyte) for name, analyte in ONLY_HIGH.items()}
    found |= {"CA_LOW": c.ca_reported_low, "CA_HIGH": c.ca_reported_high}
    if c.calcium != "calcium_total" and not c.joint:
        found |= {"CA_TOTAL_LOW": shown.low("calcium_total"), "CA_TOTAL_HIGH": shown.high("calcium_total")}
    found["CA_INDETERMINATE"] = c.joint and len(c.calcium_sides(c.live)) > 1
    found["PANEL_NORMAL"] = panel_normal(c)
    found |= {
        "MG_LOW_NORMAL": mg_low_normal(c),
        "CA_UPPER_NORMAL": ca_upper_normal(c),
        "VITD_DEFICIENT": vitd_deficient(c),
        "VITD_SEVERELY_LOW": c.live.is_("vitamin_d_25oh", "<", {"nmol/L": "25", "ng/mL": "10"}),
        "PTH_INAPPROPRIATELY_NORMAL": pth_inappropriately_normal(c),
        "PTH_PENDING": pth_pending(c),
        "EGFR_LOW": egfr_low(c),
        "EGFR_BELOW_30": egfr_below_30(c),
        "AKI": c.aki,
        "K_RISE_FAST": k_rise_fast(c, shown),
        "PHOS_ABOVE_2_0": phos_above_2_0(c),
        "CK_HIGH_5X": ck_times(c, 5),
        "CK_FROM_5000": c.live.is_("ck", ">=", "5000"),
        "PLT_HIGH": plt_high(c),
        "WBC_HIGH": wbc_high(c),
        "ACIDOSIS": acidosis(c),
        "CCCR_LOW": cccr_low(c),
        "CA_HIGH_FROM_2_80": ca_high_from_2_80(c),
        "CA_LOW_UNDER_2_10": ca_low_under(c, "2.10", "8.4"),
        # From before feeding: none without feeding.
        "REFEEDING_FALL_SEVERE": all_of(refeeding_fall_above(c, 30), c.condition("feeding_restarted_5d")),
    }
    return found


def panel_normal(c: Case) -> Truth:
    """Mg, primary calcium, K and D all final, reliable and of class normal (vocabulary.md 7.1)."""
    four = [one for one in c.entries.values() if one.analyte in ("magnesium", "potassium", "vitamin_d_25oh", c.calcium)]
    final = all(one.sent.get("status", "final") in ("final", "corrected", "amended") for one in four)
    normal = all_of(
        c.live.normal("magnesium"), c.ca_normal, c.live.normal("potassium"), c.live.normal("vitamin_d_25oh")
    )
    return normal if final or normal is False else None


def mg_low_normal(c: Case) -> Truth:
    """DEC-07; 0.85 // 2.07."""
    low_part = all_of(c.live.normal("magnesium"), c.live.is_("magnesium", "<", {"mmol/L": "0.85", "mg/dL": "2.07"}))
    # DEC-56: no MATCHED pattern of SP 3.9 explains it. A low potassium is explained there by a low magnesium only.
    explained = c.matched(
        "VITD_DEFICIENCY_HYPOCALCAEMIA_OSTEOMALACIA", "CKD_MINERAL_BONE_DISORDER", "RHABDOMYOLYSIS_PATTERN"
    )
    risk = any_of(
        c.condition("t2dm", "alcohol_misuse", "malabsorption", "chronic_diarrhoea"),
        c.medication("ppi", *MG_WASTING),
        c.live.low("potassium"),
        False if explained else c.ca_low,
    )
    return all_of(low_part, risk)


def ca_upper_normal(c: Case) -> Truth:
    """Adjusted, class normal: >=2.60 // >=10.4, or >=2.50 // >=10.0 with a feature; adults (MC 3.2)."""
    features = any_of(
        c.condition("osteoporosis"),
        c.symptom("KIDNEY_STONE", "FRAGILITY_FRACTURE", "THIRST", "POLYURIA", "CONSTIPATION"),
    )
    upper = any_of(
        c.live.is_("calcium_adjusted", ">=", {"mmol/L": "2.60", "mg/dL": "10.4"}),
        all_of(c.live.is_("calcium_adjusted", ">=", {"mmol/L": "2.50", "mg/dL": "10.0"}), features),
    )
    return all_of(c.adjusted_normal, upper, c.age_from(18))


def ca_high_from_2_80(c: Case) -> Truth:
    """MC 3.2."""
    return all_of(c.ca_high, c.ca_is(">=", "2.80", "11.2", "1.42", "5.7"))


def ca_low_under(c: Case, mmol: str, mg: str) -> Truth:
    """CA_LOW_UNDER_2_10, CA_LOW_UNDER_2_00 (vocabulary.md 7.2)."""
    return all_of(c.ca_low, c.ca_is("<", mmol, mg))


def vitd_deficient(c: Case) -> Truth:
    """The band, under the active policy; under one without that band nam_2011: <30 nmol/L, <12 ng/mL (DEC-23)."""
    # Withheld while the acute phase lowers it (D6).
    if c.matched("VITD_ACUTE_PHASE"):
        return None
    if (c.panel.get("options") or {}).get("vitamin_d_policy") in ("sacn_2016", "efsa_2016", "es_2024", "ags_2014"):
        return c.live.is_("vitamin_d_25oh", "<", {"nmol/L": "30", "ng/mL": "12"})
    return c.live.in_band("vitamin_d_25oh", "deficient")


def pth_inappropriately_normal(c: Case) -> Truth:
    """Inside its interval while calcium is low or high (SP 0.3)."""
    return all_of(c.live.normal("pth"), any_of(c.ca_low, c.ca_high))


def pth_pending(c: Case) -> Truth:
    """Ordered, no value yet."""
    return any(one.analyte == "pth" and one.refusal == "no_value" for one in c.entries.values())


def egfr_low(c: Case) -> Truth:
    return c.live.is_("egfr", "<", "60")


def egfr_below_30(c: Case) -> Truth:
    return c.live.is_("egfr", "<", "30")


def phos_above_2_0(c: Case) -> Truth:
    """MC 5."""
    return c.live.is_("phosphate", ">", {"mmol/L": "2.0", "mg/dL": "6.2"})


def cccr_low(c: Case) -> Truth:
    """MC 5."""
    return c.live.is_("cccr", "<", "0.01")


def plt_high(c: Case) -> Truth:
    return c.live.is_("platelets", ">", "500")


def wbc_high(c: Case) -> Truth:
    """DEC-30."""
    return c.live.is_("wbc", ">=", "50")


def acidosis(c: Case) -> Truth:
    """DK 5."""
    return any_of(c.live.is_("ph", "<", "7.30"), c.live.is_("bicarbonate", "<", "18"))


def glu_from_11_1(c: Case) -> Truth:
    return c.live.is_("glucose", ">=", {"mmol/L": "11.1", "mg/dL": "200"})


def ck_times(c: Case, times: int) -> Truth:
    """CK_HIGH_4X, 5X, 10X: multiples of the laboratory's upper limit; 5X is >1000 U/L where none came."""
    found = c.live.results.get("ck", [])
    if not found:
        return None
    upper = (found[0].sent.get("interval") or {}).get("high")
    if upper is None:
        return c.live.is_("ck", ">", "1000") if times == 5 else None
    return c.live.is_("ck", ">=", str(Decimal(upper) * times))


def u_mg_high(c: Case) -> Truth:
    """FEMg >4 %, or >1 mmol/24 h, while magnesium is low (DEC-25)."""
    return all_of(
        c.live.low("magnesium"), any_of(c.live.is_("fe_magnesium", ">", "4"), c.live.is_("magnesium_urine", ">", "1"))
    )


def urea_creat_ratio_high(c: Case) -> Truth:
    """Urea:creatinine >100 mmol:mmol; 80.8 to 100 is UNKNOWN (DK 5)."""
    urea, creatinine = (c.live.results.get(name, []) for name in ("urea", "creatinine"))
    if not urea or not creatinine or not urea[0].reading or not creatinine[0].reading:
        return None
    above, below = number_of(urea[0].reading.number), number_of(creatinine[0].reading.number)
    if above is None or not below or urea[0].reading.unit != "mmol/L" or creatinine[0].reading.unit != "umol/L":
        return None
    ratio = above / (below / 1000)
    return True if ratio > 100 else None if ratio >= Fraction("80.8") else False


def k_rise_fast(c: Case, shown: View) -> Truth:
    """Rise >0.5 mmol/L within 12 h, the later value above its interval (DEC-04)."""
    now = [one for one in shown.results.get("potassium", []) if "collected" in one.sent]
    before = c.before("potassium")
    if not now or not before:
        return None
    rose = []
    for one in now:
        assert one.reading is not None
        value = number_of(one.reading.number)
        for past in before:
            hours = (time_of(one.sent) - time_of(past)).total_seconds() / 3600
            rose.append(hours <= 12 and value is not None and value - Fraction(past["value"]) > Fraction("0.5"))
    return all_of(any(rose), shown.high("potassium"))


def refeeding_falls(c: Case) -> list[Fraction]:
    """How far phosphate, potassium and magnesium fell, in per cent of the earlier value."""
    falls = []
    for analyte in ("phosphate", "potassium", "magnesium"):
        for one in c.live.results.get(analyte, []):
            assert one.reading is not None
            value = number_of(one.reading.number)
            before = [Fraction(past["value"]) for past in c.before(analyte)]
            if before and value is not None:
                falls.append((max(before) - value) / max(before) * 100)
    return falls


def refeeding_fall_from_10(c: Case) -> Truth:
    """REFEEDING_FALL_MILD or more: 10 % and above."""
    falls = refeeding_falls(c)
    return any(fall >= 10 for fall in falls) if falls else None


def refeeding_fall_above(c: Case, percent: int) -> Truth:
    falls = refeeding_falls(c)
    return any(fall > percent for fall in falls) if falls else None


def not_low(c: Case, analyte: str) -> Truth:
    """Measured and not low: a required clause, not an excluding one (SP 0.2)."""
    return no(c.live.low(analyte))
