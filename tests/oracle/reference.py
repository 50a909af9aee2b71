"""The reference interpreter: slow, obvious, and written from the clinical documents alone.

It shares the figures (the TOML files) with the engine, and no line of logic. A value behind a comparator is every value
of a fine grid; a patient of whom something is unknown is every patient who may be meant; every rule is looked up anew.
It answers the class, band, critical, CTCAE grade and refusal of each result. Left out: haemolysis and the other
artefacts of a specimen, vitamin D components and the acute phase, several results of one analyte, trend, symptoms,
patterns, recommendations.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterable, Iterator
from datetime import date, timedelta
from decimal import ROUND_HALF_UP, Decimal
from fractions import Fraction
from functools import cache
from itertools import pairwise, product
from pathlib import Path
from typing import Any, NamedTuple

Table = dict[str, Any]

# vocabulary.md 4.1, low to high.
LOW_TO_HIGH = (
    "severe_low moderate_low mild_low deficient inadequate no_band normal sufficient borderline_high mild_high"
    " below_target therapeutic high very_high moderate_high severe_high toxic_range"
).split()
# DEC-09: the customary units of each property.
CUSTOMARY = {"mass": ("mg/dL", "ng/mL"), "moles": ("mmol/L", "nmol/L")}
# DK 2.1, DEC-58: blood that did not clot is judged as plasma; only an unknown kind may be either.
KINDS = {"serum": ["serum"], None: ["serum", "plasma"], "serum_or_plasma": ["serum", "plasma"]}
KINDS["serum_plasma_or_blood"] = ["serum", "plasma"]
# DEC-53: a year is 365.25 days.
DAYS = {"d": Fraction(1), "mo": Fraction(36525, 1200), "y": Fraction(36525, 100)}
OLDEST_YEARS = 150
TRIMESTERS = ["trimester_1", "trimester_2", "trimester_3"]


def read_knowledge(folder: Path) -> Table:
    """The TOML files as they are: `analytes` by id, every other file by its name."""
    found: Table = {"analytes": {}}
    for path in sorted(folder.rglob("*.toml")):
        if not path.name.endswith(".specs.toml"):
            table = tomllib.loads(path.read_text(), parse_float=Decimal)
            if path.parent.name == "analytes":
                found["analytes"][table["id"]] = table
            else:
                found[path.stem] = table
    return found


# --- limits and values


class Span(NamedTuple):
    """The numbers between two ends; an end that is None is open."""

    low: Fraction | None = None
    low_in: bool = True
    high: Fraction | None = None
    high_in: bool = True

    def holds(self, x: Fraction | int) -> bool:
        if self.low is not None and (x < self.low or (x == self.low and not self.low_in)):
            return False
        return self.high is None or x < self.high or (x == self.high and self.high_in)

    def times(self, factor: Fraction | int) -> Span:
        low = None if self.low is None else self.low * factor
        return Span(low, self.low_in, None if self.high is None else self.high * factor, self.high_in)


def span_of(text: str, interval: Span | None = None) -> Span:
    """A written limit. LLN and ULN are the ends of the interval; without an interval they bound nothing."""
    low, low_in, high, high_in = None, True, None, True
    left, middle, right = re.fullmatch(r"(?:(\S+) (<=?) )?x(?: ([<>]=? \S+))?", text).groups()  # type: ignore[union-attr]
    ends = {"LLN": interval and interval.low, "ULN": interval and interval.high}
    if left:
        low, low_in = ends[left] if left in ends else Fraction(left), middle == "<="
    if right:
        sign, end = right.split()
        number = ends[end] if end in ends else Fraction(end)
        if sign.startswith("<"):
            high, high_in = number, sign == "<="
        else:
            low, low_in = number, sign == ">="
    return Span(low, low_in, high, high_in)


BOUNDS = {
    "<": lambda n: Span(high=n, high_in=False),
    "<=": lambda n: Span(high=n),
    ">": lambda n: Span(low=n, low_in=False),
    ">=": lambda n: Span(low=n),
    "": lambda n: Span(n, True, n, True),
}


def read_number(value: str, comparator: str | None) -> Span | None:
    """Every number that the value allows, or None when it is text (DEC-46: "<4.0" is a comparator and a number)."""
    written = re.fullmatch(r"\s*(<=|>=|<|>)?\s*(-?\d+(?:\.\d+)?)\s*", value, re.ASCII)
    if not written or (comparator and written[1] and comparator != written[1]):
        return None
    return BOUNDS[comparator or written[1] or ""](Fraction(written[2]))


class Rules(NamedTuple):
    """What is in force for one patient, in one unit."""

    interval: Span | None
    # Band, side, whether it is fixed whatever the interval says, its values, its values without the interval's ends.
    bands: tuple[tuple[str, str, bool, Span, Span], ...]
    critical: tuple[tuple[str, Span], ...]
    # None: the analyte is not graded in this unit.
    grades: tuple[tuple[str, int, Span], ...] | None
    hard: tuple[Span, ...]

    def ends(self) -> set[Fraction]:
        spans = [*self.hard, *(span for _, span in self.critical), *(span for *_, span in self.grades or ())]
        spans += [span for band in self.bands for span in band[3:]] + [self.interval or Span()]
        return {end for span in spans for end in (span.low, span.high) if end is not None}

    def times(self, by: int) -> Rules:
        """The same rules with every number multiplied: what makes a grid of whole numbers possible."""
        return Rules(
            self.interval and self.interval.times(by),
            tuple((*band[:3], band[3].times(by), band[4].times(by)) for band in self.bands),
            tuple((side, span.times(by)) for side, span in self.critical),
            self.grades and tuple((side, grade, span.times(by)) for side, grade, span in self.grades),
            tuple(span.times(by) for span in self.hard),
        )


class Verdict(NamedTuple):
    """What one value of one patient is. `class_` "unknown": there is no interval to judge it by."""

    class_: str
    band: str
    critical: str
    grade: int | None


def judge(x: Fraction | int, rules: Rules) -> Verdict:
    """MC 3.1, DK 3.2: fixed bands never move, then the interval, then the bands whose outer edge it is."""
    beyond = next((side for side, span in rules.critical if span.holds(x)), "")
    class_, band = _class_and_band(x, rules, beyond)
    grade = None
    if rules.grades is not None:
        graded = [number for side, number, span in rules.grades if side == class_ and span.holds(x)]
        grade = 0 if class_ == "normal" else graded[0] if graded else None
    return Verdict(class_, band, "yes" if beyond else "no", grade)


def _class_and_band(x: Fraction | int, rules: Rules, beyond: str) -> tuple[str, str]:
    for band, side, fixed, span, _ in rules.bands:
        if fixed and span.holds(x):
            return side, band
    if rules.interval is None:
        return "unknown", ""
    # DEC-87: a value beyond a critical limit in force is low or high, whatever the interval says.
    if rules.interval.holds(x) and not beyond:
        return "normal", "normal" if rules.bands else ""
    low = rules.interval.low
    class_ = beyond or ("low" if low is not None and x <= low else "high")
    bands = [band for band, side, fixed, _, span in rules.bands if not fixed and side == class_ and span.holds(x)]
    return class_, bands[0] if bands else ""


def grid(rules: Rules, allowed: Span) -> Iterator[tuple[Fraction, Verdict | None]]:
    """Values from 0 to beyond the largest limit, with their verdicts (None: implausible), that the span allows."""
    ends = sorted({Fraction(0), *rules.ends(), *(end for end in (allowed.low, allowed.high) if end is not None)})
    ends.append(ends[-1] + 1)
    for x in {*ends, *((a + b) / 2 for a, b in pairwise(ends))}:
        if x >= 0 and allowed.holds(x):
            yield x, _plausible(x, rules)
    if allowed.low is None or allowed.low != allowed.high:
        yield from ((x, verdict) for x, verdict in _whole_grid(rules) if allowed.holds(x))


def _plausible(x: Fraction | int, rules: Rules) -> Verdict | None:
    return None if any(span.holds(x) for span in rules.hard) else judge(x, rules)


@cache
def _whole_grid(rules: Rules) -> list[tuple[Fraction, Verdict | None]]:
    # One tenth of the smallest digit of any limit; whole numbers, because fractions are slow. An interval that was
    # converted has ends of many digits: they and what lies between them are looked at one by one in `grid`.
    decimals = [end for end in rules.ends() if 10**6 % end.denominator == 0]
    digits = next(n for n in range(7) if all((end * 10**n).denominator == 1 for end in decimals))
    parts = 10 ** (digits + 1)
    scaled = rules.times(parts)
    return [(Fraction(n, parts), _plausible(n, scaled)) for n in range(int(max(rules.ends()) * parts) + 10)]


# --- units


def ucum(knowledge: Table, written: str) -> str:
    """DEC-51: blanks trimmed, exact UCUM, then the aliases; anything else stays as it is, and is not accepted."""
    written = written.strip()
    for row in knowledge["units"]["unit"]:
        if written == row["ucum"] or written in row.get("spellings", ()):
            return str(row["ucum"])
    return written


def factor(knowledge: Table, analyte: Table, code: Table | None, unit: str, to: str) -> Fraction:
    """What one of the unit is in the other: by the molar mass and charge of the analyte where they differ in kind."""
    rows = {row["ucum"]: row for row in knowledge["units"]["unit"]}
    scales = Fraction(rows[unit]["scale"]) / Fraction(rows[to]["scale"])
    grams = Fraction((code or {}).get("molar_mass") or analyte.get("molar_mass") or 0)
    one_mole = {"mass_concentration": grams, "equivalent_concentration": Fraction(analyte.get("charge", 0))}
    one_mole |= {"amount_concentration": Fraction(1)}
    if rows[unit]["dimension"] == rows[to]["dimension"]:
        return scales
    return scales * one_mole[rows[to]["dimension"]] / one_mole[rows[unit]["dimension"]]


def compared_in(analyte: Table, unit: str) -> str:
    """R-UNIT-1: a unit that limits are written in is compared as it is; any other in the first of those."""
    native = [row["ucum"] for row in analyte["units"] if row.get("native")]
    return unit if unit in native else native[0]


# --- patients


def ages(knowledge: Table, analyte: Table, patient: Table, on: date | None) -> list[dict[str, Fraction]]:
    """Every age that the patient may have, in days, months and years."""
    if "birth_date" in patient:
        born = str(patient["birth_date"])
        days = [date(year, 1, 1) + timedelta(n) for year in [int(born[:4])] for n in range(366)]
        return [_calendar_age(day, on) for day in days if on and day.isoformat().startswith(born) and day <= on]
    stated = [(unit, patient[key]) for key, unit in (("age_days", "d"), ("age_months", "mo"), ("age_years", "y"))
              if patient.get(key) is not None]  # fmt: skip
    first, end = Fraction(0), DAYS["y"] * OLDEST_YEARS
    if stated:
        unit, number = stated[0]
        first, end = number * DAYS[unit], (number + (unit != "d")) * DAYS[unit]
    limits = [number * DAYS[unit] for number, unit in _age_limits([analyte, knowledge["choices"],
              knowledge["computations"]])]  # fmt: skip
    days_old = {*map(Fraction, range(61)), *(DAYS["y"] * n for n in range(OLDEST_YEARS)), first, end - 1}
    days_old |= {limit + step for limit in limits for step in (-1, 0, 1)}
    return [{unit: age / DAYS[unit] for unit in DAYS} for age in days_old if age == first or first < age < end]


def _age_limits(table: Any) -> Iterator[tuple[int, str]]:
    for key, value in table.items() if isinstance(table, dict) else enumerate(table):
        if key in ("from", "to", "from_age") and isinstance(value, str):
            yield int(value.split()[0]), value.split()[1]
        elif isinstance(value, dict | list):
            yield from _age_limits(value)


def _calendar_age(born: date, on: date) -> dict[str, Fraction]:
    """DEC-60: completed days, months and years by the calendar."""
    months = (on.year - born.year) * 12 + on.month - born.month - (on.day < born.day)
    return {"d": Fraction((on - born).days), "mo": Fraction(months), "y": Fraction(months // 12)}


def within(age: dict[str, Fraction], limits: Table) -> bool:
    """Ages are half-open: from <= age < to."""
    begin, end = (limits.get(key, "").split() for key in ("from", "to"))
    return (not begin or age[begin[1]] >= int(begin[0])) and (not end or age[end[1]] < int(end[0]))


def patients(knowledge: Table, analyte: Table, patient: Table, kinds: list[str], on: date | None) -> Iterator[Table]:
    """Every concrete patient who may be meant (vocabulary.md 3; DEC-47, DEC-59). No age at all: nobody is left out."""
    admissible = knowledge["computations"]["pregnancy"]["age"]
    for age in ages(knowledge, analyte, patient, on) or ages(knowledge, analyte, {}, None):
        pretermed = [patient["preterm"]] if patient.get("preterm") is not None else [True, False]
        for sex in [patient["sex"]] if patient.get("sex") in ("female", "male") else ["female", "male"]:
            trimesters = [f"trimester_{patient['trimester']}"] if patient.get("trimester") else TRIMESTERS
            if patient.get("pregnant") is None and not patient.get("trimester"):
                trimesters = ["none", *trimesters] if sex == "female" and within(age, admissible) else ["none"]
            elif patient.get("pregnant") is False:
                trimesters = ["none"]
            for pregnancy, preterm, kind in product(trimesters, pretermed if age["d"] < 60 else [False], kinds):
                yield {"age": age, "sex": sex, "pregnancy": pregnancy, "preterm": preterm, "specimen": kind}


def covers(row: Table, person: Table) -> bool:
    """Whether a row is for this person; what it does not say is everybody."""
    return (
        within(person["age"], row.get("age", {}))
        and row.get("sex", person["sex"]) == person["sex"]
        and person["pregnancy"] in row.get("pregnancy", [person["pregnancy"]])
        and row.get("preterm", person["preterm"]) == person["preterm"]
        and person["specimen"] in row.get("specimen", [person["specimen"]])
    )


# --- one result


class Reading(NamedTuple):
    """A result whose number is read: every value it allows, in the unit it is compared in."""

    analyte: Table
    code: Table | None
    unit: str
    values: Span
    # The laboratory's own interval in that unit; one end may be open.
    own: Span


class Panel:
    """A panel with what every result of it is judged by."""

    def __init__(self, knowledge: Table, panel: Table) -> None:
        self.knowledge, self.panel = knowledge, panel
        self.patient, self.options = panel.get("patient") or {}, panel.get("options") or {}
        self.conditions = {item["id"] for item in panel.get("conditions") or ()}
        self.severe_kidney_disease = False

    def true(self, expression: Any) -> bool:
        """Whether a condition is recorded; what is unknown is not TRUE."""
        kind, name = expression.split(".")
        return name in self.conditions if kind == "condition" else self.findings[name]

    @property
    def findings(self) -> dict[str, bool]:
        return {"AKI": "aki" in self.conditions, "EGFR_BELOW_30": self.severe_kidney_disease}

    def people(self, result: Table, reading: Reading) -> Iterator[Table]:
        kind = (result.get("specimen") or {}).get("kind") or (reading.code or {}).get("specimen")
        on = result.get("collected") or self.panel.get("as_of")
        day = date.fromisoformat(str(on)[:10]) if on else None
        return patients(self.knowledge, reading.analyte, self.patient, KINDS.get(kind, ["plasma"]), day)

    def rules(self, reading: Reading, person: Table) -> Rules:
        """What is in force for this person, found by looking through every row."""
        analyte, unit = reading.analyte, reading.unit
        interval = self._interval(reading, person)
        sets = ("default", self.options.get("critical_limits"))
        critical = [
            (row["side"], span_of(row["limits"][unit]))
            for row in analyte.get("critical", ())
            if row.get("set", "default") in sets and covers(row, person)
            and ("when" not in row or self.true(row["when"])) and not ("unless" in row and self.true(row["unless"]))
        ]  # fmt: skip
        grades = [
            (term["side"], int(grade), span_of(text, interval))
            for term in analyte.get("ctcae", ())
            for grade, text in term["grades"].get(unit, {}).items()
        ]
        bands = tuple(
            (
                row["band"],
                row["side"],
                not row.get("yields_to_interval") and "LN" not in row["limits"][unit],
                span_of(row["limits"][unit], interval),
                span_of(row["limits"][unit]),
            )
            for row in self._band_table(analyte, person)
        )
        hard = (row["limits"] for row in analyte.get("plausibility", ()) if row["kind"] == "hard")
        spans = tuple(span_of(limits[unit]) for limits in hard if unit in limits)
        return Rules(interval, bands, tuple(critical), tuple(grades) or None, spans)

    def _interval(self, reading: Reading, person: Table) -> Span | None:
        """K2, R-RI-1: the laboratory's own, else the chosen variant, else the default; a missing end is theirs."""
        own = reading.own
        if own.low is not None and own.high is not None:
            return own
        default: Span | None = None
        for variant in ("default", self.options.get("intervals")):
            for row in reading.analyte.get("intervals", ()):
                if row.get("variant", "default") == variant and covers(row, person):
                    default = self._in_unit(row["limits"], reading)
        if own.low is None and own.high is None:
            return default
        ends = default or Span()
        low = (own.low, True) if own.low is not None else (ends.low, ends.low_in)
        high = (own.high, True) if own.high is not None else (ends.high, ends.high_in)
        return Span(*low, *high)

    def _in_unit(self, limits: dict[str, str], reading: Reading) -> Span:
        if reading.unit in limits:
            return span_of(limits[reading.unit])
        unit, text = next(iter(limits.items()))
        return span_of(text).times(factor(self.knowledge, reading.analyte, reading.code, unit, reading.unit))

    def _band_table(self, analyte: Table, person: Table) -> list[Table]:
        tables = [table for table in analyte.get("band_tables", ()) if covers(table, person)]
        policy = self._policy(person)
        tables = [table for table in tables if table.get("policy", policy) == policy]
        now = [table for table in tables if "when" in table and self.true(table["when"])]
        tables = now or [table for table in tables if "when" not in table]
        return list(tables[0]["bands"]) if tables else []

    def _policy(self, person: Table) -> str:
        """vocabulary.md 15.1; DEC-68: outside the population of the chosen policy, the default of the age."""
        rows = self.knowledge["choices"]["vitamin_d_policy"]
        for row in rows:
            if row["id"] == self.options.get("vitamin_d_policy") and not row.get("wording_only"):
                if within(person["age"], row.get("age", {})) and ("when" not in row or self.true(row["when"])):
                    return str(row["id"])
        return next(str(row["id"]) for row in rows if "default_for" in row and within(person["age"], row["default_for"]))

    def verdicts(self, result: Table, reading: Reading) -> set[Verdict | None]:
        """The verdict on every value allowed, for every patient who may be meant."""
        every = {self.rules(reading, person) for person in self.people(result, reading)}
        return {verdict for rules in every for _, verdict in grid(rules, reading.values)}


