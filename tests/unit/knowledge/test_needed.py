"""What the engine names itself is what a release is asked to hold: read from the texts of its modules."""

from __future__ import annotations

import ast
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

import pytest

from labgloss.engine import interpret
from labgloss.knowledge import needed, overlay_merge
from labgloss.knowledge.release import Release

# What a site adds brings an issue of its own.
MODULES = [*sorted(Path(interpret.__file__).parent.glob("*.py")), Path(overlay_merge.__file__)]
# Additives of a tube that are ids of another kind as well.
WORDS = {"medications": {"heparin"}}
LISTS: Mapping[str, Collection[str]] = {
    "analytes": needed.ANALYTES,
    "cautions": needed.CAUTIONS,
    "issues": needed.ISSUES,
    "recommendations": needed.RECOMMENDATIONS,
    "red_flags": needed.RED_FLAGS,
    "conditions": needed.CONDITIONS,
    "findings": needed.FINDINGS | needed.COMPUTED_FINDINGS,
    "patterns": (),
    "symptoms": (),
    "medications": (),
    "groups": (),
}


def written() -> set[str]:
    """Every text in the modules of the engine, and of what a site adds."""
    nodes = (node for path in MODULES for node in ast.walk(ast.parse(path.read_text())))
    return {node.value for node in nodes if isinstance(node, ast.Constant) and isinstance(node.value, str)}


@pytest.mark.parametrize("kind", LISTS)
def test_what_the_engine_names_is_needed(release: Release, kind: str) -> None:
    ids: Mapping[str, Any] = getattr(release, kind)
    assert written() & ids.keys() - WORDS.get(kind, set()) <= set(LISTS[kind])


@pytest.mark.parametrize("kind", ["analytes", "cautions", "issues", "recommendations", "red_flags", "conditions"])
def test_what_is_needed_is_named_by_the_engine(kind: str) -> None:
    assert set(LISTS[kind]) <= written()


def test_every_finding_that_is_computed_has_its_words(release: Release) -> None:
    """Classes of an unadjusted total aside, which need no row of their own."""
    of_class = {"CA_TOTAL_LOW", "CA_TOTAL_HIGH"}
    assert {
        ident for ident, rows in release.findings.items() if rows[0].computed
    } == needed.COMPUTED_FINDINGS - of_class


def test_facts_of_patient_and_specimen_are_made_by_the_engine() -> None:
    assert needed.PATIENT_FACTS | needed.SPECIMEN_FACTS <= written()
