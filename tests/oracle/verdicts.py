"""One number judged by the rules in force for one patient, and the entry that all verdicts together make."""

from __future__ import annotations

from collections.abc import Iterable
from fractions import Fraction
from functools import cache
from typing import NamedTuple

from tests.oracle.limits import Limit, about, holds, side_of, steps
from tests.oracle.people import Table

# vocabulary.md 4.1, low to high.
LOW_TO_HIGH = [
    *("severe_low", "moderate_low", "mild_low", "deficient", "inadequate", "no_band", "normal", "sufficient"),
    *("borderline_high", "mild_high", "below_target", "therapeutic", "high", "very_high", "moderate_high"),
    *("severe_high", "toxic_range"),
]


class Rules(NamedTuple):
    """What is in force for one patient, in one unit."""

    interval: Limit | None
    # Band, side, its limit, the same without the interval's ends, whether it stays whatever the interval is.
    bands: tuple[tuple[str, str, Limit, Limit, bool], ...]
    # Side, limit.
    critical: tuple[tuple[str, Limit], ...]
    # Side, grade, limit; None: not graded in this unit.
    grades: tuple[tuple[str, int, Limit], ...] | None
    hard: tuple[Limit, ...]

    def limits(self) -> list[Limit]:
        """Every limit."""
        bands = [limit for _, _, *pair, _ in self.bands for limit in pair]
        return [self.interval or (), *bands, *(row[-1] for row in self.critical + (self.grades or ())), *self.hard]


class Verdict(NamedTuple):
    """What a number is; of class "unknown" where there is no interval."""

    class_: str
    band: str
    critical: str
    grade: int | None
    plausible: bool


def judge(x: Fraction, rules: Rules) -> Verdict:
    """The verdict on a number."""
    beyond = next((side for side, limit in rules.critical if holds(limit, x)), "")
    class_, band = _class_and_band(x, rules, beyond)
    grade = next((grade for side, grade, limit in rules.grades or () if side == class_ and holds(limit, x)), None)
    grade = 0 if rules.grades and class_ == "normal" else grade
    return Verdict(class_, band, "yes" if beyond else "no", grade, not any(holds(limit, x) for limit in rules.hard))


def _class_and_band(x: Fraction, rules: Rules, beyond: str) -> tuple[str, str]:
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


def judge_all(allowed: Limit, rules: Rules, step: Fraction) -> set[Verdict]:
    """The verdicts on every number that a value allows."""
    (sign, number), *_ = allowed
    if sign == "=":
        return {judge(number, rules)}
    found = {judge(x, rules) for x in about(allowed, rules.limits())}
    return found | {verdict for x, verdict in _judged_steps(rules, step) if holds(allowed, x)}


@cache
def _judged_steps(rules: Rules, step: Fraction) -> list[tuple[Fraction, Verdict]]:
    return [(x, judge(x, rules)) for x in steps(rules.limits(), step)]


def entry(class_: str, bands: Iterable[str], critical: str, grade: int | None, state: str) -> Table:
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
        "refusal": None,
    }


def refused(reason: str, may_be_critical: bool = False) -> Table:
    """The entry of a refused result."""
    return entry("indeterminate", (), "possible" if may_be_critical else "no", None, "refused") | {"refusal": reason}


def united(verdicts: Iterable[Verdict]) -> Table:
    """One class in all is the class, else indeterminate; bands are all that remain; criticals that differ: DEC-86."""
    classes, bands, criticals, grades, _ = (set(column) for column in zip(*verdicts, strict=True))
    class_ = classes.pop() if len(classes) == 1 else "unknown"
    state = "conditional" if class_ == "unknown" or len(bands) > 1 else "interpreted"
    class_ = class_.replace("unknown", "indeterminate")
    grade = grades.pop() if len(grades) == 1 and class_ != "indeterminate" else None
    return entry(class_, bands, criticals.pop() if len(criticals) == 1 else "possible", grade, state)
