"""What every step of one panel needs, in one place."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from labgloss.domain.panel import Panel
from labgloss.domain.quantity import Span
from labgloss.domain.report import Reading
from labgloss.domain.subject import Age
from labgloss.domain.truth import Truth
from labgloss.engine import grade, verdicts
from labgloss.engine.facts import Facts
from labgloss.engine.judged import Judged, Verdict
from labgloss.engine.select import (
    NOT_SENT,
    VITAMIN_D,
    VITAMIN_D_COMPONENTS,
    Ends,
    LaboratoryEnds,
    Rows,
    age_of,
    bounds_of,
    chosen_for,
    known_of,
    laboratory_ends_of,
    within_bounds,
)
from labgloss.frozen import dataclass
from labgloss.knowledge.partition import Known
from labgloss.knowledge.release import Analyte, Release, Site

_WITHOUT_INTERVAL = VITAMIN_D_COMPONENTS | {VITAMIN_D}


@dataclass(frozen=True, slots=True)
class Bench:
    """A panel laid out: the release, the facts known so far, and the rows that speak for an entry."""

    release: Release
    panel: Panel
    panel_age: Age | None
    facts: Facts

    def knowing(self, findings: Mapping[str, Truth]) -> Bench:
        """The same bench with findings known."""
        return Bench(self.release, self.panel, self.panel_age, self.facts.adding("finding", findings))

    def age(self, entry: Judged) -> Age | None:
        """The age at the entry's collection."""
        return age_of(self.panel.patient, entry, self.panel_age)

    def laboratory(self, entry: Judged, reading: Reading) -> LaboratoryEnds:
        """The laboratory's interval that judges a reading of an entry; none judges vitamin D or a component of it.

        The total is judged by policy (D13), a component never: its number is part of a sum (D4, DEC-73).
        """
        if entry.result is None or entry.result.interval is None or entry.analyte is None:
            return NOT_SENT
        if entry.analyte.id in _WITHOUT_INTERVAL:
            return NOT_SENT
        own = laboratory_ends_of(self.release, entry.result)
        if own.span is None:
            return own
        asked = self._asked(entry, entry.analyte, reading, NOT_SENT)
        if self.release.compiled:
            bounds = verdicts.of_release(self.release).scale(asked).bounds
        else:
            bounds = bounds_of(reading.compared.unit, asked.rows())
        return within_bounds(self.release, entry.analyte, reading, own, bounds)

    @property
    def policy(self) -> str:
        """The vitamin D policy that was chosen, by the request or by the site; empty: none."""
        return chosen_for(self.release.site, self.panel.options, VITAMIN_D).policy

    def rows(
        self, entry: Judged, analyte: Analyte, reading: Reading, own: LaboratoryEnds, site: Site | None = None
    ) -> tuple[Rows, ...]:
        """The rows that speak for a reading of an entry, with a laboratory's interval; `site`: in that one's place."""
        return self._asked(entry, analyte, reading, own, site).rows()

    def verdict(self, entry: Judged, reading: Reading, site: Site | None = None) -> Verdict:
        """The verdict on a reading in the place of an entry's own; `site`: in the place of the release's."""
        return self._graded(entry, reading, reading.compared.span, site)

    def regrade(self, entry: Judged, span: Span) -> Verdict:
        """The verdict on a span of values in the compared unit of an entry."""
        assert entry.reading is not None
        return self._graded(entry, entry.reading, span)

    def intervals(self, entry: Judged) -> Sequence[Ends | None]:
        """The intervals that hold for a reading without its laboratory's, one of each kind of patient."""
        assert entry.analyte is not None and entry.reading is not None
        asked = self._asked(entry, entry.analyte, entry.reading, NOT_SENT)
        if self.release.compiled:
            return verdicts.of_release(self.release).scale(asked).intervals
        return [row.ends for row in asked.rows()]

    def _graded(self, entry: Judged, reading: Reading, span: Span, site: Site | None = None) -> Verdict:
        assert entry.analyte is not None
        asked = self._asked(entry, entry.analyte, reading, self.laboratory(entry, reading), site)
        if self.release.compiled:
            return verdicts.of_release(self.release).verdict(asked, span)
        return grade.grade(entry.analyte, reading.compared.unit, span, asked.rows())

    def _asked(
        self, entry: Judged, analyte: Analyte, reading: Reading, own: LaboratoryEnds, site: Site | None = None
    ) -> verdicts.Asked:
        site = self.release.site if site is None else site
        known = self.known(entry)
        return verdicts.Asked(self.release, analyte, known, reading, own, self.facts, site, self.panel.options)

    def known(self, entry: Judged) -> Known:
        """What is known of the patient and the specimen of an entry for choosing rows."""
        return known_of(self.panel.patient, self.age(entry), entry, _in_blood(self.release, entry))


def _in_blood(release: Release, entry: Judged) -> bool:
    """Whether a code says that the specimen was blood rather than serum or plasma."""
    codes = [release.codes.get(coding.code.strip()) for coding in entry.result.codings] if entry.result else []
    kinds = [code.row.specimen for code in codes if code is not None]
    # "serum_plasma_or_blood" leaves it open, as "serum_or_plasma" does.
    return any(kind.endswith("blood") and not kind.startswith("serum") for kind in kinds)
