"""A result as it was sent: recognised, read in its unit, or refused. The first reason of vocabulary.md 2 counts."""

from __future__ import annotations

import re

from tests.oracle.limits import Limit, read_commas, read_interval, read_number, times
from tests.oracle.people import Table
from tests.oracle.rules import Context, Reading
from tests.oracle.verdicts import entry, refused

# DEC-09: the customary units of each property.
CUSTOMARY = {"mass": ("mg/dL", "ng/mL"), "moles": ("mmol/L", "nmol/L")}
WITHOUT_VALUE = ("registered", "cancelled", "entered_in_error")


def read(context: Context, result: Table) -> Reading | Table:
    """The result with its number read, or its entry where it is refused or not recognised."""
    analytes, sent, code = context.knowledge["analytes"], result.get("analyte"), result.get("code")
    codes = {row["loinc"]: (id_, row) for id_, table in analytes.items() for row in table.get("codes", ())}
    invalid = code is not None and not right_check_digit(code)
    if not invalid and (code not in codes if code is not None else sent not in analytes):
        return entry("indeterminate", (), "no", None, "not_recognised")
    if result.get("status") in WITHOUT_VALUE or not result.get("value", "").strip():
        return refused("no_value")
    if invalid:
        return refused("code_invalid")
    id_, row = codes[code] if code is not None else (sent, {})
    if id_ != (sent or id_) or analytes[id_]["role"] == "never_read":
        return refused("wrong_analyte")
    number = read_number(result["value"], result.get("comparator"))
    if number is None:
        return refused(
            "value_not_numeric", flagged(result) or comma_may_be_critical(context, result, analytes[id_], row)
        )
    return read_unit(context, result, analytes[id_], row, number)


def comma_may_be_critical(context: Context, result: Table, analyte: Table, code: Table) -> bool:
    """DEC-103: in one of the ways in which a number with a comma may be meant, and inside the hard limits."""
    meant = read_commas(result["value"], result.get("comparator"))
    found = [read_unit(context, result, analyte, code, number) for number in meant]
    refusals = [one for one in found if isinstance(one, dict) and one["refusal"] != "value_implausible"]
    readings = [one for one in found if not isinstance(one, dict)]
    return any(one["critical"] == "possible" for one in refusals) or may_be_critical(context, result, readings)


def read_unit(context: Context, result: Table, analyte: Table, code: Table, number: Limit) -> Reading | Table:
    """DEC-51 for its spelling, DEC-09 where it is missing, not accepted or contradicts the code."""
    rows = [row for row in analyte["units"] if not row.get("needs_code") or "molar_mass" in code]
    accepted = {row["ucum"]: row["property"] for row in rows}
    readings = {unit: compared(context, result, analyte, code, unit, number) for unit in accepted}
    customary = [readings[unit] for units in CUSTOMARY.values() for unit in units if unit in accepted]
    named = [readings[unit] for unit in CUSTOMARY.get(code.get("property", ""), ()) if unit in accepted]
    unit = unit_of(context, result) or (next(iter(accepted)) if analyte.get("unit_may_be_blank") else "")
    if not unit:
        return refused("unit_missing", may_be_critical(context, result, named or customary))
    if unit not in accepted:
        return refused("unit_not_accepted", may_be_critical(context, result, list(readings.values())))
    contradicted = {accepted[unit], code.get("property")} == {"mass", "moles"}
    if contradicted and not settled(context, readings[unit], named):
        return refused("unit_conflict", may_be_critical(context, result, [readings[unit], *named]))
    if not context.plausible(readings[unit]):
        return refused("value_implausible", analyte.get("implausible_may_be_critical", False))
    return readings[unit]


def unit_of(context: Context, result: Table) -> str:
    """The unit, in UCUM where its spelling is known: exact UCUM first, then the spellings; case counts."""
    sent = (result.get("unit") or "").strip()
    return next((row["ucum"] for row in context.knowledge["units"]["unit"] if sent in row.get("spellings", ())), sent)


def compared(context: Context, result: Table, analyte: Table, code: Table, unit: str, number: Limit) -> Reading:
    """R-UNIT-1: in the unit reported where limits are written in it, else in the first that they are written in."""
    native = [row["ucum"] for row in analyte["units"] if row.get("native")]
    to = unit if unit in native else native[0]
    by = context.factor(Reading(result, analyte, code, to, number, ()), unit, to)
    own = times(read_interval(result.get("interval") or {}), by)
    reading = Reading(result, analyte, code, to, times(number, by), own)
    # K2: an interval that can be none of the analyte in this unit is not used.
    return reading if context.may_be_of_its_unit(reading, unit) else reading._replace(own=())


def settled(context: Context, sent: Reading, named: list[Reading]) -> bool:
    """DEC-09: judged as sent when the other reading is impossible or gives the same class; never if supporting."""
    if sent.analyte["role"] == "supporting":
        return False
    classes = {verdict.class_ for reading in (sent, named[0]) for verdict in context.verdicts(reading)}
    return context.plausible(sent) and (not context.plausible(named[0]) or len(classes) == 1)


def may_be_critical(context: Context, result: Table, readings: list[Reading]) -> bool:
    """DEC-09: critical and inside the hard limits in one of the readings, or flagged by the laboratory."""
    verdicts = [verdict for reading in readings for verdict in context.verdicts(reading)]
    return flagged(result) or any(verdict.critical == "yes" and verdict.plausible for verdict in verdicts)


def flagged(result: Table) -> bool:
    """Whether the laboratory flagged it as critical."""
    return not {"LL", "HH", "AA"}.isdisjoint(result.get("flags") or ())


def right_check_digit(code: str) -> bool:
    """Whether a LOINC code ends in its mod-10 check digit: each second digit from the right is doubled."""
    if not re.fullmatch(r"\d+-\d", code, re.ASCII):
        return False
    weighted = [int(digit) * (2 - place % 2) for place, digit in enumerate(code[-3::-1])]
    return (sum(number // 10 + number % 10 for number in weighted) + int(code[-1])) % 10 == 0
