"""What another release, or a site's overlay, changes: for which values and patients, which rules, which panels."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from labgloss.domain.panel import Panel
from labgloss.knowledge.release import Release, SiteEntry
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
class SiteChange:
    """Entries of a site's overlay, in the order of its file."""

    before_only: tuple[SiteEntry, ...] = ()
    after_only: tuple[SiteEntry, ...] = ()

    @classmethod
    def of(cls, before: Release, after: Release) -> SiteChange:
        """The entries that only one of the releases has."""
        sides = (before.site.entries, after.site.entries)
        one, other = (tuple(entry for entry in side if entry not in against) for side, against in (sides, sides[::-1]))
        return cls(one, other)


@dataclass(frozen=True, slots=True)
class Impact:
    """Everything that differs between two releases."""

    analytes: tuple[str, ...]
    # Entries of a site's overlay that only one of them has.
    site: SiteChange
    regions: tuple[Region, ...]
    rules: tuple[RuleChange, ...]
    # Panels of a folder that are answered otherwise; and how many were asked.
    panels: tuple[Answers, ...]
    asked: int
    broken: tuple[Broken, ...]


def impact(before: Release, after: Release, panels: Sequence[Panel] = (), gates: Iterable[str] = ()) -> Impact:
    """What differs from one release to the other, and which gates are broken, each with its first panel."""
    found = tuple(regions(before, after))
    answered = [Answers.of(before, after, panel) for panel in panels]
    differing = tuple(answers for answers in answered if answers.changes)
    examples = [region.example for region in found]
    changed = tuple(rule_changes(before, after, (*differing, *examples)))
    witnesses = [*examples, *(change.witness for change in changed if change.witness is not None), *differing]
    return Impact(
        analytes_of_one(before, after),
        SiteChange.of(before, after),
        found,
        changed,
        differing,
        len(answered),
        tuple(_broken(gates, witnesses)),
    )


def _broken(gates: Iterable[str], witnesses: Sequence[Answers]) -> Iterator[Broken]:
    for gate in gates:
        breaking = [answers for answers in witnesses if any(GATES[gate](answers))]
        if breaking:
            yield Broken(gate, tuple(GATES[gate](breaking[0])), breaking[0], len(breaking))
