"""Values that are judged and doubted: which issue each one raises, at the edges of every window (MC 1.3, DK 1.3).

A spec says nothing of issues; these cases do, read from the same documents.
"""

from __future__ import annotations

import pytest

from labgloss.engine.interpret import interpret
from labgloss.knowledge.release import Release
from labgloss.wire.decode import decode_panel
from tests.oracle.people import Table
from tests.spec.interpreters import messages

# Analyte, unit, issue, values that raise it, values that do not.
WINDOWS = [
    ("calcium_total", "mg/dL", "unit_suspect", "4.0 4.1 5.5 5.6", "3.9 5.7"),
    ("calcium_total", "mmol/L", "unit_suspect", "1.00 1.01 1.39 1.40", "0.99 1.41"),
    ("calcium_adjusted", "mg/dL", "unit_suspect", "4.0 4.1 5.5 5.6", "3.9 5.7"),
    ("calcium_adjusted", "mmol/L", "unit_suspect", "1.00 1.01 1.39 1.40", "0.99 1.41"),
    ("calcium_ionised", "mmol/L", "unit_suspect", "1.90 1.91 2.79 2.80", "1.89 2.81"),
    ("calcium_ionised", "mg/dL", "unit_suspect", "7.50 7.51 11.49 11.50", "7.49 11.51"),
    ("magnesium", "mg/dL", "unit_suspect", "0.60 0.61 0.7 1.0 1.09 1.10", "0.5 0.59 1.11 1.2"),
    ("magnesium", "mmol/L", "unit_suspect", "1.50 1.51 2.59 2.60", "1.49 2.61"),
    ("potassium", "mmol/L", "value_to_verify", "0.80 0.81 1.49 9.01 29.99 30.00", "1.50 1.51 8.99 9.00 30.01"),
    ("potassium", "mmol/L", "unit_suspect", "12.00 12.01 19.99 20.00", "11.99 20.01"),
    ("potassium", "mg/dL", "unit_suspect", "5.7 5.8", "5.9 6.0"),
    ("potassium", "mg/dL", "value_to_verify", "35.1", "34.9 35.0"),
    ("sodium", "mmol/L", "value_to_verify", "90.0 90.1 104.9 185.1 209.9 210.0", "89.9 105.0 105.1 184.9 185.0 210.1"),
    ("vitamin_d_25oh", "nmol/L", "value_to_verify", "9.9 375.1 3743.9 3744.0", "10.0 10.1 374.9 375.0 3744.1 <9.9"),
    ("vitamin_d_25oh", "ng/mL", "value_to_verify", "3.9 150.1 1499.9 1500.0", "4.0 4.1 149.9 150.0 1500.1 <3.9"),
]
# MC 1.3: what explains a magnesium that would be normal in mg/dL. Conditions, further results, whether it is suspect.
EXPLAINED = [
    (["pre_eclampsia_infusion"], [], False),
    ([], [("egfr", "29", "mL/min/{1.73_m2}")], False),
    ([], [("egfr", "30", "mL/min/{1.73_m2}")], True),
    ([], [], True),
]


def result(analyte: str, value: str, unit: str) -> Table:
    return {"analyte": analyte, "value": value, "unit": unit}


def issues_of(release: Release, panel: Table) -> set[str]:
    """The issues of the panel's first result."""
    adult = panel | {"id": "window", "patient": {"age_years": 40, "sex": "male"}}
    (message,) = messages([adult])
    report = interpret(release, decode_panel(message, "panel", release))
    return {issue.id for issue in report.issues if 0 in issue.results}


@pytest.mark.parametrize(("analyte", "unit", "issue", "raising", "silent"), WINDOWS)
def test_a_window_begins_and_ends_where_the_document_says(
    release: Release, analyte: str, unit: str, issue: str, raising: str, silent: str
) -> None:
    values = [*raising.split(), *silent.split()]
    raised = [value for value in values if issue in issues_of(release, {"results": [result(analyte, value, unit)]})]
    assert raised == raising.split()


@pytest.mark.parametrize(("conditions", "further", "suspect"), EXPLAINED)
def test_a_magnesium_that_something_explains_is_not_doubted(
    release: Release, conditions: list[str], further: list[tuple[str, str, str]], suspect: bool
) -> None:
    results = [result("magnesium", "2.00", "mmol/L"), *(result(*one) for one in further)]
    panel = {"results": results, "conditions": [{"id": id_} for id_ in conditions]}
    assert ("unit_suspect" in issues_of(release, panel)) is suspect
