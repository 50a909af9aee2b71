"""Where the laboratory and the release differ (DEC-49, DEC-78)."""

from __future__ import annotations

import pytest

from labgloss.domain.report import Conflict, Governed
from tests.unit.engine.conftest import Read
from tests.unit.engine.panel_builder import entry, issues, result


@pytest.mark.parametrize(
    ("value", "flag"),
    [
        ("4.2", "H"), ("4.2", "L"), ("4.2", "LL"), ("4.2", "HU"), ("4.2", "H>"), ("4.2", "L<"),
        ("7.9", "N"), ("7.9", "L"), ("2.9", "N"), ("2.9", "H"),
    ],
)  # fmt: skip
def test_a_flag_of_another_side_is_said(read: Read, value: str, flag: str) -> None:
    report = read(result("potassium", value, "mmol/L", flags=(flag,)))
    assert "laboratory_flag_disagrees" in issues(report)
    assert [(conflict.kind, conflict.governed) for conflict in entry(report).conflicts] == [("flag", Governed.RELEASE)]


@pytest.mark.parametrize(
    ("value", "flag"),
    [
        ("4.2", "N"), ("7.9", "H"), ("7.9", "HH"), ("5.45", "HH"), ("2.9", "L"), ("2.9", "LU"), ("2.9", "LL"),
        ("4.2", "A"), ("4.2", "AA"), ("4.2", "IND"), ("7.9", "A"), ("4.2", ""), ("4.2", "W"), ("<5.0", "N"),
        ("<5.0", "H"),
    ],
)  # fmt: skip
def test_a_flag_of_the_same_side_or_of_none_is_no_disagreement(read: Read, value: str, flag: str) -> None:
    """H against HH, and A, AA and IND, are not compared; nor is an open class."""
    report = read(result("potassium", value, "mmol/L", flags=(flag,)))
    assert "laboratory_flag_disagrees" not in issues(report)
    assert entry(report).conflicts == ()


def test_a_potassium_of_7_9_that_the_laboratory_calls_normal_is_high(read: Read) -> None:
    """design.md: a peer took the laboratory's word."""
    found = entry(read(result("potassium", "7.9", "mmol/L", flags=("N",))))
    assert found.flag == "HH"
    assert found.conflicts == (
        Conflict(
            "flag",
            "N",
            "high",
            Governed.RELEASE,
            "The laboratory flagged this result N; against the interval and limits in force it is high. "
            "Both are shown; the limits in force governed.",
        ),
    )


def test_an_interval_that_gives_another_class_governs_and_is_said(read: Read) -> None:
    """Magnesium 0.65 is low by the default 0.70-1.00."""
    found = entry(read(result("magnesium", "0.65", "mmol/L", interval="0.60-1.10")))
    assert found.flag == "N"
    assert found.conflicts == (
        Conflict(
            "interval",
            "0.60 <= x <= 1.10 mmol/L",
            "low",
            Governed.LABORATORY,
            "By the default interval this result would be low; the laboratory's own interval governed, and by it the "
            "result is normal.",
        ),
    )


def test_an_interval_that_gives_the_same_class_is_no_conflict(read: Read) -> None:
    assert entry(read(result("magnesium", "0.85", "mmol/L", interval="0.60-1.10"))).conflicts == ()
    assert entry(read(result("magnesium", "0.55", "mmol/L", interval="0.60-1.10"))).conflicts == ()


def test_a_limit_that_no_interval_moves_governs_and_is_said(read: Read) -> None:
    """R-RI-2."""
    found = entry(read(result("magnesium", "0.45", "mmol/L", interval="0.40-1.00")))
    assert found.conflicts == (
        Conflict(
            "limit",
            "0.40 <= x <= 1.00 mmol/L",
            "moderate_low",
            Governed.RELEASE,
            "0.45 mmol/L lies inside the laboratory's interval and beyond a limit that no interval moves "
            "(moderately low); the limit governed.",
        ),
    )


def test_no_conflict_is_told_where_the_default_is_open(read: Read) -> None:
    """A woman of 30 may be pregnant: the default interval is not one."""
    report = read(result("magnesium", "0.65", "mmol/L", interval="0.60-1.10"), sex="female", age="30 y")
    assert entry(report).conflicts == ()


def test_vitamin_d_is_not_in_conflict_with_an_interval_that_is_not_used(read: Read) -> None:
    """D13."""
    assert entry(read(result("vitamin_d_25oh", "40", "nmol/L", interval="30-100"))).conflicts == ()


def test_every_flag_of_a_result_is_compared(read: Read) -> None:
    found = entry(read(result("potassium", "4.2", "mmol/L", flags=("A", " H ", "N"))))
    assert [conflict.laboratory for conflict in found.conflicts] == ["H"]
