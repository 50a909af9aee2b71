"""One result, judged by itself."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from fractions import Fraction
from functools import cache
from typing import NamedTuple

from tests.oracle.limits import (
    Limit,
    about,
    holds,
    limit_of,
    read_interval,
    read_number,
    side_of,
    smallest_digit,
    steps,
    times,
)
from tests.oracle.people import Table, covers, people, within

# vocabulary.md 4.1, low to high.
LOW_TO_HIGH = [
    "severe_low",
    "moderate_low",
    "mild_low",
    "deficient",
    "inadequate",
    "no_band",
    "normal",
    "sufficient",
    "borderline_high",
    "mild_high",
    "below_target",
    "therapeutic",
    "high",
    "very_high",
    "moderate_high",
    "severe_high",
    "toxic_range",
]
# DEC-09: the customary units of each property.
CUSTOMARY = {"mass": ("mg/dL", "ng/mL"), "moles": ("mmol/L", "nmol/L")}


class Rules(NamedTuple):
    """What is in force for one patient, in one unit."""

    interval: Limit | None
    # Band, side, its limit, the same without the interval's ends, whether it stays whatever the interval is.
    bands: tuple[tuple[str, str, Limit, Limit, bool], ...]
    critical: tuple[tuple[str, Limit], ...]
    # Side, grade, its limit. None: not graded in this unit.
    grades: tuple[tuple[str, int, Limit], ...] | None
    hard: tuple[Limit, ...]

    def limits(self) -> list[Limit]:
        """Every limit."""
        bands = [limit for _, _, *pair, _ in self.bands for limit in pair]
        return [self.interval or (), *bands, *(row[-1] for row in self.critical + (self.grades or ())), *self.hard]


class Verdict(NamedTuple):
    """What a value is; of class "unknown" where there is no interval."""

    class_: str
    band: str
    critical: str
    grade: int | None


class Reading(NamedTuple):
    """A result with its number read, in the unit that it is compared in, and the laboratory's own interval."""

    result: Table
    analyte: Table
    code: Table
    unit: str
    number: Limit
    own: Limit


# --- one number of one patient


def judge(x: Fraction, rules: Rules) -> Verdict | None:
    """The verdict on a number; None where it is implausible."""
    if any(holds(limit, x) for limit in rules.hard):
        return None
    beyond = next((side for side, limit in rules.critical if holds(limit, x)), "")
    class_, band = class_and_band(x, rules, beyond)
    grade = next((grade for side, grade, limit in rules.grades or () if side == class_ and holds(limit, x)), None)
    return Verdict(class_, band, "yes" if beyond else "no", 0 if rules.grades and class_ == "normal" else grade)


def class_and_band(x: Fraction, rules: Rules, beyond: str) -> tuple[str, str]:
    """R-RI-1, R-RI-2, DEC-49: moderate, severe and critical limits never move; the interval decides the rest."""
    for band, side, limit, _, stays in rules.bands:
        if stays and holds(limit, x):
            return side, band
    if rules.interval is None:
        return "unknown", ""
    # DEC-87: beyond a critical limit it is low or high, whatever the interval says.
    if holds(rules.interval, x) and not beyond:
        return "normal", "normal" if rules.bands else ""
    class_ = beyond or ("high" if holds(side_of(rules.interval, ">"), x) else "low")
    outside = (band for band, side, _, limit, stays in rules.bands if side == class_ and not stays and holds(limit, x))
    return class_, next(outside, "")


def judge_all(allowed: Limit, rules: Rules, step: Fraction) -> set[Verdict | None]:
    """The verdicts on every number that a value allows."""
    (sign, number), *_ = allowed
    if sign == "=":
        return {judge(number, rules)}
    found = {judge(x, rules) for x in about(allowed, rules.limits())}
    return found | {verdict for x, verdict in judged_steps(rules, step) if holds(allowed, x)}


@cache
def judged_steps(rules: Rules, step: Fraction) -> list[tuple[Fraction, Verdict | None]]:
    """Every number of the grid with its verdict."""
    return [(x, judge(x, rules)) for x in steps(rules.limits(), step)]


# --- entries


