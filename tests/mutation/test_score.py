"""The cases find every small fault of the knowledge, but for those that the list names, each with its reason.

All of them take some twenty minutes of two cores: here a share is put to the test, another one for each release;
MUTATION_SHARE=1 takes all.
"""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from labgloss.knowledge.loader import load_with_rows
from labgloss.knowledge.release import Release
from labgloss.mutation.cases import Case, cases_of, default_paths
from labgloss.mutation.outcomes import disagreeing, outcomes
from labgloss.mutation.survivors import judged, name_of, read_survivors
from labgloss.panels.shipped import sample_panels_folder
from labgloss.proofs.mutants import Mutant, mutants

HERE = Path(__file__).parent
# Limits, bounds, ages, clauses and evidence. What rules bring is not held to a list yet.
KINDS = ("limit", "bound", "age", "clause", "evidence")
SHARE = int(os.environ.get("MUTATION_SHARE", "40"))


@pytest.fixture(scope="module")
def loaded() -> tuple[Release, list[Mutant]]:
    release, rows = load_with_rows()
    return release, mutants(release, rows)


@pytest.fixture(scope="module")
def cases(loaded: tuple[Release, list[Mutant]]) -> list[Case]:
    return cases_of(loaded[0], [*default_paths(sample_panels_folder()), HERE / "panels"])


def test_every_case_is_answered_as_it_expects(cases: list[Case]) -> None:
    assert disagreeing(cases) == []


def test_the_list_names_only_mutants_of_this_release(loaded: tuple[Release, list[Mutant]]) -> None:
    known = {name_of(mutant) for mutant in loaded[1]}
    assert sorted(read_survivors(HERE / "survivors.toml").keys() - known) == []


def test_what_is_not_listed_is_found(loaded: tuple[Release, list[Mutant]], cases: list[Case]) -> None:
    release, every = loaded
    listed = read_survivors(HERE / "survivors.toml")
    # Which ones changes with the release, so that in time all are asked.
    first = int(release.reference.digest[:8], 16) % SHARE
    some = [mutant for mutant in every if mutant.kind in KINDS][first::SHARE]
    verdict = judged(outcomes(release, some, cases, os.cpu_count() or 1), every, listed)
    assert [name_of(one.mutant) for one in verdict.unlisted] == []
    assert [(name_of(one.mutant), one.by) for one in verdict.found] == []
