"""Panels beyond the specs: every part is drawn by chance, and every value lies at a limit or one digit beside it.

Left out is what the reference interpreter leaves out: analytes that make an artefact of a specimen likely when they
come together (potassium with calcium, or with chloride or glucose), vitamin D components, CRP, and statements that
contradict each other (a pregnant man).
"""

from __future__ import annotations

import re
from decimal import Decimal
from fractions import Fraction
from random import Random

from tests.oracle.limits import read_number
from tests.oracle.people import Table
from tests.oracle.rules import Context, Reading

BESIDE_CALCIUM = ["calcium_ionised", "calcium_adjusted", "egfr", "ph"]
THEMES = [
    ["calcium_ionised", "calcium_adjusted", "albumin", "egfr"],
    ["magnesium", "potassium", "sodium", "phosphate", "creatinine", "urea", "bicarbonate"],
    ["vitamin_d_25oh", "magnesium", "creatinine", "tsh"],
    ["albumin", "alp", "pth", "urate", "ketones", "osmolality", "ck", "ph", "egfr", "tsh", "magnesium_ionised"],
]
PATIENTS: list[Table] = [
    {"age_years": 40, "sex": "male"},
    {"age_years": 71, "sex": "male"},
    {"age_years": 16, "sex": "male"},
    {"age_years": 9, "sex": "female", "pregnant": False},
    {"age_years": 30, "sex": "female", "pregnant": False},
    {"age_years": 33, "sex": "female", "pregnant": True, "trimester": 1},
    {"age_years": 55, "sex": "female", "pregnant": True, "trimester": 2},
    {"age_years": 12, "sex": "female", "pregnant": True, "trimester": 3},
    {"age_years": 0, "sex": "male", "preterm": False},
    {"age_months": 1, "sex": "female"},
    {"age_months": 0, "sex": "male", "preterm": True},
    {"age_days": 3, "sex": "female", "preterm": False},
    {"age_days": 27, "sex": "male", "preterm": True},
    {"age_days": 28, "sex": "male"},
    {"age_days": 30, "sex": "female"},
]
CONDITIONS = ["aki", "pre_eclampsia_infusion", "dialysis", "critical_illness", "paraprotein", "osteoporosis", "ckd"]


