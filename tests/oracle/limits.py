"""Limits and numbers, read and compared as they are written."""

from __future__ import annotations

import operator
import re
from collections.abc import Iterator
from fractions import Fraction
from functools import cache
from itertools import pairwise
from typing import Any

# What a number has to fulfil: ((">=", 2), ("<", 3)). A value is one as well: (("=", 3),) measured, (("<", 3),) a bound.
Limit = tuple[tuple[str, Fraction], ...]

SIGNS = {"<": operator.lt, "<=": operator.le, ">": operator.gt, ">=": operator.ge, "=": operator.eq}


@cache
def limit_of(text: str, interval: Limit = ()) -> Limit:
    """A written limit, such as "0.50 <= x < LLN"; LLN and ULN bound nothing where the interval has no such end."""
    left, right = (part.split() for part in text.split("x"))
    written = [(left[1].replace("<", ">"), left[0])] if left else []
    written += [(right[0], right[1])] if right else []
    named = {"LLN": end_of(interval, ">"), "ULN": end_of(interval, "<")}
    numbers = [(sign, named[end] if end in named else Fraction(end)) for sign, end in written]
    return tuple((sign, number) for sign, number in numbers if number is not None)


def side_of(limit: Limit, direction: str) -> Limit:
    """The lower (">") or upper ("<") part of a limit."""
    return tuple(part for part in limit if part[0].startswith(direction))


def end_of(limit: Limit, direction: str) -> Fraction | None:
    """The lower (">") or upper ("<") end of a limit."""
    return next((number for _, number in side_of(limit, direction)), None)


def holds(limit: Limit, x: Fraction) -> bool:
    """Whether a number fulfils a limit. a/b < c/d is compared as ad < cb: the same, and quicker than fractions are."""
    for sign, number in limit:
        if not SIGNS[sign](x.numerator * number.denominator, number.numerator * x.denominator):
            return False
    return True


def meet(one: Limit, other: Limit) -> bool:
    """Whether any number fulfils both limits."""
    lows = [number for _, number in (*side_of(one, ">"), *side_of(other, ">"))]
    highs = [number for _, number in (*side_of(one, "<"), *side_of(other, "<"))]
    if not lows or not highs or max(lows) < min(highs):
        return True
    return max(lows) == min(highs) and holds(one, max(lows)) and holds(other, max(lows))


def times(limit: Limit, factor: Fraction) -> Limit:
    """A limit in another unit."""
    return tuple((sign, number * factor) for sign, number in limit)


def read_number(value: str, comparator: str | None) -> Limit | None:
    """Every number that a value allows; None for text. "<4.0" is a comparator and a number (DEC-46)."""
    written = re.fullmatch(r"\s*(<=|>=|<|>)?\s*(-?\d+(\.\d+)?)\s*", value, re.ASCII)
    if not written or (comparator and written[1] and comparator != written[1]):
        return None
    return ((comparator or written[1] or "=", Fraction(written[2])),)


def read_commas(value: str, comparator: str | None) -> list[Limit]:
    """What a number with one comma may mean: decimals, and thousands where three digits follow."""
    written = re.fullmatch(r"\s*(<=|>=|<|>)?\s*(\d+),(\d+)\s*", value, re.ASCII)
    if not written:
        return []
    sign, whole, rest = written[1] or "", written[2], written[3]
    texts = [f"{sign}{whole}.{rest}"] + ([f"{sign}{whole}{rest}"] if len(rest) == 3 and whole != "0" else [])
    return [number for text in texts if (number := read_number(text, comparator))]


def read_interval(own: dict[str, str]) -> Limit:
    """The laboratory's own interval, perhaps with one end only; what is no interval bounds nothing (DEC-79)."""
    low, high, text = own.get("low"), own.get("high"), own.get("text", "")
    # 0-0, 0-9999: nobody entered one.
    if re.search(r"(^|[^0-9.])(0+(\.0+)?|9{3,}(\.9+)?|99\.9+)\s*$", high or text, re.ASCII):
        return ()
    if low is None and high is None:
        if (bound := read_number(text, None)) and bound[0][0] != "=":
            return bound
        low, _, high = text.partition("-")
    ends = [(sign, read_number(end, None)) for sign, end in ((">=", low), ("<=", high)) if end is not None]
    if any(number is None or number[0][0] != "=" for _, number in ends):
        return ()
    found = tuple((sign, number[0][1]) for sign, number in ends if number)
    return () if len(found) == 2 and found[0][1] > found[1][1] else found


def steps(limits: list[Limit], step: Fraction) -> list[Fraction]:
    """The numbers from 0 to beyond the largest limit, step by step."""
    largest = max((number for limit in limits for _, number in limit), default=Fraction(0))
    return [step * n for n in range(int(largest / step) + 2)]


def about(allowed: Limit, limits: list[Limit]) -> list[Fraction]:
    """Every end of a limit, the middle between each two of them, and a number beyond all, that is allowed.

    Beside the steps, because ends may lie closer together than a step.
    """
    ends = sorted({Fraction(0), *(number for limit in [allowed, *limits] for _, number in limit if number >= 0)})
    return [x for x in (*ends, *((a + b) / 2 for a, b in pairwise(ends)), ends[-1] + 1) if holds(allowed, x)]


def smallest_digit(table: Any, unit: str) -> Fraction:
    """The smallest digit found in any limit of a table that is written in a unit."""
    decimals = [len(digits) for text in _texts(table, unit, False) for digits in re.findall(r"\d\.(\d+)", text)]
    return Fraction(1, 10 ** max(decimals, default=0))


def _texts(table: Any, unit: str, below: bool) -> Iterator[str]:
    for key, value in table.items() if isinstance(table, dict) else enumerate(table):
        if isinstance(value, dict | list):
            yield from _texts(value, unit, below or key == unit)
        elif isinstance(value, str) and (below or key == unit):
            yield value
