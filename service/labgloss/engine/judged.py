"""A result on its way through the engine."""

from __future__ import annotations

from dataclasses import field

from labgloss.domain.altered import altered
from labgloss.domain.panel import Result
from labgloss.domain.quantity import EVERYTHING, Span
from labgloss.domain.report import (
    Conflict,
    Critical,
    IntervalInForce,
    Reading,
    RefusalReason,
    ResultClass,
    ResultState,
    TraceStep,
    Trend,
    Urgency,
)
from labgloss.frozen import dataclass
from labgloss.knowledge.release import Analyte, SiteEntry
from labgloss.knowledge.schema import BandRow, CriticalRow

# What a haemolysed specimen waits for.
CLEAN_REPEAT = "a repeat on a specimen without haemolysis"
# Refusals of a number that was measured: it may show the patient, or the artefact.
ARTEFACTS = frozenset(
    {
        RefusalReason.EDTA_CONTAMINATION,
        RefusalReason.DRIP_ARM_CONTAMINATION,
        RefusalReason.HAEMOLYSIS,
        RefusalReason.ASSAY_INTERFERENCE,
    }
)


@dataclass(frozen=True)
class Verdict:
    """What a reading comes to over every admissible kind of patient."""

    classes: tuple[ResultClass, ...]
    bands: tuple[BandRow, ...]
    critical: Critical
    # The values that were judged, in the compared unit.
    span: Span = EVERYTHING
    # The critical limits that some of them lie beyond.
    critical_rows: tuple[CriticalRow, ...] = ()
    intervals: tuple[IntervalInForce, ...] = ()
    ctcae_grade: int | None = None
    ctcae_needs_symptoms: bool = False
    # Whether a default or variant interval was used, wholly or for one end.
    default_interval_used: bool = False
    # The facts of the patient that would settle more than one class or band.
    open_facts: tuple[str, ...] = ()
    rule_ids: tuple[str, ...] = ()
    source_ids: tuple[str, ...] = ()
    trace: tuple[TraceStep, ...] = ()

    @property
    def closed(self) -> bool:
        """Whether one class that says something, and no more than one band, remains."""
        return len(self.classes) == 1 and self.classes[0] is not ResultClass.INDETERMINATE and len(self.bands) < 2

    @property
    def certain_class(self) -> ResultClass:
        """The class when one remains, else INDETERMINATE."""
        return self.classes[0] if len(self.classes) == 1 else ResultClass.INDETERMINATE


