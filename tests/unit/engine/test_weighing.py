"""What is kept of weighed patterns: by the names that each reads, and one object for all that say the same."""

from __future__ import annotations

from dataclasses import replace

from labgloss.engine import kept, weighing
from labgloss.engine.interpret import interpret
from labgloss.knowledge.release import Release
from labgloss.panels.reader import read_panels
from labgloss.panels.shipped import sample_panels_folder
from labgloss.wire.decode import decode_panel


def test_patterns_of_a_rule_that_say_the_same_are_one_object(release: Release) -> None:
    kept.forget()
    for case in read_panels([sample_panels_folder()])[::8]:
        interpret(release, decode_panel(case.panel, "panel", release))
    by_names, _ = weighing._kept_patterns(release)
    found = [(weighed.rule.id, weighed) for weighed in by_names.entries.values()]
    assert len({id(weighed) for _, weighed in found}) == len(set(found)) < len(found)


def test_what_says_something_else_is_another(release: Release) -> None:
    for case in read_panels([sample_panels_folder()])[:8]:
        interpret(release, decode_panel(case.panel, "panel", release))
    by_names, _ = weighing._kept_patterns(release)
    weighed = next(iter(by_names.entries.values()))
    assert weighed == replace(weighed, _patterns={}, _brought={})
    changes = {
        "text": "other",
        "asked": ("other",),
        "matched": not weighed.matched,
        "missing": (*weighed.evidence_for, "x"),
    }
    for name, value in changes.items():
        assert weighed != replace(weighed, **{name: value})
