"""Results of one time that cannot both be right: said with both, and neither is preferred (vocabulary.md 3)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from labgloss.domain.report import ResultClass
from labgloss.engine.bench import Bench
from labgloss.engine.judged import Judged
from labgloss.engine.series import CREATININE, collected_before
from labgloss.knowledge.expression import Limit
from labgloss.knowledge.partition import in_range
from labgloss.knowledge.release import Release
from labgloss.knowledge.units import factor_between

EGFR = "egfr"
CONTRADICTION = "egfr_contradicts_creatinine"
_NOT_HIGH = frozenset({ResultClass.LOW, ResultClass.NORMAL})


def noted(bench: Bench, entries: Sequence[Judged]) -> list[Judged]:
    """The entries, each eGFR and creatinine of one time that contradict each other with the issue; nothing else moves.

    In a child a low eGFR beside a creatinine inside its interval is no contradiction.
    """
    if in_range(bench.panel_age, bench.release.computations.filtration.age) is False:
        return list(entries)
    pairs = [
        (egfr, creatinine)
        for egfr in _live(entries, EGFR)
        for creatinine in _live(entries, CREATININE)
        if _of_one_time(egfr, creatinine) and _contradict(bench.release, egfr, creatinine)
    ]
    found = [entry for pair in pairs for entry in pair]
    return [entry.noting(issues=(CONTRADICTION,)) if any(entry is one for one in found) else entry for entry in entries]


def _live(entries: Sequence[Judged], analyte: str) -> list[Judged]:
    return [entry for entry in entries if entry.live and entry.analyte is not None and entry.analyte.id == analyte]


def _of_one_time(one: Judged, other: Judged) -> bool:
    """Whether neither is known to be the earlier: kidney function may change between two collections."""
    return not collected_before(one, other) and not collected_before(other, one)


def _contradict(release: Release, egfr: Judged, creatinine: Judged) -> bool:
    """Whether the two contradict each other for every value that they allow; without a class, none is not high."""
    form = release.computations.filtration
    assert creatinine.verdict is not None
    not_high = bool(creatinine.verdict.classes) and _NOT_HIGH.issuperset(creatinine.verdict.classes)
    if not_high and _inside(release, egfr, form.egfr_low):
        return True
    return _inside(release, egfr, form.egfr_kept) and _inside(release, creatinine, form.creatinine_high)


def _inside(release: Release, entry: Judged, limits: Mapping[str, Limit]) -> bool:
    """Whether every value that a result allows meets a limit; in a unit of its own, else converted exactly."""
    assert entry.reading is not None and entry.analyte is not None
    compared = entry.reading.compared
    unit = compared.unit if compared.unit in limits else next(iter(limits))
    factor = factor_between(release.unit_table, entry.analyte.form, compared.unit, unit)
    return compared.converted(factor, unit).span.inside(limits[unit].span())
