"""The specs beside the knowledge: cases that straddle its limits, as panels and as the entries that are expected."""

from __future__ import annotations

import tomllib
from decimal import Decimal
from pathlib import Path
from typing import NamedTuple

from labgloss import knowledge
from tests.oracle.people import Table
from tests.oracle.verdicts import entry

DATA = Path(knowledge.__path__[0]) / "data"


OF_PANEL = ("patient", "options")
OF_RESULT = ("analyte", "code", "unit", "interval", "specimen", "flags")
KEYS = {"id", "source", "conditions", "state", "cases", *OF_PANEL, *OF_RESULT}


class Spec(NamedTuple):
    """A patient, an analyte, a unit, and a case for each value."""

    file: str
    table: Table

    @property
    def id(self) -> str:
        """Such as "magnesium.adult.mmol"."""
        return str(self.table["id"])

    @property
    def values(self) -> list[str]:
        """The values as sent."""
        return [case[0] for case in self.table["cases"]]

    @property
    def panels(self) -> list[Table]:
        """A panel for each case, in panel-file form; its one result has the id "value"."""
        table = self.table
        parts: Table = {part: table[part] for part in OF_PANEL if part in table}
        if "conditions" in table:
            parts["conditions"] = [{"id": id_} for id_ in table["conditions"]]
        sent = {part: table[part] for part in OF_RESULT if part in table}
        results = [sent | {"id": "value", "value": value} for value in self.values]
        return [parts | {"id": f"{self.id}.{n}", "results": [result]} for n, result in enumerate(results)]

    @property
    def expected(self) -> list[Table]:
        """The entry that each case expects. The flag follows from class and critical (vocabulary.md 3)."""
        return [self._expected(*case[1:]) for case in self.table["cases"]]

    def _expected(self, class_: str, bands: str, critical: str, grade: int) -> Table:
        state, _, reason = class_.partition(":")
        class_, state = ("indeterminate", state) if reason else (class_, self.table.get("state", "interpreted"))
        expected = entry(class_, bands.split("|"), critical, None if grade == -1 else grade, state)
        return expected | {"refusal": reason or None}


def read_specs() -> list[Spec]:
    """Every spec of the knowledge."""
    files = sorted(DATA.rglob("*.specs.toml"))
    tables = {file.name: tomllib.loads(file.read_text(), parse_float=Decimal) for file in files}
    return [Spec(name, row) for name, table in tables.items() for row in table["spec"]]
