"""The reference interpreter and the engine agree beyond the specs too."""

from __future__ import annotations

import pytest

from labgloss.knowledge.release import Release
from tests.oracle.people import Table
from tests.spec.generated import Generator
from tests.spec.interpreters import Interpreter, difference_of, messages
from tests.spec.specs import read_specs
from tests.walked import differing, walked

ADULT = {"age_years": 40, "sex": "male"}
INTERVAL_IN_MEQ = {"low": "4.3", "high": "5.2"}


def result(analyte: str, value: str, unit: str, **further: object) -> Table:
    return {"id": analyte, "analyte": analyte, "value": value, "unit": unit, **further}


# Panels on which the two once differed; the title is what the documents say.
ONCE_DIFFERENT: dict[str, Table] = {
    "a total that is refused is not adjusted (vocabulary.md 2, R-PRIM)": {
        "results": [result("calcium_total", "5.14", "meq/L", code="49765-1"), result("albumin", "35", "g/L")]
    },
    "a refused adjusted calcium does not stand in the way of a computed one (R-PRIM)": {
        "results": [
            result("calcium_total", "2.29", "mmol/L"),
            result("albumin", "35", "g/L"),
            result("calcium_adjusted", "3.00", "mmol/L", code="46099-8") | {"id": "reported"},
        ]
    },
    "the interval of a total in meq/L is converted for the adjusted calcium (R-ADJ-1, R-UNIT-1)": {
        "results": [
            result("calcium_total", "4.4", "meq/L", interval=INTERVAL_IN_MEQ),
            result("albumin", "40", "g/L"),
        ]
    },
    "no value below 0 stands behind a comparator (DEC-77)": {"results": [result("crp", "<1", "mg/L")]},
    "bands remain from low to high, of an infusion too (vocabulary.md 4.1)": {
        "conditions": [{"id": "pre_eclampsia_infusion"}],
        "results": [result("magnesium", ">=1.20", "mmol/L")],
    },
    "code and unit that contradict each other are looked at before the hard limits (vocabulary.md 2)": {
        "results": [result("calcium_total", "9.5", "mmol/L", code="17861-6")]
    },
    "a supporting analyte with a contradicting code is refused whatever its number (DEC-09)": {
        "results": [result("sodium", "140", "mg/dL", code="2951-2")]
    },
    "a molar code contradicts g/L although no molar unit is accepted (DEC-09)": {
        "results": [result("albumin", "40", "g/L", code="54347-0")]
    },
    "of two views the more severe band counts, for each patient who may be meant (R-ADJ-4)": {
        "patient": {"sex": "male"},
        "results": [result("calcium_total", "1.00", "mmol/L"), result("albumin", "5", "g/L")],
    },
    "one completed month is on either side of 31 days (DEC-47, DEC-53)": {
        "patient": {"age_months": 1, "sex": "female"},
        "options": {"critical_limits": "us_lab_by_age"},
        "results": [result("potassium", "6.11", "mmol/L", specimen={"kind": "serum"})],
    },
}


def disagreement(one: dict[str, Table], other: dict[str, Table]) -> str:
    """Where the reference interpreter (expected) and the engine (got) differ, in words."""
    alone = [f"{key}: only the {'reference' if key in one else 'engine'} has it" for key in one.keys() ^ other.keys()]
    both = {key: difference_of(one[key], other[key]) for key in one.keys() & other.keys()}
    return "\n    ".join(sorted([*alone, *(f"{key}: {words}" for key, words in both.items() if words)]))


@pytest.mark.parametrize("title", ONCE_DIFFERENT)
def test_where_they_once_differed_they_agree(title: str, oracle: Interpreter, engine: Interpreter) -> None:
    panel = {"id": "found", "patient": ADULT} | ONCE_DIFFERENT[title]
    assert disagreement(oracle([panel])[0], engine([panel])[0]) == ""


def test_they_agree_on_panels_made_by_chance(knowledge: Table, oracle: Interpreter, engine: Interpreter) -> None:
    panels = Generator(knowledge, seed=1).panels(400)
    answers = zip(panels, oracle(panels), engine(panels), strict=True)
    differing = [f"{panel}\n    {words}" for panel, one, other in answers if (words := disagreement(one, other))]
    assert not differing, "\n  ".join([f"{len(differing)} of {len(panels)} panels differ:", *differing])


def test_the_compiled_form_gives_the_bytes_of_a_walk_over_the_files(knowledge: Table, release: Release) -> None:
    panels = messages(Generator(knowledge, seed=2).panels(400))
    specs = messages([panel for spec in read_specs() for panel in spec.panels])
    assert specs
    assert differing(release, walked(release), [*panels, *specs]) == []


def test_panels_made_by_chance_reach_every_kind_of_answer(knowledge: Table, oracle: Interpreter) -> None:
    """A generator that made only dull panels would prove nothing."""
    entries = [entry for answer in oracle(Generator(knowledge, seed=1).panels(400)) for entry in answer.values()]
    reached = {(entry["state"], entry["class"]) for entry in entries}
    classes = ("low", "normal", "high", "indeterminate")
    assert {(state, class_) for state in ("interpreted", "conditional") for class_ in classes} <= reached
    assert {entry["critical"] for entry in entries} == {"yes", "no", "possible"}
    assert {entry["ctcae_grade"] for entry in entries} == {None, 0, 1, 2, 3, 4}
    assert {entry["refusal"] for entry in entries} >= {
        *("no_value", "code_invalid", "wrong_analyte", "value_not_numeric", "unit_missing", "unit_not_accepted"),
        *("unit_conflict", "value_implausible"),
    }
