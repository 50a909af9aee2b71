"""The benchmarks in miniature: every row is measured, a run goes on where it ended, and what hangs is ended."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import pytest

from labgloss.knowledge.release import Release
from tests.benchmarks import engines, runner
from tests.benchmarks.figures import Better, Run, Wanted
from tests.benchmarks.groups import GROUPS, Group
from tests.benchmarks.runner import begin, keep, measure_all, measure_apart, read
from tests.benchmarks.size import SIZES
from tests.benchmarks.small_job import Job
from tests.benchmarks.ten_times import TIMES, compare, over_other_names, rules_table
from tests.benchmarks.where import main as profile
from tests.benchmarks.where import step_of
from tests.external_tools import tool

ROOT = Path(__file__).parents[2]
TINY = SIZES["tiny"]
IDENTS = [row.id for group in GROUPS.values() for row in group.rows]
# What cannot be measured in the tiny size, or not here, and why.
TAKES_MINUTES = "takes minutes, and size tiny is for seconds"
NO_NODE = os.environ.get("CI") != "true" and None in (tool("node"), tool("npm"))


@pytest.fixture(autouse=True)
def _importing_labgloss(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(path for path in sys.path if path))


def test_every_row_is_measured_and_printed(tmp_path: Path) -> None:
    kept = tmp_path / "run.json"
    command = (sys.executable, "-m", "tests.benchmarks", "--size", "tiny", "--keep", str(kept))
    # Half a minute on a quiet machine: what is caught is a benchmark that hangs.
    ran = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=600, check=True)
    run = read(kept)
    assert list(run.rows) == IDENTS
    missing = {ident: row.missing for ident, row in run.rows.items() if not row.ratios}
    assert missing.pop("P9") == TAKES_MINUTES
    if NO_NODE:
        assert "not installed" in missing.pop("P3.cql")
    assert missing == {}
    for row in run.rows.values():
        assert len(row.ratios) == len(row.ours) == len(row.others)
        assert all(ratio > 0 for ratio in row.ratios)
        assert row.conditions is not None
    printed = [line.split("|")[1].strip() for line in ran.stdout.splitlines() if line.startswith("| P")]
    assert printed[: len(IDENTS)] == IDENTS
    assert f"- P9: {TAKES_MINUTES}" in ran.stdout
    assert "both servers gave the same bytes for 64 of 64" in ran.stdout


def test_the_rows_with_a_target_are_those_of_the_issue() -> None:
    wanted = {row.id: row.wanted for group in GROUPS.values() for row in group.rows if row.wanted.must is not None}
    more, less = Better.MORE, Better.LESS
    assert wanted == {
        "P1": Wanted(more, 0.75, 0.92),
        "P2": Wanted(more, 1.1, 1.3),
        "P3": Wanted(more, 1.0, 3.0),
        "P3.cql": Wanted(more, 20.0, 100.0),
        "P4": Wanted(less, 1.5, 1.1),
        "P5": Wanted(more, 4.0, 12.0),
        "P5.stream": Wanted(more, 2.0, 5.0),
        "P6": Wanted(more, 1.6, 1.75),
        "P7": Wanted(less, 4.0, 2.0),
        "P8": Wanted(less, 1.6, 1.35),
        "P9": Wanted(less, 50.0, 35.0),
        "P10": Wanted(more, 0.93, 0.97),
        "P11": Wanted(more, 0.8, 0.85),
    }


def test_the_baseline_has_every_row() -> None:
    assert list(read(Path(__file__).with_name("baseline.json")).rows) == IDENTS


# ------------------------------------------------------------------------------------------------ the runner


def group(seconds: float) -> Group:
    return replace(GROUPS["P7"], seconds=seconds)


def test_what_hangs_is_ended_with_all_that_it_started(tmp_path: Path) -> None:
    told = tmp_path / "pid"
    started = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_DFL); time.sleep(300)"
    hanging = (
        f"import pathlib, subprocess, sys, time; child = subprocess.Popen((sys.executable, '-c', {started!r}));"
        f"pathlib.Path({str(told)!r}).write_text(str(child.pid)); time.sleep(300)"
    )
    begun = time.monotonic()
    rows = measure_apart(group(3.0), TINY, (sys.executable, "-c", hanging))
    assert time.monotonic() - begun < 60
    assert [row.missing for row in rows] == ["was not done after 3 s"] * 3
    status = Path(f"/proc/{told.read_text()}/status")
    assert not status.exists() or "State:\tZ" in status.read_text()


def test_a_group_that_fails_says_how_and_the_others_are_measured() -> None:
    rows = measure_apart(group(60.0), TINY, (sys.executable, "-c", "raise ValueError('no such server')"))
    assert {row.missing for row in rows} == {"ended with exit code 1: ValueError: no such server"}
    assert [row.id for row in rows] == ["P7", "P7.wall", "P7.files"]


def test_a_run_goes_on_where_it_ended(tmp_path: Path) -> None:
    file = tmp_path / "run.json"
    done = [row.measured([2.0, 3.0], [1.0, 1.0]) for row in GROUPS["P7"].rows]
    keep(file, begin(TINY).with_rows(done))
    said: list[str] = []
    run = measure_all(read(file), ["P7"], lambda _: pytest.fail("measured again"), said.append)
    assert said == ["P7: taken from the run that is gone on with"]
    assert [list(row.ratios) for row in run.rows.values()] == [[2.0, 3.0]] * 3


def test_rows_stand_in_their_order_whenever_they_were_measured(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        runner, "measure_apart", lambda group, _: [row.measured([1.0], [1.0]) for row in group.rows]
    )  # fmt: skip
    last = begin(TINY).with_rows([row.measured([2.0], [1.0]) for row in GROUPS["P11"].rows])
    run = measure_all(last, ["P2", "P1"], lambda _: None, lambda _: None)
    assert list(run.rows) == ["P1", "P1.single", "P2", "P11"]


def test_a_file_that_holds_no_run_is_named(tmp_path: Path) -> None:
    file = tmp_path / "run.json"
    file.write_text(json.dumps({"rows": []}))
    with pytest.raises(ValueError, match=r"run\.json holds no run of the benchmarks: KeyError"):
        read(file)


def test_a_run_is_read_as_it_was_kept(tmp_path: Path) -> None:
    file = tmp_path / "run.json"
    rows = [GROUPS["P7"].rows[0].measured([2.0], [1.0], note="n"), GROUPS["P7"].rows[1].not_measured("why")]
    kept = Run("tiny", {"cores": "2"}, "2026-11-27", {row.id: row for row in rows})
    keep(file, kept)
    keep(file, read(file))
    read_again = read(file)
    assert [row.note or row.missing for row in read_again.rows.values()] == ["n", "why"]
    assert read_again.rows["P7"].wanted == kept.rows["P7"].wanted


# ------------------------------------------------------------------------------------------- other engines


def test_answers_of_another_engine_that_differ_stop_the_row() -> None:
    made = [Job({}, ("LOW|L|mild_low|NO",)), Job({}, ("NORMAL|N|normal|NO",))]
    with pytest.raises(ValueError, match=r"^zen-engine differs from us in 1 of 2 jobs"):
        engines._check("zen-engine", made, [("LOW|L|mild_low|NO",), ("LOW|L|mild_low|NO",)])


# ------------------------------------------------------------------------------------------ where time goes


@pytest.mark.parametrize(
    ("stack", "step"),
    [
        ([("", "main"), ("server/calls", "Calls._unary"), ("server/handlers", "parsed"), ("", "f")], "parse"),
        ([("server/handlers", "interpret_panel"), ("wire/decode", "decode_panel")], "decode"),
        ([("engine/interpret", "interpret"), ("engine/rules", "settle"), ("domain/truth", "any_of")], "engine: rules"),
        ([("engine/interpret", "interpret"), ("knowledge/release", "f")], "engine: interpret"),
        ([("server/calls", "Calls._end"), ("log", "f")], "log line"),
        ([("server/calls", "Calls._end"), ("evidence/metrics", "f")], "record and metrics"),
        ([("server/calls", "Calls._unary")], "guard, turns, handlers"),
        ([("", "main")], "around the calls"),
    ],
)
def test_a_stack_is_in_the_step_that_it_went_into_first(stack: list[tuple[str, str]], step: str) -> None:
    assert step_of(stack) == step


def test_a_profile_says_where_the_time_of_a_call_goes(capsys: pytest.CaptureFixture[str]) -> None:
    assert profile(["--seconds", "1", "--panels", "64", "--functions", "5", "--without-servers"]) == 0
    printed = capsys.readouterr().out
    for step in ("engine: rules", "engine: judge", "write", "engine, all of it", "in this process, all of it"):
        assert f"\n| {step} " in printed
    assert printed.count("\n| engine/") + printed.count("\n| wire/") + printed.count("\n| domain/") >= 1


# ------------------------------------------------------------------------------------- ten times the rules


def test_ten_times_the_rules_are_compared_and_leave_reports_as_they_are_where_they_read_other_names() -> None:
    compared = compare(rounds=1, every=20)
    printed = rules_table(compared)
    other, same = compared
    assert other.patterns[1] == other.patterns[0]
    assert same.patterns[1] == pytest.approx(TIMES * same.patterns[0])
    for one in compared:
        ratio = f"{one.costs[0].ratio:.2f}"
        assert f"| {one.label} " in printed
        assert f"{ratio} ({ratio}-{ratio})" in printed


def test_ten_times_the_rules_set_off_no_more_rules_where_they_read_other_names(release: Release) -> None:
    """What the cost rests on, without a clock: only rules that are looked at always come on top."""
    made = over_other_names(release)
    assert len(made.rule_order) > 9 * len(release.rule_order)
    assert release.rule_index.by_name.items() <= made.rule_index.by_name.items()
    assert release.specimen_index.by_name.items() <= made.specimen_index.by_name.items()
    assert made.specimen_index.always == release.specimen_index.always
