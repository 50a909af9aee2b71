"""What another release, or a site's overlay, changes: for which values and patients, which rules, which panels."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from labgloss.domain.panel import Panel
from labgloss.knowledge.release import Release
from labgloss.proofs.answers import GATES, Answers
from labgloss.proofs.regions import Region, analytes_of_one, regions
from labgloss.proofs.rule_changes import RuleChange, rule_changes


@dataclass(frozen=True, slots=True)
class Broken:
    """A gate that is broken: the first panel that breaks it and by what, and how many of those shown do."""

    gate: str
    what: tuple[str, ...]
    answers: Answers
    panels: int


@dataclass(frozen=True, slots=True)
class Impact:
    """Everything that differs between two releases."""

    analytes: tuple[str, ...]
    regions: tuple[Region, ...]
    rules: tuple[RuleChange, ...]
    # Panels of a folder that are answered otherwise; and how many were asked.
    panels: tuple[Answers, ...]
    asked: int
    broken: tuple[Broken, ...]


def impact(before: Release, after: Release, panels: Sequence[Panel] = (), gates: Iterable[str] = ()) -> Impact:
    """What differs from one release to the other, and which gates are broken, each with its first panel."""
    found = tuple(regions(before, after))
    changed = tuple(rule_changes(before, after, panels))
    answered = [Answers.of(before, after, panel) for panel in panels]
    differing = tuple(answers for answers in answered if answers.changes)
    witnesses = [
        *(region.example for region in found),
        *(change.witness for change in changed if change.witness is not None),
        *differing,
    ]
    return Impact(
        analytes_of_one(before, after), found, changed, differing, len(answered), tuple(_broken(gates, witnesses))
    )


def _broken(gates: Iterable[str], witnesses: Sequence[Answers]) -> Iterator[Broken]:
    for gate in gates:
        breaking = [answers for answers in witnesses if any(GATES[gate](answers))]
        if breaking:
            yield Broken(gate, tuple(GATES[gate](breaking[0])), breaking[0], len(breaking))
