"""What of a release the reports on some panels reach: from the reports, the expectations and the release's rules alone.

An aim is one thing that a report can say of a rule: a pattern matched, a red flag at one urgency, a recommendation
withheld. `Rule.outcomes` says which there are, so that nothing counts as missing that no report can say.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from labgloss.panels.layout import Page, Style
from labgloss.panels.names import word_of
from labgloss.panels.reader import PanelCase
from labgloss.v1 import knowledge_pb2, report_pb2

_Said = tuple[str, str]


@dataclass(frozen=True, slots=True)
class Axis:
    """One kind of thing that panels can reach, such as "patterns_matched"."""

    name: str
    # Whether `--require-coverage` asks that every one of them is reached.
    required: bool
    # Every id in the order of the rules, with the number of panels that reach it.
    panels: Mapping[str, int]

    @property
    def reached(self) -> Mapping[str, int]:
        """Those that some panel reaches."""
        return {ident: number for ident, number in self.panels.items() if number}

    @property
    def missed(self) -> tuple[str, ...]:
        """Those that no panel reaches."""
        return tuple(ident for ident, number in self.panels.items() if not number)


@dataclass(frozen=True, slots=True)
class Coverage:
    """What a set of panels reaches of one release."""

    version: str
    digest: str
    # Panels with a report; the others reach nothing.
    reports: int
    axes: tuple[Axis, ...]

    @property
    def lacking(self) -> tuple[Axis, ...]:
        """The required axes of which something is not reached."""
        return tuple(axis for axis in self.axes if axis.required and axis.missed)


# The axes in the order in which they are said: the rules' kind, the outcome (none: any), whether each is required.
_AXES: Mapping[str, tuple[int, str, bool]] = {
    "bands": (knowledge_pb2.RULE_KIND_BAND, "reached", True),
    "critical_limits": (knowledge_pb2.RULE_KIND_CRITICAL_LIMIT, "reached", False),
    "patterns_matched": (knowledge_pb2.RULE_KIND_PATTERN, "matched", True),
    "patterns_possible": (knowledge_pb2.RULE_KIND_PATTERN, "possible", False),
    "patterns_near_missed": (knowledge_pb2.RULE_KIND_PATTERN, "near_missed", True),
    "red_flags": (knowledge_pb2.RULE_KIND_RED_FLAG, "active", True),
    "red_flags_emergency": (knowledge_pb2.RULE_KIND_RED_FLAG, "EMERGENCY", False),
    "red_flags_same_day": (knowledge_pb2.RULE_KIND_RED_FLAG, "SAME_DAY", False),
    "red_flags_prompt": (knowledge_pb2.RULE_KIND_RED_FLAG, "PROMPT", False),
    "red_flags_routine": (knowledge_pb2.RULE_KIND_RED_FLAG, "ROUTINE", False),
    "red_flags_held": (knowledge_pb2.RULE_KIND_RED_FLAG, "held", False),
    "recommendations_given": (knowledge_pb2.RULE_KIND_RECOMMENDATION, "given", True),
    "recommendations_withheld": (knowledge_pb2.RULE_KIND_RECOMMENDATION, "withheld", False),
    "refusals": (knowledge_pb2.RULE_KIND_REFUSAL, "reached", False),
    "cautions": (knowledge_pb2.RULE_KIND_CAUTION, "reached", False),
    "issues": (knowledge_pb2.RULE_KIND_ISSUE, "reached", False),
}
# Outcomes that every rule of its kind has: the service need not name them.
_OF_EVERY = ("near_missed", "active")
_PREFIXES = ("recommendation", "caution", "issue", "refusal")


def coverage(
    release: knowledge_pb2.Release,
    rules: Iterable[knowledge_pb2.Rule],
    reported: Sequence[tuple[PanelCase, report_pb2.Report]],
) -> Coverage:
    """What the reports reach of a release, with these rules; the panels say which patterns they come near."""
    known = list(rules)
    bands = {rule.id for rule in known if rule.kind == knowledge_pb2.RULE_KIND_BAND}
    limits = {rule.id for rule in known if rule.kind == knowledge_pb2.RULE_KIND_CRITICAL_LIMIT}
    said = Counter(
        (kind, ident)
        for case, report in reported
        # A panel counts once, however often its report says it.
        for kind, ident in {*_of_report(report, bands, limits), *_near_misses(case, report)}
    )
    axes = []
    for name, (kind, outcome, required) in _AXES.items():
        of_kind = [rule for rule in known if rule.kind == kind and (outcome in _OF_EVERY or outcome in rule.outcomes)]
        idents = [_reported_as(rule.id) for rule in of_kind]
        axes.append(Axis(name, required, {ident: said[name, ident] for ident in idents}))
    return Coverage(release.version, release.digest, len(reported), tuple(axis for axis in axes if axis.panels))


def _reported_as(ident: str) -> str:
    """What a report calls a rule: recommendations, cautions, issues and refusals without their kind."""
    kind, _, rest = ident.partition(".")
    return rest if kind in _PREFIXES else ident


def _of_report(report: report_pb2.Report, bands: set[str], limits: set[str]) -> Iterator[_Said]:
    for entry in report.results:
        yield from _of_result(entry, bands, limits)
    for pattern in report.patterns:
        matched = pattern.state == report_pb2.PATTERN_STATE_MATCHED
        yield "patterns_matched" if matched else "patterns_possible", pattern.id
    for flag in report.red_flags:
        if flag.held:
            yield "red_flags_held", flag.id
        else:
            yield "red_flags", flag.id
            yield f"red_flags_{word_of(report_pb2.Urgency, flag.urgency)}", flag.id
    yield from (("recommendations_given", step.id) for step in report.recommendations)
    yield from (("recommendations_withheld", step.id) for step in report.withheld_recommendations)
    yield from (("issues", issue.id) for issue in report.issues)


def _of_result(entry: report_pb2.ResultInterpretation, bands: set[str], limits: set[str]) -> Iterator[_Said]:
    """What one result reaches; an earlier one serves trend and context, and reaches neither a band nor a limit."""
    yield from (("cautions", caution.id) for caution in entry.cautions)
    if entry.state == report_pb2.RESULT_STATE_REFUSED:
        yield "refusals", word_of(report_pb2.RefusalReason, entry.refusal_reason)
    if entry.earlier:
        return
    named = [ident for ident in entry.rule_ids if ident in bands and ident.endswith(f".{entry.band}")]
    # The same band by the tables of several kinds of patient: none of them alone decided.
    if entry.band and len(named) == 1:
        yield "bands", named[0]
    if entry.critical == report_pb2.CRITICAL_YES:
        yield from (("critical_limits", ident) for ident in entry.rule_ids if ident in limits)


def _near_misses(case: PanelCase, report: report_pb2.Report) -> Iterator[_Said]:
    """Patterns that are only possible, and those that the panel says do not match, where that is so."""
    matched = {item.id for item in report.patterns if item.state == report_pb2.PATTERN_STATE_MATCHED}
    possible = {item.id for item in report.patterns if item.state == report_pb2.PATTERN_STATE_POSSIBLE}
    for ident in {*possible, *case.expect.not_patterns} - matched:
        yield "patterns_near_missed", ident


# ---------------------------------------------------------------------------------------------- how it is said


def coverage_json(found: Coverage) -> dict[str, object]:
    """The coverage as what JSON holds."""
    return {
        "release": {"version": found.version, "digest": found.digest},
        "reports": found.reports,
        "complete": not found.lacking,
        "coverage": {
            axis.name: {
                "required": axis.required,
                "known": len(axis.panels),
                "reached": len(axis.reached),
                "panels": dict(axis.reached),
                "not_reached": list(axis.missed),
            }
            for axis in found.axes
        },
    }


def coverage_text(found: Coverage, style: Style | None = None) -> str:
    """The coverage as a section of text: how many of each kind are reached, and the ids of those that are not."""
    page = Page(style or Style())
    page.heading(f"coverage of release {found.version} by {found.reports} report{'' if found.reports == 1 else 's'}")
    page.line(f"digest {found.digest}")
    for axis in found.axes:
        page.line(f"{axis.name.replace('_', ' '):<26}{len(axis.reached):>4} of {len(axis.panels)}")
        if axis.missed:
            page.text(f"not reached: {', '.join(axis.missed)}", indent=6)
    return str(page)


def lacking_lines(found: Coverage) -> list[str]:
    """What is required and not reached, one axis a line."""
    return [f"not reached of {axis.name.replace('_', ' ')}: {', '.join(axis.missed)}" for axis in found.lacking]
