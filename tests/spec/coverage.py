"""Which limits of the knowledge are straddled: by a case on the limit, and one within a step on either side of it.

A step is what a laboratory reports to. A case counts only where the row is in force for somebody whom its spec may
mean: of the row's age, sex, pregnancy, specimen, context, policy, variant or set.
"""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from typing import NamedTuple

from tests.oracle.limits import limit_of, read_number
from tests.oracle.people import Table, covers
from tests.oracle.results import unit_of
from tests.oracle.rules import Context, Reading
from tests.spec.specs import Spec

# Reporting precision, where it is coarser than the digits that a unit keeps (DK 1.4; ionised calcium: MC 1.3);
# of a range, "0.1-1 ng/mL" or "0.01-0.1 mg/dL", the coarse end.
PRECISION = {
    ("potassium", "mmol/L"): Fraction(1, 10),
    ("sodium", "mmol/L"): Fraction(1),
    ("vitamin_d_25oh", "nmol/L"): Fraction(1),
    ("vitamin_d_25oh", "ng/mL"): Fraction(1),
    ("calcium_ionised", "mg/dL"): Fraction(1, 10),
}


class LimitOfRow(NamedTuple):
    """A number of the knowledge, in one unit, with the row that it stands in, and the row that says for whom."""

    kind: str
    row: str
    unit: str
    number: Fraction
    whom: Table


class Cases(NamedTuple):
    """The numbers that a spec sends in one unit, and what its panels are judged by."""

    context: Context
    people: list[Table]
    unit: str
    own_interval: bool
    numbers: set[Fraction]


def limits_of(analyte: Table) -> Iterator[LimitOfRow]:
    """Every limit of every plausibility row, interval, band, critical limit and CTCAE grade of an analyte."""
    rows = [(row["kind"], row["kind"], row["limits"], row) for row in analyte.get("plausibility", ())]
    rows += [("interval", row["id"], row["limits"], row) for row in analyte.get("intervals", ())]
    rows += [("critical", row["id"], row["limits"], row) for row in analyte.get("critical", ())]
    for table in analyte.get("band_tables", ()):
        rows += [("band", f"{table['id']}.{row['band']}", row["limits"], table) for row in table["bands"]]
    for term in analyte.get("ctcae", ()):
        texts = [(unit, grade, text) for unit, grades in term["grades"].items() for grade, text in grades.items()]
        rows += [("ctcae", f"{term['term']} grade {grade}", {unit: text}, {}) for unit, grade, text in texts]
    for kind, row, limits, whom in rows:
        for unit, text in limits.items():
            yield from (LimitOfRow(kind, row, unit, number, whom) for _, number in limit_of(text))


def cases_of(knowledge: Table, analyte: Table, spec: Spec) -> Cases:
    """What a spec of an analyte sends."""
    context, unit = Context(knowledge, spec.panels[0]), unit_of(Context(knowledge, {}), spec.table)
    people = list(context.people(Reading(spec.table, analyte, {}, unit, (), ())))
    read = [number[0] for value in spec.values if (number := read_number(value, None))]
    return Cases(context, people, unit, "interval" in spec.table, {number for sign, number in read if sign == "="})


def in_force(limit: LimitOfRow, cases: Cases) -> bool:
    """Whether the row of a limit is in force for somebody whom the cases may mean."""
    whom, options = limit.whom, cases.context.options
    variant, chosen = whom.get("variant", "default"), whom.get("set", "default")
    if cases.unit != limit.unit or (limit.kind == "interval" and cases.own_interval):
        return False
    if variant not in ("default", options.get("intervals")) or chosen not in (
        "default",
        options.get("critical_limits"),
    ):
        return False
    if limit.kind in ("critical", "band") and not cases.context.recorded(whom):
        return False
    people = [person for person in cases.people if covers(whom, person)]
    policies = {cases.context.policy(person["age"]) for person in people}
    return bool(people) and ("policy" not in whom or whom["policy"] in policies)


def missing(analyte: Table, limit: LimitOfRow, every: list[Cases]) -> list[str]:
    """What no case has that the limit is in force for: a number "below", "on", "above" it."""
    digit = next(Fraction(1, 10 ** row["digits"]) for row in analyte["units"] if row["ucum"] == limit.unit)
    step = PRECISION.get((analyte["id"], limit.unit), digit)
    numbers = {number for cases in every if in_force(limit, cases) for number in cases.numbers}
    near = {number - limit.number for number in numbers if abs(number - limit.number) <= step}
    sides = {"below": any(by < 0 for by in near), "on": 0 in near, "above": any(by > 0 for by in near)}
    return [side for side, found in sides.items() if not found]