# --- from verdicts to an entry


def entry(state: str, class_: str, bands: Iterable[str], critical: str, grade: int | None = None, refusal: str = "") -> Table:
    remaining = sorted({band for band in bands if band}, key=LOW_TO_HIGH.index)
    flag = {"low": "L", "high": "H", "normal": "N", "indeterminate": "IND"}[class_]
    return {
        "state": state,
        "class": class_,
        "flag": flag * 2 if critical == "yes" and flag in "LH" else flag,
        "band": remaining[0] if len(remaining) == 1 else "",
        "bands": remaining,
        "critical": critical,
        "ctcae_grade": grade,
        "refusal": refusal or None,
    }


def refused(reason: str, critical: bool = False) -> Table:
    return entry("refused", "indeterminate", (), "possible" if critical else "no", refusal=reason)


def united(criticals: set[str]) -> str:
    """DEC-86: `possible` where patients or values disagree."""
    return criticals.pop() if len(criticals) == 1 else "possible"


def entry_of(verdicts: set[Verdict | None]) -> Table:
    """One class in all of them is the class, otherwise indeterminate; bands are all that remain."""
    kept = {verdict for verdict in verdicts if verdict}
    classes, bands = {verdict.class_ for verdict in kept}, {verdict.band for verdict in kept}
    class_ = classes.pop() if len(classes) == 1 else "unknown"
    state = "conditional" if class_ == "unknown" or len(bands) > 1 else "interpreted"
    grades = {verdict.grade for verdict in kept}
    settled = class_ if class_ != "unknown" else "indeterminate"
    grade = grades.pop() if len(grades) == 1 and settled != "indeterminate" else None
    return entry(state, settled, bands, united({verdict.critical for verdict in kept}), grade)


def interpret_result(knowledge: Table, panel: Table) -> dict[str, Table]:
    """Of each result, by its id or else its analyte, and of a computed adjusted calcium: what it is."""
    raise NotImplementedError
