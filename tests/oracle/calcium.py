"""Several calciums of one panel: which one counts, the albumin adjustment, two views judged together (MC 4, R-PRIM)."""

from __future__ import annotations

from decimal import ROUND_HALF_UP, Decimal
from fractions import Fraction

from tests.oracle.limits import holds, limit_of
from tests.oracle.people import Table, within
from tests.oracle.results import Panel, Reading, Verdict, entry, judge_all, refused, step_of, united

# How far from normal a band is.
SEVERITY = ["normal", "mild", "moderate", "severe"]
COMPUTED = "calcium_adjusted"


def judge_calcium(panel: Panel, readings: dict[str, Reading]) -> dict[str, Table]:
    """The entries of all calciums of the panel, the computed one among them."""
    keys = {reading.analyte["id"]: key for key, reading in readings.items()}
    ionised, adjusted, total = (keys.get(f"calcium_{name}") for name in ("ionised", "adjusted", "total"))
    readings, entries, computed = dict(readings), {}, None
    if (
        total
        and not adjusted
        and (computed := adjusted_reading(panel, readings[total], readings.get(keys.get("albumin", ""))))
    ):
        if not any(panel.verdicts(computed)):
            entries[COMPUTED] = refused("value_implausible", True)
        else:
            adjusted, readings[COMPUTED] = COMPUTED, computed
    sent = [key for key in (ionised, adjusted, total) if key]
    if (
        not ionised
        and adjusted
        and total
        and (not_valid(panel, readings) or (computed and ages(panel, computed) == {True, False}))
    ):
        return entries | together(panel, total, adjusted, readings)
    for key in sent:
        entries[key] = united(panel.verdicts(readings[key]))
    for key in sent[1:]:
        entries[key] = not_primary(entries[key])
    return entries


def adjusted_reading(panel: Panel, total: Reading, albumin: Reading | None) -> Reading | None:
    """R-ADJ-1, with the interval that came with the total; None where there is nothing to compute.

    The formula needs two numbers: of a bound nothing is computed. Below the age of adjustment it is not either; where
    the age may be on either side, it is one of two views.
    """
    if albumin is None or (total.number[0][0], albumin.number[0][0]) != ("=", "=") or ages(panel, total) == {False}:
        return None
    rows = panel.knowledge["computations"]["albumin_adjustment"]["formulas"]
    formula = next(row for row in rows if row["total_unit"] == total.unit)
    grams = albumin.number[0][1] * panel.factor(albumin, albumin.unit, formula["albumin_unit"])
    value = total.number[0][1] + Fraction(formula["slope"]) * (Fraction(formula["intercept"]) - grams)
    steps = value * 10 ** formula["digits"]
    rounded = Fraction(int((Decimal(steps.numerator) / Decimal(steps.denominator)).to_integral_value(ROUND_HALF_UP)))
    number = (("=", rounded / 10 ** formula["digits"]),)
    return Reading(total.result, panel.knowledge["analytes"][COMPUTED], {}, total.unit, number, total.own)


def ages(panel: Panel, reading: Reading) -> set[bool]:
    """Whether the patients who may be meant are old enough for the adjustment."""
    begin = {"from": panel.knowledge["computations"]["albumin_adjustment"]["from_age"]}
    return {within(person["age"], begin) for person in panel.people(reading)}


def not_valid(panel: Panel, readings: dict[str, Reading]) -> bool:
    """MC 4.2, first row: one of its states is certain."""
    below_30 = next(row for row in panel.knowledge["findings"]["finding"] if row["id"] == "EGFR_BELOW_30")
    findings = {"finding.EGFR_BELOW_30"} if certain(panel, below_30, readings) else set()
    rows = panel.knowledge["computations"]["albumin_adjustment"]["not_valid"]
    return any(row.get("when") in panel.true | findings or certain(panel, row, readings) for row in rows)


def certain(panel: Panel, row: Table, readings: dict[str, Reading]) -> bool:
    """Whether every number that the result of the row's analyte allows fulfils the row's limit."""
    for reading in readings.values():
        if reading.analyte["id"] == row.get("analyte"):
            limit, (sign, number) = limit_of(row["limits"][reading.unit]), reading.number[0]
            (end, bound), *_ = limit
            inside = holds(limit, number) or (number == bound and sign == end)
            return inside and (sign == "=" or sign[0] == end[0])
    return False


def together(panel: Panel, total: str, adjusted: str, readings: dict[str, Reading]) -> dict[str, Table]:
    """R-ADJ-4: one side, the more severe band and critical; two sides, indeterminate and no band (DEC-44, DEC-76)."""
    views = [readings[total], readings[adjusted]]
    joint = set()
    for rules in panel.in_force(*views):
        of_total, of_adjusted = (
            judge_all(view.number, rule, step_of(view)) for view, rule in zip(views, rules, strict=True)
        )
        joint |= {both(one, other) for one in of_total for other in of_adjusted if one and other}
    verdict = united(joint) | {"state": "conditional", "ctcae_grade": None}
    if verdict["class"] == "indeterminate":
        verdict |= {"band": "", "bands": []}
    grade = united(panel.verdicts(readings[adjusted]))["ctcae_grade"] if verdict["class"] != "indeterminate" else None
    return {total: verdict, adjusted: verdict | {"ctcae_grade": grade}}


def both(one: Verdict, other: Verdict) -> Verdict:
    """Two views of one calcium."""
    criticals = {one.critical, other.critical}
    if one.class_ != other.class_:
        return Verdict("unknown", "", "possible" if len(criticals) == 2 else one.critical, None)
    severe = max((one.band, other.band), key=lambda band: SEVERITY.index(band.split("_")[0]))
    return Verdict(one.class_, severe, "yes" if "yes" in criticals else "no", None)


def not_primary(found: Table) -> Table:
    """Class and flag only: the critical limits are limits of the primary calcium."""
    state = "conditional" if found["class"] == "indeterminate" else "interpreted"
    return entry(found["class"], (), "no", None, state)
