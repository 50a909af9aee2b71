"""Panels by chance that are dense where rules live: values at a limit or beside it, clauses TRUE, FALSE and UNKNOWN.

Left out: free text, two results of one analyte at one time (but for paired potassium), birth dates, other policies and
critical-limit sets than the default ones, and what no id can say (a documented target of a Gitelman patient).
"""

from __future__ import annotations

from random import Random

from tests.oracle.people import Table
from tests.oracle.reading.recipes import RECIPES

NOW, HOURS_AGO, DAYS_AGO, WEEKS_AGO = (
    *("2025-03-10T08:00:00Z", "2025-03-10T01:00:00Z", "2025-03-06T08:00:00Z", "2025-02-03T08:00:00Z"),
)

UNITS = {
    **dict.fromkeys(("magnesium", "calcium_total", "calcium_adjusted", "calcium_ionised", "potassium"), "mmol/L"),
    **dict.fromkeys(("sodium", "phosphate", "bicarbonate", "chloride", "urea", "glucose", "ketones"), "mmol/L"),
    **dict.fromkeys(("potassium_urine", "chloride_urine"), "mmol/L"),
    **dict.fromkeys(("creatinine", "urate"), "umol/L"),
    **dict.fromkeys(("alp", "ck", "ldh"), "U/L"),
    **dict.fromkeys(("platelets", "wbc"), "10*9/L"),
    "albumin": "g/L",
    "egfr": "mL/min/{1.73_m2}",
    "pth": "pmol/L",
    "vitamin_d_25oh": "nmol/L",
    "vitamin_d_1_25oh2": "pmol/L",
    "crp": "mg/L",
    "tsh": "m[IU]/L",
    "osmolality": "mosm/kg",
    "ph": "[pH]",
    "cccr": "1",
    "fe_magnesium": "%",
    "calcium_creatinine_urine": "1",
    "free_haemoglobin": "g/L",
}
# Limits of the documents and a digit beside them, ordinary values among them.
VALUES = {
    "magnesium": "0.20 0.38 0.40 0.41 0.49 0.50 0.55 0.69 0.70 0.78 0.84 0.85 0.90 1.00 1.01 1.20 1.99 2.00 2.49 2.50"
    " 3.50 3.51 5.00",
    "calcium_adjusted": "1.20 1.60 1.75 1.76 1.80 1.81 1.89 1.90 1.95 1.99 2.00 2.05 2.09 2.10 2.19 2.20 2.35 2.49 2.50"
    " 2.59 2.60 2.61 2.70 2.79 2.80 2.95 2.99 3.00 3.20 3.49 3.50 3.80",
    "calcium_total": "0.90 1.60 1.80 1.89 1.90 1.98 2.05 2.10 2.19 2.20 2.35 2.50 2.60 2.61 2.80 2.99 3.00 3.50",
    "calcium_ionised": "0.75 0.80 0.81 0.89 0.90 0.99 1.00 1.10 1.15 1.16 1.25 1.32 1.33 1.41 1.42 1.49 1.50 1.60 1.75",
    "potassium": "1.4 2.4 2.5 2.6 2.9 3.0 3.2 3.4 3.5 3.7 3.9 4.0 4.2 5.0 5.3 5.4 5.5 5.7 5.9 6.0 6.1 6.4 6.5 7.2 8.9",
    "sodium": "118 120 121 124 125 129 130 132 133 140 146 147 149 150 155 156 160 165",
    "vitamin_d_25oh": "8 20 24 25 29 30 40 49 50 60 125 126 200 250 251 300 375 376 540",
    "pth": "0.5 1.5 1.6 3.0 6.9 7.0 12 19",
    "phosphate": "0.30 0.62 0.79 0.80 1.10 1.44 1.45 1.50 1.51 2.00 2.10 2.50",
    "alp": "12 29 30 80 130 131 240",
    "albumin": "18 19 20 22 24 25 30 34 35 40 45 50 51 55",
    "creatinine": "60 80 110 111 150 151 168 240",
    "egfr": "12 18 29 30 41 59 60 64 90",
    "glucose": "2.5 3.8 3.9 5.0 11.0 11.1 20 30 31",
    "bicarbonate": "12 17 18 21 22 26 29 30 34",
    "chloride": "90 94 95 100 108 109 115",
    "urea": "5.0 7.8 7.9 15 20",
    "ck": "100 400 800 999 1000 1001 2000 4999 5000 24000",
    "urate": "300 430 431 475 476 600",
    "ldh": "200 900",
    "platelets": "200 500 501 980",
    "wbc": "8 49 50 120",
    "crp": "3 5 6 10 11 30 31 140",
    "ph": "7.05 7.29 7.30 7.40 7.46 7.51",
    "ketones": "1.0 2.9 3.0 6.0",
    "osmolality": "290 300 301",
    "tsh": "0.01 0.4 2.0 4.0 6.0",
    "vitamin_d_1_25oh2": "60 200",
    "cccr": "0.006 0.009 0.010 0.020",
    "fe_magnesium": "1 2 4 4.1 6",
    "calcium_creatinine_urine": "0.05 0.30 0.90",
    "potassium_urine": "15 20 21 40",
    "chloride_urine": "20 24 25 60",
    "free_haemoglobin": "0.5 1.0 2.0 3.0",
}
IN_MG = {
    "magnesium": ("mg/dL", "0.9 1.0 1.1 1.2 1.3 1.6 1.7 1.9 2.06 2.07 2.2 2.4 2.5 4.7 4.8 5.9 6.0 8.4 8.5"),
    "calcium_adjusted": (
        "mg/dL",
        "7.0 7.1 7.2 7.5 7.6 8.0 8.3 8.4 8.7 8.8 9.4 10.0 10.4 10.5 11.1 11.2 11.9 12.0 13.9 14.0",
    ),
    "vitamin_d_25oh": ("ng/mL", "5 9 10 11 12 19 20 30 50 51 100 101 150 151"),
}
INTERVALS = {
    "creatinine": ("60", "110"),
    "ck": ("40", "200"),
    "vitamin_d_1_25oh2": ("48", "150"),
    "calcium_creatinine_urine": ("0.10", "0.60"),
    "potassium": ("3.5", "5.3"),
    "magnesium": ("0.70", "1.00"),
    "calcium_adjusted": ("2.20", "2.60"),
    "pth": ("1.6", "6.9"),
    "alp": ("30", "130"),
    "phosphate": ("0.80", "1.50"),
}
# What a laboratory may report as a bound.
BOUNDED = ("potassium", "magnesium", "vitamin_d_25oh", "pth", "tsh", "ck", "crp", "phosphate", "calcium_ionised")
ALWAYS_WITH_INTERVAL = ("vitamin_d_1_25oh2", "calcium_creatinine_urine")

