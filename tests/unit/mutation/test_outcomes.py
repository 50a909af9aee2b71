"""What becomes of a mutant, and the list of those that are known to survive."""

from __future__ import annotations

from pathlib import Path

import pytest

from labgloss.errors import SettingsError
from labgloss.knowledge.loader import load_with_rows
from labgloss.knowledge.references import Formed
from labgloss.knowledge.release import Release
from labgloss.mutation.cases import Case, cases_of
from labgloss.mutation.outcomes import Fate, Outcome, disagreeing, outcomes, scores
from labgloss.mutation.survivors import judged, name_of, read_survivors
from labgloss.panels.errors import PanelFileError
from labgloss.proofs.mutants import Mutant, mutants

PANEL = """
[[panel]]
id = "{id}"
[panel.patient]
age_years = 40
sex = "male"
[[panel.results]]
analyte = "magnesium"
value = "{value}"
unit = "mmol/L"
[panel.expect.results.magnesium]
critical = "{critical}"
"""
CRITICAL = "critical[magnesium.critical.default.low].limits.mmol/L"


@pytest.fixture(scope="module")
def loaded() -> tuple[Release, tuple[Formed, ...]]:
    return load_with_rows()


@pytest.fixture(scope="module")
def release(loaded: tuple[Release, tuple[Formed, ...]]) -> Release:
    """The release of the rows: a row of another load is none of its own."""
    return loaded[0]


@pytest.fixture(scope="module")
def every(loaded: tuple[Release, tuple[Formed, ...]]) -> list[Mutant]:
    return mutants(*loaded)


def cases(release: Release, folder: Path, *panels: tuple[str, str, str]) -> list[Case]:
    file = folder / "panels.toml"
    file.write_text("".join(PANEL.format(id=ident, value=value, critical=what) for ident, value, what in panels))
    return cases_of(release, [file])


def of_the_critical(every: list[Mutant]) -> list[Mutant]:
    return [mutant for mutant in every if mutant.key == CRITICAL]


def test_a_limit_without_a_case_beside_it_survives(release: Release, every: list[Mutant], tmp_path: Path) -> None:
    found = outcomes(release, of_the_critical(every), cases(release, tmp_path, ("far", "0.55", "no")))
    assert [one.fate for one in found] == [Fate.SURVIVED] * 3
    assert [(score.kind, score.all, score.percent) for score in scores(found)] == [("limit", 2, 0), ("bound", 1, 0)]


def test_a_case_on_a_limit_and_one_above_it_kill_every_move(
    release: Release, every: list[Mutant], tmp_path: Path
) -> None:
    beside = cases(release, tmp_path, ("on", "0.40", "yes"), ("above", "0.41", "no"))
    found = outcomes(release, of_the_critical(every), beside)
    assert [(one.fate, one.by) for one in found] == [
        (Fate.KILLED, "on"),
        (Fate.KILLED, "above"),
        (Fate.KILLED, "on"),
    ]


def test_two_processes_come_to_the_same(release: Release, every: list[Mutant], tmp_path: Path) -> None:
    beside = cases(release, tmp_path, ("on", "0.40", "yes"), ("above", "0.41", "no"))
    some = of_the_critical(every)
    assert outcomes(release, some, beside, processes=2) == outcomes(release, some, beside)


def test_a_case_that_the_release_does_not_answer_as_expected_is_named(release: Release, tmp_path: Path) -> None:
    wrong = cases(release, tmp_path, ("on", "0.40", "no"), ("above", "0.41", "no"))
    assert disagreeing(wrong) == ["panels.toml: on: results.magnesium.critical: expected no, got yes"]


def test_a_panel_that_the_service_refuses_is_named_with_its_field(release: Release, tmp_path: Path) -> None:
    (tmp_path / "panels.toml").write_text('[[panel]]\nid = "empty"\n')
    with pytest.raises(PanelFileError, match=r"panels\.toml: panel empty: panel\.results: at least one result"):
        cases_of(release, [tmp_path / "panels.toml"])


def test_a_spec_is_read_as_a_case_for_each_value(release: Release, tmp_path: Path) -> None:
    file = tmp_path / "magnesium.specs.toml"
    file.write_text(
        '[[spec]]\nid = "m"\nanalyte = "magnesium"\nunit = "mmol/L"\npatient = { age_years = 40, sex = "male" }\n'
        'cases = [["0.40", "low", "severe_low", "yes", 2], ["0.09", "refused:value_implausible", "", "possible", -1]]\n'
    )
    found = cases_of(release, [file])
    assert [case.id for case in found] == ["m.0", "m.1"]
    assert disagreeing(found) == []


# ---------------------------------------------------------------------------------------------- the list


def outcome(every: list[Mutant], fate: Fate) -> Outcome:
    return Outcome(of_the_critical(every)[0], fate, "on" if fate is Fate.KILLED else "")


def test_a_survivor_that_is_listed_is_allowed(every: list[Mutant]) -> None:
    one = outcome(every, Fate.SURVIVED)
    assert judged([one], every, {name_of(one.mutant): "a reason"}).holds
    assert judged([one], every, {}).unlisted == (one,)


def test_a_listed_one_that_is_killed_is_told(every: list[Mutant]) -> None:
    one = outcome(every, Fate.KILLED)
    assert judged([one], every, {name_of(one.mutant): "a reason"}).found == (one,)


def test_a_listed_one_that_is_no_mutant_is_told(every: list[Mutant]) -> None:
    assert judged([], every, {"a.toml: key: words": "a reason"}).stale == ("a.toml: key: words",)


def test_a_listed_one_of_another_part_is_left_alone(every: list[Mutant]) -> None:
    assert judged([], every, {name_of(every[0]): "a reason"}).holds


@pytest.mark.parametrize(
    ("content", "fault"),
    [
        ("[[survivor]]\nmutants = ['a']\n", "survivor.0.reason: Field required; write [[survivor]] with a reason"),
        ("[[survivor]]\nreason = ''\nmutants = ['a']\n", "survivor.0.reason: String should have at least 1 character"),
        ("[[survivor]]\nreason = 'b'\nmutants = ['a', 'a']\n", "'a' stands twice; give it one reason"),
        ("[[survivor\n", "is not TOML"),
    ],
)
def test_a_faulty_list_says_what_is_wrong(content: str, fault: str, tmp_path: Path) -> None:
    file = tmp_path / "survivors.toml"
    file.write_text(content)
    with pytest.raises(SettingsError) as raised:
        read_survivors(file)
    assert f"--survivors: {file}" in str(raised.value)
    assert fault in str(raised.value)


def test_a_list_that_is_not_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="cannot be read: No such file"):
        read_survivors(tmp_path / "none.toml")
