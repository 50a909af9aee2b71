"""Comments of specimens: what no rule reads comes back as it was sent (SP 1)."""

from __future__ import annotations

import pytest

from labgloss.domain.report import Report
from tests.unit.engine.conftest import Read
from tests.unit.engine.panel_builder import result

TEXT = "The text, or a part of it, was not recognised; it is returned as it was sent, and no rule read it."


def unread(report: Report) -> list[tuple[str, tuple[int, ...], str]]:
    return [(i.field, i.results, i.text) for i in report.issues if i.id == "text_not_recognised"]


@pytest.mark.parametrize(
    "comment", ["EDTA contamination suspected, please repeat", "taken from drip arm", "clotted", "Zorblax 4+", "HEM?"]
)
def test_a_comment_that_no_rule_reads_comes_back(read: Read, comment: str) -> None:
    report = read(result("potassium", "4.0", "mmol/L", specimen={"comments": (comment,)}))
    field = "results[0].specimen.comments[0]"
    words = comment.rstrip("?")
    assert unread(report) == [(field, (0,), f'{TEXT} It says: "{words}".')]


@pytest.mark.parametrize(
    "comment",
    [
        "Probe stark hämolytisch", "hemolytic", "sample lysed", "haemolysed", "no haemolysis", "keine Hämolyse",
        "delayed separation", "received after 12 h, unspun", "sent by pneumatic tube", " ", "--",
    ],
)  # fmt: skip
def test_a_comment_that_is_read_does_not(read: Read, comment: str) -> None:
    assert unread(read(result("potassium", "4.0", "mmol/L", specimen={"comments": (comment,)}))) == []


def test_each_sentence_is_asked_and_the_same_one_said_once(read: Read) -> None:
    specimen = {"comments": ("Sample haemolysed. Drip arm", "Drip arm")}
    report = read(
        result("potassium", "4.0", "mmol/L", specimen=specimen),
        result("sodium", "140", "mmol/L", specimen=specimen),
    )
    assert unread(report) == [("results[0].specimen.comments[0]", (0, 1), f'{TEXT} It says: "Drip arm".')]