class Generator:
    """Panels in panel-file form; the same for the same seed."""

    def __init__(self, knowledge: Table, seed: int) -> None:
        self.knowledge, self.random = knowledge, Random(seed)

    def chance(self, probability: float) -> bool:
        return self.random.random() < probability

    def panels(self, count: int) -> list[Table]:
        return [self.panel(f"generated-{seed}") for seed in range(count)]

    def panel(self, id_: str) -> Table:
        analytes = self.random.choice([self.calcium(), *(self.random.sample(theme, 4) for theme in THEMES)])
        panel: Table = {"id": id_, "patient": self.patient(), "options": self.options()}
        panel["results"] = [self.result(f"r{n}", one) for n, one in enumerate(analytes[: self.random.randint(1, 4)])]
        if self.chance(0.5):
            recorded = self.random.sample(CONDITIONS, self.random.choice([0, 1, 1, 2]))
            panel["conditions"] = [{"id": name} for name in recorded]
        return panel

    def calcium(self) -> list[str]:
        """Total calcium and albumin, and perhaps what decides how they are read."""
        return ["calcium_total", "albumin", *self.random.sample(BESIDE_CALCIUM, 2)]

    def patient(self) -> Table:
        """A patient of whom something may be unknown."""
        patient = dict(self.random.choice(PATIENTS))
        for key in list(patient):
            if self.chance(0.15):
                del patient[key]
        if "pregnant" not in patient:
            patient.pop("trimester", None)
        return patient

    def options(self) -> Table:
        choices = self.knowledge["choices"]
        names = ("vitamin_d_policy", "critical_limits", "intervals")
        return {name: self.random.choice(choices[name])["id"] for name in names if self.chance(0.3)}

    def result(self, id_: str, analyte: str) -> Table:
        table = self.knowledge["analytes"][analyte]
        units = [row["ucum"] for row in table.get("units", ()) if not row.get("needs_code")] or ["mmol/L"]
        unit = self.random.choice(units)
        result: Table = {"id": id_, "analyte": analyte, "unit": unit, "value": self.value(table, unit)}
        if self.chance(0.1):
            result["value"] = self.random.choice(["<", "<=", ">", ">="]) + result["value"]
        if self.chance(0.2) and table.get("codes"):
            result["code"] = self.random.choice(table["codes"])["loinc"]
            result = {key: value for key, value in result.items() if key != "analyte" or self.chance(0.5)}
        elif self.chance(0.2) and table["role"] != "never_read":
            result["interval"] = self.interval(table, unit)
        if analyte == "potassium" and self.chance(0.7):
            result["specimen"] = {"kind": self.random.choice(["serum", "plasma", "whole_blood", "venous"])}
        self.spoil(result)
        return result

    def spoil(self, result: Table) -> None:
        """Now and then what a sender gets wrong."""
        if self.chance(0.05):
            result["unit"] = self.random.choice(["", "%", "mg/L", "mmol", "g/L", "pmol/L"])
        if self.chance(0.03):
            result["value"] = self.random.choice(["pending", "", "see comment", "4,0"])
        if self.chance(0.05):
            result["flags"] = [self.random.choice(["L", "LL", "HH", "AA", "N"])]
        if self.chance(0.03):
            result["status"] = self.random.choice(["registered", "preliminary", "cancelled", "corrected"])
        if self.chance(0.02) and "interval" not in result:
            result["code"] = self.random.choice(["2601-4", "718-7", "2823-3", "18281-6"])

    def value(self, table: Table, unit: str) -> str:
        """A limit of the analyte in this unit, or one digit beside it."""
        digits = next((row["digits"] for row in table.get("units", ()) if row["ucum"] == unit), 2)
        digits += self.chance(0.15)
        by = Context(self.knowledge, {}).factor
        rows = [row for key in ("plausibility", "intervals") for row in table.get(key, ())] + list(
            table.get("critical", ())
        )
        rows += [band for bands in table.get("band_tables", ()) for band in bands["bands"]]
        limits = [row["limits"] for row in rows] + [dict.fromkeys([unit], text) for text in graded(table, unit)]
        written = self.random.choice(limits or [{unit: "x < 100"}])
        of = unit if unit in written else next(iter(written))
        numbers = re.findall(r"\d+(?:\.\d+)?", written[of]) or ["1"]
        reading = Reading({}, table, {}, unit, read_number("0", None) or (), ())
        limit = Fraction(self.random.choice(numbers)) * (1 if of == unit else by(reading, of, unit))
        step = self.random.choice([-1, 0, 0, 1])
        rounded = Decimal(round(limit * 10**digits) + step).scaleb(-digits)
        return str(max(rounded, Decimal(0)))

    def interval(self, table: Table, unit: str) -> Table:
        """The laboratory's own interval: wider, narrower, one-ended, back to front, or text."""
        low, high = sorted((Decimal(self.value(table, unit)), Decimal(self.value(table, unit))))
        kind = self.random.choice(["both", "both", "low", "high", "text", "reversed", "words"])
        return {
            "both": {"low": str(low), "high": str(high)},
            "low": {"low": str(low)},
            "high": {"high": str(high)},
            "text": {"text": f"{low} - {high}"},
            "reversed": {"low": str(high), "high": str(low)},
            "words": {"text": "see comment"},
        }[kind]


def graded(table: Table, unit: str) -> list[str]:
    """The limits of CTCAE grades in a unit."""
    return [text for term in table.get("ctcae", ()) for text in term["grades"].get(unit, {}).values()]
