"""The answers of two releases to one panel, where they differ, and what must not be lost between them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

from labgloss.domain.panel import Panel
from labgloss.domain.report import Critical, PatternState, Report, ResultClass, ResultInterpretation
from labgloss.engine.interpret import interpret
from labgloss.knowledge.release import Release


@dataclass(frozen=True, slots=True)
class Change:
    """One thing that two releases answer differently: of a result or of the whole panel."""

    what: str
    before: str
    after: str

    def __str__(self) -> str:
        return f"{self.what}: {self.before or 'none'} -> {self.after or 'none'}"


@dataclass(frozen=True, slots=True)
class Answers:
    """The reports of two releases on one panel."""

    panel: Panel
    before: Report
    after: Report
    # Where they differ, results first.
    changes: tuple[Change, ...]

    @classmethod
    def of(cls, before: Release, after: Release, panel: Panel) -> Answers:
        """What both releases answer."""
        one, other = interpret(before, panel), interpret(after, panel)
        return cls(panel, one, other, (*_of_results(one, other), *_of_panel(one, other)))

    def pairs(self) -> Iterator[_Pair]:
        """The entries of both reports on the same result, with what it is called."""
        return _pairs(self.before, self.after)


_Pair = tuple[str, ResultInterpretation | None, ResultInterpretation | None]


def _pairs(before: Report, after: Report) -> Iterator[_Pair]:
    sides = [{_key(entry): entry for entry in report.results} for report in (before, after)]
    for key in dict.fromkeys((*sides[0], *sides[1])):
        yield key, sides[0].get(key), sides[1].get(key)


def _of_results(before: Report, after: Report) -> Iterator[Change]:
    for key, *entries in _pairs(before, after):
        one, other = map(answer_of, entries)
        for what in one:
            if one[what] != other[what]:
                yield Change(f"{key} {what}", one[what], other[what])


def _of_panel(before: Report, after: Report) -> Iterator[Change]:
    if before.urgency is not after.urgency:
        yield Change("urgency", before.urgency.name, after.urgency.name)
    sides = (_lists(before), _lists(after))
    for what, one in sides[0].items():
        other = sides[1][what]
        lost = [item for item in one if item not in other]
        gained = [item for item in other if item not in one]
        if lost or gained:
            yield Change(what, ", ".join(lost), ", ".join(gained))


def _lists(report: Report) -> Mapping[str, tuple[str, ...]]:
    """What a report says of the whole panel, by ids."""
    states = {state: [one.id for one in report.patterns if one.state is state] for state in PatternState}
    return {
        "matched patterns": tuple(states[PatternState.MATCHED]),
        "possible patterns": tuple(states[PatternState.POSSIBLE]),
        "red flags": tuple(flag.id for flag in report.red_flags),
        "findings": tuple(finding.id for finding in report.findings),
        "recommendations": tuple(step.id for step in report.recommendations),
        "withheld": tuple(step.id for step in report.withheld_recommendations),
    }


def answer_of(entry: ResultInterpretation | None) -> Mapping[str, str]:
    """What a report says of a result, as far as an impact compares it."""
    if entry is None:
        return dict.fromkeys(("state", "class", "band", "critical", "urgency", "ctcae"), "")
    refusal = f" ({entry.refusal_reason.value})" if entry.refusal_reason else ""
    return {
        "state": entry.state.value + refusal,
        "class": entry.result_class.value,
        "band": " or ".join(entry.bands),
        "critical": entry.critical.name.lower(),
        "urgency": entry.urgency.name,
        "ctcae": "" if entry.ctcae_grade is None else str(entry.ctcae_grade),
    }


def _key(entry: ResultInterpretation) -> str:
    name = entry.id or entry.analyte or "a result that was not recognised"
    return name if entry.index is not None else f"{name} (computed)"


# ---------------------------------------------------------------------------------------------- gates


def _critical_lost(answers: Answers) -> Iterator[str]:
    """A result that was critical, or possibly, is less so or no longer there."""
    for key, before, after in answers.pairs():
        was, now = (entry.critical if entry else Critical.NO for entry in (before, after))
        if now < was:
            yield f"{key} critical: {was.name.lower()} -> {now.name.lower()}"


def _urgency_lowered(answers: Answers) -> Iterator[str]:
    """The panel, or a result of it, is less urgent."""
    if answers.after.urgency < answers.before.urgency:
        yield f"urgency: {answers.before.urgency.name} -> {answers.after.urgency.name}"
    for key, before, after in answers.pairs():
        if before and after and after.urgency < before.urgency:
            yield f"{key} urgency: {before.urgency.name} -> {after.urgency.name}"


def _normal_gained(answers: Answers) -> Iterator[str]:
    """A result is normal that was not."""
    for key, before, after in answers.pairs():
        if (
            after
            and after.result_class is ResultClass.NORMAL
            and (before is None or before.result_class is not ResultClass.NORMAL)
        ):
            yield f"{key} class: {before.result_class.value if before else 'none'} -> normal"


GATES: Mapping[str, Callable[[Answers], Iterator[str]]] = {
    "no-critical-lost": _critical_lost,
    "no-urgency-lowered": _urgency_lowered,
    "no-normal-gained": _normal_gained,
}
