"""Which cases a mutant can touch: what is left out here is left out because the answer cannot be another.

Where that is not plain, the case stays in. What is wrongly left out makes a survivor, never a mutant that is killed.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator, Sequence
from decimal import Decimal
from functools import cached_property

from labgloss.domain.quantity import Comparator
from labgloss.domain.report import ResultInterpretation
from labgloss.domain.subject import DAYS_PER, StatedAge
from labgloss.domain.truth import Truth, any_of
from labgloss.engine.combining import Apart, families_in
from labgloss.engine.facts import Facts
from labgloss.engine.rules import facts_of
from labgloss.knowledge import schema
from labgloss.knowledge.expression import LLN, ULN
from labgloss.mutation.cases import Case
from labgloss.panels.schema import Expect
from labgloss.proofs.mutants import Mutant
from labgloss.proofs.places import part_at

# Kinds of which a spec says nothing: it expects what one result comes to.
_SAID_BY_PANELS = ("urgency", "recommendation", "withholding", "evidence")
# Files and forms that decide what one result comes to.
# Shows the range of its policy in the place of an interval.
_BY_POLICY = "vitamin_d_25oh"
# Parts whose limits are converted to a unit that their row has none in.
_CONVERTED = ("interval", "finding", "computation")
_SAID_BY_SPECS = (schema.AnalyteFile, schema.ChoiceRow)


class Scale:
    """Cases by the values of their results: those beside a limit are found without asking each."""

    def __init__(self, cases: Sequence[Case], analyte: str = "") -> None:
        self.cases, self._analyte = cases, analyte

    @cached_property
    def _open(self) -> list[Case]:
        """Cases that a limit may touch wherever it is: a bound, or a value that is not judged plainly."""
        return [case for case in self.cases if not _plain(case, self._analyte)]

    @cached_property
    def _plain(self) -> list[Case]:
        return [case for case in self.cases if _plain(case, self._analyte)]

    @cached_property
    def _by_unit(self) -> dict[str, list[tuple[Decimal, int]]]:
        """Values and places of plain cases, in order, by unit."""
        found: dict[str, list[tuple[Decimal, int]]] = {}
        for place, case in enumerate(self._plain):
            for unit, value in case.numbers:
                found.setdefault(unit, []).append((value, place))
        return {unit: sorted(values) for unit, values in found.items()}

    @cached_property
    def _units(self) -> list[frozenset[str]]:
        return [frozenset(unit for unit, _ in case.numbers) for case in self._plain]

    def near(self, mutant: Mutant, number: Decimal) -> list[Case]:
        """The cases that a limit may touch which is moved from a number, the nearest first."""
        unit, step = mutant.unit, mutant.step
        values = self._by_unit.get(unit, [])
        first, last = bisect_left(values, (number - step, -1)), bisect_left(values, (number + step, len(self._plain)))
        beside = sorted(values[first:last], key=lambda item: (abs(item[0] - number), item[1]))
        places = dict.fromkeys(place for _, place in beside)
        converted: list[Case] = []
        if mutant.part in _CONVERTED:
            every = zip(self._plain, self._units, strict=True)
            converted = [case for case, units in every if not units & mutant.units]
        return [*(self._plain[place] for place in places), *self._open, *converted]


def _plain(case: Case, analyte: str = "") -> bool:
    """Whether every result (of an analyte) is one number that limits are compared with, as far as it is read at all."""
    sent = case.panel.results
    for result in case.baseline.results:
        if analyte and result.analyte != analyte:
            continue
        specimen = None if result.index is None else sent[result.index].specimen
        # What haemolysis may have added to a value leaves a span of it.
        if specimen is not None and (specimen.haemolysis or specimen.conditions or specimen.comments):
            return False
        if result.reading is None:
            if result.index is not None and sent[result.index].value:
                return False
        elif result.reading.quantity.comparator is not Comparator.EQUAL:
            return False
    return True


def may(mutant: Mutant, case: Case) -> bool:
    """Whether a case may be answered otherwise, by what it sends and what the release itself answers."""
    if case.entry is not None and not _by_specs(mutant):
        return False
    if mutant.analytes and not mutant.analytes & case.analytes:
        return False
    return (
        _chosen(mutant, case)
        and _in_force(mutant, case)
        and _on_end(mutant, case)
        and _of_age(mutant, case)
        and _in_band(mutant, case)
        and _worded(mutant, case)
    )


def _by_specs(mutant: Mutant) -> bool:
    """Whether it can change what one result comes to: no issue, trend or urgency."""
    if mutant.kind in _SAID_BY_PANELS or mutant.part in ("change", "raise"):
        return False
    if mutant.part == "plausibility":
        row = part_at(mutant.row, mutant.way[:2])
        return isinstance(row, schema.PlausibilityRow) and row.kind == "hard"
    return isinstance(mutant.row, _SAID_BY_SPECS) or "pregnancy" in mutant.way


def _chosen(mutant: Mutant, case: Case) -> bool:
    """Whether the variant or set that a row belongs to is the default, or chosen."""
    if not isinstance(mutant.row, schema.AnalyteFile) or len(mutant.way) < 2:
        return True
    row, options = part_at(mutant.row, mutant.way[:2]), case.panel.options
    if isinstance(row, schema.IntervalRow):
        return row.variant in ("default", options.intervals)
    if isinstance(row, schema.CriticalRow):
        return row.set in ("default", options.critical_limits)
    return True


def _in_force(mutant: Mutant, case: Case) -> bool:
    """Whether the interval or band table of a limit was in force for a result that is judged."""
    if mutant.part not in ("interval", "band") or mutant.kind not in ("limit", "bound"):
        return True
    row = part_at(mutant.row, mutant.way[:2])
    ident = getattr(row, "id", "")
    for result in case.baseline.results:
        if result.analyte in mutant.analytes:
            if result.refusal_reason is not None or result.analyte == _BY_POLICY:
                return True
            if any(rule == ident or rule.startswith(f"{ident}.") for rule in result.rule_ids):
                return True
    return False


def _on_end(mutant: Mutant, case: Case) -> bool:
    """Whether a value lies on an end of an interval, where LLN or ULN changes sides."""
    if mutant.kind != "bound" or mutant.end not in (LLN, ULN) or not _plain(case):
        return True
    return any(_on_an_end(result) for result in case.baseline.results)


def _on_an_end(result: ResultInterpretation) -> bool:
    """Whether a value is an end of an interval in force."""
    if result.reading is None:
        return False
    numbers = {result.reading.quantity.value, result.reading.compared.value}
    return any({interval.span.low, interval.span.high} & numbers for interval in result.intervals)


def _of_age(mutant: Mutant, case: Case) -> bool:
    """Whether a stated age may lie between an age that was moved and where it is now."""
    if "lasting" in mutant.way:
        return True  # how long something has lasted is no age of the patient
    age = case.panel.patient.age
    if mutant.kind != "age" or not isinstance(age, StatedAge) or mutant.age is None:
        return True
    begin, end = age.number * DAYS_PER[age.unit], (age.number + 1) * DAYS_PER[age.unit]
    step = DAYS_PER[mutant.age.unit]
    return bool(begin <= mutant.age.days + step and end >= mutant.age.days - step)


def _in_band(mutant: Mutant, case: Case) -> bool:
    """Whether a result has the band whose urgency, recommendation or condition was changed."""
    if not isinstance(mutant.row, schema.AnalyteFile) or mutant.kind in ("limit", "bound", "age"):
        return mutant.part != "raise" or _has_rule(mutant, case)
    return not any(isinstance(row, schema.BandRow) for row in _rows(mutant)) or _has_rule(mutant, case)


def _has_rule(mutant: Mutant, case: Case) -> bool:
    table, band = (getattr(row, "id", "") or getattr(row, "band", "") for row in list(_rows(mutant))[:2])
    return any(f"{table}.{band}" in result.rule_ids for result in case.baseline.results)


def _rows(mutant: Mutant) -> Iterator[object]:
    """The table and the band on the way to a place."""
    for place in range(len(mutant.way)):
        part = part_at(mutant.row, mutant.way[: place + 1])
        if isinstance(part, schema.BandTable | schema.BandRow):
            yield part


def _worded(mutant: Mutant, case: Case) -> bool:
    """Whether a report says the caution, issue or refusal that was changed."""
    if not isinstance(mutant.row, schema.WordingRow | schema.RefusalRow):
        return True
    report, ident = case.baseline, mutant.row.id
    return (
        any(caution.id == ident for result in report.results for caution in result.cautions)
        or any(issue.id == ident for issue in report.issues)
        or any(result.refusal_reason and result.refusal_reason.value == ident for result in report.results)
    )


# ---------------------------------------------------------------------------------------------- rules


def same(mutant: Mutant, case: Case) -> bool:
    """Whether a changed rule comes to the same over the facts of a case, so that no expectation tells it apart."""
    row = mutant.row
    if not isinstance(row, schema.PatternRow | schema.RedFlagRow | schema.RecommendationRow | schema.GroupRow):
        return False
    if isinstance(row, schema.PatternRow) and row.scope == "specimen":
        return _same_of_specimens(row, mutant.changed, case)
    if len({result.collected for result in case.panel.results}) > 1:
        return False  # a pattern does not read results together that lie too far apart
    expect = case.expect or Expect()
    evidence = row.id in expect.evidence_for or row.id in expect.evidence_against
    return all(
        _comes_to(row, facts, evidence) == _comes_to(mutant.changed, facts, evidence)
        for facts in (case.settled.facts, case.settled.reported)
    )


def _same_of_specimens(row: schema.PatternRow, changed: schema.PatternRow, case: Case) -> bool:
    """Whether a rule of specimens comes to the same in each, and says the same of the one that it is shown for."""
    settled = case.settled
    if any(facts.of_pattern(row) is not facts.of_pattern(changed) for facts in settled.examined.specimens):
        return False
    if row.id not in settled.examined.facts:
        return True
    facts = facts_of(row, settled, Apart.of(case.release, ()))
    return _comes_to(row, facts, True) == _comes_to(changed, facts, True)


def _comes_to(row: object, facts: Facts, evidence: bool) -> tuple[object, ...]:
    """Everything that a rule says over facts and that an expectation can tell; `evidence`: its clauses too."""
    match row:
        case schema.PatternRow():
            return (
                facts.of_pattern(row),
                _conditional(facts, (*row.levels, *row.lowers, *row.recommend, *row.cautions)),
                _conditional(facts, row.possible),
                row.urgency,
                row.withholds,
                row.says_missing,
                # The results that are asked for.
                tuple(
                    families_in(facts.release, part)
                    for part in (*row.core, *row.required)
                    if facts.truth(part) is Truth.UNKNOWN
                ),
                _evidence(row, facts) if evidence else (),
            )
        case schema.RedFlagRow():
            return _conditional(facts, (*row.levels, *row.recommend))
        case schema.RecommendationRow():
            needed = None if row.needs is None else facts.truth(row.needs)
            return (
                row.when is not None and facts.holds(row.when),
                needed,
                row.withheld_when is not None and facts.holds(row.withheld_when),
            )
        case schema.GroupRow():
            return (any_of(facts.truth(member) for member in row.members),)
        case _:
            return (row,)


def _evidence(row: schema.PatternRow, facts: Facts) -> tuple[str, ...]:
    clauses = (*row.core, *row.required, *row.supporting, *row.against)
    return tuple(str(part) for part in clauses if facts.holds(part))


def _conditional(facts: Facts, rows: tuple[object, ...]) -> tuple[object, ...]:
    """The rows that hold, as what they bring."""
    found: list[object] = []
    for row in rows:
        if facts.holds(getattr(row, "when", None)):
            brought = getattr(row, "recommend", ()) or getattr(row, "caution", ())
            found.append((getattr(row, "urgency", None), brought, getattr(row, "cautions", ())))
    return tuple(found)
