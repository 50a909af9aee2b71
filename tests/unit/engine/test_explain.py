"""Verdicts in words, pinned whole."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from labgloss.domain.panel import SpecimenKind
from labgloss.domain.quantity import Span
from labgloss.engine.explain import span_words
from tests.unit.engine.conftest import ReadOne
from tests.unit.engine.panel_builder import result

SERUM = {"kind": SpecimenKind.SERUM}


@pytest.mark.parametrize(
    ("sent", "patient", "words"),
    [
        (
            result("magnesium", "0.41", "mmol/L"),
            {},
            "Magnesium 0.41 mmol/L is below the default interval (0.70-1.00 mmol/L, age from 28 d, not pregnant): "
            "moderately low.",
        ),
        (
            result("magnesium", "1.5", "meq/L"),
            {},
            "Magnesium 1.5 meq/L (0.75 mmol/L) is inside the default interval (0.70-1.00 mmol/L, age from 28 d, "
            "not pregnant).",
        ),
        (
            result("magnesium", "1.15", "mmol/L", interval="0.70-1.05"),
            {},
            "Magnesium 1.15 mmol/L is above the laboratory's interval (0.70-1.05 mmol/L): mildly high.",
        ),
        (
            result("magnesium", "1.05", "mmol/L"),
            {"intervals": "rcpa_aacb"},
            "Magnesium 1.05 mmol/L is inside the chosen interval (0.70-1.10 mmol/L, age from 18 y, not pregnant).",
        ),
        (
            result("potassium", "6.9", "mmol/L", specimen=SERUM),
            {},
            "Potassium 6.9 mmol/L is above the default interval (3.5-5.3 mmol/L, age from 16 y, not pregnant, serum): "
            "severely high. It lies beyond a critical limit (from 6.5 mmol/L).",
        ),
        (
            result("potassium", "6.2", "mmol/L", interval="3.5-6.5"),
            {},
            "Potassium 6.2 mmol/L is high: it is inside the laboratory's interval (3.5-6.5 mmol/L), and lies beyond a "
            "limit that no interval moves (6.0-6.5 mmol/L): moderately high.",
        ),
        (
            result("potassium", "<5.0", "mmol/L", interval="3.5-5.3"),
            {},
            "Potassium below 5.0 mmol/L may be low or normal; the class is open. It may lie beyond a critical limit "
            "(up to 2.5 mmol/L), and counts as possibly critical until it is settled. What would settle it: the number "
            "behind the comparator.",
        ),
        (
            result("magnesium", "0.65", "mmol/L"),
            {"sex": "female", "age": "30 y"},
            "Magnesium 0.65 mmol/L may be low or normal; the class is open. What would settle it: whether the patient "
            "is pregnant, and the trimester.",
        ),
        (
            result("vitamin_d_25oh", "40", "nmol/L"),
            {},
            "25-hydroxyvitamin D (total) 40 nmol/L is below the limits of the policy in force: inadequate.",
        ),
        (
            result("creatinine", "88", "umol/L"),
            {},
            "Creatinine 88 umol/L came without a reference interval, and the release has none: low and high are "
            "unknown. What would settle it: a reference interval from the laboratory.",
        ),
        (
            result("ph", "7.28", ""),
            {},
            "pH of blood 7.28 is below the default interval (7.35-7.45, everybody).",
        ),
        (
            result("cccr", "0.006", "", interval="0.01-0.02"),
            {},
            "Calcium to creatinine clearance ratio 0.006 is below the laboratory's interval (0.01-0.02).",
        ),
        (
            result("ferritin", "40", "ug/L"),
            {},
            "The analyte or code is not known to this release. The result is returned as it was sent, not judged.",
        ),
        (
            result("sodium", "140", ""),
            {},
            "The result has no unit, and a unit is never guessed. Confirm the unit with the laboratory and send the "
            "result with it.",
        ),
        (
            result("potassium", "2.1", ""),
            {},
            "The result has no unit, and a unit is never guessed. The number may lie beyond a critical limit: it "
            "counts as possibly critical until it is settled. Confirm the unit with the laboratory and send the result "
            "with it.",
        ),
    ],
)
def test_an_entry_is_explained_in_sentences(read_one: ReadOne, sent: Any, patient: dict[str, Any], words: str) -> None:
    assert read_one(sent, **patient).explanation == words


def test_a_computed_and_a_secondary_calcium_say_so(read: Any) -> None:
    report = read(result("calcium_total", "2.05", "mmol/L"), result("albumin", "28", "g/L"))
    assert [item.explanation.partition(". ")[2] for item in (report.results[0], report.results[2])] == [
        "Another calcium decides; this one is shown with its class only.",
        "The service computed this value from other results of the panel.",
    ]


def test_an_earlier_result_and_a_trend_say_so(read: Any) -> None:
    report = read(
        result("magnesium", "0.65", "mmol/L", collected="2026-01-10"),
        result("magnesium", "0.85", "mmol/L", collected="2026-01-09"),
    )
    assert report.results[0].explanation.endswith(
        "It changed by -0.20 mmol/L from 0.85 mmol/L, more than the reference change value."
    )
    assert report.results[1].explanation.endswith("A later result decides; this one serves the trend.")


@pytest.mark.parametrize(
    ("span", "words"),
    [
        (Span(Decimal("0.70"), True, Decimal("1.00"), True), "0.70-1.00"),
        (Span(Decimal(60)), "from 60"),
        (Span(Decimal(60), False), "above 60"),
        (Span(high=Decimal(300)), "up to 300"),
        (Span(high=Decimal(5), high_inclusive=False), "under 5"),
        (Span(), "any value"),
    ],
)
def test_an_interval_is_written_as_laboratories_print_it(span: Span, words: str) -> None:
    assert span_words(span) == words
