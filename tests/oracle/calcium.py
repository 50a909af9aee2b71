"""Several calciums of one panel: which one counts, the albumin adjustment, two views judged together (MC 4, R-PRIM)."""

from __future__ import annotations

from decimal import ROUND_HALF_UP, Decimal
from fractions import Fraction

from tests.oracle.limits import Limit, holds, limit_of
from tests.oracle.people import Table, within
from tests.oracle.rules import Context, Reading
from tests.oracle.verdicts import Verdict, entry, judge_all, refused, united

# How far from normal a band is.
SEVERITY = ["normal", "mild", "moderate", "severe"]
COMPUTED = "calcium_adjusted"


def judge_calcium(context: Context, readings: dict[str, Reading]) -> dict[str, Table]:
    """The entries of all calciums of the panel, the computed one among them."""
    keys = {reading.analyte["id"]: key for key, reading in readings.items()}
    ionised, adjusted, total = (keys.get(f"calcium_{name}") for name in ("ionised", "adjusted", "total"))
    readings, entries = dict(readings), {}
    if (
        total
        and not adjusted
        and (computed := compute(context, readings[total], readings.get(keys.get("albumin", ""))))
    ):
        if context.plausible(computed):
            adjusted, readings[COMPUTED] = COMPUTED, computed
        else:
            entries[COMPUTED] = refused("value_implausible", True)
    if not ionised and adjusted and total and not_valid(context, readings, readings[adjusted]):
        return entries | together(context, total, adjusted, readings)
    calciums = [key for key in (ionised, adjusted, total) if key]
    for key in calciums:
        found = united(context.verdicts(readings[key]))
        entries[key] = found if key == calciums[0] else not_primary(found)
    return entries


def compute(context: Context, total: Reading, albumin: Reading | None) -> Reading | None:
    """R-ADJ-1, with the interval that came with the total; None where nothing is computed.

    Of an albumin below a number every adjusted calcium is meant that it allows; of other bounds nothing is computed.
    Nor is it in a patient who is certainly too young.
    """
    if (
        albumin is None
        or total.number[0][0] != "="
        or albumin.number[0][0][0] == ">"
        or old_enough(context, total) == {False}
    ):
        return None
    rows = context.knowledge["computations"]["albumin_adjustment"]["formulas"]
    formula = next(row for row in rows if row["total_unit"] == total.unit)
    factor = context.factor(albumin, albumin.unit, formula["albumin_unit"])

    def adjusted(grams: Fraction) -> Fraction:
        value = total.number[0][1] + Fraction(formula["slope"]) * (Fraction(formula["intercept"]) - grams * factor)
        steps = value * 10 ** formula["digits"]
        rounded = int((Decimal(steps.numerator) / Decimal(steps.denominator)).to_integral_value(ROUND_HALF_UP))
        return Fraction(rounded, 10 ** formula["digits"])

    ((sign, highest),) = albumin.number
    number: Limit = (("=", adjusted(highest)),)
    if sign != "=":
        # From the albumin that it is below down to the lowest that can be measured.
        hard = (
            limit_of(row["limits"][albumin.unit]) for row in albumin.analyte["plausibility"] if row["kind"] == "hard"
        )
        lowest = next(end for ((direction, end),) in hard if direction == "<")
        number = ((">=" if sign == "<=" else ">", adjusted(highest)), ("<=", adjusted(lowest)))
    return Reading(total.result, context.knowledge["analytes"][COMPUTED], {}, total.unit, number, total.own)


def old_enough(context: Context, reading: Reading) -> set[bool]:
    """Whether those who may be meant are old enough for the adjustment."""
    begin = {"from": context.knowledge["computations"]["albumin_adjustment"]["from_age"]}
    return {within(person["age"], begin) for person in context.people(reading)}


def not_valid(context: Context, readings: dict[str, Reading], adjusted: Reading) -> bool:
    """MC 4.2: a state of its first row is certain, or the patient may be too young."""
    below_30 = next(row for row in context.knowledge["findings"]["finding"] if row["id"] == "EGFR_BELOW_30")
    findings = {"finding.EGFR_BELOW_30"} if certain(below_30, readings) else set()
    rows = context.knowledge["computations"]["albumin_adjustment"]["not_valid"]
    stated = any(row.get("when") in context.true | findings or certain(row, readings) for row in rows)
    return stated or False in old_enough(context, adjusted)


def certain(row: Table, readings: dict[str, Reading]) -> bool:
    """Whether every number that the result of the row's analyte allows lies beyond the row's one-sided limit."""
    for reading in readings.values():
        if reading.analyte["id"] == row.get("analyte"):
            limit, ((sign, number),) = limit_of(row["limits"][reading.unit]), reading.number
            ((direction, end),) = limit
            inside = holds(limit, number) or (number == end and sign == direction)
            return inside and (sign == "=" or sign[0] == direction[0])
    return False


def together(context: Context, total: str, adjusted: str, readings: dict[str, Reading]) -> dict[str, Table]:
    """R-ADJ-4: one side, the more severe band and critical; two sides, indeterminate and no band (DEC-44, DEC-76)."""
    views = [readings[total], readings[adjusted]]
    joint = set()
    for rules in context.in_force(*views):
        found = [judge_all(view.number, rule, view.step()) for view, rule in zip(views, rules, strict=True)]
        joint |= {both(one, other) for one in found[0] for other in found[1]}
    verdict = united(joint) | {"state": "conditional", "ctcae_grade": None}
    if verdict["class"] == "indeterminate":
        return dict.fromkeys((total, adjusted), verdict | {"band": "", "bands": []})
    return {total: verdict, adjusted: verdict | {"ctcae_grade": united(context.verdicts(views[1]))["ctcae_grade"]}}


def both(one: Verdict, other: Verdict) -> Verdict:
    """Two views of the calcium of one patient."""
    criticals = {one.critical, other.critical}
    if one.class_ != other.class_:
        return Verdict("unknown", "", "possible" if len(criticals) == 2 else one.critical, None, True)
    severe = max(one.band, other.band, key=lambda band: SEVERITY.index(band.split("_")[0]))
    return Verdict(one.class_, severe, "yes" if "yes" in criticals else "no", None, True)


def not_primary(found: Table) -> Table:
    """Class and flag only: the critical limits are limits of the primary calcium."""
    state = "conditional" if found["class"] == "indeterminate" else "interpreted"
    return entry(found["class"], (), "no", None, state)
