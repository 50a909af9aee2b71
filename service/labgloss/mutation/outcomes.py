"""Whether the cases of a release find each small fault in it: the mutation score of the knowledge."""

from __future__ import annotations

import multiprocessing
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from enum import Enum

from labgloss.knowledge.release import Release
from labgloss.mutation import touch
from labgloss.mutation.cases import Case
from labgloss.proofs.mutants import Mutant
from labgloss.proofs.rows import refused, with_row

# How many mutants a process is given at a time.
_SHARE = 50
# What the checks at start-up look at.
_CHECKED = ("limit", "bound", "age", "clause")


class Fate(Enum):
    """What became of a mutant."""

    KILLED = "killed"
    # The release that holds it is not served: the checks at start-up refuse it.
    REFUSED = "refused"
    SURVIVED = "survived"


@dataclass(frozen=True, slots=True)
class Outcome:
    """A mutant, what became of it, and by which case or fault."""

    mutant: Mutant
    fate: Fate
    by: str = ""


@dataclass(frozen=True, slots=True)
class Score:
    """How many mutants of a kind and part there were, and what became of them."""

    kind: str
    part: str
    fates: Counter[Fate] = field(default_factory=Counter)

    @property
    def all(self) -> int:
        """How many there were."""
        return sum(self.fates.values())

    @property
    def percent(self) -> Decimal:
        """How many of a hundred were found, by a case or at start-up; never rounded up to all."""
        found = self.all - self.fates[Fate.SURVIVED]
        return Decimal(found * 1000 // self.all) / 10 if self.all else Decimal(100)


def disagreeing(cases: Iterable[Case]) -> list[str]:
    """The cases that the release itself does not answer as they expect: nothing can be told from these."""
    return [
        f"{case.file}: {case.id}: {'; '.join(found)}"
        for case in cases
        if (found := case.differences(case.baseline, case.release))
    ]


def outcomes(release: Release, mutants: Sequence[Mutant], cases: Sequence[Case], processes: int = 1) -> list[Outcome]:
    """What becomes of each mutant, in their order, however many processes share the work."""
    run = _Run(release, cases)
    found: dict[int, tuple[Fate, str]] = {}
    tasks = _tasks(mutants)
    if processes > 1 and "fork" in multiprocessing.get_all_start_methods():
        # Forked, so that nothing has to be handed over but places in the list.
        _Shared.run, _Shared.mutants = run, mutants
        with multiprocessing.get_context("fork").Pool(processes) as pool:
            for fates in pool.imap_unordered(_fates, tasks):
                found |= fates
    else:
        found = {place: run.fate(mutant) for place, mutant in enumerate(mutants)}
    return [Outcome(mutant, *found[place]) for place, mutant in enumerate(mutants)]


def _tasks(mutants: Sequence[Mutant]) -> list[list[int]]:
    """Places in the list by file, whose cases one process then looks at once, in shares that keep all at work."""
    by_file: dict[str, list[int]] = {}
    for place, mutant in enumerate(mutants):
        by_file.setdefault(mutant.file, []).append(place)
    return [places[at : at + _SHARE] for places in by_file.values() for at in range(0, len(places), _SHARE)]


class _Shared:
    """What the forked processes find in their memory."""

    run: _Run
    mutants: Sequence[Mutant]


def _fates(places: Sequence[int]) -> dict[int, tuple[Fate, str]]:
    return {place: _Shared.run.fate(_Shared.mutants[place]) for place in places}


def scores(found: Iterable[Outcome]) -> list[Score]:
    """The scores by kind and part, in the order in which they are first met."""
    by: dict[tuple[str, str], Score] = {}
    for outcome in found:
        kind, part = outcome.mutant.kind, outcome.mutant.part
        by.setdefault((kind, part), Score(kind, part)).fates[outcome.fate] += 1
    return list(by.values())


@dataclass(eq=False)
class _Run:
    """A release and the cases that it is held against."""

    release: Release
    cases: Sequence[Case]
    _scales: dict[str, touch.Scale] = field(default_factory=dict)

    def fate(self, mutant: Mutant) -> tuple[Fate, str]:
        """What becomes of a mutant. A case is asked before the checks: what both find, a case finds."""
        changed: Release | None = None
        for case in self._in_order(mutant):
            if touch.same(mutant, case):
                continue
            changed = changed or with_row(self.release, mutant.row, mutant.changed)
            try:
                report = case.report(changed)
            except Exception as error:  # noqa: BLE001 - whatever stops the engine is an answer that no case expects
                return Fate.KILLED, f"{case.id}: {type(error).__name__}"
            if report != case.baseline and case.differences(report, changed):
                return Fate.KILLED, case.id
        if mutant.kind in _CHECKED:
            changed = changed or with_row(self.release, mutant.row, mutant.changed)
            if fault := refused(changed, mutant.changed):
                return Fate.REFUSED, fault
        return Fate.SURVIVED, ""

    def _in_order(self, mutant: Mutant) -> Iterable[Case]:
        """The cases that a mutant may touch, the likeliest to find it first."""
        if mutant.kind in ("limit", "bound") and isinstance(end := mutant.end, Decimal):
            touched = self._scale(mutant).near(mutant, end)
            return [case for case in touched if touch.may(mutant, case)]
        touched = [case for case in self._of_analytes(mutant.analytes) if touch.may(mutant, case)]
        return sorted(touched, key=lambda case: case.names.isdisjoint(mutant.rules))

    def _of_analytes(self, analytes: frozenset[str]) -> Iterable[Case]:
        if len(analytes) == 1:
            return self._scale_of(next(iter(analytes))).cases
        return self.cases

    def _scale(self, mutant: Mutant) -> touch.Scale:
        return self._scale_of(next(iter(mutant.analytes), ""))

    def _scale_of(self, analyte: str) -> touch.Scale:
        if analyte not in self._scales:
            cases = [case for case in self.cases if (analyte in case.analytes if analyte else case.entry is None)]
            self._scales[analyte] = touch.Scale(cases, analyte)
        return self._scales[analyte]
