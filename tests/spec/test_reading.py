"""The engine with its rules says what the second reading of the documents says: READING_PANELS sets how many panels."""

from __future__ import annotations

import os

import pytest

from labgloss.domain.report import PatternState, Report
from labgloss.domain.truth import Truth
from labgloss.engine.interpret import interpret
from labgloss.knowledge.release import Release
from labgloss.wire.decode import decode_panel
from tests.oracle.people import Table
from tests.oracle.reading.open_questions import open_questions
from tests.oracle.reading.panels import Panels
from tests.oracle.reading.truth import State
from tests.oracle.reading.whole import ALL, Whole, read_panel
from tests.spec.interpreters import messages

COUNT = int(os.environ.get("READING_PANELS", "300"))
WITHOUT_CORE = {one.id for one in ALL if not one.has_core}


def report_on(release: Release, panel: Table) -> Report:
    return interpret(release, decode_panel(messages([panel])[0], "panel", release))


def disagreements(expected: Whole, got: Report) -> list[str]:
    """Where a report says something else than the reading, in words."""
    muted = open_questions(expected)
    found = [*results_differ(expected, got), *patterns_differ(expected, got)]
    if got.urgency.name != expected.urgency.name:
        found.append(f"urgency: expected {expected.urgency.name}, got {got.urgency.name}")
    found += sets_differ("red flag", expected.red_flags, {one.id for one in got.red_flags if not one.held})
    found += sets_differ("held", expected.red_flags_held, {one.id for one in got.red_flags if one.held})
    # Of a value that an artefact makes unreliable the finding is shown, and counts as UNKNOWN.
    said = {one.id for one in got.findings if one.truth is Truth.TRUE or one.unreliable_because}
    true = {name for name, truth in expected.findings.items() if truth is True}
    found += sets_differ("finding", true, said & expected.findings.keys())
    given = {one.id for one in got.recommendations}
    found += [f"recommendation {name}: missing" for name in sorted(expected.recommend - given)]
    found += [f"recommendation {name}: must not be given" for name in sorted(expected.not_recommend & given)]
    return [words for words in found if not any(words.startswith(question) for question in muted)]


def sets_differ(kind: str, expected: set[str], got: set[str]) -> list[str]:
    missing = [f"{kind} {name}: missing" for name in sorted(expected - got)]
    return missing + [f"{kind} {name}: not expected" for name in sorted(got - expected)]


def results_differ(expected: Whole, got: Report) -> list[str]:
    entries = {one.id or one.analyte: one for one in got.results if not one.earlier}
    found = []
    for key, one in expected.case.entries.items():
        if key not in entries:
            found.append(f"result {key}: missing")
            continue
        entry = entries[key]
        refusal = entry.refusal_reason.value if entry.refusal_reason else None
        said = {"class": entry.result_class.value, "critical": entry.critical.name.lower(), "refusal": refusal}
        for field, value in said.items():
            if one.entry[field] != value:
                found.append(f"result {key} {field}: expected {one.entry[field]}, got {value}")
    return found


def patterns_differ(expected: Whole, got: Report) -> list[str]:
    states = {one.id: State.MATCHED if one.state is PatternState.MATCHED else State.POSSIBLE for one in got.patterns}
    found = []
    for id_, state in expected.patterns.items():
        said = states.get(id_, State.NOT_MET)
        if said is not state and not (id_ in WITHOUT_CORE and State.MATCHED not in (said, state)):
            found.append(f"pattern {id_}: expected {state.name}, got {said.name}")
    return found


@pytest.mark.parametrize("seed", [1])
def test_the_engine_says_what_the_documents_say(knowledge: Table, release: Release, seed: int) -> None:
    differing = []
    for panel in Panels(seed).some(COUNT):
        if words := disagreements(read_panel(knowledge, panel), report_on(release, panel)):
            differing.append("\n    ".join([str(panel), *words]))
    assert not differing, "\n  ".join([f"{len(differing)} of {COUNT} panels differ:", *differing])
