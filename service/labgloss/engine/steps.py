"""Steps of a trace that a release and what came of it decide alone: each made once, where it is asked for first."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from functools import cached_property

from labgloss.domain.report import RefusalReason, ResultClass, TraceStep, Urgency
from labgloss.domain.truth import TRUE, UNKNOWN, Truth
from labgloss.engine.calcium import TOTAL
from labgloss.engine.findings import SECONDARY_TOTAL, lies
from labgloss.engine.judged import Judged
from labgloss.engine.kept import by_release
from labgloss.frozen import dataclass
from labgloss.knowledge.release import Analyte, Release
from labgloss.knowledge.schema import FindingRow


@dataclass(frozen=True, slots=True)
class FindingSteps:
    """A finding in whatever it comes to."""

    analytes: frozenset[str]
    by_truth: Mapping[Truth, TraceStep]


class Steps:
    """The steps of a release. There are as many as it has rows, in every outcome, so that nothing grows with calls."""

    def __init__(self, release: Release) -> None:
        self._release = release
        self._rules: dict[tuple[str, Truth, Urgency], TraceStep] = {}
        self._refusals: dict[tuple[RefusalReason, Urgency], TraceStep] = {}

    @staticmethod
    @by_release(maxsize=64)
    def of(release: Release) -> Steps:
        """Those of a release."""
        return Steps(release)

    # ------------------------------------------------------------------------------------------ one result

    def refusal(self, reason: RefusalReason, urgency: Urgency) -> TraceStep:
        """Why a result was refused, and how urgent that is."""
        if (known := self._refusals.get((reason, urgency))) is not None:
            return known
        row = self._release.refusals[reason.value]
        step = _kept("refusal", f"refusal.{row.id}", row.id, TRUE, urgency.name, row.source)
        return self._refusals.setdefault((reason, urgency), step)

    @cached_property
    def cautions(self) -> Mapping[str, TraceStep]:
        """Every caution, by its id."""
        return {
            ident: _kept("caution", f"caution.{ident}", ident, TRUE, row.urgency.name, row.source)
            for ident, row in self._release.cautions.items()
        }

    # ------------------------------------------------------------------------------------------ the panel

    @cached_property
    def issues(self) -> Mapping[str, TraceStep]:
        """Every issue, by its id."""
        return {
            ident: _kept("issue", f"issue.{ident}", ident, TRUE, row.urgency.name, row.source)
            for ident, row in self._release.issues.items()
        }

    @cached_property
    def findings(self) -> tuple[FindingSteps, ...]:
        """Every finding with its limits, in the order of findings.toml."""
        return tuple(
            FindingSteps(frozenset(row.analyte for row in rows), _of_finding(ident, rows))
            for ident, rows in self._release.findings.items()
        )

    @cached_property
    def _finding_names(self) -> tuple[tuple[str, str], ...]:
        return tuple(("finding", ident) for ident in self._release.findings)

    def known_findings(self, analytes: Collection[str], known: Mapping[tuple[str, str], Truth]) -> list[TraceStep]:
        """Every finding of these analytes, and every other that is known."""
        found: list[TraceStep] = []
        for finding, truth in zip(self.findings, map(known.get, self._finding_names), strict=True):
            if truth is None or (truth is UNKNOWN and finding.analytes.isdisjoint(analytes)):
                continue
            found.append(finding.by_truth[truth])
        return found

    def finding(self, ident: str, truth: Truth) -> TraceStep:
        """A finding with its limits and what it came to."""
        return _of_finding(ident, self._release.findings[ident])[truth]

    def rule(self, ident: str, truth: Truth, urgency: Urgency) -> TraceStep:
        """A pattern or red flag with what decides about it, and what it came to."""
        if (known := self._rules.get((ident, truth, urgency))) is not None:
            return known
        release = self._release
        pattern = release.patterns.get(ident)
        row = release.red_flags[ident] if pattern is None else pattern
        kind = "red_flag" if pattern is None else "pattern"
        step = _kept(kind, ident, release.rule_expressions[ident], truth, urgency.name, row.source, row.status)
        return self._rules.setdefault((ident, truth, urgency), step)


def _kept(
    step: str, rule: str, expression: str, truth: Truth, outcome: str, sources: tuple[str, ...], status: str = ""
) -> TraceStep:
    return TraceStep(step, rule, expression, truth, outcome, sources, status, of_release=True)


def of_classes(entry: Judged) -> tuple[TraceStep, ...]:
    """The findings that the class of an entry makes; its sources are those of what classed it."""
    verdict = entry.verdict or entry.measured
    if entry.analyte is None or verdict is None or entry.earlier:
        return ()
    judged = None if entry.refusal is not None or entry.verdict is None else entry.verdict.classes
    return _of_classes(entry.analyte, entry.primary, judged, verdict.source_ids)


# Far more than the sources of intervals and bands combine to.
@by_release(maxsize=4096)
def _of_classes(
    analyte: Analyte, primary: bool, judged: tuple[ResultClass, ...] | None, sources: tuple[str, ...]
) -> tuple[TraceStep, ...]:
    form = analyte.form.findings
    made = {ResultClass.LOW: form.low, ResultClass.HIGH: form.high, ResultClass.INDETERMINATE: form.indeterminate}
    if not primary:
        made = dict(SECONDARY_TOTAL) if analyte.id == TOTAL else {}
    return tuple(
        _kept("finding", f"{analyte.id}.class", f"class {side.value}", _lies(side, judged), ident, sources)
        for side, ident in made.items()
        if ident
    )


def _lies(side: ResultClass, classes: tuple[ResultClass, ...] | None) -> Truth:
    """Whether a result with these classes lies on a side; None: it has no verdict that counts."""
    if classes is None:
        return UNKNOWN
    return Truth.of(classes == (side,)) if side is ResultClass.INDETERMINATE else lies(side, classes)


def _of_finding(ident: str, rows: tuple[FindingRow, ...]) -> dict[Truth, TraceStep]:
    expression = " or ".join(dict.fromkeys(stated(row) for row in rows))
    sources = tuple(dict.fromkeys(source for row in rows for source in row.source))
    return {
        truth: _kept("finding", f"finding.{ident}", expression, truth, ident, sources, rows[0].status)
        for truth in Truth
    }


def stated(row: FindingRow) -> str:
    """What a row of a finding asks for."""
    parts = [
        *(f"{limit.text} {unit}" for unit, limit in row.limits.items()),
        f"class {' or '.join(row.classes)}" if row.classes else "",
        f"band {' or '.join(row.bands)}" if row.bands else "",
    ]
    asked = [", ".join(part for part in parts if part)]
    asked += [
        f"while {row.when}" if row.when is not None else "",
        f"unless {row.unless}" if row.unless is not None else "",
    ]
    if row.computed:
        asked = [row.text.rstrip(".").lower()]
    return " ".join(part for part in (row.analyte, *asked) if part)
