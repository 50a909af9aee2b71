"""Fields as bytes: those that protobuf gives."""

from __future__ import annotations

import pytest

from labgloss.v1 import report_pb2
from labgloss.wire import frames

NUMBERS = (0, 1, 127, 128, 300, 16_383, 16_384, 2**31 - 1, -1, -(2**31))


@pytest.mark.parametrize("value", NUMBERS)
def test_numbers(value: int) -> None:
    assert frames.number(2, value) == report_pb2.Trend(previous_index=value).SerializeToString()
    assert frames.optional_number(1, value) == report_pb2.TraceStep(result=value).SerializeToString()
    assert frames.numbers(5, [value, 0]) == report_pb2.Finding(results=[value, 0]).SerializeToString()


@pytest.mark.parametrize("size", [0, 1, 127, 128, 16_383, 16_384, 3_000_000])
def test_texts_of_every_length(size: int) -> None:
    said = "x" * size
    assert frames.text(4, said) == report_pb2.Report(summary=said).SerializeToString()
    assert frames.optional_text(3, said) == report_pb2.IntervalInForce(high=said).SerializeToString()
    assert frames.texts(12, [said, ""]) == report_pb2.Pattern(source_ids=[said, ""]).SerializeToString()
    choice = report_pb2.ChoiceInForce(text=said)
    assert frames.frame(16, choice.SerializeToString()) == report_pb2.Report(choices=[choice]).SerializeToString()


def test_what_is_not_there_is_no_bytes() -> None:
    assert frames.optional_text(3, None) == frames.optional_number(1, None) == b""
    assert frames.texts(12, ()) == frames.numbers(5, ()) == b""
