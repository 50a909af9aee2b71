"""The release in force is swapped whole: every answer names the one it came from, and none mixes two."""

from __future__ import annotations

import threading
from itertools import repeat
from queue import SimpleQueue

import pytest

from labgloss.domain import panel as domain_panel
from labgloss.domain import report as domain_report
from labgloss.engine.interpret import interpret
from labgloss.knowledge.overlay import lay_over
from labgloss.knowledge.release import Release
from labgloss.v1 import interpretation_pb2 as pb
from labgloss.v1 import knowledge_pb2
from labgloss.v1.panel_pb2 import Panel, Patient, Result
from tests.server.test_overlay_over_grpc import EXAMPLE
from tests.server.wire import BATCH, INTERPRET, Served, batch, serving, unary

GET_RELEASE = "/labgloss.v1.KnowledgeService/GetRelease"


@pytest.fixture(scope="module")
def changed(release: Release) -> Release:
    return lay_over(release, EXAMPLE)


def overlay_of(served: Served) -> tuple[str, str]:
    """What a report names, and what GetRelease does."""
    report = pb.InterpretPanelResponse.FromString(served.call(INTERPRET, unary())).report
    asked = knowledge_pb2.GetReleaseResponse.FromString(served.call(GET_RELEASE, b""))
    return report.release.overlay, asked.release.overlay


def overlays(answer: pb.BatchInterpretPanelsResponse | pb.StreamInterpretPanelsResponse) -> set[str]:
    return {outcome.report.release.overlay for outcome in answer.outcomes}


def test_what_comes_after_a_swap_is_answered_from_the_new_release(release: Release, changed: Release) -> None:
    with serving(release) as served:
        assert ("", "") == overlay_of(served)
        served.server.releases.swap(changed)
        assert ("example-hospital", "example-hospital") == overlay_of(served)
        served.server.releases.swap(release)
        assert ("", "") == overlay_of(served)
        logged = [line.get("overlay_digest", "") for line in served.log if line["event"] == "call"]
        assert ["", "", changed.reference.overlay_digest, changed.reference.overlay_digest, "", ""] == logged


def test_a_batch_is_answered_from_the_release_that_it_began_with(release: Release, changed: Release) -> None:
    began, swapped = threading.Event(), threading.Event()

    def waiting(taken: Release, panel: domain_panel.Panel) -> domain_report.Report:
        if panel.id == "b":
            began.set()
            assert swapped.wait(5)
        return interpret(taken, panel)

    with serving(release, waiting) as served:
        asked = served.channel.unary_unary(BATCH).future(batch("a", "b", "c"), timeout=10)
        assert began.wait(5)
        served.server.releases.swap(changed)
        swapped.set()
        assert {""} == overlays(pb.BatchInterpretPanelsResponse.FromString(asked.result()))


def test_a_stream_goes_over_to_the_new_release_with_its_next_message(release: Release, changed: Release) -> None:
    bodies: SimpleQueue[bytes | None] = SimpleQueue()
    with serving(release) as served:
        answers = served.open(iter(bodies.get, None))
        bodies.put(batch("a", "b"))
        assert {""} == overlays(pb.StreamInterpretPanelsResponse.FromString(next(answers)))
        served.server.releases.swap(changed)
        bodies.put(batch("c", "d"))
        assert {"example-hospital"} == overlays(pb.StreamInterpretPanelsResponse.FromString(next(answers)))
        bodies.put(None)
        assert [] == list(answers)


def test_no_answer_mixes_two_releases_while_they_are_swapped_all_the_time(release: Release, changed: Release) -> None:
    """The site's interval for potassium governs, and is cited, in what is answered from its overlay alone."""
    done = threading.Event()

    def swapping(served: Served) -> None:
        while not done.is_set():
            served.server.releases.swap(changed)
            served.server.releases.swap(release)

    potassium = Result(analyte="potassium", value="5.2", unit="mmol/L")
    adult = Panel(patient=Patient(age_years=40, sex="SEX_MALE"), results=[potassium])
    message = pb.StreamInterpretPanelsRequest(panels=[adult] * 3).SerializeToString()
    met = set()
    with serving(release) as served:
        swapper = threading.Thread(target=swapping, args=(served,))
        swapper.start()
        try:
            for body in served.open(repeat(message, 30)):
                answer = pb.StreamInterpretPanelsResponse.FromString(body)
                (overlay,) = overlays(answer)
                met.add(overlay)
                for outcome in answer.outcomes:
                    cited = {source.id for source in outcome.report.sources}
                    assert bool(overlay) is ("example-hospital:potassium.interval.site.adult" in cited)
        finally:
            done.set()
            swapper.join()
    assert {"", "example-hospital"} == met