# What meets in a rule: results, symptoms, conditions, medications.
THEMES: dict[str, tuple[str, str, str, str]] = {
    "edta": (
        "potassium calcium_adjusted magnesium alp egfr creatinine urate phosphate ck",
        "PALPITATIONS WEAKNESS_GENERAL",
        "recorded_well ckd dialysis ecg_change aki",
        "acei digoxin",
    ),
    "dilution": (
        "potassium sodium calcium_total magnesium albumin glucose chloride",
        "CONFUSION",
        "infusion_same_arm diabetes recorded_well",
        "",
    ),
    "gadolinium": (
        "calcium_total albumin calcium_ionised magnesium",
        "PARAESTHESIA_PERIORAL MUSCLE_CRAMP",
        "recorded_well",
        "gadolinium_interfering",
    ),
    "albumin": (
        "calcium_total albumin egfr magnesium calcium_ionised pth",
        "TETANY PARAESTHESIA_PERIORAL SEIZURE",
        "paraprotein critical_illness dialysis",
        "",
    ),
    "cells": (
        "potassium platelets wbc egfr creatinine",
        "WEAKNESS_GENERAL",
        "haematological_malignancy thrombocythaemia ecg_change recorded_well ckd",
        "acei",
    ),
    "magnesium low": (
        "magnesium calcium_adjusted potassium pth phosphate egfr fe_magnesium",
        "MUSCLE_CRAMP TETANY SEIZURE CHVOSTEK_TROUSSEAU",
        "alcohol_misuse t2dm malabsorption chronic_diarrhoea ischaemic_heart_disease",
        "ppi loop_diuretic thiazide cisplatin digoxin qt_prolonging",
    ),
    "magnesium high": (
        "magnesium egfr creatinine potassium calcium_adjusted",
        "REFLEXES_REDUCED DROWSINESS HYPOTENSION WEAKNESS_GENERAL DYSPNOEA RESP_MUSCLE_WEAKNESS",
        "aki dialysis pre_eclampsia_infusion heart_block",
        "mg_oxide mg_laxative lithium",
    ),
    "vitamin d low": (
        "vitamin_d_25oh calcium_adjusted phosphate alp pth egfr crp magnesium",
        "BONE_PAIN WEAKNESS_PROXIMAL GAIT_WADDLING KIDNEY_STONE FRAGILITY_FRACTURE",
        "malabsorption ckd sarcoidosis antiresorptive_planned primary_hyperparathyroidism_known",
        "enzyme_inducer orlistat thiazide",
    ),
    "vitamin d high": (
        "vitamin_d_25oh calcium_adjusted pth creatinine bicarbonate phosphate",
        "NAUSEA_VOMITING THIRST CONFUSION",
        "dehydration aki",
        "vitamin_d calcium_supplement",
    ),
    "calcium high": (
        "calcium_adjusted pth vitamin_d_25oh bicarbonate creatinine egfr cccr vitamin_d_1_25oh2",
        "THIRST POLYURIA NAUSEA_VOMITING CONFUSION KIDNEY_STONE WEIGHT_LOSS FATIGUE",
        "malignancy lymphoma sarcoidosis osteoporosis dehydration pancreatitis aki arrhythmia",
        "thiazide lithium calcium_carbonate digoxin",
    ),
    "calcium low": (
        "calcium_adjusted magnesium pth phosphate vitamin_d_25oh potassium egfr alp",
        "PARAESTHESIA_HANDS_FEET PARAESTHESIA_PERIORAL MUSCLE_CRAMP TETANY LARYNGOSPASM_STRIDOR QT_OR_ARRHYTHMIA_KNOWN",
        "neck_surgery_recent hypoparathyroidism_treated recorded_well parathyroid_surgery_4w pancreatitis"
        " massive_transfusion neuropathy_known",
        "denosumab bisphosphonate enzyme_inducer cytotoxic",
    ),
    "calcium ionised": (
        "calcium_ionised calcium_adjusted ph magnesium pth phosphate",
        "PARAESTHESIA_PERIORAL PARAESTHESIA_HANDS_FEET MUSCLE_CRAMP",
        "paraprotein critical_illness",
        "denosumab",
    ),
    "kidney and bone": (
        "egfr pth phosphate calcium_adjusted alp potassium magnesium vitamin_d_25oh",
        "BONE_PAIN",
        "ckd dialysis",
        "acei",
    ),
    "potassium low": (
        "potassium bicarbonate magnesium sodium chloride glucose",
        "PARALYSIS_ACUTE DIARRHOEA NAUSEA_VOMITING PALPITATIONS SYNCOPE WEAKNESS_GENERAL DYSPNOEA",
        "hypertension cirrhosis ischaemic_heart_disease arrhythmia qtc_from_500 post_dialysis_4h heart_failure",
        "loop_diuretic thiazide digoxin qt_prolonging laxative",
    ),
    "urine": (
        "potassium bicarbonate potassium_urine chloride_urine calcium_creatinine_urine magnesium",
        "NAUSEA_VOMITING MUSCLE_CRAMP",
        "hypertension",
        "loop_diuretic laxative",
    ),
    "potassium high": (
        "potassium egfr creatinine bicarbonate glucose calcium_adjusted",
        "WEAKNESS_GENERAL PALPITATIONS PARALYSIS_ACUTE RESP_MUSCLE_WEAKNESS",
        "ckd aki acutely_unwell ecg_change recorded_well dialysis",
        "acei mra nsaid digoxin beta_blocker",
    ),
    "adrenal": (
        "sodium potassium glucose calcium_adjusted",
        "FATIGUE WEIGHT_LOSS HYPOTENSION NAUSEA_VOMITING POSTURAL_DIZZINESS SYNCOPE",
        "steroid_withdrawal",
        "mra",
    ),
    "sodium": (
        "sodium glucose osmolality albumin urea creatinine potassium",
        "CONFUSION SEIZURE MUSCLE_CRAMP THIRST DIARRHOEA REDUCED_INTAKE WEAKNESS_GENERAL COMA",
        "diabetes",
        "thiazide serotonergic",
    ),
    "ketoacidosis": ("glucose ph ketones bicarbonate potassium sodium", "NAUSEA_VOMITING", "diabetes t2dm", "insulin"),
    "rhabdomyolysis": (
        "ck potassium phosphate calcium_adjusted creatinine urate",
        "MYALGIA DARK_URINE WEAKNESS_GENERAL POST_EXERCISE_SORENESS LIMB_SWELLING_TENSE STIFFNESS_HARDNESS FEVER",
        "exertion_recent unaccustomed_exercise heat_exposure crush_or_long_lie",
        "statin colchicine antipsychotic",
    ),
    "tumour lysis": (
        "potassium phosphate calcium_adjusted urate creatinine wbc",
        "SEIZURE",
        "cytotoxic_window bulky_tumour haematological_malignancy lymphoma",
        "cytotoxic",
    ),
    "refeeding": (
        "potassium phosphate magnesium glucose",
        "PALPITATIONS OEDEMA CONFUSION WEAKNESS_GENERAL",
        "feeding_restarted_5d bmi_below_16 bmi_below_18_5 weight_loss_over_10 little_intake_over_5d alcohol_misuse"
        " inpatient",
        "insulin antacid",
    ),
    "normal panel": (
        "magnesium calcium_adjusted potassium vitamin_d_25oh crp tsh ck",
        "MUSCLE_CRAMP POST_EXERCISE_SORENESS MYALGIA WIDESPREAD_PAIN_3M FATIGUE WEAKNESS_PROXIMAL DARK_URINE",
        "unaccustomed_exercise exertion_recent",
        "statin ppi",
    ),
    "other disease": (
        "crp ck tsh magnesium calcium_adjusted potassium vitamin_d_25oh",
        "GIRDLE_MORNING_STIFFNESS JAW_PAIN HEADACHE_NEW FOCAL_NEURO NEURO_ALARM_FEATURE FASCICULATION MUSCLE_WASTING"
        " WEAKNESS_PROXIMAL SWALLOWING_DIFFICULTY TRISMUS FEVER SELF_HARM_THOUGHTS EXERTIONAL_COLLAPSE_HEAT",
        "dirty_wound exertion_recent heat_exposure",
        "statin",
    ),
    "digoxin": (
        "potassium magnesium calcium_adjusted egfr creatinine",
        "NAUSEA_VOMITING PALPITATIONS BRADYCARDIA SYNCOPE",
        "arrhythmia ecg_change",
        "digoxin loop_diuretic",
    ),
}
# Panels whose four are inside their intervals, so that what is left for a normal panel is reached.
NORMAL = {"magnesium": "0.90", "calcium_adjusted": "2.35", "potassium": "4.2", "vitamin_d_25oh": "60"}
PATIENTS: list[Table] = [
    {"age_years": 40, "sex": "male"},
    {"age_years": 71, "sex": "male"},
    {"age_years": 30, "sex": "female", "pregnant": False},
    {"age_years": 66, "sex": "female", "pregnant": False},
    {"age_years": 55, "sex": "male"},
]
CHILDREN: list[Table] = [
    {"age_years": 9, "sex": "male"},
    {"age_months": 6, "sex": "female"},
    {"age_days": 5, "sex": "male", "preterm": False},
]


