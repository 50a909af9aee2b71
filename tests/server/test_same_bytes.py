"""Same request, same bytes: over hash seeds and processes, methods, threads, and a server that is busy.

`interpretation.proto` promises it, so that a report can be stored, compared and signed.
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from hashlib import sha256
from pathlib import Path

import pytest

from labgloss.knowledge.loader import load
from labgloss.knowledge.overlay import lay_over
from labgloss.knowledge.release import Release
from labgloss.panels.reader import read_panels
from labgloss.panels.shipped import sample_panels_folder
from labgloss.v1 import interpretation_pb2 as pb
from labgloss.v1.panel_pb2 import Panel
from tests.server import answers_of_one_process
from tests.server.answers_of_one_process import answers
from tests.server.wire import BATCH, INTERPRET, Served, serving
from tests.unit.cli.subprocesses import IMPORTING_LABGLOSS

OVERLAY = Path(__file__).parents[2] / "deploy" / "overlay.example.toml"
SEEDS = range(100)
# Start-up is most of what a process costs: each answers the longest reports, and a part of the other panels.
PARTS = 40
WITH_OVERLAY = range(3, 100, 10)
PROCESSES_AT_A_TIME = 2
# The lists of a report.
LISTS = (
    *("results", "findings", "patterns", "symptoms", "conditions", "medications", "red_flags", "recommendations"),
    *("withheld_recommendations", "issues", "choices", "sources"),
)
CALLERS = 8
PANELS_A_MESSAGE = 25


@pytest.fixture(scope="module")
def files() -> list[str]:
    """The file that each sample panel stands in."""
    return [case.file for case in read_panels([sample_panels_folder()])]


@pytest.fixture(scope="module")
def panels() -> list[Panel]:
    return [case.panel for case in read_panels([sample_panels_folder()])]


@pytest.fixture(scope="module")
def bodies(release: Release, panels: list[Panel]) -> list[bytes]:
    """The answer to every sample panel, in this process."""
    return list(answers(release, panels))


@pytest.fixture(scope="module")
def telling(files: list[str], bodies: list[bytes]) -> list[int]:
    """The places of the longest report of each file, of that with the most in each list, and of a trend."""
    reports = [pb.InterpretPanelResponse.FromString(body).report for body in bodies]
    of_file: dict[str, int] = {}
    for place, file in enumerate(files):
        if file not in of_file or len(bodies[place]) > len(bodies[of_file[file]]):
            of_file[file] = place
    of_list = [max(range(len(reports)), key=lambda place: len(getattr(reports[place], field))) for field in LISTS]
    trend = next(place for place, report in enumerate(reports) if any(one.HasField("trend") for one in report.results))
    return sorted({*of_file.values(), *of_list, trend})


@pytest.fixture(scope="module")
def some(telling: list[int], panels: list[Panel]) -> list[int]:
    """The places of the panels that are sent to a server."""
    return sorted({*telling, *range(0, len(panels), 6)})


# ------------------------------------------------------------------------------------------------ processes


def test_the_panels_say_what_could_come_in_another_order(bodies: list[bytes], telling: list[int]) -> None:
    reports = [pb.InterpretPanelResponse.FromString(bodies[place]).report for place in telling]
    for field in LISTS:
        # No sample panel has two recommendations withheld.
        fewest = 1 if field == "withheld_recommendations" else 2
        assert any(len(getattr(report, field)) >= fewest for report in reports), field
    assert any(len(pattern.evidence_for) > 1 for report in reports for pattern in report.patterns)


def test_a_hundred_hash_seeds_give_the_same_bytes(
    release: Release, panels: list[Panel], bodies: list[bytes], telling: list[int], tmp_path: Path
) -> None:
    laid_over = list(answers(lay_over(release, OVERLAY), [panels[place] for place in telling]))
    assert laid_over != [bodies[place] for place in telling]
    file = tmp_path / "panels"
    file.write_bytes(pb.BatchInterpretPanelsRequest(panels=panels).SerializeToString())

    def differing(seed: int) -> list[str]:
        """The panels that one process answers otherwise than this one."""
        places = [*telling, *(place for place in range(seed % PARTS, len(panels), PARTS) if place not in telling)]
        expected = {f"{place} {panels[place].id}": bodies[place] for place in places}
        arguments = [str(file), ",".join(map(str, places))]
        if seed in WITH_OVERLAY:
            expected |= {f"{at} {panels[at].id}, overlay": body for at, body in zip(telling, laid_over, strict=True)}
            arguments += [str(OVERLAY), ",".join(map(str, telling))]
        digests = _answered(seed, arguments)
        pairs = zip(expected.items(), digests, strict=True)
        return [name for (name, body), digest in pairs if digest != sha256(body).hexdigest()]

    with ThreadPoolExecutor(PROCESSES_AT_A_TIME) as runners:
        by_seed = dict(zip(SEEDS, runners.map(differing, SEEDS), strict=True))
    assert {seed: found for seed, found in by_seed.items() if found} == {}


def _answered(seed: int, arguments: Sequence[str]) -> list[str]:
    """The digests that a process with this hash seed prints."""
    run = subprocess.run(
        [sys.executable, answers_of_one_process.__file__, *arguments],
        capture_output=True,
        text=True,
        timeout=120,
        check=True,
        env={**IMPORTING_LABGLOSS, "PYTHONHASHSEED": str(seed)},
    )
    return run.stdout.split()


# ------------------------------------------------------------------------------------------------ methods and threads


def _outcomes(panels: Sequence[Panel], bodies: Sequence[bytes]) -> list[pb.PanelOutcome]:
    """The outcomes that the unary answers make."""
    return [
        pb.PanelOutcome(panel_id=panel.id, report=pb.InterpretPanelResponse.FromString(body).report)
        for panel, body in zip(panels, bodies, strict=True)
    ]


class Asked:
    """Some panels as each method is asked for them, and the bytes that each has to answer."""

    def __init__(self, panels: Sequence[Panel], bodies: Sequence[bytes]) -> None:
        self.unary = [
            (pb.InterpretPanelRequest(panel=panel).SerializeToString(), body)
            for panel, body in zip(panels, bodies, strict=True)
        ]
        self.batch: list[tuple[bytes, bytes]] = []
        self.stream: list[tuple[bytes, bytes]] = []
        for begin in range(0, len(panels), PANELS_A_MESSAGE):
            part = slice(begin, begin + PANELS_A_MESSAGE)
            message = pb.BatchInterpretPanelsRequest(panels=panels[part]).SerializeToString()
            outcomes = _outcomes(panels[part], bodies[part])
            batched = pb.BatchInterpretPanelsResponse(outcomes=outcomes)
            streamed = pb.StreamInterpretPanelsResponse(outcomes=outcomes)
            self.batch.append((message, batched.SerializeToString(deterministic=True)))
            self.stream.append((message, streamed.SerializeToString(deterministic=True)))

    def unary_differs(self, served: Served) -> list[int]:
        return [at for at, (asked, body) in enumerate(self.unary) if served.call(INTERPRET, asked, 60) != body]

    def batch_differs(self, served: Served) -> list[int]:
        return [at for at, (asked, body) in enumerate(self.batch) if served.call(BATCH, asked, 60) != body]

    def stream_differs(self, served: Served) -> list[int]:
        answered = [bytes(body) for body in served.open(iter([asked for asked, _ in self.stream]), timeout=60)]
        pairs = zip(answered, self.stream, strict=True)
        return [at for at, (answer, (_, body)) in enumerate(pairs) if answer != body]


@pytest.fixture(scope="module")
def asked(panels: list[Panel], bodies: list[bytes], some: list[int]) -> Asked:
    return Asked([panels[place] for place in some], [bodies[place] for place in some])


def test_unary_batch_and_stream_give_the_same_bytes_one_after_the_other(release: Release, asked: Asked) -> None:
    with serving(release, threads=2) as served:
        assert asked.unary_differs(served) == []
        assert asked.batch_differs(served) == []
        assert asked.stream_differs(served) == []


def test_every_thread_gives_the_same_bytes_while_the_others_answer(asked: Asked) -> None:
    """Also over a release that no call has used before: what it caches is made by many threads at once."""
    callers = [
        *(asked.unary_differs,) * (CALLERS - 4),
        *(asked.batch_differs, asked.stream_differs) * 2,
    ]
    with serving(load(), threads=CALLERS) as served, ThreadPoolExecutor(CALLERS) as threads:
        assert [each.result() for each in [threads.submit(call, served) for call in callers]] == [[]] * CALLERS
