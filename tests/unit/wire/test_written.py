"""Reports as bytes: those of the message that `encode_report` makes, whatever the engine says."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator
from dataclasses import replace
from decimal import Decimal
from enum import Enum
from fractions import Fraction
from pathlib import Path
from types import NoneType, UnionType
from typing import Any, get_args, get_origin, get_type_hints

import pytest
from google.protobuf.message import Message
from hypothesis import given, settings
from hypothesis import strategies as st

from labgloss.domain import report as domain
from labgloss.engine.interpret import interpret
from labgloss.knowledge.loader import load
from labgloss.knowledge.release import Release
from labgloss.panels.reader import read_panels
from labgloss.v1 import interpretation_pb2, panel_pb2, report_pb2
from labgloss.wire import enums, kept, named_sources, written
from labgloss.wire.decode import decode_panel
from labgloss.wire.encode import encode_report
from labgloss.wire.kept import Once
from labgloss.wire.written import ReportWriter, answer_of, answer_of_outcomes, outcome_of

ROOT = Path(__file__).parents[3]
FOLDERS = [ROOT / "tests" / "panels", ROOT / "tests" / "mutation" / "panels"]
EXAMPLE = ROOT / "deploy" / "overlay.example.toml"
CANARY = "canary7391"


@pytest.fixture(scope="module")
def shipped() -> Release:
    return load()


def reference(report: domain.Report, panel: panel_pb2.Panel, release: Release) -> bytes:
    return encode_report(report, panel, release).SerializeToString(deterministic=True)


def sample_panels() -> list[panel_pb2.Panel]:
    return [case.panel for case in read_panels(FOLDERS)]


# ------------------------------------------------------------------------------------- what the engine says


@pytest.mark.parametrize("overlay", [None, EXAMPLE], ids=["shipped", "overlay"])
def test_every_sample_panel_is_written_as_its_message_is(overlay: Path | None) -> None:
    release = load(overlay=overlay)
    writer = ReportWriter(release)
    for panel in sample_panels()[:: 1 if overlay is None else 5]:
        panel.options.trace = True
        report = interpret(release, decode_panel(panel, "panel", release))
        assert report.trace
        for said in (report, replace(report, trace=())):
            assert writer.written(said, panel) == reference(said, panel, release), panel.id


# ------------------------------------------------------------------------------------- what it might say

SAMPLE = panel_pb2.Panel(
    results=[panel_pb2.Result(id="r", value="0.41"), panel_pb2.Result()],
    symptoms=[panel_pb2.Symptom(text="cramps"), panel_pb2.Symptom()],
)
KINDS = tuple(enums.RECOMMENDATION_KIND)
# What a field may hold beside what its type says; places are those of the sample.
Special = dict[tuple[type, str], st.SearchStrategy[Any]]
NUMBERS = st.integers(-(2**31), 2**31 - 1)
DECIMALS = st.decimals(-(10**9), 10**9, allow_nan=False, places=4) | st.sampled_from([Decimal(0), Decimal("-0.0")])
TEXTS = st.text(max_size=8) | st.sampled_from(["", "µg/dL ≤ 0.41", "x" * 127, "x" * 128, "é" * 100])
PLAIN: dict[Any, st.SearchStrategy[Any]] = {
    str: TEXTS,
    int: NUMBERS,
    bool: st.booleans(),
    Decimal: DECIMALS,
    Fraction: st.fractions(max_denominator=50),
}


def special(release: Release) -> Special:
    sources = st.lists(st.sampled_from(sorted(release.sources)), max_size=3).map(tuple)
    places = st.integers(0, 1)
    return {
        (domain.ResultInterpretation, "index"): st.none() | places,
        (domain.SymptomInterpretation, "index"): places,
        (domain.Recommendation, "kind"): st.sampled_from(KINDS),
        (domain.Reading, "digits"): st.integers(0, 5),
        (domain.Reading, "other_digits"): st.integers(0, 5),
        **{(kind, "source_ids"): sources for kind in vars(domain).values() if isinstance(kind, type)},
    }


def drawn(draw: Callable[[st.SearchStrategy[Any]], Any], kind: Any, special: Special) -> Any:
    """Any value of a type of the domain."""
    if dataclasses.is_dataclass(kind):
        hints = get_type_hints(kind)
        values = {
            name: draw(special[kind, name]) if (kind, name) in special else drawn(draw, hints[name], special)  # type: ignore[index]
            for name in (field.name for field in dataclasses.fields(kind))
        }
        return kind(**values)  # type: ignore[operator]
    if get_origin(kind) is tuple:
        return tuple(drawn(draw, get_args(kind)[0], special) for _ in range(draw(st.integers(0, 2))))
    if get_origin(kind) is UnionType:
        each = draw(st.sampled_from(get_args(kind)))
        return None if each is NoneType else drawn(draw, each, special)
    return draw(st.sampled_from(kind) if issubclass(kind, Enum) else PLAIN[kind])


@settings(max_examples=300, deadline=None, derandomize=True, database=None)
@given(data=st.data())
def test_reports_of_every_shape_are_written_as_their_message_is(data: st.DataObject, shipped: Release) -> None:
    @st.composite
    def reports(draw: Callable[[st.SearchStrategy[Any]], Any]) -> domain.Report:
        return drawn(draw, domain.Report, special(shipped))  # type: ignore[no-any-return]

    report = data.draw(reports())
    assert ReportWriter(shipped).written(report, SAMPLE) == reference(report, SAMPLE, shipped)


# ------------------------------------------------------------------------------------- every field


def full(kind: Any, field: str = "") -> Any:
    """A value of a type of the domain in which nothing has its default."""
    if dataclasses.is_dataclass(kind):
        hints = get_type_hints(kind)
        return kind(**{each.name: full(hints[each.name], each.name) for each in dataclasses.fields(kind)})  # type: ignore[operator]
    if get_origin(kind) is tuple:
        return (full(get_args(kind)[0], field),)
    if get_origin(kind) is UnionType:
        return full(next(each for each in get_args(kind) if each is not NoneType), field)
    if issubclass(kind, Enum):
        return list(kind)[-1]
    if kind is str:
        return {"kind": "test", "source_ids": "VO-14"}.get(field, "said")
    return {int: 1, bool: True, Decimal: Decimal("1.5"), Fraction: Fraction(1, 2)}[kind]


def unset(message: Message, path: str = "") -> Iterator[str]:
    """The fields of report.proto that a message, or one in it, does not have."""
    held = {field.name: value for field, value in message.ListFields()}
    for field in message.DESCRIPTOR.fields:
        name = f"{path}{field.name}"
        if field.name not in held:
            yield name
        elif field.message_type is not None and field.message_type.file is report_pb2.DESCRIPTOR:
            within = held[field.name]
            yield from unset(within[0] if field.is_repeated else within, f"{name}.")


def test_every_field_of_the_report_is_written(shipped: Release) -> None:
    body = ReportWriter(load(overlay=EXAMPLE)).written(full(domain.Report), SAMPLE)
    assert list(unset(report_pb2.Report.FromString(body))) == []
    without_overlay = ReportWriter(shipped).written(full(domain.Report), SAMPLE)
    assert list(unset(report_pb2.Report.FromString(without_overlay))) == ["release.overlay", "release.overlay_digest"]


@pytest.mark.parametrize("panel_id", ["", "p1"])
def test_answers_are_framed_as_their_messages_are(panel_id: str) -> None:
    for report in (report_pb2.Report(), report_pb2.Report(summary="x" * 300)):
        body = report.SerializeToString()
        outcome = interpretation_pb2.PanelOutcome(panel_id=panel_id, report=report)
        assert answer_of(body) == interpretation_pb2.InterpretPanelResponse(report=report).SerializeToString()
        assert outcome_of(panel_id, body) == outcome.SerializeToString()
        several = interpretation_pb2.BatchInterpretPanelsResponse(outcomes=[outcome, outcome])
        assert answer_of_outcomes([outcome_of(panel_id, body)] * 2) == several.SerializeToString()
    assert answer_of_outcomes([]) == b""


# ------------------------------------------------------------------------------------- what is kept


def kept_by(writer: ReportWriter) -> list[dict[Any, Any]]:
    """Every table that grows with what is written."""
    sources = writer._sources
    return [
        writer._own_steps.entries,
        writer._own_patterns.entries,
        sources.sets.entries,
        sources.eights.entries,
        *(each.kept.entries for each in vars(writer).values() if isinstance(each, Once)),
    ]


def test_nothing_that_a_caller_said_is_kept(shipped: Release) -> None:
    writer = ReportWriter(shipped)
    for panel in sample_panels()[::3]:
        panel.id = CANARY
        for place, result in enumerate(panel.results):
            result.id = f"{CANARY}{place}"
            if result.HasField("interval"):
                result.interval.low, result.interval.high = "0.117391", "99.7391"
            result.specimen.comments.append(CANARY)
        for item in (*panel.symptoms, *panel.conditions.conditions, *panel.medications.medications):
            item.text = f"{item.text} {CANARY}"
        panel.symptoms.add(text=CANARY)
        writer.written(interpret(shipped, decode_panel(panel, "panel", shipped)), panel)
    said = repr(kept_by(writer))
    assert len(said) > 100_000
    for word in (CANARY, "0.117391", "99.7391"):
        assert word not in said


def test_what_is_kept_has_a_limit(shipped: Release, monkeypatch: pytest.MonkeyPatch) -> None:
    for module, name in ((kept, "KEPT"), (named_sources, "KEPT"), (written, "KEPT"), (written, "_PATTERNS")):
        monkeypatch.setattr(module, name, 7)
    writer = ReportWriter(shipped)
    for panel in sample_panels()[::40]:
        report = interpret(shipped, decode_panel(panel, "panel", shipped))
        assert writer.written(report, panel) == reference(report, panel, shipped)
        assert max(map(len, kept_by(writer))) <= 7


def test_what_is_said_again_is_written_once() -> None:
    asked: list[domain.Statement] = []

    def write(statement: domain.Statement) -> bytes:
        asked.append(statement)
        return statement.text.encode()

    of_text: Callable[[domain.Statement], bytes] = Once(lambda statement: statement.text, write)
    first, again = domain.Statement("a", "same"), domain.Statement("b", "same")
    assert [of_text(first), of_text(again), of_text(domain.Statement("c", "other"))] == [b"same", b"same", b"other"]
    assert asked == [first, domain.Statement("c", "other")]
