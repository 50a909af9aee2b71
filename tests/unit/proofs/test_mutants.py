"""The small faults that are made of a release."""

from __future__ import annotations

from collections import Counter

import pytest

from labgloss.cli import parser
from labgloss.knowledge import schema
from labgloss.knowledge.loader import load_with_rows
from labgloss.knowledge.references import Formed
from labgloss.knowledge.release import Release
from labgloss.proofs.answers import GATES
from labgloss.proofs.mutants import KINDS, Mutant, mutants
from labgloss.proofs.places import parts
from labgloss.proofs.rows import refused, with_row


@pytest.fixture(scope="module")
def loaded() -> tuple[Release, tuple[Formed, ...]]:
    return load_with_rows()


@pytest.fixture(scope="module")
def release(loaded: tuple[Release, tuple[Formed, ...]]) -> Release:
    """The release of the rows: a row of another load is none of its own."""
    return loaded[0]


@pytest.fixture(scope="module")
def rows(loaded: tuple[Release, tuple[Formed, ...]]) -> tuple[Formed, ...]:
    return loaded[1]


@pytest.fixture(scope="module")
def every(release: Release, rows: tuple[Formed, ...]) -> list[Mutant]:
    return mutants(release, rows)


def of(every: list[Mutant], kind: str, key: str) -> list[str]:
    return [mutant.words for mutant in every if mutant.kind == kind and mutant.key == key]


def test_no_two_mutants_are_called_alike(every: list[Mutant]) -> None:
    assert [name for name, count in Counter(mutant.id for mutant in every).items() if count > 1] == []


def test_every_mutant_is_another_row(every: list[Mutant]) -> None:
    assert [mutant.id for mutant in every if mutant.row == mutant.changed] == []


def test_the_command_names_the_kinds_and_gates_that_there_are() -> None:
    assert parser.MUTANTS == tuple(KINDS)
    assert parser.GATES == tuple(GATES)


def test_a_limit_is_moved_by_one_reported_digit_each_way_and_its_bound_flipped(every: list[Mutant]) -> None:
    key = "critical[magnesium.critical.default.low].limits.mmol/L"
    assert of(every, "limit", key) == [
        "of 'x <= 0.40' the upper end 0.40 moved to 0.39",
        "of 'x <= 0.40' the upper end 0.40 moved to 0.41",
    ]
    assert of(every, "bound", key) == ["of 'x <= 0.40' the upper end 0.40 made exclusive"]


def test_an_edge_that_two_bands_share_is_moved_in_each_and_in_both(every: list[Mutant]) -> None:
    found = of(every, "limit", "band_tables[magnesium.band].bands[severe_low].limits.mmol/L")
    assert "the edge shared by neighbours, 0.40 moved to 0.41" in found
    assert "of 'x <= 0.40' the upper end 0.40 moved to 0.41" in found


def test_a_multiple_of_the_upper_limit_is_moved_by_one(every: list[Mutant]) -> None:
    assert of(every, "limit", "finding.CK_HIGH_5X.limits.U/L") == [
        "of 'x >= 5*ULN' the lower end 5*ULN moved to 4*ULN",
        "of 'x >= 5*ULN' the lower end 5*ULN moved to 6*ULN",
    ]


def test_every_limit_of_the_knowledge_is_moved(release: Release, rows: tuple[Formed, ...]) -> None:
    """Of a row that is formed like no other a limit would still be found: it is looked for, not listed."""
    found = {(mutant.file, mutant.key) for mutant in mutants(release, rows) if mutant.kind == "limit"}
    computations = next(row for row in rows if isinstance(row.form, schema.ComputationsFile))
    with_limits = {way[0] for way, part in parts(computations.form) if type(part).__name__ == "Limit"}
    assert with_limits <= {key.partition(".")[0] for file, key in found if file == computations.file}
    assert len(found) > 800


def test_every_clause_at_every_depth_is_left_out(every: list[Mutant]) -> None:
    assert of(every, "clause", "pattern.MG_LOW_WITH_SECONDARY_HYPOCALCAEMIA.core[0]") == ["finding.MG_LOW left out"]
    tetany = "red_flag.TETANY_OR_LATENT_TETANY.levels[0]"
    assert of(every, "clause", f"{tetany}.when[0][0]") == ["symptom.TETANY left out"]
    assert of(every, "clause", f"{tetany}.when[1][0][0]") == ["finding.CA_LOW left out"]
    assert of(every, "clause", tetany) == ["the row left out"]


def test_what_speaks_for_a_pattern_is_a_kind_of_its_own(every: list[Mutant]) -> None:
    key = "pattern.MG_LOW_WITH_SECONDARY_HYPOCALCAEMIA.supporting[0]"
    assert (of(every, "evidence", key), of(every, "clause", key)) == (["band.magnesium.severe_low left out"], [])


def test_an_urgency_moves_one_step_and_not_beyond_the_last(every: list[Mutant]) -> None:
    assert of(every, "urgency", "red_flag.TETANY_OR_LATENT_TETANY.levels[0].urgency") == ["EMERGENCY moved to SAME_DAY"]
    assert of(every, "urgency", "red_flag.TETANY_OR_LATENT_TETANY.levels[1].urgency") == [
        "SAME_DAY moved to PROMPT",
        "SAME_DAY moved to EMERGENCY",
    ]


def test_a_changed_row_changes_the_release_and_not_the_one_it_was_made_of(
    release: Release, every: list[Mutant]
) -> None:
    for kind in KINDS:
        mutant = next(one for one in every if one.kind == kind)
        changed = with_row(release, mutant.row, mutant.changed)
        assert changed is not release
        if isinstance(mutant.row, schema.AnalyteFile):
            assert changed.analytes[mutant.row.id].form == mutant.changed
            assert release.analytes[mutant.row.id].form is mutant.row


def test_a_row_of_another_load_is_refused(release: Release, every: list[Mutant]) -> None:
    others = {mutant.id: mutant for mutant in mutants(*load_with_rows())}
    for kind in {type(mutant.row) for mutant in every}:
        mutant = others[next(mutant.id for mutant in every if type(mutant.row) is kind)]
        with pytest.raises(ValueError, match="take release and rows of one load"):
            with_row(release, mutant.row, mutant.changed)


def test_a_gap_between_bands_is_refused_as_at_start_up(release: Release, every: list[Mutant]) -> None:
    words = "of 'x <= 0.40' the upper end 0.40 moved to 0.39"
    mutant = next(one for one in every if one.words == words and "bands[severe_low]" in one.key)
    fault = refused(with_row(release, mutant.row, mutant.changed), mutant.changed)
    assert fault.startswith("magnesium.band")
    assert "witness" in fault
