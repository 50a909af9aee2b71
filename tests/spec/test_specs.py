"""Every case of every spec, answered by the reference interpreter, by the engine, and over gRPC by another process."""

from __future__ import annotations

import pytest

from tests.spec.interpreters import Interpreter, difference_of
from tests.spec.specs import KEYS, Spec, read_specs

SPECS = read_specs()


def test_no_two_specs_share_an_id() -> None:
    ids = [spec.id for spec in SPECS]
    assert sorted({id_ for id_ in ids if ids.count(id_) > 1}) == []


def test_no_spec_says_what_nothing_reads() -> None:
    assert {f"{spec.file} {spec.id}: {key}" for spec in SPECS for key in spec.table.keys() - KEYS} == set()


@pytest.mark.parametrize("spec", SPECS, ids=lambda spec: spec.id)
@pytest.mark.parametrize("interpreter", ["oracle", "engine", "wire"])
def test_every_case_is_answered_as_it_says(interpreter: str, spec: Spec, request: pytest.FixtureRequest) -> None:
    answer: Interpreter = request.getfixturevalue(interpreter)
    answers = [entries["value"] for entries in answer(spec.panels)]
    differing = [
        f"{value}: {difference}"
        for value, expected, got in zip(spec.values, spec.expected, answers, strict=True)
        if (difference := difference_of(expected, got))
    ]
    assert not differing, "\n  ".join([f"{len(differing)} of {len(answers)} cases of {spec.id} differ:", *differing])