def entry(
    class_: str, bands: Iterable[str], critical: str, grade: int | None, state: str, refusal: str | None = None
) -> Table:
    """An entry of a report."""
    remaining = sorted({band for band in bands if band}, key=LOW_TO_HIGH.index)
    flag = {"low": "L", "high": "H", "normal": "N", "indeterminate": "IND"}[class_]
    return {
        "state": state,
        "class": class_,
        "flag": flag * 2 if critical == "yes" and flag in ("L", "H") else flag,
        "band": remaining[0] if len(remaining) == 1 else "",
        "bands": remaining,
        "critical": critical,
        "ctcae_grade": grade,
        "refusal": refusal,
    }


def refused(reason: str, may_be_critical: bool = False) -> Table:
    """The entry of a refused result."""
    return entry("indeterminate", (), "possible" if may_be_critical else "no", None, "refused", reason)


def united(verdicts: Iterable[Verdict | None]) -> Table:
    """One class in all is the class, else indeterminate; bands are all that remain; criticals that differ: DEC-86."""
    classes, bands, criticals, grades = (set(column) for column in zip(*filter(None, verdicts), strict=True))
    class_ = classes.pop() if len(classes) == 1 else "unknown"
    state = "conditional" if class_ == "unknown" or len(bands) > 1 else "interpreted"
    class_ = class_.replace("unknown", "indeterminate")
    grade = grades.pop() if len(grades) == 1 and class_ != "indeterminate" else None
    return entry(class_, bands, criticals.pop() if len(criticals) == 1 else "possible", grade, state)


# --- one panel


