"""A release with ten times the patterns and red flags, and what interpreting then costs beside the release itself."""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Any

from labgloss.domain.panel import Panel
from labgloss.domain.report import Report
from labgloss.engine.interpret import interpret
from labgloss.knowledge.expression import AgeClause, Combination, Expression, Name
from labgloss.knowledge.loader import load
from labgloss.knowledge.release import DerivedFinding, Release, Rule
from labgloss.knowledge.schema import Form, GroupRow, PatternRow, RedFlagRow, field_names
from labgloss.panels.reader import read_panels
from labgloss.panels.shipped import sample_panels_folder
from labgloss.wire.decode import decode_panel
from tests.benchmarks.table import machine_now, markdown, spread

TIMES = 10
# What one rule says of another, by its id.
_OF_PATTERNS = ("replaces", "absorbs")
_MADE_BY_RULES = ("pattern", "red_flag", "emergency")


def over_other_names(release: Release, times: int = TIMES) -> Release:
    """The release and copies of its rules that read names of their own: as if of analytes that the panel lacks.

    Every name that a copy reads is one of the copy's, which nothing makes TRUE. The red flag of values alone reads no
    name and is not copied. Its report on a panel is that of the release; only the trace is longer.
    """
    return _with_copies(release, times, _any, lambda rule: not getattr(rule, "value_only", False))


def over_the_same_names(release: Release, times: int = TIMES) -> Release:
    """The release and copies of all its rules that read what the rules read: whatever holds, holds ten times.

    Only the names of rules are the copy's, so that a copy reads, replaces and absorbs copies. Its reports are longer.
    """
    return _with_copies(release, times, lambda kind: kind in _MADE_BY_RULES, _any)


def _any(_: object) -> bool:
    return True


def _with_copies(
    release: Release, times: int, renamed: Callable[[str], bool], copied: Callable[[Rule], bool]
) -> Release:
    patterns, red_flags = dict(release.patterns), dict(release.red_flags)
    groups = dict(release.groups)
    order = list(release.rule_order)
    for number in range(1, times):
        copy = _Copy(release, f"_COPY_{number}", renamed)
        groups |= copy.groups()
        for rule in release.rule_order:
            if isinstance(rule, DerivedFinding) or not copied(rule):
                continue
            made = copy.rule(rule)
            order.append(made)
            if isinstance(made, PatternRow):
                patterns[made.id] = made
            else:
                red_flags[made.id] = made
    return replace(
        release,
        patterns=MappingProxyType(patterns),
        red_flags=MappingProxyType(red_flags),
        groups=MappingProxyType(groups),
        rule_order=tuple(order),
    )


class _Copy:
    """One copy of every rule: ids with a suffix, and names of the kinds that are renamed with it too."""

    def __init__(self, release: Release, suffix: str, renamed: Callable[[str], bool]) -> None:
        self._release = release
        self._suffix = suffix
        self._renamed = renamed

    def rule(self, rule: PatternRow | RedFlagRow) -> PatternRow | RedFlagRow:
        """A rule as this copy has it; what it brings, and its words, stay."""
        made = self._form(rule)
        update: dict[str, Any] = {"id": self._id(rule.id)}
        update |= {key: tuple(map(self._id, getattr(rule, key))) for key in _OF_PATTERNS if hasattr(rule, key)}
        return replace(made, **update)

    def groups(self) -> Mapping[str, GroupRow]:
        """The groups that its logic reads."""
        if not self._renamed("group"):
            return {}
        copies = (replace(self._form(group), id=self._id(ident)) for ident, group in self._groups())
        return {group.id: group for group in copies}

    def _groups(self) -> Sequence[tuple[str, GroupRow]]:
        return tuple(self._release.groups.items())

    def _id(self, ident: str) -> str:
        return ident + self._suffix

    def _form(self, form: Any) -> Any:
        return replace(form, **{key: self._value(getattr(form, key)) for key in field_names(form)})

    def _value(self, value: object) -> object:
        if isinstance(value, Form):
            return self._form(value)
        if isinstance(value, tuple):
            return tuple(self._value(part) for part in value)
        return self._logic(value) if isinstance(value, Name | Combination) else value

    def _logic(self, logic: Expression) -> Expression:
        if isinstance(logic, AgeClause):
            return logic
        if isinstance(logic, Combination):
            return Combination(logic.operator, tuple(self._logic(part) for part in logic.parts))
        return Name(logic.kind, self._id(logic.id)) if self._renamed(logic.kind) else logic


