"""Knowledge that loads, with one fault each that shows only over combinations of facts: lint names it, with a witness.

A case is a TOML file: `file` of the knowledge; what is done to it (`replace` of the first place of one text by another,
or `append`); `only`, the rules that are asked about (all are where the release as it ships is proved); `expect`, every
text that the faults must contain; `witness`, what stands in the panel that meets the fault (nothing, where no panel
does); and `named_in`, the file that the fault names, where it is another.
"""

from __future__ import annotations

import shutil
import tomllib
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from labgloss.domain.truth import Truth
from labgloss.knowledge.expression import Name
from labgloss.knowledge.loader import DATA, load
from labgloss.knowledge.release import Release
from labgloss.proofs.lint import prove
from labgloss.proofs.panels import Measured, measured

CASES = sorted(Path(__file__).parent.glob("*.toml"))
KEYS = {"file", "named_in", "replace", "append", "only", "expect", "witness"}


@pytest.fixture(scope="session")
def sound(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The knowledge as it ships, without its specs."""
    folder = tmp_path_factory.mktemp("sound") / "data"
    shutil.copytree(DATA, folder, ignore=shutil.ignore_patterns("*.specs.toml"))
    return folder


@pytest.fixture(scope="session")
def release() -> Release:
    return load()


@pytest.fixture(scope="session")
def results(release: Release) -> Measured:
    """What results can say, which no case changes."""
    return measured(release)


def parameter(path: Path) -> Any:
    return pytest.param(tomllib.loads(path.read_text()), id=path.stem)


@pytest.mark.parametrize("case", [parameter(path) for path in CASES])
def test_a_fault_is_named_with_a_panel_that_meets_it(
    case: dict[str, Any], sound: Path, tmp_path: Path, results: Measured
) -> None:
    assert case.keys() <= KEYS
    folder = tmp_path / "data"
    shutil.copytree(sound, folder)
    file = folder / case["file"]
    text = file.read_text() if file.exists() else ""
    if "replace" in case:
        assert case["replace"][0] in text
        text = text.replace(*case["replace"], 1)
    file.write_text(text + case.get("append", ""))
    faults = prove(load(folder), results, case["only"]).faults
    told = "\n".join(str(fault) for fault in faults)
    for expected in case["expect"]:
        named = [fault for fault in faults if expected in str(fault)]
        assert named, told
        assert {fault.file for fault in named} <= {case.get("named_in", case["file"])}, told
        assert all(part in fault.witness for part in case["witness"] for fault in named), told
        assert case["witness"] or all(fault.witness == "" for fault in named), told


def test_the_release_as_it_ships_has_no_fault(release: Release, results: Measured) -> None:
    verdict = prove(release, results)
    assert () == verdict.faults
    assert verdict.questions > 2000
    assert verdict.combinations > 1e80


def test_an_engine_that_disagrees_with_the_space_is_a_fault(release: Release, results: Measured) -> None:
    """What results can say is turned round: a high magnesium is said to be low."""
    low, high = Name("finding", "MG_LOW"), Name("finding", "MG_HIGH")
    turned = replace(results, made={**results.made, low: results.made[high], high: results.made[low]})
    told = [str(fault) for fault in prove(release, turned, {"RENAL_MAGNESIUM_WASTING"}).faults]
    assert any("the engine does not match what should be MATCHED" in fault for fault in told), told


def test_what_results_can_say_holds_all_three_truths_of_each_finding(results: Measured) -> None:
    (truths,) = results.made[Name("finding", "MG_LOW")].values()
    assert {Truth.TRUE, Truth.FALSE, Truth.UNKNOWN} <= set(truths)
