"""Limits and logic as the knowledge files write them: "0.40 < x < LLN", {any = ["finding.MG_LOW", ...]}."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import field
from decimal import Decimal

from labgloss.domain.quantity import ARITHMETIC, NOTHING, Span
from labgloss.domain.subject import AgeLimit, AgeUnit
from labgloss.frozen import dataclass

_EDGE = r"(?P<{0}>[0-9]+(?:\.[0-9]+)?|LLN|(?:[1-9][0-9]*\*)?ULN)"
_BETWEEN = re.compile(rf"{_EDGE.format('low')} (?P<lop><=?) x (?P<hop><=?) {_EDGE.format('high')}")
_ONE_SIDED = re.compile(rf"x (?P<op><=|<|>=|>|=) {_EDGE.format('edge')}")
_AGE = re.compile(r"(?P<number>0|[1-9][0-9]*) (?P<unit>d|mo|y)")

LLN = "LLN"
ULN = "ULN"


@dataclass(frozen=True, slots=True)
class Limit:
    """A condition on a value x; its ends are numbers, or LLN, ULN and multiples of ULN of the interval in force."""

    text: str
    low: Decimal | str | None
    low_inclusive: bool
    high: Decimal | str | None
    high_inclusive: bool
    # Whether an end is LLN or ULN; where none is, the numbers that meet it.
    needs_interval: bool = field(init=False, repr=False, compare=False)
    _fixed: Span = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        low, high = self.low, self.high
        needs_interval = isinstance(low, str) or isinstance(high, str)
        object.__setattr__(self, "needs_interval", needs_interval)
        fixed = NOTHING
        if not isinstance(low, str) and not isinstance(high, str):
            fixed = Span(low, self.low_inclusive, high, self.high_inclusive)
        object.__setattr__(self, "_fixed", fixed)

    def span(self, interval: Span | None = None) -> Span:
        """The numbers that meet it, with LLN and ULN taken from the interval.

        Empty when it needs an end that the interval does not have, except that an interval's own
        expression ("LLN <= x <= ULN") leaves a missing end open.
        """
        if interval is None or not self.needs_interval:
            return self._fixed
        low, high = _resolved(self.low, interval), _resolved(self.high, interval)
        # "x > ULN", "x >= 5*ULN" and "x < LLN" of an interval without that end hold for nothing.
        if (low is None and _is_uln(self.low)) or (high is None and self.high == LLN):
            return NOTHING
        return Span(low, self.low_inclusive, high, self.high_inclusive)

    @property
    def numbers(self) -> tuple[Decimal, ...]:
        """Its fixed ends."""
        return tuple(end for end in (self.low, self.high) if isinstance(end, Decimal))


def _resolved(end: Decimal | str | None, interval: Span | None) -> Decimal | None:
    """A fixed end, or the end of the interval that a name stands for."""
    if not isinstance(end, str):
        return end
    if interval is None:
        return None
    if end == LLN:
        return interval.low
    times = end.removesuffix(ULN).removesuffix("*")
    return interval.high if not times or interval.high is None else ARITHMETIC.multiply(Decimal(times), interval.high)


def _is_uln(end: Decimal | str | None) -> bool:
    return isinstance(end, str) and end.endswith(ULN)


def parse_limit(text: object) -> Limit:
    """The limit that a text such as "0.40 < x <= 0.50", "x >= 2.00" or "LLN <= x <= ULN" states.

    Raises ValueError with the forms that are allowed.
    """
    if not isinstance(text, str):
        raise ValueError(f"{text!r} is not a limit; write it as text in quotes: 'x <= 0.40'")
    if match := _BETWEEN.fullmatch(text):
        low, high = _edge(match["low"]), _edge(match["high"])
        if isinstance(low, Decimal) and isinstance(high, Decimal) and low > high:
            raise ValueError(f"{text!r}: the lower end is above the upper end, so no value meets it")
        return Limit(text, low, match["lop"] == "<=", high, match["hop"] == "<=")
    if match := _ONE_SIDED.fullmatch(text):
        edge, op = _edge(match["edge"]), match["op"]
        if op == "=":
            return Limit(text, edge, True, edge, True)
        if op.startswith("<"):
            return Limit(text, None, True, edge, op == "<=")
        return Limit(text, edge, op == ">=", None, True)
    raise ValueError(
        f"{text!r} is not a limit; write 'x <= 0.40', '0.40 < x <= 0.50', 'x = 2.5', 'LLN <= x <= ULN' or "
        "'x >= 5*ULN', with single blanks, decimal points and the smaller end first"
    )


def _edge(text: str) -> Decimal | str:
    return text if text.endswith((LLN, ULN)) else Decimal(text)


def parse_age(text: object) -> AgeLimit:
    """The age limit that "28 d", "6 mo" or "16 y" states. Raises ValueError."""
    match = _AGE.fullmatch(text) if isinstance(text, str) else None
    if match is None:
        raise ValueError(f"{text!r} is not an age; write a whole number, one blank, and d, mo or y: '28 d', '16 y'")
    return AgeLimit(int(match["number"]), AgeUnit(match["unit"]))


@dataclass(frozen=True, slots=True)
class Name:
    """A leaf of an expression: a kind and an id, such as finding MG_LOW or band magnesium.severe_low."""

    kind: str
    id: str

    def __str__(self) -> str:
        return f"{self.kind}.{self.id}"


@dataclass(frozen=True, slots=True)
class AgeClause:
    """A leaf of an expression: the patient's age lies in a half-open range."""

    begin: AgeLimit | None
    end: AgeLimit | None

    def __str__(self) -> str:
        if self.begin and self.end:
            return f"{self.begin} <= age < {self.end}"
        return f"age >= {self.begin}" if self.begin else f"age < {self.end}"


