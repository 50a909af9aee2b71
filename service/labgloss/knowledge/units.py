"""Units of measure: UCUM, its spellings in feeds, and exact factors between units of one analyte."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from fractions import Fraction

from labgloss.frozen import dataclass
from labgloss.knowledge import schema

# mol/L = g/L / molar mass = eq/L / charge.
MASS = "mass_concentration"
AMOUNT = "amount_concentration"
EQUIVALENT = "equivalent_concentration"


@dataclass(frozen=True, slots=True)
class UnitTable:
    """The units of the release, by UCUM and by every accepted spelling."""

    units: Mapping[str, schema.UnitRow]
    spellings: Mapping[str, str]

    def resolve(self, text: str) -> str | None:
        """The UCUM unit that a spelling stands for, or None; blanks around it do not count, case does (DEC-51)."""
        text = text.strip()
        return text if text in self.units else self.spellings.get(text)

    def spellings_of(self, text: str) -> tuple[str, ...]:
        """Every spelling of the unit that a text stands for, the longest first; no other than it where it is none."""
        ucum = self.resolve(text)
        written = {text.strip(), *(spelling for spelling, unit in self.spellings.items() if unit == ucum)} - {""}
        return tuple(
            sorted(written if ucum is None else {*written, ucum}, key=lambda spelling: (-len(spelling), spelling))
        )


def factor_between(
    table: UnitTable, form: schema.AnalyteFile, unit: str, target: str, molar_mass: Decimal | None = None
) -> Fraction:
    """The exact factor from one unit of an analyte to another.

    Raises ValueError when they measure different things and the analyte has no molar mass or charge to join them.
    """
    one, other = table.units[unit], table.units[target]
    if one.dimension == other.dimension:
        return one.scale / other.scale
    mass = molar_mass or form.molar_mass
    return _moles(one, form, mass) / _moles(other, form, mass)


def _moles(row: schema.UnitRow, form: schema.AnalyteFile, molar_mass: Decimal | None) -> Fraction:
    """What one of the unit is in mol/L."""
    if row.dimension == AMOUNT:
        return row.scale
    if row.dimension == MASS and molar_mass is not None:
        return row.scale / Fraction(molar_mass)
    if row.dimension == EQUIVALENT and form.charge:
        return row.scale / form.charge
    raise ValueError(
        f"{row.ucum} is a {row.dimension.replace('_', ' ')} and {form.id} has no molar mass or charge; "
        "make the unit native, give molar_mass or charge, or remove the unit"
    )
