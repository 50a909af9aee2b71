"""The reference interpreter: slow, obvious, and written from the clinical documents alone.

It shares the figures (the TOML files) with the engine, and no line of logic. A value behind a comparator is every value
of a fine grid; a patient of whom something is unknown is every patient who may be meant; every row is looked up anew.
It gives the class, band, critical, CTCAE grade and refusal of each result. Left out: haemolysis and other artefacts of
a specimen, vitamin D components, the acute phase, two results of one analyte, birth dates, symptoms, patterns,
recommendations.
"""

from __future__ import annotations

import tomllib
from decimal import Decimal
from pathlib import Path

from tests.oracle.calcium import judge_calcium
from tests.oracle.people import Table
from tests.oracle.results import read
from tests.oracle.rules import Context, Reading
from tests.oracle.verdicts import united


def read_knowledge(folder: Path) -> Table:
    """The TOML files as they are: `analytes` by id, every other file by its name."""
    paths = [path for path in folder.rglob("*.toml") if not path.name.endswith(".specs.toml")]
    tables = {path: tomllib.loads(path.read_text(), parse_float=Decimal) for path in paths}
    analytes = {table["id"]: table for path, table in tables.items() if path.parent.name == "analytes"}
    return {path.stem: table for path, table in tables.items()} | {"analytes": analytes}


def interpret_result(knowledge: Table, panel: Table) -> dict[str, Table]:
    """The entry of each result, by its id or else its analyte, and of a computed adjusted calcium.

    An entry: state, class, flag, band, bands (all that remain), critical, ctcae_grade and refusal (None: none).
    """
    context = Context(knowledge, panel)
    found = {result.get("id") or result.get("analyte", ""): read(context, result) for result in panel["results"]}
    readings = {key: one for key, one in found.items() if isinstance(one, Reading)}
    refusals = {key: one for key, one in found.items() if not isinstance(one, Reading)}
    entries = {key: united(context.verdicts(reading)) for key, reading in readings.items()}
    return refusals | entries | judge_calcium(context, readings)
