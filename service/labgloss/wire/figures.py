"""The numbers of a report as they are shown: in plain digits, rounded where the service computed them."""

from __future__ import annotations

from decimal import Decimal

from labgloss.domain import report as domain
from labgloss.domain.position import position, shown
from labgloss.domain.quantity import plain, round_half_up


def compared(reading: domain.Reading) -> str:
    """The value in the unit compared: as it was sent, or rounded where it was converted."""
    value = reading.compared.value
    return plain(round_half_up(value, reading.digits)) if _converted(reading) else plain(value)


def factor(reading: domain.Reading) -> str:
    """The exact factor from the unit sent to the unit compared."""
    return f"{reading.factor.numerator}/{reading.factor.denominator}" if _converted(reading) else "1"


def other(reading: domain.Reading) -> str:
    """The value in the other customary unit, rounded; empty where there is none."""
    return "" if reading.other is None else plain(round_half_up(reading.other.value, reading.other_digits))


def _converted(reading: domain.Reading) -> bool:
    """Whether the number compared is another than the number sent: meq/L of potassium as mmol/L is the same."""
    # In lowest terms, so that this is: not one.
    return reading.factor.numerator != reading.factor.denominator


def limit(value: Decimal | None) -> str | None:
    """An end of an interval; None where it is unbounded."""
    return None if value is None else plain(value)


def place(interval: domain.IntervalInForce, reading: domain.Reading | None) -> str:
    """Where the value lies, in the unit of the interval: the laboratory's own stands in the unit sent."""
    if reading is None:
        return ""
    digits = reading.digits if _converted(reading) else None
    readings = (reading.quantity, None), (reading.compared, digits), (reading.other, reading.other_digits)
    for quantity, shown_digits in readings:
        if quantity is not None and quantity.unit == interval.unit:
            return position(quantity, interval.span, shown_digits)
    return f"not placed: the value was compared in {reading.compared.unit}"


def digits_of_trend(reading: domain.Reading | None) -> int | None:
    """To how many decimal places the numbers of a trend are shown; None: as they are."""
    return None if reading is None else max(reading.digits, len(compared(reading).partition(".")[2]))


def change(trend: domain.Trend, digits: int | None) -> str:
    """The change of a trend, signed."""
    return _signed(shown(trend.change, digits))


def change_percent(trend: domain.Trend) -> str:
    """The change in percent, signed, to one decimal; empty where there is none."""
    return "" if trend.change_percent is None else _signed(plain(round_half_up(trend.change_percent, 1)))


def hours(trend: domain.Trend) -> str:
    """The hours of a trend, to one decimal; empty where they are not known."""
    return "" if trend.hours is None else plain(round_half_up(trend.hours, 1))


def _signed(text: str) -> str:
    """The number with its sign; nothing has none, also where a small fall was rounded to nothing."""
    number = Decimal(text)
    return text.removeprefix("-") if number == 0 else text if number < 0 else f"+{text}"
