"""The benchmark in miniature: every row is printed, and the server that does nothing gives the service's bytes."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from labgloss.knowledge.release import Release
from tests.benchmarks import evidence
from tests.benchmarks.measure import Size, check_answers, sample_requests, tell_do_nothing
from tests.benchmarks.server_process import SERVICE_COMMAND, ServerProcess, do_nothing_command
from tests.benchmarks.ten_times import TIMES, compare, over_other_names, rules_table

ROOT = Path(__file__).parents[2]
SMALLEST = ("--starts", "1", "--blocks", "1", "--passes", "1", "--rounds", "1")
SPREAD = r"[0-9.]+ \([0-9.]+-[0-9.]+\)"
ROWS = {
    "start-up to first answer, s": (SPREAD, SPREAD, SPREAD),
    "server CPU a call, one at a time, us": (SPREAD, SPREAD, SPREAD),
    "server CPU a call, 8 in flight, us": (SPREAD, SPREAD, SPREAD),
    "engine CPU a panel, in process, us": (SPREAD, "", ""),
    "resident after start, MB": ("[0-9.]+", "[0-9.]+", "[0-9.]+"),
    "resident after the run, MB": ("[0-9.]+", "[0-9.]+", "[0-9.]+"),
    "bytes a request": (SPREAD, "the same", ""),
    "bytes an answer": (SPREAD, "the same", ""),
}


@pytest.fixture(autouse=True)
def _importing_labgloss(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(path for path in sys.path if path))


def test_every_row_is_printed_with_its_figures() -> None:
    command = (sys.executable, "-m", "tests.benchmarks", *SMALLEST)
    # Some hundred panels, several times, perhaps on a busy machine: what is caught is a benchmark that hangs.
    printed = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=600, check=True).stdout
    lines = [line.strip("| ").split("|") for line in printed.splitlines() if line.startswith("| ")]
    rows = {cells[0].strip(): tuple(cell.strip() for cell in cells[1:]) for cells in lines[1:]}
    assert list(rows) == list(ROWS)
    for label, forms in ROWS.items():
        found = (*rows[label], "", "")[: len(forms)]
        assert all(re.fullmatch(form, cell) for form, cell in zip(forms, found, strict=True)), f"{label}: {found}"
    n = len(sample_requests())
    assert f"\n{n} distinct requests; do-nothing gave the same bytes as labgloss for {n} of {n}.\n" in printed
    assert re.search(
        r"\n[0-9]+ cores, Python 3\.[0-9.]+, grpcio [0-9.]+, load average before the start [0-9.]+\.\n", printed
    )


def test_the_server_that_does_nothing_answers_with_the_bytes_of_the_service(tmp_path: Path) -> None:
    requests = sample_requests()[:8]
    with ServerProcess(SERVICE_COMMAND) as service:
        answers = [service.answer(request) for request in requests]
    assert len(set(answers)) == len(requests)
    with ServerProcess(do_nothing_command(tell_do_nothing(tmp_path / "told.json", requests, answers))) as do_nothing:
        assert [do_nothing.answer(request) for request in requests] == answers


def test_answers_that_differ_stop_the_benchmark(tmp_path: Path) -> None:
    requests = [b"one", b"two"]
    told = tell_do_nothing(tmp_path / "told.json", requests, [b"first", b"second"])
    with (
        ServerProcess(do_nothing_command(told)) as do_nothing,
        pytest.raises(ValueError, match=r"^1 of 2 answers are not the same bytes: nothing can be compared$"),
    ):
        check_answers(do_nothing, requests, [b"first", b"other"])


def test_ten_times_the_rules_are_compared_and_leave_reports_as_they_are_where_they_read_other_names() -> None:
    compared = compare(rounds=1, every=20)
    printed = rules_table(compared)
    other, same = compared
    assert other.patterns[1] == other.patterns[0]
    assert same.patterns[1] == pytest.approx(TIMES * same.patterns[0])
    for one in compared:
        ratio = f"{one.costs[0].ratio:.2f}"
        assert re.search(rf"^\| {one.label} .* \| {re.escape(ratio)} \({ratio}-{ratio}\) +\|$", printed, re.MULTILINE)


def test_ten_times_the_rules_set_off_no_more_rules_where_they_read_other_names(release: Release) -> None:
    """What the cost rests on, without a clock: only rules that are looked at always come on top."""
    made = over_other_names(release)
    assert len(made.rule_order) > 9 * len(release.rule_order)
    assert release.rule_index.by_name.items() <= made.rule_index.by_name.items()
    assert release.specimen_index.by_name.items() <= made.specimen_index.by_name.items()
    assert made.specimen_index.always == release.specimen_index.always


def test_what_evidence_costs_is_printed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    few = evidence.sample_requests()[:5]
    monkeypatch.setattr(evidence, "sample_requests", lambda: few)
    printed = evidence.evidence_costs(Size(starts=1, blocks=1, passes=1, rounds=1), tmp_path)
    for kept in ("neither", "records", "records and metrics"):
        assert re.search(
            rf"^\| {kept} +\| [0-9]+ \([0-9]+-[0-9]+\) +\| [0-9.]+ \([0-9.]+-[0-9.]+\) +\|$", printed, re.M
        )
    assert "median (smallest-largest) of 2 turns of 5 calls each, interleaved." in printed
    # Each was recorded, beside the header; the end is written when a server stops.
    (records,) = (tmp_path / "records").iterdir()
    assert 1 + 3 * 5 + 1 == len(records.read_bytes().splitlines())
