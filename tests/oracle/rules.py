"""What is in force for a result of a panel: every row looked through, for everybody who may be meant."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from typing import NamedTuple

from tests.oracle.limits import Limit, end_of, limit_of, meet, side_of, smallest_digit, times
from tests.oracle.people import Table, covers, people, within
from tests.oracle.verdicts import Rules, Verdict, judge_all


class Reading(NamedTuple):
    """A result with its number read, in the unit that it is compared in, and the laboratory's own interval."""

    result: Table
    analyte: Table
    code: Table
    unit: str
    number: Limit
    own: Limit

    def step(self) -> Fraction:
        """One tenth of the smallest digit of any limit."""
        return smallest_digit(self.analyte, self.unit) / 10


class Context:
    """What every result of a panel is judged by: the knowledge, the patient, the options, the problem list."""

    def __init__(self, knowledge: Table, panel: Table) -> None:
        self.knowledge, self.patient, self.options = knowledge, panel.get("patient") or {}, panel.get("options") or {}
        recorded = {item["id"] for item in panel.get("conditions") or () if "id" in item}
        # What is TRUE; what is unknown is not.
        self.true = {f"condition.{id_}" for id_ in recorded} | ({"finding.AKI"} if "aki" in recorded else set())

    def people(self, *readings: Reading) -> Iterator[Table]:
        """Everybody who may be meant."""
        first, computed = readings[0], self.knowledge["computations"]
        kind = (first.result.get("specimen") or {}).get("kind") or first.code.get("specimen", "")
        rows = [{"age": {"from": computed["albumin_adjustment"]["from_age"]}}, computed["pregnancy"]]
        for policy in self.knowledge["choices"]["vitamin_d_policy"]:
            rows += [{"age": policy.get("age", {})}, {"age": policy.get("default_for", {})}]
        for reading in readings:
            rows += [
                row for kinds in ("intervals", "band_tables", "critical") for row in reading.analyte.get(kinds, ())
            ]
        return people(self.patient, kind, rows, computed["pregnancy"]["age"])

    def verdicts(self, reading: Reading) -> set[Verdict]:
        """On every number allowed, of everybody who may be meant."""
        step = reading.step()
        return {verdict for (rules,) in self.in_force(reading) for verdict in judge_all(reading.number, rules, step)}

    def plausible(self, reading: Reading) -> bool:
        """DEC-77: a value is implausible only when every number that it allows is."""
        return any(verdict.plausible for verdict in self.verdicts(reading))

    def in_force(self, *readings: Reading) -> set[tuple[Rules, ...]]:
        """The rules of the readings, for everybody who may be meant; remembered, because they do not need the value."""
        asked = [(reading.result | {"value": ""}, reading.analyte["id"], reading.unit) for reading in readings]
        key = str((asked, self.patient, self.options, sorted(self.true)))
        known: dict[str, set[tuple[Rules, ...]]] = self.knowledge.setdefault("in_force", {})
        if key not in known:
            known[key] = {tuple(self.rules(reading, one) for reading in readings) for one in self.people(*readings)}
        return known[key]

    def rules(self, reading: Reading, person: Table) -> Rules:
        """What is in force for a person."""
        analyte, unit, interval = reading.analyte, reading.unit, self.interval(reading, person)
        bands = [(row, row["limits"][unit]) for row in self.band_table(analyte, person)]
        critical = [row for row in analyte.get("critical", ()) if self.counts(row, person)]
        grades = [(term, grade) for term in analyte.get("ctcae", ()) for grade in term["grades"].get(unit, {}).items()]
        hard = [row["limits"] for row in analyte.get("plausibility", ()) if row["kind"] == "hard"]
        ends = interval or ()
        return Rules(
            interval,
            tuple((row["band"], row["side"], limit_of(at, ends), limit_of(at), _stays(row, at)) for row, at in bands),
            tuple((row["side"], limit_of(row["limits"][unit])) for row in critical),
            tuple((term["side"], int(grade), limit_of(at, ends)) for term, (grade, at) in grades) or None,
            tuple(limit_of(limits[unit]) for limits in hard if unit in limits),
        )

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

    def may_be_of_its_unit(self, reading: Reading, sent: str) -> bool:
        """DEC-101: whether the laboratory's interval may be one of the analyte, in the unit sent, for somebody."""
        if not reading.own:
            return True
        said = {self._admits(reading, person) for person in self.people(reading)}
        if True in said or None not in said:
            return True in said
        rows = [row for row in reading.analyte.get("intervals", ()) if row.get("variant", "default") == "default"]
        first: dict[str, str] = {}
        for unit in reading.analyte["units"]:
            first.setdefault(unit["property"], unit["ucum"])
        as_sent = times(reading.own, self.factor(reading, reading.unit, sent))
        met = {unit for unit in (sent, *first.values()) for row in rows if meet(as_sent, self._in(reading, row, unit))}
        return sent in met or not met

    def _in(self, reading: Reading, row: Table, unit: str) -> Limit:
        """An interval as written in a unit, else converted."""
        written = unit if unit in row["limits"] else next(iter(row["limits"]))
        return times(limit_of(row["limits"][written]), self.factor(reading, written, unit))

    def _admits(self, reading: Reading, person: Table) -> bool | None:
        """Whether it meets the interval of a person, and reaches beyond no outermost fixed band or default critical."""
        default = self.interval(reading._replace(own=()), person)
        bands = [(row, row["limits"][reading.unit]) for row in self.band_table(reading.analyte, person)]
        fixed = [limit_of(text) for row, text in bands if _stays(row, text) and row["side"] != "normal"]
        for row in reading.analyte.get("critical", ()):
            if row.get("set", "default") == "default" and self.counts(row, person):
                fixed.append(limit_of(row["limits"][reading.unit]))
        low, high = end_of(reading.own, ">"), end_of(reading.own, "<")
        for limit in fixed:
            lower, upper = end_of(limit, ">"), end_of(limit, "<")
            if (lower is None and upper is not None and low is not None and low < upper) or (
                upper is None and lower is not None and high is not None and high > lower
            ):
                return False
        return None if default is None else meet(reading.own, default)

    def band_table(self, analyte: Table, person: Table) -> list[Table]:
        """The bands of this person, this context and this policy."""
        policy = self.policy(person["age"])
        tables = [row for row in analyte.get("band_tables", ()) if covers(row, person)]
        tables = [row for row in tables if row.get("policy", policy) == policy and self.recorded(row)]
        return list(max(tables, key=lambda row: "when" in row)["bands"]) if tables else []

    def policy(self, age: Fraction) -> str:
        """vocabulary.md 15.1; outside the population of the one chosen, the default of the age (DEC-68)."""
        rows = self.knowledge["choices"]["vitamin_d_policy"]
        chosen = [row for row in rows if row["id"] == self.options.get("vitamin_d_policy") and self.recorded(row)]
        chosen = [row for row in chosen if not row.get("wording_only") and within(age, row.get("age", {}))]
        defaults = [row for row in rows if "default_for" in row and within(age, row["default_for"])]
        return str((chosen + defaults)[0]["id"])

    def counts(self, row: Table, person: Table) -> bool:
        """DEC-08: critical limits of the chosen set count beside the default's."""
        chosen = row.get("set", "default") in ("default", self.options.get("critical_limits"))
        return chosen and self.recorded(row) and row.get("unless") not in self.true and covers(row, person)

    def recorded(self, row: Table) -> bool:
        """Whether the condition that a row needs is TRUE."""
        return "when" not in row or row["when"] in self.true

    def factor(self, reading: Reading, unit: str, to: str) -> Fraction:
        """What one of a unit is in another: mol/L = g/L / molar mass = eq/L / charge (DEC-50)."""
        rows = {row["ucum"]: row for row in self.knowledge["units"]["unit"]}
        scales = Fraction(rows[unit]["scale"]) / Fraction(rows[to]["scale"])
        if rows[unit]["dimension"] == rows[to]["dimension"]:
            return scales
        grams = reading.code.get("molar_mass") or reading.analyte.get("molar_mass") or 0
        one_mole = {"mass_concentration": grams, "equivalent_concentration": reading.analyte.get("charge", 0)}
        of, into = (Fraction(one_mole.get(rows[name]["dimension"], 1)) for name in (unit, to))
        return scales * into / of


def _stays(band: Table, text: str) -> bool:
    """Whether a band is fixed: no end of it is the interval's, and it does not yield to the interval."""
    return "LLN" not in text and "ULN" not in text and not band.get("yields_to_interval")
