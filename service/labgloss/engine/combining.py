"""Results that lie too far apart are not put together by a pattern (SP 3)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, time, timedelta

from labgloss.domain.panel import Collected
from labgloss.domain.truth import Truth
from labgloss.engine.facts import Facts
from labgloss.engine.judged import Judged
from labgloss.engine.kept import by_release
from labgloss.engine.series import collected_at
from labgloss.frozen import dataclass
from labgloss.knowledge.expression import Expression, names
from labgloss.knowledge.release import Release
from labgloss.knowledge.schema import PatternRow

_OF_RESULTS = ("finding", "band", "class")


@dataclass(frozen=True, slots=True)
class Apart:
    """When the results that count now were collected, by analyte family; empty where none lies far from another."""

    release: Release
    times: Mapping[str, datetime]

    @classmethod
    def of(cls, release: Release, entries: Sequence[Judged]) -> Apart:
        """The times of the results that count now."""
        times: dict[str, datetime] = {}
        for entry in entries:
            if entry.live and entry.analyte is not None and (at := collected_at(entry)) is not None:
                family = entry.analyte.family
                times[family] = max(times.get(family, _moment(at)), _moment(at))
        shortest = timedelta(hours=min(_hours(release).values(), default=0))
        near = not times or max(times.values()) - min(times.values()) <= shortest
        return cls(release, {} if near else times)

    def facts_for(self, rule: PatternRow, facts: Facts) -> Facts:
        """The facts for a pattern: of what was collected too long before the latest that it reads, nothing is known."""
        stale = self._stale(_read_by(self.release, rule.id)) if self.times else frozenset()
        if not stale:
            return facts
        gone = {
            name: Truth.UNKNOWN
            for name in facts.known
            if name[0] in _OF_RESULTS and _analyte_of(self.release, *name) in stale
        }
        still_open = {
            ident: cases
            for ident, cases in facts.open_verdicts.items()
            if self.release.analytes[ident].family not in stale
        }
        return facts.knowing(gone).with_cases(still_open)

    def _stale(self, families: frozenset[str]) -> frozenset[str]:
        hours = _hours(self.release)
        known = {family: self.times[family] for family in families if family in self.times}
        if not known:
            return frozenset()
        latest = max(known, key=lambda family: known[family])
        return frozenset(
            family
            for family, at in known.items()
            # Of two analytes the longer time counts: a calcium of last month still speaks beside a vitamin D.
            if family in hours and known[latest] - at > timedelta(hours=max(hours[family], hours.get(latest, 0)))
        )


def families_in(release: Release, part: Expression) -> frozenset[str]:
    """The families of the analytes that an expression reads, through its groups."""
    return frozenset(_families(release, part))


def _moment(at: Collected) -> datetime:
    return at.instant.replace(tzinfo=None) if at.instant is not None else datetime.combine(at.day, time())


# A site has a view of the release for each feed with settings; the sizes leave room for many.
@by_release(maxsize=64)
def _hours(release: Release) -> Mapping[str, int]:
    return {analyte: row.hours for row in release.computations.combining.windows for analyte in row.analytes}


@by_release(maxsize=16384)
def _read_by(release: Release, pattern: str) -> frozenset[str]:
    """The families of the analytes that decide about a pattern."""
    row = release.patterns[pattern]
    found: set[str] = set()
    for part in (*row.core, *row.required):
        found |= _families(release, part)
    return frozenset(found)


def _families(release: Release, part: Expression) -> set[str]:
    found: set[str] = set()
    for name in names(part):
        if name.kind == "group":
            for member in release.groups[name.id].members:
                found |= _families(release, member)
        elif family := _analyte_of(release, name.kind, name.id):
            found.add(family)
    return found


@by_release(maxsize=65536)
def _analyte_of(release: Release, kind: str, ident: str) -> str:
    """The family of the one analyte that a name speaks of; empty for another name."""
    if kind in ("band", "class"):
        analyte = release.analytes.get(ident.partition(".")[0])
        return analyte.family if analyte else ""
    if kind not in ("finding", "specimen"):
        return ""
    if ident in release.findings:
        analyte = release.analytes.get(release.findings[ident][0].analyte)
        return analyte.family if analyte else ""
    for analyte in release.analytes.values():
        form = analyte.form.findings
        if ident and ident in (form.low, form.high, form.indeterminate):
            return analyte.family
    return ""