class Panel:
    """A panel with what its results are judged by."""

    def __init__(self, knowledge: Table, panel: Table) -> None:
        self.knowledge, self.patient, self.options = knowledge, panel.get("patient") or {}, panel.get("options") or {}
        recorded = {item["id"] for item in panel.get("conditions") or ()}
        # What is TRUE; what is unknown is not.
        self.true = {f"condition.{id_}" for id_ in recorded} | ({"finding.AKI"} if "aki" in recorded else set())

    def people(self, *readings: Reading) -> Iterator[Table]:
        """Every patient who may be meant."""
        first, computed = readings[0], self.knowledge["computations"]
        kind = (first.result.get("specimen") or {}).get("kind") or first.code.get("specimen", "")
        rows = [
            row
            for reading in readings
            for key in ("intervals", "band_tables", "critical")
            for row in reading.analyte.get(key, ())
        ]
        ages = [{"age": {"from": computed["albumin_adjustment"]["from_age"]}}, computed["pregnancy"]]
        ages += [
            {"age": row.get(key, {})}
            for row in self.knowledge["choices"]["vitamin_d_policy"]
            for key in ("age", "default_for")
        ]
        return people(self.patient, kind, rows + ages, computed["pregnancy"]["age"])

    def verdicts(self, reading: Reading) -> set[Verdict | None]:
        """On every number allowed, of every patient who may be meant."""
        step = step_of(reading)
        return {verdict for rules in self.in_force(reading) for verdict in judge_all(reading.number, rules[0], step)}

    def in_force(self, *readings: Reading) -> set[tuple[Rules, ...]]:
        """What is in force for the readings, for each patient who may be meant; looked up once for equal panels."""
        asked = [
            (reading.result | {"value": ""}, reading.analyte["id"], reading.code, reading.unit) for reading in readings
        ]
        key = str((asked, self.patient, self.options, sorted(self.true)))
        known = self.knowledge.setdefault("in_force", {})
        if key not in known:
            known[key] = {tuple(self.rules(reading, one) for reading in readings) for one in self.people(*readings)}
        return set(known[key])

    def rules(self, reading: Reading, person: Table) -> Rules:
        """What is in force for a person, found by looking through every row."""
        analyte, unit, interval = reading.analyte, reading.unit, self.interval(reading, person)
        bands = [(row, row["limits"][unit]) for row in self.band_table(analyte, person)]
        critical = [row for row in analyte.get("critical", ()) if self.counts(row, person)]
        grades = [(term, grade) for term in analyte.get("ctcae", ()) for grade in term["grades"].get(unit, {}).items()]
        hard = [
            row["limits"][unit]
            for row in analyte.get("plausibility", ())
            if row["kind"] == "hard" and unit in row["limits"]
        ]
        return Rules(
            interval,
            tuple(
                (row["band"], row["side"], limit_of(text, interval or ()), limit_of(text), stays(row, text))
                for row, text in bands
            ),
            tuple((row["side"], limit_of(row["limits"][unit])) for row in critical),
            tuple((term["side"], int(grade), limit_of(text, interval or ())) for term, (grade, text) in grades) or None,
            tuple(limit_of(text) for text in hard),
        )

    def counts(self, row: Table, person: Table) -> bool:
        """DEC-08: critical limits of the chosen set count beside the default's."""
        chosen = row.get("set", "default") in ("default", self.options.get("critical_limits"))
        now = ("when" not in row or row["when"] in self.true) and row.get("unless") not in self.true
        return chosen and now and covers(row, person)

    def interval(self, reading: Reading, person: Table) -> Limit | None:
        """K2, R-RI-1, DEC-79: each end is the laboratory's own, else of the chosen variant, else the default's."""
        found: Limit | None = None
        for variant in ("default", self.options.get("intervals")):
            for row in reading.analyte.get("intervals", ()):
                if row.get("variant", "default") == variant and covers(row, person):
                    unit = reading.unit if reading.unit in row["limits"] else next(iter(row["limits"]))
                    found = times(limit_of(row["limits"][unit]), self.factor(reading, unit, reading.unit))
        low, high = (side_of(reading.own, side) or side_of(found or (), side) for side in "><")
        return low + high if reading.own else found

    def band_table(self, analyte: Table, person: Table) -> list[Table]:
        """The bands of this person, this context and this policy."""
        policy = self.policy(person["age"])
        tables = [
            row for row in analyte.get("band_tables", ()) if covers(row, person) and row.get("policy", policy) == policy
        ]
        tables = [row for row in tables if row.get("when", "") in {"", *self.true}]
        return list(max(tables, key=lambda row: "when" in row)["bands"]) if tables else []

    def policy(self, age: Fraction) -> str:
        """vocabulary.md 15.1; outside the population of the one chosen, the default of the age (DEC-68)."""
        rows = self.knowledge["choices"]["vitamin_d_policy"]
        chosen = [
            row for row in rows if row["id"] == self.options.get("vitamin_d_policy") and not row.get("wording_only")
        ]
        chosen = [row for row in chosen if within(age, row.get("age", {})) and row.get("when", "") in {"", *self.true}]
        return str(
            (chosen + [row for row in rows if "default_for" in row and within(age, row["default_for"])])[0]["id"]
        )

    def factor(self, reading: Reading, unit: str, to: str) -> Fraction:
        """What one of a unit is in another: mol/L = g/L / molar mass = eq/L / charge (DEC-50)."""
        rows = {row["ucum"]: row for row in self.knowledge["units"]["unit"]}
        scales = Fraction(rows[unit]["scale"]) / Fraction(rows[to]["scale"])
        if rows[unit]["dimension"] == rows[to]["dimension"]:
            return scales
        grams = reading.code.get("molar_mass", reading.analyte.get("molar_mass", 0))
        one_mole = {
            "mass_concentration": Fraction(grams),
            "equivalent_concentration": Fraction(reading.analyte.get("charge", 0)),
        }
        of, into = (one_mole.get(rows[name]["dimension"], Fraction(1)) for name in (unit, to))
        return scales * into / of

    # --- reading a result: of several reasons to refuse it, the first of the table in vocabulary.md 2 counts

    def read(self, result: Table) -> Reading | Table:
        """The result with its number read, or its entry where it is refused or not recognised."""
        analytes, sent, code = self.knowledge["analytes"], result.get("analyte"), result.get("code")
        codes = {row["loinc"]: (id_, row) for id_, table in analytes.items() for row in table.get("codes", ())}
        if (
            result.get("status") in ("registered", "cancelled", "entered_in_error")
            or not result.get("value", "").strip()
        ):
            return refused("no_value")
        if code and not right_check_digit(code):
            return refused("code_invalid")
        if code not in codes if code else sent not in analytes:
            return entry("indeterminate", (), "no", None, "not_recognised")
        id_, row = codes[code] if code else (sent, {})
        if id_ != (sent or id_) or analytes[id_]["role"] == "never_read":
            return refused("wrong_analyte")
        number = read_number(result["value"], result.get("comparator"))
        return (
            self.read_unit(result, analytes[id_], row, number)
            if number
            else refused("value_not_numeric", flagged(result))
        )

    def read_unit(self, result: Table, analyte: Table, code: Table, number: Limit) -> Reading | Table:
        """DEC-51 for its spelling, DEC-09 where it is missing, not accepted or contradicts the code."""
        unit = (result.get("unit") or "").strip()
        unit = next((row["ucum"] for row in self.knowledge["units"]["unit"] if unit in row.get("spellings", ())), unit)
        accepted = {
            row["ucum"]: row["property"]
            for row in analyte["units"]
            if not row.get("needs_code") or "molar_mass" in code
        }
        readings = {name: self.compared(result, analyte, code, name, number) for name in accepted}
        customary = [name for names in CUSTOMARY.values() for name in names if name in accepted]
        named = [name for name in customary if name in CUSTOMARY.get(code.get("property", ""), ())]
        if not unit and analyte.get("unit_may_be_blank"):
            unit = next(iter(accepted))
        if not unit:
            return refused(
                "unit_missing", self.may_be_critical(result, [readings[name] for name in named or customary])
            )
        if unit not in accepted:
            return refused("unit_not_accepted", self.may_be_critical(result, list(readings.values())))
        if {accepted[unit], code.get("property")} == {"mass", "moles"} and not self.settled(
            readings[unit], named, readings
        ):
            return refused("unit_conflict", self.may_be_critical(result, [readings[name] for name in (unit, *named)]))
        if not any(self.verdicts(readings[unit])):
            return refused("value_implausible", analyte.get("implausible_may_be_critical", False))
        return readings[unit]

    def settled(self, sent: Reading, named: list[str], readings: dict[str, Reading]) -> bool:
        """DEC-09: judged as sent when the other reading is impossible or gives the same class."""
        if sent.analyte["role"] == "supporting":
            return False
        possible, other = (
            {verdict for verdict in self.verdicts(reading) if verdict} for reading in (sent, readings[named[0]])
        )
        classes = {verdict.class_ for verdict in possible | other}
        return bool(possible) and (not other or len(classes) == 1)

    def may_be_critical(self, result: Table, readings: list[Reading]) -> bool:
        """DEC-09: critical and inside the hard limits in one of the readings, or flagged by the laboratory."""
        verdicts = [verdict for reading in readings for verdict in self.verdicts(reading) if verdict]
        return flagged(result) or any(verdict.critical == "yes" for verdict in verdicts)

    def compared(self, result: Table, analyte: Table, code: Table, unit: str, number: Limit) -> Reading:
        """R-UNIT-1: in the unit reported where limits are written in it, else in the first that they are written in."""
        native = [row["ucum"] for row in analyte["units"] if row.get("native")]
        to = unit if unit in native else native[0]
        by = self.factor(Reading(result, analyte, code, to, number, ()), unit, to)
        return Reading(
            result, analyte, code, to, times(number, by), times(read_interval(result.get("interval") or {}), by)
        )


def step_of(reading: Reading) -> Fraction:
    """One tenth of the smallest digit of any limit."""
    return smallest_digit(reading.analyte, reading.unit) / 10


def stays(band: Table, text: str) -> bool:
    """Whether a band is fixed: no end of it is the interval's, and it does not yield to the interval."""
    return "LLN" not in text and "ULN" not in text and not band.get("yields_to_interval")


def flagged(result: Table) -> bool:
    """Whether the laboratory flagged it as critical."""
    return not {"LL", "HH", "AA"}.isdisjoint(result.get("flags") or ())


def right_check_digit(code: str) -> bool:
    """Whether a LOINC code ends in its mod-10 check digit: each second digit from the right is doubled."""
    if not re.fullmatch(r"\d+-\d", code, re.ASCII):
        return False
    weighted = [int(digit) * (2 - place % 2) for place, digit in enumerate(code[-3::-1])]
    return (sum(number // 10 + number % 10 for number in weighted) + int(code[-1])) % 10 == 0
