"""Units and conversion factors against ucum-lhc, an implementation of UCUM that this project has no part in."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from itertools import permutations
from pathlib import Path
from typing import Any

import pytest

from labgloss.knowledge.release import Analyte, Release
from labgloss.knowledge.units import factor_between
from tests.external_tools import needs, node_environment

needs("node", "npm", to="compare units and factors with ucum-lhc")

FOLDER = Path(__file__).parent
# ucum-lhc reckons in binary floating point.
RELATIVE_DIFFERENCE = Fraction(1, 10**9)

# Valid UCUM for something else than what feeds mean by it (CO 1.5). None of the analytes that accept the unit that is
# meant can be measured in the other.
OTHER_THINGS_IN_UCUM = {
    "K/uL": "kelvin per microlitre; feeds mean thousands per microlitre",
    "[IU]/L": "international units, each of its own kind; feeds mean units of an enzyme's activity",
    "mU/L": "catalytic activity; feeds mean international units of TSH",
    "uU/mL": "catalytic activity; feeds mean international units of TSH",
}
# Between a concentration and an excretion, an index and a concentration, a bare ratio and one to creatinine there is
# no factor; masses and moles of 24 hours, and of digoxin, are native where both are accepted, and never converted.
NOT_CONVERTED = {
    "calcium_creatinine_urine": [("1", "mol/mol{creat}")],
    "calcium_urine": [
        ("mg/(24.h)", "mg/dL"),
        ("mg/(24.h)", "mmol/(24.h)"),
        ("mg/(24.h)", "mmol/L"),
        ("mg/dL", "mmol/(24.h)"),
        ("mmol/(24.h)", "mmol/L"),
    ],
    "digoxin": [("ng/mL", "nmol/L")],
    "haemolysis_index": [("1", "g/L"), ("1", "mg/dL")],
    "magnesium_urine": [("mg/dL", "mmol/(24.h)"), ("mmol/(24.h)", "mmol/L")],
    "potassium_urine": [("meq/L", "mmol/(24.h)"), ("mmol/(24.h)", "mmol/L")],
}


@dataclass(frozen=True)
class Conversion:
    analyte: Analyte
    unit: str
    target: str
    molar_mass: Decimal | None

    def asked(self) -> dict[str, Any]:
        molar_mass = None if self.molar_mass is None else float(self.molar_mass)
        return {"from": self.unit, "to": self.target, "molarMass": molar_mass, "charge": self.analyte.form.charge}


def factor(release: Release, conversion: Conversion) -> Fraction | None:
    form = conversion.analyte.form
    try:
        return factor_between(release.unit_table, form, conversion.unit, conversion.target, conversion.molar_mass)
    except ValueError:
        return None


def all_conversions(release: Release) -> Iterator[Conversion]:
    """Every ordered pair of units of every analyte, by its molar mass and by those that its codes name."""
    for analyte in release.analytes.values():
        masses = {analyte.form.molar_mass, *(code.molar_mass for code in analyte.form.codes if code.molar_mass)}
        for molar_mass in sorted(masses, key=str):
            for unit, target in permutations(analyte.units, 2):
                yield Conversion(analyte, unit, target, molar_mass)


def ask(expressions: list[str], conversions: list[Conversion]) -> dict[str, Any]:
    question = json.dumps({"expressions": expressions, "conversions": [item.asked() for item in conversions]})
    answered = subprocess.run(
        ("node", str(FOLDER / "ucum.js")),
        input=question,
        env=node_environment(FOLDER),
        stdout=subprocess.PIPE,
        text=True,
        check=True,
        timeout=60,
    )
    answer: dict[str, Any] = json.loads(answered.stdout)
    return answer


@pytest.fixture(scope="module")
def valid(release: Release) -> dict[str, bool]:
    """Whether ucum-lhc takes a text for UCUM, of every unit and spelling."""
    texts = [*release.unit_table.units, *release.unit_table.spellings]
    return dict(zip(texts, ask(texts, [])["valid"], strict=True))


def test_every_factor_is_that_of_ucum_lhc(release: Release) -> None:
    ours = {conversion: found for conversion in all_conversions(release) if (found := factor(release, conversion))}
    theirs = ask([], list(ours))["factors"]
    assert len(ours) > 90
    differing = [
        f"{conversion.analyte.id}: {conversion.unit} to {conversion.target}: {float(expected)}, ucum-lhc {found}"
        for (conversion, expected), found in zip(ours.items(), theirs, strict=True)
        if found is None or abs(Fraction(found) - expected) > RELATIVE_DIFFERENCE * expected
    ]
    assert differing == []


def test_no_other_pair_of_units_goes_without_a_factor(release: Release) -> None:
    refused: dict[str, set[tuple[str, ...]]] = {}
    for conversion in all_conversions(release):
        if factor(release, conversion) is None:
            pair = tuple(sorted((conversion.unit, conversion.target)))
            refused.setdefault(conversion.analyte.id, set()).add(pair)
    assert {analyte: sorted(pairs) for analyte, pairs in refused.items()} == NOT_CONVERTED


def test_every_unit_is_valid_ucum(release: Release, valid: dict[str, bool]) -> None:
    assert [unit for unit in release.unit_table.units if not valid[unit]] == []


def test_a_spelling_that_is_not_ucum_is_only_an_alias(release: Release, valid: dict[str, bool]) -> None:
    table = release.unit_table
    aliases = [spelling for spelling in table.spellings if not valid[spelling]]
    assert len(aliases) > 40
    for alias in aliases:
        resolved = table.resolve(alias)
        assert alias not in table.units
        assert resolved is not None
        assert valid[resolved], f"{alias} is read as {resolved}, which is not UCUM"


def test_a_spelling_that_is_ucum_means_the_unit_it_is_read_as(release: Release, valid: dict[str, bool]) -> None:
    spelled = {spelling: unit for spelling, unit in release.unit_table.spellings.items() if valid[spelling]}
    any_analyte = release.analytes["magnesium"]
    factors = ask([], [Conversion(any_analyte, spelling, unit, None) for spelling, unit in spelled.items()])["factors"]
    other = {
        spelling
        for spelling, found in zip(spelled, factors, strict=True)
        if found is None or abs(Fraction(found) - 1) > RELATIVE_DIFFERENCE
    }
    assert other == set(OTHER_THINGS_IN_UCUM)