@dataclass(frozen=True, slots=True)
class Combination:
    """`all`, `any`, `none`, `two_of`, `three_of` of its parts; `possible`: at least one is not FALSE; `unknown`: `any`
    of them is neither TRUE nor FALSE."""

    operator: str
    parts: tuple[Expression, ...]

    def __str__(self) -> str:
        return f"{self.operator}({', '.join(map(str, self.parts))})"


Expression = Name | AgeClause | Combination

# finding, band, group, pattern, red_flag: made by rules. emergency: a red flag at EMERGENCY. final: an analyte that is
# in the panel, judged, final and reliable. class: potassium.normal of any result that counts, a secondary calcium too.
# caution, issue: said of some result that counts. specimen: a finding, or a fact, of the one specimen that a rule with
# that scope looks at. timing: how long, or since when, by computations.toml.
KINDS = (
    *("finding", "band", "symptom", "condition", "medication", "group", "pattern", "red_flag", "emergency", "patient"),
    *("final", "class", "caution", "issue", "specimen", "timing"),
)
OPERATORS = ("all", "any", "none", "two_of", "three_of", "possible", "unknown")
# Parts that an operator needs to hold at all.
FEWEST = {"two_of": 2, "three_of": 3}


def parse_expression(raw: object) -> Expression:
    """The expression that a TOML value states. Raises ValueError that says which part is wrong."""
    if isinstance(raw, str):
        kind, _, ident = raw.partition(".")
        if kind not in KINDS or not ident:
            raise ValueError(f"{raw!r} is not a name; write KIND.ID with KIND one of {', '.join(KINDS)}")
        return Name(kind, ident)
    if isinstance(raw, Mapping) and len(raw) == 1:
        operator, value = next(iter(raw.items()))
        if operator == "age" and isinstance(value, Mapping) and value and value.keys() <= {"from", "to"}:
            bounds = {key: parse_age(text) for key, text in value.items()}
            return AgeClause(bounds.get("from"), bounds.get("to"))
        if operator in OPERATORS and isinstance(value, list) and len(value) >= FEWEST.get(operator, 1):
            return Combination(operator, tuple(parse_expression(part) for part in value))
    raise ValueError(
        f"{raw!r} is not an expression; write 'KIND.ID', {{{'|'.join(OPERATORS)} = [...]}} with at least one part "
        "(two_of two, three_of three), or {age = {from = '1 y', to = '16 y'}}"
    )


def names(expression: Expression) -> Iterator[Name]:
    """Every name in the expression, in order."""
    if isinstance(expression, Name):
        yield expression
    elif isinstance(expression, Combination):
        for part in expression.parts:
            yield from names(part)
