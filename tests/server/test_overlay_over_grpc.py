"""A site's overlay over real gRPC: in reports, in GetRelease, among the reference intervals and rules."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from pathlib import Path

import pytest

from labgloss.knowledge.overlay import lay_over
from labgloss.knowledge.release import Release
from labgloss.v1 import interpretation_pb2 as interpretation
from labgloss.v1 import knowledge_pb2 as knowledge
from labgloss.v1 import report_pb2
from labgloss.v1.panel_pb2 import Coding, Panel, Patient, Result
from tests.server.wire import INTERPRET, Served, serving

EXAMPLE = Path(__file__).parents[2] / "deploy" / "overlay.example.toml"
DIGEST = hashlib.sha256(EXAMPLE.read_bytes()).hexdigest()
KNOWLEDGE = "/labgloss.v1.KnowledgeService"
SIGNED = "signed by Dr A. Example, clinical chemistry on 2026-01-15"


@pytest.fixture(scope="module")
def served(release: Release) -> Iterator[Served]:
    with serving(lay_over(release, EXAMPLE)) as served:
        yield served


def report(served: Served, *results: Result, source: str = "") -> report_pb2.Report:
    panel = Panel(patient=Patient(age_years=40, sex="SEX_MALE"), results=results, source=source)
    body = served.call(INTERPRET, interpretation.InterpretPanelRequest(panel=panel).SerializeToString())
    return interpretation.InterpretPanelResponse.FromString(body).report


def test_a_report_names_the_overlay_and_every_signed_entry_that_was_in_force(served: Served) -> None:
    local = Result(value="5.2", codings=[Coding(system="urn:oid:1.2.3.4.5", code="K")])
    answer = report(served, local, source="example-poct")
    assert (answer.release.overlay, answer.release.overlay_digest) == ("example-hospital", DIGEST)
    (entry,) = answer.results
    assert (entry.analyte, entry.flag, entry.reading.unit) == ("potassium", "H", "mmol/L")
    (interval,) = entry.intervals
    assert (report_pb2.INTERVAL_ORIGIN_OVERLAY, "potassium.interval.site.adult", "3.6", "5.1", "signed") == (
        interval.origin,
        interval.rule_id,
        interval.low,
        interval.high,
        interval.status,
    )
    by_site = {choice.name: choice for choice in answer.choices if choice.chosen_by == "overlay"}
    assert {"interval", "critical_limit", "critical_limits", "code", "feed.default_unit"} == set(by_site)
    assert all("signed by " in choice.text and choice.text.endswith("on 2026-01-15") for choice in by_site.values())
    assert "default_unit_used" in {issue.id for issue in answer.issues}
    citations = {source.id: source.citation for source in answer.sources}
    assert citations["example-hospital:potassium.interval.site.adult"].endswith(SIGNED)


def test_the_same_panel_of_another_source_is_refused(served: Served) -> None:
    (entry,) = report(served, Result(analyte="potassium", value="5.2"), source="another").results
    assert entry.refusal_reason == report_pb2.REFUSAL_REASON_UNIT_MISSING


def test_the_release_lists_what_the_site_laid_over_it(served: Served) -> None:
    body = served.call(f"{KNOWLEDGE}/GetRelease", knowledge.GetReleaseRequest().SerializeToString())
    release = knowledge.GetReleaseResponse.FromString(body).release
    assert ("example-hospital", DIGEST, "Example Hospital, clinical chemistry") == (
        release.overlay,
        release.overlay_digest,
        release.overlay_title,
    )
    assert len(release.overlay_entries) == EXAMPLE.read_text().count("\nsigned = ")
    first = release.overlay_entries[0]
    assert ("interval", "potassium.interval.site.adult", "Dr A. Example, clinical chemistry", "2026-01-15") == (
        first.name,
        first.value,
        first.signed_by,
        first.signed_on,
    )
    assert {"site"} & set(release.interval_variants)


def test_the_intervals_of_the_site_are_listed_those_of_feeds_included(served: Served) -> None:
    request = knowledge.ListReferenceIntervalsRequest(variant="site")
    body = served.call(f"{KNOWLEDGE}/ListReferenceIntervals", request.SerializeToString())
    listed = knowledge.ListReferenceIntervalsResponse.FromString(body).intervals
    assert [
        ("haemolysis_index.interval.site.feed_0", "signed"),
        ("phosphate.interval.site.adult", "signed"),
        ("potassium.interval.site.adult", "signed"),
    ] == [(interval.id, interval.status) for interval in listed]


@pytest.mark.parametrize(
    "ident",
    ["potassium.critical.site.low", "potassium.interval.site.adult", "haemolysis_index.interval.site.feed_0"],
)
def test_a_rule_of_the_site_is_found_by_the_id_that_a_report_names(served: Served, ident: str) -> None:
    body = served.call(f"{KNOWLEDGE}/GetRule", knowledge.GetRuleRequest(id=ident).SerializeToString())
    rule = knowledge.GetRuleResponse.FromString(body).rule
    assert (rule.id, rule.status, list(rule.source_ids)) == (ident, "signed", [f"example-hospital:{ident}"])


def test_no_log_line_names_what_was_sent(served: Served) -> None:
    report(served, Result(analyte="potassium", value="5.2"), source="example-poct")
    assert "example-poct" not in served.stream.getvalue().decode()