@dataclass(frozen=True)
class Judged:
    """One entry of the report in the making; steps replace what they decide."""

    index: int | None
    id: str
    analyte: Analyte | None
    result: Result | None
    state: ResultState = ResultState.INTERPRETED
    refusal: RefusalReason | None = None
    reading: Reading | None = None
    # Readings in which the number of a refused result might have been meant.
    candidates: tuple[Reading, ...] = ()
    # Every value of a computed entry, in the compared unit, where one comparator cannot say it (a sum of bounds).
    allowed: Span | None = None
    # The reading in the unit that the code's property asks for, where it contradicts the unit sent (DEC-09).
    conflicting: Reading | None = None
    verdict: Verdict | None = None
    # The verdict on the number as measured, where an artefact refused it or left it open.
    measured: Verdict | None = None
    # The other views of a calcium that is judged in several, as they were before (R-ADJ-4).
    opposed: tuple[Judged, ...] = ()
    # Why its class was left open, or rests on more than its own number.
    because: str = ""
    # A condition of the patient that its code states.
    condition: str = ""
    # Patterns of sample validity that make its value unreliable, refused or not.
    unreliable: tuple[str, ...] = ()
    # Whether it may bring bands, criticals and urgency: not an earlier result, not a secondary calcium.
    earlier: bool = False
    primary: bool = True
    critical: Critical = Critical.NO
    urgency: Urgency = Urgency.NONE
    computed_from: tuple[int, ...] = ()
    cautions: tuple[str, ...] = ()
    issues: tuple[str, ...] = ()
    conflicts: tuple[Conflict, ...] = ()
    missing: tuple[str, ...] = ()
    trend: Trend | None = None
    # Entries of the site's overlay that it was read by.
    site: tuple[SiteEntry, ...] = ()
    trace: tuple[TraceStep, ...] = field(default=())

    @property
    def key(self) -> str:
        """How the report and panel files name it: the caller's id, else the analyte."""
        return self.id or (self.analyte.id if self.analyte else "")

    @property
    def live(self) -> bool:
        """Whether it has a verdict and counts now."""
        return self.verdict is not None and self.refusal is None and not self.earlier

    @property
    def read(self) -> bool:
        """Whether it has a reading that nothing refused."""
        return self.reading is not None and self.refusal is None

    @property
    def stands(self) -> bool:
        """Whether it may take the place of an earlier result: read, and no artefact makes it open or provisional."""
        return self.read and not self.left_open and "provisional_haemolysis" not in self.cautions

    @property
    def left_open(self) -> bool:
        """Whether an artefact, an acute phase or two opposed views took its class away."""
        return (
            self.measured is not None
            and self.verdict is not None
            and self.verdict.classes == (ResultClass.INDETERMINATE,)
        )

    @property
    def settled_by_pair(self) -> bool:
        """Whether a specimen of the same time settles its value, whatever refused it first (DEC-15)."""
        return RefusalReason.SUPERSEDED_BY_PAIRED_SPECIMEN.value in self.issues

    @property
    def settled(self) -> bool:
        """Whether it counts now, is final and reliable: what makes a CHECK_ recommendation unnecessary.

        A number that only lacks an interval was measured all the same: to measure it again would settle nothing.
        """
        known = self.state is ResultState.INTERPRETED or self.without_interval
        return self.live and known and "preliminary_result" not in self.cautions

    @property
    def without_interval(self) -> bool:
        """Whether its number is known and reliable, and neither the laboratory nor the release says where it lies."""
        return (
            self.verdict is not None
            and self.reading is not None
            and self.reading.quantity.measured
            and not (self.verdict.intervals or self.verdict.bands or self.unreliable or self.measured)
        )

    def current(self) -> Judged:
        """The entry as if nothing later had replaced it, and nothing stood beside it."""
        issues = tuple(issue for issue in self.issues if issue != "duplicate_result")
        return altered(self, earlier=False, issues=issues)

    def as_reported(self) -> Judged:
        """The entry as if no artefact had refused it: what a red flag reads (SP 4, rule 5)."""
        if self.refusal not in ARTEFACTS or self.measured is None:
            return self
        return altered(self, refusal=None, verdict=self.measured, measured=None)

    def refused(self, reason: RefusalReason, *issues: str) -> Judged:
        """The same entry without a verdict; what was measured stays known."""
        return altered(
            self,
            state=ResultState.REFUSED,
            refusal=reason,
            verdict=None,
            measured=self.measured or self.verdict,
            issues=unique((*self.issues, reason.value, *issues)),
        )

    def noting(
        self, *, cautions: tuple[str, ...] = (), issues: tuple[str, ...] = (), missing: tuple[str, ...] = ()
    ) -> Judged:
        """The same entry with more said about it."""
        entry = altered(self, cautions=unique((*self.cautions, *cautions))) if cautions else self
        if issues:
            entry = altered(entry, issues=unique((*self.issues, *issues)))
        return altered(entry, missing=unique((*self.missing, *missing))) if missing else entry


# Everything that is not known of a result before it is read.
_UNREAD = Judged(None, "", None, None)


def unread(result: Result, analyte: Analyte | None, site: tuple[SiteEntry, ...]) -> Judged:
    """The entry of a result as sent, of an analyte; `site`: the entries of an overlay by which that is known."""
    return altered(_UNREAD, index=result.index, id=result.id, analyte=analyte, result=result, site=site)


def unique(items: tuple[str, ...]) -> tuple[str, ...]:
    """The items without repeats, in order."""
    return tuple(dict.fromkeys(items))
