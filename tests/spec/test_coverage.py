"""Every limit of the knowledge is straddled by cases of the specs, so that one moved by a reported step is found."""

from __future__ import annotations

import pytest

from tests.oracle.people import Table
from tests.oracle.reference import read_knowledge
from tests.spec.coverage import cases_of, limits_of, missing
from tests.spec.interpreters import Interpreter
from tests.spec.specs import DATA, read_specs

SPECS = read_specs()
ANALYTES = [table for table in read_knowledge(DATA)["analytes"].values() if table.get("units")]
# These raise an issue, of which a spec says nothing: test_windows has cases at their edges.
WINDOWS = {"verify", "unit_suspect"}


@pytest.mark.parametrize("analyte", ANALYTES, ids=lambda table: table["id"])
def test_every_limit_is_straddled_for_somebody_it_is_for(analyte: Table, knowledge: Table) -> None:
    """But 0, below which nothing is measured: the next test."""
    every = [cases_of(knowledge, analyte, spec) for spec in SPECS if spec.table["analyte"] == analyte["id"]]
    gaps = [
        f"{limit.row}, {float(limit.number):g} {limit.unit}: no case {', '.join(sides)}"
        for limit in limits_of(analyte)
        if limit.kind not in WINDOWS and limit.number != 0
        if (sides := missing(analyte, limit, every))
    ]
    assert not gaps, "\n  ".join([f"{len(gaps)} limits of {analyte['id']} are not straddled:", *gaps])


@pytest.mark.parametrize("analyte", ANALYTES, ids=lambda table: table["id"])
def test_a_negative_value_is_refused(analyte: Table, oracle: Interpreter, engine: Interpreter) -> None:
    units = [row["ucum"] for row in analyte["units"] if not row.get("needs_code")]
    results = [{"id": "value", "analyte": analyte["id"], "unit": unit, "value": "-0.01"} for unit in units]
    panels = [{"id": result["unit"], "results": [result]} for result in results]
    for interpreter in (oracle, engine):
        assert [answer["value"]["refusal"] for answer in interpreter(panels)] == ["value_implausible"] * len(units)
