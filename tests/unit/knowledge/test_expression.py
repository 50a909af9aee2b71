from __future__ import annotations

from decimal import Decimal

import pytest

from labgloss.domain.quantity import NOTHING, Span
from labgloss.domain.subject import AgeLimit, AgeUnit
from labgloss.knowledge.expression import Combination, Name, names, parse_age, parse_expression, parse_limit

INTERVAL = Span(Decimal("0.70"), True, Decimal("1.00"), True)


def spanning(low: str | None, low_inclusive: bool, high: str | None, high_inclusive: bool) -> Span:
    return Span(Decimal(low) if low else None, low_inclusive, Decimal(high) if high else None, high_inclusive)


@pytest.mark.parametrize(
    ("text", "span"),
    [
        ("x <= 0.40", spanning(None, True, "0.40", True)),
        ("x < 0.40", spanning(None, True, "0.40", False)),
        ("x >= 2.00", spanning("2.00", True, None, True)),
        ("x > 2.00", spanning("2.00", False, None, True)),
        ("x = 2.5", spanning("2.5", True, "2.5", True)),
        ("0.40 < x <= 0.50", spanning("0.40", False, "0.50", True)),
        ("0.40 <= x < 0.50", spanning("0.40", True, "0.50", False)),
        ("LLN <= x <= ULN", INTERVAL),
        ("0.50 <= x < LLN", spanning("0.50", True, "0.70", False)),
        ("ULN < x < 2.00", spanning("1.00", False, "2.00", False)),
        ("x < LLN", spanning(None, True, "0.70", False)),
        ("x > ULN", spanning("1.00", False, None, True)),
    ],
)
def test_a_limit_is_the_numbers_that_its_text_states(text: str, span: Span) -> None:
    assert parse_limit(text).span(INTERVAL) == span


def test_a_limit_keeps_the_digits_of_its_source() -> None:
    assert parse_limit("0.40 < x <= 0.50").numbers == (Decimal("0.40"), Decimal("0.50"))
    assert str(parse_limit("x <= 0.40").numbers[0]) == "0.40"
    assert parse_limit("0.50 <= x < LLN").numbers == (Decimal("0.50"),)


@pytest.mark.parametrize(("text", "needs"), [("x <= 0.40", False), ("0.50 <= x < LLN", True), ("x > ULN", True)])
def test_a_limit_says_whether_it_needs_the_interval(text: str, needs: bool) -> None:
    assert parse_limit(text).needs_interval is needs


@pytest.mark.parametrize("text", ["LLN <= x <= ULN", "0.50 <= x < LLN", "ULN < x < 2.00"])
def test_without_an_interval_such_a_limit_holds_nothing(text: str) -> None:
    assert parse_limit(text).span() == NOTHING


def test_an_interval_with_one_end_leaves_the_others_bands_empty() -> None:
    from_60 = Span(Decimal(60))
    assert parse_limit("LLN <= x <= ULN").span(from_60) == from_60
    assert parse_limit("ULN < x < 90").span(from_60) == NOTHING
    up_to_5 = Span(high=Decimal(5))
    assert parse_limit("LLN <= x <= ULN").span(up_to_5) == up_to_5
    assert parse_limit("1 <= x < LLN").span(up_to_5) == NOTHING


def test_a_limit_may_be_a_multiple_of_the_upper_end() -> None:
    up_to_200 = Span(Decimal(40), True, Decimal(200), True)
    limit = parse_limit("x >= 5*ULN")
    assert limit.span(up_to_200) == Span(Decimal(1000), True, None, True)
    assert (limit.needs_interval, limit.numbers) == (True, ())
    # Without an upper end, or without an interval, nothing is 5 times it.
    assert limit.span(Span(Decimal(40))) == NOTHING
    assert limit.span() == NOTHING
    assert parse_limit("LLN <= x < 2*ULN").span(up_to_200) == Span(Decimal(40), True, Decimal(400), False)