class Panels:
    """Panels in panel-file form; the same for the same seed."""

    def __init__(self, seed: int) -> None:
        self.random = Random(seed)

    def chance(self, probability: float) -> bool:
        return self.random.random() < probability

    def some(self, count: int) -> list[Table]:
        themes, recipes = list(THEMES), list(RECIPES)
        kinds = [themes[n // 3 % len(themes)] if n % 3 == 0 else recipes[n % len(recipes)] for n in range(count)]
        return [
            self.recipe(f"reading-{n}", name) if name in RECIPES else self.panel(f"reading-{n}", name)
            for n, name in enumerate(kinds)
        ]

    def recipe(self, id_: str, name: str) -> Table:
        """A rule with its clauses TRUE, but for a few that are FALSE or UNKNOWN."""
        values, symptoms, conditions, medications = (text.split() for text in RECIPES[name])
        panel: Table = {
            "id": id_,
            "title": name,
            "patient": dict(self.random.choice(CHILDREN if self.chance(0.06) else PATIENTS)),
        }
        found = []
        for analyte, choices in zip(values[::2], values[1::2], strict=True):
            if self.chance(0.88):
                value = self.value(analyte) if self.chance(0.08) else self.random.choice(choices.split("|"))
                found.append(self.result(analyte, value))
        panel["results"] = self.finished(found or [self.result("magnesium", "0.90")])
        if name == "delay" and self.chance(0.7):
            for one in panel["results"]:
                one["specimen"] = {**one.get("specimen", {}), "comments": ["9 h to the laboratory unspun"]}
        present = [(word, self.chance(0.6), self.chance(0.5)) for word in symptoms]
        panel["symptoms"] = [{"id": word, "present": is_} for word, is_, denied in present if is_ or denied]
        for key, ids in (("conditions", conditions), ("medications", medications)):
            if self.chance(0.85):
                panel[key] = [{"id": word} for word in ids if self.chance(0.5)]
        return panel

    def panel(self, id_: str, theme: str) -> Table:
        """The clauses of a theme, and at times those of another one."""
        themes = [theme, *([self.random.choice(list(THEMES))] if self.chance(0.25) else [])]
        analytes, symptoms, conditions, medications = (
            list(dict.fromkeys(word for name in themes for word in THEMES[name][column].split())) for column in range(4)
        )
        patient = self.random.choice(CHILDREN if self.chance(0.12) else PATIENTS)
        panel: Table = {"id": id_, "title": theme, "patient": dict(patient)}
        panel["results"] = self.results(analytes)
        panel["symptoms"] = self.symptoms(symptoms)
        for key, ids in (("conditions", conditions), ("medications", medications)):
            if self.chance(0.75):
                panel[key] = [{"id": name} for name in ids if self.chance(0.3)]
        if not panel["results"]:
            panel["results"] = [self.result("magnesium", self.value("magnesium"))]
        return panel

    def symptoms(self, ids: list[str]) -> list[Table]:
        """Present, denied or not mentioned."""
        found: list[Table] = []
        for name in ids:
            kind = self.random.choice(["present", "denied", "", ""])
            if kind:
                found.append({"id": name, "present": kind == "present"})
        return found

    def results(self, analytes: list[str]) -> list[Table]:
        found = []
        ordinary = self.chance(0.2)
        for name in analytes:
            if self.chance(0.78):
                value = NORMAL[name] if ordinary and name in NORMAL and self.chance(0.9) else self.value(name)
                found.append(self.result(name, value))
        for result in found:
            if result["analyte"] in IN_MG and not ordinary and self.chance(0.1):
                result["unit"], values = IN_MG[result["analyte"]]
                result["value"] = self.random.choice(values.split())
                result.pop("interval", None)
        return self.finished(found)

    def finished(self, found: list[Table]) -> list[Table]:
        """With specimens and earlier results."""
        for result in found:
            if result["id"] == "calcium_adjusted":
                # A computed one has this id.
                result["id"] = "calcium_reported"
        haemolysed = self.chance(0.08)
        # DEC-85: what an earlier result says when the newest is unreliable is left open.
        if not haemolysed:
            self.series(found)
        for result in found:
            if haemolysed:
                result.pop("comparator", None)
        self.specimens(found, haemolysed)
        return found

    def value(self, analyte: str) -> str:
        return self.random.choice(VALUES[analyte].split())

    def result(self, analyte: str, value: str) -> Table:
        result: Table = {"id": analyte, "analyte": analyte, "value": value, "unit": UNITS[analyte]}
        if analyte in INTERVALS and (analyte in ALWAYS_WITH_INTERVAL or self.chance(0.4)):
            low, high = INTERVALS[analyte]
            result["interval"] = {"low": low, "high": high}
        if self.chance(0.02):
            result |= {"value": "", "status": "registered"}
        elif self.chance(0.015):
            result["unit"] = ""
        elif self.chance(0.04) and analyte in BOUNDED:
            result["comparator"] = self.random.choice(["<", ">"])
        elif self.chance(0.02):
            result["flags"] = [self.random.choice(["LL", "HH", "H", "L"])]
        return result

    def series(self, found: list[Table]) -> None:
        """Earlier results; then the present ones carry a time as well."""
        by_name = {
            one["analyte"]: one
            for one in found
            if one["value"] and one["unit"] == UNITS[one["analyte"]] and "comparator" not in one
        }
        earlier = []
        for name, at in (
            ("creatinine", [DAYS_AGO, WEEKS_AGO]),
            ("potassium", [HOURS_AGO, DAYS_AGO]),
            ("phosphate", [DAYS_AGO, DAYS_AGO]),
            ("magnesium", [DAYS_AGO]),
            ("calcium_adjusted", [WEEKS_AGO]),
        ):
            if name in by_name and self.chance(0.2):
                time = self.random.choice(at)
                before = {"id": f"{name}_before", "collected": time, "value": self.value(name)}
                earlier.append({key: value for key, value in by_name[name].items() if key != "flags"} | before)
        if earlier or self.chance(0.2):
            for one in found:
                one["collected"] = NOW
        found += earlier

    def specimens(self, found: list[Table], haemolysed: bool) -> None:
        """One specimen for all, at times haemolysed; or potassium twice."""
        kind = self.random.choice(["serum", "serum", "serum", "plasma", None])
        for one in found:
            if one["id"].endswith("_before"):
                continue
            specimen: Table = {"id": "S1"}
            if haemolysed:
                specimen["haemolysis"] = "moderate"
            if kind:
                specimen["kind"] = kind
            if (haemolysed or kind) and "urine" not in one["analyte"]:
                one["specimen"] = specimen
        if haemolysed and self.chance(0.3):
            for one in found:
                if "specimen" in one:
                    one["specimen"] = one["specimen"] | {"haemolysis": "gross"}
        if haemolysed and self.chance(0.4):
            one = self.result("free_haemoglobin", self.value("free_haemoglobin"))
            timed = {"collected": NOW} if any("collected" in other for other in found) else {}
            found.append({**one, **timed, "specimen": {"id": "S1"}})
        potassium = next(
            (one for one in found if one["id"] == "potassium" and one["value"] and "comparator" not in one), None
        )
        if potassium and not haemolysed and self.chance(0.03):
            self.pair(found, potassium)

    def pair(self, found: list[Table], potassium: Table) -> None:
        """A serum above its interval and a normal plasma of the same draw, or the other way round."""
        low, high = self.random.choice([("serum", "plasma"), ("plasma", "serum")])
        for one in found:
            if not one["id"].endswith("_before"):
                one["collected"] = NOW
                if "urine" not in one["analyte"]:
                    one["specimen"] = {"id": "S1", "kind": high}
        found[:] = [one for one in found if one["id"] != "potassium_before"]
        potassium |= {
            "id": "potassium_high",
            "unit": "mmol/L",
            "value": self.random.choice(["5.5", "5.9", "6.1", "6.6"]),
            "specimen": {"id": "S1", "kind": high},
        }
        potassium.pop("interval", None)
        potassium.pop("flags", None)
        found.append(potassium | {"id": "potassium_low", "value": "4.4", "specimen": {"id": "S2", "kind": low}})
