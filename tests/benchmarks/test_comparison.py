"""A run against a baseline: what counts as worse, and that it can fail."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from tests.benchmarks.comparison import Change, compare
from tests.benchmarks.figures import Better, Conditions, Row, Run, Wanted, median_interval
from tests.benchmarks.runner import keep
from tests.benchmarks.table import comparison_table, table

ROOT = Path(__file__).parents[2]
STEADY = [1.0, 1.01, 0.99, 1.0, 1.02, 0.98]


def row(ratios: list[float], better: Better = Better.MORE, ident: str = "P1") -> Row:
    wanted = Wanted(better, 0.75, 0.92)
    return Row(ident, "calls", ("labgloss", "do-nothing"), "us", wanted, ratios, [1.0] * len(ratios), ratios)


def run(*rows: Row, **machine: str) -> Run:
    return Run("full", {"cores": "2", **machine}, "2026-11-27", {one.id: one for one in rows})


def scaled(factor: float) -> list[float]:
    return [ratio * factor for ratio in STEADY]


@pytest.mark.parametrize(
    ("factor", "better", "change"),
    [
        (1.0, Better.MORE, Change.WITHIN),
        (0.97, Better.MORE, Change.WITHIN),
        (0.9, Better.MORE, Change.WORSE),
        (1.1, Better.MORE, Change.BETTER),
        (0.9, Better.LESS, Change.BETTER),
        (1.1, Better.LESS, Change.WORSE),
    ],
)
def test_a_row_is_worse_only_beyond_its_spread(factor: float, better: Better, change: Change) -> None:
    (compared,) = compare(run(row(scaled(factor), better)), run(row(STEADY, better)))
    assert compared.change is change


def test_a_row_that_varies_widely_is_not_called_worse() -> None:
    wide = [0.5, 1.5, 0.7, 1.2, 0.6, 1.1]
    (compared,) = compare(run(row(scaled(0.9))), run(row(wide)))
    assert compared.change is Change.WITHIN


@pytest.mark.parametrize(("factor", "change"), [(0.9, Change.WITHIN), (0.8, Change.WORSE)])
def test_of_few_pairs_less_is_said(factor: float, change: Change) -> None:
    (compared,) = compare(run(row(scaled(factor)[:2])), run(row(STEADY)))
    assert compared.change is change


def test_rows_of_one_side_only_are_said() -> None:
    now = run(row(STEADY), row(STEADY, ident="P2"), row([], ident="P3").not_measured("no node"))
    before = run(row(STEADY), row(STEADY, ident="P3"), row(STEADY, ident="P4"))
    changes = {one.id: one.change for one in compare(now, before)}
    assert changes == {"P1": Change.WITHIN, "P2": Change.NEW, "P3": Change.MISSING, "P4": Change.MISSING}


def test_what_got_worse_is_said_in_words_and_so_is_what_was_not_measured_alike() -> None:
    now, before = run(row(scaled(0.5)), row(STEADY, ident="P2"), python="3.13"), run(row(STEADY), python="3.11")
    said = comparison_table(compare(now, before), now, before)
    assert "1 of 2 rows got worse beyond their spread: P1." in said
    assert "Not measured alike: python 3.13 against 3.11." in said
    assert "No row got worse beyond its spread." in comparison_table(compare(before, before), before, before)


def test_the_interval_of_a_median_is_the_same_each_time_and_holds_it() -> None:
    figures = [1.0, 5.0, 2.0, 4.0, 3.0, 2.5, 3.5]
    low, high = median_interval(figures)
    assert (low, high) == median_interval(figures)
    assert 1.0 <= low < 3.0 < high <= 5.0
    assert median_interval([2.0]) == (2.0, 2.0)


def test_a_row_says_whether_it_meets_what_is_wanted() -> None:
    assert [row(scaled(factor)).verdict for factor in (0.7, 0.8, 0.95)] == ["missed", "must", "aim"]
    less = [replace(row(scaled(factor)), wanted=Wanted(Better.LESS, 0.9, 0.75)) for factor in (0.7, 0.8, 0.95)]
    assert [one.verdict for one in less] == ["aim", "must", "missed"]


def test_a_row_that_was_not_measured_in_quiet_is_marked() -> None:
    loud = Conditions(10.0, (4.0, 5.0), foreign=0.4, steal=0.0)
    printed = table(run(replace(row(STEADY), conditions=loud)))
    assert "40% / 0% NOT QUIET" in printed
    assert "1 of 1 rows were measured while others took more than 5 % of the machine." in printed


@pytest.mark.parametrize(("factor", "code"), [(1.0, 0), (0.5, 1)])
def test_the_command_fails_where_a_row_got_worse_and_it_is_told_to(factor: float, code: int, tmp_path: Path) -> None:
    now, before = tmp_path / "now.json", tmp_path / "before.json"
    keep(now, run(row(scaled(factor))))
    keep(before, run(row(STEADY)))
    command = (
        sys.executable, "-m", "tests.benchmarks", "--compare", str(now), "--baseline", str(before), "--fail-if-worse",
    )  # fmt: skip
    ran = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=120, check=False)
    assert ran.returncode == code, ran.stderr
    assert ("WORSE" in ran.stdout) == bool(code)


def test_a_group_that_does_not_exist_is_refused_with_those_that_do() -> None:
    command = (sys.executable, "-m", "tests.benchmarks", "--only", "P1,P12")
    ran = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=120, check=False)
    assert ran.returncode == 2
    assert "P12 is none of P1, P2, P3" in ran.stderr