# ---------------------------------------------------------------------------------------------- measuring


@dataclass(frozen=True)
class Cost:
    """CPU microseconds a panel in one round: of the release, and of one with ten times the rules, panel by panel."""

    release: float
    ten_times: float

    @property
    def ratio(self) -> float:
        return self.ten_times / self.release


@dataclass(frozen=True)
class Compared:
    """One way of copying: the rules, what a report then holds, and a cost for each round."""

    label: str
    rules: tuple[int, int]
    # Patterns a report, on average; the second with ten times the rules.
    patterns: tuple[float, float]
    panels: int
    costs: Sequence[Cost]


def rules_table(compared: Sequence[Compared]) -> str:
    """The costs as a Markdown table, and what is needed to read it."""
    rows = [
        ("copies read", "rules", "patterns a report", "release, us", "ten times, us", "ratio"),
        *(
            (
                one.label,
                " -> ".join(map(str, one.rules)),
                " -> ".join(f"{number:.1f}" for number in one.patterns),
                spread([cost.release for cost in one.costs], ".0f"),
                spread([cost.ten_times for cost in one.costs], ".0f"),
                spread([cost.ratio for cost in one.costs], ".2f"),
            )
            for one in compared
        ),
    ]
    return "\n".join(
        [
            *markdown(rows),
            "",
            "CPU a panel, in process, both in turn: median (smallest-largest) of "
            f"{len(compared[0].costs)} rounds of {compared[0].panels} panels.",
            machine_now(),
            "",
        ]
    )


def compare(rounds: int, every: int = 1) -> list[Compared]:
    """Both ways of copying. Raises ValueError when copies that read other names change a report beside its trace."""
    release = load()
    cases = read_panels([sample_panels_folder()])
    panels = [decode_panel(case.panel, "panel", release) for case in cases[::every]]
    compared = []
    for label, made in (("other names", over_other_names(release)), ("the same names", over_the_same_names(release))):
        # The first round fills the caches of both.
        before = [interpret(release, panel) for panel in panels]
        after = [interpret(made, panel) for panel in panels]
        if label == "other names" and (differing := sum(map(_differ, before, after))):
            raise ValueError(f"{differing} of {len(panels)} reports differ: the copies do not read other names")
        costs = [_round(release, made, panels, number) for number in range(rounds)]
        rules = tuple(len(one.patterns) + len(one.red_flags) for one in (release, made))
        patterns = tuple(sum(len(report.patterns) for report in reports) / len(panels) for reports in (before, after))
        compared.append(Compared(label, (rules[0], rules[1]), (patterns[0], patterns[1]), len(panels), costs))
    return compared


def _differ(one: Report, other: Report) -> bool:
    return replace(one, trace=()) != replace(other, trace=())


def _round(release: Release, made: Release, panels: Sequence[Panel], number: int) -> Cost:
    """Each panel by both, one right after the other; which comes first changes from panel to panel and round."""
    spent = [0.0, 0.0]
    for place, panel in enumerate(panels):
        turns = ((0, release), (1, made))
        for which, one in turns if (place + number) % 2 else reversed(turns):
            begin = time.process_time()
            interpret(one, panel)
            spent[which] += time.process_time() - begin
    return Cost(*(seconds * 1e6 / len(panels) for seconds in spent))


def main(arguments: Sequence[str]) -> int:
    """Prints the costs."""
    parser = argparse.ArgumentParser(
        prog="tests/benchmarks/run rules", description="Prints what interpreting costs with ten times the rules."
    )
    parser.add_argument("--rounds", type=int, default=5, help="rounds over all panels (default 5)")
    print(rules_table(compare(parser.parse_args(arguments).rounds)), end="")
    return 0