@pytest.mark.parametrize(
    "text",
    ["", "x<=0.40", "x  <= 0.40", "0.40 > x", "x <= 0,40", "x <= -1", "x <= .4", "x <= 4.", "x <= 4e1", "y <= 4"],
)
def test_any_other_text_is_refused_with_the_forms_that_are_allowed(text: str) -> None:
    with pytest.raises(ValueError, match="is not a limit") as error:
        parse_limit(text)
    assert str(error.value) == (
        f"{text!r} is not a limit; write 'x <= 0.40', '0.40 < x <= 0.50', 'x = 2.5', 'LLN <= x <= ULN' or "
        "'x >= 5*ULN', "
        "with single blanks, decimal points and the smaller end first"
    )


def test_a_limit_upside_down_is_refused() -> None:
    with pytest.raises(
        ValueError, match=r"^'2 <= x <= 1': the lower end is above the upper end, so no value meets it$"
    ):
        parse_limit("2 <= x <= 1")


@pytest.mark.parametrize(
    ("text", "limit"),
    [("28 d", AgeLimit(28, AgeUnit.DAYS)), ("6 mo", AgeLimit(6, AgeUnit.MONTHS)), ("0 y", AgeLimit(0, AgeUnit.YEARS))],
)
def test_an_age_has_a_whole_number_and_a_unit(text: str, limit: AgeLimit) -> None:
    assert parse_age(text) == limit


@pytest.mark.parametrize("text", ["28", "28d", "28 days", "0.5 y", "-1 d", "028 d", "28  d", "٢٨ d"])
def test_any_other_age_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="is not an age") as error:
        parse_age(text)
    assert (
        str(error.value) == f"{text!r} is not an age; write a whole number, one blank, and d, mo or y: '28 d', '16 y'"
    )


def test_a_name_has_a_kind_and_an_id_that_may_hold_points() -> None:
    assert parse_expression("finding.MG_LOW") == Name("finding", "MG_LOW")
    assert parse_expression("band.magnesium.severe_low") == Name("band", "magnesium.severe_low")


def test_combinations_nest_and_are_written_as_they_are_read() -> None:
    raw = {"all": ["finding.CA_LOW", {"none": ["condition.neuropathy_known"]}, {"age": {"from": "1 y", "to": "16 y"}}]}
    expression = parse_expression(raw)
    assert isinstance(expression, Combination)
    assert str(expression) == "all(finding.CA_LOW, none(condition.neuropathy_known), 1 y <= age < 16 y)"
    assert [str(name) for name in names(expression)] == ["finding.CA_LOW", "condition.neuropathy_known"]


def test_an_age_may_have_one_end() -> None:
    assert str(parse_expression({"age": {"to": "1 y"}})) == "age < 1 y"
    assert str(parse_expression({"age": {"from": "18 y"}})) == "age >= 18 y"


@pytest.mark.parametrize("raw", ["MG_LOW", "finding.", ".MG_LOW", "sign.MG_LOW", "Finding.MG_LOW"])
def test_a_name_of_an_unknown_kind_is_refused(raw: str) -> None:
    with pytest.raises(ValueError, match="is not a name") as error:
        parse_expression(raw)
    assert str(error.value) == (
        f"{raw!r} is not a name; write KIND.ID with KIND one of finding, band, symptom, condition, medication, group, "
        "pattern, red_flag, emergency, patient, final, class, caution, issue, specimen, timing"
    )


@pytest.mark.parametrize(
    "raw",
    [
        None,
        1,
        [],
        {},
        {"all": []},
        {"all": "finding.MG_LOW"},
        {"not": ["finding.MG_LOW"]},
        {"all": ["finding.MG_LOW"], "any": ["finding.MG_LOW"]},
        {"two_of": ["finding.MG_LOW"]},
        {"three_of": ["finding.MG_LOW", "finding.CA_LOW"]},
        {"age": {}},
        {"age": {"below": "1 y"}},
        {"age": "1 y"},
    ],
)
def test_what_is_no_expression_is_refused(raw: object) -> None:
    with pytest.raises(ValueError, match=r"is not an expression; write 'KIND\.ID'"):
        parse_expression(raw)
